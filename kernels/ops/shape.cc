// Data movement that makes new values: reshape, concat, contiguous, copy. Each moves bits, in one
// pass per operand.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

constexpr std::string_view kVjpReason = "derivative rules come with differentiation";
constexpr ir::Tolerance kMovesBits = {.reason = "no arithmetic: the result is the operands' bits"};

// Copies each part (operand) to its place in the one result.
class CopyKernel final : public ir::Kernel {
 public:
  struct Part {
    size_t operand;
    StridedCopy copy;
    int64_t target_byte;
  };

  explicit CopyKernel(std::vector<Part> parts) : parts_(std::move(parts)) {}

  Status Run(const ir::KernelArgs& args) const override {
    for (const Part& part : parts_) {
      part.copy.Run(args.operand(part.operand), args.result<char>(0) + part.target_byte);
    }
    return {};
  }

 private:
  std::vector<Part> parts_;
};

// One pass over the elements of buffer `source`, as a map stage of `axes`.
ir::Stage CopyStage(ir::DType dtype, size_t source, Dims axes, Dims source_strides, size_t target,
                    Expr target_base, Dims target_strides) {
  ir::Stage stage;
  stage.axes = std::move(axes);
  stage.loads.push_back({.buffer = source,
                         .offset = {0, std::move(source_strides)},
                         .guards = {},
                         .otherwise = {dtype, 0}});
  stage.body_result = stage.body.Param(0, ir::ComputeTypeOf(dtype));
  stage.store_buffer = target;
  stage.store = {std::move(target_base), std::move(target_strides)};
  return stage;
}

// Operand 0 in its own row-major order: the loops of reshape, contiguous and copy(x).
Status LowerRowMajor(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  ctx.nest.stages.push_back(CopyStage(x.dtype, 0, x.sizes, x.strides, ctx.result_buffer(0), 0,
                                      ir::ContiguousStrides(x.sizes)));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareRowMajor(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  GCOMP_ENSURE(ctx.results[0].IsContiguous(), "result is row-major");
  GCOMP_ENSURE(ctx.results[0].NumElements() == x.NumElements(), "number of elements is kept");
  StridedCopy copy =
      StridedCopy::Make(x.sizes, x.strides, ir::ContiguousStrides(x.sizes), ir::BytesOf(x.dtype));
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<CopyKernel>(std::vector<CopyKernel::Part>{{0, std::move(copy), 0}}));
}

// Operand 0 where the value asked for is the operand as it is: same type, row-major.
std::optional<ir::ValueId> SameRowMajor(const ir::Function& function, const ir::Op& op) {
  const Type& x = function.value(op.operands[0]).type;
  if (x.is_contiguous() && x == function.value(op.results[0]).type) return op.operands[0];
  return std::nullopt;
}

constexpr ir::OperandSpec kOneOperand[] = {{.name = "x"}};

// ---- reshape ------------------------------------------------------------------------------------

// The size that -1 stands for: what is left of x's sizes after the other sizes of the shape. Equal
// sizes cancel first, so that [s0, s1, 8] -> [s0, -1] finds 8 * s1 although s0 may be 0.
StatusOr<Expr> MissingSize(const InferCtx& ctx, const Type& x, const Dims& shape) {
  Dims have = x.dims();
  Expr rest = 1;
  for (const Expr& size : shape) {
    if (size.IsConst(-1)) continue;
    auto it = std::find(have.begin(), have.end(), size);
    if (it != have.end() && !size.IsConst(0)) {
      have.erase(it);
    } else {
      rest = Expr::Mul(rest, size);
    }
  }
  Expr total = 1;
  for (const Expr& size : have) total = Expr::Mul(total, size);
  if (rest.IsConst(0)) {
    return ctx.Fail("shape has both -1 and 0: the size of -1 is not determined", ErrorId::E508);
  }
  Expr size = rest.IsConst(1) ? total : Expr::FloorDiv(total, rest);
  if (Expr::Mul(size, rest) != total) {
    return ctx.Fail(Format("size of -1 would be {} / {}, which is not known to be whole; x is {}",
                           ctx.Show(total), ctx.Show(rest), ctx.Show(x)));
  }
  return size;
}

Status InferReshape(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  Dims shape = ctx.attrs().Sizes("shape").value_or(Dims());
  size_t missing = shape.size();
  Expr total = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].IsConst(-1)) {
      if (missing != shape.size()) return ctx.Fail("shape has more than one -1", ErrorId::E508);
      missing = i;
    } else if (ir::RangeOf(shape[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(shape[i]), i),
                      ErrorId::E508);
    }
  }
  if (missing != shape.size()) {
    GCOMP_ASSIGN_OR_RETURN(shape[missing], MissingSize(ctx, x, shape));
  }
  for (const Expr& size : shape) total = Expr::Mul(total, size);
  if (total.is_poison()) {
    return ctx.Fail("the number of elements of shape overflows 64 bits", ErrorId::E503);
  }
  if (!ctx.SameSize(total, x.NumElements())) {
    return ctx.Fail(Format("shape has {} elements, x {} has {}", ctx.Show(total), ctx.Show(x),
                           ctx.Show(x.NumElements())));
  }
  ctx.Return(Type::Tensor(x.dtype(), std::move(shape), {}, x.device()));
  return {};
}

