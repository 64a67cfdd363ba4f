// Triangles of matrices: tril, triu. Kept elements are moved, the others are 0.
#include <algorithm>
#include <memory>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/pacer.h"
#include "kernels/strided_copy.h"
#include "kernels/tile.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Expr;
using ir::InferCtx;
using ir::Type;

Status InferTriangle(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (x.rank() < 2) {
    return ctx.Fail(Format("needs the two axes of a matrix, but x is {}", ctx.Show(x)));
  }
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

// The attribute, in a range where sums with sizes do not overflow.
int64_t DiagonalOf(const ir::AttrReader& attrs) {
  constexpr int64_t kFar = int64_t{1} << 62;
  return std::clamp(attrs.Int("diagonal"), -kFar, kFar);
}

// Copies x, then clears what is not kept: runs at one end of each row. Rows of x that are dense are
// copied in part, so that each element is written once.
class TriangleKernel final : public ir::Kernel {
 public:
  TriangleKernel(const ir::TensorSpec& x, bool lower, int64_t diagonal)
      : lower_(lower),
        diagonal_(diagonal),
        rows_(x.sizes[x.sizes.size() - 2]),
        columns_(x.sizes.back()),
        bytes_(ir::BytesOf(x.dtype)),
        matrices_(x.NumElements() == 0 ? 0 : x.NumElements() / (rows_ * columns_)),
        in_place_rows_(x.IsContiguous()) {
    if (!in_place_rows_) {
      copy_ = StridedCopy::Make(x.sizes, x.strides, ir::ContiguousStrides(x.sizes), bytes_);
    }
  }

  Status Run(const ir::KernelArgs& args) const override {
    const char* from = args.operand<char>(0);
    char* to = args.result<char>(0);
    Pacer pacer(args.regions);
    if (!in_place_rows_) GCOMP_RETURN_IF_ERROR(copy_.Run(from, to, pacer));
    const int64_t row_bytes = columns_ * bytes_;
    for (int64_t matrix = 0; matrix < matrices_; ++matrix) {
      for (int64_t row = 0; row < rows_; ++row) {
        // The first column past the diagonal (lower) or on it (upper).
        const int64_t border =
            std::clamp<int64_t>(row + diagonal_ + (lower_ ? 1 : 0), 0, columns_) * bytes_;
        const int64_t kept = lower_ ? 0 : border;
        const int64_t kept_bytes = lower_ ? border : row_bytes - border;
        const int64_t cleared = lower_ ? border : 0;
        if (in_place_rows_) {
          GCOMP_RETURN_IF_ERROR(CopyBytes(to + kept, from + kept, kept_bytes, pacer));
        }
        GCOMP_RETURN_IF_ERROR(ClearBytes(to + cleared, row_bytes - kept_bytes, pacer));
        from += row_bytes;
        to += row_bytes;
      }
    }
    return {};
  }

 private:
  bool lower_;
  int64_t diagonal_;
  int64_t rows_;
  int64_t columns_;
  int64_t bytes_;
  int64_t matrices_;
  bool in_place_rows_;  // x is row-major: its rows are copied in part
  StridedCopy copy_;
};

template <bool kLower>
StatusOr<std::unique_ptr<ir::Kernel>> PrepareTriangle(const ir::KernelCtx& ctx) {
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<TriangleKernel>(ctx.operands[0], kLower, DiagonalOf(ctx.attrs)));
}

// column - row - diagonal decides: at most 0 is kept by tril, at least 0 by triu.
template <bool kLower>
Status LowerTriangle(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  ir::Affine distance{-DiagonalOf(ctx.attrs), ir::Dims(x.sizes.size(), Expr(0))};
  distance.coefs[x.sizes.size() - 2] = -1;
  distance.coefs[x.sizes.size() - 1] = 1;
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.loads.push_back(
      {.buffer = 0, .offset = {0, x.strides}, .guards = {}, .otherwise = {x.dtype, 0}});
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = std::move(distance),
                         .guards = {},
                         .otherwise = {ir::DType::kI64, 0}});
  WithComputeType(x.dtype, [&](auto like) {
    using T = decltype(like);
    ir::Sym<T> element(&stage.body, stage.body.Param(0, ir::NativeDType<T>()));
    ir::Sym<int64_t> index(&stage.body, stage.body.Param(1, ir::DType::kI64));
    ir::Sym<int64_t> zero = ir::ConstantOf<int64_t>(index, 0);
    ir::Sym<bool> keep = kLower ? ir::Le(index, zero) : ir::Le(zero, index);
    stage.body_result = ir::Select(keep, element, ir::ConstantOf<T>(element, T{})).index();
  });
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::OperandSpec kTriangleOperands[] = {{.name = "x"}};
constexpr ir::AttrSpec kTriangleAttrs[] = {
    ir::IntAttr("diagonal", 0, "0: the main diagonal; k > 0: k above it; k < 0: -k below it")};
constexpr ir::Tolerance kMovesOrClears = {.reason = "no arithmetic: x's bits or zeros"};

constinit const ir::OpDef kTril = {
    .name = "tril",
    .doc =
        "The lower triangle of each matrix: y[.., i, j] = x[.., i, j] where j - i <= diagonal, "
        "else 0.\n"
        "Shapes: x: [..., n, m] -> y: [..., n, m], a new value.\n"
        "Corners: rank 2 or more; NaN and inf outside of the triangle become 0.",
    .source = "NumPy tril",
    .operands = kTriangleOperands,
    .attrs = kTriangleAttrs,
    .tolerance = kMovesOrClears,
    .infer = InferTriangle,
    .prepare = PrepareTriangle<true>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerTriangle<true>},
    .vjp = ir::NotYet(),
};

constinit const ir::OpDef kTriu = {
    .name = "triu",
    .doc =
        "The upper triangle of each matrix: y[.., i, j] = x[.., i, j] where j - i >= diagonal, "
        "else 0.\n"
        "Shapes: x: [..., n, m] -> y: [..., n, m], a new value.\n"
        "Corners: rank 2 or more; NaN and inf outside of the triangle become 0.",
    .source = "NumPy triu",
    .operands = kTriangleOperands,
    .attrs = kTriangleAttrs,
    .tolerance = kMovesOrClears,
    .infer = InferTriangle,
    .prepare = PrepareTriangle<false>,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerTriangle<false>},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(triangle, &kTril, &kTriu)

}  // namespace gcomp::kernels
