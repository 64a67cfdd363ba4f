#include "jit/compose.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/format.h"
#include "jit/tidy.h"

namespace gcomp::codegen {
namespace {

// An innermost axis from which on vectors are full enough, whatever is added.
constexpr int64_t kPlainInner = 64;

int64_t PointsOf(const StageInfo& stage) {
  int64_t points = stage.row;
  for (int64_t size : stage.axes) points *= size;
  return points;
}

}  // namespace

size_t Composition::NodeHash::operator()(uint32_t n) const {
  const Node& node = (*nodes)[n];
  uint64_t hash = static_cast<uint64_t>(node.kind) << 24 | static_cast<uint64_t>(node.type) << 16 |
                  static_cast<uint64_t>(node.prim) << 8 | static_cast<uint64_t>(node.stored);
  for (uint64_t word : {uint64_t{node.args[0]}, uint64_t{node.args[1]}, uint64_t{node.args[2]},
                        node.imm, uint64_t{node.detail}}) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash;
}

Composition::Composition(const FusionGraph& graph, const StageTable& stages, IsStored stored)
    : graph_(graph),
      table_(stages),
      stored_(std::move(stored)),
      known_nodes_(16, NodeHash{&kernel_.nodes}, NodeEqual{&kernel_.nodes}) {}

// ---- Growing ------------------------------------------------------------------------------------

std::string Composition::Grow(std::span<const uint32_t> ops, size_t max_buffers) {
  std::vector<uint32_t> taken_back;
  std::vector<uint32_t> added(ops.begin(), ops.end());
  if (ReadsResultsOf(ops, last_.buffers)) {
    // The ops that came last read it: they come again behind those that make it.
    taken_back = last_.ops;
    RollBack();
    added.clear();
    std::merge(taken_back.begin(), taken_back.end(), ops.begin(), ops.end(),
               std::back_inserter(added));
  }
  Mark(added);
  last_.taken_back = std::move(taken_back);
  if (ReadsResultsOf(ops, 0)) return "it makes what the others read already";
  if (Maybe<bool> grown = AddStages(added); !grown) return grown.refusal().why;
  if (kernel_.buffers.size() + stores_.size() > max_buffers) {
    return Format("the kernel would use more than {} buffers", max_buffers);
  }
  return {};
}

void Composition::Undo() {
  RollBack();
  const std::vector<uint32_t> again = std::move(last_.taken_back);
  Mark(again);
  if (!again.empty()) (void)AddStages(again);
}

// True if one of the buffers from `first` on holds what one of the ops makes.
bool Composition::ReadsResultsOf(std::span<const uint32_t> ops, size_t first) const {
  for (size_t b = first; b < kernel_.buffers.size(); ++b) {
    const uint32_t storage = graph_.tensors[kernel_.buffers[b].tensor].storage;
    for (uint32_t op : ops) {
      const std::vector<uint32_t>& results = graph_.ops[op].results;
      if (std::find(results.begin(), results.end(), storage) != results.end()) return true;
    }
  }
  return false;
}

void Composition::Mark(std::span<const uint32_t> ops) {
  last_ = {.ops = {ops.begin(), ops.end()},
           .stages = stages_.size(),
           .nodes = kernel_.nodes.size(),
           .accesses = kernel_.accesses.size(),
           .buffers = kernel_.buffers.size(),
           .reductions = kernel_.reductions.size(),
           .stores = stores_,
           .evaluated = {},
           .taken_back = {}};
}

void Composition::RollBack() {
  for (uint32_t s : last_.evaluated) stages_[s].evaluations.pop_back();
  while (stages_.size() > last_.stages) {
    auto makers = makers_.find(stages_.back().info->place);
    makers->second.pop_back();
    if (makers->second.empty()) makers_.erase(makers);
    stages_.pop_back();
  }
  while (kernel_.nodes.size() > last_.nodes) {
    known_nodes_.erase(static_cast<uint32_t>(kernel_.nodes.size() - 1));
    kernel_.nodes.pop_back();
  }
  kernel_.accesses.resize(last_.accesses);
  kernel_.buffers.resize(last_.buffers);
  kernel_.reductions.resize(last_.reductions);
  stores_ = std::move(last_.stores);
}

Maybe<bool> Composition::AddStages(std::span<const uint32_t> ops) {
  const auto first = static_cast<uint32_t>(stages_.size());
  for (uint32_t op : ops) {
    for (const StageInfo& info : table_.stages(op)) {
      makers_[info.place].push_back(static_cast<uint32_t>(stages_.size()));
      stages_.push_back({&info, op, {}});
    }
  }
  if (first == 0) {
    const uint32_t root = ChooseRoot();
    IndexMap identity;
    for (size_t i = 0; i < stages_[root].info->axes.size(); ++i) {
      identity.push_back(AxisAlone(i, rank()));
    }
    GCOMP_MAYBE_ASSIGN(value, Evaluate(root, identity, {}));
    (void)value;
  }
  return AddStores(first);
}

bool Composition::GrewPlainly() const {
  const size_t first = last_.stages;
  if (first == 0 || stores_.empty()) return false;
  if (kernel_.reductions.size() > last_.reductions) return false;
  if (kernel_.has_row && kernel_.order != ir::Stage::Order::kLanes) return false;
  for (uint32_t s : last_.evaluated) {
    const StageState& stage = stages_[s];
    if (stage.evaluations.size() > 1 || !stage.evaluations[0].bounds.empty()) return false;
    if (!IsWhole(*stage.info, stage.evaluations[0].map)) return false;
  }
  // What is read lies like what is written, or side by side along a long innermost axis.
  const Offset& written = stores_[0].offset;
  size_t inner = kernel_.axes.size();
  if (!kernel_.has_row) {
    const std::vector<int64_t>& coefs = written.coefs;
    inner = static_cast<size_t>(std::find(coefs.begin(), coefs.end(), 1) - coefs.begin());
    if (inner == coefs.size()) return false;
  }
  for (size_t a = last_.accesses; a < kernel_.accesses.size(); ++a) {
    const Access& access = kernel_.accesses[a];
    if (!access.bounds.empty()) return false;
    if (access.offset.coefs == written.coefs) continue;
    if (sizes_[inner] < kPlainInner || (access.offset.coefs[inner] & ~int64_t{1}) != 0) {
      return false;
    }
  }
  return true;
}

FusedKernel Composition::Kernel() const {
  FusedKernel kernel = kernel_;
  std::vector<const StoredStage*> stores;
  for (const StoredStage& store : stores_) stores.push_back(&store);
  std::sort(stores.begin(), stores.end(), [&](const StoredStage* a, const StoredStage* b) {
    return std::make_pair(stages_[a->stage].op, a->stage) <
           std::make_pair(stages_[b->stage].op, b->stage);
  });
  for (const StoredStage* store : stores) {
    // The result itself is written; its storage begins at its element 0.
    const StageInfo& info = *stages_[store->stage].info;
    kernel.stores.push_back(
        {store->node, static_cast<uint32_t>(kernel.buffers.size()), store->offset});
    kernel.buffers.push_back({info.place, info.dtype, true});
  }
  Tidy(kernel);
  kernel.Analyze();
  return kernel;
}

// ---- The kernel's axes --------------------------------------------------------------------------

bool Composition::IsStoredStage(const StageState& stage) const {
  return stage.info->place < graph_.tensors.size() && stored_(stage.info->place);
}

uint32_t Composition::ChooseRoot() {
  auto rank_of = [&](const StageState& stage) {
    return std::make_tuple(stage.info->reduces && stage.info->row > 1, IsStoredStage(stage),
                           PointsOf(*stage.info));
  };
  uint32_t root = 0;
  for (uint32_t s = 1; s < stages_.size(); ++s) {
    if (rank_of(stages_[s]) >= rank_of(stages_[root])) root = s;
  }
  const StageInfo& info = *stages_[root].info;
  kernel_.axes = info.axes;
  kernel_.has_row = info.reduces && info.row > 1;
  kernel_.row = info.row;
  kernel_.order = info.stage->order;
  sizes_ = info.axes;
  if (kernel_.has_row) sizes_.push_back(info.row);
  return root;
}

// True if the stage's points are the kernel's, one by one: all of them, or those of the parallel
// axes.
bool Composition::IsWhole(const StageInfo& stage, const IndexMap& map) const {
  std::vector<bool> covered(rank());
  for (size_t i = 0; i < map.size(); ++i) {
    const uint32_t axis = LoneAxis(map[i]);
    if (axis == kNoAxis || covered[axis] || sizes_[axis] != stage.axes[i]) return false;
    covered[axis] = true;
  }
  return std::all_of(covered.begin(),
                     covered.begin() + static_cast<std::ptrdiff_t>(kernel_.axes.size()),
                     [](bool c) { return c; });
}

// ---- What is stored -----------------------------------------------------------------------------

// Those of the stages from `first_stage` on; drops what need not be stored any more.
Maybe<bool> Composition::AddStores(uint32_t first_stage) {
  std::erase_if(stores_, [&](const StoredStage& s) { return !IsStoredStage(stages_[s.stage]); });
  std::vector<uint32_t> open;
  for (uint32_t s = first_stage; s < stages_.size(); ++s) {
    if (IsStoredStage(stages_[s])) open.push_back(s);
  }
  for (bool progress = true; progress && !open.empty();) {
    progress = false;
    for (uint32_t s : std::exchange(open, {})) {
      std::optional<IndexMap> map = WholeMap(s);
      if (!map.has_value()) {
        open.push_back(s);
        continue;
      }
      GCOMP_MAYBE_ASSIGN(node, Evaluate(s, *map, {}));
      stores_.push_back({s, node, Substitute(stages_[s].info->store, *map, rank())});
      progress = true;
    }
  }
  if (!open.empty()) return Refusal{"their iteration spaces differ"};
  return true;
}

// The map by which the stage can be stored from the kernel's loops.
std::optional<IndexMap> Composition::WholeMap(uint32_t s) const {
  for (const Evaluation& e : stages_[s].evaluations) {
    if (e.bounds.empty() && IsWhole(*stages_[s].info, e.map)) return e.map;
  }
  return MatchByLoads(*stages_[s].info);
}

const std::vector<uint32_t>* Composition::MakersOf(const StageLoad& load) const {
  if (load.is_index) return nullptr;
  auto makers = makers_.find(load.place);
  return makers == makers_.end() ? nullptr : &makers->second;
}

std::optional<IndexMap> Composition::MatchByLoads(const StageInfo& stage) const {
  std::vector<uint32_t> axis_of(stage.axes.size(), kNoAxis);
  std::vector<bool> taken(rank());
  auto take = [&](size_t i, uint32_t axis) {
    axis_of[i] = axis;
    taken[axis] = true;
  };
  auto match = [&](const StageLoad& load) {
    const std::vector<uint32_t>* makers = MakersOf(load);
    if (makers == nullptr || makers->size() != 1) return;
    const StageState& state = stages_[(*makers)[0]];
    const StageInfo& maker = *state.info;
    for (const Evaluation& e : state.evaluations) {
      if (!e.bounds.empty() || !IsWhole(maker, e.map)) continue;
      for (size_t i = 0; i < stage.axes.size(); ++i) {
        for (size_t j = 0; j < maker.axes.size() && axis_of[i] == kNoAxis; ++j) {
          const uint32_t axis = LoneAxis(e.map[j]);
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
    const size_t end = stage.reduces ? kernel_.axes.size() : rank();
    for (uint32_t axis = 0; axis < end && axis_of[i] == kNoAxis; ++axis) {
      if (!taken[axis] && sizes_[axis] == stage.axes[i]) take(i, axis);
    }
    if (axis_of[i] == kNoAxis) return std::nullopt;
  }
  IndexMap map;
  for (uint32_t axis : axis_of) map.push_back(AxisAlone(axis, rank()));
  if (!IsWhole(stage, map)) return std::nullopt;
  return map;
}

}  // namespace gcomp::codegen
