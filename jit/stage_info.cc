#include "jit/stage_info.h"

#include <algorithm>
#include <bit>

#include "base/format.h"
#include "ir/op_def.h"

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

// Where a bound leaves one position of an axis, the load does not move along it: an axis of one
// element of what it reads is none.
void StandAtZero(const Bound& bound, Offset& offset) {
  if (bound.limit != 1) return;
  const std::vector<int64_t>& coefs = bound.index.coefs;
  const auto axis = std::find_if(coefs.begin(), coefs.end(), [](int64_t c) { return c != 0; });
  if (axis == coefs.end() || *axis != 1) return;
  if (std::count(coefs.begin(), coefs.end(), 0) + 1 != std::ssize(coefs)) return;
  int64_t& coef = offset.coefs[static_cast<size_t>(axis - coefs.begin())];
  offset.base -= coef * bound.index.base;
  coef = 0;
}

// The stage of an op of the graph. Temporaries of its nest have the places from `first_temp` on.
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
      for (const Bound& of_load : b.bounds) StandAtZero(of_load, b.offset);
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

std::vector<ir::TensorSpec> Specs(const FusionGraph& graph, const std::vector<uint32_t>& tensors) {
  std::vector<ir::TensorSpec> specs;
  for (uint32_t tensor : tensors) specs.push_back(graph.tensors[tensor].spec);
  return specs;
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

StageTable::StageTable(const FusionGraph& graph) : graph_(graph), ops_(graph.ops.size()) {
  auto temps = static_cast<uint32_t>(graph.tensors.size());
  for (uint32_t op = 0; op < ops_.size(); ++op) {
    Lower(op, temps);
    if (ops_[op].nest != nullptr) temps += static_cast<uint32_t>(ops_[op].nest->temps.size());
  }
}

void StageTable::Lower(uint32_t op, uint32_t first_temp) {
  const FusionOp& node = graph_.ops[op];
  OpStages& to = ops_[op];
  to.why_alone = node.alone;
  if (!node.alone.empty()) return;
  const ir::Lowering& lowering = node.op->def->lowering;
  if (lowering.loops == nullptr) {
    to.why_alone = lowering.why.empty() ? "it has no loops" : std::string(lowering.why);
    return;
  }
  StatusOr<ir::LoopNest> nest = ir::LowerOp(*node.function, *node.op, Specs(graph_, node.operands),
                                            Specs(graph_, node.results));
  if (!nest.ok()) {
    to.why_alone = nest.status().message();
    return;
  }
  to.nest = std::make_unique<ir::LoopNest>(std::move(*nest));
  for (const ir::Stage& stage : to.nest->stages) {
    Maybe<StageInfo> info = MakeStageInfo(graph_, op, *to.nest, stage, first_temp);
    if (!info) {
      to.why_alone = info.refusal().why;
      return;
    }
    to.stages.push_back(std::move(*info));
  }
}

}  // namespace gcomp::codegen
