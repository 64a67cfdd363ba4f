// unique: the distinct elements of a tensor, in order.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/format.h"
#include "ir/scalar.h"
#include "kernels/all_ops.h"
#include "kernels/dynamic_size.h"
#include "kernels/entry_tiles.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/sort_entries.h"
#include "kernels/strided_copy.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

Status Infer(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Expr elements = x.NumElements();
  const Expr least = elements.is_poison() ? Expr(0) : Expr::Min(elements, 1);
  GCOMP_ASSIGN_OR_RETURN(Expr count, DefinedSize(ctx, least, elements));
  ctx.Return(Type::Tensor(x.dtype(), {count}, {}, x.device()));
  ctx.Return(Type::Tensor(DType::kI64, x.dims(), {}, x.device()));
  ctx.Return(Type::Tensor(DType::kI64, {count}, {}, x.device()));
  return {};
}

// Sorts entries of all elements: equal ones are neighbors then, in the order of their positions.
template <class Entry>
class UniqueKernel final : public DynamicKernel {
 public:
  explicit UniqueKernel(const KernelCtx& ctx)
      : n_(ctx.operands[0].NumElements()),
        io_(TileIoOf(ctx.operands[0].dtype, ctx.cpu)),
        make_(EntriesOf<Entry>(ctx.operands[0].dtype, ctx.cpu)) {
    const ir::TensorSpec& x = ctx.operands[0];
    ScratchPlan scratch;
    const size_t bytes = static_cast<size_t>(n_) * sizeof(Entry);
    first_at_ = scratch.Take(bytes);
    other_at_ = scratch.Take(bytes);
    if (!x.IsContiguous()) {
      dense_at_ = scratch.Take(static_cast<size_t>(n_ * io_.bytes));
      copy_ = StridedCopy::Make(x.sizes, x.strides, ir::ContiguousStrides(x.sizes), io_.bytes);
    }
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    char* scratch = static_cast<char*>(args.scratch);
    const char* x = args.operand<char>(0);
    Pacer pacer(args.regions);
    if (copy_.has_value()) {
      GCOMP_RETURN_IF_ERROR(copy_->Run(x, scratch + dense_at_, pacer));
      x = scratch + dense_at_;
    }
    const Entry* sorted = Sort(x, reinterpret_cast<Entry*>(scratch + first_at_),
                               reinterpret_cast<Entry*>(scratch + other_at_), pacer);
    const int64_t distinct = sorted == nullptr ? 0 : CountKeys(sorted, pacer);
    if (pacer.stopped()) return pacer.status();
    GCOMP_RETURN_IF_ERROR(out.Define(0, distinct));
    GCOMP_ASSIGN_OR_RETURN(void* values, out.Allocate(0));
    GCOMP_ASSIGN_OR_RETURN(void* counts, out.Allocate(2));
    Write(sorted, x, static_cast<char*>(values), args.result<int64_t>(1),
          static_cast<int64_t*>(counts), pacer);
    return pacer.status();
  }

 private:
  // Null if the pacer stopped it.
  const Entry* Sort(const char* x, Entry* entries, Entry* other, Pacer& pacer) const {
    alignas(64) std::byte tile[kTile * 8];
    for (int64_t first = 0; first < n_; first += kTile) {
      const int64_t n = std::min(kTile, n_ - first);
      const void* dense = x + first * io_.bytes;
      if (!io_.direct) {
        io_.load(dense, io_.bytes, n, tile);
        dense = tile;
      }
      make_(dense, n, first, /*descending=*/false, kNoBound, entries + first);
      if (!pacer.Go(n)) return nullptr;
    }
    return SortEntries(entries, other, n_, pacer);
  }

  bool IsNew(const Entry* sorted, int64_t i) const {
    return i == 0 || KeyOf(sorted[i]) != KeyOf(sorted[i - 1]);
  }

  int64_t CountKeys(const Entry* sorted, Pacer& pacer) const {
    int64_t distinct = 0;
    ForPieces(pacer, n_, [&](int64_t from, int64_t count) {
      for (int64_t i = from; i < from + count; ++i) distinct += IsNew(sorted, i) ? 1 : 0;
    });
    return distinct;
  }

  void Write(const Entry* sorted, const char* x, char* values, int64_t* inverse, int64_t* counts,
             Pacer& pacer) const {
    int64_t which = -1;
    ForPieces(pacer, n_, [&](int64_t from, int64_t count) {
      for (int64_t i = from; i < from + count; ++i) {
        const int64_t position = PositionOf(sorted[i]);
        if (IsNew(sorted, i)) {
          ++which;
          std::memcpy(values + which * io_.bytes, x + position * io_.bytes,
                      static_cast<size_t>(io_.bytes));
          counts[which] = 0;
        }
        ++counts[which];
        inverse[position] = which;
      }
    });
  }

  int64_t n_;
  TileIo io_;
  EntriesFn<Entry> make_;
  std::optional<StridedCopy> copy_;  // makes a strided x row-major
  size_t first_at_ = 0;
  size_t other_at_ = 0;
  size_t dense_at_ = 0;
  size_t scratch_bytes_ = 0;
};

KernelOr Prepare(const KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  GCOMP_ENSURE(ctx.results.size() == 3 && ctx.results[1].IsContiguous(),
               "the results are row-major");
  if (TakesNarrow(x.dtype, x.NumElements())) {
    return std::unique_ptr<ir::Kernel>(std::make_unique<UniqueKernel<NarrowEntry>>(ctx));
  }
  return std::unique_ptr<ir::Kernel>(std::make_unique<UniqueKernel<WideEntry>>(ctx));
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};

constinit const ir::OpDef kUnique = {
    .name = "unique",
    .doc =
        "The distinct elements of x, ascending: values; where each element of x is among them: "
        "x[p] = values[inverse[p]]; and how often each is there: counts.\n"
        "Shapes: x: [d...] of n elements -> values: [u] of the dtype of x, inverse: i64[d...], "
        "counts: i64[u], where the op defines u in [min(n, 1), n].\n"
        "Corners: -0 equals +0 and all NaNs are equal, greatest: values has the bits of the one "
        "that comes first in x; a number outside of the range that is written for u is E401.",
    .source = "NumPy unique with return_inverse and return_counts",
    .operands = kOperands,
    .num_results = 3,
    .effects = {.data_dependent = true},
    .tolerance = {.reason = "no arithmetic: elements of x, positions and counts"},
    .infer = Infer,
    .prepare = Prepare,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "the size of the results depends on the data"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(unique, &kUnique)

}  // namespace gcomp::kernels
