// sort and topk: rows along one axis, in order.
#include <cstring>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/cursor.h"
#include "kernels/entry_tiles.h"
#include "kernels/pacer.h"
#include "kernels/pointwise.h"
#include "kernels/scratch_plan.h"
#include "kernels/sort_entries.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

// One of the tensors of the op: its rows, and the elements of a row.
struct RowsOf {
  CursorSpace rows;
  int64_t stride = 0;  // bytes

  RowsOf(const ir::TensorSpec& spec, size_t axis) {
    const int64_t bytes = ir::BytesOf(spec.dtype);
    stride = spec.strides[axis] * bytes;
    for (size_t d = 0; d < spec.sizes.size(); ++d) {
      if (d != axis) AppendDim(spec.sizes[d], {{&rows, spec.strides[d] * bytes}});
    }
  }
};

struct RowPlan {
  DType dtype;
  int64_t n;  // elements of a row
  int64_t k;  // of which the first k in order are wanted
  bool descending;
  int64_t count;  // rows
  RowsOf x;
  RowsOf values;
  RowsOf indices;
};

template <class Entry>
class SortKernel final : public ir::Kernel {
 public:
  SortKernel(RowPlan plan, CpuLevel cpu)
      : plan_(std::move(plan)),
        io_(TileIoOf(plan_.dtype, cpu)),
        make_(EntriesOf<Entry>(plan_.dtype, cpu)),
        selects_(plan_.k < plan_.n / 4) {
    const int64_t entries = selects_ ? SelectLeast<Entry>::Capacity(plan_.k) : plan_.n;
    const size_t bytes = static_cast<size_t>(entries) * sizeof(Entry);
    ScratchPlan scratch;
    first_at_ = scratch.Take(bytes);
    if (!selects_) other_at_ = scratch.Take(bytes);
    scratch_bytes_ = scratch.bytes();
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const ir::KernelArgs& args) const override {
    if (plan_.count == 0 || plan_.k == 0) return {};
    char* scratch = static_cast<char*>(args.scratch);
    auto* first = reinterpret_cast<Entry*>(scratch + first_at_);
    auto* other = reinterpret_cast<Entry*>(scratch + other_at_);
    Cursor x(plan_.x.rows, args.operand(0));
    Cursor values(plan_.values.rows, args.result(0));
    Cursor indices(plan_.indices.rows, args.result(1));
    Pacer pacer(args.regions);
    for (int64_t row = 0; row < plan_.count; ++row) {
      const Entry* sorted =
          selects_ ? Select(x.data(), first, pacer) : Sort(x.data(), first, other, pacer);
      if (sorted == nullptr || !Write(sorted, x.data(), values.data(), indices.data(), pacer)) {
        return pacer.status();
      }
      x.Skip(1);
      values.Skip(1);
      indices.Skip(1);
    }
    return {};
  }

 private:
  // Entries of elements first, ..., first + n - 1 of a row, but those above the bound; n <= kTile.
  int64_t Make(const char* x, int64_t first, int64_t n, uint64_t bound, Entry* entries) const {
    alignas(64) std::byte tile[kTile * 8];
    const char* from = x + first * plan_.x.stride;
    const void* dense = from;
    if (!io_.direct || plan_.x.stride != io_.bytes) {
      io_.load(from, plan_.x.stride, n, tile);
      dense = tile;
    }
    return make_(dense, n, first, plan_.descending, bound, entries);
  }

  // Null if the pacer stopped it; so is that of Select.
  const Entry* Sort(const char* x, Entry* entries, Entry* other, Pacer& pacer) const {
    for (int64_t first = 0; first < plan_.n; first += kTile) {
      const int64_t n = std::min(kTile, plan_.n - first);
      Make(x, first, n, kNoBound, entries + first);
      if (!pacer.Go(n)) return nullptr;
    }
    return SortEntries(entries, other, plan_.n, pacer);
  }

  const Entry* Select(const char* x, Entry* room, Pacer& pacer) const {
    Entry entries[kTile];
    SelectLeast<Entry> least(room, plan_.k);
    for (int64_t first = 0; first < plan_.n; first += kTile) {
      const int64_t n = std::min(kTile, plan_.n - first);
      const int64_t count = Make(x, first, n, least.bound(), entries);
      for (int64_t i = 0; i < count; ++i) least.Add(entries[i]);
      if (!pacer.Go(n + count)) return nullptr;
    }
    return least.Finish().data();
  }

  // False if the pacer stopped it.
  bool Write(const Entry* sorted, const char* x, char* values, char* indices, Pacer& pacer) const {
    const auto bytes = static_cast<size_t>(io_.bytes);
    auto copy = [&](auto size) {
      return ForPieces(pacer, plan_.k, [&](int64_t from, int64_t count) {
        for (int64_t i = from; i < from + count; ++i) {
          const int64_t position = PositionOf(sorted[i]);
          std::memcpy(values + i * plan_.values.stride, x + position * plan_.x.stride, size());
          std::memcpy(indices + i * plan_.indices.stride, &position, sizeof(position));
        }
      });
    };
    if (bytes == 4) return copy([]() -> size_t { return 4; });
    return copy([bytes] { return bytes; });
  }

  RowPlan plan_;
  TileIo io_;
  EntriesFn<Entry> make_;
  bool selects_;
  size_t first_at_ = 0;
  size_t other_at_ = 0;
  size_t scratch_bytes_ = 0;
};

size_t AxisOf(const ir::KernelCtx& ctx) {
  const int64_t dim = ctx.attrs.Int("dim");
  return static_cast<size_t>(dim < 0 ? dim + ctx.operands[0].rank() : dim);
}

