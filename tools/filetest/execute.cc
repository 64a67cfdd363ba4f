#include "tools/filetest/execute.h"

#include <xmmintrin.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/format.h"
#include "frontends/weights/safetensors.h"
#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/text.h"
#include "kernels/strided_copy.h"
#include "tools/filetest/compare.h"
#include "tools/filetest/op_diff.h"
#include "tools/filetest/random_data.h"
#include "tools/filetest/reference_diff.h"
#include "tools/filetest/shared_inputs.h"

namespace gcomp::filetest {
namespace {

constexpr uint64_t kMaxSeeds = 100;

// The parameters that a caller gives.
std::vector<const ir::Value*> Inputs(const ir::Function& function) {
  std::vector<const ir::Value*> inputs;
  for (ir::ValueId param : function.params()) {
    const ir::Value& value = function.value(param);
    if (!value.annotations.weight) inputs.push_back(&value);
  }
  return inputs;
}

// A `mut` parameter: the input that it is, or none for a buffer of the context.
struct MutParam {
  const ir::Value* value;
  std::optional<size_t> input;
};

std::vector<MutParam> MutParams(const ir::Function& function) {
  std::vector<MutParam> params;
  size_t next_input = 0;
  for (ir::ValueId param : function.params()) {
    const ir::Value& value = function.value(param);
    std::optional<size_t> input;
    if (!value.annotations.weight) input = next_input++;
    if (value.annotations.mut) params.push_back({&value, input});
  }
  return params;
}

// The results that a caller gets: those `into` a parameter are stored there.
std::vector<const ir::Result*> Outputs(const ir::Function& function) {
  std::vector<const ir::Result*> outputs;
  for (const ir::Result& result : function.results) {
    if (!result.annotations.into.valid()) outputs.push_back(&result);
  }
  return outputs;
}

// Adds the ops of `function`, of its regions and of its callees. Calls do not count themselves.
void CollectOps(const ir::Module& module, const ir::Function& function,
                std::vector<const ir::OpDef*>& ops) {
  for (ir::BlockId block : ir::LiveBlocks(function)) {
    for (ir::OpId id : function.block(block).ops) {
      const ir::Op& op = function.op(id);
      const ir::Function* callee = op.def->has_callee ? module.Find(op.callee) : nullptr;
      if (callee != nullptr) {
        CollectOps(module, *callee, ops);
      } else {
        ops.push_back(op.def);
      }
    }
  }
}

bool IsExact(const ir::OpDef& op) {
  return op.tolerance.ulp == 0 && op.tolerance.rtol == 0;
}

// The bound for results without a written one: equal bits where no result is a float or no op is
// documented with an error, the documented bound of a single op; else the bound must be written.
StatusOr<Bound> DefaultBound(const ir::Module& module, const ir::Function& function) {
  auto may_round = [](const ir::Type& type) {
    return !type.is_tensor() || ir::IsFloat(type.dtype());
  };
  bool has_float = false;
  for (const ir::Result& result : function.results) has_float |= may_round(result.type);
  for (const MutParam& param : MutParams(function)) has_float |= may_round(param.value->type);
  if (!has_float) return Bound();
  std::vector<const ir::OpDef*> ops;
  CollectOps(module, function, ops);
  if (std::all_of(ops.begin(), ops.end(), [](const ir::OpDef* op) { return IsExact(*op); })) {
    return Bound();
  }
  if (ops.size() == 1) {
    return Bound{.ulp = ops[0]->tolerance.ulp, .rscale = ops[0]->tolerance.rtol};
  }
  return Status(
      ErrorId::E701,
      Format("@{} has several ops, not all exact: write atol=, rtol= or ulp=", function.name));
}

// `atol=1e-6 ulp=2` at the end of a run: line; nullopt if nothing is written.
StatusOr<std::optional<Bound>> ReadBound(LiteralReader& reader) {
  std::optional<Bound> bound;
  while (!reader.AtEnd()) {
    std::string_view name = reader.TakeWord();
    bool known = name == "atol" || name == "rtol" || name == "ulp";
    if (!known || !reader.Take("=")) return reader.Fail("expected `,`, atol=, rtol= or ulp=");
    std::string text(reader.TakeWord());
    char* end = nullptr;
    double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(number >= 0)) return reader.Fail("expected a number");
    if (!bound) bound.emplace();
    (name == "atol" ? bound->atol : name == "rtol" ? bound->rtol : bound->ulp) = number;
  }
  return bound;
}

// The same values one element into a larger block: what asks for alignment past the element's
// fails.
StatusOr<Tensor> Misaligned(const Tensor& tensor) {
  GCOMP_ASSIGN_OR_RETURN(Tensor block, Tensor::Empty(tensor.dtype(), {tensor.NumElements() + 1}));
  int64_t bytes = ir::BytesOf(tensor.dtype());
  char* data = static_cast<char*>(block.data()) + bytes;
  std::copy_n(static_cast<const char*>(tensor.data()), tensor.NumElements() * bytes, data);
  auto* keep = new Tensor(std::move(block));
  return Tensor::Wrap(
      tensor.dtype(), tensor.sizes(), {}, data,
      [](void*, void* arg) noexcept { delete static_cast<Tensor*>(arg); }, keep);
}

StatusOr<Tensor> RowMajorCopy(const Tensor& tensor) {
  GCOMP_ASSIGN_OR_RETURN(Tensor copy, Tensor::Empty(tensor.dtype(), tensor.sizes()));
  kernels::StridedCopy::Make(tensor.sizes(), tensor.strides(), copy.strides(),
                             ir::BytesOf(tensor.dtype()))
      .Run(tensor.data(), copy.data());
  return copy;
}

// An output in the middle of memory that must stay as it is.
class GuardedOutput {
 public:
  static constexpr size_t kMargin = 256;
  static constexpr std::byte kSentinel{0xa5};

