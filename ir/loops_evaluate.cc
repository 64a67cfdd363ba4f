// EvaluateLoops: the slow definition of a LoopNest.
#include <algorithm>
#include <bit>
#include <thread>

#include "base/format.h"
#include "base/guarded.h"
#include "ir/loops.h"
#include "ir/loops_bound.h"

namespace gcomp::ir {
namespace {

using loops_internal::BoundLoad;
using loops_internal::LoadElement;
using loops_internal::Offset;
using loops_internal::StoreElement;

constexpr int64_t kChunk = 4096;  // elements per chunk, form 1
constexpr int64_t kChunkLanes = 128;
constexpr int64_t kBlock = 64;      // elements per block, form 2
constexpr int64_t kScanGroup = 16;  // elements per group of a scan, form 1
constexpr int64_t kMaxElements = int64_t{1} << 40;

class Evaluator {
 public:
  Evaluator(const LoopNest& nest, std::span<const DType> dtypes, std::span<void* const> buffers,
            std::span<const int64_t> symbols, int lanes, int threads)
      : nest_(nest),
        dtypes_(dtypes.begin(), dtypes.end()),
        buffers_(buffers.begin(), buffers.end()),
        symbols_(symbols),
        lanes_(lanes),
        width_(static_cast<size_t>(lanes)),
        threads_(threads) {}

  Status Run() {
    for (const TempBuffer& temp : nest_.temps) {
      GCOMP_ASSIGN_OR_RETURN(int64_t elements, Number(temp.elements));
      temps_.emplace_back(static_cast<size_t>(elements * BytesOf(temp.dtype)) + 1);
      dtypes_.push_back(temp.dtype);
      buffers_.push_back(temps_.back().data());
    }
    for (const Stage& stage : nest_.stages) GCOMP_RETURN_IF_ERROR(RunStage(stage));
    return Status();
  }

 private:
  using Lanes = std::vector<uint64_t>;  // one value per virtual lane

  StatusOr<int64_t> Number(const Expr& expr) const {
    std::optional<int64_t> value = expr.Evaluate(symbols_);
    if (!value.has_value()) return Status(ErrorId::E503, "a size in a loop nest has no value");
    return *value;
  }

  StatusOr<std::vector<int64_t>> Sizes(const std::vector<Expr>& exprs) const {
    std::vector<int64_t> sizes;
    for (const Expr& expr : exprs) {
      GCOMP_ASSIGN_OR_RETURN(int64_t size, Number(expr));
      if (size < 0 || size > kMaxElements) {
        return Status(ErrorId::E503, Format("an axis of a loop nest has size {}", size));
      }
      sizes.push_back(size);
    }
    return sizes;
  }

  StatusOr<Offset> Bind(const Affine& affine) const {
    Offset offset;
    GCOMP_ASSIGN_OR_RETURN(offset.base, Number(affine.base));
    for (const Expr& coef : affine.coefs) {
      GCOMP_ASSIGN_OR_RETURN(int64_t number, Number(coef));
      offset.coefs.push_back(number);
    }
    return offset;
  }

  StatusOr<std::vector<BoundLoad>> Bind(const std::vector<Load>& loads) const {
    std::vector<BoundLoad> bound;
    for (const Load& load : loads) {
      BoundLoad b;
      b.is_index = load.buffer == Load::kIndex;
      if (!b.is_index) {
        GCOMP_ENSURE(load.buffer < buffers_.size(),
                     "loop nest reads a buffer that it does not have");
        b.dtype = dtypes_[load.buffer];
        b.data = static_cast<const char*>(buffers_[load.buffer]);
      }
      GCOMP_ASSIGN_OR_RETURN(b.offset, Bind(load.offset));
      for (const Guard& guard : load.guards) {
        GCOMP_ASSIGN_OR_RETURN(Offset index, Bind(guard.index));
        GCOMP_ASSIGN_OR_RETURN(int64_t limit, Number(guard.limit));
        b.guards.emplace_back(std::move(index), limit);
      }
      alignas(8) char element[8] = {};
      if (!load.guards.empty()) {
        load.otherwise.Store(element);
        b.otherwise = LoadElement(load.otherwise.dtype, element);
      }
      bound.push_back(std::move(b));
    }
    return bound;
  }

