// erf. See kernels/math.h.
#pragma once

#include "kernels/math_exp.h"
#include "kernels/math_internal.h"

namespace gcomp::kernels {

// The error function 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x: an odd polynomial below 1,
// else 1 - e^q(|x|) with q the logarithm of erfc. Error: below 2 ulp.
template <class S>
GCOMP_INLINE S Erf(S x) {
  using T = ir::NativeOf<S>;
  using math_internal::Horner;
  S a = ir::Abs(x);
  S t = ir::Mul(a, a);
  S p = ir::Constant(x, T{0});
  S q = ir::Constant(x, T{0});
  if constexpr (math_internal::kIsF32<S>) {
    // erf(sqrt t) / sqrt t - 1 on [0, 1.001], error 1.2e-9.
    p = Horner(t, 0.0000787258276223484561f, -0.000801595618970626455f, 0.00518899422421701595f,
               -0.0268541683355871042f, 0.112835938005972237f, -0.376126265976830510f,
               0.128379165840061867f);
    // log erfc on [1, 4], error 1.7e-8; erf rounds to 1 above.
    S b = ir::Select(ir::Lt(ir::Constant(x, 4.0f), a), ir::Constant(x, 4.0f), a);
    q = Horner(b, 0.00000163715141459364356f, -0.0000460580426891897792f, 0.000596805625660779706f,
               -0.00475959629326626465f, 0.0264211360056638967f, -0.110080082948820247f,
               -0.631826051559163014f, -1.13023343484199403f, 0.000320138049677698837f);
  } else {
    // The same on [0, 1.001], error 2.2e-21.
    p = Horner(t, -4.22901170898919761033e-12, 8.70783494894994939234e-11,
               -1.21642256548178638337e-9, 1.47923474994139079107e-8, -1.63646366048021706425e-7,
               0.0000016462045054724142774, -0.0000149256475490758866276,
               0.000120553329022883811581, -0.000854832702192177352853, 0.00522397762542311664178,
               -0.0268661706451298258151, 0.112837916709551201717, -0.376126389031837523775,
               0.128379167095512573894);
    // log erfc about 1.75 on [1, 2.5], error 4.2e-17, and about 4.25 on [2.5, 6], error 2e-14 where
    // erfc is below 4.1e-4; erf rounds to 1 above.
    S b = ir::Select(ir::Lt(ir::Constant(x, 6.0), a), ir::Constant(x, 6.0), a);
    S u = ir::Sub(b, ir::Constant(x, 1.75));
    S v = ir::Sub(b, ir::Constant(x, 4.25));
    S near = Horner(u, -3.39604109807197871e-10, 4.92078132659054698e-10, 2.85465236165622726e-9,
                    -2.33098492186518047e-8, 1.13111705267767919e-7, -4.01816975153937024e-7,
                    8.90858891412201366e-7, 8.27489756372102475e-7, -0.0000237414629197117458,
                    0.000174523068805368116, -0.000964098649019436229, 0.00462493049857739777,
                    -0.0205388403816389593, -0.909940166496728529, -3.95961090081341541,
                    -4.3178635254332227);
    S far = Horner(v, 2.78862879137653141e-13, -9.98162820840364582e-13, -2.84750132105650159e-12,
                   4.79792160205698498e-11, -4.67859965284530279e-10, 4.04213490847317338e-9,
                   -3.15472473372594709e-8, 2.30210191067567956e-7, -1.60672989279560229e-6,
                   0.0000108792413464155979, -0.000072379835769029133, 0.000480528760429556817,
                   -0.00326374427918750292, -0.976084576397464871, -8.72377571552193431,
                   -20.107769901469693);
    q = ir::Select(ir::Lt(b, ir::Constant(x, 2.5)), near, far);
  }
  S one = ir::Constant(x, T{1});
  S small = ir::Fma(a, p, a);
  S big = ir::Sub(one, Exp(q));
  return math_internal::WithSign(ir::Select(ir::Lt(a, one), small, big), x);
}

}  // namespace gcomp::kernels
