// CodeMemory: where JITLink puts machine code; counts it, and refuses to give more when told so.
#pragma once

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "jit/code.h"

namespace gcomp::codegen {

// Thread safety: as JITLink wants, any threads.
class CodeMemory : public llvm::jitlink::JITLinkMemoryManager {
 public:
  CodeMemory(size_t page_size, CodeBytes* bytes)
      : pages_(page_size), page_size_(page_size), bytes_(bytes) {}

  // While set, every allocation fails.
  void Refuse(bool refuse) { refuse_ = refuse; }

  // Counts what was refused, by us or by the system.
  size_t refused() const { return refused_; }

  // The bytes of all allocations so far, freed ones too.
  size_t added() const { return added_; }

  void allocate(const llvm::jitlink::JITLinkDylib* dylib, llvm::jitlink::LinkGraph& graph,
                OnAllocatedFunction on_allocated) override;
  void deallocate(std::vector<FinalizedAlloc> allocs, OnDeallocatedFunction on_done) override;

 private:
  class InFlight;

  llvm::jitlink::InProcessMemoryManager pages_;
  size_t page_size_;
  CodeBytes* bytes_;
  std::atomic<bool> refuse_ = false;
  std::atomic<size_t> refused_ = 0;
  std::atomic<size_t> added_ = 0;
  std::mutex mutex_;
  std::unordered_map<uint64_t, size_t> sizes_;  // of live allocations, by their address
};

}  // namespace gcomp::codegen
