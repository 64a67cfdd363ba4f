// item: a tensor of one element as a number of the host.
#include <cstdint>
#include <limits>
#include <memory>

#include "base/format.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"
#include "kernels/dynamic_size.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::Scalar;
using ir::Type;

// The numbers that an integer of `dtype` may be, or a bool.
ir::Interval RangeOfDType(DType dtype) {
  if (dtype == DType::kBool) return {0, 1};
  const int bits = ir::BitsOf(dtype);
  const bool is_signed = ir::kSignedDTypes.Has(dtype);
  const int64_t most = std::numeric_limits<int64_t>::max();
  if (bits == 64) return {is_signed ? std::numeric_limits<int64_t>::min() : 0, most};
  if (!is_signed) return {0, (int64_t{1} << bits) - 1};
  return {-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1};
}

Status Infer(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (!x.NumElements().IsConst(1)) {
    return ctx.Fail(Format("x must have one element, found {}", ctx.Show(x)));
  }
  const bool defines = !ctx.op().defines.empty();
  if (ir::IsFloat(x.dtype())) {
    if (defines) {
      return ctx.Fail(
          Format("{} gives a float, which is no size: it defines no symbol", ctx.Show(x)),
          ErrorId::E503);
    }
    ctx.Return(Type::Of(Type::Kind::kFloat));
  } else if (x.dtype() == DType::kBool && !defines) {
    ctx.Return(Type::Of(Type::Kind::kFlag));
  } else {
    const ir::Interval range = RangeOfDType(x.dtype());
    GCOMP_ASSIGN_OR_RETURN(Expr value, DefinedSize(ctx, range.low, range.high));
    ctx.Return(Type::Int(std::move(value)));
  }
  return {};
}

class ItemKernel final : public ir::Kernel {
 public:
  ItemKernel(DType from, DType to) : from_(from), to_(to) {}

  Status Run(const KernelArgs& args) const override {
    const Scalar x = Scalar::Load(from_, args.operand(0));
    switch (to_) {
      case DType::kF64: {
        *args.result<double>(0) = x.ToDouble();
        return {};
      }
      case DType::kBool: {
        *args.result<uint8_t>(0) = x.bits != 0 ? 1 : 0;
        return {};
      }
      default: {
        if (from_ == DType::kU64 && x.bits > static_cast<uint64_t>(INT64_MAX)) {
          return Status(
              ErrorId::E401,
              Format("item: {} does not fit an int, which has 64 bits with sign", x.bits));
        }
        *args.result<int64_t>(0) = x.ToInt();
        return {};
      }
    }
  }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    GCOMP_RETURN_IF_ERROR(Run(args));
    return out.Define(0, *args.result<int64_t>(0));
  }

 private:
  DType from_;
  DType to_;
};

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};

constinit const ir::OpDef kItem = {
    .name = "item",
    .doc =
        "The one element of x as a number of the host.\n"
        "Shapes: x: one element of any rank -> y: int<u> of an integer, where the op defines u; "
        "float of a float; of a bool a flag, or int<u> (0 or 1) if the op defines u.\n"
        "Corners: a number outside of the range that is written for u ([0, inf) if none is), or "
        "from 2^63 on, is E401.",
    .source = "docs/spec/higher_order_ops.md 1.5 and 3.14; NumPy ndarray.item",
    .operands = kOperands,
    .effects = {.data_dependent = true},
    .tolerance = {.reason = "no arithmetic: a float is widened exactly"},
    .infer = Infer,
    .prepare = [](const KernelCtx& ctx) -> StatusOr<std::unique_ptr<ir::Kernel>> {
      return std::unique_ptr<ir::Kernel>(
          std::make_unique<ItemKernel>(ctx.operands[0].dtype, ctx.results[0].dtype));
    },
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "a size or number of the host is found when it runs"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(item, &kItem)

}  // namespace gcomp::kernels
