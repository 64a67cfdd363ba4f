// Literals of test files: values of arguments and results, as in `[[1, 2], [3, nan]]`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/literal.h"
#include "ir/module.h"
#include "runtime/tensor.h"

namespace gcomp::filetest {

// A value as written, before a type gives it its bits.
//   3   -0.5   nan   bits(0x7fc00001)   true       one number
//   [[1, 2], [3, 4]]                               nested lists
//   empty[0, 3]                                    no elements
//   iota[4]   splat(0.5)[2, 3]   random(7)[2, 3]   made; sizes may be left out where the type has
//   them
struct Literal {
  enum class Kind : uint8_t { kNumber, kList, kEmpty, kIota, kSplat, kRandom };
  Kind kind = Kind::kNumber;
  ir::Number number;                          // kNumber, kSplat
  std::vector<Literal> items;                 // kList
  uint64_t seed = 0;                          // kRandom
  std::optional<std::vector<int64_t>> sizes;  // written after the word
};

// Reads literals out of one line. The text outlives the literals.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  StatusOr<Literal> Read();

  // A size or a count.
  StatusOr<uint64_t> ReadUnsigned();

  // Skips blanks; then, if `token` stands here, skips it and returns true.
  bool Take(std::string_view token);
  // A word of letters, digits, `_`, `.` and `-`; empty if none stands here.
  std::string_view TakeWord();
  bool AtEnd();
  // What is left, after blanks.
  std::string_view Rest();
  // Where it stands, for messages: "column 7: what".
  Status Fail(std::string_view what);

 private:
  StatusOr<Literal> ReadList(int depth);
  StatusOr<Literal> ReadMade(std::string_view word);
  StatusOr<ir::Number> ReadNumber();
  StatusOr<std::vector<int64_t>> ReadSizes();
  void SkipBlanks();

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

// Sizes of symbols of a function, as far as they are known.
using SymbolValues = std::vector<std::optional<int64_t>>;

// The tensor of `type` that `literal` stands for. Sizes of the literal bind symbols that have no
// value yet. Fails with E504 where they do not agree, or where the literal leaves a size open.
StatusOr<Tensor> MakeTensor(const Literal& literal, const ir::Type& type, SymbolValues& symbols);

// The sizes of `type` where all symbols have values, else E503.
StatusOr<std::vector<int64_t>> SizesOf(const ir::Type& type, const SymbolValues& symbols);

}  // namespace gcomp::filetest
