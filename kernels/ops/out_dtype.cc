// out_dtype: a product that is computed in, and gives, a wider dtype than its operands have.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/region.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Type;

constexpr std::array<std::string_view, 3> kAllowed = {"conv2d", "matmul", "mul"};
constexpr std::array<std::string_view, 4> kConvAttrs = {"stride", "padding", "dilation", "groups"};

// True if numbers of `from` become numbers of `to` without losing range or going from fraction to
// integer.
bool Promotes(DType from, DType to) {
  if (from == to) return true;
  if (ir::IsFloat(to)) return !ir::IsFloat(from) || ir::BitsOf(from) < ir::BitsOf(to);
  if (ir::IsFloat(from) || (ir::IsSigned(from) && !ir::IsSigned(to))) return false;
  return ir::BitsOf(from) < ir::BitsOf(to);
}

const ir::OpDef* RecordOf(std::string_view name) {
  for (const ir::OpDef* def : AllOps()) {
    if (def->name == name) return def;
  }
  return nullptr;
}

Status Check(const InferCtx& ctx, const std::string& op, DType dtype) {
  if (std::find(kAllowed.begin(), kAllowed.end(), op) == kAllowed.end()) {
    return ctx.Fail(Format("op = \"{}\", but must be \"conv2d\", \"matmul\" or \"mul\"", op),
                    ErrorId::E241);
  }
  for (size_t i = 0; i < ctx.num_operands(); ++i) {
    if (ir::kNumericDTypes.Has(dtype) && Promotes(ctx.operand(i).dtype(), dtype)) continue;
    return ctx.Fail(Format("dtype = {} can't hold what operand {} of dtype {} holds",
                           ir::NameOf(dtype), i, ir::NameOf(ctx.operand(i).dtype())),
                    ErrorId::E241);
  }
  for (std::string_view name : kConvAttrs) {
    if (op == "conv2d" || !ctx.attrs().Has(name)) continue;
    return ctx.Fail(Format("{} is an attribute of op = \"conv2d\", not of \"{}\"", name, op),
                    ErrorId::E508);
  }
  return {};
}

// The result is what the op's own record says of operands of `dtype`.
Status InferOutDType(InferCtx& ctx) {
  const std::string name = ctx.attrs().String("op");
  const DType* dtype = ctx.attrs().Raw("dtype").As<DType>();
  GCOMP_ENSURE(dtype != nullptr, "the schema asks for a dtype");
  GCOMP_RETURN_IF_ERROR(Check(ctx, name, *dtype));
  const ir::OpDef* def = RecordOf(name);
  GCOMP_ENSURE(def != nullptr, "the op is built in");
  ir::Function function;
  function.name = ctx.function().name;
  function.symbols = ctx.function().symbols;
  ir::Op op;
  op.def = def;
  op.attrs.resize(def->attrs.size());
  for (std::string_view attr : kConvAttrs) {
    const int index = def->AttrIndex(attr);
    if (index >= 0) op.attrs[static_cast<size_t>(index)] = ctx.attrs().Raw(attr);
  }
  op.group_begin.assign(def->operands.size() + 1, 2);
  for (size_t i = 0; i < 2; ++i) {
    const Type& type = ctx.operand(i);
    ir::Value value;
    value.type =
        type.dtype() == *dtype ? type : Type::Tensor(*dtype, type.dims(), {}, type.device());
    op.operands.push_back(function.AddValue(std::move(value)));
    op.group_begin[i] = static_cast<uint16_t>(i);
  }
  InferCtx inner(ctx.module(), function, op);
  GCOMP_RETURN_IF_ERROR(def->infer(inner));
  GCOMP_ENSURE(inner.results().size() == 1, "these ops have one result");
  ctx.Return(inner.results()[0]);
  return {};
}

void DecomposeOutDType(ir::DecomposeCtx& ctx) {
  const DType dtype = ctx.result_type().dtype();
  ir::AttrDict attrs;
  for (std::string_view name : kConvAttrs) {
    if (ctx.attrs().Has(name)) attrs.emplace_back(name, ctx.attrs().Raw(name));
  }
  ctx.Return(ctx.Call(ctx.attrs().String("op"),
                      {ctx.Cast(ctx.operand(0), dtype), ctx.Cast(ctx.operand(1), dtype)},
                      std::move(attrs)));
}

constexpr ir::OperandSpec kOperands[] = {{.name = "a", .dtypes = ir::kNumericDTypes},
                                         {.name = "b", .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kAttrs[] = {
    {.name = "op",
     .kind = ir::AttrKind::kString,
     .doc = "\"matmul\", \"conv2d\" or \"mul\"",
     .default_kind = ir::AttrSpec::Default::kRequired},
    {.name = "dtype",
     .kind = ir::AttrKind::kDType,
     .doc = "of the computation and the result",
     .default_kind = ir::AttrSpec::Default::kRequired},
    {.name = "stride", .kind = ir::AttrKind::kIntList, .doc = "of conv2d; absent = as there"},
    {.name = "padding", .kind = ir::AttrKind::kIntList, .doc = "of conv2d; absent = as there"},
    {.name = "dilation", .kind = ir::AttrKind::kIntList, .doc = "of conv2d; absent = as there"},
    {.name = "groups", .kind = ir::AttrKind::kInt, .doc = "of conv2d; absent = as there"}};

constinit const ir::OpDef kOutDType = {
    .name = "out_dtype",
    .doc =
        "A product computed in a wider dtype: y = op(cast(a), cast(b)), both to `dtype`, so that "
        "i8 products are summed in i32.\n"
        "Shapes: those of the op: a and b -> y, of `dtype`.\n"
        "Corners: other ops are E241, as is a dtype that is narrower than an operand's, unsigned "
        "where that is signed, or an integer where that is a float; integers wrap in `dtype`.",
    .source = "docs/spec/higher_order_ops.md 1.13 and 3.10",
    .operands = kOperands,
    .attrs = kAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 1, .rtol = 1e-5, .reason = "that of matmul and conv2d, which it may be"},
    .infer = InferOutDType,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeOutDType},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(out_dtype, &kOutDType)

}  // namespace gcomp::kernels
