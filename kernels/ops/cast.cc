// Other dtypes: cast, every real dtype to every other; bitcast, the same bits.
#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

// The f32 next to x toward zero, with its last bit set unless x is an f32: rounding that to f16 or
// bf16 gives the same as rounding x itself. Boldo and Melquiond, "Emulation of FMA and correctly
// rounded sums: proved algorithms using rounding to odd", 2008.
template <class S>
GCOMP_INLINE ir::Rebind<S, float> RoundToOdd(S x) {
  using F = ir::Rebind<S, float>;
  F nearest = ir::Convert<float>(x);
  S back = ir::Convert<double>(nearest);
  auto bits = ir::Bitcast<int32_t>(nearest);
  auto one = ir::ConstantOf(x, int32_t{1});
  auto toward = ir::Select(ir::Lt(ir::Abs(x), ir::Abs(back)), ir::Sub(bits, one), bits);
  F odd = ir::Bitcast<float>(ir::Or(toward, one));
  // NaN compares unequal: it goes through `odd`, and stays NaN.
  return ir::Select(ir::Ne(back, x), odd, nearest);
}

// An integer as an f64 that rounds to f16 and bf16 as the integer does: exact below 2^53, above
// that with the bits below collected into one.
template <class S>
GCOMP_INLINE ir::Rebind<S, double> ToSticky(S x) {
  using T = ir::NativeOf<S>;
  if constexpr (sizeof(T) < 8) {
    return ir::Convert<double>(x);
  } else {
    auto zero = ir::ConstantOf(x, uint64_t{0});
    auto one = ir::ConstantOf(x, uint64_t{1});
    auto magnitude = ir::Convert<uint64_t>(ir::Abs(x));
    auto lost = ir::And(magnitude, ir::ConstantOf(x, uint64_t{0x7ff}));
    auto high = ir::Or(ir::Shr(magnitude, ir::ConstantOf(x, uint64_t{11})),
                       ir::Select(ir::Ne(lost, zero), one, zero));
    auto large = ir::Mul(ir::Convert<double>(high), ir::ConstantOf(x, 2048.0));
    auto small = ir::Convert<double>(magnitude);
    auto value = ir::Select(ir::Lt(magnitude, ir::ConstantOf(x, uint64_t{1} << 53)), small, large);
    if constexpr (std::is_signed_v<T>) {
      return ir::Select(ir::Lt(x, ir::Constant(x, 0)), ir::Neg(value), value);
    } else {
      return value;
    }
  }
}

// To: the scalar type that results are computed in; Narrow: what they are stored as, if that is
// less.
template <class To, class Narrow = To>
struct CastFn {
  template <class S>
  GCOMP_INLINE ir::Rebind<S, To> operator()(S x) const {
    using From = ir::NativeOf<S>;
    if constexpr (std::is_floating_point_v<From> && std::is_integral_v<Narrow>) {
      auto wide = ir::Convert<To>(x);
      if constexpr (std::is_same_v<To, Narrow>) {
        return wide;
      } else {
        auto low = ir::Constant(wide, std::numeric_limits<Narrow>::min());
        auto high = ir::Constant(wide, std::numeric_limits<Narrow>::max());
        return ir::Min(ir::Max(wide, low), high);
      }
    } else {
      return ir::Convert<To>(x);
    }
  }
};

// To f16 and bf16, through an f32 that the store rounds.
struct CastToHalfFn {
  template <class S>
  GCOMP_INLINE ir::Rebind<S, float> operator()(S x) const {
    using From = ir::NativeOf<S>;
    if constexpr (std::is_same_v<From, double>) {
      return RoundToOdd(x);
    } else if constexpr (std::is_integral_v<From> && !std::is_same_v<From, bool>) {
      return RoundToOdd(ToSticky(x));
    } else {
      return ir::Convert<float>(x);
    }
  }
};

// Calls f with the functor that gives elements of `to`.
template <class F>
auto WithCast(ir::DType to, F f) {
  switch (to) {
    case ir::DType::kBool:
      return f(CastFn<bool>{});
    case ir::DType::kI8:
      return f(CastFn<int32_t, int8_t>{});
    case ir::DType::kI16:
      return f(CastFn<int32_t, int16_t>{});
    case ir::DType::kI32:
      return f(CastFn<int32_t>{});
    case ir::DType::kI64:
      return f(CastFn<int64_t>{});
    case ir::DType::kU8:
      return f(CastFn<uint32_t, uint8_t>{});
    case ir::DType::kU16:
      return f(CastFn<uint32_t, uint16_t>{});
    case ir::DType::kU32:
      return f(CastFn<uint32_t>{});
    case ir::DType::kU64:
      return f(CastFn<uint64_t>{});
    case ir::DType::kF16:
    case ir::DType::kBF16:
      return f(CastToHalfFn{});
    case ir::DType::kF64:
      return f(CastFn<double>{});
    default:
      return f(CastFn<float>{});
  }
}

