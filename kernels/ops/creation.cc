// Tensors out of nothing: const, full, iota. Their dtype is that of the written result type.
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::AttrList;
using ir::DType;
using ir::Expr;
using ir::InferCtx;
using ir::Scalar;
using ir::Type;

constexpr std::string_view kVjpReason = "derivative rules come with differentiation";
constexpr ir::Tolerance kNoArithmetic = {.reason = "no arithmetic: the given numbers themselves"};

// Most numbers that a const may hold in the text; larger data is a blob.
constexpr size_t kMaxInlineElements = 16;

// The written type of result 0, which must be a row-major tensor.
StatusOr<Type> WrittenType(const InferCtx& ctx) {
  const Type* type = ctx.written(0);
  if (type == nullptr) return ctx.Fail("the type of the result must be given");
  if (!type->is_tensor() || !type->is_contiguous()) {
    return ctx.Fail(
        Format("makes a row-major tensor, but the result is written as {}", ctx.Show(*type)));
  }
  return *type;
}

// Fills n elements of `bytes` bytes each with copies of *value.
void Fill(void* target, const void* value, int64_t bytes, int64_t n) {
  auto fill = [&]<class T>(T element) {
    std::memcpy(&element, value, sizeof(T));
    T* to = static_cast<T*>(target);
    for (int64_t i = 0; i < n; ++i) to[i] = element;
  };
  switch (bytes) {
    case 1:
      return fill(uint8_t{});
    case 2:
      return fill(uint16_t{});
    case 4:
      return fill(uint32_t{});
    default:
      return fill(uint64_t{});
  }
}

// ---- const --------------------------------------------------------------------------------------

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
    Fill(args.result(0), &value_, bytes_, n_);
    return {};
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
    .vjp = ir::NotYet(kVjpReason),
};

// ---- full ---------------------------------------------------------------------------------------

Status InferFull(InferCtx& ctx) {
  const Type& v = ctx.operand(0);
  if (v.rank() != 0) {
    return ctx.Fail(Format("v must be one number of rank 0, but is {}", ctx.Show(v)));
  }
  ir::Dims shape = ctx.attrs().Sizes("shape").value_or(ir::Dims());
  for (size_t i = 0; i < shape.size(); ++i) {
    if (ir::RangeOf(shape[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(shape[i]), i),
                      ErrorId::E508);
    }
  }
  if (const Type* written = ctx.written(0);
      written != nullptr && written->is_tensor() && written->dtype() != v.dtype()) {
    return ctx.Fail(Format("v is {}, but the result is written as {}: dtypes must be equal",
                           ctx.Show(v), ctx.Show(*written)));
  }
  ctx.Return(Type::Tensor(v.dtype(), std::move(shape), {}, v.device()));
  return {};
}

class FullKernel final : public ir::Kernel {
 public:
  FullKernel(int64_t bytes, int64_t n) : bytes_(bytes), n_(n) {}

  Status Run(const ir::KernelArgs& args) const override {
    Fill(args.result(0), args.operand(0), bytes_, n_);
    return {};
  }

 private:
  int64_t bytes_;
  int64_t n_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareFull(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<FullKernel>(ir::BytesOf(y.dtype), y.NumElements()));
}

