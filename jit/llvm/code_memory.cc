#include "jit/llvm/code_memory.h"

#include <llvm/ExecutionEngine/JITLink/JITLink.h>

#include <memory>
#include <utility>

namespace gcomp::codegen {

namespace jitlink = llvm::jitlink;

// Notes the size of an allocation once it is final; until then JITLink may abandon it.
class CodeMemory::InFlight : public jitlink::JITLinkMemoryManager::InFlightAlloc {
 public:
  InFlight(CodeMemory* memory, size_t bytes, std::unique_ptr<InFlightAlloc> alloc)
      : memory_(memory), bytes_(bytes), alloc_(std::move(alloc)) {}

  void abandon(OnAbandonedFunction on_abandoned) override {
    alloc_->abandon(std::move(on_abandoned));
  }

  void finalize(OnFinalizedFunction on_finalized) override {
    // JITLink may destroy this object inside the callback.
    alloc_->finalize([memory = memory_, bytes = bytes_, on_finalized = std::move(on_finalized)](
                         llvm::Expected<FinalizedAlloc> alloc) mutable {
      if (alloc) {
        std::lock_guard lock(memory->mutex_);
        memory->sizes_[alloc->getAddress().getValue()] = bytes;
        memory->bytes_->Add(bytes);
        memory->added_ += bytes;
      }
      on_finalized(std::move(alloc));
    });
  }

 private:
  CodeMemory* memory_;
  size_t bytes_;
  std::unique_ptr<InFlightAlloc> alloc_;
};

void CodeMemory::allocate(const jitlink::JITLinkDylib* dylib, jitlink::LinkGraph& graph,
                          OnAllocatedFunction on_allocated) {
  auto sizes = jitlink::BasicLayout(graph).getContiguousPageBasedLayoutSizes(page_size_);
  if (!sizes) return on_allocated(sizes.takeError());
  if (refuse_) {
    ++refused_;
    return on_allocated(llvm::make_error<jitlink::JITLinkError>("memory is refused"));
  }
  // Sections that only linking needs are freed by then.
  size_t bytes = sizes->StandardSegs;
  pages_.allocate(dylib, graph,
                  [this, bytes, on_allocated = std::move(on_allocated)](AllocResult alloc) mutable {
                    if (!alloc) {
                      ++refused_;
                      return on_allocated(std::move(alloc));
                    }
                    on_allocated(std::make_unique<InFlight>(this, bytes, std::move(*alloc)));
                  });
}

void CodeMemory::deallocate(std::vector<FinalizedAlloc> allocs, OnDeallocatedFunction on_done) {
  {
    std::lock_guard lock(mutex_);
    for (const FinalizedAlloc& alloc : allocs) {
      auto found = sizes_.find(alloc.getAddress().getValue());
      bytes_->Remove(found->second);
      sizes_.erase(found);
    }
  }
  pages_.deallocate(std::move(allocs), std::move(on_done));
}

}  // namespace gcomp::codegen
