// Random numbers from a counter: Philox 4x32-10 (J. K. Salmon, M. A. Moraes, R. O. Dror, D. E.
// Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), and how its words become numbers
// (docs/numerics.md, "Random numbers").
//
// Generic in the scalar type: on native numbers this text is the eager loop, on Sym<T> the lowering
// of the rng ops, so that element i of a draw has the same bits whoever computes it, in whatever
// order. There is no state: a word is a function of key, counter and position.
#pragma once

#include <cstdint>

#include "ir/scalar.h"
#include "kernels/math_internal.h"
#include "kernels/math_log.h"

namespace gcomp::kernels {

// One block: four words. U is u32 of either world.
template <class U>
struct PhiloxBlock {
  U w0, w1, w2, w3;
};

// The block at counter words c (c.w0 is the lowest) under key words k0, k1.
template <class U>
GCOMP_INLINE PhiloxBlock<U> Philox(PhiloxBlock<U> c, U k0, U k1) {
  const U m0 = ir::ConstantOf(k0, uint32_t{0xd2511f53});
  const U m1 = ir::ConstantOf(k0, uint32_t{0xcd9e8d57});
  const U step0 = ir::ConstantOf(k0, uint32_t{0x9e3779b9});
  const U step1 = ir::ConstantOf(k0, uint32_t{0xbb67ae85});
  for (int round = 0; round < 10; ++round) {
    const U high0 = ir::MulHigh(m0, c.w0);
    const U low0 = ir::Mul(m0, c.w0);
    const U high1 = ir::MulHigh(m1, c.w2);
    const U low1 = ir::Mul(m1, c.w2);
    c = {ir::Xor(ir::Xor(high1, c.w1), k0), low1, ir::Xor(ir::Xor(high0, c.w3), k1), low0};
    k0 = ir::Add(k0, step0);
    k1 = ir::Add(k1, step1);
  }
  return c;
}

template <class W>  // u64 of either world
using Word32 = ir::Rebind<W, uint32_t>;

template <class W>
GCOMP_INLINE Word32<W> LowWord(W x) {
  return ir::Convert<uint32_t>(x);
}

template <class W>
GCOMP_INLINE Word32<W> HighWord(W x) {
  return ir::Convert<uint32_t>(ir::Shr(x, ir::Constant(x, 32)));
}

template <class U>
GCOMP_INLINE ir::Rebind<U, uint64_t> JoinWords(U low, U high) {
  auto wide = ir::Convert<uint64_t>(high);
  return ir::Or(ir::Shl(wide, ir::Constant(wide, 32)), ir::Convert<uint64_t>(low));
}

// A key value: u64[2].
template <class W>
struct RngKey {
  W key;
  W counter;
};

// Block `index` of the draw from `from`: at the 128-bit counter from.counter + index.
template <class W>
GCOMP_INLINE PhiloxBlock<Word32<W>> DrawBlock(const RngKey<W>& from, W index) {
  const W at = ir::Add(from.counter, index);
  const auto carry = ir::Convert<uint32_t>(ir::Lt(at, index));
  return Philox<Word32<W>>({LowWord(at), HighWord(at), carry, ir::ConstantOf(at, uint32_t{0})},
                           LowWord(from.key), HighWord(from.key));
}

// The key that rng.fold gives; its counter is 0.
template <class W>
GCOMP_INLINE W FoldKey(const RngKey<W>& from, W i) {
  const auto block =
      Philox<Word32<W>>({LowWord(i), HighWord(i), LowWord(from.counter), HighWord(from.counter)},
                        LowWord(from.key), HighWord(from.key));
  return JoinWords(block.w0, block.w1);
}

// ---- Words to numbers ---------------------------------------------------------------------------

// A multiple of 2^-24 in [0, 1).
template <class U>
GCOMP_INLINE ir::Rebind<U, float> UnitF32(U word) {
  // 24 bits fit i32, which vector units convert.
  auto bits = ir::Bitcast<int32_t>(ir::Shr(word, ir::Constant(word, 8)));
  auto n = ir::Convert<float>(bits);
  return ir::Mul(n, ir::Constant(n, 0x1p-24f));
}

// A multiple of 2^-53 in [0, 1), from 64 bits.
template <class W>
GCOMP_INLINE ir::Rebind<W, double> UnitF64(W bits) {
  auto n = ir::Convert<double>(ir::Bitcast<int64_t>(ir::Shr(bits, ir::Constant(bits, 11))));
  return ir::Mul(n, ir::Constant(n, 0x1p-53));
}

// ---- The normal distribution --------------------------------------------------------------------

template <class S>
struct NormalPair {
  S first;
  S second;
};

namespace philox_internal {

// word as f64, exactly.
template <class U>
GCOMP_INLINE ir::Rebind<U, double> ExactF64(U word) {
  auto half = ir::Xor(word, ir::Constant(word, uint32_t{0x80000000}));
  auto n = ir::Convert<double>(ir::Bitcast<int32_t>(half));
  return ir::Add(n, ir::Constant(n, 0x1p31));
}

// sin(x) and cos(x) for |x| <= pi / 4.
template <class S>
GCOMP_INLINE NormalPair<S> CosSinSmall(S x) {
  using math_internal::Horner;
  const S t = ir::Mul(x, x);
  S p = t;
  S q = t;
  if constexpr (math_internal::kIsF32<S>) {
    // (sin(x) / x - 1) / x^2 and (cos(x) - 1 + x^2 / 2) / x^4 of t = x^2: errors 2e-8, 2e-9.
    p = Horner(t, -0.000195876391f, 0.0083327471f, -0.166666647f);
    q = Horner(t, 0.0000245476898f, -0.00138883019f, 0.0416666647f);
  } else {
    // Errors 2.1e-17, 1.3e-18.
    p = Horner(t, 1.591798897939743326e-10, -2.505112989645018631e-8, 2.755731609319840519e-6,
               -0.000198412698367405321, 0.008333333333330936554, -0.1666666666666666461);
    q = Horner(t, -1.138254464534925044e-11, 2.087614504941317909e-9, -2.755731726587808004e-7,
               0.00002480158729875440117, -0.001388888888888738977, 0.04166666666666666538);
  }
  const S sin = ir::Fma(ir::Mul(x, t), p, x);
  const S half = ir::Mul(t, ir::Constant(t, 0.5));
  const S cos = ir::Add(ir::Sub(ir::Constant(t, 1), half), ir::Mul(ir::Mul(t, t), q));
  return {cos, sin};
}

}  // namespace philox_internal

// cos and sin of 2 pi * turn * 2^-32. The quarter is exact, from the top bits; what is left, a
// signed integer of 30 bits, is the only thing that is multiplied by a rounded pi.
template <class S, class U>
GCOMP_INLINE NormalPair<S> CosSinOfTurn(U turn) {
  using T = ir::NativeOf<S>;
  const U quarter =
      ir::Shr(ir::Add(turn, ir::Constant(turn, uint32_t{1} << 29)), ir::Constant(turn, 30));
  const U rest = ir::Sub(turn, ir::Shl(quarter, ir::Constant(turn, 30)));
  const S n = ir::Convert<T>(ir::Bitcast<int32_t>(rest));
  const S x = ir::Mul(n, ir::Constant(n, static_cast<T>(1.4629180792671596810e-9)));  // 2 pi 2^-32
  const NormalPair<S> small = philox_internal::CosSinSmall(x);
  const U one = ir::Constant(turn, 1);
  const U two = ir::Constant(turn, 2);
  const auto swap = ir::Ne(ir::And(quarter, one), ir::Constant(turn, 0));
  const auto minus_sin = ir::Ne(ir::And(quarter, two), ir::Constant(turn, 0));
  const auto minus_cos = ir::Ne(ir::And(ir::Add(quarter, one), two), ir::Constant(turn, 0));
  const S cos = ir::Select(swap, small.second, small.first);
  const S sin = ir::Select(swap, small.first, small.second);
  return {ir::Select(minus_cos, ir::Neg(cos), cos), ir::Select(minus_sin, ir::Neg(sin), sin)};
}

// Two independent numbers of mean 0 and variance 1 from two words (G. E. P. Box, M. E. Muller, "A
// note on the generation of random normal deviates", 1958).
template <class S, class U>
GCOMP_INLINE NormalPair<S> BoxMuller(U radius, U turn) {
  using T = ir::NativeOf<S>;
  auto exact = philox_internal::ExactF64(radius);
  const S n = ir::Convert<T>(ir::Add(exact, ir::Constant(exact, 1)));  // in [1, 2^32]
  const S u = ir::Mul(n, ir::Constant(n, static_cast<T>(0x1p-32)));
  const S r = ir::Sqrt(ir::Mul(Log(u), ir::Constant(u, -2)));
  const NormalPair<S> direction = CosSinOfTurn<S>(turn);
  return {ir::Mul(r, direction.first), ir::Mul(r, direction.second)};
}

}  // namespace gcomp::kernels
