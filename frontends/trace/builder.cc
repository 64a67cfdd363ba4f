#include "frontends/trace/builder.h"

#include <utility>

#include "base/format.h"
#include "frontends/trace/structure.h"
#include "frontends/trace/tracer.h"

namespace gcomp {

using internal::Tracer;
using ir::Type;

namespace {

Type TensorOf(DType dtype, const std::vector<SymInt>& sizes) {
  ir::Dims dims;
  for (const SymInt& size : sizes) dims.push_back(size.expr());
  return Type::Tensor(dtype, std::move(dims));
}

}  // namespace

Builder::Builder(const BuilderOptions& options) {
  std::shared_ptr<Engine> engine = options.engine;
  if (engine == nullptr) {
    StatusOr<std::shared_ptr<Engine>> shared = internal::DefaultEngine();
    if (!shared.ok()) {
      status_ = std::move(shared).status();
      return;
    }
    engine = *shared;
  }
  tracer_ = std::make_unique<Tracer>(std::move(engine), options.module_name);
}

Builder::~Builder() = default;

bool Builder::ok() const {
  return tracer_ != nullptr && tracer_->ok();
}

Status Builder::status() const {
  if (ok()) return {};
  const Status& status = tracer_ != nullptr ? tracer_->status() : status_;
  return Status(status.id(), status.message());
}

SymInt Builder::Symbol(std::string name, int64_t low, std::optional<int64_t> high,
                       int64_t multiple) {
  if (!ok()) return {};
  ir::Symbol symbol;
  symbol.low = low;
  if (high.has_value()) symbol.high = ir::Expr(*high);
  symbol.multiple = multiple;
  symbol.range_written = true;
  if (!tracer_->CanBind()) {
    tracer_->Fail(Status(ErrorId::E705, Format("symbol {}: an op has defined a size from data "
                                               "before; make symbols first",
                                               name)));
    return {};
  }
  return SymInt(
      ir::Expr::Symbol(tracer_->AddSymbol(std::move(name), std::move(symbol), std::nullopt, true)));
}

Array Builder::Input(std::string name, DType dtype, const std::vector<SymInt>& sizes) {
  if (!ok()) return Array::Failed(status());
  return tracer_->AddInput(std::move(name), TensorOf(dtype, sizes), nullptr);
}

Array Builder::Weight(std::string name, DType dtype, const std::vector<SymInt>& sizes) {
  Array weight = Input(name, dtype, sizes);
  if (ok()) tracer_->MakeWeight(weight, std::move(name));
  return weight;
}

std::vector<Array> Builder::Op(std::string_view op, std::vector<std::vector<Array>> operands,
                               ir::AttrDict attrs, std::vector<Type> result_types) {
  if (!ok()) return {Array::Failed(status())};
  return call_op(op, std::move(operands), std::move(attrs), std::move(result_types));
}

Array Builder::Op1(std::string_view op, std::vector<Array> operands, ir::AttrDict attrs) {
  if (!ok()) return Array::Failed(status());
  std::vector<std::vector<Array>> groups = tracer_->GroupOperands(op, std::move(operands));
  std::vector<Array> results = Op(op, std::move(groups), std::move(attrs));
  if (results.size() == 1) return results[0];
  return tracer_->Fail(
      Status(ErrorId::E504, Format("{}: has {} results, not 1", op, results.size())));
}

StatusOr<ir::Module> Builder::Finish(const std::vector<Array>& results) && {
  if (tracer_ == nullptr) return std::move(status_);
  StatusOr<internal::Finished> finished = tracer_->Finish(results, false);
  tracer_.reset();
  status_ = Status(ErrorId::E705, "the builder has finished");
  if (!finished.ok()) return std::move(finished).status();
  if (finished->captured.empty()) return std::move(finished->module);
  return Status(ErrorId::E705,
                "the graph uses tensors that hold data; pass them as inputs or "
                "weights, or make constants of them");
}

}  // namespace gcomp
