// Elementary functions for `exact` ops, generic in the scalar type, by primitives alone. The eager
// loops, the slow evaluator and every generated kernel run this one text, so they agree bit for
// bit; there is no libm behind it.
//
// Accuracy: at most 2 units in the last place, for every input. Largest errors measured by
// tests/unit/kernels_math_test.cc (f32: 2^26 bit patterns of all kinds, f64: a million arguments
// against MPFR; see docs/numerics.md):
//
//            f32   f64                 f32   f64                 f32   f64
//   exp      0.94  0.93      asin     1.11  1.06      atanh    0.77  0.70
//   expm1    1.30  1.25      acos     1.07  1.06      erf      1.10  1.75
//   log      0.88  0.78      atan     1.33  1.14      sigmoid  1.49  1.49
//   log1p    1.02  0.80      sinh     1.61  1.51      rsqrt    1.49  1.50
//   log2     1.40  1.49      cosh     1.37  1.31      pow      0.54  0.99
//   sin      0.51  0.74      tanh     1.42  1.35      atan2    1.46  1.40
//   cos      0.51  0.73      asinh    1.05  0.76
//   tan      0.51  1.02      acosh    1.33  0.80
//
// floor, ceil, trunc and fmod are exact, rem rounds once. Special values are those of C Annex F:
// signs of zeros are kept, NaN gives NaN (but pow(x, 0) = pow(1, y) = 1), overflow is inf, and
// results below the normal range are denormals, not 0. Sigmoid has its limits 0 and 1. f16 and bf16
// go through f32.
//
// No branches: every path is computed and selected, so that loops vectorize (not those with fmod).
// f32 stays in f32 where that is enough; sin, cos, tan and pow of f32 go through f64, which costs
// half the lanes and gives about 0.5 ulp.
//
// The polynomials in decimal are our own: Chebyshev interpolation on the interval named beside
// each, with the error that was reported (tests/reference/math_coefficients.py). Each file names
// the source of its method.
#pragma once

#include "kernels/math_arc.h"
#include "kernels/math_error.h"
#include "kernels/math_exp.h"
#include "kernels/math_hyperbolic.h"
#include "kernels/math_log.h"
#include "kernels/math_pow.h"
#include "kernels/math_round.h"
#include "kernels/math_trig.h"