Status LowerFull(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.loads.push_back({.buffer = 0,
                         .offset = {0, ir::Dims(y.sizes.size(), Expr(0))},
                         .guards = {},
                         .otherwise = {y.dtype, 0}});
  stage.body_result = stage.body.Param(0, ir::ComputeTypeOf(y.dtype));
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::OperandSpec kFullOperands[] = {{.name = "v"}};
constexpr ir::AttrSpec kFullAttrs[] = {
    {"shape", ir::AttrKind::kSizeList, "sizes of the result", ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kFull = {
    .name = "full",
    .doc =
        "A tensor with v everywhere: y[i] = v.\n"
        "Shapes: v: [] -> y: shape.\n"
        "Corners: v may be computed; sizes may be 0 or symbolic.",
    .source = "NumPy full",
    .operands = kFullOperands,
    .attrs = kFullAttrs,
    .tolerance = kNoArithmetic,
    .infer = InferFull,
    .prepare = PrepareFull,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerFull},
    .vjp = ir::NotYet(kVjpReason),
};

// ---- iota ---------------------------------------------------------------------------------------

Status InferIota(InferCtx& ctx) {
  GCOMP_ASSIGN_OR_RETURN(Type type, WrittenType(ctx));
  if (!ir::kNumericDTypes.Has(type.dtype())) {
    return ctx.Fail(Format("makes numbers, but the result is written as {}", ctx.Show(type)));
  }
  if (type.rank() == 0) {
    return ctx.Fail("needs an axis to count along, but the result has rank 0");
  }
  GCOMP_RETURN_IF_ERROR(ctx.Axis(ctx.attrs().Int("dim"), type.rank(), "dim").status());
  ctx.Return(std::move(type));
  return {};
}

// y seen as [outer, n, inner]: element i of the middle axis is i.
class IotaKernel final : public ir::Kernel {
 public:
  IotaKernel(DType dtype, int64_t outer, int64_t n, int64_t inner)
      : dtype_(dtype), outer_(outer), n_(n), inner_(inner) {}

  Status Run(const ir::KernelArgs& args) const override {
    const int64_t bytes = ir::BytesOf(dtype_);
    const int64_t row = inner_ * bytes;
    char* first = args.result<char>(0);
    if (outer_ == 0) return {};
    for (int64_t i = 0; i < n_; ++i) {
      uint64_t element = 0;
      NumberAt(i).Store(&element);
      Fill(first + i * row, &element, bytes, inner_);
    }
    for (int64_t o = 1; o < outer_; ++o) {
      std::memcpy(first + o * n_ * row, first, static_cast<size_t>(n_ * row));
    }
    return {};
  }

 private:
  // Floats: nearest even, halves from the f32; integers wrap.
  Scalar NumberAt(int64_t i) const {
    if (ir::ComputeTypeOf(dtype_) == DType::kF32) {
      return Scalar::FromDouble(dtype_, static_cast<float>(i)).value_or(Scalar{dtype_, 0});
    }
    if (dtype_ == DType::kF64) return *Scalar::FromDouble(dtype_, static_cast<double>(i));
    const int bits = ir::BitsOf(dtype_);
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    return {dtype_, static_cast<uint64_t>(i) & mask};
  }

  DType dtype_;
  int64_t outer_;
  int64_t n_;
  int64_t inner_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareIota(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& y = ctx.results[0];
  int64_t dim = ctx.attrs.Int("dim");
  if (dim < 0) dim += y.rank();
  int64_t outer = 1;
  int64_t inner = 1;
  for (int i = 0; i < y.rank(); ++i) {
    const int64_t size = y.sizes[static_cast<size_t>(i)];
    if (i < dim) outer *= size;
    if (i > dim) inner *= size;
  }
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<IotaKernel>(y.dtype, outer, y.sizes[static_cast<size_t>(dim)], inner));
}

Status LowerIota(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  int64_t dim = ctx.attrs.Int("dim");
  if (dim < 0) dim += y.rank();
  ir::Dims along(y.sizes.size(), Expr(0));
  along[static_cast<size_t>(dim)] = 1;
  ir::Stage stage;
  stage.axes = y.sizes;
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = {0, std::move(along)},
                         .guards = {},
                         .otherwise = {DType::kI64, 0}});
  WithComputeType(y.dtype, [&](auto like) {
    using T = decltype(like);
    ir::Sym<int64_t> index(&stage.body, stage.body.Param(0, DType::kI64));
    stage.body_result = ir::Convert<T>(index).index();
  });
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::AttrSpec kIotaAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfResult, ir::IntAttr("dim", 0, "the axis that counts"))};

constinit const ir::OpDef kIota = {
    .name = "iota",
    .doc =
        "Counts along axis dim: y[.., i, ..] = i.\n"
        "Shapes: -> y: as written, of rank 1 or more.\n"
        "Corners: floats round to nearest even, f16 and bf16 from the f32; integers wrap; sizes "
        "may be "
        "0 or symbolic.",
    .source = "StableHLO iota",
    .attrs = kIotaAttrs,
    .tolerance = {.reason = "integers, each rounded once to the result's dtype"},
    .infer = InferIota,
    .prepare = PrepareIota,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerIota},
    .vjp = ir::NotDifferentiable("no operands"),
};

}  // namespace

GCOMP_DEFINE_OPS(creation, &kConst, &kFull, &kIota)

}  // namespace gcomp::kernels
