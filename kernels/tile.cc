#include "kernels/tile.h"

#include <immintrin.h>

#include <bit>
#include <concepts>

#include "kernels/cpu_target.h"

namespace gcomp::kernels {
namespace {

// Elements of f16 and bf16 in memory, as types of their own.
struct Half {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

// Widening and rounding by integer arithmetic without branches, so that loops vectorize. The half
// conversions follow F. Giesen, "Half to float done quick" and "float->half variants" (2012, public
// domain): rebias the exponent; denormal halves go through one exact floating subtraction
// (addition).
GCOMP_INLINE float Widen(Half half) {
  constexpr uint32_t kExponent = 0x7c00u << 13;
  uint32_t shifted = static_cast<uint32_t>(half.bits & 0x7fffu) << 13;
  uint32_t exponent = shifted & kExponent;
  uint32_t normal = shifted + ((127u - 15u) << 23);
  uint32_t special = shifted + ((255u - 31u) << 23);
  float denormal = std::bit_cast<float>(shifted + (113u << 23)) - std::bit_cast<float>(113u << 23);
  uint32_t small = exponent == 0 ? std::bit_cast<uint32_t>(denormal) : normal;
  uint32_t magnitude = exponent == kExponent ? special : small;
  return std::bit_cast<float>(magnitude | static_cast<uint32_t>(half.bits & 0x8000u) << 16);
}

GCOMP_INLINE void Narrow(float value, Half* half) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = bits & 0x80000000u;
  uint32_t magnitude = bits ^ sign;
  // Below 2^-14 the result is a denormal: adding 0.5 leaves it, rounded, in the low bits.
  float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  uint32_t denormal = std::bit_cast<uint32_t>(shifted) - (126u << 23);
  uint32_t odd = (magnitude >> 13) & 1u;
  uint32_t normal = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  uint32_t finite = magnitude < (113u << 23) ? denormal : normal;
  uint32_t infinite = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  uint32_t result = magnitude >= (143u << 23) ? infinite : finite;
  half->bits = static_cast<uint16_t>(result | sign >> 16);
}

GCOMP_INLINE float Widen(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

GCOMP_INLINE void Narrow(float value, BFloat16* out) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  uint32_t quiet = bits | 0x400000u;
  out->bits = static_cast<uint16_t>((value != value ? quiet : rounded) >> 16);
}

template <std::integral T>
GCOMP_INLINE auto Widen(T value) {
  if constexpr (sizeof(T) >= 4 || std::is_same_v<T, uint8_t>) {
    return value;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<int32_t>(value);
  } else {
    return static_cast<uint32_t>(value);
  }
}

template <std::floating_point T>
GCOMP_INLINE T Widen(T value) {
  return value;
}

// The tile type of T as an element of memory. uint8_t stands for bool here; U8 is the integer.
struct U8 {
  uint8_t bits;
};

GCOMP_INLINE uint32_t Widen(U8 value) {
  return value.bits;
}

GCOMP_INLINE void Narrow(uint32_t value, U8* out) {
  out->bits = static_cast<uint8_t>(value);
}

template <class V, class T>

requires std::is_arithmetic_v<T> GCOMP_INLINE void Narrow(V value, T* out) {
  *out = static_cast<T>(value);
}

template <class T, class V>
GCOMP_INLINE void LoadBody(const void* src, int64_t stride, int64_t n, void* tile) {
  auto* out = static_cast<V*>(tile);
  if (stride == static_cast<int64_t>(sizeof(T))) {
    const auto* in = static_cast<const T*>(src);
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) out[i] = Widen(in[i]);
  } else if (stride == 0) {
    if (n == 0) return;
    V value = Widen(*static_cast<const T*>(src));
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
    const auto* bytes = static_cast<const char*>(src);
    for (int64_t i = 0; i < n; ++i) {
      out[i] = Widen(*reinterpret_cast<const T*>(bytes + i * stride));
    }
  }
}

template <class T, class V>
GCOMP_INLINE void StoreBody(const void* tile, int64_t n, void* dst, int64_t stride) {
  const auto* in = static_cast<const V*>(tile);
  if (stride == static_cast<int64_t>(sizeof(T))) {
    auto* out = static_cast<T*>(dst);
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) Narrow(in[i], &out[i]);
  } else {
    auto* bytes = static_cast<char*>(dst);
    for (int64_t i = 0; i < n; ++i) Narrow(in[i], reinterpret_cast<T*>(bytes + i * stride));
  }
}

