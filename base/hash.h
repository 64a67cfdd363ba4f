// Hash128: a 128-bit digest of a sequence of words and strings (XXH3, https://xxhash.com).
// Not for security: it finds equal structures, and every hit is confirmed by full comparison.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace gcomp {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;

  auto operator<=>(const Hash128&) const = default;

  // 32 hexadecimal digits.
  std::string ToString() const;
};

// Collects words and strings in order; the same sequence gives the same digest on every machine.
class Hasher {
 public:
  Hasher& Add(uint64_t word) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(word >> (8 * i));
    data_.append(bytes, 8);
    return *this;
  }

  Hasher& Add(std::string_view text) {
    Add(static_cast<uint64_t>(text.size()));
    data_.append(text);
    return *this;
  }

  Hasher& Add(Hash128 digest) { return Add(digest.low).Add(digest.high); }

  Hash128 Digest() const;

 private:
  std::string data_;
};

}  // namespace gcomp
