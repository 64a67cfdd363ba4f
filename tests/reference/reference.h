// The meaning of every op, written a second time: slow, plain, and without a line in common with
// the kernels. Tests ask it what a result must be (random graphs, op contract, derivatives).
//
// A value of any real dtype is one long double: on x86-64 its 64 bits of mantissa hold every i64,
// u64 and f64 exactly. Results are the mathematically right values: integers wrapped in their
// dtype, floats not rounded. What an op's definition says is rounded once is rounded here, as a
// long double would round twice: add, sub, mul, div, sqrt, reciprocal, fma, rem and leaky_relu
// (native in f64, in f32 for the narrower floats), the quotients of quantize and dropout, the
// writes that scatter and index_put combine, draws of random numbers.
//
// Where a function has no derivative, the conventions of docs/numerics.md ("Derivatives") hold.
//
// Cost: no care is taken; meant for tensors of some thousand elements.
// Thread safety: all functions are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "tests/reference/dual.h"

namespace gcomp::reference {

using Number = long double;

struct Tensor {
  ir::DType dtype = ir::DType::kF32;
  std::vector<int64_t> sizes;
  std::vector<Number> data;  // row-major
  // The greatest finite magnitude of a term that was summed into an element, or 0: what a relative
  // tolerance of a sum is relative to.
  Number largest_term = 0;
  // Empty, or per element: true where any value will do, as partial products may leave the range of
  // the dtype, and the order of the factors decides.
  std::vector<bool> undetermined = {};
};

// ---- Evaluation ---------------------------------------------------------------------------------

bool Knows(std::string_view op);
// The same for a record: of a form that writes in place, for the op that it is a form of.
bool Knows(const ir::OpDef& def);

// The results of `op` (of `function`) on operands, by flat index; symbols: the values of the
// function's size symbols. Of an op that writes in place: the value that it writes; machine.h says
// where that is seen. Fails with E510 for ops that it does not know (invoke, globals, ops with such
// in a region), E401 for indices out of range, E504 for operands that do not fit. Of an op with an
// op in a region that has a tolerance, all is undetermined.
StatusOr<std::vector<Tensor>> Evaluate(const ir::Function& function, const ir::Op& op,
                                       std::span<const Tensor> operands,
                                       std::span<const int64_t> symbols);

// The value and derivative of a pointwise op on floats (by flat operand index); nullopt for all
// other ops.
std::optional<Dual> EvaluatePointwise(const ir::Function& function, const ir::Op& op,
                                      std::span<const Dual> operands);

// ---- Numbers ------------------------------------------------------------------------------------

// x as a number of dtype, rounded once: floats to nearest even, integers toward zero and saturated
// (NaN gives 0), bool x != 0.
Number Rounded(ir::DType dtype, Number x);

// The distance of the floats of dtype around x: 2^-23 for f32 at 1.5. Requires a float dtype.
Number UlpAt(ir::DType dtype, Number x);

Number NumberOf(ir::Scalar scalar);
// The scalar of dtype nearest to x, as Rounded.
ir::Scalar ScalarOf(ir::DType dtype, Number x);

// Reads a tensor from memory; data: the address of its element [0, ..., 0].
Tensor Load(const ir::TensorSpec& spec, const void* data);

// ---- Comparison ---------------------------------------------------------------------------------

struct Mismatch {
  int64_t index;     // row-major; -1: dtype or sizes differ
  Number got, want;  // want is rounded to the dtype
  double error_ulp;
};

// The first element of `got` that is not `want` within def's tolerance. Integers, bools, and all
// dtypes where the tolerance is 0, must be equal as bits after rounding `want`, but any NaN equals
// any NaN. Else an element may be off by tolerance.ulp units of its last place, or by
// tolerance.rtol times the greatest finite magnitude in operands, result and summed terms; an
// infinity also stands for what rounds to one within the tolerance.
std::optional<Mismatch> Compare(const ir::OpDef& def, std::span<const Tensor> operands,
                                const Tensor& got, const Tensor& want);

}  // namespace gcomp::reference
