// Numbers of the text, and the dtype that a literal operand takes (docs/spec/ir.md rule 10).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "ir/scalar_value.h"

namespace gcomp::ir {

// A number as written: it gets its bits when the dtype is known.
struct Number {
  enum class Kind : uint8_t { kInt, kFloat, kInfinity, kNan, kBits, kBool };
  Kind kind = Kind::kInt;
  bool negative = false;
  uint64_t magnitude = 0;  // kInt; the bits of kBits; 0 or 1 of kBool
  std::string_view text;   // kFloat: the digits, without the sign
  Span span;

  // As it stands in the text, for messages.
  std::string ToString() const;
};

// The scalar of `dtype` that `number` stands for: integers and booleans exactly, floats rounded to
// nearest even. Fails with E504 where there is none: a fraction or an overflow of an integer dtype,
// a finite number past the largest of a float dtype, a number for bool, bits that are too many.
StatusOr<Scalar> ScalarOf(const Number& number, DType dtype);

// The dtype of a literal that stands in operand group `group` of `op`: the only one that the schema
// allows there, else that of the first tensor operand whose schema allows the same dtypes, else
// that of the first tensor operand that the schema leaves a choice and whose dtype may stand here.
// Where all operands are literals and no region or callee takes them (full), the result's dtype
// stands. nullopt: nothing fixes it. Literals themselves fix nothing.
std::optional<DType> LiteralDType(const Function& function, const Op& op, size_t group);

}  // namespace gcomp::ir
