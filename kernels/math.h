// Elementary functions for `exact` ops, generic in the scalar type, by primitives alone. The eager
// loops, the slow evaluator and every generated kernel run this one text, so they agree bit for
// bit; there is no libm behind it.
//
// Accuracy: at most 2 units in the last place, for every input. The largest errors that
// tests/unit/kernels_math_test.cc measured stand in docs/numerics.md.
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
