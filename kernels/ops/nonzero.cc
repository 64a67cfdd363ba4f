// nonzero and masked_select: results as long as there are elements that are not zero.
//
// Two passes over the data: the first counts, the second writes.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/scalar.h"
#include "kernels/all_ops.h"
#include "kernels/cpu_target.h"
#include "kernels/dynamic_size.h"
#include "kernels/pacer.h"
#include "kernels/row_walk.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

// ---- Elements -----------------------------------------------------------------------------------

// Calls f(U{}) with the unsigned integer of as many bytes as an element of `dtype`.
template <class F>
auto WithBitsOf(DType dtype, F f) {
  switch (ir::BytesOf(dtype)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

// The bits of which one must be set in an element that is not zero: all but the sign of a float.
uint64_t MaskOf(DType dtype) {
  const int unused = 64 - static_cast<int>(8 * ir::BytesOf(dtype)) + (ir::IsFloat(dtype) ? 1 : 0);
  return ~uint64_t{0} >> unused;
}

template <class U>
GCOMP_INLINE bool IsSet(const char* element, U mask) {
  U bits;
  std::memcpy(&bits, element, sizeof(bits));
  return (bits & mask) != 0;
}

// How many of n elements, `stride` bytes apart, have a bit of `mask`.
using CountFn = int64_t (*)(const char* x, int64_t stride, int64_t n, uint64_t mask);

template <class U>
GCOMP_INLINE int64_t CountBody(const char* x, int64_t stride, int64_t n, uint64_t mask) {
  constexpr int64_t kBlock = 4096;  // so that the loop counts in 32 bits
  const U bits = static_cast<U>(mask);
  int64_t total = 0;
  for (int64_t done = 0; done < n; done += kBlock) {
    const int64_t m = std::min(kBlock, n - done);
    uint32_t count = 0;
    if (stride == sizeof(U)) {
      for (int64_t i = 0; i < m; ++i) {
        count += IsSet<U>(x + i * static_cast<int64_t>(sizeof(U)), bits) ? 1 : 0;
      }
    } else {
      for (int64_t i = 0; i < m; ++i) count += IsSet<U>(x + i * stride, bits) ? 1 : 0;
    }
    total += count;
    x += m * stride;
  }
  return total;
}

template <class U>
GCOMP_TARGET_V3 int64_t CountV3(const char* x, int64_t stride, int64_t n, uint64_t mask) {
  return CountBody<U>(x, stride, n, mask);
}

template <class U>
GCOMP_TARGET_V4 int64_t CountV4(const char* x, int64_t stride, int64_t n, uint64_t mask) {
  return CountBody<U>(x, stride, n, mask);
}

// Counts the elements of one tensor that are not zero.
class Counter {
 public:
  Counter(const TensorSpec& spec, const std::vector<int64_t>& sizes,
          const std::vector<int64_t>& strides, CpuLevel cpu)
      : mask_(MaskOf(spec.dtype)), count_(WithBitsOf(spec.dtype, [cpu](auto like) {
          using U = decltype(like);
          return PerCpu<CountFn>{&CountV3<U>, &CountV4<U>}.For(cpu);
        })) {
    for (size_t d = 0; d < sizes.size(); ++d) {
      AppendDim(sizes[d], {{&walk_.spaces[0], strides[d]}});
    }
  }

  // `index`: room for as many numbers as there are axes. Until the pacer stops it.
  int64_t Run(const void* data, int64_t* index, Pacer& pacer) const {
    int64_t total = 0;
    const int64_t stride = walk_.stride(0);
    walk_.ForEachRow({static_cast<const char*>(data)}, index, [&](const auto& row) {
      return ForPieces(pacer, walk_.row_size(), [&](int64_t from, int64_t count) {
        total += count_(row[0] + from * stride, stride, count, mask_);
      });
    });
    return total;
  }

 private:
  RowWalk<1> walk_;
  uint64_t mask_;
  CountFn count_;
};

std::vector<int64_t> ByteStrides(const TensorSpec& spec) {
  std::vector<int64_t> strides = spec.strides;
  for (int64_t& stride : strides) stride *= ir::BytesOf(spec.dtype);
  return strides;
}

// ---- nonzero ------------------------------------------------------------------------------------

Status InferNonzero(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Expr count, DefinedSize(ctx, 0, x.NumElements()));
  ctx.Return(Type::Tensor(DType::kI64, {std::move(count), Expr(x.rank())}, {}, x.device()));
  return {};
}

// Writes the positions of the elements first, ..., first + n - 1 of a row, that at x, that are not
// zero, at most `left` of them: `index`, that of the row, with the place in the row last. Returns
// their number.
using PositionsFn = int64_t (*)(const char* x, int64_t stride, int64_t first, int64_t n,
                                uint64_t mask, int64_t left, const int64_t* index, size_t rank,
                                int64_t* to);

template <class U>
int64_t WritePositions(const char* x, int64_t stride, int64_t first, int64_t n, uint64_t mask,
                       int64_t left, const int64_t* index, size_t rank, int64_t* to) {
  constexpr int64_t kBlock = 512;
  const U bits = static_cast<U>(mask);
  int64_t written = 0;
  for (int64_t done = first; done < first + n && written < left; done += kBlock) {
    // Found without a branch per element, which data would make hard to predict.
    uint16_t found[kBlock];
    const int64_t m = std::min(kBlock, first + n - done);
    int64_t count = 0;
    for (int64_t i = 0; i < m; ++i) {
      found[count] = static_cast<uint16_t>(i);
      count += IsSet<U>(x + (done + i) * stride, bits) ? 1 : 0;
    }
    count = std::min(count, left - written);
    for (int64_t j = 0; j < count; ++j) {
      for (size_t d = 0; d + 1 < rank; ++d) to[d] = index[d];
      to[rank - 1] = done + found[j];
      to += rank;
    }
    written += count;
  }
  return written;
}

class NonzeroKernel final : public DynamicKernel {
 public:
  explicit NonzeroKernel(const KernelCtx& ctx)
      : counter_(ctx.operands[0], ctx.operands[0].sizes, ByteStrides(ctx.operands[0]), ctx.cpu),
        mask_(MaskOf(ctx.operands[0].dtype)),
        write_(WithBitsOf(ctx.operands[0].dtype, [](auto like) -> PositionsFn {
          return &WritePositions<decltype(like)>;
        })) {
    walk_.spaces[0] = {ctx.operands[0].sizes, ByteStrides(ctx.operands[0])};
  }

  size_t scratch_bytes() const override { return walk_.rank() * sizeof(int64_t); }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    auto* index = static_cast<int64_t*>(args.scratch);
    Pacer pacer(args.regions);
    const int64_t count = counter_.Run(args.operand(0), index, pacer);
    if (pacer.stopped()) return pacer.status();
    GCOMP_RETURN_IF_ERROR(out.Define(0, count));
    GCOMP_ASSIGN_OR_RETURN(void* memory, out.Allocate(0));
    const size_t rank = walk_.rank();
    if (rank == 0) return {};
    auto* to = static_cast<int64_t*>(memory);
    int64_t left = count;
    walk_.ForEachRow({args.operand<char>(0)}, index, [&](const auto& row) {
      const bool done = ForPieces(pacer, walk_.row_size(), [&](int64_t from, int64_t n) {
        const int64_t written =
            write_(row[0], walk_.stride(0), from, n, mask_, left, index, rank, to);
        to += written * static_cast<int64_t>(rank);
        left -= written;
      });
      return done && left > 0;
    });
    return pacer.status();
  }

 private:
  Counter counter_;
  RowWalk<1> walk_;
  uint64_t mask_;
  PositionsFn write_;
};