// Dense f16 by the conversions of x86-64-v3, which round to nearest even and keep denormals; their
// NaNs are quiet. Sixteen bytes at once are enough to keep up with the memory on every CPU.
constexpr int64_t kHalves = 8;

GCOMP_TARGET_V3 void LoadHalves(const void* src, int64_t stride, int64_t n, void* tile) {
  if (stride != static_cast<int64_t>(sizeof(Half)))
    return LoadBody<Half, float>(src, stride, n, tile);
  const auto* in = static_cast<const Half*>(src);
  auto* out = static_cast<float*>(tile);
  int64_t i = 0;
  for (; i + kHalves <= n; i += kHalves) {
    _mm256_storeu_ps(out + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
  }
  for (; i < n; ++i) out[i] = Widen(in[i]);
}

GCOMP_TARGET_V3 void StoreHalves(const void* tile, int64_t n, void* dst, int64_t stride) {
  if (stride != static_cast<int64_t>(sizeof(Half)))
    return StoreBody<Half, float>(tile, n, dst, stride);
  const auto* in = static_cast<const float*>(tile);
  auto* out = static_cast<Half*>(dst);
  int64_t i = 0;
  for (; i + kHalves <= n; i += kHalves) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i),
                     _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT));
  }
  for (; i < n; ++i) Narrow(in[i], &out[i]);
}

template <class T, class V>
GCOMP_TARGET_V3 void LoadV3(const void* src, int64_t stride, int64_t n, void* tile) {
  LoadBody<T, V>(src, stride, n, tile);
}

template <class T, class V>
GCOMP_TARGET_V4 void LoadV4(const void* src, int64_t stride, int64_t n, void* tile) {
  LoadBody<T, V>(src, stride, n, tile);
}

template <class T, class V>
GCOMP_TARGET_V3 void StoreV3(const void* tile, int64_t n, void* dst, int64_t stride) {
  StoreBody<T, V>(tile, n, dst, stride);
}

template <class T, class V>
GCOMP_TARGET_V4 void StoreV4(const void* tile, int64_t n, void* dst, int64_t stride) {
  StoreBody<T, V>(tile, n, dst, stride);
}

template <class T, class V>
TileIo Make(CpuLevel cpu) {
  return {PerCpu<LoadFn>{&LoadV3<T, V>, &LoadV4<T, V>}.For(cpu),
          PerCpu<StoreFn>{&StoreV3<T, V>, &StoreV4<T, V>}.For(cpu), sizeof(T), sizeof(V),
          std::is_same_v<T, V>};
}

}  // namespace

TileIo TileIoOf(ir::DType dtype, CpuLevel cpu) {
  switch (dtype) {
    case ir::DType::kBool:
      return Make<uint8_t, uint8_t>(cpu);
    case ir::DType::kI8:
      return Make<int8_t, int32_t>(cpu);
    case ir::DType::kI16:
      return Make<int16_t, int32_t>(cpu);
    case ir::DType::kU8:
      return Make<U8, uint32_t>(cpu);
    case ir::DType::kU16:
      return Make<uint16_t, uint32_t>(cpu);
    case ir::DType::kF16:
      return {&LoadHalves, &StoreHalves, sizeof(Half), sizeof(float), false};
    case ir::DType::kBF16:
      return Make<BFloat16, float>(cpu);
    case ir::DType::kI32:
      return Make<int32_t, int32_t>(cpu);
    case ir::DType::kU32:
      return Make<uint32_t, uint32_t>(cpu);
    case ir::DType::kI64:
      return Make<int64_t, int64_t>(cpu);
    case ir::DType::kU64:
      return Make<uint64_t, uint64_t>(cpu);
    case ir::DType::kF64:
      return Make<double, double>(cpu);
    default:
      return Make<float, float>(cpu);
  }
}

}  // namespace gcomp::kernels
