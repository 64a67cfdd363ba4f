#include "jit/cost.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/format.h"
#include "jit/schedule.h"

namespace gcomp::codegen {
namespace {

using ir::Prim;

constexpr int64_t kLanes = 16;

// One operation on a vector: a cycle at 3 GHz. Counts of operations are reasoned where nothing else
// is said.
constexpr double kOperationNs = 0.33;
// A step of a plan. Measured: 20 adds of 16 elements take 440 ns.
constexpr double kStepNs = 20;
// A byte of memory: from a cache, or past the last one where the buffers do not fit there.
// Measured: copies and relu move 45 bytes per ns at 4 MiB, 7 at 64 MiB.
constexpr double kCacheByteNs = 1.0 / 45;
constexpr double kFarByteNs = 1.0 / 7;
constexpr int64_t kCacheBytes = int64_t{8} << 20;

// Elements one by one, where neighbors of a vector do not lie side by side, in other cache lines
// each: while the lines of a run stay in the first-level cache until their next elements are asked
// for, and where they do not, and where the whole is too large for the last-level cache.
struct Strided {
  double near;
  double far;
  double beyond;
};

constexpr int64_t kNearRun = 512;  // lines of 64 bytes: 32 KiB

// Machine code. Measured, the transpose of 64, 512 and 2048 rows of as many: 0.5, 3.4, 21 ns each.
constexpr Strided kStrided = {24, 160, 1000};
// A load under a mask from a bound. Measured: relu of a concat of 2 or 4 parts, rows of 512, takes
// 2.2 ns per vector and part, with the choice between them.
constexpr double kBounded = 4;
// A work item: addresses; a division per axis but the first. Measured: 10 adds of rows of 8
// elements take 4.5 ns per row.
constexpr double kItem = 6;
constexpr double kAxis = 12;
// A reduction of a row by lanes: its sums are cleared and combined whatever the row's length.
// Measured: a sum of squares takes 4 ns per row of 8 elements, 14 per row of 24.
constexpr double kLaneTree = 16;

// Ops' own kernels. What precedes the first run: measured, an add of a row of 3 to 4 rows takes 160
// ns.
constexpr double kOwnStart = 180;
// A run of the innermost axis, where the axes of operands are not one. Measured:
// an add of a row to rows of 3, 8 and 24 elements takes 22 ns per row.
constexpr double kOwnRun = 66;
// A reduction of a row. Measured: 22 ns per row of 3 and of 8 elements.
constexpr double kOwnRow = 66;
// The same where the row is walked again behind it: a softmax takes 240 ns per row of 8 and of 24
// elements.
constexpr double kOwnRows = 720;
// Measured as above: 1.7, 3.5, 28 ns.
constexpr Strided kOwnStrided = {80, 170, 1300};
// Copies: a run of a piece (measured, 3.3 ns), and elements in other order, by tiles: measured,
// 0.2, 0.5, 1.9 ns each.
constexpr double kOwnMove = 10;
constexpr Strided kOwnTurned = {10, 24, 90};

// Of a primitive on one vector. Divisions and square roots: their throughput; integer divisions
// and fmod are done lane by lane.
double OperationsOf(const Node& node) {
  const bool is_float = node.type == ir::DType::kF32 || node.type == ir::DType::kF64;
  const double width = ir::BytesOf(node.type) == 8 ? 2 : 1;
  if (node.kind == Node::Kind::kRound) return node.stored == ir::DType::kBF16 ? 8 : 2;
  if (node.kind == Node::Kind::kIndex) return 1;
  if (node.kind == Node::Kind::kReduce) return width;
  switch (node.prim) {
    case Prim::kConst:
    case Prim::kParam:
    case Prim::kBitcast:
      return 0;
    case Prim::kDiv:
      return is_float ? 10 * width : 16 * 12;
    case Prim::kSqrt:
      return 12 * width;
    case Prim::kFmod:
      return 16 * 20;
    case Prim::kMin:
    case Prim::kMax:
      return is_float ? 2 * width : width;
    case Prim::kRoundEven:
    case Prim::kConvert:
      return 3 * width;
    case Prim::kMulHigh:
      return 4;
    default:
      return width;
  }
}

// The loops of a kernel as counts.
class Counter {
 public:
  explicit Counter(const FusedKernel& kernel)
      : k_(kernel),
        lanes_(kernel.has_row && kernel.order == ir::Stage::Order::kLanes),
        vector_axis_(lanes_ ? kernel.axes.size() : kernel.axes.size() - 1) {
    no_axis_ = kernel.axes.empty() && !lanes_;
    inner_ = no_axis_ ? 1 : lanes_ ? kernel.row : kernel.axes.back();
    items_ = static_cast<double>(lanes_ ? kernel.Points() : kernel.Points() / inner_);
    FindVectors();
  }