  static StatusOr<GuardedOutput> Like(const Tensor& tensor) {
    GuardedOutput output;
    auto bytes = static_cast<size_t>(tensor.NumElements() * ir::BytesOf(tensor.dtype()));
    output.memory_ = std::make_unique<std::vector<std::byte>>(bytes + 2 * kMargin, kSentinel);
    GCOMP_ASSIGN_OR_RETURN(output.tensor_, Tensor::Wrap(tensor.dtype(), tensor.sizes(), {},
                                                        output.memory_->data() + kMargin));
    return output;
  }

  const Tensor& tensor() const { return tensor_; }

  bool MarginsAreWhole() const {
    auto untouched = [](std::byte b) { return b == kSentinel; };
    return std::all_of(memory_->begin(), memory_->begin() + kMargin, untouched) &&
           std::all_of(memory_->end() - kMargin, memory_->end(), untouched);
  }

 private:
  std::unique_ptr<std::vector<std::byte>> memory_;
  Tensor tensor_;
};

// A caller whose floating-point environment flushes denormals and rounds up, for the life of the
// object.
class HostileCaller {
 public:
  HostileCaller() : saved_(_mm_getcsr()) { _mm_setcsr(kHostile); }

  ~HostileCaller() { _mm_setcsr(saved_); }

  HostileCaller(const HostileCaller&) = delete;
  HostileCaller& operator=(const HostileCaller&) = delete;

  // True if the environment is still that of the caller; what has happened (flags) is not part of
  // it.
  static bool IsKept() { return (_mm_getcsr() & ~kFlags) == kHostile; }

