#include "jit/stage_info.h"

#include <bit>

namespace gcomp::codegen {
namespace {

using ir::DType;

void SetPlace(const FusionGraph& graph, uint32_t op, const ir::LoopNest& nest, size_t buffer,
              uint32_t first_temp, StageLoad& load) {
  const FusionOp& node = graph.ops[op];
  if (buffer >= nest.num_operands + nest.num_results) {
    const size_t temp = buffer - nest.num_operands - nest.num_results;
    load.place = load.tensor = first_temp + static_cast<uint32_t>(temp);
    load.dtype = nest.temps[temp].dtype;
    return;
  }
  load.tensor =
      buffer < nest.num_operands ? node.operands[buffer] : node.results[buffer - nest.num_operands];
  const FusionTensor& tensor = graph.tensors[load.tensor];
  load.place = tensor.storage;
  load.dtype = tensor.spec.dtype;
  load.shift = tensor.byte_offset / ir::BytesOf(tensor.spec.dtype);
}

}  // namespace

uint64_t ComputeBits(const ir::Scalar& scalar) {
  switch (scalar.dtype) {
    case DType::kI8:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(scalar.bits)));
    case DType::kI16:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int16_t>(scalar.bits)));
    case DType::kF16:
    case DType::kBF16:
      return std::bit_cast<uint32_t>(static_cast<float>(scalar.ToDouble()));
    default:
      return scalar.bits;
  }
}

Maybe<StageInfo> MakeStageInfo(const FusionGraph& graph, uint32_t op, const ir::LoopNest& nest,
                               const ir::Stage& stage, uint32_t first_temp) {
  if (stage.kind == ir::Stage::Kind::kScan) return Refusal{"a scan has a kernel of its own"};
  StageInfo info;
  bool known = true;
  auto number = [&](const ir::Expr& expr) {
    const std::optional<int64_t> value = expr.Evaluate(graph.symbols);
    known = known && value.has_value();
    return value.value_or(0);
  };
  info.op = op;
  info.stage = &stage;
  info.reduces = stage.kind == ir::Stage::Kind::kReduce;
  std::vector<size_t> kept;
  for (size_t i = 0; i < stage.axes.size(); ++i) {
    const int64_t size = number(stage.axes[i]);
    if (size == 0) return Refusal{"it has no elements"};
    if (size == 1) continue;
    kept.push_back(i);
    info.axes.push_back(size);
  }
  std::vector<std::pair<size_t, int64_t>> rows;  // position among the coefs, size
  for (size_t i = 0; i < stage.reduce_axes.size(); ++i) {
    const int64_t size = number(stage.reduce_axes[i]);
    if (size == 0) return Refusal{"it reduces no elements"};
    if (size > 1) rows.emplace_back(stage.axes.size() + i, size);
    info.row *= size;
  }
  bool flat = true;
  auto bind = [&](const ir::Affine& affine) {
    auto coef = [&](size_t i) {
      return i < affine.coefs.size() ? number(affine.coefs[i]) : int64_t{0};
    };
    Offset offset;
    offset.base = number(affine.base);
    for (size_t i : kept) offset.coefs.push_back(coef(i));
    for (size_t i = 0; i + 1 < rows.size(); ++i) {
      flat = flat && coef(rows[i].first) == coef(rows[i + 1].first) * rows[i + 1].second;
    }
    if (info.reduces) offset.coefs.push_back(rows.empty() ? 0 : coef(rows.back().first));
    return offset;
  };
  auto bind_loads = [&](const std::vector<ir::Load>& loads) {
    std::vector<StageLoad> bound;
    for (const ir::Load& load : loads) {
      StageLoad& b = bound.emplace_back();
      b.is_index = load.buffer == ir::Load::kIndex;
      if (!b.is_index) SetPlace(graph, op, nest, load.buffer, first_temp, b);
      b.offset = bind(load.offset);
      for (const ir::Guard& guard : load.guards) {
        b.bounds.push_back({bind(guard.index), number(guard.limit)});
      }
      if (!load.guards.empty()) b.otherwise = ComputeBits(load.otherwise);
    }
    return bound;
  };
  info.loads = bind_loads(stage.loads);
  if (info.reduces) info.finish_loads = bind_loads(stage.finish_loads);
  info.store = bind(stage.store);
  if (info.reduces) info.store.coefs.pop_back();
  if (!known) return Refusal{"a size in its loops is not known"};
  if (!flat) return Refusal{"its reduced axes are not one run"};
  StageLoad to;
  SetPlace(graph, op, nest, stage.store_buffer, first_temp, to);
  info.place = to.place;
  info.dtype = to.dtype;
  info.store.base += to.shift;
  return info;
}

}  // namespace gcomp::codegen
