// The elements of one operand as a new value: reshape, contiguous, copy, to_device. Each moves
// bits, in one pass.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/rewrite.h"
#include "kernels/all_ops.h"
#include "kernels/copy_pieces.h"
#include "kernels/reshape_sizes.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Type;

// Operand 0 in its own row-major order: the loops of reshape, contiguous and copy(x).
Status LowerRowMajor(ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& x = ctx.operands[0];
  ctx.nest.stages.push_back(CopyStage(x.dtype, x.sizes, 0, {0, x.strides}, ctx.result_buffer(0),
                                      {0, ir::ContiguousStrides(x.sizes)}));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareRowMajor(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  GCOMP_ENSURE(ctx.results[0].IsContiguous(), "result is row-major");
  GCOMP_ENSURE(ctx.results[0].NumElements() == x.NumElements(), "number of elements is kept");
  StridedCopy copy =
      StridedCopy::Make(x.sizes, x.strides, ir::ContiguousStrides(x.sizes), ir::BytesOf(x.dtype));
  return MakePieceKernel({{.source = 0, .copy = std::move(copy)}});
}

// Operand 0 where the value asked for is the operand as it is: same type, row-major.
std::optional<ir::ValueId> SameRowMajor(const ir::Function& function, const ir::Op& op) {
  const Type& x = function.value(op.operands[0]).type;
  if (x.is_contiguous() && x == function.value(op.results[0]).type) return op.operands[0];
  return std::nullopt;
}

constexpr ir::OperandSpec kOneOperand[] = {{.name = "x"}};

// ---- reshape ------------------------------------------------------------------------------------

Status InferReshape(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  GCOMP_ASSIGN_OR_RETURN(Dims sizes, ReshapeSizes(ctx, x));
  ctx.Return(Type::Tensor(x.dtype(), std::move(sizes), {}, x.device()));
  return {};
}

// reshape(reshape(x)) is one reshape of x, to the sizes of the result: what -1 stood for may not be
// found again from the sizes of x.
Status CanonicalizeReshape(ir::RewriteCtx& ctx) {
  const ir::Op* inner = ctx.Producer(0);
  if (inner == nullptr || inner->def != ctx.op().def) return {};
  ctx.SetOperand(0, inner->operands[0]);
  ir::AttrList shape;
  for (const Expr& size : ctx.result_type(0).dims()) shape.emplace_back(size);
  return ctx.SetAttr("shape", std::move(shape));
}

constexpr ir::AttrSpec kReshapeAttrs[] = {
    {"shape", ir::AttrKind::kSizeList,
     "sizes of the result; one may be -1: what the others leave of x's elements",
     ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kReshape = {
    .name = "reshape",
    .doc =
        "The elements of x in row-major order under other sizes: y.flat[i] = x.flat[i].\n"
        "Shapes: x: [d_0, ...] -> y: shape, with as many elements; a new value.\n"
        "Corners: x may be strided; -1 beside a size 0 is an error; sizes that are not proven "
        "to agree are an error.",
    .source = "NumPy reshape, order C",
    .operands = kOneOperand,
    .attrs = kReshapeAttrs,
    .same_bytes = true,
    .tolerance = kMovesBits,
    .infer = InferReshape,
    .prepare = PrepareRowMajor,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerRowMajor},
    .vjp = ir::NotYet(),
    .simplify = SameRowMajor,
    .canonicalize = CanonicalizeReshape,
};

// ---- contiguous, copy ---------------------------------------------------------------------------

Status InferContiguous(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, x.device()));
  return {};
}

constinit const ir::OpDef kContiguous = {
    .name = "contiguous",
    .doc =
        "x in row-major order: y[i] = x[i].\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...]; a new value, never observed as an alias of x.\n"
        "Corners: x may have any strides, 0 among them.",
    .source = "PyTorch Tensor.contiguous, as a value",
    .operands = kOneOperand,
    .same_bytes = true,
    .tolerance = kMovesBits,
    .infer = InferContiguous,
    .prepare = PrepareRowMajor,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerRowMajor},
    .vjp = ir::NotYet(),
    .simplify = SameRowMajor,
};

Status InferCopy(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  if (ctx.has_operand(1)) {
    const Type& s = ctx.group_type(1);
    if (s.dtype() != x.dtype()) {
      return ctx.Fail(Format("s is {}, x is {}: dtypes must be equal", ctx.Show(s), ctx.Show(x)));
    }
    bool fits = s.rank() <= x.rank();
    const size_t added = fits ? x.dims().size() - s.dims().size() : 0;
    for (size_t i = 0; fits && i < s.dims().size(); ++i) {
      fits = s.dims()[i].IsConst(1) || ctx.SameSize(s.dims()[i], x.dims()[added + i]);
    }
    if (!fits) {
      return ctx.Fail(Format("s {} does not broadcast to x {}", ctx.Show(s), ctx.Show(x)));
    }
  }
  return InferContiguous(ctx);
}

