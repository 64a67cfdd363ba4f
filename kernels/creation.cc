#include "kernels/creation.h"

#include <cstring>

#include "base/format.h"

namespace gcomp::kernels {

using ir::Type;

StatusOr<Type> WrittenType(const ir::InferCtx& ctx) {
  const Type* type = ctx.written(0);
  if (type == nullptr) return ctx.Fail("the type of the result must be given");
  if (!type->is_tensor() || !type->is_contiguous()) {
    return ctx.Fail(
        Format("makes a row-major tensor, but the result is written as {}", ctx.Show(*type)));
  }
  return *type;
}

Status CheckSizes(const ir::InferCtx& ctx, const ir::Dims& sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (ir::RangeOf(sizes[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(sizes[i]), i),
                      ErrorId::E508);
    }
  }
  return {};
}

Status Fill(void* target, const void* value, int64_t bytes, int64_t n, Pacer& pacer) {
  auto fill = [&]<class T>(T element) {
    std::memcpy(&element, value, sizeof(T));
    const bool done = ForPieces(pacer, n, [&](int64_t from, int64_t count) {
      T* to = static_cast<T*>(target) + from;
      for (int64_t i = 0; i < count; ++i) to[i] = element;
    });
    return done ? Status() : pacer.status();
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

}  // namespace gcomp::kernels
