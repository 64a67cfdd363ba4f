// Choice by size: min max clamp abs sign.
#include <memory>
#include <optional>
#include <string_view>

#include "kernels/all_ops.h"
#include "kernels/pointwise.h"
#include "kernels/pointwise_vjp.h"

namespace gcomp::kernels {
namespace {

constexpr ir::Tolerance kCopies{.reason = "values are copied or only their sign changes"};

GCOMP_BINARY_FN(Min, ir::kNumericDTypes, ir::Min(a, b))
GCOMP_BINARY_FN(Max, ir::kNumericDTypes, ir::Max(a, b))
GCOMP_UNARY_FN(Abs, ir::kNumericDTypes, ir::Abs(x))

struct ClampFn {
  static constexpr int kArity = 3;
  static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x, S low, S high) const {
    return ir::Min(ir::Max(x, low), high);
  }
};

struct SignFn {
  static constexpr int kArity = 1;
  static constexpr ir::DTypeSet kDTypes = ir::kNumericDTypes;

  template <class S>
  GCOMP_INLINE S operator()(S x) const {
    S zero = ir::Constant(x, 0);
    // NaN is neither above nor below, and not equal to itself.
    S neither = ir::Select(ir::Eq(x, x), zero, x);
    S below = ir::Select(ir::Lt(x, zero), ir::Constant(x, -1), neither);
    return ir::Select(ir::Lt(zero, x), ir::Constant(x, 1), below);
  }
};

// Half to each side of a tie.
void VjpOfExtremum(PointwiseVjp& v, std::string_view wins) {
  ir::Term a = v.x(0);
  ir::Term b = v.x(1);
  ir::Term tie = v.Where(v.Call("eq", {a, b}), v.dy() * 0.5);
  v.Return(0, v.Select(v.Call(wins, {a, b}), v.dy(), tie));
  v.Return(1, v.Select(v.Call(wins, {b, a}), v.dy(), tie));
}

constexpr ir::OpDef kMin = Pointwise<MinFn>({
    .name = "min",
    .doc = "Lesser value: y = min(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if "
           "either is NaN; -0.0 is less than 0.0. Derivative: half to each at ties.",
    .source = "IEEE 754-2019, 9.6 minimum",
    .commutative = true,
    .tolerance = kCopies,
    .vjp = kVjpBy<[](PointwiseVjp& v) { VjpOfExtremum(v, "lt"); }>,
});

constexpr ir::OpDef kMax = Pointwise<MaxFn>({
    .name = "max",
    .doc = "Greater value: y = max(a, b). Shapes broadcast as in NumPy; dtypes are equal. NaN if "
           "either is NaN; -0.0 is less than 0.0. Derivative: half to each at ties.",
    .source = "IEEE 754-2019, 9.6 maximum",
    .commutative = true,
    .tolerance = kCopies,
    .vjp = kVjpBy<[](PointwiseVjp& v) { VjpOfExtremum(v, "gt"); }>,
});

// ---- clamp --------------------------------------------------------------------------------------

constexpr ir::OperandSpec kClampOperands[] = {
    {.name = "x", .dtypes = ir::kNumericDTypes},
    {.name = "min", .kind = ir::OperandKind::kOptional, .dtypes = ir::kNumericDTypes},
    {.name = "max", .kind = ir::OperandKind::kOptional, .dtypes = ir::kNumericDTypes}};
constexpr size_t kLow = 1;
constexpr size_t kHigh = 2;

bool Has(const ir::Op& op, size_t group) {
  return op.group_begin[group] != op.group_begin[group + 1];
}

Status InferClamp(ir::InferCtx& ctx) {
  if (!ctx.has_operand(kLow) && !ctx.has_operand(kHigh)) {
    return ctx.Fail("needs a bound: min, max or both");
  }
  return InferPointwise(ctx);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareClamp(const ir::KernelCtx& ctx) {
  if (!Has(ctx.op, kHigh)) return PreparePointwise(ctx, MaxFn{});
  if (!Has(ctx.op, kLow)) return PreparePointwise(ctx, MinFn{});
  return PreparePointwise(ctx, ClampFn{});
}

Status LowerClamp(ir::LowerCtx& ctx) {
  if (!Has(ctx.op, kHigh)) return LowerPointwise(ctx, MaxFn{});
  if (!Has(ctx.op, kLow)) return LowerPointwise(ctx, MinFn{});
  return LowerPointwise(ctx, ClampFn{});
}

// To x inside and at the bounds; beyond them to the bound that is the result.
void VjpOfClamp(PointwiseVjp& v) {
  ir::Term x = v.x(0);
  std::optional<size_t> low = v.IndexOfGroup(kLow);
  std::optional<size_t> high = v.IndexOfGroup(kHigh);
  if (!high) {
    v.Return(0, v.Where(v.Call("ge", {x, v.x(*low)}), v.dy()));
    v.Return(*low, v.Where(v.Call("lt", {x, v.x(*low)}), v.dy()));
    return;
  }
  ir::Term raised = low ? v.Call("max", {x, v.x(*low)}) : x;
  ir::Term by_low = v.Where(v.Call("le", {raised, v.x(*high)}), v.dy());
  v.Return(*high, v.Where(v.Call("gt", {raised, v.x(*high)}), v.dy()));
  if (!low) return v.Return(0, by_low);
  v.Return(0, v.Where(v.Call("ge", {x, v.x(*low)}), by_low));
  v.Return(*low, v.Where(v.Call("lt", {x, v.x(*low)}), by_low));
}

constexpr ir::OpDef kClamp{
    .name = "clamp",
    .doc =
        "Limits: y = min(max(x, min), max); one of the bounds may be absent. Shapes broadcast "
        "as in NumPy; dtypes are equal. NaN if any is NaN; -0.0 is less than 0.0; where min is "
        "greater than max, max. Derivative: passes to x inside and at the bounds.",
    .source = "IEEE 754-2019, 9.6 minimum and maximum",
    .operands = kClampOperands,
    .in_place_form = true,
    .any_result_layout = true,
    .tolerance = kCopies,
    .infer = &InferClamp,
    .prepare = &PrepareClamp,
    .lowering = {.kind = ir::Lowering::Kind::kPointwise, .loops = &LowerClamp},
    .vjp = kVjpBy<VjpOfClamp>,
};

// ---- abs, sign ----------------------------------------------------------------------------------

constexpr ir::OpDef kAbs = Pointwise<AbsFn>({
    .name = "abs",
    .doc = "Magnitude: y = |x|, of the shape of x. |-0.0| = 0.0; the least integer stays itself. "
           "Derivative: 0 at 0.",
    .source = "IEEE 754-2019, 5.5.1 abs",
    .tolerance = kCopies,
    .vjp = kVjpBy<[](PointwiseVjp& v) {
      ir::Term negative = v.Where(v.Compare("lt", v.x(), 0.0), -v.dy());
      v.Return(0, v.Select(v.Compare("gt", v.x(), 0.0), v.dy(), negative));
    }>,
});

constexpr ir::OpDef kSign = Pointwise<SignFn>({
    .name = "sign",
    .doc = "Sign: y = 1 where x > 0, -1 where x < 0, else 0; of the shape of x. sign(-0.0) = 0.0, "
           "sign(NaN) = NaN. Derivative: 0.",
    .source = "the definition",
    .tolerance = kCopies,
    .vjp = kZeroVjp,
});

}  // namespace

GCOMP_DEFINE_OPS(extremum, &kMin, &kMax, &kClamp, &kAbs, &kSign)

}  // namespace gcomp::kernels
