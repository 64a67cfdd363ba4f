#include "tests/reference/machine.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

constexpr int kMaxDepth = 200;

bool IsInexact(const ir::Op& op) {
  return op.def->tolerance.ulp != 0 || op.def->tolerance.rtol != 0;
}

bool AnyUndetermined(const Tensor& tensor) {
  return std::find(tensor.undetermined.begin(), tensor.undetermined.end(), true) !=
         tensor.undetermined.end();
}

void Blur(Tensors& tensors) {
  for (Tensor& tensor : tensors) tensor.undetermined.assign(tensor.data.size(), true);
}

// Sets the symbol that a lone symbol names.
void Bind(const ir::Expr& expr, int64_t value, std::vector<int64_t>& symbols) {
  if (expr.kind() == ir::Expr::Kind::kSymbol) symbols[expr.symbol().index()] = value;
}

// What a value tells of the symbols of its type.
void BindType(const ir::Type& type, const Tensor& value, std::vector<int64_t>& symbols) {
  if (type.kind() == ir::Type::Kind::kInt && !value.data.empty()) {
    Bind(type.value(), static_cast<int64_t>(value.data[0]), symbols);
  }
  if (!type.is_tensor()) return;
  const size_t rank = std::min(type.dims().size(), value.sizes.size());
  for (size_t d = 0; d < rank; ++d) Bind(type.dims()[d], value.sizes[d], symbols);
}

}  // namespace

// ---- Memory -------------------------------------------------------------------------------------

View Memory::Add(const Tensor& tensor) {
  View view = {storages_.size(), tensor.dtype, tensor.sizes, {}};
  const int64_t width = ir::BytesOf(tensor.dtype);
  storages_.emplace_back(tensor.data.size() * static_cast<size_t>(width));
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    view.places.push_back(static_cast<int64_t>(i) * width);
  }
  Write(view, tensor);
  return view;
}

View Memory::AddBits(ir::DType dtype, std::vector<int64_t> sizes, const void* data) {
  const auto n = static_cast<size_t>(Count(sizes));
  View view = Add({dtype, std::move(sizes), std::vector<Number>(n, 0)});
  WriteBits(view, data);
  return view;
}

Tensor Memory::Read(const View& view) const {
  Tensor tensor = {view.dtype, view.sizes, {}};
  const std::vector<Byte>& storage = storages_[view.storage];
  const auto width = static_cast<size_t>(ir::BytesOf(view.dtype));
  bool any = false;
  for (int64_t place : view.places) {
    unsigned char bits[16] = {};
    bool undetermined = false;
    for (size_t b = 0; b < width; ++b) {
      const Byte& byte = storage[static_cast<size_t>(place) + b];
      bits[b] = byte.bits;
      undetermined = undetermined || byte.undetermined;
    }
    tensor.data.push_back(NumberOf(ir::Scalar::Load(view.dtype, bits)));
    tensor.undetermined.push_back(undetermined);
    any = any || undetermined;
  }
  if (!any) tensor.undetermined.clear();
  return tensor;
}

void Memory::Write(const View& view, const Tensor& tensor) {
  const auto width = static_cast<size_t>(ir::BytesOf(view.dtype));
  for (size_t i = 0; i < view.places.size(); ++i) {
    unsigned char bits[16] = {};
    ScalarOf(view.dtype, tensor.data[i]).Store(bits);
    for (size_t b = 0; b < width; ++b) {
      storages_[view.storage][static_cast<size_t>(view.places[i]) + b] = {
          bits[b], i < tensor.undetermined.size() && tensor.undetermined[i]};
    }
  }
}

void Memory::WriteBits(const View& view, const void* data) {
  const auto width = static_cast<size_t>(ir::BytesOf(view.dtype));
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < view.places.size(); ++i) {
    for (size_t b = 0; b < width; ++b) {
      storages_[view.storage][static_cast<size_t>(view.places[i]) + b] = {bytes[i * width + b],
                                                                          false};
    }
  }
}

// ---- Machine ------------------------------------------------------------------------------------

bool RunsRegionOnce(const ir::Op& op) {
  return op.regions.size() == 1 && op.def->regions.size() == 1 && !op.def->has_callee &&
         !op.def->regions[0].variadic && !op.def->regions[0].refuses_writes.has_value();
}

