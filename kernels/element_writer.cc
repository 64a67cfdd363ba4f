#include "kernels/element_writer.h"

#include <cstring>

#include "ir/scalar.h"
#include "ir/scalar_value.h"

namespace gcomp::kernels {
namespace {

using ir::DType;

// Elements of memory as they are combined.
template <class T, class C>
struct Plain {
  using Memory = T;

  static C Load(T x) { return static_cast<C>(x); }

  static T Store(C x) { return static_cast<T>(x); }
};

struct Half {
  using Memory = uint16_t;

  static float Load(uint16_t x) { return ir::HalfToFloat(x); }

  static uint16_t Store(float x) { return ir::FloatToHalf(x); }
};

struct BFloat16 {
  using Memory = uint16_t;

  static float Load(uint16_t x) { return ir::BFloat16ToFloat(x); }

  static uint16_t Store(float x) { return ir::FloatToBFloat16(x); }
};

struct Add {
  template <class C>
  GCOMP_INLINE C operator()(C a, C b) const {
    return ir::Add(a, b);
  }
};

struct Mul {
  template <class C>
  GCOMP_INLINE C operator()(C a, C b) const {
    return ir::Mul(a, b);
  }
};

struct Max {
  template <class C>
  GCOMP_INLINE C operator()(C a, C b) const {
    return ir::Max(a, b);
  }
};

struct Min {
  template <class C>
  GCOMP_INLINE C operator()(C a, C b) const {
    return ir::Min(a, b);
  }
};

template <class E, class F>
constexpr ElementWriter CombinerOf() {
  using M = typename E::Memory;
  return {[](char* y, const char* s, int64_t n) {
            M* to = reinterpret_cast<M*>(y);
            const M* from = reinterpret_cast<const M*>(s);
            for (int64_t i = 0; i < n; ++i) to[i] = E::Store(F()(E::Load(to[i]), E::Load(from[i])));
          },
          [](char* y, const int64_t* offsets, const char* s, int64_t n) {
            const M* from = reinterpret_cast<const M*>(s);
            for (int64_t i = 0; i < n; ++i) {
              M* to = reinterpret_cast<M*>(y + offsets[i]);
              *to = E::Store(F()(E::Load(*to), E::Load(from[i])));
            }
          }};
}

template <class T>
constexpr ElementWriter OverwriterOf() {
  return {[](char* y, const char* s, int64_t n) {
            std::memcpy(y, s, static_cast<size_t>(n) * sizeof(T));
          },
          [](char* y, const int64_t* offsets, const char* s, int64_t n) {
            const T* from = reinterpret_cast<const T*>(s);
            for (int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(y + offsets[i]) = from[i];
          }};
}

template <class F>
std::optional<ElementWriter> CombinerFor(DType dtype) {
  switch (dtype) {
    case DType::kI8:
      return CombinerOf<Plain<int8_t, int32_t>, F>();
    case DType::kI16:
      return CombinerOf<Plain<int16_t, int32_t>, F>();
    case DType::kI32:
      return CombinerOf<Plain<int32_t, int32_t>, F>();
    case DType::kI64:
      return CombinerOf<Plain<int64_t, int64_t>, F>();
    case DType::kU8:
      return CombinerOf<Plain<uint8_t, uint32_t>, F>();
    case DType::kU16:
      return CombinerOf<Plain<uint16_t, uint32_t>, F>();
    case DType::kU32:
      return CombinerOf<Plain<uint32_t, uint32_t>, F>();
    case DType::kU64:
      return CombinerOf<Plain<uint64_t, uint64_t>, F>();
    case DType::kF16:
      return CombinerOf<Half, F>();
    case DType::kBF16:
      return CombinerOf<BFloat16, F>();
    case DType::kF32:
      return CombinerOf<Plain<float, float>, F>();
    case DType::kF64:
      return CombinerOf<Plain<double, double>, F>();
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<ElementWriter> ElementWriterFor(std::string_view reduce, DType dtype) {
  if (reduce == "add") return CombinerFor<Add>(dtype);
  if (reduce == "mul") return CombinerFor<Mul>(dtype);
  if (reduce == "max") return CombinerFor<Max>(dtype);
  if (reduce == "min") return CombinerFor<Min>(dtype);
  if (reduce != "none") return std::nullopt;
  switch (ir::BytesOf(dtype)) {
    case 1:
      return OverwriterOf<uint8_t>();
    case 2:
      return OverwriterOf<uint16_t>();
    case 4:
      return OverwriterOf<uint32_t>();
    default:
      return OverwriterOf<uint64_t>();
  }
}

}  // namespace gcomp::kernels
