// Tensors of one number, and of indices: full, fill, zero, empty, iota.
#include "kernels/creation.h"

#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"
#include "kernels/pacer.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Scalar;
using ir::Type;

constexpr ir::Tolerance kNoArithmetic = {.reason = "no arithmetic: the given numbers themselves"};

// ---- full ---------------------------------------------------------------------------------------

Status InferFull(InferCtx& ctx) {
  const Type& v = ctx.operand(0);
  if (v.rank() != 0) {
    return ctx.Fail(Format("v must be one number of rank 0, but is {}", ctx.Show(v)));
  }
  ir::Dims shape = ctx.attrs().Sizes("shape").value_or(ir::Dims());
  GCOMP_RETURN_IF_ERROR(CheckSizes(ctx, shape));
  if (const Type* written = ctx.written(0);
      written != nullptr && written->is_tensor() && written->dtype() != v.dtype()) {
    return ctx.Fail(Format("v is {}, but the result is written as {}: dtypes must be equal",
                           ctx.Show(v), ctx.Show(*written)));
  }
  ctx.Return(Type::Tensor(v.dtype(), std::move(shape), {}, v.device()));
  return {};
}

class FullKernel final : public ir::Kernel {
 public:
  FullKernel(int64_t bytes, int64_t n) : bytes_(bytes), n_(n) {}

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    return Fill(args.result(0), args.operand(0), bytes_, n_, pacer);
  }

 private:
  int64_t bytes_;
  int64_t n_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareFull(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<FullKernel>(ir::BytesOf(y.dtype), y.NumElements()));
}

Status LowerFull(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.loads.push_back({.buffer = 0,
                         .offset = {0, ir::Dims(y.sizes.size(), Expr(0))},
                         .guards = {},
                         .otherwise = {y.dtype, 0}});
  stage.body_result = stage.body.Param(0, ir::ComputeTypeOf(y.dtype));
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::OperandSpec kFullOperands[] = {{.name = "v"}};
constexpr ir::AttrSpec kFullAttrs[] = {
    {"shape", ir::AttrKind::kSizeList, "sizes of the result", ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kFull = {
    .name = "full",
    .doc =
        "A tensor with v everywhere: y[i] = v.\n"
        "Shapes: v: [] -> y: shape.\n"
        "Corners: v may be computed; sizes may be 0 or symbolic.",
    .source = "NumPy full",
    .operands = kFullOperands,
    .attrs = kFullAttrs,
    .tolerance = kNoArithmetic,
    .infer = InferFull,
    .prepare = PrepareFull,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerFull},
    .vjp = ir::NotYet(),
};

// ---- fill, zero, empty --------------------------------------------------------------------------

// What a formula makes for a result of type y, which is strided where it is written in place.
Type RowMajorLike(const Type& y) {
  return Type::Tensor(y.dtype(), y.dims(), {}, y.device());
}

Status InferFill(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& v = ctx.operand(1);
  if (v.rank() != 0 || v.dtype() != x.dtype()) {
    return ctx.Fail(Format("v must be one number of x's dtype, {}, but is {}",
                           ir::NameOf(x.dtype()), ctx.Show(v)));
  }
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

void DecomposeFill(ir::DecomposeCtx& ctx) {
  // A v that is a literal takes its dtype from the result.
  const Type y = RowMajorLike(ctx.result_type());
  ctx.Return(ctx.CallGroups("full", {{ctx.operand(1)}}, {{"shape", ir::SizesAttr(y.dims())}}, y));
}

constexpr ir::OperandSpec kFillOperands[] = {{.name = "x"}, {.name = "v"}};

constinit const ir::OpDef kFill = {
    .name = "fill",
    .doc =
        "A tensor like x with v everywhere: y[i] = v.\n"
        "Shapes: x: [d_0, ...], v: [] -> y: [d_0, ...], row-major.\n"
        "Corners: the elements of x do not matter; v may be computed.",
    .source = "PyTorch fill",
    .operands = kFillOperands,
    .in_place_form = true,
    .effects = {.reads = 2},
    .tolerance = kNoArithmetic,
    .infer = InferFill,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeFill},
    .vjp = ir::NotYet(),
};

Status InferZero(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

// Of zero and empty: zeros of the result's type.
void DecomposeZeros(ir::DecomposeCtx& ctx) {
  const Type y = RowMajorLike(ctx.result_type());
  const Scalar zero{y.dtype(), 0};
  ctx.Return(ctx.CallGroups("const", {}, {{"splat", zero}}, y));
}

constexpr ir::OperandSpec kZeroOperands[] = {{.name = "x"}};

constinit const ir::OpDef kZero = {
    .name = "zero",
    .doc =
        "A tensor like x with 0 everywhere: y[i] = 0.\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...], row-major.\n"
        "Corners: the elements of x do not matter; a bool is false.",
    .source = "NumPy zeros_like",
    .operands = kZeroOperands,
    .in_place_form = true,
    .effects = {.reads = 0},
    .tolerance = kNoArithmetic,
    .infer = InferZero,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeZeros},
    .vjp = ir::NotDifferentiable("does not depend on its operand"),
};

Status InferEmpty(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, WrittenType(ctx));
  if (auto shape = ctx.attrs().Sizes("shape")) {
    GCOMP_RETURN_IF_ERROR(CheckSizes(ctx, *shape));
    type = Type::Tensor(type.dtype(), *std::move(shape), {}, type.device());
  }
  ctx.Return(std::move(type));
  return {};
}

constexpr ir::AttrSpec kEmptyAttrs[] = {
    {"shape", ir::AttrKind::kSizeList, "sizes of the result; absent = those of its written type"}};

constinit const ir::OpDef kEmpty = {
    .name = "empty",
    .doc =
        "A tensor whose elements nobody is to rely on.\n"
        "Shapes: -> y: shape, of the written dtype.\n"
        "Corners: the elements are 0, so that all tiers agree; a graph must not count on it.",
    .source = "NumPy empty",
    .attrs = kEmptyAttrs,
    .tolerance = kNoArithmetic,
    .infer = InferEmpty,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeZeros},
    .vjp = ir::NotDifferentiable("no operands"),
};