  Status RunStage(const Stage& stage) {
    GCOMP_ENSURE(stage.store_buffer < buffers_.size(),
                 "loop nest writes a buffer it does not have");
    stage_ = &stage;
    GCOMP_ASSIGN_OR_RETURN(axes_, Sizes(stage.axes));
    GCOMP_ASSIGN_OR_RETURN(reduce_axes_, Sizes(stage.reduce_axes));
    GCOMP_ASSIGN_OR_RETURN(loads_, Bind(stage.loads));
    GCOMP_ASSIGN_OR_RETURN(finish_loads_, Bind(stage.finish_loads));
    GCOMP_ASSIGN_OR_RETURN(store_, Bind(stage.store));
    reduced_ = 1;
    for (int64_t size : reduce_axes_) reduced_ *= size;
    if (std::ranges::find(axes_, 0) != axes_.end()) return Status();
    // Form 1: lanes run along the reduced axes. Otherwise along the innermost parallel axis.
    int64_t inner = 1;
    if (stage.kind == Stage::Kind::kMap || stage.order == Stage::Order::kBlocks) {
      inner = axes_.empty() ? 1 : axes_.back();
    }
    int64_t groups = (inner + lanes_ - 1) / lanes_;
    int64_t points = groups;
    for (size_t d = 0; d + (inner > 1 ? 1 : 0) < axes_.size(); ++d) points *= axes_[d];
    split_inside_ = stage.kind != Stage::Kind::kMap && points < threads_;
    Split(!split_inside_, points, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        int64_t from = p % groups * lanes_;
        RunGroup(IndexOf(p / groups, inner), from, std::min<int64_t>(lanes_, inner - from));
      }
    });
    return Status();
  }

  // Calls run(begin, end) for the parts of [0, count): one part if `parallel` is false, else one
  // per thread with borders that depend on count and the number of threads alone.
  template <class Run>
  void Split(bool parallel, int64_t count, const Run& run) const {
    int64_t parts = parallel ? std::min<int64_t>(threads_, count) : 1;
    std::vector<std::thread> workers;
    for (int64_t t = 1; t < parts; ++t) {
      int64_t begin = count * t / parts;
      int64_t end = count * (t + 1) / parts;
      Status started = Guarded([&] {
        workers.emplace_back([&run, begin, end] { run(begin, end); });
        return Status();
      });
      if (!started.ok()) run(begin, end);
    }
    run(0, parts > 1 ? count / parts : count);
    for (std::thread& worker : workers) worker.join();
  }

  // The position of point p of the parallel axes, the innermost one left out if `inner` lanes run
  // along it.
  std::vector<int64_t> IndexOf(int64_t p, int64_t inner) const {
    std::vector<int64_t> index(axes_.size(), 0);
    for (size_t d = axes_.size() - (inner > 1 ? 1 : 0); d-- > 0; p /= axes_[d]) {
      index[d] = p % axes_[d];
    }
    return index;
  }

  // One group of lanes at [index..., from + lane]; lanes from `active` on are masked. Form 1: the
  // point [index...].
  void RunGroup(const std::vector<int64_t>& index, int64_t from, int64_t active) {
    std::vector<std::vector<int64_t>> points;
    for (int64_t l = 0; l < active; ++l) {
      points.push_back(index);
      if (from + l > 0) points.back().back() = from + l;
    }
    bool by_lanes = stage_->order == Stage::Order::kLanes;
    switch (stage_->kind) {
      case Stage::Kind::kMap:
        return StoreLanes(Body(points), points);
      case Stage::Kind::kReduce:
        return StoreLanes(Finish(by_lanes ? ReduceByLanes(index) : ReduceByBlocks(points), points),
                          points);
      case Stage::Kind::kScan:
        return by_lanes ? ScanByLanes(index) : ScanByBlocks(points);
    }
  }

