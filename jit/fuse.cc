#include "jit/fuse.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <queue>
#include <utility>

#include "base/format.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "jit/compose.h"

namespace gcomp::codegen {
namespace {

// An innermost axis shorter than this leaves most lanes of a vector idle.
constexpr int64_t kMinInner = 8;

class Fuser {
 public:
  Fuser(const FusionGraph& graph, const FusionOptions& options)
      : graph_(graph), options_(options), unit_of_(graph.ops.size()), units_(graph.ops.size()) {}

  Fusion Run() {
    Link();
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      unit_of_[op] = op;
      units_[op].ops = {op};
      Join(op);
    }
    for (Unit& unit : units_) Alone(unit);
    return Order();
  }

 private:
  struct Unit {
    std::vector<uint32_t> ops;
    std::optional<FusedKernel> kernel;
  };

  // ---- What the graph says ----------------------------------------------------------------------

  void Link() {
    const size_t ops = graph_.ops.size();
    const size_t tensors = graph_.tensors.size();
    maker_.assign(tensors, kNone);
    escapes_.assign(tensors, false);
    readers_.resize(tensors);
    before_.resize(ops);
    behind_.resize(ops);
    for (const FusionTensor& tensor : graph_.tensors) {
      if (tensor.escapes) escapes_[tensor.storage] = true;
    }
    for (uint32_t op = 0; op < ops; ++op) {
      const FusionOp& node = graph_.ops[op];
      for (uint32_t operand : node.operands) {
        const uint32_t storage = graph_.tensors[operand].storage;
        readers_[storage].push_back(op);
        if (maker_[storage] != kNone) before_[op].push_back(maker_[storage]);
      }
      before_[op].insert(before_[op].end(), node.after.begin(), node.after.end());
      for (uint32_t result : node.results) {
        if (graph_.tensors[result].storage == result) maker_[result] = op;
      }
      std::vector<uint32_t>& before = before_[op];
      std::sort(before.begin(), before.end());
      before.erase(std::unique(before.begin(), before.end()), before.end());
      for (uint32_t first : before) behind_[first].push_back(op);
    }
    Lower();
  }

  void Lower() {
    why_alone_.resize(graph_.ops.size());
    nests_.resize(graph_.ops.size(), nullptr);
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      const FusionOp& node = graph_.ops[op];
      why_alone_[op] = node.alone;
      if (!node.alone.empty()) continue;
      const ir::Lowering& lowering = node.op->def->lowering;
      if (lowering.loops == nullptr) {
        why_alone_[op] = lowering.why.empty() ? "it has no loops" : std::string(lowering.why);
        continue;
      }
      StatusOr<ir::LoopNest> nest =
          ir::LowerOp(*node.function, *node.op, Specs(node.operands), Specs(node.results));
      if (!nest.ok()) {
        why_alone_[op] = nest.status().message();
        continue;
      }
      owned_.push_back(std::make_unique<ir::LoopNest>(std::move(*nest)));
      nests_[op] = owned_.back().get();
    }
  }

  std::vector<ir::TensorSpec> Specs(const std::vector<uint32_t>& tensors) const {
    std::vector<ir::TensorSpec> specs;
    for (uint32_t tensor : tensors) specs.push_back(graph_.tensors[tensor].spec);
    return specs;
  }

  // ---- Growing units ----------------------------------------------------------------------------

  // Joins the op with the units of what it reads, as far as that gives kernels.
  void Join(uint32_t op) {
    std::vector<uint32_t> makers;
    for (uint32_t first : before_[op]) {
      const std::vector<uint32_t>& after = graph_.ops[op].after;
      if (std::find(after.begin(), after.end(), first) == after.end()) makers.push_back(first);
    }
    // The nearest first: it is the one that is still in a cache.
    for (size_t m = makers.size(); m-- > 0;) {
      if (unit_of_[makers[m]] == unit_of_[op]) continue;
      std::string why = TryJoin(makers[m], op);
      if (!why.empty()) cuts_.push_back({makers[m], op, std::move(why)});
    }
  }

  // Empty if the units of the two are one now, else why not.
  std::string TryJoin(uint32_t maker, uint32_t op) {
    if (!why_alone_[op].empty()) return Format("{}: {}", NameOf(op), why_alone_[op]);
    if (!why_alone_[maker].empty()) return Format("{}: {}", NameOf(maker), why_alone_[maker]);
    const Unit& a = units_[unit_of_[maker]];
    const Unit& b = units_[unit_of_[op]];
    Unit joined;
    std::merge(a.ops.begin(), a.ops.end(), b.ops.begin(), b.ops.end(),
               std::back_inserter(joined.ops));
    if (joined.ops.size() > options_.max_ops) {
      return Format("a kernel takes {} ops at most", options_.max_ops);
    }
    if (Passes(joined.ops)) return "an op between them stays outside";
    Composed composed =
        Compose(graph_, nests_, joined.ops, Stored(joined.ops), options_.max_buffers);
    if (!composed.kernel.has_value()) return composed.why;
    if (std::string why = Unfit(*composed.kernel); !why.empty()) return why;
    joined.kernel = std::move(composed.kernel);
    const uint32_t into = unit_of_[op];
    units_[unit_of_[maker]] = {};
    for (uint32_t member : joined.ops) unit_of_[member] = into;
    units_[into] = std::move(joined);
    return {};
  }

