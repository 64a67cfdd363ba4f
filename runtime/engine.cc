#include "runtime/engine.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "base/format.h"
#include "base/guarded.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"
#include "runtime/engine_impl.h"

namespace gcomp {
namespace {

constexpr std::pair<Tier, std::string_view> kTiers[] = {
    {Tier::kAuto, "auto"}, {Tier::kInterp, "interp"}, {Tier::kCompiled, "compiled"}};

// With threads, an op of so many elements is worth a compiled kernel even alone: some 20 us of
// work.
constexpr int64_t kSplitElements = int64_t{1} << 16;

}  // namespace

std::string_view NameOf(Tier tier) {
  for (const auto& [each, name] : kTiers) {
    if (each == tier) return name;
  }
  return "";
}

std::optional<Tier> TierOf(std::string_view name) {
  for (const auto& [tier, each] : kTiers) {
    if (each == name) return tier;
  }
  return std::nullopt;
}

Engine::Engine(const EngineOptions& options, CpuLevel cpu)
    : ops_(kernels::AllOps()),
      cpu_(cpu),
      log_(options.log),
      events_(options.event_capacity),
      impl_(new Impl{.engine = *this,
                     .options = {.cpu = cpu, .lanes = options.vector_lanes},
                     .factory = options.compiler_factory,
                     .pool = nullptr,
                     .made = {},
                     .made_compiler = nullptr}) {}

Engine::~Engine() = default;

StatusOr<std::shared_ptr<Engine>> Engine::Create(const EngineOptions& options) {
  return Guarded([&] { return CreateUnguarded(options); });
}

StatusOr<std::shared_ptr<Engine>> Engine::CreateUnguarded(const EngineOptions& options) {
  GCOMP_ASSIGN_OR_RETURN(CpuLevel cpu, DetectCpuLevel());
  if (options.cpu && *options.cpu > cpu) {
    return Status(ErrorId::E901,
                  Format("kernels for {} are asked for; this machine, with GCOMP_CPU, "
                         "offers {}",
                         NameOf(*options.cpu), NameOf(cpu)));
  }
  std::shared_ptr<Engine> engine(new Engine(options, options.cpu.value_or(cpu)));
  for (const ir::OpDef* op : options.extension_ops) GCOMP_RETURN_IF_ERROR(engine->ops_.Add(op));
  if (options.threads != 1) {
    Impl& impl = *engine->impl_;
    GCOMP_ASSIGN_OR_RETURN(impl.pool, ThreadPool::Create(options.threads));
    impl.options.pool = impl.pool.get();
    if (impl.pool->threads() > 1) impl.options.fusion.alone_from = kSplitElements;
  }
  return engine;
}

codegen::Compiler* Engine::Impl::compiler() {
  std::call_once(made, [this] {
    StatusOr<std::unique_ptr<codegen::Compiler>> result =
        factory != nullptr ? factory->Make(options) : codegen::Compiler::Create(options);
    if (result.ok()) {
      made_compiler = *std::move(result);
    } else {
      engine.Tell(LogLevel::kWarning, Reason::kCompileFailed, "engine",
                  "the compiled tier is the interpreter: " + result.status().ToString());
    }
  });
  return made_compiler.get();
}

bool Engine::CanCompile() const {
  return impl_->compiler() != nullptr;
}

void Engine::Tell(LogLevel level, Reason reason, std::string subject, std::string detail) {
  if (log_.enabled(level)) {
    log_.Write(level, Format("{} {}: {}", InfoOf(reason).name, subject, detail));
  }
  events_.Add(reason, std::move(subject), std::move(detail));
}

namespace {

StatusOr<std::string> ReadAll(const std::string& path) {
  constexpr size_t kMaxBytes = size_t{1} << 30;
  std::FILE* opened = path == "-" ? nullptr : std::fopen(path.c_str(), "rb");
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> owned(opened, std::fclose);
  std::FILE* file = path == "-" ? stdin : opened;
  if (file == nullptr) return Status(ErrorId::E601, Format("{} can't be opened", path));
  std::string text;
  char buffer[1 << 16];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, got);
    if (text.size() > kMaxBytes) {
      return Status(ErrorId::E802, Format("{} is longer than {} bytes", path, kMaxBytes));
    }
  }
  if (std::ferror(file) != 0) return Status(ErrorId::E601, Format("{} can't be read", path));
  return text;
}

}  // namespace

StatusOr<ir::Module> ParseModule(const Engine& engine, std::string_view text,
                                 const std::string& name, std::string* report) {
  return Guarded([&]() -> StatusOr<ir::Module> {
    ir::Diagnostics diagnostics(name, text);
    ir::Module module = ir::Parse(text, engine.ops(), diagnostics);
    if (diagnostics.ok()) ir::Verify(module, diagnostics);
    if (!diagnostics.ok()) {
      if (report != nullptr) *report = diagnostics.Render();
      return diagnostics.ToStatus();
    }
    return module;
  });
}

StatusOr<ir::Module> LoadModule(const Engine& engine, const std::string& path,
                                std::string* report) {
  return Guarded([&]() -> StatusOr<ir::Module> {
    StatusOr<std::string> text = ReadAll(path);
    if (!text.ok()) {
      if (report != nullptr) *report = text.status().ToString();
      return std::move(text).status();
    }
    return ParseModule(engine, *text, path == "-" ? "<stdin>" : path, report);
  });
}

}  // namespace gcomp
