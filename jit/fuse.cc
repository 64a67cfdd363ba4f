#include "jit/fuse.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <queue>
#include <utility>

#include "base/format.h"
#include "ir/op_def.h"
#include "jit/compose.h"
#include "jit/cost.h"
#include "jit/stage_info.h"

namespace gcomp::codegen {
namespace {

class Fuser {
 public:
  Fuser(const FusionGraph& graph, const FusionOptions& options)
      : graph_(graph),
        options_(options),
        stages_(graph),
        unit_of_(graph.ops.size()),
        units_(graph.ops.size()) {}

  Fusion Run() {
    Link();
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      unit_of_[op] = op;
      units_[op].ops = {op};
    }
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) Join(op);
    for (Unit& unit : units_) Finish(unit);
    return Order();
  }

 private:
  struct Unit {
    std::vector<uint32_t> ops;                 // ascending; empty = it is part of another unit
    std::unique_ptr<Composition> composition;  // of several ops
    std::optional<Cost> cost;                  // once it was asked for
    std::optional<FusedKernel> kernel;         // once all units are as they stay
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
    outside_.resize(tensors);
    for (size_t t = 0; t < tensors; ++t) outside_[t] = readers_[t].size();
    seen_.assign(ops, 0);
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
    for (uint32_t one : {op, maker}) {
      if (const std::string& why = stages_.why_alone(one); !why.empty()) {
        return Format("{}: {}", NameOf(one), why);
      }
    }
    // Each part of a join is a buffer or made by an op: before anything is composed.
    if (graph_.ops[op].operands.size() > options_.max_ops + options_.max_buffers) {
      return Format("{}: more than {} operands", NameOf(op),
                    options_.max_ops + options_.max_buffers);
    }
    uint32_t into = unit_of_[op];
    uint32_t from = unit_of_[maker];
    if (units_[into].ops.size() + units_[from].ops.size() > options_.max_ops) {
      return Format("a kernel takes {} ops at most", options_.max_ops);
    }
    std::vector<uint32_t> joined;
    std::merge(units_[into].ops.begin(), units_[into].ops.end(), units_[from].ops.begin(),
               units_[from].ops.end(), std::back_inserter(joined));
    if (Passes(joined)) return "an op between them stays outside";
    // The smaller one moves.
    if (units_[into].ops.size() < units_[from].ops.size()) std::swap(into, from);
    if (std::string why = Unite(units_[from], units_[into], joined); !why.empty()) return why;
    units_[from] = {};
    return {};
  }

  // Makes `into` the unit of all `joined` ops, and leaves `from` behind. Else says why not, and all
  // is as before.
  std::string Unite(Unit& from, Unit& into, std::vector<uint32_t>& joined) {
    const uint32_t from_number = unit_of_[from.ops.front()];
    const uint32_t into_number = unit_of_[into.ops.front()];
    Move(from.ops, into_number);
    Composition* grown = into.composition.get();
    std::unique_ptr<Composition> anew;
    std::string why;
    if (grown == nullptr || !grown->Grow(from.ops, options_.max_buffers).empty()) {
      anew = NewComposition();
      why = anew->Grow(joined, options_.max_buffers);
    }
    std::optional<Cost> cost;
    if (why.empty() && (anew != nullptr || !grown->GrewPlainly())) {
      cost = CostOfFused((anew != nullptr ? *anew : *grown).Kernel());
      // What they cost apart is told by their compositions as they were.
      Move(from.ops, from_number);
      if (grown != nullptr) grown->Undo();
      const Cost apart = CostOf(from) + CostOf(into);
      if (cost->ns > apart.ns) {
        return Format("one kernel would take {}, apart they take {}", cost->ToString(),
                      apart.ToString());
      }
      Move(from.ops, into_number);
      if (anew == nullptr) why = grown->Grow(from.ops, options_.max_buffers);
    }
    if (!why.empty()) {
      Move(from.ops, from_number);
      if (grown != nullptr) grown->Undo();
      return why;
    }
    if (anew != nullptr) into.composition = std::move(anew);
    into.ops = std::move(joined);
    into.cost = cost;
    return {};
  }