// reshape(reshape(x)) is one reshape of x, to the sizes of the result: what -1 stood for may not be
// found again from the sizes of x.
Status CanonicalizeReshape(ir::RewriteCtx& ctx) {
  const ir::Op* inner = ctx.Producer(0);
  if (inner == nullptr || inner->def != ctx.op().def) return {};
  ctx.SetOperand(0, inner->operands[0]);
  ir::AttrList shape;
  for (const Expr& size : ctx.result_type(0).dims()) shape.emplace_back(size);
  return ctx.SetAttr("shape", std::move(shape));
}

constexpr ir::AttrSpec kReshapeAttrs[] = {
    {"shape", ir::AttrKind::kSizeList,
     "sizes of the result; one may be -1: what the others leave of x's elements",
     ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kReshape = {
    .name = "reshape",
    .doc =
        "The elements of x in row-major order under other sizes: y.flat[i] = x.flat[i].\n"
        "Shapes: x: [d_0, ...] -> y: shape, with as many elements; a new value.\n"
        "Corners: x may be strided; -1 beside a size 0 is an error; sizes that are not proven "
        "to agree are an error.",
    .source = "NumPy reshape, order C",
    .operands = kOneOperand,
    .attrs = kReshapeAttrs,
    .same_bytes = true,
    .tolerance = kMovesBits,
    .infer = InferReshape,
    .prepare = PrepareRowMajor,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerRowMajor},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameRowMajor,
    .canonicalize = CanonicalizeReshape,
};

// ---- contiguous, copy ---------------------------------------------------------------------------

Status InferContiguous(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

constinit const ir::OpDef kContiguous = {
    .name = "contiguous",
    .doc =
        "x in row-major order: y[i] = x[i].\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...]; a new value, never observed as an alias of x.\n"
        "Corners: x may have any strides, 0 among them.",
    .source = "PyTorch Tensor.contiguous, as a value",
    .operands = kOneOperand,
    .same_bytes = true,
    .tolerance = kMovesBits,
    .infer = InferContiguous,
    .prepare = PrepareRowMajor,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerRowMajor},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = SameRowMajor,
};

Status InferCopy(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (ctx.has_operand(1)) {
    const Type& s = ctx.group_type(1);
    if (s.dtype() != x.dtype()) {
      return ctx.Fail(Format("s is {}, x is {}: dtypes must be equal", ctx.Show(s), ctx.Show(x)));
    }
    bool fits = s.rank() <= x.rank();
    const size_t added = fits ? x.dims().size() - s.dims().size() : 0;
    for (size_t i = 0; fits && i < s.dims().size(); ++i) {
      fits = s.dims()[i].IsConst(1) || ctx.SameSize(s.dims()[i], x.dims()[added + i]);
    }
    if (!fits) {
      return ctx.Fail(Format("s {} does not broadcast to x {}", ctx.Show(s), ctx.Show(x)));
    }
  }
  return InferContiguous(ctx);
}

// Strides of a tensor stretched to `sizes` as by expand.
template <class Size>
std::vector<Size> BroadcastStrides(const std::vector<Size>& from_sizes,
                                   const std::vector<Size>& from_strides,
                                   const std::vector<Size>& sizes) {
  std::vector<Size> strides(sizes.size(), Size(0));
  const size_t added = sizes.size() - from_sizes.size();
  for (size_t i = 0; i < from_sizes.size(); ++i) {
    if (from_sizes[i] == sizes[added + i]) strides[added + i] = from_strides[i];
  }
  return strides;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareCopy(const ir::KernelCtx& ctx) {
  const size_t source = ctx.operands.size() - 1;  // s if given, else x
  const ir::TensorSpec& from = ctx.operands[source];
  const ir::TensorSpec& to = ctx.results[0];
  StridedCopy copy =
      StridedCopy::Make(to.sizes, BroadcastStrides(from.sizes, from.strides, to.sizes), to.strides,
                        ir::BytesOf(to.dtype));
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<CopyKernel>(std::vector<CopyKernel::Part>{{source, std::move(copy), 0}}));
}

Status LowerCopy(ir::LowerCtx& ctx) {
  const size_t source = ctx.operands.size() - 1;
  const ir::LowerCtx::Tensor& from = ctx.operands[source];
  const ir::LowerCtx::Tensor& to = ctx.results[0];
  ctx.nest.stages.push_back(CopyStage(from.dtype, source, to.sizes,
                                      BroadcastStrides(from.sizes, from.strides, to.sizes),
                                      ctx.result_buffer(0), 0, to.strides));
  return {};
}

constexpr ir::OperandSpec kCopyOperands[] = {{.name = "x"},
                                             {.name = "s", .kind = ir::OperandKind::kOptional}};

constinit const ir::OpDef kCopy = {
    .name = "copy",
    .doc =
        "A new value with x's sizes: y = x, or with s, y = s broadcast to x's sizes.\n"
        "Shapes: x: [d_0, ...], s?: broadcasts to x -> y: [d_0, ...], row-major.\n"
        "Corners: with s, the elements of x do not matter. Unlike contiguous it is never "
        "simplified away.",
    .source = "NumPy copy; ATen copy",
    .operands = kCopyOperands,
    .tolerance = kMovesBits,
    .infer = InferCopy,
    .prepare = PrepareCopy,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerCopy},
    .vjp = ir::NotYet(kVjpReason),
};

