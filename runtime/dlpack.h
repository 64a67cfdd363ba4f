// DLPack in and out without a copy: tensors of other libraries (NumPy, PyTorch, JAX ...) as
// gcomp's, and back. https://dmlc.github.io/dlpack/latest/
//
// Lifetime: both sides share one block of memory, which lives until the last Tensor and the last
// DLManagedTensor of it are gone. Versions: DLPack has no counter of writes. gcomp's own writes
// raise Storage::version(); who writes through an exported tensor calls Storage::BumpVersion() if
// somebody relies on it.
// Devices: the CPU's memory, pinned memory of CUDA included. Dtypes: all of gcomp's but the f8
// types; bool is code 6 (DLPack 0.8), and is exported as such.
#pragma once

#include "base/status.h"
#include "runtime/tensor.h"

struct DLManagedTensor;  // <dlpack/dlpack.h>

namespace gcomp {

// Takes `tensor` over: its deleter runs when the last Tensor goes, on the thread that lets it go.
// Fails with E702, and leaves `tensor` to the caller, for null, other devices, dtypes or lanes,
// negative strides, or a misaligned address.
StatusOr<Tensor> FromDlpack(DLManagedTensor* tensor);

// A DLManagedTensor that keeps the storage of `tensor` alive until its deleter is called, by
// whoever takes it, once, on any thread. Fails with E702 for an undefined tensor, E801.
StatusOr<DLManagedTensor*> ToDlpack(const Tensor& tensor);

}  // namespace gcomp