Status Infer(ir::InferCtx& ctx) {
  const ir::Type* written = ctx.written(0);
  if (written == nullptr || !written->is_tensor()) {
    return ctx.Fail("takes its dtype from the type written for its result, and none is written");
  }
  if (!ir::kRealDTypes.Has(written->dtype())) {
    return ctx.Fail(Format("can't give {}; it gives bool, integers and f16, bf16, f32, f64",
                           NameOf(written->dtype())));
  }
  const ir::Type& x = ctx.operand(0);
  ctx.Return(ir::Type::Tensor(written->dtype(), x.dims(), {}, x.device()));
  return Status();
}

StatusOr<std::unique_ptr<ir::Kernel>> Prepare(const ir::KernelCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto from) {
    return WithCast(ctx.results[0].dtype,
                    [&](auto fn) { return PrepareTyped<decltype(from)>(ctx, fn); });
  });
}

Status Lower(ir::LowerCtx& ctx) {
  return WithComputeType(ctx.operands[0].dtype, [&](auto from) {
    return WithCast(ctx.results[0].dtype,
                    [&](auto fn) { return LowerTyped<decltype(from)>(ctx, fn); });
  });
}

std::optional<ir::ValueId> Simplify(const ir::Function& function, const ir::Op& op) {
  bool same = function.value(op.operands[0]).type == function.value(op.results[0]).type;
  return same ? std::optional(op.operands[0]) : std::nullopt;
}

constexpr ir::OperandSpec kOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};

constexpr ir::OpDef kCast{
    .name = "cast",
    .doc =
        "Conversion: y = x as the dtype written for the result, of the shape of x. To floats: to "
        "nearest even, once. Float to integer truncates toward zero and saturates, NaN gives 0. "
        "Integer to integer keeps the low bits. To bool: x != 0 (NaN is true); bool gives 0 or 1.",
    .source = "IEEE 754-2019, 5.4 and 5.8; saturation as in WebAssembly's trunc_sat",
    .operands = kOperands,
    .tolerance = {.reason = "one correctly rounded conversion per element"},
    .infer = &Infer,
    .prepare = &Prepare,
    .lowering = {.kind = ir::Lowering::Kind::kPointwise, .loops = &Lower},
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      if (ir::IsFloat(v.x().dtype())) v.Return(0, v.dy());
    }>,
    .simplify = &Simplify,
};

// ---- bitcast ------------------------------------------------------------------------------------

constexpr ir::DTypeSet kBitDTypes = ir::kNumericDTypes;

Status InferBitcast(ir::InferCtx& ctx) {
  const ir::Type& x = ctx.operand(0);
  const ir::Type* written = ctx.written(0);
  if (written == nullptr || !written->is_tensor()) {
    return ctx.Fail("takes its dtype from the type written for its result, and none is written");
  }
  const ir::DType to = written->dtype();
  if (!kBitDTypes.Has(to)) {
    return ctx.Fail(Format("can't give {}; it gives integers and f16, bf16, f32, f64", NameOf(to)));
  }
  if (ir::BitsOf(to) != ir::BitsOf(x.dtype())) {
    return ctx.Fail(Format("{} has {} bits, {} has {}; the widths must be equal", NameOf(x.dtype()),
                           ir::BitsOf(x.dtype()), NameOf(to), ir::BitsOf(to)));
  }
  if (x.layout().kind == ir::Layout::Kind::kPacked) {
    return ctx.Fail(Format("needs strides, but the operand {} is packed", ctx.Show(x)));
  }
  ctx.Return(ir::Type::Tensor(to, x.dims(), x.layout(), x.device()));
  return Status();
}

constexpr ir::OperandSpec kBitcastOperands[] = {{.name = "x", .dtypes = kBitDTypes}};

constexpr ir::OpDef kBitcast{
    .name = "bitcast",
    .doc =
        "The bits of x as the dtype written for the result, which has the same width: a view, "
        "of the shape and layout of x. Integers and floats, not bool. Which bits a NaN has that "
        "an op made is not fixed (docs/numerics.md).",
    .source = "C++20 std::bit_cast, per element",
    .operands = kBitcastOperands,
    .effects = {.reads = 0, .alias_of = {0, -1, -1, -1}},
    .tolerance = {.reason = "no arithmetic: the result is the operand's bits"},
    .infer = &InferBitcast,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotDifferentiable("the bits of a number are no smooth function of it"),
    .simplify = &Simplify,
};

}  // namespace

GCOMP_DEFINE_OPS(cast, &kCast, &kBitcast)

}  // namespace gcomp::kernels
