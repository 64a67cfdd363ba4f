// Ops after which a tensor has other storage: set_, resize_. Their operand x must not be used
// afterwards, the result is the tensor from then on.
#include <algorithm>
#include <memory>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pacer.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::Type;

constexpr ir::Vjp kNoGradient = ir::NotYet("gradients through writes come with functionalization");

// ---- set_ ---------------------------------------------------------------------------------------

Status InferSet(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type& s = ctx.operand(1);
  if (x.dtype() != s.dtype() || x.device() != s.device()) {
    return ctx.Fail(
        Format("x is {}, which can't become {}: dtype and device stay", ctx.Show(x), ctx.Show(s)));
  }
  ctx.Return(s);
  return {};
}

constexpr ir::OperandSpec kSetOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes},
                                            {.name = "s", .dtypes = ir::kRealDTypes}};

constinit const ir::OpDef kSet = {
    .name = "set_",
    .doc =
        "Makes x the tensor s: the result shares the storage of s, and x must not be used "
        "afterwards.\n"
        "Shapes: x: any, s: [d...] of the same dtype -> y: the type of s.\n"
        "Corners: other tensors in the storage of x keep it.",
    .source = "PyTorch Tensor.set_",
    .operands = kSetOperands,
    .effects = {.reads = 0,
                .writes = 1,
                .write = ir::WriteKind::kSwap,
                .alias_of = {1, -1, -1, -1}},
    .tolerance = kMovesBits,
    .infer = InferSet,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = kNoGradient,
};

// ---- resize_ ------------------------------------------------------------------------------------

Status InferResize(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (!x.is_contiguous()) {
    return ctx.Fail(Format("x must be row-major, found {}", ctx.Show(x)));
  }
  ctx.Return(
      Type::Tensor(x.dtype(), ctx.attrs().Sizes("shape").value_or(ir::Dims()), {}, x.device()));
  return {};
}

class ResizeKernel final : public ir::Kernel {
 public:
  ResizeKernel(int64_t from_bytes, int64_t to_bytes)
      : kept_(std::min(from_bytes, to_bytes)), zeros_(to_bytes - kept_) {}

  Status Run(const KernelArgs& args) const override {
    char* to = args.result<char>(0);
    Pacer pacer(args.regions);
    GCOMP_RETURN_IF_ERROR(CopyBytes(to, args.operand(0), kept_, pacer));
    return ClearBytes(to + kept_, zeros_, pacer);
  }

 private:
  int64_t kept_;
  int64_t zeros_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareResize(const KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  GCOMP_ENSURE(x.IsContiguous() && y.IsContiguous(), "resize_ is of row-major tensors");
  return std::unique_ptr<ir::Kernel>(std::make_unique<ResizeKernel>(x.SpanBytes(), y.SpanBytes()));
}

constexpr ir::AttrSpec kResizeAttrs[] = {{"shape", ir::AttrKind::kSizeList,
                                          "the sizes of the result",
                                          ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kResize = {
    .name = "resize_",
    .doc =
        "Gives x another shape and number of elements: the result has the first min(n, m) elements "
        "of x in row-major order, the others are 0; x must not be used afterwards.\n"
        "Shapes: x: [d...] of n elements, row-major -> y: [shape...] of m elements.\n"
        "Corners: the result has storage of its own: other tensors in that of x keep it.",
    .source = "PyTorch Tensor.resize_, with new elements 0",
    .operands = kViewOperands,
    .attrs = kResizeAttrs,
    .effects = {.writes = 1, .write = ir::WriteKind::kResize},
    .tolerance = kMovesBits,
    .infer = InferResize,
    .prepare = PrepareResize,
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = "a copy of bytes of another number"},
    .vjp = kNoGradient,
};

}  // namespace

GCOMP_DEFINE_OPS(handle, &kSet, &kResize)

}  // namespace gcomp::kernels