Machine::Machine(const ir::Module* module) : module_(module) {
  if (module == nullptr) return;
  for (const ir::Global& global : module->globals) {
    Tensor value;
    bool known = global.type.is_tensor();
    if (known) value.dtype = global.type.dtype();
    for (const ir::Expr& dim : known ? global.type.dims() : ir::Dims()) {
      value.sizes.push_back(dim.Evaluate({}).value_or(0));
    }
    const auto* list = global.init.As<ir::AttrList>();
    for (size_t i = 0; i < static_cast<size_t>(Count(value.sizes)); ++i) {
      const ir::AttrValue* one = list == nullptr    ? &global.init
                                 : i < list->size() ? &(*list)[i]
                                                    : nullptr;
      const auto* scalar = one == nullptr ? nullptr : one->As<ir::Scalar>();
      known = known && scalar != nullptr;
      value.data.push_back(scalar == nullptr ? 0 : NumberOf(*scalar));
    }
    if (known) globals_[global.name] = std::move(value);
  }
}

Machine::Frame Machine::NewFrame(const ir::Function& function,
                                 std::span<const int64_t> symbols) const {
  Frame frame;
  frame.function = &function;
  frame.values.resize(function.values.size());
  frame.symbols.assign(symbols.begin(), symbols.end());
  frame.symbols.resize(function.symbols.size());
  return frame;
}

StatusOr<View> Machine::Operand(const Frame& frame, ir::ValueId id) {
  const ir::Value& value = frame.function->value(id);
  if (value.kind == ir::Value::Kind::kLiteral) {
    return memory_.Add({value.literal.dtype, {}, {NumberOf(value.literal)}});
  }
  const std::optional<View>& view = frame.values[id.index()];
  if (!view.has_value()) return Status(ErrorId::E510, Format("%{} is not known", value.name));
  return *view;
}

Status Machine::Run(Frame& frame, const ir::Op& op) {
  const ir::Effects& effects = op.def->effects;
  std::vector<View> operands;
  for (ir::ValueId id : op.operands) {
    GCOMP_ASSIGN_OR_RETURN(View view, Operand(frame, id));
    operands.push_back(std::move(view));
  }
  Tensors values;
  const bool all_views =
      op.results.size() == 1 && effects.alias_of[0] >= 0 && effects.write != ir::WriteKind::kData;
  if (!all_views) {
    GCOMP_ASSIGN_OR_RETURN(values, Values(frame, op, operands));
  }
  if (effects.write == ir::WriteKind::kData) {
    GCOMP_ENSURE(effects.writes == 1 && !values.empty(), "an op in place writes operand 0");
    memory_.Write(operands[0], values[0]);
  }
  for (size_t r = 0; r < op.results.size(); ++r) {
    std::optional<View>& result = frame.values[op.results[r].index()];
    const bool aliases = r < std::size(effects.alias_of) && effects.alias_of[r] >= 0;
    if (effects.write == ir::WriteKind::kData && r == 0 && aliases) {
      result = operands[0];
    } else if (aliases) {
      GCOMP_ASSIGN_OR_RETURN(result, ViewOf(frame, op, r, operands));
    } else if (r < values.size()) {
      result = memory_.Add(values[r]);
    } else {
      return Status(ErrorId::E510, Format("{} has more results", op.def->name));
    }
  }
  Learn(frame, op, memory_);
  return {};
}

void Machine::Learn(Frame& frame, const ir::Op& op, const Memory& memory) {
  if (op.defines.empty()) return;
  std::vector<int64_t> told = frame.symbols;
  for (ir::ValueId id : op.results) {
    const std::optional<View>& view = frame.values[id.index()];
    if (view) BindType(frame.function->value(id).type, memory.Read(*view), told);
  }
  for (ir::SymId id : op.defines) frame.symbols[id.index()] = told[id.index()];
}

// The handle of a result that lies in an operand.
StatusOr<View> Machine::ViewOf(const Frame& frame, const ir::Op& op, size_t result,
                               std::span<const View> operands) {
  const auto from = static_cast<size_t>(op.def->effects.alias_of[result]);
  const View& base = operands[from];
  if (op.def->effects.write == ir::WriteKind::kSwap) return base;
  if (op.def->name == "bitcast") {  // the same bytes, whatever they stand for
    View view = base;
    view.dtype = frame.function->value(op.results[result]).type.dtype();
    return view;
  }
  Tensors places;
  for (const View& operand : operands) places.push_back(memory_.Read(operand));
  places[from] = {ir::DType::kI64, base.sizes, {base.places.begin(), base.places.end()}};
  GCOMP_ASSIGN_OR_RETURN(Tensors moved, Evaluate(frame, op, places));
  View view = {base.storage, base.dtype, moved[result].sizes, {}};
  for (Number place : moved[result].data) view.places.push_back(static_cast<int64_t>(place));
  return view;
}