 private:
  // All exceptions masked, denormal operands are zeros, round up, flush to zero.
  static constexpr unsigned kHostile = 0x1f80 | 0x0040 | 0x4000 | 0x8000;
  static constexpr unsigned kFlags = 0x3f;
  unsigned saved_;
};

enum class Alignment : uint8_t { kWhole, kOfOneElement };

// Runs a function on copies of the inputs that it may write. Row-major copies of outputs that are
// not (views of an input) take their places; what each `mut` parameter holds then is appended.
Status Invoke(Context& context, const ir::Function& function, std::span<const Tensor> inputs,
              std::vector<Tensor>& outputs, Alignment alignment = Alignment::kWhole) {
  std::vector<Tensor> own(inputs.begin(), inputs.end());
  const std::vector<MutParam> params = MutParams(function);
  if (SharedOf(inputs)) {
    GCOMP_ASSIGN_OR_RETURN(own, CopyTogether(inputs));
  } else if (alignment == Alignment::kOfOneElement) {
    for (Tensor& input : own) {
      GCOMP_ASSIGN_OR_RETURN(input, Misaligned(input));
    }
  } else {
    for (const MutParam& param : params) {
      if (!param.input) continue;
      GCOMP_ASSIGN_OR_RETURN(own[*param.input], RowMajorCopy(own[*param.input]));
    }
  }
  GCOMP_RETURN_IF_ERROR(context.Run(own, outputs));
  for (Tensor& output : outputs) {
    if (output.IsContiguous()) continue;
    GCOMP_ASSIGN_OR_RETURN(output, RowMajorCopy(output));
  }
  for (const MutParam& param : params) {
    if (param.input) {
      outputs.push_back(own[*param.input]);
    } else {
      GCOMP_ASSIGN_OR_RETURN(Tensor buffer, context.Buffer(param.value->name));
      GCOMP_ASSIGN_OR_RETURN(buffer, RowMajorCopy(buffer));  // a later run changes it
      outputs.push_back(std::move(buffer));
    }
  }
  return {};
}

// The same in a context of its own.
Status Invoke(const std::shared_ptr<Session>& session, const ir::Function& function,
              std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
              Alignment alignment = Alignment::kWhole) {
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Create(session, function.name));
  return Invoke(*context, function, inputs, outputs, alignment);
}

// "result 1", or "%x after the run" behind the results.
std::string NameOfOutput(const ir::Function& function, size_t i) {
  const size_t outputs = Outputs(function).size();
  if (i < outputs) return Format("result {}", i);
  const std::vector<MutParam> params = MutParams(function);
  return i - outputs < params.size() ? Format("%{} after the run", params[i - outputs].value->name)
                                     : Format("value {}", i);
}

// An expected tensor that is not defined stands for any.
void CompareAll(const ir::Function& function, std::string_view what, std::span<const Tensor> got,
                std::span<const Tensor> expected, const Bound& bound,
                std::vector<std::string>& problems) {
  if (got.size() != expected.size()) {
    problems.push_back(Format("{}{} results, expected {}", what, got.size(), expected.size()));
    return;
  }
  for (size_t i = 0; i < got.size(); ++i) {
    if (!expected[i].defined()) continue;
    std::string mismatch = FirstMismatch(got[i], expected[i], bound);
    if (mismatch.empty()) continue;
    problems.push_back(Format("{}{}: {}", what, NameOfOutput(function, i), mismatch));
  }
}

}  // namespace

// A function and its arguments, as written.
struct Executor::Call {
  const ir::Function* function = nullptr;
  std::vector<Tensor> inputs;
  SymbolValues symbols;
};

StatusOr<std::shared_ptr<const WeightStore>> Executor::Weights() const {
  const Directive* directive = test_.Find("weights");
  if (directive == nullptr) return std::shared_ptr<const WeightStore>();
  return OpenSafetensors(path_.substr(0, path_.rfind('/') + 1) + directive->text);
}

StatusOr<Executor::Variant> Executor::Load(const std::shared_ptr<Engine>& engine, Tier tier,
                                           const std::string& text, std::string label) const {
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> weights, Weights());
  auto load = [&]() -> StatusOr<std::shared_ptr<Session>> {
    ir::Diagnostics diagnostics(path_, text);
    ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
    GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
    return Session::Load(engine, std::move(module), weights, {.tier = tier});
  };
  Variant variant{.label = std::move(label)};
  GCOMP_ASSIGN_OR_RETURN(variant.session, load());
  HostileCaller caller;
  GCOMP_ASSIGN_OR_RETURN(variant.hostile, load());
  return variant;
}

