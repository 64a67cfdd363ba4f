// Ops that write elements at positions which a tensor gives: scatter, index_put.
//
// The result begins as a copy of x. Writes go in the row-major order of the indices, one after the
// other, so that duplicates have one meaning: the last write wins, or all are combined in that
// order. Each combination rounds to the dtype of x, as the element is stored.
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/element_writer.h"
#include "kernels/index.h"
#include "kernels/pacer.h"
#include "kernels/pointwise.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

// ---- Kernel -------------------------------------------------------------------------------------

// Packs n elements that lie `stride` bytes apart.
template <class T>
void Pack(const char* from, int64_t stride, int64_t n, char* to) {
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(to + i * static_cast<int64_t>(sizeof(T)), from + i * stride, sizeof(T));
  }
}

class ScatterKernel final : public ir::Kernel {
 public:
  ScatterKernel(IndexedOffsets offsets, StridedCopy copy, ElementWriter writer, size_t source,
                CursorSpace source_space, int64_t element_bytes)
      : offsets_(std::move(offsets)),
        copy_(std::move(copy)),
        writer_(writer),
        source_(source),
        source_space_(std::move(source_space)),
        bytes_(element_bytes) {
    stride_ = source_space_.strides.empty() ? 0 : source_space_.strides.back();
  }

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    GCOMP_RETURN_IF_ERROR(offsets_.Check(args, pacer));
    char* y = args.result<char>(0);
    GCOMP_RETURN_IF_ERROR(copy_.Run(args.operand(0), y, pacer));
    Cursor source(source_space_, args.operand(source_));
    const int64_t run = offsets_.run_bytes() / bytes_;
    return offsets_.ForEach(args, y, pacer, [&](const int64_t* offsets, int64_t n) -> Status {
      if (run == 1) {
        WritePoints(y, offsets, source, n);
        return {};
      }
      for (int64_t i = 0; i < n; ++i) {
        const bool done = ForPieces(pacer, run, [&](int64_t from, int64_t count) {
          WriteRun(y + offsets[i] + from * bytes_, source, count);
        });
        if (!done) return pacer.status();
      }
      return {};
    });
  }

 private:
  void Fetch(const char* from, int64_t n, char* tile) const {
    switch (bytes_) {
      case 1:
        return Pack<uint8_t>(from, stride_, n, tile);
      case 2:
        return Pack<uint16_t>(from, stride_, n, tile);
      case 4:
        return Pack<uint32_t>(from, stride_, n, tile);
      default:
        return Pack<uint64_t>(from, stride_, n, tile);
    }
  }

  // The next n <= kTile elements of the source, one to each offset.
  void WritePoints(char* y, const int64_t* offsets, Cursor& source, int64_t n) const {
    alignas(64) char tile[kTile * 8];
    char* next = tile;
    source.Walk(n, [&](const char* data, int64_t count) {
      Fetch(data, count, next);
      next += count * bytes_;
    });
    writer_.points(y, offsets, tile, n);
  }

  // The next n elements of the source, to neighbors.
  void WriteRun(char* y, Cursor& source, int64_t n) const {
    alignas(64) char tile[kTile * 8];
    source.Walk(n, [&](const char* data, int64_t count) {
      if (stride_ == bytes_) {
        writer_.run(y, data, count);
      } else {
        for (int64_t done = 0; done < count; done += kTile) {
          const int64_t part = std::min(kTile, count - done);
          Fetch(data + done * stride_, part, tile);
          writer_.run(y + done * bytes_, tile, part);
        }
      }
      y += count * bytes_;
    });
  }

  IndexedOffsets offsets_;
  StridedCopy copy_;
  ElementWriter writer_;
  size_t source_;
  CursorSpace source_space_;  // its element at each position of the iteration space
  int64_t bytes_;             // of an element
  int64_t stride_;            // of the source's innermost dim
};