  double FusedWork() const {
    const double vectors = static_cast<double>((inner_ + kLanes - 1) / kLanes);
    const bool blocks = k_.has_row && !lanes_;
    const double row = blocks ? static_cast<double>(k_.row) : 1;
    double per_item = 0;    // scalars
    double per_vector = 0;  // of the vector axis
    double per_inside = 0;  // of the loops over a row
    const std::vector<double> times = TimesPerElement();
    for (size_t n = 0; n < k_.nodes.size(); ++n) {
      const double operations = times[n] * NodeCost(k_.nodes[n], n);
      if (!is_vector_[n]) {
        per_item += operations;
      } else if (blocks && k_.nodes[n].along_row) {
        per_inside += operations;
      } else {
        per_vector += operations;
      }
    }
    for (const Store& store : k_.stores) {
      const bool along = blocks && store.offset.coefs.back() != 0;
      (CoefOf(store.offset) == 0 ? per_item
       : along                   ? per_inside
                                 : per_vector) += MemoryCost(CoefOf(store.offset));
    }
    if (lanes_) per_item += kLaneTree * static_cast<double>(k_.reductions.size());
    if (k_.axes.size() + (lanes_ ? 1 : 0) > 1) {
      const size_t outer = k_.axes.size() - (lanes_ ? 0 : 1);
      per_item += kItem + kAxis * static_cast<double>(outer > 1 ? outer - 1 : 0);
    }
    return items_ * (per_item + vectors * (per_vector + row * per_inside));
  }

  double OwnWork() const {
    const std::vector<bool> position = Positions();
    double work = 0;
    double accesses = 0;
    double strided = 0;
    double pieces = 0;  // loads of which an element takes one
    for (size_t n = 0; n < k_.nodes.size(); ++n) {
      const Node& node = k_.nodes[n];
      if (position[n]) continue;
      if (node.kind == Node::Kind::kLoad) {
        const Access& access = k_.accesses[node.detail];
        (access.bounds.empty() ? accesses : pieces) += 1;
        strided += IsStrided(access.offset) ? 1 : 0;
      } else if (node.kind != Node::Kind::kPrim || node.prim != Prim::kSelect ||
                 !position[node.args[0]]) {
        work += OperationsOf(node);
      }
    }
    if (pieces > 0) {
      strided /= pieces;
      accesses += 1;
    }
    for (const Store& store : k_.stores) {
      accesses += CoefOf(store.offset) != 0 ? 1 : 0;
      strided += IsStrided(store.offset) ? 1 : 0;
    }
    const bool moves = work == 0 && !k_.has_row;
    double runs = 0;
    if (k_.has_row && lanes_) {
      runs = ComesBackToRows() ? kOwnRows : kOwnRow;
    } else if (!k_.has_row && k_.axes.size() > 1) {
      runs = moves ? kOwnMove * std::max(1.0, pieces) : kOwnRun;
    }
    const double per_vector = work + accesses + strided * Of(moves ? kOwnTurned : kOwnStrided);
    return static_cast<double>((Elements() + kLanes - 1) / kLanes) * per_vector +
           (runs > 0 ? kOwnStart + items_ * runs : 0);
  }

  // Of all buffers, each element once.
  int64_t Bytes() const {
    std::vector<int64_t> elements(k_.buffers.size());
    for (const Node& node : k_.nodes) {
      if (node.kind != Node::Kind::kLoad) continue;
      const Access& access = k_.accesses[node.detail];
      elements[access.buffer] = std::min(elements[access.buffer] + Reached(access), Elements());
    }
    for (const Store& store : k_.stores) {
      elements[store.buffer] = Reached({store.buffer, store.offset, {}, 0});
    }
    int64_t bytes = 0;
    for (size_t b = 0; b < elements.size(); ++b) {
      bytes += elements[b] * ir::BytesOf(k_.buffers[b].dtype);
    }
    return bytes;
  }

 private:
  int64_t CoefOf(const Offset& offset) const { return no_axis_ ? 0 : offset.coefs[vector_axis_]; }

  bool IsStrided(const Offset& offset) const { return CoefOf(offset) != 0 && CoefOf(offset) != 1; }

  // True if a result has an element per element of a reduced row.
  bool ComesBackToRows() const {
    return std::any_of(k_.stores.begin(), k_.stores.end(), [&](const Store& store) {
      return k_.nodes[store.node].along_row && k_.nodes[store.node].level > 0;
    });
  }

  int64_t Elements() const { return k_.Points() * (k_.has_row ? k_.row : 1); }

  int64_t SizeOf(size_t axis) const { return axis < k_.axes.size() ? k_.axes[axis] : k_.row; }

