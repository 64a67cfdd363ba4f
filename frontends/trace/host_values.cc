// What the host reads from a graph, tells it and is shown by it; predicates; ops by name.
#include <memory>
#include <utility>

#include "base/format.h"
#include "frontends/trace/cell.h"
#include "frontends/trace/structure.h"
#include "ir/scalar_value.h"

namespace gcomp {

using internal::Call1;
using internal::OpCall;
using internal::Tracer;

Predicate::Predicate(const SymBool& value) {
  if (value.is_const()) {
    array_ = Array(value.expr().value() != 0);
    return;
  }
  OpCall call;
  call.attrs.emplace_back("value", value.expr());
  call.result_types.push_back(ir::Type::Of(ir::Type::Kind::kFlag));
  array_ = Call1("sym.value", std::move(call));
}

namespace {

// The one element as the host has it; 0 where there is not one.
SymInt ItemOnHost(const Array& x) {
  StatusOr<Tensor> read = x.tensor();
  if (read.ok() && read->NumElements() == 1 && !ir::IsFloat(read->dtype())) {
    return SymInt(ir::Scalar::Load(read->dtype(), read->data()).ToInt());
  }
  std::vector<int64_t> values = x.Values<int64_t>();
  return values.size() == 1 ? SymInt(values[0]) : SymInt(0);
}

}  // namespace

SymInt item(const Array& x) {
  Tracer* tracer = Tracer::Current();
  if (tracer != nullptr && tracer->CanBreak()) {
    // No break: one graph of the whole function can hold it too.
    if (!tracer->EndSegment("item").ok()) return {};
    return ItemOnHost(x);
  }
  if (tracer == nullptr) return ItemOnHost(x);
  if (ir::IsFloat(x.dtype())) {
    tracer->Fail(Status(ErrorId::E504,
                        Format("item: {} gives no whole number; use the array itself, or cast it "
                               "to an integer",
                               tracer->Show(x.type()))));
    return {};
  }
  OpCall call;
  call.groups = {{x}};
  Array number = tracer->Emit1("item", std::move(call));
  if (!tracer->ok()) return {};
  const ir::Type type = tracer->TypeOf(number);
  return type.kind() == ir::Type::Kind::kInt ? SymInt(type.value()) : SymInt(0);
}

Array nonzero(const Array& x) {
  OpCall call;
  call.groups = {{x}};
  return Call1("nonzero", std::move(call));
}

void check(const SymBool& condition, std::string message) {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
    tracer->Check(condition, std::move(message));
  }
}

void graph_break(const std::string& reason) {
  // A trace of the whole function keeps the failure.
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) (void)tracer->Break(reason);
}

void observe(const Array& x, std::function<void(const Array&)> callback) {
  Tracer* tracer = Tracer::Current();
  if (tracer == nullptr) {
    callback(x);
    return;
  }
  auto seen = std::make_shared<Array>(tracer->Traced(x));
  internal::CellRecord record;
  record.cell = seen;
  record.name = "observer";
  record.observer = true;
  record.arrays = [seen = seen.get()] { return std::vector<Array*>{seen}; };
  record.commit = [callback = std::move(callback)] {
    return [callback](std::span<const Array> values) { callback(values[0]); };
  };
  tracer->AddObserver(std::move(record));
}

Array out_dtype(std::string op, DType dtype, const Array& a, const Array& b) {
  OpCall call;
  call.groups = {{a}, {b}};
  call.attrs.emplace_back("op", std::move(op));
  call.attrs.emplace_back("dtype", dtype);
  return Call1("out_dtype", std::move(call));
}

std::vector<Array> call_op(std::string_view op, std::vector<std::vector<Array>> operands,
                           ir::AttrDict attrs, std::vector<ir::Type> result_types) {
  if (op == "invoke") {
    Status status(ErrorId::E108, "a raw invoke names no region; make one with region(name, fn)");
    if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
      return {tracer->Fail(std::move(status))};
    }
    return {Array::Failed(std::move(status))};
  }
  OpCall call;
  call.groups = std::move(operands);
  call.attrs = std::move(attrs);
  call.result_types = std::move(result_types);
  return internal::Call(op, std::move(call));
}

// ---- Host effects -------------------------------------------------------------------------------

AllowHostEffects::AllowHostEffects() {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
    frame_ = tracer->frame_id();
    before_ = tracer->frame().host_effects_allowed;
    tracer->frame().host_effects_allowed = true;
  }
}

AllowHostEffects::~AllowHostEffects() {
  Tracer* tracer = Tracer::Current();
  if (tracer != nullptr && tracer->frame_id() == frame_) {
    tracer->frame().host_effects_allowed = before_;
  }
}

}  // namespace gcomp
