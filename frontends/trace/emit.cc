// How ops come into the graph that is being traced.
#include <algorithm>
#include <bit>

#include "base/format.h"
#include "frontends/trace/tracer.h"
#include "ir/op_def.h"
#include "ir/suggest.h"

namespace gcomp::internal {

using ir::DType;
using ir::Expr;
using ir::OpDef;
using ir::Scalar;
using ir::SymId;
using ir::Type;
using ir::ValueId;

namespace {

constexpr uint32_t kNoNode = UINT32_MAX;

bool IsNumber(const Array& array) {
  switch (array.kind()) {
    case Array::Kind::kInt:
    case Array::Kind::kFloat:
    case Array::Kind::kBool:
    case Array::Kind::kSize:
      return true;
    default:
      return false;
  }
}

DType DefaultDType(Array::Kind kind) {
  if (kind == Array::Kind::kFloat) return DType::kF32;
  return kind == Array::Kind::kBool ? DType::kBool : DType::kI64;
}

std::optional<Scalar> ScalarOf(Array::Kind kind, uint64_t bits, DType dtype) {
  switch (kind) {
    case Array::Kind::kFloat:
      return Scalar::FromDouble(dtype, std::bit_cast<double>(bits));
    case Array::Kind::kBool:
      if (dtype == DType::kBool) return Scalar::FromBool(bits != 0);
      return std::nullopt;
    default:
      if (dtype == DType::kBool) return std::nullopt;
      return Scalar::FromInt(dtype, static_cast<int64_t>(bits));
  }
}

Status UnknownOp(const ir::OpRegistry& ops, std::string_view name) {
  ir::Suggestion suggestion(name);
  for (const OpDef* def : ops.ops()) suggestion.Consider(def->name);
  return Status(ErrorId::E510, Format("op {} is not known{}", name, suggestion.Text()));
}

}  // namespace

// The dtype that the record and the other operands give a number (docs/spec/ir.md rule 10).
std::optional<DType> Tracer::NumberDType(const OpDef& def, const OpCall& call, size_t group) {
  const ir::DTypeSet allowed = def.operands[group].dtypes;
  if (allowed.Count() == 1) return allowed.First();
  std::optional<DType> other;
  for (size_t g = 0; g < call.groups.size(); ++g) {
    for (const Array& array : call.groups[g]) {
      if (array.absent() || IsNumber(array)) continue;
      const Type type = TypeOf(array);
      if (!type.is_tensor()) continue;
      if (def.operands[g].dtypes == allowed) return type.dtype();
      const bool fits = def.operands[g].dtypes.Count() > 1 && allowed.Has(type.dtype());
      if (fits && !other.has_value()) other = type.dtype();
    }
  }
  if (other.has_value()) return other;
  if (!call.result_types.empty() && call.result_types[0].is_tensor()) {
    return call.result_types[0].dtype();
  }
  return std::nullopt;
}

// A size as i64[]. Sizes of tensors are known in all regions; a number read from data is a value of
// the block that read it, and enters regions as an operand.
Array Tracer::SizeValue(const Expr& size) {
  Frame* home = nullptr;
  size.ForEachSymbol([&](SymId id) {
    auto number = std::find_if(numbers_.begin(), numbers_.end(),
                               [&](const auto& known) { return known.first == id; });
    if (number == numbers_.end()) return;
    for (Frame* f = frames_.back().get(); f != nullptr; f = f->parent) {
      if (f->id != number->second) continue;
      if (home == nullptr || f->id > home->id) home = f;
    }
  });
  OpCall call;
  call.attrs.emplace_back("value", size);
  if (home == nullptr || home == &frame()) return Emit1("sym.value", std::move(call));
  for (const NumberValue& known : number_values_) {
    if (known.frame_id == home->id && known.value == size) return Handle(known.node);
  }
  ir::OpArgs args;
  args.attrs = std::move(call.attrs);
  StatusOr<std::vector<ValueId>> ids = home->builder->Add("sym.value", std::move(args));
  if (!ids.ok()) return Fail(std::move(ids).status());
  const ir::Value& value = home->function->value((*ids)[0]);
  storage_frames_.push_back(home->id);
  nodes_.push_back(
      {home->id, (*ids)[0], static_cast<uint32_t>(storage_frames_.size() - 1), value.name});
  const uint32_t node = static_cast<uint32_t>(nodes_.size() - 1);
  number_values_.push_back({home->id, size, node});
  return Handle(node);
}

Array Tracer::Traced(const Array& array) {
  if (!ok()) return array;
  switch (array.kind()) {
    case Array::Kind::kTraced:
      if (array.bits_ == id_) return array;
      return Fail(Status(ErrorId::E106,
                         "a value of another trace, which has ended or is around "
                         "this one, is used here: pass it as an argument"));
    case Array::Kind::kConcrete:
      return CaptureTensor(array.rep_->tensor);
    case Array::Kind::kInt:
    case Array::Kind::kFloat:
    case Array::Kind::kBool: {
      DType dtype = DefaultDType(array.kind_);
      std::optional<Scalar> scalar = ScalarOf(array.kind_, array.bits_, dtype);
      if (!scalar.has_value()) return Fail(Status(ErrorId::E999, "broken invariant: number"));
      OpCall call;
      call.attrs.emplace_back("v", *scalar);
      call.result_types.push_back(Type::Tensor(dtype, {}));
      return Emit1("const", std::move(call));
    }
    case Array::Kind::kSize:
      return SizeValue(array.rep_->size.expr());
    case Array::Kind::kType:
      return Fail(Status(ErrorId::E705, Format("an example argument ({}) is used in a graph that "
                                               "does not have it as a parameter",
                                               array.rep_->type.ToString({}))));
    case Array::Kind::kFailed: {
      const Status& why = array.rep_->failure;
      return Fail(Status(why.id(), why.message()));
    }
    case Array::Kind::kAbsent:
      break;
  }
  return Fail(Status(ErrorId::E504, "an array without a value is used as an operand"));
}

// The SSA value of an operand in the open frame. `dtype`: what a number becomes a literal of.
StatusOr<ValueId> Tracer::Operand(const Array& array, std::optional<DType> dtype) {
  if (IsNumber(array) && dtype.has_value() && array.kind() != Array::Kind::kSize) {
    std::optional<Scalar> scalar = ScalarOf(array.kind_, array.bits_, *dtype);
    if (scalar.has_value()) return frame().builder->Literal(*scalar);
    return Status(ErrorId::E504,
                  Format("a {} number is no value of {}, the dtype of the operand beside it",
                         array.kind() == Array::Kind::kFloat  ? "floating"
                         : array.kind() == Array::Kind::kBool ? "bool"
                                                              : "whole",
                         NameOf(*dtype)));
  }
  Array traced = Traced(array);
  if (array.kind() == Array::Kind::kSize && dtype.has_value() && *dtype != DType::kI64) {
    OpCall cast;
    cast.groups = {{traced}};
    cast.result_types.push_back(Type::Tensor(*dtype, {}));
    traced = Emit1("cast", std::move(cast));
  }
  if (!ok()) return Status(ErrorId::E705, "the trace has failed");
  return Use(frame(), traced.node_);
}

// Values of the open frame for all operands; `nodes`: by flat position, kNoNode for literals.
Status Tracer::Resolve(const OpDef& def, const OpCall& call, ir::OpArgs* args,
                       std::vector<uint32_t>* nodes) {
  args->groups.resize(call.groups.size());
  for (size_t g = 0; g < call.groups.size(); ++g) {
    for (const Array& array : call.groups[g]) {
      if (array.absent()) continue;
      std::optional<DType> dtype;
      if (IsNumber(array)) dtype = NumberDType(def, call, g);
      // Without another operand that fixes it, a number is a tensor of its own.
      Array operand = IsNumber(array) && !dtype.has_value() ? Traced(array) : array;
      if (operand.kind() == Array::Kind::kConcrete) operand = Traced(operand);
      GCOMP_ASSIGN_OR_RETURN(ValueId id, Operand(operand, dtype));
      args->groups[g].push_back(id);
      nodes->push_back(operand.traced() ? operand.node_ : kNoNode);
    }
  }
  return {};
}

// True if the storage may be written in the open frame.
Status Tracer::CheckWrite(uint32_t storage) const {
  for (const Frame* f = frames_.back().get(); f != nullptr; f = f->parent) {
    if (f->id == storage_frames_[storage]) return {};
    if (f->spec.kind == FrameKind::kBranch) {
      return Status(ErrorId::E206, Format("{}: a branch writes a value from outside of it in "
                                          "place; return the new value instead",
                                          f->spec.op));
    }
    if (f->spec.kind == FrameKind::kLoop) {
      return Status(f->spec.op == "while" ? ErrorId::E213 : ErrorId::E224,
                    Format("{}: the body writes a value from outside of it in place; make it a "
                           "carry instead",
                           f->spec.op));
    }
  }
  return {};
}

Status Tracer::MarkWrites(const OpDef& def, const std::vector<uint32_t>& nodes) {
  for (size_t i = 0; i < nodes.size() && i < 64; ++i) {
    if ((def.effects.writes >> i & 1) == 0 || nodes[i] == kNoNode) continue;
    const uint32_t storage = nodes_[nodes[i]].storage;
    GCOMP_RETURN_IF_ERROR(CheckWrite(storage));
    if (!split_.empty()) GCOMP_RETURN_IF_ERROR(CheckNotSplit(storage));
    if (def.effects.write != ir::WriteKind::kData && nodes_[nodes[i]].frame_id != frame().id) {
      return Status(ErrorId::E105,
                    Format("{}: changes the sizes or strides of a value from outside "
                           "of the region",
                           def.name));
    }
    for (Frame* f = frames_.back().get(); f != nullptr; f = f->parent) {
      if (std::find(f->written.begin(), f->written.end(), storage) == f->written.end()) {
        f->written.push_back(storage);
      }
    }
  }
  return {};
}

// Sizes that data defines and that an elementwise op needs equal: a check, and from then on the
// operand has the first one's sizes.
Status Tracer::UnifySizes(const OpDef& def, OpCall& call) {
  // Without a size from data there is nothing to unify.
  if (CanBind() || def.lowering.kind != ir::Lowering::Kind::kPointwise) return {};
  const Array* first = nullptr;
  for (std::vector<Array>& group : call.groups) {
    for (Array& array : group) {
      if (!array.traced() && !array.concrete()) continue;
      if (first == nullptr) {
        first = &array;
        continue;
      }
      const Type a = TypeOf(*first);
      const Type b = TypeOf(array);
      if (!a.is_tensor() || !b.is_tensor() || a.rank() != b.rank() || a.dims() == b.dims())
        continue;
      ir::Dims dims = b.dims();
      Expr must = 1;
      for (size_t d = 0; d < dims.size(); ++d) {
        const Expr& want = a.dims()[d];
        if (want == dims[d] || want.IsConst(1) || dims[d].IsConst(1)) continue;
        Expr equal = Expr::Eq(want, dims[d]);
        if (!facts_.HasDataSymbol(equal) || facts_.Prove(equal) == Facts::Answer::kFalse) return {};
        must = must.IsConst(1) ? equal : Expr::And(must, equal);
        dims[d] = want;
      }
      if (must.IsConst(1)) continue;
      Check(SymBool(must), Format("{}: sizes must agree", def.name));
      OpCall refine;
      refine.groups = {{array}};
      refine.result_types.push_back(Type::Tensor(b.dtype(), std::move(dims), {}, b.device()));
      array = Emit1("sym.refine", std::move(refine));
    }
  }
  return {};
}

std::vector<Array> Tracer::Results(const OpDef& def, const std::vector<ValueId>& ids,
                                   const std::vector<uint32_t>& nodes) {
  std::vector<Array> arrays;
  arrays.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const int source = i < std::size(def.effects.alias_of) ? def.effects.alias_of[i] : -1;
    const bool shares = source >= 0 && static_cast<size_t>(source) < nodes.size() &&
                        nodes[static_cast<size_t>(source)] != kNoNode;
    if (!shares) {
      arrays.push_back(Handle(AddNode(ids[i], NewStorage())));
      continue;
    }
    const uint32_t n = nodes[static_cast<size_t>(source)];
    if ((def.effects.writes >> source & 1) == 0) {
      arrays.push_back(Handle(AddNode(ids[i], nodes_[n].storage)));
      continue;
    }
    // The same place in storage: all that hold it see the write.
    if (nodes_[n].frame_id == frame().id) {
      nodes_[n].id = ids[i];
    } else {
      frame().lifted[n] = ids[i];
    }
    arrays.push_back(Handle(n));
  }
  return arrays;
}

