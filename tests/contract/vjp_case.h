// VjpCase: one op with the gradients that its derivative rule writes, run in a session and compared
// with dual numbers, for tests of rules.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "runtime/engine.h"
#include "tests/reference/reference.h"

namespace gcomp::testing {

// One way to use an op.
struct VjpUse {
  std::vector<bool> groups;  // which operands are given, by group
  ir::AttrDict attrs;
};

// An operand of a case: a tensor, or a literal if `literal` is set (sizes are empty then).
struct VjpOperand {
  reference::Tensor value;
  bool literal = false;
};

// An op with its gradients in a module of its own.
struct VjpCase {
  const ir::OpDef* def;
  DType dtype;
  std::vector<VjpOperand> operands;  // flat
  reference::Tensor cotangent;       // of the result's sizes
  ir::Module module;
  ir::OpId op;
  std::vector<bool> has_gradient;

  const ir::Function& function() const { return *module.functions[0]; }
};

// Fills in the module of `c`; use.groups has as many true entries as there are operands.
Status Build(VjpCase& c, const VjpUse& use, const ir::OpRegistry& registry);

// The gradients that the rule gives, by operand; those it does not give are zeros. Takes the module
// of `c`.
StatusOr<std::vector<reference::Tensor>> RunGradients(VjpCase& c,
                                                      const std::shared_ptr<Engine>& engine);

// Builds and runs `c`, and compares each gradient with the derivative that the reference gives.
// Elements are left out where the op or its derivative is NaN, infinite or beyond half of what the
// dtype holds, and where pow's exponent less one rounds to the exponent under a negative base. The
// first difference is a failure of the test. Returns how many were compared.
//
// A gradient may be off by 32 steps of the dtype, relative to the sum of magnitudes that it is made
// of (some ten operations, of at most 2 units each, that do not cancel), for some ops relative to
// the cotangent too; and by the least normal number, below which intermediate results lose bits.
size_t Check(VjpCase& c, const VjpUse& use, const std::shared_ptr<Engine>& engine);

}  // namespace gcomp::testing