constexpr ir::OperandSpec kNonzeroOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};
constexpr ir::Tolerance kNoArithmetic = {.reason = "no arithmetic: positions and elements of x"};
constexpr ir::Lowering kExternal = {.kind = ir::Lowering::Kind::kExternal,
                                    .why = "the size of the result depends on the data"};

constinit const ir::OpDef kNonzero = {
    .name = "nonzero",
    .doc =
        "The positions of the elements that are not zero, in row-major order: row j of y is the "
        "index of the j-th such element of x.\n"
        "Shapes: x: [d_0, ..., d_r-1] -> y: i64[u, r], where the op defines u in [0, d_0 * ... * "
        "d_r-1].\n"
        "Corners: NaN is not zero, -0 is; of rank 0 y has no columns and 0 or 1 rows; a number "
        "outside of the range that is written for u is E401.",
    .source = "NumPy argwhere; PyTorch nonzero",
    .operands = kNonzeroOperands,
    .effects = {.data_dependent = true},
    .tolerance = kNoArithmetic,
    .infer = InferNonzero,
    .prepare = [](const KernelCtx& ctx) -> KernelOr {
      return std::unique_ptr<ir::Kernel>(std::make_unique<NonzeroKernel>(ctx));
    },
    .lowering = kExternal,
    .vjp = ir::NotDifferentiable("positions are integers"),
};

// ---- masked_select ------------------------------------------------------------------------------

Status InferMaskedSelect(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, ir::BroadcastDims(ctx, ctx.op().operands));
  const Type& x = ctx.operand(0);
  if (x.device() != ctx.operand(1).device()) {
    return ctx.Fail(Format("x is {}, mask is {}: they are on different devices", ctx.Show(x),
                           ctx.Show(ctx.operand(1))));
  }
  const Expr elements = Type::Tensor(x.dtype(), std::move(dims)).NumElements();
  GCOMP_ASSIGN_OR_RETURN(Expr count, DefinedSize(ctx, 0, elements));
  ctx.Return(Type::Tensor(x.dtype(), {std::move(count)}, {}, x.device()));
  return {};
}

// Copies the elements of a row that the mask picks, at most `left` of them; returns their number.
using SelectFn = int64_t (*)(const char* x, int64_t x_stride, const char* mask, int64_t mask_stride,
                             int64_t n, int64_t left, char* to);

