// Facts: what a trace knows of its size symbols: ranges, example values, checked predicates.
//
// Internal. Decisions on sizes that inputs bind follow the example and are kept as guards;
// decisions on sizes that data defines need a proof, or the rule that such a size is neither 0
// nor 1. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ir/expr.h"

namespace gcomp::internal {

class Facts {
 public:
  enum class Answer : uint8_t {
    kFalse,
    kTrue,
    kUnknown,
  };

  // Symbols are told in the order of their ids. `example`: its size in the example; nullopt = it
  // comes from data.
  void AddSymbol(ir::Interval range, std::optional<int64_t> example);

  // What holds from here on. False if it contradicts what is known.
  bool Learn(const ir::Expr& predicate);

  // From ranges and predicates alone.
  Answer Prove(const ir::Expr& predicate) const;

  // By the example; kUnknown if a symbol has none.
  Answer ByExample(const ir::Expr& predicate) const;

  // Proves it where every size from data is at least 2.
  Answer AtLeastTwo(const ir::Expr& predicate) const;

  bool HasDataSymbol(const ir::Expr& e) const;

  // What decided so far: predicate, as it came out true.
  const std::vector<ir::Expr>& guards() const { return guards_; }

  void AddGuard(const ir::Expr& predicate) { guards_.push_back(predicate); }

  ir::Interval RangeOf(const ir::Expr& e) const;

 private:
  Answer ProveIn(const ir::Expr& predicate, const std::vector<ir::Interval>& ranges) const;
  void Narrow(const ir::Expr& predicate);

  std::vector<ir::Interval> ranges_;
  std::vector<std::optional<int64_t>> examples_;
  std::vector<ir::Expr> known_;
  std::vector<ir::Expr> guards_;
};

}  // namespace gcomp::internal