// Strides of a tensor stretched to `sizes` as by expand.
template <class Size>
std::vector<Size> BroadcastStrides(const std::vector<Size>& from_sizes,
                                   const std::vector<Size>& from_strides,
                                   const std::vector<Size>& sizes) {
  std::vector<Size> strides(sizes.size(), Size(0));
  const size_t added = sizes.size() - from_sizes.size();
  for (size_t i = 0; i < from_sizes.size(); ++i) {
    if (from_sizes[i] == sizes[added + i]) strides[added + i] = from_strides[i];
  }
  return strides;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareCopy(const ir::KernelCtx& ctx) {
  const size_t source = ctx.operands.size() - 1;  // s if given, else x
  const ir::TensorSpec& from = ctx.operands[source];
  const ir::TensorSpec& to = ctx.results[0];
  StridedCopy copy =
      StridedCopy::Make(to.sizes, BroadcastStrides(from.sizes, from.strides, to.sizes), to.strides,
                        ir::BytesOf(to.dtype));
  return MakePieceKernel({{.source = source, .copy = std::move(copy)}});
}

Status LowerCopy(ir::LowerCtx& ctx) {
  const size_t source = ctx.operands.size() - 1;
  const ir::LowerCtx::Tensor& from = ctx.operands[source];
  const ir::LowerCtx::Tensor& to = ctx.results[0];
  ctx.nest.stages.push_back(CopyStage(from.dtype, to.sizes, source,
                                      {0, BroadcastStrides(from.sizes, from.strides, to.sizes)},
                                      ctx.result_buffer(0), {0, to.strides}));
  return {};
}

constexpr ir::OperandSpec kCopyOperands[] = {{.name = "x"},
                                             {.name = "s", .kind = ir::OperandKind::kOptional}};
constexpr ir::OperandSpec kCopyInPlaceOperands[] = {{.name = "x"}, {.name = "s"}};

constinit const ir::OpDef kCopy = {
    .name = "copy",
    .doc =
        "A new value with x's sizes: y = x, or with s, y = s broadcast to x's sizes.\n"
        "Shapes: x: [d_0, ...], s?: broadcasts to x -> y: [d_0, ...], row-major.\n"
        "Corners: with s, the elements of x do not matter. Unlike contiguous it is never "
        "simplified away.",
    .source = "NumPy copy; ATen copy",
    .operands = kCopyOperands,
    .in_place_form = true,
    .in_place_operands = kCopyInPlaceOperands,
    .any_result_layout = true,
    .tolerance = kMovesBits,
    .infer = InferCopy,
    .prepare = PrepareCopy,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerCopy},
    .vjp = ir::NotYet(),
};

// ---- to_device ----------------------------------------------------------------------------------

// "cuda:0" as a device.
StatusOr<ir::Device> ParseDevice(const InferCtx& ctx, const std::string& text) {
  ir::Device device;
  const size_t colon = text.find(':');
  device.name = text.substr(0, colon);
  bool whole = !device.name.empty() &&
               std::all_of(device.name.begin(), device.name.end(), [](unsigned char c) {
                 return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
               });
  if (whole && colon != std::string::npos) {
    const char* first = text.data() + colon + 1;
    const char* last = text.data() + text.size();
    auto [end, error] = std::from_chars(first, last, device.index);
    whole = first != last && end == last && error == std::errc() && device.index >= 0 &&
            device.index <= UINT16_MAX;
  }
  if (whole) return device;
  return ctx.Fail(
      Format("device = \"{}\" is no name of a device such as \"cpu\" or \"cuda:0\"", text),
      ErrorId::E508);
}

Status InferToDevice(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  ir::Device device;
  if (ctx.attrs().Has("device")) {
    GCOMP_ASSIGN_OR_RETURN(device, ParseDevice(ctx, ctx.attrs().String("device")));
  }
  ctx.Return(Type::Tensor(x.dtype(), x.dims(), {}, std::move(device)));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareToDevice(const ir::KernelCtx& ctx) {
  for (ir::ValueId value : {ctx.op.operands[0], ctx.op.results[0]}) {
    const ir::Device& device = ctx.function.value(value).type.device();
    if (device.name.empty() || (device.name == "cpu" && device.index <= 0)) continue;
    return Status(ErrorId::E511,
                  Format("to_device: moves between the device of the session, which is cpu, and "
                         "device \"{}{}\" are not run by this build",
                         device.name, device.index < 0 ? "" : Format(":{}", device.index)));
  }
  return PrepareRowMajor(ctx);
}

constexpr ir::AttrSpec kToDeviceAttrs[] = {
    {"device", ir::AttrKind::kString,
     "name and index of the device, \"cuda:0\"; absent = that of the session"}};

constinit const ir::OpDef kToDevice = {
    .name = "to_device",
    .doc =
        "x on another device: y[i] = x[i].\n"
        "Shapes: x: [d_0, ...] -> y: [d_0, ...], row-major, a new value on the device.\n"
        "Corners: to the device where x is it copies. This build runs on the processor alone: "
        "another device than \"cpu\" is an error when sizes are bound (E511).",
    .source = "PyTorch Tensor.to(device)",
    .operands = kOneOperand,
    .attrs = kToDeviceAttrs,
    .tolerance = kMovesBits,
    .infer = InferToDevice,
    .prepare = PrepareToDevice,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerRowMajor},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(shape, &kReshape, &kContiguous, &kCopy, &kToDevice)

}  // namespace gcomp::kernels