  // A kernel for a unit of one op, where its loops can be one.
  void Alone(Unit& unit) {
    if (unit.ops.size() != 1 || nests_[unit.ops[0]] == nullptr) return;
    int64_t elements = 0;
    const FusionOp& op = graph_.ops[unit.ops[0]];
    for (const std::vector<uint32_t>* tensors : {&op.operands, &op.results}) {
      for (uint32_t tensor : *tensors) {
        elements = std::max(elements, graph_.tensors[tensor].spec.NumElements());
      }
    }
    if (elements < options_.alone_from) return;
    unit.kernel = Compose(graph_, nests_, unit.ops, Stored(unit.ops), options_.max_buffers).kernel;
  }

  // True if something outside runs behind one of the ops and before another.
  bool Passes(const std::vector<uint32_t>& ops) const {
    auto inside = [&](uint32_t op) { return std::binary_search(ops.begin(), ops.end(), op); };
    std::vector<uint32_t> stack;
    std::vector<bool> seen(graph_.ops.size());
    auto push = [&](uint32_t op) {
      for (uint32_t next : behind_[op]) {
        // Later ops than the last are in no unit yet, so that nothing leads back.
        if (next <= ops.back() && !seen[next] && !inside(next)) {
          seen[next] = true;
          stack.push_back(next);
        }
      }
    };
    for (uint32_t op : ops) push(op);
    while (!stack.empty()) {
      const uint32_t op = stack.back();
      stack.pop_back();
      for (uint32_t member : units_[unit_of_[op]].ops) {
        for (uint32_t next : behind_[member]) {
          if (inside(next)) return true;
        }
        push(member);
      }
    }
    return false;
  }

  // By tensor: someone outside the ops reads the memory.
  std::vector<bool> Stored(const std::vector<uint32_t>& ops) const {
    std::vector<bool> stored(graph_.tensors.size());
    for (uint32_t op : ops) {
      for (uint32_t result : graph_.ops[op].results) {
        stored[result] =
            escapes_[result] ||
            std::any_of(readers_[result].begin(), readers_[result].end(), [&](uint32_t reader) {
              return !std::binary_search(ops.begin(), ops.end(), reader);
            });
      }
    }
    return stored;
  }

  // Why the kernel would run slower than the ops one by one; empty if it would not.
  static std::string Unfit(const FusedKernel& kernel) {
    const bool lanes = kernel.has_row && kernel.order == ir::Stage::Order::kLanes;
    const size_t vector = lanes ? kernel.axes.size() : kernel.axes.size() - 1;
    if (kernel.axes.empty() && !lanes) return {};
    const int64_t inner = lanes ? kernel.row : kernel.axes[vector];
    if (inner < kMinInner && kernel.Points() > 4 * kMinInner) {
      return Format("the innermost axis has {} elements only", inner);
    }
    int strided = 0;
    int dense = 0;
    for (const Node& node : kernel.nodes) {
      if (node.kind != Node::Kind::kLoad) continue;
      const int64_t stride = kernel.accesses[node.detail].offset.coefs[vector];
      (stride == 0 || stride == 1 ? dense : strided)++;
    }
    for (const Store& store : kernel.stores) {
      const int64_t stride = store.offset.coefs[vector];
      (stride == 0 || stride == 1 ? dense : strided)++;
    }
    if (strided > dense) return "it would walk memory with strides";
    return {};
  }

  // ---- The order of units -----------------------------------------------------------------------

  Fusion Order() {
    Fusion fusion;
    fusion.cuts = std::move(cuts_);
    std::vector<size_t> waits(graph_.ops.size());  // by unit: edges from other units
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      for (uint32_t next : behind_[op]) {
        if (unit_of_[next] != unit_of_[op]) ++waits[unit_of_[next]];
      }
    }
    // Of those that may run, the one whose first op stands first in the text.
    using Entry = std::pair<uint32_t, uint32_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    auto offer = [&](uint32_t unit) {
      if (waits[unit] == 0) ready.emplace(units_[unit].ops.front(), unit);
    };
    for (uint32_t unit = 0; unit < units_.size(); ++unit) {
      if (!units_[unit].ops.empty()) offer(unit);
    }
    while (!ready.empty()) {
      const uint32_t unit = ready.top().second;
      ready.pop();
      for (uint32_t op : units_[unit].ops) {
        for (uint32_t next : behind_[op]) {
          if (unit_of_[next] == unit) continue;
          if (--waits[unit_of_[next]] == 0) offer(unit_of_[next]);
        }
      }
      fusion.units.push_back({std::move(units_[unit].ops), std::move(units_[unit].kernel)});
    }
    return fusion;
  }

  std::string NameOf(uint32_t op) const { return std::string(graph_.ops[op].op->def->name); }

  static constexpr uint32_t kNone = UINT32_MAX;

  const FusionGraph& graph_;
  const FusionOptions& options_;
  std::vector<uint32_t> unit_of_;  // by op
  std::vector<Unit> units_;        // a unit has the number of one of its ops
  std::vector<FusionCut> cuts_;
  std::vector<uint32_t> maker_;                 // by storage
  std::vector<bool> escapes_;                   // by storage
  std::vector<std::vector<uint32_t>> readers_;  // by storage
  std::vector<std::vector<uint32_t>> before_;   // by op: who must run before it
  std::vector<std::vector<uint32_t>> behind_;   // by op: who must run behind it
  std::vector<std::string> why_alone_;
  std::vector<const ir::LoopNest*> nests_;
  std::vector<std::unique_ptr<ir::LoopNest>> owned_;
};

}  // namespace

Fusion Fuse(const FusionGraph& graph, const FusionOptions& options) {
  return Fuser(graph, options).Run();
}

}  // namespace gcomp::codegen