Status Executor::LoadVariants() {
  if (!variants_.empty()) return {};
  std::vector<Variant> variants;
  for (const std::shared_ptr<Engine>& engine : engines_) {
    for (Tier tier : tiers_) {
      const std::string label = Format("{} {}", NameOf(engine->cpu()), NameOf(tier));
      GCOMP_ASSIGN_OR_RETURN(Variant variant, Load(engine, tier, test_.text, label));
      variants.push_back(std::move(variant));
      if (rewritten_.empty()) continue;
      GCOMP_ASSIGN_OR_RETURN(variant, Load(engine, tier, rewritten_, label + " after the passes"));
      variants.push_back(std::move(variant));
    }
  }
  variants_ = std::move(variants);
  return {};
}

StatusOr<const ir::Function*> Executor::FindFunction(LiteralReader& reader) const {
  if (!reader.Take("@")) return reader.Fail("expected `@` and the name of a function");
  std::string name(reader.TakeWord());
  const ir::Function* function = module_.Find(name);
  if (function == nullptr) return Status(ErrorId::E703, Format("no function @{}", name));
  return function;
}

StatusOr<Executor::Call> Executor::ReadCall(LiteralReader& reader) const {
  Call call;
  GCOMP_ASSIGN_OR_RETURN(call.function, FindFunction(reader));
  call.symbols.resize(call.function->symbols.size());
  std::vector<const ir::Value*> params = Inputs(*call.function);
  std::vector<Literal> arguments;
  if (!reader.Take("(")) return reader.Fail("expected `(`");
  while (!reader.Take(")")) {
    if (!arguments.empty() && !reader.Take(",")) return reader.Fail("expected `,` or `)`");
    GCOMP_ASSIGN_OR_RETURN(Literal argument, reader.Read());
    arguments.push_back(std::move(argument));
  }
  if (arguments.size() != params.size()) {
    return Status(ErrorId::E702, Format("{} arguments for @{}, which has {} inputs",
                                        arguments.size(), call.function->name, params.size()));
  }
  for (size_t i = 0; i < params.size(); ++i) {
    StatusOr<Tensor> input = MakeTensor(arguments[i], params[i]->type, call.symbols);
    if (!input.ok()) {
      return std::move(input).status().AddNote(Format("for argument %{}", params[i]->name));
    }
    call.inputs.push_back(*std::move(input));
  }
  return call;
}

// `== VALUE, ...` and `leaves %x = VALUE, ...`: for each output and each `mut` parameter a tensor,
// undefined where nothing is said of a parameter.
StatusOr<std::vector<Tensor>> Executor::ReadExpected(LiteralReader& reader, Call& call) const {
  const std::vector<const ir::Result*> outputs = Outputs(*call.function);
  std::vector<Literal> values;
  if (reader.Take("==")) {
    while (!reader.AtEnd() && (values.empty() || reader.Take(","))) {
      GCOMP_ASSIGN_OR_RETURN(Literal value, reader.Read());
      values.push_back(std::move(value));
    }
  } else if (!outputs.empty()) {
    return reader.Fail("expected `==`");
  }
  if (values.size() != outputs.size()) {
    return Status(ErrorId::E701, Format("{} values for @{}, which has {} results", values.size(),
                                        call.function->name, outputs.size()));
  }
  std::vector<Tensor> expected;
  for (size_t i = 0; i < values.size(); ++i) {
    StatusOr<Tensor> value = MakeTensor(values[i], outputs[i]->type, call.symbols);
    if (!value.ok()) return std::move(value).status().AddNote(Format("for result {}", i));
    expected.push_back(*std::move(value));
  }
  const std::vector<MutParam> params = MutParams(*call.function);
  expected.resize(outputs.size() + params.size());
  if (!reader.Take("leaves")) return expected;
  do {
    if (!reader.Take("%")) return reader.Fail("expected `%` and the name of a parameter");
    const std::string name(reader.TakeWord());
    auto param = std::find_if(params.begin(), params.end(),
                              [&](const MutParam& each) { return each.value->name == name; });
    if (param == params.end()) {
      return Status(ErrorId::E703,
                    Format("@{} has no `mut` parameter %{}", call.function->name, name));
    }
    if (!reader.Take("=")) return reader.Fail("expected `=`");
    Tensor& tensor = expected[outputs.size() + static_cast<size_t>(param - params.begin())];
    if (tensor.defined()) return reader.Fail(Format("%{} is named twice", name));
    GCOMP_ASSIGN_OR_RETURN(Literal literal, reader.Read());
    StatusOr<Tensor> value = MakeTensor(literal, param->value->type, call.symbols);
    if (!value.ok()) return std::move(value).status().AddNote(Format("for %{}", name));
    tensor = *std::move(value);
  } while (reader.Take(","));
  return expected;
}