  // Elements that an access touches. A bound on an axis cuts that one down.
  int64_t Reached(const Access& access) const {
    int64_t elements = 1;
    for (size_t i = 0; i < access.offset.coefs.size(); ++i) {
      if (access.offset.coefs[i] == 0) continue;
      int64_t size = SizeOf(i);
      for (const Bound& bound : access.bounds) {
        if (bound.index.coefs[i] != 0) size = std::min(size, bound.limit);
      }
      elements *= size;
    }
    return elements;
  }

  void FindVectors() {
    is_vector_.resize(k_.nodes.size());
    for (size_t n = 0; n < k_.nodes.size(); ++n) {
      const Node& node = k_.nodes[n];
      bool vector = false;
      if (node.kind == Node::Kind::kLoad || node.kind == Node::Kind::kIndex) {
        const Access& access = k_.accesses[node.detail];
        vector = node.along_row || CoefOf(access.offset) != 0;
        for (const Bound& bound : access.bounds) vector = vector || CoefOf(bound.index) != 0;
      } else if (node.kind == Node::Kind::kReduce) {
        vector = !lanes_;
      } else {
        for (int a = 0; a < node.arity(); ++a) vector = vector || is_vector_[node.args[a]];
      }
      is_vector_[n] = vector;
    }
  }

  // How often a node is computed for each point that it depends on: once per level of the row that
  // needs it, but for what a schedule keeps in scratch.
  std::vector<double> TimesPerElement() const {
    std::vector<double> times(k_.nodes.size(), 1);
    if (!k_.has_row) return times;
    const Schedule schedule = MakeSchedule(k_, CpuLevel::kV4, kLanes);
    std::vector<uint64_t> levels(k_.nodes.size());  // those whose loops need it
    for (const Store& store : k_.stores) levels[store.node] |= Bit(k_.nodes[store.node].level);
    for (size_t n = k_.nodes.size(); n-- > 0;) {
      const Node& node = k_.nodes[n];
      uint64_t below = levels[n];
      if (node.kind == Node::Kind::kReduce) below = Bit(node.level - 1);
      if (schedule.kept[n]) below = levels[n] & (0 - levels[n]);
      for (int a = 0; a < node.arity(); ++a) levels[node.args[a]] |= below;
      if (!node.along_row || schedule.kept[n]) continue;
      times[n] = std::max(1, std::popcount(levels[n]));
    }
    return times;
  }

  static uint64_t Bit(uint32_t level) { return uint64_t{1} << std::min(level, 63u); }

  // A vector of elements one by one.
  double Of(const Strided& strided) const {
    if (inner_ < kNearRun) return strided.near;
    return Bytes() <= kCacheBytes ? strided.far : strided.beyond;
  }

  double MemoryCost(int64_t coef) const { return coef == 0 || coef == 1 ? 1 : Of(kStrided); }

  double NodeCost(const Node& node, size_t n) const {
    if (node.kind != Node::Kind::kLoad) return OperationsOf(node);
    const Access& access = k_.accesses[node.detail];
    double operations = is_vector_[n] ? MemoryCost(CoefOf(access.offset)) : 1;
    for (const Bound& bound : access.bounds) operations += CoefOf(bound.index) == 0 ? 1 : kBounded;
    return operations;
  }

  // Nodes that say where an element comes from, and no more: positions and their comparisons.
  std::vector<bool> Positions() const {
    std::vector<bool> position(k_.nodes.size());
    for (size_t n = 0; n < k_.nodes.size(); ++n) {
      const Node& node = k_.nodes[n];
      const bool compares = node.prim == Prim::kLt || node.prim == Prim::kLe ||
                            node.prim == Prim::kAnd || node.prim == Prim::kConst;
      position[n] = node.kind == Node::Kind::kIndex || (node.kind == Node::Kind::kPrim && compares);
      for (int a = 0; a < node.arity(); ++a) position[n] = position[n] && position[node.args[a]];
    }
    return position;
  }

  const FusedKernel& k_;
  bool lanes_;
  size_t vector_axis_;
  bool no_axis_ = false;
  int64_t inner_ = 1;
  double items_ = 1;
  std::vector<bool> is_vector_;
};

Cost MakeCost(double work, int64_t bytes) {
  const double per_byte = bytes <= kCacheBytes ? kCacheByteNs : kFarByteNs;
  return {kStepNs + std::max(work * kOperationNs, static_cast<double>(bytes) * per_byte), bytes};
}

}  // namespace

std::string Cost::ToString() const {
  return Format("{:.1f} us and {} bytes", ns / 1000, bytes);
}

Cost CostOfFused(const FusedKernel& kernel) {
  const Counter counter(kernel);
  return MakeCost(counter.FusedWork(), counter.Bytes());
}

Cost CostOfOwnKernel(const FusedKernel& kernel) {
  const Counter counter(kernel);
  return MakeCost(counter.OwnWork(), counter.Bytes());
}

}  // namespace gcomp::codegen