  // The body at up to lanes_ points (parallel and reduced axes); masked lanes get zeros.
  Lanes Body(const std::vector<std::vector<int64_t>>& points) const {
    std::vector<uint64_t> params(loads_.size() * width_, 0);
    for (size_t i = 0; i < loads_.size(); ++i) {
      for (size_t l = 0; l < points.size(); ++l) params[i * width_ + l] = loads_[i].Read(points[l]);
    }
    Lanes result(width_);
    stage_->body.Evaluate(stage_->body_result, params, lanes_, result);
    return result;
  }

  Lanes Combine(const Lanes& left, const Lanes& right) const {
    std::vector<uint64_t> params = left;
    params.insert(params.end(), right.begin(), right.end());
    Lanes result(width_);
    stage_->combine.Evaluate(stage_->combine_result, params, lanes_, result);
    return result;
  }

  Lanes Finish(Lanes value, const std::vector<std::vector<int64_t>>& points) const {
    for (const BoundLoad& load : finish_loads_) {
      for (size_t l = 0; l < width_; ++l) {
        value.push_back(l < points.size() ? load.Read(points[l]) : 0);
      }
    }
    Lanes result(width_);
    stage_->finish.Evaluate(stage_->finish_result, value, lanes_, result);
    return result;
  }

  void StoreLanes(const Lanes& values, const std::vector<std::vector<int64_t>>& points) {
    DType dtype = dtypes_[stage_->store_buffer];
    auto* data = static_cast<char*>(buffers_[stage_->store_buffer]);
    for (size_t l = 0; l < points.size(); ++l) {
      StoreElement(dtype, values[l], data + store_.At(points[l]) * BytesOf(dtype));
    }
  }

  // [index..., position k of the flattened reduced axes].
  std::vector<int64_t> PointOf(const std::vector<int64_t>& index, int64_t k) const {
    std::vector<int64_t> point = index;
    point.resize(index.size() + reduce_axes_.size());
    for (size_t d = reduce_axes_.size(); d-- > 0; k /= reduce_axes_[d]) {
      point[index.size() + d] = k % reduce_axes_[d];
    }
    return point;
  }

