#include "jit/compose.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/format.h"
#include "jit/stage_info.h"
#include "jit/tidy.h"

namespace gcomp::codegen {
namespace {

using ir::DType;

#define GCOMP_TRY(target, expression)                   \
  auto target##_maybe = (expression);                   \
  if (!target##_maybe) return target##_maybe.refusal(); \
  auto target = std::move(*target##_maybe)

// By axis of a stage: its position as a function of the kernel's axes.
using IndexMap = std::vector<Offset>;

class Composer {
 public:
  Composer(const FusionGraph& graph, std::span<const ir::LoopNest* const> nests,
           std::span<const uint32_t> ops, const std::vector<bool>& stored)
      : graph_(graph), nests_(nests), ops_(ops), stored_(stored) {}

  Maybe<FusedKernel> Run() {
    GCOMP_TRY(all, Stages());
    stages_ = std::move(all);
    for (uint32_t s = 0; s < stages_.size(); ++s) makers_[stages_[s].place].push_back(s);
    maps_.resize(stages_.size());
    ChooseRoot();
    GCOMP_TRY(stores, Stores());
    kernel_.stores = std::move(stores);
    Tidy(kernel_);
    kernel_.Analyze();
    return std::move(kernel_);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  // ---- Stages with numbers ----------------------------------------------------------------------

  Maybe<std::vector<StageInfo>> Stages() {
    std::vector<StageInfo> stages;
    uint32_t temps = static_cast<uint32_t>(graph_.tensors.size());
    for (uint32_t op : ops_) {
      const ir::LoopNest& nest = *nests_[op];
      for (const ir::Stage& stage : nest.stages) {
        GCOMP_TRY(info, MakeStageInfo(graph_, op, nest, stage, temps));
        stages.push_back(std::move(info));
      }
      temps += static_cast<uint32_t>(nest.temps.size());
    }
    return stages;
  }

  // ---- The kernel's axes ------------------------------------------------------------------------

  static int64_t PointsOf(const StageInfo& stage) {
    int64_t points = stage.row;
    for (int64_t size : stage.axes) points *= size;
    return points;
  }

  void ChooseRoot() {
    auto rank = [&](const StageInfo& stage) {
      const bool is_stored = stage.place < graph_.tensors.size() && stored_[stage.place];
      return std::make_tuple(stage.reduces && stage.row > 1, is_stored, PointsOf(stage));
    };
    for (uint32_t s = 1; s < stages_.size(); ++s) {
      if (rank(stages_[s]) >= rank(stages_[root_])) root_ = s;
    }
    const StageInfo& root = stages_[root_];
    kernel_.axes = root.axes;
    kernel_.has_row = root.reduces && root.row > 1;
    kernel_.row = root.row;
    kernel_.order = root.stage->order;
  }

  size_t Rank() const { return kernel_.axes.size() + (kernel_.has_row ? 1 : 0); }

  int64_t SizeOfAxis(size_t axis) const {
    return axis < kernel_.axes.size() ? kernel_.axes[axis] : kernel_.row;
  }

  Offset AxisAlone(size_t axis) const {
    Offset offset;
    offset.coefs.resize(Rank());
    offset.coefs[axis] = 1;
    return offset;
  }

  // The kernel's axis that an index is, without scale or shift; kNone if it is another function.
  static uint32_t LoneAxis(const Offset& index) {
    uint32_t axis = kNone;
    if (index.base != 0) return kNone;
    for (uint32_t i = 0; i < index.coefs.size(); ++i) {
      if (index.coefs[i] == 0) continue;
      if (index.coefs[i] != 1 || axis != kNone) return kNone;
      axis = i;
    }
    return axis;
  }

  // True if the stage's points are the kernel's, one by one: all of them, or those of the parallel
  // axes.
  bool IsWhole(const StageInfo& stage, const IndexMap& map) const {
    std::vector<bool> covered(Rank());
    for (size_t i = 0; i < map.size(); ++i) {
      const uint32_t axis = LoneAxis(map[i]);
      if (axis == kNone || covered[axis] || SizeOfAxis(axis) != stage.axes[i]) return false;
      covered[axis] = true;
    }
    return std::all_of(covered.begin(),
                       covered.begin() + static_cast<std::ptrdiff_t>(kernel_.axes.size()),
                       [](bool c) { return c; });
  }

  // ---- What is stored ---------------------------------------------------------------------------

  Maybe<std::vector<Store>> Stores() {
    IndexMap identity;
    for (size_t i = 0; i < stages_[root_].axes.size(); ++i) identity.push_back(AxisAlone(i));
    GCOMP_TRY(root, Evaluate(root_, identity, {}));
    (void)root;
    std::vector<uint32_t> open;
    for (uint32_t s = 0; s < stages_.size(); ++s) {
      if (stages_[s].place < graph_.tensors.size() && stored_[stages_[s].place]) open.push_back(s);
    }
    std::vector<Store> stores;
    for (bool progress = true; progress && !open.empty();) {
      progress = false;
      for (uint32_t s : std::exchange(open, {})) {
        std::optional<IndexMap> map = WholeMap(s);
        if (!map.has_value()) {
          open.push_back(s);
          continue;
        }
        GCOMP_TRY(node, Evaluate(s, *map, {}));
        const StageInfo& stage = stages_[s];
        // The result itself is written; its storage begins at its element 0.
        stores.push_back(
            {node, BufferOf(stage.place, stage.dtype, true), Substitute(stage.store, *map)});
        progress = true;
      }
    }
    if (!open.empty()) return Refusal{"their iteration spaces differ"};
    return stores;
  }

  // The map by which the stage can be stored from the kernel's loops.
  std::optional<IndexMap> WholeMap(uint32_t s) const {
    for (const IndexMap& map : maps_[s]) {
      if (IsWhole(stages_[s], map)) return map;
    }
    return MatchByLoads(stages_[s]);
  }

  std::optional<IndexMap> MatchByLoads(const StageInfo& stage) const {
    std::vector<uint32_t> axis_of(stage.axes.size(), kNone);
    std::vector<bool> taken(Rank());
    auto take = [&](size_t i, uint32_t axis) {
      axis_of[i] = axis;
      taken[axis] = true;
    };
    auto match = [&](const StageLoad& load) {
      auto makers = load.is_index ? makers_.end() : makers_.find(load.place);
      if (makers == makers_.end() || makers->second.size() != 1) return;
      const StageInfo& maker = stages_[makers->second[0]];
      for (const IndexMap& map : maps_[makers->second[0]]) {
        if (!IsWhole(maker, map)) continue;
        for (size_t i = 0; i < stage.axes.size(); ++i) {
          for (size_t j = 0; j < maker.axes.size() && axis_of[i] == kNone; ++j) {
            const uint32_t axis = LoneAxis(map[j]);
            if (!taken[axis] && load.offset.coefs[i] == maker.store.coefs[j] &&
                stage.axes[i] == maker.axes[j]) {
              take(i, axis);
            }
          }
        }
      }
    };
    for (const StageLoad& load : stage.loads) match(load);
    for (const StageLoad& load : stage.finish_loads) match(load);
    // What no load tells goes in order.
    for (size_t i = 0; i < stage.axes.size(); ++i) {
      const size_t end = stage.reduces ? kernel_.axes.size() : Rank();
      for (uint32_t axis = 0; axis < end && axis_of[i] == kNone; ++axis) {
        if (!taken[axis] && SizeOfAxis(axis) == stage.axes[i]) take(i, axis);
      }
      if (axis_of[i] == kNone) return std::nullopt;
    }
    IndexMap map;
    for (uint32_t axis : axis_of) map.push_back(AxisAlone(axis));
    if (!IsWhole(stage, map)) return std::nullopt;
    return map;
  }

  uint32_t BufferOf(uint32_t tensor, DType dtype, bool written) {
    auto known = std::find_if(kernel_.buffers.begin(), kernel_.buffers.end(), [&](const Buffer& b) {
      return b.tensor == tensor && b.written == written;
    });
    if (known == kernel_.buffers.end()) {
      kernel_.buffers.push_back({tensor, dtype, written});
      return static_cast<uint32_t>(kernel_.buffers.size() - 1);
    }
    return static_cast<uint32_t>(known - kernel_.buffers.begin());
  }

  // ---- Nodes ------------------------------------------------------------------------------------

  // `offset` of a stage's axes as one of the kernel's.
  Offset Substitute(const Offset& offset, const IndexMap& map) const {
    Offset result;
    result.base = offset.base;
    result.coefs.resize(Rank());
    for (size_t i = 0; i < map.size(); ++i) {
      result.base += offset.coefs[i] * map[i].base;
      for (size_t g = 0; g < Rank(); ++g) result.coefs[g] += offset.coefs[i] * map[i].coefs[g];
    }
    return result;
  }

  // The value that the stage stores, at the point that `map` gives. Where one of `bounds` does not
  // hold, the point may be none of the stage's: nothing is read there, and the value means nothing.
  Maybe<uint32_t> Evaluate(uint32_t s, const IndexMap& map, const std::vector<Bound>& bounds) {
    auto key = std::make_tuple(s, map, bounds);
    if (auto known = values_.find(key); known != values_.end()) return known->second;
    const StageInfo& stage = stages_[s];
    IndexMap inside = map;
    const bool combines = stage.reduces && stage.row > 1;
    if (stage.reduces && !bounds.empty()) return Refusal{"a reduction is read through padding"};
    if (stage.reduces) inside.push_back({0, std::vector<int64_t>(Rank())});
    if (combines) {
      if (!kernel_.has_row || kernel_.row != stage.row || kernel_.order != stage.stage->order) {
        return Refusal{"their reductions run over other rows"};
      }
      for (const Offset& index : map) {
        if (index.coefs.back() != 0)
          return Refusal{"a reduction stands inside the rows of another"};
      }
      inside.back().coefs.back() = 1;
    }
    std::vector<uint32_t> params;
    for (const StageLoad& load : stage.loads) {
      GCOMP_TRY(param, Value(load, inside, bounds));
      params.push_back(param);
    }
    uint32_t value = Import(stage.stage->body, stage.stage->body_result, params);
    if (stage.reduces) {
      if (combines) value = AddReduction(*stage.stage, value);
      params = {value};
      inside.back() = {0, std::vector<int64_t>(Rank())};
      for (const StageLoad& load : stage.finish_loads) {
        GCOMP_TRY(param, Value(load, inside, bounds));
        params.push_back(param);
      }
      value = Import(stage.stage->finish, stage.stage->finish_result, params);
    }
    if (bounds.empty()) maps_[s].push_back(map);
    values_.emplace(std::move(key), value);
    return value;
  }

  uint32_t AddReduction(const ir::Stage& stage, uint32_t value) {
    Node node;
    node.kind = Node::Kind::kReduce;
    node.type = stage.identity.dtype;
    node.args[0] = value;
    node.detail = static_cast<uint32_t>(kernel_.reductions.size());
    kernel_.reductions.push_back({stage.combine, stage.combine_result, stage.identity.bits});
    return Add(node);
  }

  Maybe<uint32_t> Value(const StageLoad& load, const IndexMap& map,
                        const std::vector<Bound>& outer) {
    Access access;
    access.offset = Substitute(load.offset, map);
    std::vector<Bound> own;
    for (const Bound& bound : load.bounds) {
      own.push_back({Substitute(bound.index, map), bound.limit});
    }
    access.otherwise = load.otherwise;
    access.bounds = own;
    access.bounds.insert(access.bounds.end(), outer.begin(), outer.end());
    auto makers = load.is_index ? makers_.end() : makers_.find(load.place);
    if (makers == makers_.end()) {
      if (const ir::Scalar* literal = LiteralOf(load); literal != nullptr && load.bounds.empty()) {
        return AddConst(ir::ComputeTypeOf(load.dtype), ComputeBits(*literal));
      }
      return AddAccess(load, std::move(access));
    }
    if (makers->second.size() > 1) return Refusal{"several loops write the parts of what is read"};
    const uint32_t maker = makers->second[0];
    if (stages_[maker].dtype != load.dtype) return Refusal{"it is read as another type"};
    access.offset.base += load.shift;
    GCOMP_TRY(at, TakeApart(access.offset, stages_[maker], own));
    GCOMP_TRY(value, Evaluate(maker, at, access.bounds));
    if (ir::ComputeTypeOf(load.dtype) != load.dtype) {
      Node round;
      round.kind = Node::Kind::kRound;
      round.type = ir::ComputeTypeOf(load.dtype);
      round.stored = load.dtype;
      round.args[0] = value;
      value = Add(round);
    }
    if (own.empty()) return value;
    const DType type = ir::ComputeTypeOf(load.dtype);
    return AddPrim(ir::Prim::kSelect, type, {InBounds(own), value, AddConst(type, load.otherwise)});
  }

  const ir::Scalar* LiteralOf(const StageLoad& load) const {
    if (load.is_index || load.tensor >= graph_.tensors.size()) return nullptr;
    const std::optional<ir::Scalar>& literal = graph_.tensors[load.tensor].literal;
    return literal.has_value() ? &*literal : nullptr;
  }

  uint32_t AddPrim(ir::Prim prim, DType type, std::initializer_list<uint32_t> args) {
    Node node;
    node.prim = prim;
    node.type = type;
    std::copy(args.begin(), args.end(), node.args);
    return Add(node);
  }

  uint32_t AddConst(DType type, uint64_t bits) {
    Node node;
    node.type = type;
    node.imm = bits;
    return Add(node);
  }

  // True where all bounds hold, as a node.
  uint32_t InBounds(const std::vector<Bound>& bounds) {
    std::optional<uint32_t> all;
    for (const Bound& bound : bounds) {
      StageLoad position;
      position.is_index = true;
      Access access;
      access.offset = bound.index;
      const uint32_t index = AddAccess(position, std::move(access));
      const uint32_t limit = AddConst(DType::kI64, static_cast<uint64_t>(bound.limit));
      const uint32_t low =
          AddPrim(ir::Prim::kLe, DType::kBool, {AddConst(DType::kI64, 0), index, 0});
      const uint32_t high = AddPrim(ir::Prim::kLt, DType::kBool, {index, limit, 0});
      const uint32_t both = AddPrim(ir::Prim::kAnd, DType::kBool, {low, high, 0});
      all = all.has_value() ? AddPrim(ir::Prim::kAnd, DType::kBool, {*all, both, 0}) : both;
    }
    return *all;
  }

  uint32_t AddAccess(const StageLoad& load, Access access) {
    Node node;
    node.kind = load.is_index ? Node::Kind::kIndex : Node::Kind::kLoad;
    node.type = load.is_index ? DType::kI64 : ir::ComputeTypeOf(load.dtype);
    if (!load.is_index) access.buffer = BufferOf(load.tensor, load.dtype, false);
    auto known = std::find(kernel_.accesses.begin(), kernel_.accesses.end(), access);
    node.detail = static_cast<uint32_t>(known - kernel_.accesses.begin());
    if (known == kernel_.accesses.end()) kernel_.accesses.push_back(std::move(access));
    return Add(node);
  }

  // The maker's axes such that its store lies at `offset`, where `bounds` hold.
  Maybe<IndexMap> TakeApart(const Offset& offset, const StageInfo& maker,
                            const std::vector<Bound>& bounds) const {
    const Refusal refusal{"its index can't be told by the other's axes"};
    const std::vector<int64_t>& strides = maker.store.coefs;
    IndexMap map(maker.axes.size(), {0, std::vector<int64_t>(Rank())});
    std::vector<size_t> by_stride(maker.axes.size());
    for (size_t j = 0; j < by_stride.size(); ++j) {
      by_stride[j] = j;
      if (strides[j] <= 0) return refusal;
    }
    std::sort(by_stride.begin(), by_stride.end(),
              [&](size_t a, size_t b) { return strides[a] > strides[b]; });
    for (size_t g = 0; g < Rank(); ++g) {
      const int64_t coef = offset.coefs[g];
      if (coef == 0) continue;
      auto axis = std::find_if(by_stride.begin(), by_stride.end(), [&](size_t j) {
        return strides[j] <= std::abs(coef) && coef % strides[j] == 0;
      });
      if (axis == by_stride.end()) return refusal;
      map[*axis].coefs[g] = coef / strides[*axis];
    }
    // An axis that a bound keeps inside begins where the bound's index does.
    std::vector<bool> kept_inside(map.size());
    int64_t rest = offset.base - maker.store.base;
    for (size_t j = 0; j < map.size(); ++j) {
      auto bound = std::find_if(bounds.begin(), bounds.end(), [&](const Bound& b) {
        return b.index.coefs == map[j].coefs && b.limit <= maker.axes[j];
      });
      if (bound == bounds.end()) continue;
      kept_inside[j] = true;
      map[j].base = bound->index.base;
      rest -= map[j].base * strides[j];
    }
    for (size_t j : by_stride) {
      if (kept_inside[j]) continue;
      if (rest < 0) return refusal;
      map[j].base = std::min(rest / strides[j], maker.axes[j] - 1);
      rest -= map[j].base * strides[j];
    }
    if (rest != 0) return refusal;
    for (size_t j = 0; j < map.size(); ++j) {
      if (!kept_inside[j] && !StaysInside(map[j], maker.axes[j])) return refusal;
    }
    return map;
  }

  bool StaysInside(const Offset& index, int64_t size) const {
    int64_t low = index.base;
    int64_t high = index.base;
    for (size_t g = 0; g < Rank(); ++g) {
      const int64_t reach = index.coefs[g] * (SizeOfAxis(g) - 1);
      (reach < 0 ? low : high) += reach;
    }
    return low >= 0 && high < size;
  }

  // The nodes of a scalar expression, its parameters replaced.
  uint32_t Import(const ir::ScalarGraph& graph, uint32_t result,
                  const std::vector<uint32_t>& params) {
    std::vector<uint32_t> to(graph.nodes().size());
    for (size_t n = 0; n <= result; ++n) {
      const ir::ScalarGraph::Node& from = graph.nodes()[n];
      if (from.prim == ir::Prim::kParam) {
        to[n] = params[from.imm];
        continue;
      }
      Node node;
      node.type = from.type;
      node.prim = from.prim;
      node.imm = from.imm;
      for (int a = 0; a < ir::ScalarGraph::Arity(from.prim); ++a) node.args[a] = to[from.args[a]];
      to[n] = Add(node);
    }
    return to[result];
  }

  uint32_t Add(const Node& node) {
    auto key = std::make_tuple(node.kind, node.type, node.prim, node.args[0], node.args[1],
                               node.args[2], node.imm, node.detail, node.stored);
    auto [known, added] = node_of_.emplace(key, static_cast<uint32_t>(kernel_.nodes.size()));
    if (added) kernel_.nodes.push_back(node);
    return known->second;
  }

  const FusionGraph& graph_;
  std::span<const ir::LoopNest* const> nests_;
  std::span<const uint32_t> ops_;
  const std::vector<bool>& stored_;
  std::vector<StageInfo> stages_;
  std::map<uint32_t, std::vector<uint32_t>> makers_;  // by place: the stages that store there
  uint32_t root_ = 0;
  FusedKernel kernel_;
  std::vector<std::vector<IndexMap>> maps_;  // by stage: where it was evaluated
  std::map<std::tuple<uint32_t, IndexMap, std::vector<Bound>>, uint32_t> values_;
  std::map<std::tuple<Node::Kind, DType, ir::Prim, uint32_t, uint32_t, uint32_t, uint64_t, uint32_t,
                      DType>,
           uint32_t>
      node_of_;
};

#undef GCOMP_TRY

}  // namespace

Composed Compose(const FusionGraph& graph, std::span<const ir::LoopNest* const> nests,
                 std::span<const uint32_t> ops, const std::vector<bool>& stored,
                 size_t max_buffers) {
  Maybe<FusedKernel> kernel = Composer(graph, nests, ops, stored).Run();
  if (!kernel) return {std::nullopt, kernel.refusal().why};
  if ((*kernel).buffers.size() > max_buffers) {
    return {std::nullopt, Format("the kernel would use more than {} buffers", max_buffers)};
  }
  return {std::move(*kernel), {}};
}

}  // namespace gcomp::codegen