// The symbol that an op finds in its operand x: a number, or how many elements of x it takes.
std::vector<SymId> Tracer::DefinesOf(const OpDef& def, const Type& x) {
  if (def.name != "item") return {DefineSymbol(0, x.NumElements())};
  if (ir::IsFloat(x.dtype())) return {};
  const int bits = x.dtype() == DType::kBool ? 1 : ir::BitsOf(x.dtype());
  const bool with_sign = ir::IsSigned(x.dtype());
  Expr low = with_sign ? INT64_MIN : 0;
  std::optional<Expr> high;
  if (bits < 64) {
    const int64_t values = int64_t{1} << (with_sign ? bits - 1 : bits);
    low = with_sign ? -values : 0;
    high = Expr(values - 1);
  }
  SymId id = DefineSymbol(std::move(low), std::move(high));
  numbers_.emplace_back(id, frame().id);
  return {id};
}

std::vector<Array> Tracer::Emit(std::string_view op, OpCall call) {
  const OpDef* def = engine_->ops().Find(op);
  const size_t count = def == nullptr || def->num_results < 0 ? 1 : size_t(def->num_results);
  auto failed = [&](Status status) { return std::vector<Array>(count, Fail(std::move(status))); };
  if (!ok()) return failed({});
  if (def == nullptr) return failed(UnknownOp(engine_->ops(), op));
  if (call.groups.size() > def->operands.size()) {
    return failed(Status(ErrorId::E504, Format("{}: takes {} operand groups, {} are given", op,
                                               def->operands.size(), call.groups.size())));
  }
  if (Status status = UnifySizes(*def, call); !status.ok()) return failed(std::move(status));
  ir::OpArgs args;
  std::vector<uint32_t> nodes;
  if (Status status = Resolve(*def, call, &args, &nodes); !status.ok()) {
    return failed(std::move(status).AddNote(Format("as an operand of {}", op)));
  }
  if (Status status = MarkWrites(*def, nodes); !status.ok()) return failed(std::move(status));
  args.attrs = std::move(call.attrs);
  args.result_types = std::move(call.result_types);
  args.defines = std::move(call.defines);
  if (def->effects.data_dependent && args.defines.empty() && !args.groups.empty() &&
      !args.groups[0].empty()) {
    args.defines = DefinesOf(*def, frame().function->value(args.groups[0][0]).type);
  }
  StatusOr<std::vector<ValueId>> ids = frame().builder->Add(op, std::move(args));
  if (!ids.ok()) return failed(std::move(ids).status());
  std::vector<Array> results = Results(*def, *ids, nodes);
  SettleSizes();
  return results;
}