// What the op makes, as values: of an op in place, what it writes.
StatusOr<Tensors> Machine::Values(const Frame& frame, const ir::Op& op,
                                  std::span<const View> operands) {
  if (op.def->has_callee) return Call(frame, op, operands);
  if (RunsRegionOnce(op)) {
    return RunBody(NewFrame(*frame.function, frame.symbols), op.regions[0], operands);
  }
  Tensors read;
  bool undetermined = false;
  for (const View& operand : operands) {
    read.push_back(memory_.Read(operand));
    undetermined = undetermined || AnyUndetermined(read.back());
    read.back().undetermined.clear();
  }
  if (op.def->has_global) {
    if (op.def->effects.write == ir::WriteKind::kGlobal) {
      if (undetermined) Blur(read);
      globals_[op.callee] = read[0];
      return Tensors();
    }
    auto global = globals_.find(op.callee);
    if (global == globals_.end()) return Status(ErrorId::E510, "a global is not known");
    return One(global->second);
  }
  if (undetermined && !op.defines.empty()) {
    return Status(ErrorId::E510, "a size depends on what is undetermined");
  }
  GCOMP_ASSIGN_OR_RETURN(Tensors values, Evaluate(frame, op, read));
  if (IsInexact(op)) ++inexact_ops_;
  if (IsInexact(op) || undetermined) Blur(values);
  return values;
}

StatusOr<Tensors> Machine::Evaluate(const Frame& frame, const ir::Op& op,
                                    std::span<const Tensor> operands) {
  return reference::Evaluate(*frame.function, op, operands, frame.symbols, this);
}

StatusOr<Tensors> Machine::Call(const Frame& frame, const ir::Op& op,
                                std::span<const View> operands) {
  const ir::Function* callee = module_ == nullptr ? nullptr : module_->Find(op.callee);
  if (callee == nullptr || callee->params().size() != operands.size()) {
    return Status(ErrorId::E510, Format("@{} is not known", op.callee));
  }
  Frame inner = NewFrame(*callee, {});
  for (size_t i = 0; i < operands.size(); ++i) {
    BindType(callee->value(callee->params()[i]).type, memory_.Read(operands[i]), inner.symbols);
  }
  for (size_t i = 0; i < std::min(op.callee_sizes.size(), inner.symbols.size()); ++i) {
    inner.symbols[i] = op.callee_sizes[i].Evaluate(frame.symbols).value_or(0);
  }
  return RunBody(std::move(inner), callee->body, operands);
}

StatusOr<Tensors> Machine::RunBody(Frame frame, ir::BlockId block, std::span<const View> params) {
  if (depth_ >= kMaxDepth) return Status(ErrorId::E510, "too deep");
  const std::vector<ir::ValueId>& ids = frame.function->block(block).params;
  if (ids.size() != params.size()) return Status(ErrorId::E510, "a body has other parameters");
  const size_t before = memory_.count();
  for (size_t i = 0; i < ids.size(); ++i) {
    frame.values[ids[i].index()] = params[i];
    if (frame.function->value(ids[i]).type.kind() == ir::Type::Kind::kInt) {
      BindType(frame.function->value(ids[i]).type, memory_.Read(params[i]), frame.symbols);
    }
  }
  ++depth_;
  Status status = RunBlock(frame, block);
  --depth_;
  Tensors yields;
  for (ir::ValueId id : frame.function->block(block).yields) {
    if (!status.ok()) break;
    StatusOr<View> view = Operand(frame, id);
    if (view.ok()) {
      yields.push_back(memory_.Read(*view));
    } else {
      status = std::move(view).status();
    }
  }
  memory_.DropFrom(before);
  if (!status.ok()) return status;
  return yields;
}

Status Machine::RunBlock(Frame& frame, ir::BlockId block) {
  for (ir::OpId id : frame.function->block(block).ops) {
    GCOMP_RETURN_IF_ERROR(Run(frame, frame.function->op(id)));
  }
  return {};
}

StatusOr<Tensors> Machine::RunRegion(const ir::Function& function, ir::BlockId block,
                                     std::span<const Tensor> params,
                                     std::span<const int64_t> symbols) {
  const size_t before = memory_.count();
  std::vector<View> views;
  for (const Tensor& param : params) views.push_back(memory_.Add(param));
  StatusOr<Tensors> yields = RunBody(NewFrame(function, symbols), block, views);
  memory_.DropFrom(before);
  return yields;
}

}  // namespace gcomp::reference