  // Of a unit as it stands.
  const Cost& CostOf(Unit& unit) {
    if (!unit.cost.has_value()) {
      if (unit.composition != nullptr) {
        unit.cost = CostOfFused(unit.composition->Kernel());
      } else {
        const std::unique_ptr<Composition> alone = NewComposition();
        const std::string why = alone->Grow(unit.ops, options_.max_buffers);
        // Loops that are a kernel in company alone: nothing to compare with, so any kernel pays.
        unit.cost = why.empty() ? CostOfOwnKernel(alone->Kernel())
                                : Cost{std::numeric_limits<double>::infinity(), 0};
      }
    }
    return *unit.cost;
  }

  std::unique_ptr<Composition> NewComposition() const {
    return std::make_unique<Composition>(graph_, stages_, [this](uint32_t storage) {
      return escapes_[storage] || outside_[storage] > 0;
    });
  }

  // Makes the ops, all of one unit, part of the unit with that number, and counts who reads from
  // outside.
  void Move(const std::vector<uint32_t>& ops, uint32_t unit) {
    const uint32_t old = unit_of_[ops.front()];
    auto count = [&](uint32_t storage, uint32_t other) {
      if (other == kNone || std::binary_search(ops.begin(), ops.end(), other)) return;
      if (unit_of_[other] == old) ++outside_[storage];
      if (unit_of_[other] == unit) --outside_[storage];
    };
    for (uint32_t op : ops) {
      for (uint32_t operand : graph_.ops[op].operands) {
        const uint32_t storage = graph_.tensors[operand].storage;
        count(storage, maker_[storage]);
      }
      for (uint32_t result : graph_.ops[op].results) {
        for (uint32_t reader : readers_[result]) count(result, reader);
      }
    }
    for (uint32_t op : ops) unit_of_[op] = unit;
  }

  // The kernel of a unit: of several ops, or of one op whose loops can be one.
  void Finish(Unit& unit) {
    if (unit.composition != nullptr) {
      unit.kernel = unit.composition->Kernel();
      unit.composition = nullptr;
      return;
    }
    if (unit.ops.size() != 1 || !stages_.why_alone(unit.ops[0]).empty()) return;
    int64_t elements = 0;
    const FusionOp& op = graph_.ops[unit.ops[0]];
    for (const std::vector<uint32_t>* tensors : {&op.operands, &op.results}) {
      for (uint32_t tensor : *tensors) {
        elements = std::max(elements, graph_.tensors[tensor].spec.NumElements());
      }
    }
    if (elements < options_.alone_from) return;
    const std::unique_ptr<Composition> composition = NewComposition();
    if (!composition->Grow(unit.ops, options_.max_buffers).empty()) return;
    FusedKernel kernel = composition->Kernel();
    // Two threads at least share its work.
    const bool pays = CostOfFused(kernel).ns <= 2 * CostOfOwnKernel(kernel).ns;
    if (pays || options_.alone_from == 0) unit.kernel = std::move(kernel);
  }

  // True if something outside runs behind one of the ops and before another.
  bool Passes(const std::vector<uint32_t>& ops) {
    auto inside = [&](uint32_t op) { return std::binary_search(ops.begin(), ops.end(), op); };
    std::vector<uint32_t> stack;
    ++round_;
    auto push = [&](uint32_t op) {
      for (uint32_t next : behind_[op]) {
        // Later ops than the last are in no unit yet, so that nothing leads back.
        if (next > ops.back()) break;
        if (seen_[next] == round_ || inside(next)) continue;
        seen_[next] = round_;
        stack.push_back(next);
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
  StageTable stages_;
  std::vector<uint32_t> unit_of_;  // by op
  std::vector<Unit> units_;        // a unit has the number of one of its ops
  std::vector<FusionCut> cuts_;
  std::vector<uint32_t> maker_;                 // by storage
  std::vector<bool> escapes_;                   // by storage
  std::vector<std::vector<uint32_t>> readers_;  // by storage
  std::vector<std::vector<uint32_t>> before_;   // by op: who must run before it
  std::vector<std::vector<uint32_t>> behind_;   // by op: who must run behind it
  std::vector<size_t> outside_;                 // by storage: reads by ops of other units
  std::vector<uint32_t> seen_;                  // by op: the last round that met it
  uint32_t round_ = 0;
};

}  // namespace

Fusion Fuse(const FusionGraph& graph, const FusionOptions& options) {
  return Fuser(graph, options).Run();
}

}  // namespace gcomp::codegen
