// Tiles: short dense runs of elements in the type that loops compute in.
//
// Loops (pointwise, reductions, norms) are written for dense arrays of the seven compute types.
// What is not dense or not of such a type (strided and broadcast operands, i8, u8, i16, u16, f16,
// bf16) is copied into a tile on the stack and back, by the functions here. They are the one place
// that knows how elements of narrow dtypes are widened and rounded:
//   - i8, i16 widen to i32 and u8, u16 to u32; storing keeps the low bits;
//   - f16, bf16 widen to f32 exactly; storing rounds to nearest even, NaN stays NaN (quiet),
//   denormals
//     are kept.
// A bool is a byte: any non-zero byte is true when it is read, and 1 when it is written.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/cpu.h"
#include "ir/dtype.h"
#include "ir/scalar.h"

namespace gcomp::kernels {

// Elements per tile: four operands and a result of 8 bytes stay within half of a 48 KiB L1.
inline constexpr int64_t kTile = 512;

// How an element of scalar type S lies in a tile.
template <class S>
using TileOf = std::conditional_t<std::is_same_v<S, bool>, uint8_t, S>;

template <class S>
GCOMP_INLINE S FromTile(TileOf<S> value) {
  if constexpr (std::is_same_v<S, bool>) {
    return value != 0;
  } else {
    return value;
  }
}

template <class S>
GCOMP_INLINE TileOf<S> ToTile(S value) {
  return static_cast<TileOf<S>>(value);
}

// Copies n elements at `src`, `stride_bytes` apart, into a tile.
using LoadFn = void (*)(const void* src, int64_t stride_bytes, int64_t n, void* tile);
// Copies a tile of n elements to `dst`, `stride_bytes` apart.
using StoreFn = void (*)(const void* tile, int64_t n, void* dst, int64_t stride_bytes);

// How elements of one dtype get into tiles and back.
struct TileIo {
  LoadFn load = nullptr;
  StoreFn store = nullptr;
  int64_t bytes = 0;       // of an element in memory
  int64_t tile_bytes = 0;  // of an element in a tile
  bool direct = false;     // dense elements in memory are a tile already
};

// Requires a real dtype.
TileIo TileIoOf(ir::DType dtype, CpuLevel cpu);

// Calls f(S{}) with the native compute type of `dtype`.
template <class F>
auto WithComputeType(ir::DType dtype, F f) {
  switch (ir::ComputeTypeOf(dtype)) {
    case ir::DType::kBool:
      return f(bool{});
    case ir::DType::kI32:
      return f(int32_t{});
    case ir::DType::kU32:
      return f(uint32_t{});
    case ir::DType::kI64:
      return f(int64_t{});
    case ir::DType::kU64:
      return f(uint64_t{});
    case ir::DType::kF64:
      return f(double{});
    default:
      return f(float{});
  }
}

}  // namespace gcomp::kernels
