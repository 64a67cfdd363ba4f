// In-place forms: `add_(%x, %y)` computes add(%x, %y), writes it into the storage of %x and gives
// %x back. Every record with OpDef::in_place_form has one, made here of the record itself: same
// operands, attributes, kernel and numbers.
//
// Of a view (transpose_) the storage stays and the handle changes: %x must not be used afterwards.
//
// The operands are read as they were before the op. An operand that shares memory with %x in
// another layout or place (KernelCtx::overlaps) could be overwritten too early; then, and where the
// kernel writes row-major memory only, the result is made in scratch and copied.
#pragma once

#include <string_view>

#include "base/status.h"
#include "ir/kernel.h"
#include "ir/op_def.h"

namespace gcomp::kernels {

// The record of the in-place form. `name`, `doc` and `functional` outlive it.
ir::OpDef InPlaceForm(const ir::OpDef& functional, std::string_view name, std::string_view doc);

// Fails with E504 where elements of the tensor share memory (a stride of 0): no op may write it.
Status CheckWritable(const ir::TensorSpec& spec);

}  // namespace gcomp::kernels
