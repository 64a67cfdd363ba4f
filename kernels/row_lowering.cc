// RowLowering: the loop nests of row ops.
#include <algorithm>

#include "kernels/reduce.h"
#include "kernels/rows.h"

namespace gcomp::kernels {
namespace {

std::vector<ir::Expr> Pick(const std::vector<ir::Expr>& exprs, const std::vector<int>& first,
                           const std::vector<int>& second) {
  std::vector<ir::Expr> picked;
  for (int d : first) picked.push_back(exprs[static_cast<size_t>(d)]);
  for (int d : second) picked.push_back(exprs[static_cast<size_t>(d)]);
  return picked;
}

}  // namespace

RowLowering::RowLowering(ir::LowerCtx& ctx, std::vector<int> axes, ir::DType compute_type)
    : ctx_(ctx), compute_type_(compute_type), row_axes_(std::move(axes)) {
  for (int d = 0; d < ctx.operands[0].rank(); ++d) {
    if (!std::ranges::binary_search(row_axes_, d)) point_axes_.push_back(d);
  }
}

ir::Stage RowLowering::ReduceStage() const {
  ir::Stage stage;
  stage.kind = ir::Stage::Kind::kReduce;
  stage.order = ir::Stage::Order::kLanes;
  stage.axes = Pick(ctx_.operands[0].sizes, point_axes_, {});
  stage.reduce_axes = Pick(ctx_.operands[0].sizes, row_axes_, {});
  return stage;
}

ir::Stage RowLowering::MapStage() const {
  ir::Stage stage;
  stage.axes = Pick(ctx_.operands[0].sizes, point_axes_, row_axes_);
  stage.store_buffer = ctx_.result_buffer(0);
  stage.store.coefs = Pick(ctx_.results[0].strides, point_axes_, row_axes_);
  return stage;
}

ir::Load RowLowering::LoadX() const {
  ir::Load load;
  load.otherwise.dtype = ctx_.operands[0].dtype;
  load.offset.coefs = Pick(ctx_.operands[0].strides, point_axes_, row_axes_);
  return load;
}

ir::Load RowLowering::LoadTemp(size_t temp) const {
  ir::Load load;
  load.buffer = ctx_.nest.temp_buffer(temp);
  load.otherwise.dtype = compute_type_;
  load.offset.coefs = ir::ContiguousStrides(Pick(ctx_.operands[0].sizes, point_axes_, {}));
  load.offset.coefs.resize(point_axes_.size() + row_axes_.size());
  return load;
}

ir::Load RowLowering::LoadAlongRow(size_t operand) const {
  ir::Load load;
  load.buffer = operand;
  load.otherwise.dtype = ctx_.operands[operand].dtype;
  load.offset.coefs.resize(point_axes_.size());
  const ir::Dims& strides = ctx_.operands[operand].strides;
  load.offset.coefs.insert(load.offset.coefs.end(), strides.begin(), strides.end());
  return load;
}

size_t RowLowering::StoreToTemp(ir::Stage& stage) const {
  std::vector<ir::Expr> sizes = Pick(ctx_.operands[0].sizes, point_axes_, {});
  ir::Expr elements = 1;
  for (const ir::Expr& size : sizes) elements = ir::Expr::Mul(elements, size);
  ctx_.nest.temps.push_back({compute_type_, elements});
  stage.store_buffer = ctx_.nest.temp_buffer(ctx_.nest.temps.size() - 1);
  stage.store.coefs = ir::ContiguousStrides(sizes);
  return ctx_.nest.temps.size() - 1;
}

void RowLowering::StoreToResult(ir::Stage& stage, bool keep_dims) const {
  stage.store_buffer = ctx_.result_buffer(0);
  stage.store.coefs.clear();
  for (size_t i = 0; i < point_axes_.size(); ++i) {
    size_t dim = keep_dims ? static_cast<size_t>(point_axes_[i]) : i;
    stage.store.coefs.push_back(ctx_.results[0].strides[dim]);
  }
}

ir::Load RowLowering::LoadRowLength() const {
  return LoadCount(Pick(ctx_.operands[0].sizes, row_axes_, {}));
}

}  // namespace gcomp::kernels
