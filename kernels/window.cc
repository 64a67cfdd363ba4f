#include "kernels/window.h"

#include <limits>

#include "base/format.h"

namespace gcomp::kernels {
namespace {

using ir::Expr;

// Sizes and offsets of windows are computed in 64 bits: each attribute stays far below that.
constexpr int64_t kMaxWindowAttr = std::numeric_limits<int32_t>::max();

Status CheckList(const ir::InferCtx& ctx, std::string_view attr, size_t length, int64_t least) {
  auto list = ctx.attrs().Ints(attr);
  if (!list.has_value()) return {};
  if (list->size() != length) {
    return ctx.Fail(Format("{} lists {} numbers, needs {}", attr, list->size(), length),
                    ErrorId::E508);
  }
  for (int64_t value : *list) {
    if (value < least || value > kMaxWindowAttr) {
      return ctx.Fail(
          Format("{} has {}, but must lie in [{}, {}]", attr, value, least, kMaxWindowAttr),
          ErrorId::E508);
    }
  }
  return {};
}

}  // namespace

WindowAttrs WindowAttrs::Read(const ir::AttrReader& attrs, size_t axes,
                              const std::vector<int64_t>& default_stride) {
  WindowAttrs window;
  window.stride = attrs.Ints("stride").value_or(default_stride);
  window.dilation = attrs.Ints("dilation").value_or(std::vector<int64_t>(axes, 1));
  const std::vector<int64_t> padding =
      attrs.Ints("padding").value_or(std::vector<int64_t>(2 * axes, 0));
  window.pad_begin.assign(padding.begin(), padding.begin() + static_cast<ptrdiff_t>(axes));
  window.pad_end.assign(padding.begin() + static_cast<ptrdiff_t>(axes), padding.end());
  return window;
}

Status CheckWindow(const ir::InferCtx& ctx, size_t axes) {
  GCOMP_RETURN_IF_ERROR(CheckList(ctx, "stride", axes, 1));
  GCOMP_RETURN_IF_ERROR(CheckList(ctx, "dilation", axes, 1));
  return CheckList(ctx, "padding", 2 * axes, 0);
}

StatusOr<Expr> WindowOutputs(const ir::InferCtx& ctx, const WindowAttrs& attrs, size_t i,
                             const Expr& in, const Expr& kernel, bool ceil_mode) {
  const Expr padded = Expr::Add(in, Expr::Add(attrs.pad_begin[i], attrs.pad_end[i]));
  const Expr window = Expr::Add(Expr::Mul(attrs.dilation[i], Expr::Sub(kernel, 1)), 1);
  const Expr room = Expr::Sub(padded, window);
  if (room.is_poison()) {
    return ctx.Fail(Format("the size of spatial axis {} overflows 64 bits", i), ErrorId::E503);
  }
  const ir::Interval range = ir::RangeOf(room, ctx.function().Ranger());
  if (range.high != ir::Interval::kUnbounded && range.high < 0) {
    return ctx.Fail(
        Format("the window of {} elements is larger than spatial axis {} of {} with "
               "its padding",
               ctx.Show(window), i, ctx.Show(padded)));
  }
  const Expr stride = attrs.stride[i];
  if (!ceil_mode) return Expr::Add(Expr::FloorDiv(room, stride), 1);
  // A window more for the rest, but only one that begins inside the input or the first padding.
  const Expr up = Expr::FloorDiv(Expr::Add(room, Expr::Sub(stride, 1)), stride);
  const Expr last = Expr::FloorDiv(Expr::Add(in, Expr::Sub(attrs.pad_begin[i], 1)), stride);
  return Expr::Add(Expr::Min(up, last), 1);
}

}  // namespace gcomp::kernels
