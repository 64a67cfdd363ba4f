#include "jit/llvm/compile_kernels.h"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "jit/llvm/compile_thread.h"
#include "jit/llvm/emit_kernel.h"

namespace gcomp::codegen {
namespace {

// Symbols of kernels of many ops say no more than the first ones.
constexpr size_t kMaxSymbol = 120;

// "main: mul, relu" as "gcomp.main.mul.relu".
std::string SymbolFor(const std::string& name) {
  std::string symbol = "gcomp";
  bool apart = true;
  for (char c : name.substr(0, kMaxSymbol)) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (word && apart) symbol += '.';
    if (word) symbol += c;
    apart = !word;
  }
  return symbol;
}

// The kernels of one module, and what came of it.
struct Group {
  std::vector<size_t> kernels;  // indices
  size_t nodes = 0;             // of them all: what compiling costs, roughly
  std::vector<std::string> symbols;
  std::shared_ptr<const LoadedCode> code;
  Status status;
};

// Groups of about equal cost.
std::vector<Group> MakeGroups(std::span<const KernelSource> kernels, size_t count) {
  std::vector<Group> groups(std::min(count, kernels.size()));
  std::vector<Group> alone;
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (kernels[i].dump != nullptr) {
      alone.emplace_back().kernels = {i};
      continue;
    }
    Group& group =
        *std::min_element(groups.begin(), groups.end(),
                          [](const Group& a, const Group& b) { return a.nodes < b.nodes; });
    group.kernels.push_back(i);
    group.nodes += kernels[i].fused->nodes.size();
  }
  std::erase_if(groups, [](const Group& group) { return group.kernels.empty(); });
  groups.insert(groups.end(), std::make_move_iterator(alone.begin()),
                std::make_move_iterator(alone.end()));
  return groups;
}

// On a CompileThread: what is of LLVM is made here.
Status CompileGroup(LlvmEngine& engine, std::span<const KernelSource> kernels, Group& group) {
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("gcomp", *context);
  CompileOptions options;
  GCOMP_RETURN_IF_ERROR(CallLlvm([&] {
    for (size_t i : group.kernels) {
      const KernelSource& kernel = kernels[i];
      group.symbols.push_back(
          EmitKernel(*kernel.fused, kernel.schedule, SymbolFor(kernel.name), *module));
      if (kernel.fault != CompileFault::kNone) options.fault = kernel.fault;
      options.dump = kernel.dump;
    }
  }));
  GCOMP_ASSIGN_OR_RETURN(group.code,
                         engine.Compile(std::move(context), std::move(module), options));
  return {};
}

// At most `threads` at the same time.
void CompileGroups(LlvmEngine& engine, std::span<const KernelSource> kernels, size_t threads,
                   std::span<Group> groups) {
  for (size_t begin = 0; begin < groups.size(); begin += threads) {
    std::span<Group> some = groups.subspan(begin, std::min(threads, groups.size() - begin));
    std::vector<std::unique_ptr<CompileThread>> running;
    for (Group& group : some) {
      running.push_back(std::make_unique<CompileThread>(
          [&engine, kernels, &group] { return CompileGroup(engine, kernels, group); }));
    }
    for (size_t i = 0; i < some.size(); ++i) some[i].status = running[i]->Wait();
  }
}

}  // namespace

std::vector<StatusOr<KernelCode>> CompileKernels(LlvmEngine& engine,
                                                 std::span<const KernelSource> kernels,
                                                 size_t threads) {
  std::vector<Group> groups = MakeGroups(kernels, threads);
  CompileGroups(engine, kernels, threads, groups);
  std::vector<Group> again;
  for (Group& group : groups) {
    if (group.status.ok() || group.kernels.size() == 1) continue;
    for (size_t i : group.kernels) again.emplace_back().kernels = {i};
    group.kernels.clear();
  }
  CompileGroups(engine, kernels, threads, again);
  groups.insert(groups.end(), std::make_move_iterator(again.begin()),
                std::make_move_iterator(again.end()));

  // Those that fail are alone by now.
  std::vector<Group*> group_of(kernels.size());
  for (Group& group : groups) {
    for (size_t i : group.kernels) group_of[i] = &group;
  }
  std::vector<StatusOr<KernelCode>> codes;
  for (size_t i = 0; i < kernels.size(); ++i) {
    Group& group = *group_of[i];
    if (!group.status.ok()) {
      codes.push_back(std::move(group.status));
      continue;
    }
    const auto place = std::find(group.kernels.begin(), group.kernels.end(), i);
    codes.push_back(
        KernelCode{group.code, group.symbols[static_cast<size_t>(place - group.kernels.begin())]});
  }
  return codes;
}

}  // namespace gcomp::codegen
