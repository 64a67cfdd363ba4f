#include "jit/llvm/code_cache.h"

#include <utility>

namespace gcomp::codegen {
namespace {

// Structures that are remembered; past it those without living code go.
constexpr size_t kMaxFamilies = 4096;

}  // namespace

CodeCache::Key CodeCache::KeyOf(const FusedKernel& fused) {
  Key key;
  key.structure = fused.StructureKey();
  fused.ForEachNumber([&](int64_t number) { key.constants.push_back(number); });
  std::lock_guard lock(mutex_);
  DropDead();
  const Family& family =
      families_.try_emplace(key.structure, Family{key.constants, {}, {}}).first->second;
  key.sizes_as_arguments = key.constants != family.first_numbers;
  if (key.sizes_as_arguments) key.constants.clear();
  return key;
}

CodeCache::Entry* CodeCache::EntryOf(Family& family, const Key& key) {
  if (key.sizes_as_arguments) return &family.any_size;
  // A family that was dropped since KeyOf may be back with other numbers.
  return key.constants == family.first_numbers ? &family.first_size : nullptr;
}

KernelCode CodeCache::Find(const Key& key) {
  std::lock_guard lock(mutex_);
  auto family = families_.find(key.structure);
  if (family == families_.end()) return {};
  const Entry* entry = EntryOf(family->second, key);
  return entry == nullptr ? KernelCode() : KernelCode{entry->module.lock(), entry->symbol};
}

void CodeCache::Add(const Key& key, const KernelCode& code) {
  std::lock_guard lock(mutex_);
  auto family = families_.find(key.structure);
  if (family == families_.end()) return;
  Entry* entry = EntryOf(family->second, key);
  if (entry != nullptr) *entry = {code.module, code.symbol};
}

void CodeCache::DropDead() {
  if (families_.size() < kMaxFamilies) return;
  std::erase_if(families_, [](const auto& entry) {
    return entry.second.first_size.module.expired() && entry.second.any_size.module.expired();
  });
}

}  // namespace gcomp::codegen
