// Elementary functions as a person would write them for speed alone: f32, AVX-512 intrinsics, fused
// multiply-adds wherever they fit, 2-5 ulp, no care for denormals and special values, and for sin
// no argument above 1e5. The limit that benches hold beside gcomp's own.
#pragma once

#include <immintrin.h>

// False alarms of g++ 12 on its own intrinsics, where they are inlined (GCC bug 105593): off for the
// rest of the files that include this.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

namespace gcomp::bench {

#define GCOMP_HAND \
  [[gnu::target("arch=x86-64-v4,prefer-vector-width=512"), gnu::always_inline]] inline

template <class... C>
GCOMP_HAND __m512 Polynomial(__m512 x, float first, C... rest) {
  __m512 sum = _mm512_set1_ps(first);
  ((sum = _mm512_fmadd_ps(sum, x, _mm512_set1_ps(rest))), ...);
  return sum;
}

GCOMP_HAND __m512 HandExpOf(__m512 x) {
  __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 8);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0.693147182f), x);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(1.90465421e-9f), r);
  __m512 p =
      Polynomial(r, 0.00139261761f, 0.00836317307f, 0.0416665547f, 0.16666577f, 0.5f, 1.0f, 1.0f);
  return _mm512_scalef_ps(p, n);
}

struct HandExp {
  GCOMP_HAND __m512 operator()(__m512 x) const { return HandExpOf(x); }
};

struct HandSigmoid {
  GCOMP_HAND __m512 operator()(__m512 x) const {
    __m512 one = _mm512_set1_ps(1.0f);
    __m512 e = HandExpOf(_mm512_sub_ps(_mm512_setzero_ps(), x));
    return _mm512_div_ps(one, _mm512_add_ps(one, e));
  }
};

// tanh by a polynomial below 0.625 and by the exponential above.
struct HandTanh {
  GCOMP_HAND __m512 operator()(__m512 x) const {
    __m512 one = _mm512_set1_ps(1.0f);
    __m512 a = _mm512_abs_ps(x);
    __m512 t = _mm512_mul_ps(x, x);
    __m512 p = Polynomial(t, -0.00570498872745e0f, 0.0206390887954e0f, -0.0537397155531e0f,
                          0.133314422036e0f, -0.333332819422e0f);
    __m512 small = _mm512_fmadd_ps(_mm512_mul_ps(p, t), x, x);
    __m512 e = HandExpOf(_mm512_add_ps(a, a));
    __m512 big = _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2.0f), _mm512_add_ps(e, one)));
    big = _mm512_or_ps(big, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, _mm512_set1_ps(0.625f), _CMP_LT_OQ), big,
                                small);
  }
};

struct HandLog {
  GCOMP_HAND __m512 operator()(__m512 x) const {
    __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
    __m512 k = _mm512_getexp_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.33333334f)));
    __m512 f = _mm512_sub_ps(m, _mm512_set1_ps(1.0f));
    __m512 p = Polynomial(f, 0.042871978f, -0.0956134001f, 0.116806818f, -0.126393111f, 0.14268306f,
                          -0.166608175f, 0.200001409f, -0.250000567f, 0.333333331f, -0.5f);
    p = _mm512_fmadd_ps(_mm512_mul_ps(f, f), p, f);
    return _mm512_fmadd_ps(k, _mm512_set1_ps(0.693147182f), p);
  }
};

struct HandSin {
  GCOMP_HAND __m512 operator()(__m512 x) const {
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.318309886f)), 8);
    __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-3.14159274f), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(8.74227766e-8f), r);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(3.4302216e-15f), r);
    __m512 t = _mm512_mul_ps(r, r);
    __m512 p = Polynomial(t, -2.38889859e-8f, 2.75255616e-6f, -1.98408743e-4f, 8.33333079e-3f,
                          -0.16666667f);
    __m512 s = _mm512_fmadd_ps(_mm512_mul_ps(p, t), r, r);
    __m512i sign = _mm512_slli_epi32(_mm512_cvtps_epi32(n), 31);
    return _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(s), sign));
  }
};

}  // namespace gcomp::bench
