// Describe: what a frame does, for people: its steps, buffers and addresses.
#pragma once

#include <string>

#include "runtime/frame.h"

namespace gcomp {

// One line per block (its sizes and bytes), then one per step: where its results go and its op.
// What was made for sizes that a run told comes behind.
//
//   @main at s0 = 2: 3 steps, 128 bytes of buffers
//     buffer at 0    %a: f32[2, 4] = mul(%x, 3.0)
//     output 0       %y: f32[2, 4] = exp(%a)
std::string Describe(const Frame& frame);

}  // namespace gcomp