// A context per variant for a run:, the ones of the run before it for a run-again:.
Status Executor::PrepareContexts(const ir::Function& function, bool again) {
  if (again) {
    if (ran_ == &function) return {};
    return Status(ErrorId::E701, Format("no run: of @{} stands right before", function.name));
  }
  ran_ = nullptr;
  contexts_.clear();
  for (const Variant& variant : variants_) {
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context,
                           Context::Create(variant.session, function.name));
    contexts_.push_back(std::move(context));
  }
  ran_ = &function;
  return {};
}

Status Executor::CheckRun(const Directive& directive, bool again,
                          std::vector<std::string>& problems) {
  GCOMP_RETURN_IF_ERROR(LoadVariants());
  LiteralReader reader(directive.text);
  GCOMP_ASSIGN_OR_RETURN(Call call, ReadCall(reader));
  const ir::Function& function = *call.function;
  GCOMP_RETURN_IF_ERROR(PrepareContexts(function, again));
  GCOMP_ASSIGN_OR_RETURN(const std::vector<Tensor> expected, ReadExpected(reader, call));
  GCOMP_ASSIGN_OR_RETURN(std::optional<Bound> written, ReadBound(reader));
  Bound bound;
  if (written) {
    bound = *written;
  } else {
    GCOMP_ASSIGN_OR_RETURN(bound, DefaultBound(module_, function));
  }
  for (const std::vector<Tensor>& tensors : {expected, call.inputs}) {
    for (const Tensor& tensor : tensors) {
      if (tensor.defined()) bound.scale = std::max(bound.scale, LargestMagnitude(tensor));
    }
  }
  std::vector<Tensor> first;
  for (size_t i = 0; i < variants_.size(); ++i) {
    std::vector<Tensor> got;
    GCOMP_RETURN_IF_ERROR(Invoke(*contexts_[i], function, call.inputs, got));
    if (i == 0) {
      CompareAll(function, "", got, expected, bound, problems);
      first = std::move(got);
    } else {
      CompareAll(function, Format("{} against {}: ", variants_[i].label, variants_[0].label), got,
                 first, {}, problems);
    }
  }
  return {};
}

Status Executor::CheckRunError(const Directive& directive, std::vector<std::string>& problems) {
  GCOMP_RETURN_IF_ERROR(LoadVariants());
  LiteralReader reader(directive.text);
  GCOMP_ASSIGN_OR_RETURN(Call call, ReadCall(reader));
  std::string id(reader.TakeWord());
  std::string_view words = reader.Rest();
  for (const Variant& variant : variants_) {
    std::vector<Tensor> outputs;
    Status status = Invoke(variant.session, *call.function, call.inputs, outputs);
    if (status.ok()) {
      problems.push_back(Format("{}: the run succeeds, expected {}", variant.label, id));
    } else if (InfoOf(status.id()).name != id ||
               status.ToString().find(words) == std::string::npos) {
      problems.push_back(Format("{}: the run fails with `{}`, expected {} {}", variant.label,
                                status.ToString(), id, words));
    }
  }
  return {};
}

