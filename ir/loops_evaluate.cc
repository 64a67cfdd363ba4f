// EvaluateLoops: the slow definition of a LoopNest.
#include <algorithm>
#include <bit>

#include "base/format.h"
#include "ir/loops.h"

namespace gcomp::ir {
namespace {

constexpr int64_t kChunk = 4096;  // elements per chunk, form 1
constexpr int64_t kChunkLanes = 128;
constexpr int64_t kBlock = 64;  // elements per block, form 2
constexpr int64_t kMaxElements = int64_t{1} << 40;

// An element in memory as the bits of its compute type.
uint64_t LoadElement(DType dtype, const void* data) {
  Scalar value = Scalar::Load(dtype, data);
  switch (dtype) {
    case DType::kI8:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(value.bits)));
    case DType::kI16:
      return static_cast<uint32_t>(static_cast<int32_t>(static_cast<int16_t>(value.bits)));
    case DType::kF16:
      return std::bit_cast<uint32_t>(HalfToFloat(static_cast<uint16_t>(value.bits)));
    case DType::kBF16:
      return std::bit_cast<uint32_t>(BFloat16ToFloat(static_cast<uint16_t>(value.bits)));
    case DType::kBool:
      return value.bits != 0 ? 1 : 0;
    default:
      return value.bits;
  }
}

void StoreElement(DType dtype, uint64_t bits, void* data) {
  auto as_float = [&] { return std::bit_cast<float>(static_cast<uint32_t>(bits)); };
  switch (dtype) {
    case DType::kI8:
    case DType::kU8:
      bits &= 0xff;
      break;
    case DType::kI16:
    case DType::kU16:
      bits &= 0xffff;
      break;
    case DType::kF16:
      bits = FloatToHalf(as_float());
      break;
    case DType::kBF16:
      bits = FloatToBFloat16(as_float());
      break;
    default:
      break;
  }
  Scalar{dtype, bits}.Store(data);
}

// An Affine, a Load, a Stage with numbers for Exprs.
struct Offset {
  int64_t base = 0;
  std::vector<int64_t> coefs;

  int64_t At(const std::vector<int64_t>& index) const {
    int64_t at = base;
    for (size_t i = 0; i < coefs.size() && i < index.size(); ++i) at += coefs[i] * index[i];
    return at;
  }
};

struct BoundLoad {
  DType dtype = DType::kF32;
  const char* data = nullptr;
  bool is_index = false;
  Offset offset;
  std::vector<std::pair<Offset, int64_t>> guards;
  uint64_t otherwise = 0;

  uint64_t Read(const std::vector<int64_t>& index) const {
    for (const auto& [offset_of, limit] : guards) {
      int64_t at = offset_of.At(index);
      if (at < 0 || at >= limit) return otherwise;
    }
    int64_t at = offset.At(index);
    if (is_index) return static_cast<uint64_t>(at);
    return LoadElement(dtype, data + at * BytesOf(dtype));
  }
};

// Moves `index` to the next point of `sizes` in row-major order; false after the last one.
bool Next(std::vector<int64_t>& index, const std::vector<int64_t>& sizes) {
  for (size_t d = sizes.size(); d-- > 0;) {
    if (++index[d] < sizes[d]) return true;
    index[d] = 0;
  }
  return false;
}

