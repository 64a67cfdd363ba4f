// The equation of einsum: "bij,jk->bik", read once and fitted to the ranks of the operands.
//
//   equation  = subscript { "," subscript } [ "->" subscript ] ;
//   subscript = { letter | "..." } ;                 blanks anywhere, "..." at most once
//
// Without an arrow the result has "...", then the letters that occur once, in alphabetical order.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace gcomp::kernels {

// What a dim is called: a letter, or kFirstEllipsisLabel + its place, counted from the last, among
// the dims of "...".
using Label = int;
using Labels = std::vector<Label>;
inline constexpr Label kFirstEllipsisLabel = 256;

// A label per dim. Those of the result are distinct and each is in an operand; those of "..." are
// all in the result.
struct Contraction {
  std::vector<Labels> inputs;
  Labels output;
};

// Fails with E508, naming the character of the equation, where it is not well formed or does not
// fit operands of these ranks. Linear in its length.
StatusOr<Contraction> ParseEinsum(std::string_view equation, const std::vector<size_t>& ranks);

}  // namespace gcomp::kernels
