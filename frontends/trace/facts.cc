#include "frontends/trace/facts.h"

#include <algorithm>

namespace gcomp::internal {

using ir::Expr;
using ir::Interval;

namespace {

Interval RangeIn(const Expr& e, const std::vector<Interval>& ranges) {
  return ir::RangeOf(e, [&](ir::SymId id) {
    return id.index() < ranges.size() ? ranges[id.index()] : Interval{};
  });
}

Facts::Answer Negate(Facts::Answer answer) {
  if (answer == Facts::Answer::kUnknown) return answer;
  return answer == Facts::Answer::kTrue ? Facts::Answer::kFalse : Facts::Answer::kTrue;
}

}  // namespace

void Facts::AddSymbol(Interval range, std::optional<int64_t> example) {
  ranges_.push_back(range);
  examples_.push_back(example);
}

Interval Facts::RangeOf(const Expr& e) const {
  return RangeIn(e, ranges_);
}

bool Facts::HasDataSymbol(const Expr& e) const {
  bool found = false;
  e.ForEachSymbol([&](ir::SymId id) {
    found = found || id.index() >= examples_.size() || !examples_[id.index()].has_value();
  });
  return found;
}

Facts::Answer Facts::ProveIn(const Expr& e, const std::vector<Interval>& ranges) const {
  if (e.is_const()) return e.value() != 0 ? Answer::kTrue : Answer::kFalse;
  if (std::find(known_.begin(), known_.end(), e) != known_.end()) return Answer::kTrue;
  if (std::find(known_.begin(), known_.end(), Expr::Not(e)) != known_.end()) return Answer::kFalse;
  switch (e.kind()) {
    case Expr::Kind::kNot:
      return Negate(ProveIn(e.args()[0], ranges));
    case Expr::Kind::kAnd:
    case Expr::Kind::kOr: {
      const bool is_and = e.kind() == Expr::Kind::kAnd;
      Answer all = is_and ? Answer::kTrue : Answer::kFalse;
      for (const Expr& arg : e.args()) {
        Answer one = ProveIn(arg, ranges);
        if (one == (is_and ? Answer::kFalse : Answer::kTrue)) return one;
        if (one == Answer::kUnknown) all = one;
      }
      return all;
    }
    case Expr::Kind::kEq:
    case Expr::Kind::kNe:
    case Expr::Kind::kLt:
    case Expr::Kind::kLe:
      break;
    default: {
      Interval range = RangeIn(e, ranges);
      if (range.low >= 1) return Answer::kTrue;
      return range.low == 0 && range.high == 0 ? Answer::kFalse : Answer::kUnknown;
    }
  }
  // The difference tells more than the two sides: `u0 < u0 + 1`.
  Interval d = RangeIn(Expr::Sub(e.args()[0], e.args()[1]), ranges);
  const bool below = d.high != Interval::kUnbounded && d.high < 0;  // a < b
  const bool above = d.low > 0;
  const bool at_most = d.high != Interval::kUnbounded && d.high <= 0;
  const bool zero = d.low == 0 && d.high == 0;
  switch (e.kind()) {
    case Expr::Kind::kEq:
      if (zero) return Answer::kTrue;
      return below || above ? Answer::kFalse : Answer::kUnknown;
    case Expr::Kind::kNe:
      if (zero) return Answer::kFalse;
      return below || above ? Answer::kTrue : Answer::kUnknown;
    case Expr::Kind::kLt:
      if (below) return Answer::kTrue;
      return d.low >= 0 ? Answer::kFalse : Answer::kUnknown;
    default:
      if (at_most) return Answer::kTrue;
      return above ? Answer::kFalse : Answer::kUnknown;
  }
}

Facts::Answer Facts::Prove(const Expr& predicate) const {
  return ProveIn(predicate, ranges_);
}

Facts::Answer Facts::ByExample(const Expr& predicate) const {
  std::vector<int64_t> values;
  for (const std::optional<int64_t>& example : examples_) values.push_back(example.value_or(0));
  if (HasDataSymbol(predicate)) return Answer::kUnknown;
  std::optional<int64_t> value = predicate.Evaluate(values);
  if (!value.has_value()) return Answer::kUnknown;
  return *value != 0 ? Answer::kTrue : Answer::kFalse;
}

Facts::Answer Facts::AtLeastTwo(const Expr& predicate) const {
  std::vector<Interval> ranges = ranges_;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (!examples_[i].has_value() && ranges[i].low >= 0) {
      ranges[i].low = std::max<int64_t>(ranges[i].low, 2);
    }
  }
  return ProveIn(predicate, ranges);
}

// Takes a bound on one symbol over.
void Facts::Narrow(const Expr& e) {
  auto symbol = [](const Expr& side) { return side.kind() == Expr::Kind::kSymbol; };
  if (e.args().size() != 2) return;
  const Expr& a = e.args()[0];
  const Expr& b = e.args()[1];
  const int64_t strict = e.kind() == Expr::Kind::kLt ? 1 : 0;
  const bool equal = e.kind() == Expr::Kind::kEq;
  if (!equal && e.kind() != Expr::Kind::kLt && e.kind() != Expr::Kind::kLe) return;
  if (symbol(a) && a.symbol().index() < ranges_.size()) {
    Interval& range = ranges_[a.symbol().index()];
    Interval other = RangeOf(b);
    if (other.high != Interval::kUnbounded) range.high = std::min(range.high, other.high - strict);
    if (equal) range.low = std::max(range.low, other.low);
  }
  if (symbol(b) && b.symbol().index() < ranges_.size()) {
    Interval& range = ranges_[b.symbol().index()];
    Interval other = RangeOf(a);
    if (other.low != INT64_MIN) range.low = std::max(range.low, other.low + strict);
    if (equal && other.high != Interval::kUnbounded) range.high = std::min(range.high, other.high);
  }
}

bool Facts::Learn(const Expr& predicate) {
  if (Prove(predicate) == Answer::kFalse) return false;
  if (predicate.kind() == Expr::Kind::kAnd) {
    return std::all_of(predicate.args().begin(), predicate.args().end(),
                       [&](const Expr& arg) { return Learn(arg); });
  }
  known_.push_back(predicate);
  Narrow(predicate);
  return std::all_of(ranges_.begin(), ranges_.end(), [](const Interval& range) {
    return range.high == Interval::kUnbounded || range.low <= range.high;
  });
}

}  // namespace gcomp::internal