// Writes operand `source`, whose elements along the dims of `space` are `strides` apart.
KernelOr MakeScatter(const ir::KernelCtx& ctx, const IndexedSpace& space, std::string_view reduce,
                     size_t source, const std::vector<int64_t>& strides) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  const int64_t bytes = ir::BytesOf(x.dtype);
  GCOMP_ASSIGN_OR_RETURN(IndexedOffsets offsets, IndexedOffsets::Make(ctx, space));
  std::optional<ElementWriter> writer = ElementWriterFor(reduce, x.dtype);
  GCOMP_ENSURE(writer.has_value(), "infer knows the ways to reduce");
  CursorSpace source_space;
  for (size_t d = 0; d < space.sizes.size(); ++d) {
    AppendDim(space.sizes[d], {{&source_space, strides[d] * bytes}});
  }
  if (source_space.sizes.size() > kMaxCursorRank) {
    return Status(ErrorId::E802,
                  Format("{}: the source needs {} separate dims; the limit is {}", ctx.op.def->name,
                         source_space.sizes.size(), kMaxCursorRank));
  }
  StridedCopy copy = StridedCopy::Make(x.sizes, x.strides, y.strides, bytes);
  return std::unique_ptr<ir::Kernel>(std::make_unique<ScatterKernel>(
      std::move(offsets), std::move(copy), *writer, source, std::move(source_space), bytes));
}

constexpr std::string_view kWhy = "writes by index values, which are checked when it runs";
constexpr ir::Tolerance kInOrder = {
    .reason = "each combination is rounded once to the dtype of x, in index order"};

Status CheckDType(const InferCtx& ctx, std::string_view name, const Type& type) {
  if (type.dtype() == ctx.operand(0).dtype()) return {};
  return ctx.Fail(Format("{} has dtype {} and x has {}; they must be equal (use cast)", name,
                         NameOf(type.dtype()), NameOf(ctx.operand(0).dtype())));
}

Status ReturnLikeX(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, std::move(device)));
  return {};
}

// ---- scatter ------------------------------------------------------------------------------------

Status InferScatter(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& i = ctx.operand(1);
  const Type& s = ctx.operand(2);
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), x.rank(), "dim"));
  GCOMP_RETURN_IF_ERROR(CheckIndexShape(ctx, x, i, axis));
  GCOMP_RETURN_IF_ERROR(CheckDType(ctx, "s", s));
  const std::string reduce = ctx.attrs().String("reduce");
  if (!ElementWriterFor(reduce, DType::kF32).has_value()) {
    return ctx.Fail(Format("reduce is \"{}\", but must be none, add, mul, max or min", reduce),
                    ErrorId::E508);
  }
  if (!ElementWriterFor(reduce, x.dtype()).has_value()) {
    return ctx.Fail(Format("reduce = \"{}\" needs numbers, but x is {}", reduce, ctx.Show(x)));
  }
  bool fits = s.rank() == i.rank();
  const auto ranges = ctx.function().Ranger();
  for (size_t d = 0; fits && d < i.dims().size(); ++d) {
    fits = ir::RangeOf(i.dims()[d], ranges).low <= ir::RangeOf(s.dims()[d], ranges).high;
  }
  if (!fits) {
    return ctx.Fail(
        Format("s must be at least as large as the indices along every axis, but is "
               "{} for {}",
               ctx.Show(s), ctx.Show(i)));
  }
  return ReturnLikeX(ctx);
}

KernelOr PrepareScatter(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  const ir::TensorSpec& i = ctx.operands[1];
  const ir::TensorSpec& s = ctx.operands[2];
  int64_t dim = ctx.attrs.Int("dim");
  if (dim < 0) dim += y.rank();
  GCOMP_ASSIGN_OR_RETURN(IndexedSpace space, SpaceAlong(ctx, y, 1, static_cast<int>(dim)));
  for (size_t d = 0; d < i.sizes.size(); ++d) {
    if (i.sizes[d] > s.sizes[d]) {
      return Status(ErrorId::E504, Format("scatter: `i` is {}, which is larger than `s`, {}, along "
                                          "axis {}",
                                          i.ToString(), s.ToString(), d));
    }
  }
  return MakeScatter(ctx, space, ctx.attrs.String("reduce"), 2, s.strides);
}

constexpr ir::OperandSpec kScatterOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes},
                                                {.name = "i", .dtypes = ir::kIntegerDTypes},
                                                {.name = "s", .dtypes = ir::kRealDTypes}};
constexpr ir::AttrSpec kScatterAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis that indices name")),
    ir::StringAttr("reduce", "none",
                   "none (s replaces), or add, mul, max, min (s is combined with what is there)")};