Status Executor::DiffVariants(const ir::Function& function, std::span<const Tensor> inputs,
                              const std::string& label, std::vector<Tensor>& first,
                              std::vector<std::string>& problems) const {
  const std::vector<const ir::Result*> results = Outputs(function);
  for (const Variant& variant : variants_) {
    std::string where = label + variant.label;
    std::vector<Tensor> got;
    GCOMP_RETURN_IF_ERROR(Invoke(variant.session, function, inputs, got));
    if (&variant == &variants_[0]) first = got;
    CompareAll(function, where + ": ", got, first, {}, problems);
    std::vector<std::optional<GuardedOutput>> guarded(results.size());
    std::vector<Tensor> into(results.size());
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i]->annotations.alias.valid()) continue;  // lies in an input
      GCOMP_ASSIGN_OR_RETURN(guarded[i], GuardedOutput::Like(first[i]));
      into[i] = guarded[i]->tensor();
    }
    GCOMP_RETURN_IF_ERROR(
        Invoke(variant.session, function, inputs, into, Alignment::kOfOneElement));
    CompareAll(function, where + ", misaligned inputs: ", into, first, {}, problems);
    GCOMP_RETURN_IF_ERROR(DiffHostile(variant, function, inputs, first, where, problems));
    for (size_t i = 0; i < guarded.size(); ++i) {
      if (!guarded[i] || guarded[i]->MarginsAreWhole()) continue;
      problems.push_back(Format("{}: memory around result {} is written", where, i));
    }
  }
  return {};
}

Status Executor::DiffHostile(const Variant& variant, const ir::Function& function,
                             std::span<const Tensor> inputs, std::span<const Tensor> expected,
                             const std::string& where, std::vector<std::string>& problems) const {
  std::vector<Tensor> got;
  bool kept = false;
  {
    HostileCaller caller;
    GCOMP_RETURN_IF_ERROR(Invoke(variant.hostile, function, inputs, got));
    kept = HostileCaller::IsKept();
  }
  CompareAll(function, where + ", hostile environment: ", got, expected, {}, problems);
  if (!kept) problems.push_back(where + ": the caller's floating-point environment is changed");
  return {};
}

Status Executor::DiffOnce(const ir::Function& function, const SymbolValues& symbols, uint64_t seed,
                          RandomKind kind, std::vector<std::string>& problems) {
  std::string label = Format("seed {}, {} data: ", seed, NameOf(kind));
  Literal random;
  random.kind = Literal::Kind::kRandom;
  std::vector<Tensor> inputs;
  SymbolValues bound = symbols;
  for (const ir::Value* param : Inputs(function)) {
    GCOMP_ASSIGN_OR_RETURN(Tensor input, MakeTensor(random, param->type, bound));
    FillRandom(kind, seed * 1000 + inputs.size(), input.dtype(), input.NumElements(), input.data());
    inputs.push_back(std::move(input));
  }
  std::vector<int64_t> values;
  for (const std::optional<int64_t>& symbol : bound) values.push_back(symbol.value_or(0));
  GCOMP_RETURN_IF_ERROR(DiffInputs(function, values, inputs, label, problems));
  std::vector<CpuLevel> levels;
  for (const std::shared_ptr<Engine>& engine : engines_) levels.push_back(engine->cpu());
  GCOMP_ASSIGN_OR_RETURN(std::vector<std::string> differences,
                         DiffOps(function, values, kind, seed, levels));
  for (std::string& difference : differences) problems.push_back(label + difference);
  GCOMP_ASSIGN_OR_RETURN(std::optional<std::vector<Tensor>> overlaid,
                         Overlaid(function, inputs, seed));
  if (!overlaid) return {};
  return DiffInputs(function, values, *overlaid, label + "inputs that overlap: ", problems);
}

