// CodeCache: which machine code serves a fused kernel, by structure.
//
// The first numbers (sizes, strides) of a structure are compiled as constants; from the second ones
// on they are arguments, and one code serves all. Code lives while a kernel uses its module.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jit/fused_kernel.h"
#include "jit/llvm/compile_kernels.h"

namespace gcomp::codegen {

// Thread safety: may be used from any thread. Threads that miss the same code at the same time each
// compile it; what is added last serves those who come after.
class CodeCache {
 public:
  struct Key {
    std::string structure;
    std::vector<int64_t> constants;  // the numbers, unless they are arguments
    bool sizes_as_arguments = false;

    auto operator<=>(const Key&) const = default;
  };

  Key KeyOf(const FusedKernel& fused);

  // Its module is null if there is none.
  KernelCode Find(const Key& key);

  void Add(const Key& key, const KernelCode& code);

 private:
  struct Entry {
    std::weak_ptr<const LoadedCode> module;
    std::string symbol;
  };

  struct Family {
    std::vector<int64_t> first_numbers;
    Entry first_size;
    Entry any_size;
  };

  // The one of `family` that the key means, or null.
  static Entry* EntryOf(Family& family, const Key& key);
  void DropDead();

  std::mutex mutex_;
  std::map<std::string, Family> families_;  // guarded by mutex_
};

}  // namespace gcomp::codegen
