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
//     output 1       %z: f32[2, 4] = fused: add, tanh
std::string Describe(const Frame& frame);

// " at s0 = 2": the sizes that the block of a specialization is for; empty where it is run by
// another block.
std::string SizesOf(const Specialization& code, const BlockCode& block);

}  // namespace gcomp
