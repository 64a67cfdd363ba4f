// one_hot: classes as vectors that are 1 at the class and 0 elsewhere.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"
#include "kernels/index.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

Status InferOneHot(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Expr depth = ctx.attrs().Size("depth").value_or(Expr(0));
  if (ir::RangeOf(depth, ctx.function().Ranger()).high < 0) {
    return ctx.Fail(Format("depth is {}, but must not be negative", ctx.Show(depth)),
                    ErrorId::E508);
  }
  DType dtype = DType::kI64;
  if (const Type* written = ctx.written(0); written != nullptr && written->is_tensor()) {
    dtype = written->dtype();
  }
  if (!ir::kRealDTypes.Has(dtype)) {
    return ctx.Fail(Format("makes numbers and bools, but the result is written as {}",
                           ctx.Show(*ctx.written(0))));
  }
  ir::Dims dims = x.dims();
  dims.push_back(depth);
  ctx.Return(Type::Tensor(dtype, std::move(dims), {}, x.device()));
  return {};
}

class OneHotKernel final : public ir::Kernel {
 public:
  OneHotKernel(IndexedOffsets offsets, DType dtype, int64_t bytes)
      : offsets_(std::move(offsets)), element_bytes_(ir::BytesOf(dtype)), bytes_(bytes) {
    const ir::Scalar one = dtype == DType::kBool
                               ? ir::Scalar::FromBool(true)
                               : ir::Scalar::FromDouble(dtype, 1).value_or(ir::Scalar{dtype, 1});
    one.Store(&one_);
  }

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    GCOMP_RETURN_IF_ERROR(offsets_.Check(args, pacer));
    char* y = args.result<char>(0);
    GCOMP_RETURN_IF_ERROR(ClearBytes(y, bytes_, pacer));
    const int64_t run = offsets_.run_bytes();
    return offsets_.ForEach(args, y, pacer, [&](const int64_t* offsets, int64_t n) -> Status {
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t at = 0; at < run; at += element_bytes_) {
          std::memcpy(y + offsets[i] + at, &one_, static_cast<size_t>(element_bytes_));
        }
        GCOMP_RETURN_IF_ERROR(pacer.Step(1));
      }
      return {};
    });
  }

 private:
  IndexedOffsets offsets_;
  uint64_t one_ = 0;
  int64_t element_bytes_;
  int64_t bytes_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareOneHot(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  GCOMP_ENSURE(y.IsContiguous(), "the result is row-major");
  const int64_t bytes = ir::BytesOf(y.dtype);
  IndexedSpace space;
  space.element_bytes = bytes;
  space.sizes = x.sizes;
  for (size_t d = 0; d < x.sizes.size(); ++d) space.strides.push_back(y.strides[d] * bytes);
  space.axes.push_back({0, "x", "the last axis of the result", y.sizes.back(), bytes, x.strides});
  GCOMP_ASSIGN_OR_RETURN(IndexedOffsets offsets, IndexedOffsets::Make(ctx, space));
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<OneHotKernel>(std::move(offsets), y.dtype, y.NumElements() * bytes));
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kIntegerDTypes}};
constexpr ir::AttrSpec kAttrs[] = {
    {"depth", ir::AttrKind::kSize, "the number of classes", ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kOneHot = {
    .name = "one_hot",
    .doc =
        "A vector per element: y[p, c] = 1 where c = x[p], else 0.\n"
        "Shapes: x: [e...] -> y: [e..., depth], of the written dtype (i64 if none is written).\n"
        "Corners: a negative class counts from the end; one outside of [-depth, depth) is the "
        "run-time error E401, found before anything is written. bool gives true and false.",
    .source = "ONNX OneHot; PyTorch one_hot",
    .operands = kOperands,
    .attrs = kAttrs,
    .tolerance = {.reason = "no arithmetic: zeros and ones"},
    .infer = InferOneHot,
    .prepare = PrepareOneHot,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "writes by index values, which are checked when it runs"},
    .vjp = ir::NotDifferentiable("classes are integers"),
};

}  // namespace

GCOMP_DEFINE_OPS(one_hot, &kOneHot)

}  // namespace gcomp::kernels