KernelOr MakeSort(const ir::KernelCtx& ctx, int64_t k, bool descending) {
  const size_t axis = AxisOf(ctx);
  const ir::TensorSpec& x = ctx.operands[0];
  int64_t count = 1;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    if (d != axis) count *= x.sizes[d];
  }
  RowPlan plan{x.dtype,
               x.sizes[axis],
               k,
               descending,
               count,
               RowsOf(x, axis),
               RowsOf(ctx.results[0], axis),
               RowsOf(ctx.results[1], axis)};
  if (plan.x.rows.sizes.size() > kMaxCursorRank || plan.values.rows.sizes.size() > kMaxCursorRank) {
    return Status(ErrorId::E802,
                  Format("{}: x needs {} separate dims; the limit is {}", ctx.op.def->name,
                         plan.x.rows.sizes.size(), kMaxCursorRank));
  }
  if (plan.n > std::numeric_limits<int64_t>::max() / 64) {
    return Status(ErrorId::E802,
                  Format("{}: rows of {} elements are too long", ctx.op.def->name, plan.n));
  }
  if (TakesNarrow(x.dtype, plan.n)) {
    return std::unique_ptr<ir::Kernel>(
        std::make_unique<SortKernel<NarrowEntry>>(std::move(plan), ctx.cpu));
  }
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<SortKernel<WideEntry>>(std::move(plan), ctx.cpu));
}

Status ReturnRows(InferCtx& ctx, const ir::Dims& dims) {
  const Type& x = ctx.operand(0);
  ctx.Return(Type::Tensor(x.dtype(), dims, {}, x.device()));
  ctx.Return(Type::Tensor(DType::kI64, dims, {}, x.device()));
  return {};
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};
constexpr ir::Tolerance kMovesBits = {.reason = "no arithmetic: elements of x and their positions"};
constexpr ir::Lowering kLibrary = {.kind = ir::Lowering::Kind::kExternal,
                                   .why = "moves elements to places that depend on their values"};
constexpr ir::AttrSpec kDim = ir::AxisOf(ir::AttrSpec::Axis::kOfOperand,
                                         ir::IntAttr("dim", -1, "the axis along which rows run"));

// ---- sort
// ---------------------------------------------------------------------------------------

Status InferSort(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_RETURN_IF_ERROR(ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim").status());
  return ReturnRows(ctx, x.dims());
}

constexpr ir::AttrSpec kSortAttrs[] = {kDim, ir::BoolAttr("descending", false, "greatest first")};

constinit const ir::OpDef kSort = {
    .name = "sort",
    .doc =
        "Rows in order: values[.., j, ..] = x[.., indices[.., j, ..], ..], "
        "ascending or "
        "descending along dim.\n"
        "Shapes: x: [d...] -> values: [d...] of the dtype of x, indices: "
        "i64[d...].\n"
        "Corners: stable in both directions: equal elements keep their "
        "order; -0 equals +0, NaN "
        "is greatest and all NaNs are equal; values are the bits of x.",
    .source =
        "NumPy sort and argsort with kind = stable; radix sort as in "
        "Knuth, TAOCP 3, 5.2.5",
    .operands = kOperands,
    .attrs = kSortAttrs,
    .num_results = 2,
    .tolerance = kMovesBits,
    .infer = InferSort,
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return MakeSort(ctx, ctx.operands[0].sizes[AxisOf(ctx)], ctx.attrs.Bool("descending"));
        },
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

// ---- topk
// ---------------------------------------------------------------------------------------

Status InferTopk(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  ir::Dims dims = x.dims();
  ir::Expr& size = dims[static_cast<size_t>(axis)];
  const int64_t k = ctx.attrs().Int("k");
  if (k < 0 || k > ir::RangeOf(size, ctx.function().Ranger()).high) {
    return ctx.Fail(
        Format("k is {}, but must lie in [0, {}], the size of axis {}", k, ctx.Show(size), axis),
        ErrorId::E508);
  }
  size = ir::Expr(k);
  return ReturnRows(ctx, dims);
}

KernelOr PrepareTopk(const ir::KernelCtx& ctx) {
  const int64_t k = ctx.attrs.Int("k");
  const int64_t n = ctx.operands[0].sizes[AxisOf(ctx)];
  if (k > n) {
    return Status(ErrorId::E504, Format("topk: k is {}, but x, {}, has {} elements along axis {}",
                                        k, ctx.operands[0].ToString(), n, AxisOf(ctx)));
  }
  return MakeSort(ctx, k, ctx.attrs.Bool("largest"));
}

constexpr ir::AttrSpec kTopkAttrs[] = {
    ir::IntAttr("k", 1, "how many elements of a row, at most all"), kDim,
    ir::BoolAttr("largest", true, "the greatest; else the least")};

constinit const ir::OpDef kTopk = {
    .name = "topk",
    .doc =
        "The k greatest (least) elements of each row, in order: the first k "
        "of sort with "
        "descending = largest.\n"
        "Shapes: x: [d...] -> values: [d...] with k along dim, of the dtype "
        "of x; indices: i64, "
        "the same shape.\n"
        "Corners: of equal elements the one with the lower index comes "
        "first; -0 equals +0, NaN "
        "is greatest; k may be 0.",
    .source = "PyTorch topk, with the order of equal elements fixed",
    .operands = kOperands,
    .attrs = kTopkAttrs,
    .num_results = 2,
    .tolerance = kMovesBits,
    .infer = InferTopk,
    .prepare = PrepareTopk,
    .lowering = kLibrary,
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(sort, &kSort, &kTopk)

}  // namespace gcomp::kernels