// ---- iota ---------------------------------------------------------------------------------------

Status InferIota(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, WrittenType(ctx));
  if (!ir::kNumericDTypes.Has(type.dtype())) {
    return ctx.Fail(Format("makes numbers, but the result is written as {}", ctx.Show(type)));
  }
  if (type.rank() == 0) {
    return ctx.Fail("needs an axis to count along, but the result has rank 0");
  }
  GCOMP_RETURN_IF_ERROR(ctx.Axis(ctx.attrs().Int("dim"), type.rank(), "dim").status());
  ctx.Return(std::move(type));
  return {};
}

// y seen as [outer, n, inner]: element i of the middle axis is i.
class IotaKernel final : public ir::Kernel {
 public:
  IotaKernel(DType dtype, int64_t outer, int64_t n, int64_t inner)
      : dtype_(dtype), outer_(outer), n_(n), inner_(inner) {}

  Status Run(const ir::KernelArgs& args) const override {
    const int64_t bytes = ir::BytesOf(dtype_);
    const int64_t row = inner_ * bytes;
    char* first = args.result<char>(0);
    if (outer_ == 0) return {};
    Pacer pacer(args.regions);
    for (int64_t i = 0; i < n_; ++i) {
      uint64_t element = 0;
      NumberAt(i).Store(&element);
      GCOMP_RETURN_IF_ERROR(Fill(first + i * row, &element, bytes, inner_, pacer));
    }
    for (int64_t o = 1; o < outer_; ++o) {
      GCOMP_RETURN_IF_ERROR(CopyBytes(first + o * n_ * row, first, n_ * row, pacer));
    }
    return {};
  }

 private:
  // Floats: nearest even, halves from the f32; integers wrap.
  Scalar NumberAt(int64_t i) const {
    if (ir::ComputeTypeOf(dtype_) == DType::kF32) {
      return Scalar::FromDouble(dtype_, static_cast<float>(i)).value_or(Scalar{dtype_, 0});
    }
    if (dtype_ == DType::kF64) return *Scalar::FromDouble(dtype_, static_cast<double>(i));
    const int bits = ir::BitsOf(dtype_);
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    return {dtype_, static_cast<uint64_t>(i) & mask};
  }

  DType dtype_;
  int64_t outer_;
  int64_t n_;
  int64_t inner_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareIota(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  int64_t dim = ctx.attrs.Int("dim");
  if (dim < 0) dim += y.rank();
  int64_t outer = 1;
  int64_t inner = 1;
  for (int i = 0; i < y.rank(); ++i) {
    const int64_t size = y.sizes[static_cast<size_t>(i)];
    if (i < dim) outer *= size;
    if (i > dim) inner *= size;
  }
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<IotaKernel>(y.dtype, outer, y.sizes[static_cast<size_t>(dim)], inner));
}

Status LowerIota(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  int64_t dim = ctx.attrs.Int("dim");
  if (dim < 0) dim += y.rank();
  ir::Dims along(y.sizes.size(), Expr(0));
  along[static_cast<size_t>(dim)] = 1;
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = {0, std::move(along)},
                         .guards = {},
                         .otherwise = {DType::kI64, 0}});
  WithComputeType(y.dtype, [&](auto like) {
    using T = decltype(like);
    ir::Sym<int64_t> index(&stage.body, stage.body.Param(0, DType::kI64));
    stage.body_result = ir::Convert<T>(index).index();
  });
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::AttrSpec kIotaAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfResult, ir::IntAttr("dim", 0, "the axis that counts"))};

constinit const ir::OpDef kIota = {
    .name = "iota",
    .doc =
        "Counts along axis dim: y[.., i, ..] = i.\n"
        "Shapes: -> y: as written, of rank 1 or more.\n"
        "Corners: floats round to nearest even, f16 and bf16 from the f32; integers wrap; sizes "
        "may be "
        "0 or symbolic.",
    .source = "StableHLO iota",
    .attrs = kIotaAttrs,
    .tolerance = {.reason = "integers, each rounded once to the result's dtype"},
    .infer = InferIota,
    .prepare = PrepareIota,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerIota},
    .vjp = ir::NotDifferentiable("no operands"),
};

}  // namespace

GCOMP_DEFINE_OPS(creation, &kFull, &kFill, &kZero, &kEmpty, &kIota)

}  // namespace gcomp::kernels