class Evaluator {
 public:
  Evaluator(const LoopNest& nest, std::span<const DType> dtypes, std::span<void* const> buffers,
            std::span<const int64_t> symbols, int lanes)
      : nest_(nest),
        dtypes_(dtypes.begin(), dtypes.end()),
        buffers_(buffers.begin(), buffers.end()),
        symbols_(symbols),
        lanes_(lanes),
        width_(static_cast<size_t>(lanes)) {}

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
    if (stage.kind == Stage::Kind::kReduce && stage.order == Stage::Order::kLanes) {
      std::vector<int64_t> index(axes_.size(), 0);
      do {
        StoreLanes(Finish(ReduceByLanes(index), {index}), {index});
      } while (Next(index, axes_));
      return Status();
    }
    // Lanes run along the innermost parallel axis.
    std::vector<int64_t> outer = axes_;
    int64_t inner = 1;
    if (!outer.empty()) {
      inner = outer.back();
      outer.back() = 1;
    }
    std::vector<int64_t> index(axes_.size(), 0);
    do {
      for (int64_t from = 0; from < inner; from += lanes_) {
        RunGroup(index, from, std::min<int64_t>(lanes_, inner - from));
      }
    } while (Next(index, outer));
    return Status();
  }

  // One group of lanes at [index..., from + lane]; lanes from `active` on are masked.
  void RunGroup(const std::vector<int64_t>& index, int64_t from, int64_t active) {
    std::vector<std::vector<int64_t>> points;
    for (int64_t l = 0; l < active; ++l) {
      points.push_back(index);
      if (!index.empty()) points.back().back() = from + l;
    }
    if (stage_->kind == Stage::Kind::kMap) {
      StoreLanes(Body(points), points);
    } else {
      StoreLanes(Finish(ReduceByBlocks(points), points), points);
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

  // Form 1 at one point: 128 lanes are 128 / lanes_ registers; the value is in lane 0.
  Lanes ReduceByLanes(const std::vector<int64_t>& index) const {
    std::vector<Lanes> chunks;
    auto registers = static_cast<size_t>(kChunkLanes / lanes_);
    for (int64_t chunk = 0; chunk < reduced_; chunk += kChunk) {
      std::vector<Lanes> sums(registers, Identity());
      int64_t end = std::min(chunk + kChunk, reduced_);
      for (int64_t from = chunk; from < end; from += lanes_) {
        std::vector<std::vector<int64_t>> points;
        for (int64_t k = from; k < std::min(from + lanes_, end); ++k) {
          points.push_back(PointOf(index, k));
        }
        Lanes values = Body(points);
        std::fill(values.begin() + static_cast<std::ptrdiff_t>(points.size()), values.end(),
                  stage_->identity.bits);
        Lanes& sum = sums[static_cast<size_t>((from - chunk) / lanes_) % registers];
        sum = Combine(sum, values);
      }
      // Whole registers first, then within the one that is left.
      Lanes sum = Tree(std::move(sums));
      for (size_t half = width_ / 2; half > 0; half /= 2) {
        Lanes shifted = Identity();
        std::copy_n(sum.begin() + static_cast<std::ptrdiff_t>(half), half, shifted.begin());
        sum = Combine(sum, shifted);
      }
      chunks.push_back(std::move(sum));
    }
    return Tree(std::move(chunks));
  }

  // Form 2: each lane is a point of its own.
  Lanes ReduceByBlocks(const std::vector<std::vector<int64_t>>& points) const {
    std::vector<Lanes> blocks;
    for (int64_t from = 0; from < reduced_; from += kBlock) {
      Lanes sum = Identity();
      for (int64_t k = from; k < std::min(from + kBlock, reduced_); ++k) {
        std::vector<std::vector<int64_t>> at;
        for (const std::vector<int64_t>& point : points) at.push_back(PointOf(point, k));
        sum = Combine(sum, Body(at));
      }
      blocks.push_back(std::move(sum));
    }
    return Tree(std::move(blocks));
  }

  const LoopNest& nest_;
  std::vector<DType> dtypes_;
  std::vector<void*> buffers_;
  std::span<const int64_t> symbols_;
  int lanes_;
  size_t width_;
  std::vector<std::vector<char>> temps_;
  // The stage that runs, with numbers.
  const Stage* stage_ = nullptr;
  std::vector<int64_t> axes_;
  std::vector<int64_t> reduce_axes_;
  int64_t reduced_ = 1;
  std::vector<BoundLoad> loads_;
  std::vector<BoundLoad> finish_loads_;
  Offset store_;
};

}  // namespace

Status EvaluateLoops(const LoopNest& nest, std::span<const DType> dtypes,
                     std::span<void* const> buffers, std::span<const int64_t> symbols, int lanes) {
  if (lanes != 4 && lanes != 8 && lanes != 16) {
    return Status(ErrorId::E701, Format("EvaluateLoops takes 4, 8 or 16 lanes, not {}", lanes));
  }
  size_t expected = nest.num_operands + nest.num_results;
  if (dtypes.size() != expected || buffers.size() != expected) {
    return Status(ErrorId::E701, Format("EvaluateLoops takes {} buffers, not {}", expected,
                                        std::min(dtypes.size(), buffers.size())));
  }
  return Evaluator(nest, dtypes, buffers, symbols, lanes).Run();
}

}  // namespace gcomp::ir
