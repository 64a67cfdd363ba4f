// Id: a 32-bit index into a table of its owner, of a type of its own so that ids can't be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace gcomp {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;

  constexpr explicit Id(uint32_t index) : index_(index) {}

  constexpr explicit Id(size_t index) : index_(static_cast<uint32_t>(index)) {}

  constexpr uint32_t index() const { return index_; }

  constexpr bool valid() const { return index_ != kNone; }

  constexpr auto operator<=>(const Id&) const = default;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t index_ = kNone;
};

}  // namespace gcomp

template <class Tag>
struct std::hash<gcomp::Id<Tag>> {
  size_t operator()(gcomp::Id<Tag> id) const noexcept { return id.index(); }
};
