// const: a tensor whose elements stand in the graph.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"
#include "kernels/creation.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {
namespace {

using ir::AttrList;
using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Scalar;
using ir::Type;

constexpr ir::Tolerance kNoArithmetic = {.reason = "no arithmetic: the given numbers themselves"};

// Most numbers that a const may hold in the text; larger data is a blob.
constexpr size_t kMaxInlineElements = 16;

// The numbers of attribute v: one, or a list. False if something in it is not a number.
bool ReadNumbers(const ir::AttrValue& v, std::vector<Scalar>& numbers) {
  if (const Scalar* one = v.As<Scalar>()) {
    numbers.push_back(*one);
    return true;
  }
  const AttrList* list = v.As<AttrList>();
  if (list == nullptr) return false;
  for (const ir::AttrValue& item : *list) {
    const Scalar* number = item.As<Scalar>();
    if (number == nullptr) return false;
    numbers.push_back(*number);
  }
  return true;
}

Status CheckDType(const InferCtx& ctx, const Scalar& number, const Type& type) {
  if (number.dtype == type.dtype()) return {};
  return ctx.Fail(Format("{} is {}, but the result is {}", number.ToString(),
                         ir::NameOf(number.dtype), ctx.Show(type)),
                  ErrorId::E508);
}

Status InferConst(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, WrittenType(ctx));
  const ir::AttrReader& attrs = ctx.attrs();
  const int forms = attrs.Has("v") + attrs.Has("splat") + attrs.Has("blob");
  if (forms != 1) {
    return ctx.Fail(Format("takes one of numbers, splat and blob; {} are given", forms),
                    ErrorId::E508);
  }
  if (attrs.Has("splat")) {
    const Scalar* splat = attrs.Raw("splat").As<Scalar>();
    if (splat == nullptr) return ctx.Fail("splat must be one number", ErrorId::E508);
    GCOMP_RETURN_IF_ERROR(CheckDType(ctx, *splat, type));
  }
  if (attrs.Has("v")) {
    std::vector<Scalar> numbers;
    if (!ReadNumbers(attrs.Raw("v"), numbers)) {
      return ctx.Fail("takes numbers: one, or a flat list", ErrorId::E508);
    }
    if (numbers.size() > kMaxInlineElements) {
      return ctx.Fail(Format("{} numbers are given inline, the most is {}: larger data is a blob",
                             numbers.size(), kMaxInlineElements),
                      ErrorId::E508);
    }
    for (const Scalar& number : numbers) GCOMP_RETURN_IF_ERROR(CheckDType(ctx, number, type));
    if (!type.NumElements().IsConst(static_cast<int64_t>(numbers.size()))) {
      return ctx.Fail(Format("{} numbers are given for {}, which has {} elements", numbers.size(),
                             ctx.Show(type), ctx.Show(type.NumElements())));
    }
  }
  ctx.Return(std::move(type));
  return {};
}

// Writes the same bytes at each run.
class DataKernel final : public ir::Kernel {
 public:
  explicit DataKernel(std::vector<char> data) : data_(std::move(data)) {}

  Status Run(const ir::KernelArgs& args) const override {
    if (!data_.empty()) std::memcpy(args.result(0), data_.data(), data_.size());
    return {};
  }

 private:
  std::vector<char> data_;
};

class SplatKernel final : public ir::Kernel {
 public:
  SplatKernel(Scalar value, int64_t n) : bytes_(ir::BytesOf(value.dtype)), n_(n) {
    value.Store(&value_);
  }

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    return Fill(args.result(0), &value_, bytes_, n_, pacer);
  }

 private:
  uint64_t value_ = 0;
  int64_t bytes_;
  int64_t n_;
};