template <class U>
int64_t SelectRow(const char* x, int64_t x_stride, const char* mask, int64_t mask_stride, int64_t n,
                  int64_t left, char* to) {
  int64_t written = 0;
  // An element that is not picked is written too, and then over: there is room while some are left.
  for (int64_t i = 0; i < n && written < left; ++i) {
    std::memcpy(to + written * static_cast<int64_t>(sizeof(U)), x + i * x_stride, sizeof(U));
    written += mask[i * mask_stride] != 0 ? 1 : 0;
  }
  return written;
}

// The strides of a tensor that is broadcast to `sizes`: 0 where it has one element for all.
std::vector<int64_t> BroadcastStrides(const TensorSpec& spec, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size(), 0);
  const std::vector<int64_t> own = ByteStrides(spec);
  const size_t added = sizes.size() - own.size();
  for (size_t d = 0; d < own.size(); ++d) {
    if (spec.sizes[d] == sizes[added + d]) strides[added + d] = own[d];
  }
  return strides;
}

std::vector<int64_t> BroadcastSizes(const TensorSpec& a, const TensorSpec& b) {
  const TensorSpec& longer = a.rank() >= b.rank() ? a : b;
  const TensorSpec& shorter = a.rank() >= b.rank() ? b : a;
  std::vector<int64_t> sizes = longer.sizes;
  const size_t added = longer.sizes.size() - shorter.sizes.size();
  for (size_t d = 0; d < shorter.sizes.size(); ++d) {
    if (sizes[added + d] == 1) sizes[added + d] = shorter.sizes[d];
  }
  return sizes;
}

class MaskedSelectKernel final : public DynamicKernel {
 public:
  MaskedSelectKernel(const KernelCtx& ctx, const std::vector<int64_t>& sizes)
      : counter_(ctx.operands[1], sizes, BroadcastStrides(ctx.operands[1], sizes), ctx.cpu),
        rank_(sizes.size()),
        copy_(WithBitsOf(ctx.operands[0].dtype,
                         [](auto like) -> SelectFn { return &SelectRow<decltype(like)>; })) {
    const std::vector<int64_t> x = BroadcastStrides(ctx.operands[0], sizes);
    const std::vector<int64_t> mask = BroadcastStrides(ctx.operands[1], sizes);
    for (size_t d = 0; d < sizes.size(); ++d) {
      AppendDim(sizes[d], {{&walk_.spaces[0], x[d]}, {&walk_.spaces[1], mask[d]}});
    }
    bytes_ = ir::BytesOf(ctx.operands[0].dtype);
  }

  size_t scratch_bytes() const override { return rank_ * sizeof(int64_t); }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    auto* index = static_cast<int64_t*>(args.scratch);
    Pacer pacer(args.regions);
    int64_t left = counter_.Run(args.operand(1), index, pacer);
    if (pacer.stopped()) return pacer.status();
    GCOMP_RETURN_IF_ERROR(out.Define(0, left));
    GCOMP_ASSIGN_OR_RETURN(void* memory, out.Allocate(0));
    if (left == 0) return {};
    char* to = static_cast<char*>(memory);
    walk_.ForEachRow({args.operand<char>(0), args.operand<char>(1)}, index, [&](const auto& row) {
      const bool done = ForPieces(pacer, walk_.row_size(), [&](int64_t from, int64_t n) {
        const int64_t written =
            copy_(row[0] + from * walk_.stride(0), walk_.stride(0), row[1] + from * walk_.stride(1),
                  walk_.stride(1), n, left, to);
        to += written * bytes_;
        left -= written;
      });
      return done && left > 0;
    });
    return pacer.status();
  }

 private:
  Counter counter_;
  RowWalk<2> walk_;
  size_t rank_;
  SelectFn copy_;
  int64_t bytes_ = 0;
};

KernelOr PrepareMaskedSelect(const KernelCtx& ctx) {
  TensorSpec whole;
  whole.dtype = ctx.operands[0].dtype;
  whole.sizes = BroadcastSizes(ctx.operands[0], ctx.operands[1]);
  whole.strides.assign(whole.sizes.size(), 0);
  GCOMP_RETURN_IF_ERROR(ir::CheckBytes(whole));
  return std::unique_ptr<ir::Kernel>(std::make_unique<MaskedSelectKernel>(ctx, whole.sizes));
}

constexpr ir::OperandSpec kMaskedSelectOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes},
                                                     {.name = "mask", .dtypes = ir::kBoolDType}};

constinit const ir::OpDef kMaskedSelect = {
    .name = "masked_select",
    .doc =
        "The elements of x where mask is true, in row-major order.\n"
        "Shapes: x: [d...], mask: bool[e...], which broadcast as in NumPy to n elements -> y: [u] "
        "of the dtype of x, where the op defines u in [0, n].\n"
        "Corners: the bits of x are kept; a number outside of the range that is written for u is "
        "E401.",
    .source = "NumPy x[mask]; PyTorch masked_select",
    .operands = kMaskedSelectOperands,
    .effects = {.data_dependent = true},
    .tolerance = kNoArithmetic,
    .infer = InferMaskedSelect,
    .prepare = PrepareMaskedSelect,
    .lowering = kExternal,
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(nonzero, &kNonzero, &kMaskedSelect)

}  // namespace gcomp::kernels
