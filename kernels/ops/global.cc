// Globals of the module, which are state of a context: global.read, global.write.
//
// The runtime passes the memory of the global as one operand more, behind those of the op.
#include <memory>
#include <utility>

#include "base/format.h"
#include "kernels/all_ops.h"
#include "kernels/pacer.h"
#include "kernels/region.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;

constexpr ir::Tolerance kMovesBits = {.reason = "no arithmetic: bits are copied"};
constexpr ir::Lowering kState = {.kind = ir::Lowering::Kind::kStructure,
                                 .why = "the global is state of the context, which tiers hold"};

StatusOr<Type> GlobalType(const InferCtx& ctx) {
  const ir::Global* global = ctx.module().FindGlobal(ctx.op().callee);
  if (global == nullptr) {
    return ctx.Fail(Format("@{} is not a global of this module", ctx.op().callee), ErrorId::E506);
  }
  return RowMajor(global->type);
}

// Copies one value: the operand `from` to the operand or result `to`.
class CopyKernel final : public ir::Kernel {
 public:
  CopyKernel(const TensorSpec& from, const TensorSpec& to, bool to_operand)
      : copy_(StridedCopy::Make(to.sizes, from.strides, to.strides, ir::BytesOf(to.dtype))),
        to_operand_(to_operand) {}

  Status Run(const KernelArgs& args) const override {
    void* to = to_operand_ ? args.slots[args.operand_slots[1]] : args.result(0);
    Pacer pacer(args.regions);
    return copy_.Run(args.operand(0), to, pacer);
  }

 private:
  StridedCopy copy_;
  bool to_operand_;
};

StatusOr<std::unique_ptr<ir::Kernel>> MakeCopy(const TensorSpec& from, const TensorSpec& to,
                                               bool to_operand) {
  GCOMP_ENSURE(from.dtype == to.dtype && from.sizes == to.sizes, "a global keeps its type");
  return std::unique_ptr<ir::Kernel>(std::make_unique<CopyKernel>(from, to, to_operand));
}

// ---- global.read --------------------------------------------------------------------------------

Status InferRead(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, GlobalType(ctx));
  ctx.Return(std::move(type));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareRead(const KernelCtx& ctx) {
  GCOMP_ENSURE(ctx.operands.size() == 1, "the global is the operand of global.read");
  return MakeCopy(ctx.operands[0], ctx.results[0], false);
}

constinit const ir::OpDef kRead = {
    .name = "global.read",
    .doc =
        "The value that a global has now.\n"
        "Shapes: @p: [d...] -> y: [d...], row-major.\n"
        "Corners: y is a value of its own, which later writes of @p do not change; each context "
        "has globals of its own.",
    .source = "docs/spec/ir.md, rule 11",
    .has_global = true,
    .effects = {.ordered = ir::OrderedKind::kState},
    .tolerance = kMovesBits,
    .infer = InferRead,
    .prepare = PrepareRead,
    .lowering = kState,
    .vjp = ir::NotYet("gradients of globals come with functionalization"),
};

// ---- global.write -------------------------------------------------------------------------------

Status InferWrite(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, GlobalType(ctx));
  const Type& v = ctx.operand(0);
  if (RowMajor(v) != type) {
    return ctx.Fail(Format("v is {}, but @{} is {}", ctx.Show(v), ctx.op().callee, ctx.Show(type)));
  }
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareWrite(const KernelCtx& ctx) {
  GCOMP_ENSURE(ctx.operands.size() == 2, "the global is the last operand of global.write");
  return MakeCopy(ctx.operands[0], ctx.operands[1], true);
}

constexpr ir::OperandSpec kWriteOperands[] = {
    {.name = "v", .dtypes = ir::kRealDTypes, .tensor_only = false}};

constinit const ir::OpDef kWrite = {
    .name = "global.write",
    .doc =
        "Gives a global, which must be `mut`, the value v.\n"
        "Shapes: v: [d...] of any strides, with the dtype and sizes of @p; no results.\n"
        "Corners: reads that stand before see the old value, those after it the new one; the value "
        "stays for later runs of the context.",
    .source = "docs/spec/ir.md, rule 11",
    .operands = kWriteOperands,
    .num_results = 0,
    .has_global = true,
    .effects = {.write = ir::WriteKind::kGlobal, .ordered = ir::OrderedKind::kState},
    .tolerance = kMovesBits,
    .infer = InferWrite,
    .prepare = PrepareWrite,
    .lowering = kState,
    .vjp = ir::NotYet("gradients of globals come with functionalization"),
};

}  // namespace

GCOMP_DEFINE_OPS(global, &kRead, &kWrite)

}  // namespace gcomp::kernels