  // Pairs i, i + half; what is missing up to the next power of two is the identity.
  Lanes Tree(std::vector<Lanes> values) const {
    values.resize(std::bit_ceil(std::max<size_t>(values.size(), 1)), Identity());
    for (size_t half = values.size() / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) values[i] = Combine(values[i], values[i + half]);
    }
    return values[0];
  }

  Lanes Identity() const { return Lanes(width_, stage_->identity.bits); }

  // Calls one(i) for the chunks or blocks i of the reduced axes.
  template <class One>
  void ForPieces(int64_t pieces, const One& one) const {
    Split(split_inside_, pieces, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) one(i);
    });
  }

  static int64_t Pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }

  // The body at positions [from, from + lanes_) of the reduced axes, those from `end` on masked
  // with the identity.
  Lanes BodyAlong(const std::vector<int64_t>& index, int64_t from, int64_t end) const {
    std::vector<std::vector<int64_t>> points;
    for (int64_t k = from; k < std::min(from + lanes_, end); ++k) {
      points.push_back(PointOf(index, k));
    }
    Lanes values = Body(points);
    std::fill(values.begin() + static_cast<std::ptrdiff_t>(points.size()), values.end(),
              stage_->identity.bits);
    return values;
  }

  // Form 1 at one point: 128 lanes are 128 / lanes_ registers; the value is in lane 0.
  Lanes ReduceByLanes(const std::vector<int64_t>& index) const {
    std::vector<Lanes> chunks(static_cast<size_t>(Pieces(reduced_, kChunk)));
    ForPieces(static_cast<int64_t>(chunks.size()), [&](int64_t c) {
      std::vector<Lanes> sums(static_cast<size_t>(kChunkLanes / lanes_), Identity());
      int64_t end = std::min((c + 1) * kChunk, reduced_);
      for (int64_t from = c * kChunk; from < end; from += lanes_) {
        Lanes& sum = sums[static_cast<size_t>(from % kChunk / lanes_) % sums.size()];
        sum = Combine(sum, BodyAlong(index, from, end));
      }
      // Whole registers first, then within the one that is left.
      Lanes sum = Tree(std::move(sums));
      for (size_t half = width_ / 2; half > 0; half /= 2) {
        Lanes shifted = Identity();
        std::copy_n(sum.begin() + static_cast<std::ptrdiff_t>(half), half, shifted.begin());
        sum = Combine(sum, shifted);
      }
      chunks[static_cast<size_t>(c)] = std::move(sum);
    });
    return Tree(std::move(chunks));
  }

  // The points at position k of the reduced axes.
  std::vector<std::vector<int64_t>> PointsAt(const std::vector<std::vector<int64_t>>& points,
                                             int64_t k) const {
    std::vector<std::vector<int64_t>> at;
    for (const std::vector<int64_t>& point : points) at.push_back(PointOf(point, k));
    return at;
  }

  // Form 2: each lane is a point of its own.
  Lanes ReduceByBlocks(const std::vector<std::vector<int64_t>>& points) const {
    std::vector<Lanes> blocks(static_cast<size_t>(Pieces(reduced_, kBlock)));
    ForPieces(static_cast<int64_t>(blocks.size()), [&](int64_t b) {
      Lanes sum = Identity();
      for (int64_t k = b * kBlock; k < std::min((b + 1) * kBlock, reduced_); ++k) {
        sum = Combine(sum, Body(PointsAt(points, k)));
      }
      blocks[static_cast<size_t>(b)] = std::move(sum);
    });
    return Tree(std::move(blocks));
  }

  // values[i] = combine(values[i - distance], values[i]), where there is such an element.
  void Step(size_t distance, std::vector<uint64_t>& values) const {
    std::vector<uint64_t> left(distance, stage_->identity.bits);
    left.insert(left.end(), values.begin(), values.end());
    for (size_t i = 0; i < values.size(); i += width_) {
      auto at = static_cast<std::ptrdiff_t>(i);
      Lanes combined = Combine(Lanes(left.begin() + at, left.begin() + at + lanes_),
                               Lanes(values.begin() + at, values.begin() + at + lanes_));
      std::ranges::copy(combined, values.begin() + at);
    }
  }

  // One chunk of form 1, without the offset: groups of 16, in registers of lanes_.
  std::vector<Lanes> ScanChunk(const std::vector<int64_t>& index, int64_t begin,
                               int64_t end) const {
    std::vector<Lanes> locals;
    Lanes carry = Identity();
    for (int64_t from = begin; from < end; from += kScanGroup) {
      std::vector<uint64_t> group;
      for (int64_t k = from; k < from + kScanGroup; k += lanes_) {
        Lanes values = BodyAlong(index, k, end);
        group.insert(group.end(), values.begin(), values.end());
      }
      for (size_t distance = 1; distance < kScanGroup; distance *= 2) Step(distance, group);
      for (auto at = group.begin(); at != group.end(); at += lanes_) {
        locals.push_back(Combine(carry, Lanes(at, at + lanes_)));
      }
      carry = Lanes(width_, locals.back().back());
    }
    return locals;
  }

  void ScanByLanes(const std::vector<int64_t>& index) {
    std::vector<std::vector<Lanes>> chunks(static_cast<size_t>(Pieces(reduced_, kChunk)));
    auto count = static_cast<int64_t>(chunks.size());
    ForPieces(count, [&](int64_t c) {
      chunks[static_cast<size_t>(c)] =
          ScanChunk(index, c * kChunk, std::min((c + 1) * kChunk, reduced_));
    });
    std::vector<Lanes> offsets = {Identity()};
    for (const std::vector<Lanes>& chunk : chunks) {
      // What a group lacks is the identity, so its last lane holds the total.
      offsets.push_back(Combine(offsets.back(), Lanes(width_, chunk.back().back())));
    }
    ForPieces(count, [&](int64_t c) {
      int64_t from = c * kChunk;
      for (const Lanes& local : chunks[static_cast<size_t>(c)]) {
        std::vector<std::vector<int64_t>> points;
        for (int64_t k = from; k < std::min(from + lanes_, reduced_); ++k) {
          points.push_back(PointOf(index, k));
        }
        StoreLanes(Finish(Combine(offsets[static_cast<size_t>(c)], local), points), points);
        from += lanes_;
      }
    });
  }

  void ScanByBlocks(const std::vector<std::vector<int64_t>>& points) {
    std::vector<std::vector<Lanes>> chunks(static_cast<size_t>(Pieces(reduced_, kChunk)));
    auto count = static_cast<int64_t>(chunks.size());
    ForPieces(count, [&](int64_t c) {
      Lanes local = Identity();
      for (int64_t k = c * kChunk; k < std::min((c + 1) * kChunk, reduced_); ++k) {
        local = Combine(local, Body(PointsAt(points, k)));
        chunks[static_cast<size_t>(c)].push_back(local);
      }
    });
    std::vector<Lanes> offsets = {Identity()};
    for (const std::vector<Lanes>& chunk : chunks) {
      offsets.push_back(Combine(offsets.back(), chunk.back()));
    }
    ForPieces(count, [&](int64_t c) {
      int64_t k = c * kChunk;
      for (const Lanes& local : chunks[static_cast<size_t>(c)]) {
        std::vector<std::vector<int64_t>> at = PointsAt(points, k++);
        StoreLanes(Finish(Combine(offsets[static_cast<size_t>(c)], local), at), at);
      }
    });
  }

  const LoopNest& nest_;
  std::vector<DType> dtypes_;
  std::vector<void*> buffers_;
  std::span<const int64_t> symbols_;
  int lanes_;
  size_t width_;
  int threads_;
  std::vector<std::vector<char>> temps_;
  // The stage that runs, with numbers.
  const Stage* stage_ = nullptr;
  std::vector<int64_t> axes_;
  std::vector<int64_t> reduce_axes_;
  int64_t reduced_ = 1;
  bool split_inside_ = false;  // threads share the chunks of a point, not the points
  std::vector<BoundLoad> loads_;
  std::vector<BoundLoad> finish_loads_;
  Offset store_;
};

}  // namespace

Status EvaluateLoops(const LoopNest& nest, std::span<const DType> dtypes,
                     std::span<void* const> buffers, std::span<const int64_t> symbols, int lanes,
                     int threads) {
  if (lanes != 4 && lanes != 8 && lanes != 16) {
    return Status(ErrorId::E701, Format("EvaluateLoops takes 4, 8 or 16 lanes, not {}", lanes));
  }
  if (threads < 1 || threads > 64) {
    return Status(ErrorId::E701, Format("EvaluateLoops takes 1 to 64 threads, not {}", threads));
  }
  size_t expected = nest.num_operands + nest.num_results;
  if (dtypes.size() != expected || buffers.size() != expected) {
    return Status(ErrorId::E701, Format("EvaluateLoops takes {} buffers, not {}", expected,
                                        std::min(dtypes.size(), buffers.size())));
  }
  return Evaluator(nest, dtypes, buffers, symbols, lanes, threads).Run();
}

}  // namespace gcomp::ir