Status Executor::DiffInputs(const ir::Function& function, std::span<const int64_t> symbols,
                            std::span<const Tensor> inputs, const std::string& label,
                            std::vector<std::string>& problems) {
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(DiffVariants(function, inputs, label, outputs, problems));
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> weights, Weights());
  GCOMP_ASSIGN_OR_RETURN(
      std::vector<std::string> differences,
      DiffReference(engines_[0], test_.text, weights, function, inputs, symbols, outputs));
  for (std::string& difference : differences) problems.push_back(label + difference);
  // Ops of a kernel that can't be compiled run one by one, with the right bits.
  for (const std::shared_ptr<Engine>& engine : engines_) {
    for (const Event& event : engine->events().Snapshot()) {
      if (event.reason != Reason::kCompileFailed) continue;
      problems.push_back(Format("{}compile_failed {}: {}", label, event.subject, event.detail));
    }
  }
  return {};
}

StatusOr<Executor::DiffRequest> Executor::ReadDiff(LiteralReader& reader) const {
  DiffRequest request;
  GCOMP_ASSIGN_OR_RETURN(request.function, FindFunction(reader));
  size_t num_symbols = request.function->symbols.size();
  while (!reader.AtEnd()) {
    if (reader.Take("sizes=(")) {
      request.size_sets.emplace_back(num_symbols);
      while (!reader.Take(")")) {
        if (reader.Take(",")) request.size_sets.emplace_back(num_symbols);
        ir::SymId symbol = request.function->FindSymbol(reader.TakeWord());
        if (!symbol.valid() || !reader.Take("=")) return reader.Fail("expected SYMBOL=SIZE");
        GCOMP_ASSIGN_OR_RETURN(uint64_t size, reader.ReadUnsigned());
        request.size_sets.back()[symbol.index()] = static_cast<int64_t>(size);
      }
    } else if (reader.Take("seeds=")) {
      GCOMP_ASSIGN_OR_RETURN(request.seeds, reader.ReadUnsigned());
      if (request.seeds == 0 || request.seeds > kMaxSeeds) return reader.Fail("seeds is 1 to 100");
    } else {
      return reader.Fail("expected sizes=(..) or seeds=");
    }
  }
  if (request.size_sets.empty()) request.size_sets.emplace_back(num_symbols);
  return request;
}

Status Executor::CheckDiff(const Directive& directive, std::vector<std::string>& problems) {
  GCOMP_RETURN_IF_ERROR(LoadVariants());
  LiteralReader reader(directive.text);
  GCOMP_ASSIGN_OR_RETURN(DiffRequest request, ReadDiff(reader));
  const ir::Function& function = *request.function;
  for (const SymbolValues& symbols : request.size_sets) {
    std::string name = Format("@{}", function.name);
    for (size_t i = 0; i < symbols.size(); ++i) {
      if (symbols[i]) name += Format(" {}={}", function.symbols[i].name, *symbols[i]);
    }
    std::vector<std::string> found;
    for (uint64_t seed = 1; seed <= request.seeds; ++seed) {
      for (RandomKind kind : {RandomKind::kTypical, RandomKind::kSpecial, RandomKind::kInfinite}) {
        GCOMP_RETURN_IF_ERROR(DiffOnce(function, symbols, seed, kind, found));
      }
    }
    for (const std::string& problem : found) problems.push_back(Format("{}: {}", name, problem));
  }
  return {};
}

std::vector<std::string> Executor::Run(const Directive& directive) {
  std::vector<std::string> problems;
  Status status = CheckRun(directive, directive.name == "run-again", problems);
  if (!status.ok()) problems.push_back(status.ToString());
  return problems;
}

std::vector<std::string> Executor::RunError(const Directive& directive) {
  std::vector<std::string> problems;
  Status status = CheckRunError(directive, problems);
  if (!status.ok()) problems.push_back(status.ToString());
  return problems;
}

std::vector<std::string> Executor::Diff(const Directive& directive) {
  std::vector<std::string> problems;
  Status status = CheckDiff(directive, problems);
  if (!status.ok()) problems.push_back(status.ToString());
  return problems;
}

}  // namespace gcomp::filetest
