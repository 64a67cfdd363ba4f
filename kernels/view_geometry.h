// View geometry: the sizes, strides and offset of a view from those of its operand, symbolically.
//
// Ops that are views say where their elements lie; ops that write the part of a tensor that a view
// would show (slice_scatter, ...) need the same answer for a row-major tensor. Each rule is one
// function (a ViewRule) from an operand's type and the op's attributes to a ViewShape.
//
// Strides and offset are counted from the start of the storage, so that a view of a view needs
// nothing of the views before it. What must hold for the view to lie in its operand, and can't be
// decided from the ranges of the size symbols, is kept as a Requirement and checked when the sizes
// are bound (OpDef::check).
//
// Cost: a few Exprs per axis. Threads: pure functions. Errors: E508 for attributes out of range,
// E503 for sizes that overflow or whose sign is not known, E504 for types, E401 when bound.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/kernel.h"
#include "ir/op_def.h"

namespace gcomp::kernels {

// Where the elements of a tensor lie, in elements of its storage.
struct Geometry {
  ir::Dims strides;
  ir::Expr offset;
};

// value <= limit, unless `elements` (of the view) is 0.
struct Requirement {
  std::string what;  // "index on axis 0"
  ir::Expr value;
  ir::Expr limit;
  ir::Expr elements = 1;
};

struct ViewShape {
  ir::Dims sizes;
  std::optional<Geometry> geometry;  // nullopt: the operand's own layout is not known
  std::vector<Requirement> requirements = {};
};

// The ViewShape that the attributes of `ctx` ask for of a tensor of type `x`.
using ViewRule = StatusOr<ViewShape> (*)(const ir::InferCtx& ctx, const ir::Type& x);

// x as it is. Fails with E504 if it is packed.
StatusOr<ViewShape> ShapeOf(const ir::InferCtx& ctx, const ir::Type& x);

// Adds value <= limit. Fails with E508 where it can't hold, with E503 where it overflows.
Status Require(const ir::InferCtx& ctx, Requirement requirement, ViewShape& shape);

// min and max that drop a side which the ranges of the symbols rule out.
ir::Expr TightMin(const ir::InferCtx& ctx, const ir::Expr& a, const ir::Expr& b);
ir::Expr TightMax(const ir::InferCtx& ctx, const ir::Expr& a, const ir::Expr& b);

// True if the ranges of the symbols say that `e` is below 0.
bool IsNegative(const ir::InferCtx& ctx, const ir::Expr& e);

// An index or bound that counts from the end of n elements where it is negative, as one that counts
// from the start. Fails with E503 where its sign is not known.
StatusOr<ir::Expr> FromStart(const ir::InferCtx& ctx, const ir::Expr& index, const ir::Expr& n,
                             std::string_view attr);

// The rules of slice, select_index, narrow, diagonal, unfold and as_strided.
StatusOr<ViewShape> SliceRule(const ir::InferCtx& ctx, const ir::Type& x);
StatusOr<ViewShape> SelectRule(const ir::InferCtx& ctx, const ir::Type& x);
StatusOr<ViewShape> NarrowRule(const ir::InferCtx& ctx, const ir::Type& x);
StatusOr<ViewShape> DiagonalRule(const ir::InferCtx& ctx, const ir::Type& x);
StatusOr<ViewShape> UnfoldRule(const ir::InferCtx& ctx, const ir::Type& x);
StatusOr<ViewShape> AsStridedRule(const ir::InferCtx& ctx, const ir::Type& x);

// Result 0 as a view of operand 0.
Status ReturnView(ir::InferCtx& ctx, ViewShape shape);

// E401 if a requirement of `shape` does not hold for these values of the size symbols.
Status CheckRequirements(std::string_view op, const ViewShape& shape,
                         std::span<const int64_t> symbols);

// The shape that `rule` gives for the op outside of inference, for the first operand's type `x`.
StatusOr<ViewShape> ShapeAgain(ViewRule rule, const ir::Function& function, const ir::Op& op,
                               const ir::Type& x);

// OpDef::infer and OpDef::check of a view.
template <ViewRule rule>
Status InferView(ir::InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, rule(ctx, ctx.operand(0)));
  return ReturnView(ctx, std::move(shape));
}

template <ViewRule rule>
Status CheckView(const ir::KernelCtx& ctx) {
  const ir::Type& x = ctx.function.value(ctx.op.operands[0]).type;
  GCOMP_ASSIGN_OR_RETURN(ViewShape shape, ShapeAgain(rule, ctx.function, ctx.op, x));
  return CheckRequirements(ctx.op.def->name, shape, ctx.symbols);
}

// Operand 0 where the view is the operand itself: equal sizes, known and equal layout.
std::optional<ir::ValueId> SameLayout(const ir::Function& function, const ir::Op& op);

// Parts of the records of views.
inline constexpr ir::Effects kViewEffects = {.reads = 0, .alias_of = {0, -1, -1, -1}};
inline constexpr ir::OperandSpec kViewOperands[] = {{.name = "x", .dtypes = ir::kRealDTypes}};
inline constexpr ir::Tolerance kMovesBits = {.reason =
                                                 "no arithmetic: the result is the operands' bits"};

}  // namespace gcomp::kernels