constinit const ir::OpDef kScatter = {
    .name = "scatter",
    .doc =
        "x with elements of s written along one axis: y = x, then for each position p of i in "
        "row-major order y[.., i[.., p, ..], ..] = s[.., p, ..], or that element combined with "
        "it.\n"
        "Shapes: x: [d...], i: [e...] and s: [f...] of the same rank, e <= d along all axes "
        "but dim, e <= f -> y: [d...].\n"
        "Corners: of several writes to a place the last one wins (none), or all are combined in "
        "order, each rounded to the dtype of x (f16 and bf16 too), integers wrap; max and min "
        "as the ops of these names. A negative index counts from the end; one outside of "
        "[-d, d) is the run-time error E401, found before anything is written. On bool only "
        "none.",
    .source = "PyTorch scatter and scatter_reduce",
    .operands = kScatterOperands,
    .attrs = kScatterAttrs,
    .in_place_form = true,
    .tolerance = kInOrder,
    .infer = InferScatter,
    .prepare = PrepareScatter,
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = kWhy},
    .vjp = ir::NotYet(),
};

// ---- index_put ----------------------------------------------------------------------------------

constexpr size_t kIndices = 2;  // group of index_put

Status InferIndexPut(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& v = ctx.operand(1);
  GCOMP_RETURN_IF_ERROR(CheckDType(ctx, "v", v));
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, IndexedDims(ctx, x, kIndices));
  const size_t missing = dims.size() - std::min(dims.size(), v.dims().size());
  bool fits = v.dims().size() <= dims.size();
  for (size_t d = missing; fits && d < dims.size(); ++d) {
    const ir::Expr& size = v.dims()[d - missing];
    fits = size.IsConst(1) || ctx.SameSize(size, dims[d]);
  }
  if (!fits) {
    return ctx.Fail(Format("v is {}, which does not broadcast to {}, the shape of x[is]",
                           ctx.Show(v), ctx.Show(Type::Tensor(x.dtype(), dims))));
  }
  if (ctx.attrs().Bool("accumulate") && x.dtype() == DType::kBool) {
    return ctx.Fail(Format("accumulate needs numbers, but x is {}", ctx.Show(x)));
  }
  return ReturnLikeX(ctx);
}

KernelOr PrepareIndexPut(const ir::KernelCtx& ctx) {
  const size_t count = ctx.group_size(kIndices);
  const IndexedSpace space =
      SpaceOfPoints(ctx, ctx.results[0], 2, count, BroadcastSizes(ctx, 2, count));
  const ir::TensorSpec& v = ctx.operands[1];
  std::vector<int64_t> strides(space.sizes.size(), 0);
  const size_t missing = strides.size() - v.sizes.size();
  for (size_t d = 0; d < v.sizes.size(); ++d) {
    if (v.sizes[d] != 1) strides[missing + d] = v.strides[d];
  }
  return MakeScatter(ctx, space, ctx.attrs.Bool("accumulate") ? "add" : "none", 1, strides);
}

constexpr ir::OperandSpec kIndexPutOperands[] = {
    {.name = "x", .dtypes = ir::kRealDTypes},
    {.name = "v", .dtypes = ir::kRealDTypes},
    {.name = "is", .kind = ir::OperandKind::kVariadic, .dtypes = ir::kIntegerDTypes}};
constexpr ir::AttrSpec kIndexPutAttrs[] = {
    ir::BoolAttr("accumulate", false, "add v to what is there, instead of replacing it")};

constinit const ir::OpDef kIndexPut = {
    .name = "index_put",
    .doc =
        "x with v written at points that one index tensor per leading axis names: y = x, then "
        "for each p in row-major order y[is[0][p], is[1][p], .., :] = v[p, :], or plus it.\n"
        "Shapes: x: [d...], is: k tensors, 1 <= k <= rank of x, that broadcast together to "
        "[b...]; v broadcasts to [b..., d of the axes from k on] -> y: [d...].\n"
        "Corners: of several writes to a place the last one wins, or with accumulate all are "
        "added in order, each sum rounded to the dtype of x (f16 and bf16 too), integers wrap. "
        "A negative index counts from the end; one outside of [-d, d) is the run-time error "
        "E401, found before anything is written. accumulate is not for bool.",
    .source = "PyTorch index_put",
    .operands = kIndexPutOperands,
    .attrs = kIndexPutAttrs,
    .in_place_form = true,
    .tolerance = kInOrder,
    .infer = InferIndexPut,
    .prepare = PrepareIndexPut,
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = kWhy},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(scatter, &kScatter, &kIndexPut)

}  // namespace gcomp::kernels
