// DescribePlan: what each step of a specialization costs and where its data are, for people.
#pragma once

#include <string>

#include "runtime/frame.h"

namespace gcomp {

// For each block its bytes of buffers (all of them, and the most that are in use at one step); one
// line per step: its kernel, bytes read and written, operations on scalars (`-`: a library's, or an
// op that runs others), and the buffers that it writes, with their offset and the last step that
// reads them; then why neighbors are not one kernel, by reason.
//
//   plan of @main at s0 = 2: 2 steps, 64 bytes of buffers, at most 32 in use
//     step 0   fused: mul, exp  reads 64 B, writes 32 B, 168 operations; %h at 0 (32 B) until 1
//     step 1   matmul           reads 96 B, writes 64 B, -; %y to output 0
//     not fused: matmul: no loops: ...
//       %h = exp, %y = matmul
std::string DescribePlan(const Specialization& code);

// Of the frame's own specialization, then of those for sizes that a run told.
std::string DescribePlan(const Frame& frame);

}  // namespace gcomp
