// ContextState: what a context keeps between calls: its buffers (`mut` weights) and the globals.
//
// Both begin as the module and the weights file say. Ownership: owns their memory.
// Thread safety: one thread at a time.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/session_impl.h"
#include "runtime/tensor.h"

namespace gcomp {

class ContextState {
 public:
  // Copies the buffers of `entry` and makes the globals. Fails with E801, and E511 for a global
  // whose data is named by hash.
  Status Init(const ir::Module& module, const EntryPoint& entry);

  // By position in EntryPoint::buffers().
  const std::vector<Tensor>& buffers() const { return buffers_; }

  // Addresses, by index in the module.
  std::span<void* const> globals() const { return global_data_; }

 private:
  std::vector<Tensor> buffers_;
  std::vector<Tensor> globals_;
  std::vector<void*> global_data_;
};

}  // namespace gcomp
