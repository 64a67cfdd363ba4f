// Effects: what an op may read, write and depend on beyond its operands' values, in one struct that
// every pass asks. The default is a pure op.
#pragma once

#include <cstdint>
#include <string_view>

namespace gcomp::ir {

enum class WriteKind : uint8_t {
  kNone,
  kData,      // elements of an operand change
  kMetadata,  // sizes, strides or offset of an operand change
  kSwap,      // an operand takes over other storage (set_)
  kResize,    // an operand's storage grows or shrinks
  kGlobal,    // the global that the op names is written; no operand is
};

// Ordered effects happen in program order and are never dropped or duplicated.
enum class OrderedKind : uint8_t {
  kNone,
  kIo,     // prints, calls out
  kState,  // reads or writes a global
};

struct Effects {
  // Bit i: operand i's elements are read. Shape-only ops (views) read none.
  uint64_t reads = ~uint64_t{0};
  // Bit i: operand i is written, in the manner of `write`.
  uint64_t writes = 0;
  WriteKind write = WriteKind::kNone;
  // Result r shares storage with operand alias_of[r]; -1 = fresh. Results past the array are fresh.
  int8_t alias_of[4] = {-1, -1, -1, -1};
  bool random = false;  // the value depends on more than the operands
  OrderedKind ordered = OrderedKind::kNone;
  bool host_sync = false;       // the host reads device data
  bool data_dependent = false;  // may define size symbols
  bool checks = false;          // may stop the run: what comes after it relies on that
  // Empty = may be recorded into a replayed graph, else the reason why not.
  std::string_view not_recordable = {};

  // May be removed when unused, merged when equal, moved.
  constexpr bool pure() const {
    return writes == 0 && !random && ordered == OrderedKind::kNone && !host_sync && !checks;
  }

  constexpr bool IsView() const { return alias_of[0] >= 0 && writes == 0; }
};

}  // namespace gcomp::ir
