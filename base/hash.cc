#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/format.h"

namespace gcomp {

std::string Hash128::ToString() const {
  return Format("{:016x}{:016x}", high, low);
}

Hash128 Hasher::Digest() const {
  XXH128_hash_t digest = XXH3_128bits(data_.data(), data_.size());
  return {digest.low64, digest.high64};
}

}  // namespace gcomp