Status NoBlobs(const ir::AttrReader& attrs) {
  return Status(ErrorId::E511, Format("const: this build reads no bulk data of modules (blob = "
                                      "\"{}\"); pass the tensor as a weight",
                                      attrs.String("blob")));
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConst(const ir::KernelCtx& ctx) {
  if (ctx.attrs.Has("blob")) return NoBlobs(ctx.attrs);
  const ir::TensorSpec& y = ctx.results[0];
  if (ctx.attrs.Has("splat")) {
    const Scalar* splat = ctx.attrs.Raw("splat").As<Scalar>();
    GCOMP_ENSURE(splat != nullptr, "splat is a number");
    return std::unique_ptr<ir::Kernel>(std::make_unique<SplatKernel>(*splat, y.NumElements()));
  }
  std::vector<Scalar> numbers;
  GCOMP_ENSURE(ReadNumbers(ctx.attrs.Raw("v"), numbers), "v holds numbers");
  GCOMP_ENSURE(static_cast<int64_t>(numbers.size()) == y.NumElements(), "v fills the result");
  const size_t bytes = static_cast<size_t>(ir::BytesOf(y.dtype));
  std::vector<char> data(numbers.size() * bytes);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i].Store(data.data() + i * bytes);
  return std::unique_ptr<ir::Kernel>(std::make_unique<DataKernel>(std::move(data)));
}

// The stage that stores `value` at base + strides * axes of the result.
ir::Stage StoreStage(const ir::LowerCtx& ctx, Scalar value, ir::Dims axes, Expr base,
                     ir::Dims strides) {
  ir::Stage stage;
  stage.axes = std::move(axes);
  // The body computes in a wider type than some dtypes: as a load would, the number is converted.
  const DType type = ir::ComputeTypeOf(value.dtype);
  if (type == value.dtype) {
    stage.body_result = stage.body.Const(value);
  } else {
    Scalar wide = ir::IsFloat(type) ? Scalar::FromDouble(type, value.ToDouble()).value_or(value)
                                    : Scalar::FromInt(type, value.ToInt()).value_or(value);
    stage.body_result = stage.body.Const(wide);
  }
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {std::move(base), std::move(strides)};
  return stage;
}

Status LowerConst(ir::LowerCtx& ctx) {
  if (ctx.attrs.Has("blob")) return NoBlobs(ctx.attrs);
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  if (ctx.attrs.Has("splat")) {
    const Scalar* splat = ctx.attrs.Raw("splat").As<Scalar>();
    GCOMP_ENSURE(splat != nullptr, "splat is a number");
    ctx.nest.stages.push_back(StoreStage(ctx, *splat, y.sizes, 0, y.strides));
    return {};
  }
  std::vector<Scalar> numbers;
  GCOMP_ENSURE(ReadNumbers(ctx.attrs.Raw("v"), numbers), "v holds numbers");
  for (size_t i = 0; i < numbers.size(); ++i) {
    ctx.nest.stages.push_back(StoreStage(ctx, numbers[i], {}, static_cast<int64_t>(i), {}));
  }
  return {};
}

constexpr ir::AttrSpec kConstAttrs[] = {
    {.name = "v",
     .kind = ir::AttrKind::kScalarList,
     .doc = "the elements in row-major order, at most 16; one number for rank 0",
     .positional = true},
    {"splat", ir::AttrKind::kScalar, "the value of every element"},
    {"blob", ir::AttrKind::kString,
     "name of the elements in the module's bulk data, \"sha256:<hex>\"; this build parses it and "
     "can't run it (E511)"}};

constinit const ir::OpDef kConst = {
    .name = "const",
    .doc =
        "A tensor whose elements stand in the graph: all of them (v), one for all (splat), or "
        "by name (blob).\n"
        "Shapes: -> y: as written; v has as many numbers as y has elements.\n"
        "Corners: exactly one of the three forms; symbolic sizes only with splat.",
    .source = "docs/spec/ir.md, rules 6 and 10",
    .attrs = kConstAttrs,
    .tolerance = kNoArithmetic,
    .infer = InferConst,
    .prepare = PrepareConst,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerConst},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(constant, &kConst)

}  // namespace gcomp::kernels