Array Tracer::Emit1(std::string_view op, OpCall call) {
  std::vector<Array> results = Emit(op, std::move(call));
  if (results.size() == 1) return results[0];
  if (results.empty()) return {};
  return Fail(Status(ErrorId::E504, Format("{}: has {} results, not 1", op, results.size())));
}

std::vector<std::vector<Array>> Tracer::GroupOperands(std::string_view op,
                                                      std::vector<Array> operands) const {
  std::vector<std::vector<Array>> groups;
  const OpDef* def = engine_->ops().Find(op);
  size_t next = 0;
  for (size_t g = 0; def != nullptr && g < def->operands.size(); ++g) {
    std::vector<Array>& group = groups.emplace_back();
    const ir::OperandKind kind = def->operands[g].kind;
    size_t take = kind == ir::OperandKind::kRequired && next < operands.size() ? 1 : 0;
    if (kind == ir::OperandKind::kVariadic) take = operands.size() - next;
    for (; take > 0; --take) group.push_back(std::move(operands[next++]));
  }
  // What is left over is one group too many, which is the op's error.
  if (next < operands.size()) {
    groups.emplace_back(operands.begin() + static_cast<int64_t>(next), operands.end());
  }
  return groups;
}

std::vector<Array> Call(std::string_view op, OpCall call) {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
    return tracer->Emit(op, std::move(call));
  }
  return RunEager(op, std::move(call));
}

Array Call1(std::string_view op, OpCall call) {
  std::vector<Array> results = Call(op, std::move(call));
  if (results.size() == 1) return results[0];
  if (results.empty()) return {};
  return Array::Failed(
      Status(ErrorId::E504, Format("{}: has {} results, not 1", op, results.size())));
}

}  // namespace gcomp::internal