// ---- concat -------------------------------------------------------------------------------------

Status InferConcat(InferCtx& ctx) {
  if (ctx.num_operands() == 0) return ctx.Fail("needs at least one operand");
  const Type& first = ctx.operand(0);
  if (first.rank() == 0) return ctx.Fail("operands of rank 0 have no axis to concatenate along");
  GCOMP_ASSIGN_OR_RETURN(int axis, ctx.Axis(ctx.attrs().Int("dim"), first.rank(), "dim"));
  const size_t d = static_cast<size_t>(axis);
  Dims dims = first.dims();
  for (size_t i = 1; i < ctx.num_operands(); ++i) {
    const Type& x = ctx.operand(i);
    bool fits = x.dtype() == first.dtype() && x.rank() == first.rank();
    for (size_t j = 0; fits && j < dims.size(); ++j) {
      fits = j == d || ctx.SameSize(x.dims()[j], dims[j]);
    }
    if (!fits) {
      return ctx.Fail(
          Format("operand {} is {}, operand 0 {}: dtype, rank and sizes must agree but "
                 "for axis {}",
                 i, ctx.Show(x), ctx.Show(first), axis));
    }
    dims[d] = Expr::Add(dims[d], x.dims()[d]);
  }
  if (dims[d].is_poison()) {
    return ctx.Fail(Format("the size of axis {} overflows 64 bits", axis), ErrorId::E503);
  }
  ctx.Return(Type::Tensor(first.dtype(), std::move(dims), {}, first.device()));
  return {};
}

// The axis, once infer has accepted it.
size_t ConcatAxis(const ir::AttrReader& attrs, size_t rank) {
  int64_t dim = attrs.Int("dim");
  return static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(rank) : dim);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConcat(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  const size_t axis = ConcatAxis(ctx.attrs, y.sizes.size());
  const int64_t bytes = ir::BytesOf(y.dtype);
  std::vector<CopyKernel::Part> parts;
  int64_t at = 0;
  for (size_t i = 0; i < ctx.operands.size(); ++i) {
    const ir::TensorSpec& x = ctx.operands[i];
    parts.push_back(
        {i, StridedCopy::Make(x.sizes, x.strides, y.strides, bytes), at * y.strides[axis] * bytes});
    at += x.sizes[axis];
  }
  GCOMP_ENSURE(at == y.sizes[axis], "the operands fill the result");
  return std::unique_ptr<ir::Kernel>(std::make_unique<CopyKernel>(std::move(parts)));
}

Status LowerConcat(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  const size_t axis = ConcatAxis(ctx.attrs, y.sizes.size());
  Expr at = 0;
  for (size_t i = 0; i < ctx.operands.size(); ++i) {
    const ir::LowerCtx::Tensor& x = ctx.operands[i];
    ctx.nest.stages.push_back(CopyStage(x.dtype, i, x.sizes, x.strides, ctx.result_buffer(0),
                                        Expr::Mul(at, y.strides[axis]), y.strides));
    at = Expr::Add(at, x.sizes[axis]);
  }
  return {};
}

std::optional<ir::ValueId> ConcatOfOne(const ir::Function& function, const ir::Op& op) {
  return op.operands.size() == 1 ? SameRowMajor(function, op) : std::nullopt;
}

constexpr ir::OperandSpec kConcatOperands[] = {{.name = "xs", .kind = ir::OperandKind::kVariadic}};
constexpr ir::AttrSpec kConcatAttrs[] = {ir::AxisOf(
    ir::AttrSpec::Axis::kOfOperand,
    ir::IntAttr("dim", 0, "the axis along which the operands stand one after the other"))};

constinit const ir::OpDef kConcat = {
    .name = "concat",
    .doc =
        "The operands one after the other along axis dim.\n"
        "Shapes: xs: [.., n_i, ..] -> y: [.., sum of n_i, ..]; all other sizes equal.\n"
        "Corners: n_i may be 0; at least one operand, of rank 1 or more.",
    .source = "NumPy concatenate",
    .operands = kConcatOperands,
    .attrs = kConcatAttrs,
    .tolerance = kMovesBits,
    .infer = InferConcat,
    .prepare = PrepareConcat,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerConcat},
    .vjp = ir::NotYet(kVjpReason),
    .simplify = ConcatOfOne,
};

}  // namespace

GCOMP_DEFINE_OPS(shape, &kReshape, &kContiguous, &kCopy, &kConcat)

}  // namespace gcomp::kernels
