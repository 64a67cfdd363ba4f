// Sizes as values: sym.value.
#include <cstring>
#include <memory>
#include <optional>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"

namespace gcomp::kernels {
namespace {

using ir::Expr;

Status InferValue(ir::InferCtx& ctx) {
  std::optional<Expr> value = ctx.attrs().Size("value");
  if (!value || value->is_poison()) return ctx.Fail("value is no size expression", ErrorId::E508);
  ctx.Return(ir::Type::Tensor(ir::DType::kI64, {}));
  return {};
}

class ValueKernel final : public ir::Kernel {
 public:
  explicit ValueKernel(int64_t value) : value_(value) {}

  Status Run(const ir::KernelArgs& args) const override {
    std::memcpy(args.result(0), &value_, sizeof(value_));
    return {};
  }

 private:
  int64_t value_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareValue(const ir::KernelCtx& ctx) {
  Expr expr = *ctx.attrs.Size("value");
  std::optional<int64_t> value = expr.Evaluate(ctx.symbols);
  if (!value) {
    return Status(ErrorId::E503, Format("sym.value: {} has no value for these sizes",
                                        expr.ToString(ctx.function.Namer())));
  }
  return std::unique_ptr<ir::Kernel>(std::make_unique<ValueKernel>(*value));
}

Status LowerValue(ir::LowerCtx& ctx) {
  ir::Stage stage;
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = {*ctx.attrs.Size("value"), {}},
                         .guards = {},
                         .otherwise = {ir::DType::kI64, 0}});
  stage.body_result = stage.body.Param(0, ir::DType::kI64);
  stage.store_buffer = ctx.result_buffer(0);
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::AttrSpec kValueAttrs[] = {{.name = "value",
                                         .kind = ir::AttrKind::kSize,
                                         .doc = "a size expression",
                                         .default_kind = ir::AttrSpec::Default::kRequired,
                                         .positional = true}};

constinit const ir::OpDef kValue = {
    .name = "sym.value",
    .doc =
        "A size as a number: y = value.\n"
        "Shapes: -> y: i64[].\n"
        "Corners: E503 where the expression overflows or divides by 0 for the sizes of a run.",
    .source = "docs/spec/ir.md, size expressions",
    .attrs = kValueAttrs,
    .tolerance = {.reason = "no arithmetic on elements"},
    .infer = InferValue,
    .prepare = PrepareValue,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerValue},
    .vjp = ir::NotDifferentiable("sizes are integers"),
};

}  // namespace

GCOMP_DEFINE_OPS(sym, &kValue)

}  // namespace gcomp::kernels
