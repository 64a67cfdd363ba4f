#include "frontends/trace/structure_calls.h"

#include <algorithm>

#include "base/format.h"
#include "frontends/trace/structure.h"

namespace gcomp {
namespace internal {

using ir::Expr;
using ir::Type;

BodyCall::BodyCall(const BodySpec& spec) : spec_(spec), tracer_(Tracer::Current()) {
  const bool may_go = spec.op == "wrap" || spec.op == "checkpoint";
  if (tracer_ == nullptr || !may_go) return;
  if (tracer_->drops_wraps()) {
    tracer_ = nullptr;
    return;
  }
  if (tracer_->runner() == nullptr || !tracer_->ok()) return;
  const size_t wrap = tracer_->NextWrap();
  // A region can't end a segment, so the outermost one decides.
  if (!tracer_->CanBreak()) return;
  const WrapMode mode = tracer_->runner()->ModeOf(wrap);
  if (mode == WrapMode::kRegion) mark_ = tracer_->MarkBody(wrap);
  RunAs(mode);
}

BodyCall::~BodyCall() {
  if (suspended_ != nullptr) suspended_->Resume();
}

void BodyCall::RunAs(WrapMode mode) {
  if (mode == WrapMode::kRegion) return;
  if (mode == WrapMode::kEager && tracer_->EndSegment("a body that runs op by op").ok()) {
    suspended_ = tracer_;
    suspended_->Suspend();
  }
  tracer_ = nullptr;
}

void BodyCall::Begin(const Flattener& args) {
  tracer_->BeginFrame(
      {spec_.kind == BodySpec::Kind::kFunction ? FrameKind::kFunction : FrameKind::kInline,
       spec_.op, spec_.label, spec_.alias});
  if (!args.status.ok()) tracer_->Fail(Status(args.status.id(), args.status.message()));
  for (size_t i = 0; i < args.arrays.size(); ++i) {
    const std::string& path = args.array_paths[i];
    // An argument that is an array keeps the name that it has.
    if (path.find('.') != std::string::npos) tracer_->NameInFrame(*args.arrays[i], path);
  }
}

void BodyCall::End(Flattener& result) {
  if (!result.status.ok()) tracer_->Fail(std::move(result.status));
  Body body = tracer_->EndFrame(std::move(result.arrays));
  if (spec_.kind == BodySpec::Kind::kFunction) {
    tracer_->FinishInvoke(std::move(body));
  } else {
    tracer_->FinishInline(std::move(body), spec_.attrs);
  }
  if (!tracer_->ok() && mark_.has_value()) RunAs(tracer_->DropBody(*mark_));
}

BranchCall::BranchCall(std::string op, const Array& selector)
    : op_(std::move(op)), tracer_(Tracer::Current()) {
  selector_ = tracer_->Traced(selector);
}

void BranchCall::Begin(std::string label) {
  tracer_->BeginFrame({FrameKind::kBranch, op_, std::move(label), AliasPolicy::kReject});
}

void BranchCall::EndFlat(Flattener& flat) {
  if (!flat.status.ok()) tracer_->Fail(std::move(flat.status));
  bodies_.push_back(tracer_->EndFrame(std::move(flat.arrays)));
  if (!trees_.empty() && !(trees_[0] == flat.tree)) {
    tracer_->Fail(Status(ErrorId::E201, Format("{}: the branches return {} and {}", op_,
                                               trees_[0].structure, flat.tree.structure)));
  }
  trees_.push_back(std::move(flat.tree));
}

void BranchCall::Finish() {
  tracer_->FinishBranches(op_, selector_, std::move(bodies_));
}

Status CheckTensors(std::string_view op, const Flattener& flat) {
  if (!flat.status.ok()) {
    return Status(flat.status.id(), Format("{}: {}; {} has no rule for it either (rules.h)", op,
                                           flat.status.message(), op));
  }
  for (const Tree::Leaf& leaf : flat.tree.leaves) {
    if (leaf.kind != Tree::LeafKind::kStatic) continue;
    return Status(ErrorId::E204, Format("{}: operand {} is {}; operands are tensors, nested in "
                                        "structs, vectors, tuples and maps if need be",
                                        op, leaf.path, leaf.text));
  }
  return {};
}

Status HintAttrs(const std::map<std::string, ir::AttrValue>& hints, const Flattener& args,
                 ir::AttrDict* attrs) {
  if (hints.empty()) return Status(ErrorId::E231, "hints: no hints are given");
  if (!args.status.ok()) return Status(args.status.id(), args.status.message());
  for (const Tree::Leaf& leaf : args.tree.leaves) {
    if (leaf.path.find('.') == std::string::npos && leaf.kind != Tree::LeafKind::kNone) continue;
    return Status(ErrorId::E233, Format("hints: argument {} is nested or none; arguments are "
                                        "tensors and numbers",
                                        leaf.path));
  }
  ir::AttrDict dict;
  for (const auto& [name, value] : hints) {
    const bool fits = value.As<Expr>() != nullptr || value.As<double>() != nullptr ||
                      value.As<bool>() != nullptr || value.As<std::string>() != nullptr;
    if (!fits) {
      return Status(ErrorId::E232, Format("hints: {} is not an int, float, bool or string", name));
    }
    dict.emplace_back(name, value);
  }
  attrs->emplace_back("hints", std::move(dict));
  return {};
}

StatusOr<std::optional<double>> KnownValue(std::string_view op, const Array& selector) {
  const bool number = selector.kind() == Array::Kind::kBool ||
                      selector.kind() == Array::Kind::kInt ||
                      selector.kind() == Array::Kind::kFloat;
  if (!number && Tracer::Current() != nullptr) return std::optional<double>();
  if (!number) GCOMP_RETURN_IF_ERROR(selector.tensor().status());
  std::vector<double> values = selector.Values<double>();
  if (values.size() != 1) {
    return Status(ErrorId::E203,
                  Format("{}: decides by one number, found {} of them", op, values.size()));
  }
  return std::optional<double>(values[0]);
}

// ---- Loops --------------------------------------------------------------------------------------

LoopCall::LoopCall(std::string op, ir::AttrDict attrs)
    : op_(std::move(op)), attrs_(std::move(attrs)), tracer_(Tracer::Current()) {}

std::vector<Array> LoopCall::Group(const Flattener& flat) {
  if (!flat.status.ok()) Fail(Status(flat.status.id(), flat.status.message()));
  std::vector<Array> group;
  for (const Array* array : flat.arrays) group.push_back(tracer_->Traced(*array));
  return group;
}

// The number as a value of the open frame.
Array LoopCall::IntOf(const SymInt& size) {
  const Expr at_least_zero = Expr::Le(Expr(0), size.expr());
  if (tracer_->facts().Prove(at_least_zero) != Facts::Answer::kTrue) {
    tracer_->Check(SymBool(at_least_zero), Format("an int in the carry of {} is negative", op_));
  }
  OpCall call;
  call.attrs.emplace_back("value", size.expr());
  call.result_types.push_back(Type::Int(size.expr()));
  return tracer_->Emit1("sym.value", std::move(call));
}

std::vector<Array> LoopCall::CarryGroup(const Flattener& flat) {
  std::vector<Array> group = Group(flat);
  for (const SymInt* size : flat.sizes) group.push_back(IntOf(*size));
  return group;
}

std::vector<Array*> LoopCall::Carried(Flattener& flat) {
  if (!flat.status.ok()) Fail(std::move(flat.status));
  for (const SymInt* size : flat.sizes) ints_.push_back(IntOf(*size));
  std::vector<Array*> carried = flat.arrays;
  for (Array& number : ints_) carried.push_back(&number);
  return carried;
}

void LoopCall::TakeInts(Flattener& flat) {
  for (size_t i = 0; i < flat.sizes.size() && tracer_->ok(); ++i) {
    // In pieces the loop has run.
    *flat.sizes[i] = ints_[i].concrete() ? SymInt(ints_[i].Values<int64_t>()[0])
                                         : SymInt(tracer_->TypeOf(ints_[i]).value());
  }
}

void LoopCall::BeginBody(std::string label) {
  tracer_->BeginFrame({FrameKind::kLoop, op_, std::move(label), AliasPolicy::kReject});
}

void LoopCall::Params(Flattener& flat, const std::function<Type(const Type&)>& type) {
  for (size_t i = 0; i < flat.arrays.size() && tracer_->ok(); ++i) {
    Array traced = tracer_->Traced(*flat.arrays[i]);
    if (!tracer_->ok()) return;
    std::string name = flat.array_paths[i].empty() ? "x" : flat.array_paths[i];
    *flat.arrays[i] = tracer_->AddParam(std::move(name), type(tracer_->TypeOf(traced)));
    ++tracer_->frame().positional;
  }
}

void LoopCall::CarryParams(Flattener& flat) {
  Params(flat, [](const Type& type) {
    return type.is_tensor() ? Type::Tensor(type.dtype(), type.dims(), {}, type.device()) : type;
  });
  for (SymInt* size : flat.sizes) {
    if (tracer_->ok()) *size = tracer_->AddIntParam();
  }
}

void LoopCall::SliceParams(Flattener& flat, int64_t dim) {
  Params(flat, [&](const Type& type) {
    const int64_t at = dim < 0 ? dim + type.rank() : dim;
    if (at < 0 || at >= type.rank()) {
      Fail(Status(ErrorId::E224, Format("{}: {} has no axis {} to be sliced along", op_,
                                        tracer_->Show(type), dim)));
      return type;
    }
    ir::Dims dims = type.dims();
    ir::Layout layout;
    layout.kind = ir::Layout::Kind::kStrided;
    layout.strides = type.Strides();
    dims.erase(dims.begin() + at);
    layout.strides.erase(layout.strides.begin() + at);
    return Type::Tensor(type.dtype(), std::move(dims), std::move(layout), type.device());
  });
}

void LoopCall::ElementParams(Flattener& flat) {
  Params(flat, [](const Type& type) { return Type::Tensor(type.dtype(), {}, {}, type.device()); });
}

void LoopCall::CombineParams(Flattener& flat, int64_t dim) {
  Params(flat, [&](const Type& type) {
    const int64_t at = dim < 0 ? dim + type.rank() : dim;
    ir::Dims dims = type.dims();
    if (at >= 0 && at < type.rank()) dims.erase(dims.begin() + at);
    return Type::Tensor(type.dtype(), std::move(dims), {}, type.device());
  });
}

void LoopCall::End(Flattener& flat) {
  if (!flat.status.ok()) Fail(std::move(flat.status));
  EndWith(std::move(flat.arrays));
}

void LoopCall::EndWith(std::vector<Array*> results) {
  bodies_.push_back(tracer_->EndFrame(std::move(results)));
}

void LoopCall::Finish(std::vector<std::vector<Array>> groups, std::vector<Array*> results,
                      bool has_extra) {
  tracer_->FinishLoop(op_, std::move(groups), std::move(bodies_), std::move(results),
                      std::move(attrs_), has_extra);
}

Status CheckCarry(std::string_view op, ErrorId id, const Flattener& before,
                  const Flattener& after) {
  if (!(before.tree == after.tree)) {
    return Status(id, Format("{}: the carry changes: {}", op, before.tree.Difference(after.tree)));
  }
  return {};
}

StatusOr<int64_t> CommonLength(std::string_view op, const Flattener& xs, int64_t dim) {
  std::optional<int64_t> length;
  for (const Array* array : xs.arrays) {
    GCOMP_ASSIGN_OR_RETURN(Tensor tensor, array->tensor());
    const int64_t at = dim < 0 ? dim + tensor.rank() : dim;
    if (at < 0 || at >= tensor.rank()) {
      return Status(ErrorId::E224, Format("{}: {} has no axis {}", op, tensor.TypeString(), dim));
    }
    const int64_t n = tensor.sizes()[static_cast<size_t>(at)];
    if (length.has_value() && *length != n) {
      return Status(ErrorId::E221, Format("{}: lengths {} and {}", op, *length, n));
    }
    length = n;
  }
  if (!length.has_value()) return Status(ErrorId::E221, Format("{}: nothing to go over", op));
  return *length;
}

void TakeSlices(Flattener& flat, int64_t dim, int64_t index) {
  for (Array* array : flat.arrays) {
    OpCall call;
    call.groups = {{*array}};
    call.attrs.emplace_back("dim", Expr(dim));
    call.attrs.emplace_back("index", Expr(index));
    // A slice that lives on its own.
    *array = Call1("select_index", std::move(call));
  }
}

Array JoinSlices(std::vector<Array> slices, int64_t dim) {
  OpCall call;
  call.groups.push_back(std::move(slices));
  call.attrs.emplace_back("dim", Expr(dim));
  return Call1("stack", std::move(call));
}

}  // namespace internal

}  // namespace gcomp
