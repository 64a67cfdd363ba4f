#include "ir/expr.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <utility>

namespace gcomp::ir {
namespace {

using Kind = Expr::Kind;

// Products formed before equal terms are merged: bounds the work of one multiplication.
constexpr size_t kMaxProducts = 4 * Expr::kMaxTerms;

int Sign(std::strong_ordering order) {
  return order < 0 ? -1 : (order > 0 ? 1 : 0);
}

std::optional<int64_t> CheckedAdd(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

std::optional<int64_t> CheckedMul(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

std::optional<int64_t> FloorDivide(int64_t a, int64_t b) {
  if (b == 0 || (a == INT64_MIN && b == -1)) return std::nullopt;
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

std::optional<int64_t> FloorModulo(int64_t a, int64_t b) {
  if (b == 0) return std::nullopt;
  if (b == -1) return 0;  // INT64_MIN % -1 traps
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// ---- A polynomial as terms and an addend; a term as a coefficient and factors
// --------------------

std::span<const Expr> Terms(const Expr& e) {
  if (e.kind() == Kind::kSum) return e.args();
  return e.is_const() ? std::span<const Expr>() : std::span(&e, 1);
}

int64_t Addend(const Expr& e) {
  return e.is_const() || e.kind() == Kind::kSum ? e.scalar() : 0;
}

std::span<const Expr> Factors(const Expr& term) {
  return term.kind() == Kind::kMul ? term.args() : std::span(&term, 1);
}

int64_t Coefficient(const Expr& term) {
  return term.kind() == Kind::kMul ? term.scalar() : 1;
}

int CompareArgs(std::span<const Expr> a, std::span<const Expr> b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    if (int order = Expr::Compare(a[i], b[i]); order != 0) return order;
  }
  return 0;
}

// The order of terms, whatever their coefficients: higher degree first.
int CompareMonomials(const Expr& a, const Expr& b) {
  std::span<const Expr> fa = Factors(a);
  std::span<const Expr> fb = Factors(b);
  if (fa.size() != fb.size()) return fa.size() > fb.size() ? -1 : 1;
  return CompareArgs(fa, fb);
}

bool MonomialLess(const Expr& a, const Expr& b) {
  return CompareMonomials(a, b) < 0;
}

// Numbers last, so that text reads `min(s0, 4)` and `s0 % 2 == 0`.
bool NumbersLast(const Expr& a, const Expr& b) {
  if (a.is_const() != b.is_const()) return b.is_const();
  return Expr::Compare(a, b) < 0;
}

bool IsNumber(const Expr& e) {
  return !e.is_poison() && !e.is_bool();
}

bool IsLogical(const Expr& e) {
  return e.is_bool() || e.IsConst(0) || e.IsConst(1);
}

}  // namespace

// Makes nodes whose parts are canonical already.
class ExprBuilder {
 public:
  // coefficient * product of sorted factors.
  static Expr Term(int64_t coefficient, std::vector<Expr> factors) {
    if (coefficient == 0) return 0;
    if (factors.empty()) return coefficient;
    if (coefficient == 1 && factors.size() == 1) return std::move(factors[0]);
    return Expr::Make(Kind::kMul, coefficient, std::move(factors));
  }

  // The same factors with another coefficient, which is not 0.
  static Expr WithCoefficient(const Expr& term, int64_t coefficient) {
    std::span<const Expr> factors = Factors(term);
    if (coefficient == 1 && factors.size() == 1) return factors[0];
    if (term.kind() != Kind::kMul) return Expr::Make(Kind::kMul, coefficient, {term});
    Expr copy = term;
    copy.value_ = coefficient;
    return copy;
  }

  // The sum of sorted terms with distinct monomials.
  static Expr Sum(std::vector<Expr> terms, int64_t addend) {
    if (terms.empty()) return addend;
    if (terms.size() == 1 && addend == 0) return std::move(terms[0]);
    return Expr::Make(Kind::kSum, addend, std::move(terms));
  }

  // Adds `term` behind sorted terms that it does not precede. False on overflow or poison.
  static bool Append(const Expr& term, std::vector<Expr>* terms) {
    if (term.is_poison()) return false;
    if (terms->empty() || CompareMonomials(terms->back(), term) != 0) {
      terms->push_back(term);
      return true;
    }
    std::optional<int64_t> sum = CheckedAdd(Coefficient(terms->back()), Coefficient(term));
    if (!sum.has_value()) return false;
    if (*sum == 0) {
      terms->pop_back();
    } else {
      terms->back() = WithCoefficient(terms->back(), *sum);
    }
    return true;
  }

  static Expr Scale(const Expr& e, int64_t factor) {
    if (factor == 0) return 0;
    if (factor == 1) return e;
    std::optional<int64_t> addend = CheckedMul(Addend(e), factor);
    if (!addend.has_value()) return Expr::Poison();
    std::vector<Expr> terms;
    terms.reserve(Terms(e).size());
    for (const Expr& term : Terms(e)) {
      std::optional<int64_t> c = CheckedMul(Coefficient(term), factor);
      if (!c.has_value()) return Expr::Poison();
      terms.push_back(WithCoefficient(term, *c));
      if (terms.back().is_poison()) return Expr::Poison();
    }
    return Sum(std::move(terms), *addend);
  }

  // The product of two terms, neither a number.
  static Expr MultiplyTerms(const Expr& a, const Expr& b) {
    std::optional<int64_t> c = CheckedMul(Coefficient(a), Coefficient(b));
    if (!c.has_value()) return Expr::Poison();
    std::vector<Expr> factors;
    factors.reserve(Factors(a).size() + Factors(b).size());
    std::merge(Factors(a).begin(), Factors(a).end(), Factors(b).begin(), Factors(b).end(),
               std::back_inserter(factors),
               [](const Expr& x, const Expr& y) { return Expr::Compare(x, y) < 0; });
    return Term(*c, std::move(factors));
  }

  // `term` / `divisor` if the divisor's factors and coefficient divide it, else nullopt.
  static std::optional<Expr> DivideTerm(const Expr& term, const Expr& divisor) {
    std::optional<int64_t> rest = FloorModulo(Coefficient(term), Coefficient(divisor));
    std::optional<int64_t> c = FloorDivide(Coefficient(term), Coefficient(divisor));
    if (rest != 0 || !c.has_value()) return std::nullopt;
    auto less = [](const Expr& x, const Expr& y) { return Expr::Compare(x, y) < 0; };
    std::span<const Expr> from = Factors(term);
    std::span<const Expr> take = Factors(divisor);
    if (!std::includes(from.begin(), from.end(), take.begin(), take.end(), less)) {
      return std::nullopt;
    }
    std::vector<Expr> factors;
    std::set_difference(from.begin(), from.end(), take.begin(), take.end(),
                        std::back_inserter(factors), less);
    return Term(*c, std::move(factors));
  }

  // a / b if b divides each term of a, else nullopt. b is not 0.
  static std::optional<Expr> DivideExactly(const Expr& a, const Expr& b) {
    if (a.IsConst(0)) return Expr(0);
    if (a == b) return Expr(1);
    if (b.kind() == Kind::kSum) return std::nullopt;
    if (!b.is_const() && Addend(a) != 0) return std::nullopt;
    int64_t addend = 0;
    if (b.is_const()) {
      std::optional<int64_t> quotient = FloorDivide(Addend(a), b.value());
      if (!quotient.has_value() || FloorModulo(Addend(a), b.value()) != 0) return std::nullopt;
      addend = *quotient;
    }
    std::vector<Expr> terms;
    for (const Expr& term : Terms(a)) {
      std::optional<Expr> quotient =
          b.is_const() ? DivideByNumber(term, b.value()) : DivideTerm(term, b);
      if (!quotient.has_value()) return std::nullopt;
      if (quotient->is_const()) {
        // Only one term can become a number, and then the addend is 0.
        addend = quotient->value();
      } else {
        terms.push_back(*std::move(quotient));
      }
    }
    return Sum(std::move(terms), addend);
  }

  // The smaller (kMin) or larger (kMax) of all `args`.
  static Expr Extreme(Kind kind, std::span<const Expr> a, std::span<const Expr> b) {
    std::vector<Expr> kept(a.begin(), a.end());
    for (const Expr& candidate : b) {
      bool dominated = false;
      std::erase_if(kept, [&](const Expr& other) {
        if (dominated || !SameTerms(candidate, other)) return false;
        bool wins = kind == Kind::kMin ? Addend(candidate) < Addend(other)
                                       : Addend(candidate) > Addend(other);
        dominated = !wins;
        return wins;
      });
      if (!dominated) kept.push_back(candidate);
    }
    if (kept.size() == 1) return kept[0];
    std::sort(kept.begin(), kept.end(), NumbersLast);
    return Expr::Make(kind, 0, std::move(kept));
  }

  // All of `a` and those of `b` that are new, in order.
  static Expr Logical(Kind kind, const Expr& a, const Expr& b) {
    auto parts = [kind](const Expr& e) { return e.kind() == kind ? e.args() : std::span(&e, 1); };
    std::vector<Expr> args(parts(a).begin(), parts(a).end());
    for (const Expr& part : parts(b)) {
      if (std::find(args.begin(), args.end(), part) == args.end()) args.push_back(part);
    }
    if (args.size() == 1) return args[0];
    return Expr::Make(kind, 0, std::move(args));
  }

  static Expr Node(Kind kind, const Expr& a, const Expr& b) { return Expr::Make(kind, 0, {a, b}); }

  static Expr Node(Kind kind, const Expr& a) { return Expr::Make(kind, 0, {a}); }

  // True if a - b is a number for sure.
  static bool SameTerms(const Expr& a, const Expr& b) {
    return CompareArgs(Terms(a), Terms(b)) == 0;
  }

 private:
  static std::optional<Expr> DivideByNumber(const Expr& term, int64_t divisor) {
    std::optional<int64_t> c = FloorDivide(Coefficient(term), divisor);
    if (!c.has_value() || FloorModulo(Coefficient(term), divisor) != 0) return std::nullopt;
    return WithCoefficient(term, *c);
  }
};

// ---- Makers -------------------------------------------------------------------------------------

Expr Expr::Make(Kind kind, int64_t value, std::vector<Expr> args) {
  int depth = 0;
  size_t nodes = 1;
  bool poison = args.size() > kMaxTerms;
  for (const Expr& arg : args) {
    if (arg.node_ != nullptr) depth = std::max(depth, arg.node_->depth);
    nodes += arg.node_ == nullptr ? 1 : arg.node_->nodes;
    poison = poison || arg.is_poison();
  }
  if (poison || depth >= kMaxDepth || nodes > kMaxNodes) return Poison();
  Expr e;
  e.node_ = std::make_shared<const Node>(Node{kind, depth + 1, nodes, std::move(args)});
  e.value_ = value;
  return e;
}

Expr Expr::Symbol(SymId id) {
  return Make(Kind::kSymbol, id.index(), {});
}

Expr Expr::Poison() {
  return Make(Kind::kPoison, 0, {});
}

Expr Expr::Add(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  std::optional<int64_t> addend = CheckedAdd(Addend(a), Addend(b));
  if (!addend.has_value()) return Poison();
  if (a.is_const() && b.is_const()) return *addend;
  std::vector<Expr> sorted;
  sorted.reserve(Terms(a).size() + Terms(b).size());
  std::merge(Terms(a).begin(), Terms(a).end(), Terms(b).begin(), Terms(b).end(),
             std::back_inserter(sorted), MonomialLess);
  std::vector<Expr> terms;
  terms.reserve(sorted.size());
  for (const Expr& term : sorted) {
    if (!ExprBuilder::Append(term, &terms)) return Poison();
  }
  return ExprBuilder::Sum(std::move(terms), *addend);
}

Expr Expr::Sub(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  if (a.is_const() && b.is_const()) {
    int64_t r;
    return __builtin_sub_overflow(a.value_, b.value_, &r) ? Poison() : Expr(r);
  }
  return Add(a, ExprBuilder::Scale(b, -1));
}

Expr Expr::Mul(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  if (a.is_const()) return ExprBuilder::Scale(b, a.value_);
  if (b.is_const()) return ExprBuilder::Scale(a, b.value_);
  if (Terms(a).size() * Terms(b).size() > kMaxProducts) return Poison();
  std::optional<int64_t> addend = CheckedMul(Addend(a), Addend(b));
  if (!addend.has_value()) return Poison();
  std::vector<Expr> products;
  products.reserve((Terms(a).size() + 1) * (Terms(b).size() + 1));
  for (const Expr& x : Terms(a)) {
    for (const Expr& y : Terms(b)) products.push_back(ExprBuilder::MultiplyTerms(x, y));
  }
  auto scale = [&products](const Expr& e, int64_t factor) {
    if (factor == 0) return;
    for (const Expr& term : Terms(e)) products.push_back(ExprBuilder::Scale(term, factor));
  };
  scale(a, Addend(b));
  scale(b, Addend(a));
  std::sort(products.begin(), products.end(), MonomialLess);
  std::vector<Expr> terms;
  for (const Expr& term : products) {
    if (!ExprBuilder::Append(term, &terms)) return Poison();
  }
  return ExprBuilder::Sum(std::move(terms), *addend);
}

Expr Expr::FloorDiv(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b) || b.IsConst(0)) return Poison();
  if (a.is_const() && b.is_const()) {
    std::optional<int64_t> quotient = FloorDivide(a.value_, b.value_);
    return quotient.has_value() ? Expr(*quotient) : Poison();
  }
  if (b.IsConst(1)) return a;
  if (b.IsConst(-1)) return ExprBuilder::Scale(a, -1);
  if (std::optional<Expr> quotient = ExprBuilder::DivideExactly(a, b)) return *std::move(quotient);
  return ExprBuilder::Node(Kind::kFloorDiv, a, b);
}

Expr Expr::Mod(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b) || b.IsConst(0)) return Poison();
  if (b.IsConst(1) || b.IsConst(-1)) return 0;
  if (a.is_const() && b.is_const()) return *FloorModulo(a.value_, b.value_);
  if (ExprBuilder::DivideExactly(a, b).has_value()) return 0;
  return ExprBuilder::Node(Kind::kMod, a, b);
}

Expr Expr::Min(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  return ExprBuilder::Extreme(Kind::kMin, a.kind() == Kind::kMin ? a.args() : std::span(&a, 1),
                              b.kind() == Kind::kMin ? b.args() : std::span(&b, 1));
}

Expr Expr::Max(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  return ExprBuilder::Extreme(Kind::kMax, a.kind() == Kind::kMax ? a.args() : std::span(&a, 1),
                              b.kind() == Kind::kMax ? b.args() : std::span(&b, 1));
}

Expr Expr::Eq(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  if (ExprBuilder::SameTerms(a, b)) return Addend(a) == Addend(b) ? 1 : 0;
  return NumbersLast(b, a) ? ExprBuilder::Node(Kind::kEq, b, a)
                           : ExprBuilder::Node(Kind::kEq, a, b);
}

Expr Expr::Ne(const Expr& a, const Expr& b) {
  return Not(Eq(a, b));
}

Expr Expr::Lt(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  if (ExprBuilder::SameTerms(a, b)) return Addend(a) < Addend(b) ? 1 : 0;
  return ExprBuilder::Node(Kind::kLt, a, b);
}

Expr Expr::Le(const Expr& a, const Expr& b) {
  if (!IsNumber(a) || !IsNumber(b)) return Poison();
  if (ExprBuilder::SameTerms(a, b)) return Addend(a) <= Addend(b) ? 1 : 0;
  return ExprBuilder::Node(Kind::kLe, a, b);
}

Expr Expr::And(const Expr& a, const Expr& b) {
  if (!IsLogical(a) || !IsLogical(b)) return Poison();
  if (a.IsConst(0) || b.IsConst(1)) return a;
  if (b.IsConst(0) || a.IsConst(1)) return b;
  return ExprBuilder::Logical(Kind::kAnd, a, b);
}

Expr Expr::Or(const Expr& a, const Expr& b) {
  if (!IsLogical(a) || !IsLogical(b)) return Poison();
  if (a.IsConst(1) || b.IsConst(0)) return a;
  if (b.IsConst(1) || a.IsConst(0)) return b;
  return ExprBuilder::Logical(Kind::kOr, a, b);
}

Expr Expr::Not(const Expr& a) {
  if (!IsLogical(a)) return Poison();
  if (a.is_const()) return 1 - a.value_;
  std::span<const Expr> args = a.args();
  switch (a.kind()) {
    case Kind::kEq:
      return ExprBuilder::Node(Kind::kNe, args[0], args[1]);
    case Kind::kNe:
      return ExprBuilder::Node(Kind::kEq, args[0], args[1]);
    case Kind::kLt:
      return ExprBuilder::Node(Kind::kLe, args[1], args[0]);
    case Kind::kLe:
      return ExprBuilder::Node(Kind::kLt, args[1], args[0]);
    case Kind::kNot:
      return args[0];
    default:
      return ExprBuilder::Node(Kind::kNot, a);
  }
}

int Expr::Compare(const Expr& a, const Expr& b) {
  if (a.node_ == b.node_) return Sign(a.value_ <=> b.value_);
  if (a.kind() != b.kind()) return a.kind() < b.kind() ? -1 : 1;
  if (a.value_ != b.value_) return Sign(a.value_ <=> b.value_);
  return CompareArgs(a.args(), b.args());
}

// ---- Values -------------------------------------------------------------------------------------

namespace {

std::optional<int64_t> EvaluateSum(const Expr& e, std::span<const int64_t> values) {
  // Wide, so that only the sum as a whole can overflow: at most kMaxTerms numbers of 64 bits.
  __int128 sum = e.scalar();
  for (const Expr& term : e.args()) {
    std::optional<int64_t> value = term.Evaluate(values);
    if (!value.has_value()) return std::nullopt;
    sum += *value;
  }
  if (sum < INT64_MIN || sum > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(sum);
}

std::optional<int64_t> EvaluateProduct(const Expr& e, std::span<const int64_t> values) {
  std::optional<int64_t> product = e.scalar();
  bool zero = false;
  for (const Expr& factor : e.args()) {
    std::optional<int64_t> value = factor.Evaluate(values);
    if (!value.has_value()) return std::nullopt;
    zero = zero || *value == 0;
    if (product.has_value()) product = CheckedMul(*product, *value);
  }
  return zero ? 0 : product;  // an overflow on the way to 0 is none
}

std::optional<int64_t> EvaluateExtreme(const Expr& e, std::span<const int64_t> values) {
  std::optional<int64_t> best;
  for (const Expr& arg : e.args()) {
    std::optional<int64_t> value = arg.Evaluate(values);
    if (!value.has_value()) return std::nullopt;
    bool better = !best.has_value() || (e.kind() == Kind::kMin ? *value < *best : *value > *best);
    if (better) best = value;
  }
  return best;
}

std::optional<int64_t> EvaluateLogical(const Expr& e, std::span<const int64_t> values) {
  const int64_t decides = e.kind() == Kind::kOr ? 1 : 0;
  for (const Expr& arg : e.args()) {
    std::optional<int64_t> value = arg.Evaluate(values);
    if (!value.has_value() || *value == decides) return value;
  }
  return 1 - decides;
}

std::optional<int64_t> ApplyBinary(Kind kind, int64_t a, int64_t b) {
  switch (kind) {
    case Kind::kFloorDiv:
      return FloorDivide(a, b);
    case Kind::kMod:
      return FloorModulo(a, b);
    case Kind::kEq:
      return a == b;
    case Kind::kNe:
      return a != b;
    case Kind::kLt:
      return a < b;
    case Kind::kLe:
      return a <= b;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<int64_t> Expr::Evaluate(std::span<const int64_t> values) const {
  switch (kind()) {
    case Kind::kConst:
      return value_;
    case Kind::kPoison:
      return std::nullopt;
    case Kind::kSymbol: {
      auto index = static_cast<size_t>(value_);
      return index < values.size() ? std::optional(values[index]) : std::nullopt;
    }
    case Kind::kMin:
    case Kind::kMax:
      return EvaluateExtreme(*this, values);
    case Kind::kMul:
      return EvaluateProduct(*this, values);
    case Kind::kSum:
      return EvaluateSum(*this, values);
    case Kind::kAnd:
    case Kind::kOr:
      return EvaluateLogical(*this, values);
    case Kind::kNot: {
      std::optional<int64_t> value = args()[0].Evaluate(values);
      return value.has_value() ? std::optional<int64_t>(*value == 0) : std::nullopt;
    }
    default:
      break;
  }
  std::optional<int64_t> a = args()[0].Evaluate(values);
  std::optional<int64_t> b = args()[1].Evaluate(values);
  if (!a.has_value() || !b.has_value()) return std::nullopt;
  return ApplyBinary(kind(), *a, *b);
}

Expr Expr::Substitute(const std::function<Expr(SymId)>& replace) const {
  auto arg = [&](size_t i) { return args()[i].Substitute(replace); };
  auto fold = [&](Expr start, size_t first, Expr (*combine)(const Expr&, const Expr&)) {
    for (size_t i = first; i < args().size(); ++i) start = combine(start, arg(i));
    return start;
  };
  switch (kind()) {
    case Kind::kConst:
    case Kind::kPoison:
      return *this;
    case Kind::kSymbol:
      return replace(symbol());
    case Kind::kFloorDiv:
      return FloorDiv(arg(0), arg(1));
    case Kind::kMod:
      return Mod(arg(0), arg(1));
    case Kind::kMin:
      return fold(arg(0), 1, Min);
    case Kind::kMax:
      return fold(arg(0), 1, Max);
    case Kind::kMul:
      return fold(value_, 0, Mul);
    case Kind::kSum:
      return fold(value_, 0, Add);
    case Kind::kEq:
      return Eq(arg(0), arg(1));
    case Kind::kNe:
      return Ne(arg(0), arg(1));
    case Kind::kLt:
      return Lt(arg(0), arg(1));
    case Kind::kLe:
      return Le(arg(0), arg(1));
    case Kind::kAnd:
      return fold(arg(0), 1, And);
    case Kind::kOr:
      return fold(arg(0), 1, Or);
    case Kind::kNot:
      return Not(arg(0));
  }
  return Poison();
}

void Expr::ForEachSymbol(const std::function<void(SymId)>& visit) const {
  if (kind() == Kind::kSymbol) visit(symbol());
  for (const Expr& arg : args()) arg.ForEachSymbol(visit);
}

// ---- Text ---------------------------------------------------------------------------------------

namespace {

// How tightly the text of an expression binds, as in the grammar.
enum Level {
  kLevelOr,
  kLevelAnd,
  kLevelNot,
  kLevelCompare,
  kLevelSum,
  kLevelProduct,
  kLevelUnary,
  kLevelAtom
};

class ExprPrinter {
 public:
  explicit ExprPrinter(const std::function<std::string(SymId)>& name) : name_(name) {}

  // Writes `e`, in parentheses if it binds less tightly than `level`.
  void Print(const Expr& e, Level level) {
    bool parentheses = LevelOf(e) < level;
    if (parentheses) text_ += '(';
    PrintBare(e);
    if (parentheses) text_ += ')';
  }

  std::string Take() { return std::move(text_); }

 private:
  static Level LevelOf(const Expr& e) {
    switch (e.kind()) {
      case Kind::kConst:
        return e.value() < 0 ? kLevelUnary : kLevelAtom;
      case Kind::kMul:
        if (e.scalar() == -1 && e.args().size() == 1) return kLevelUnary;
        return kLevelProduct;
      case Kind::kFloorDiv:
      case Kind::kMod:
        return kLevelProduct;
      case Kind::kSum:
        return kLevelSum;
      case Kind::kEq:
      case Kind::kNe:
      case Kind::kLt:
      case Kind::kLe:
        return kLevelCompare;
      case Kind::kAnd:
        return kLevelAnd;
      case Kind::kOr:
        return kLevelOr;
      case Kind::kNot:
        return kLevelNot;
      default:
        return kLevelAtom;
    }
  }

  void PrintBare(const Expr& e) {
    switch (e.kind()) {
      case Kind::kConst:
        text_ += std::to_string(e.value());
        break;
      case Kind::kPoison:
        text_ += "<overflow>";
        break;
      case Kind::kSymbol:
        text_ += name_(e.symbol());
        break;
      case Kind::kFloorDiv:
        PrintList(e, " / ", kLevelProduct, kLevelUnary);
        break;
      case Kind::kMod:
        PrintList(e, " % ", kLevelProduct, kLevelUnary);
        break;
      case Kind::kMin:
        PrintCall("min(", e);
        break;
      case Kind::kMax:
        PrintCall("max(", e);
        break;
      case Kind::kMul:
        PrintTerm(e.scalar(), e);
        break;
      case Kind::kSum:
        PrintSum(e);
        break;
      case Kind::kEq:
        PrintList(e, " == ", kLevelSum, kLevelSum);
        break;
      case Kind::kNe:
        PrintList(e, " != ", kLevelSum, kLevelSum);
        break;
      case Kind::kLt:
        PrintList(e, " < ", kLevelSum, kLevelSum);
        break;
      case Kind::kLe:
        PrintList(e, " <= ", kLevelSum, kLevelSum);
        break;
      case Kind::kAnd:
        PrintList(e, " and ", kLevelNot, kLevelNot);
        break;
      case Kind::kOr:
        PrintList(e, " or ", kLevelAnd, kLevelAnd);
        break;
      case Kind::kNot:
        text_ += "not ";
        Print(e.args()[0], kLevelCompare);
        break;
    }
  }

  void PrintList(const Expr& e, std::string_view separator, Level first, Level others) {
    for (size_t i = 0; i < e.args().size(); ++i) {
      if (i > 0) text_ += separator;
      Print(e.args()[i], i == 0 ? first : others);
    }
  }

  void PrintCall(std::string_view function, const Expr& e) {
    text_ += function;
    PrintList(e, ", ", kLevelOr, kLevelOr);
    text_ += ')';
  }

  // The factors of `term` with another coefficient. A factor that is a quotient needs no
  // parentheses in front: `s0 / 2 * s1`; but `-s0 / 2` and `2 * s0 / 2` would mean something else.
  void PrintTerm(int64_t coefficient, const Expr& term) {
    if (coefficient == -1) {
      text_ += '-';
    } else if (coefficient != 1) {
      text_ += std::to_string(coefficient) + " * ";
    }
    bool first = true;
    for (const Expr& factor : Factors(term)) {
      if (!first) text_ += " * ";
      Print(factor, first && coefficient == 1 ? kLevelProduct : kLevelUnary);
      first = false;
    }
  }

  void PrintSum(const Expr& e) {
    bool first = true;
    for (const Expr& term : e.args()) {
      int64_t coefficient = Coefficient(term);
      if (first) {
        PrintTerm(coefficient, term);
      } else if (Negatable(coefficient)) {
        text_ += " - ";
        PrintTerm(-coefficient, term);
      } else {
        text_ += " + ";
        PrintTerm(coefficient, term);
      }
      first = false;
    }
    int64_t addend = e.scalar();
    if (addend == 0) return;
    text_ += Negatable(addend) ? " - " : " + ";
    text_ += std::to_string(Negatable(addend) ? -addend : addend);
  }

  static bool Negatable(int64_t value) { return value < 0 && value != INT64_MIN; }

  const std::function<std::string(SymId)>& name_;
  std::string text_;
};

}  // namespace

std::string Expr::ToString(const std::function<std::string(SymId)>& name) const {
  if (is_const()) return std::to_string(value_);
  ExprPrinter printer(name);
  printer.Print(*this, kLevelOr);
  return printer.Take();
}

// ---- Intervals ----------------------------------------------------------------------------------

namespace {

// Bounds in 128 bits with infinities, so that one operation on them is exact.
using Wide = __int128;
constexpr Wide kInfinity = Wide{1} << 126;

struct WideInterval {
  Wide low;
  Wide high;
};

constexpr Interval kAnything = {INT64_MIN, Interval::kUnbounded};

WideInterval Widen(Interval i) {
  return {i.low == INT64_MIN ? -kInfinity : Wide{i.low},
          i.high == Interval::kUnbounded ? kInfinity : Wide{i.high}};
}

int64_t Clamp(Wide value) {
  return static_cast<int64_t>(std::clamp<Wide>(value, INT64_MIN, INT64_MAX));
}

Interval Narrow(WideInterval i) {
  return {Clamp(i.low), Clamp(i.high)};
}

Wide AddBounds(Wide a, Wide b, Wide infinity) {
  bool infinite = a == kInfinity || a == -kInfinity || b == kInfinity || b == -kInfinity;
  return infinite ? infinity : a + b;
}

Wide MulBounds(Wide a, Wide b) {
  if (a == 0 || b == 0) return 0;
  bool infinite = a == kInfinity || a == -kInfinity || b == kInfinity || b == -kInfinity;
  if (infinite) return (a < 0) == (b < 0) ? kInfinity : -kInfinity;
  return a * b;
}

// Floor of a / b. The limit for an infinite divisor; where both are infinite the other corners of
// the intervals give the extremes.
Wide DivBounds(Wide a, Wide b) {
  if (b == kInfinity || b == -kInfinity) return a == 0 || (a < 0) == (b < 0) ? 0 : -1;
  if (a == kInfinity || a == -kInfinity) return (a < 0) == (b < 0) ? kInfinity : -kInfinity;
  Wide q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

// The interval spanned by `op` on the corners: all extremes of an op monotone in each argument.
Interval Corners(Interval a, Interval b, Wide (*op)(Wide, Wide)) {
  WideInterval x = Widen(a);
  WideInterval y = Widen(b);
  Wide corners[] = {op(x.low, y.low), op(x.low, y.high), op(x.high, y.low), op(x.high, y.high)};
  return Narrow({*std::min_element(std::begin(corners), std::end(corners)),
                 *std::max_element(std::begin(corners), std::end(corners))});
}

Interval AddIntervals(Interval a, Interval b) {
  WideInterval x = Widen(a);
  WideInterval y = Widen(b);
  return Narrow({AddBounds(x.low, y.low, -kInfinity), AddBounds(x.high, y.high, kInfinity)});
}

// A divisor is not 0 where the quotient is defined.
Interval WithoutZero(Interval i) {
  if (i.low == 0) i.low = 1;
  if (i.high == 0) i.high = -1;
  return i;
}

Interval DivIntervals(Interval a, Interval b) {
  b = WithoutZero(b);
  if (b.low > b.high) return kAnything;
  if (b.low > 0 || b.high < 0) return Corners(a, b, DivBounds);
  // Of both signs: no quotient is farther from 0 than a.
  Interval positive = Corners(a, {1, b.high}, DivBounds);
  Interval negative = Corners(a, {b.low, -1}, DivBounds);
  return {std::min(positive.low, negative.low), std::max(positive.high, negative.high)};
}

Interval ModIntervals(Interval a, Interval b) {
  b = WithoutZero(b);
  if (b.low > b.high) return kAnything;
  if (b.low > 0 && a.low >= 0 && a.high < b.low) return a;
  Interval r = {0, 0};
  if (b.low < 0) r.low = b.low == INT64_MIN ? INT64_MIN : b.low + 1;
  if (b.high > 0) r.high = b.high == Interval::kUnbounded ? b.high : b.high - 1;
  if (b.low > 0 && a.low >= 0) r.high = std::min(r.high, a.high);
  return r;
}

Interval RangeOfComparison(const Expr& e, const std::function<Interval(SymId)>& ranges) {
  Expr difference = Expr::Sub(e.args()[0], e.args()[1]);
  if (difference.is_poison()) return {0, 1};
  Interval d = RangeOf(difference, ranges);
  bool always = false;
  bool never = false;
  switch (e.kind()) {
    case Kind::kEq:
      always = d.low == 0 && d.high == 0;
      never = d.low > 0 || d.high < 0;
      break;
    case Kind::kNe:
      always = d.low > 0 || d.high < 0;
      never = d.low == 0 && d.high == 0;
      break;
    case Kind::kLt:
      always = d.high < 0;
      never = d.low >= 0;
      break;
    default:
      always = d.high <= 0;
      never = d.low > 0;
      break;
  }
  return {always ? 1 : 0, never ? 0 : 1};
}

}  // namespace

Interval RangeOf(const Expr& e, const std::function<Interval(SymId)>& ranges) {
  auto arg = [&](size_t i) { return RangeOf(e.args()[i], ranges); };
  switch (e.kind()) {
    case Kind::kConst:
      return {e.value(), e.value()};
    case Kind::kPoison:
      return kAnything;
    case Kind::kSymbol:
      return ranges(e.symbol());
    case Kind::kFloorDiv:
      return DivIntervals(arg(0), arg(1));
    case Kind::kMod:
      return ModIntervals(arg(0), arg(1));
    case Kind::kNot: {
      Interval a = arg(0);
      return {1 - a.high, 1 - a.low};
    }
    case Kind::kEq:
    case Kind::kNe:
    case Kind::kLt:
    case Kind::kLe:
      return RangeOfComparison(e, ranges);
    default:
      break;
  }
  bool summed = e.kind() == Kind::kSum || e.kind() == Kind::kMul;
  Interval r = summed ? Interval{e.scalar(), e.scalar()} : arg(0);
  for (size_t i = summed ? 0 : 1; i < e.args().size(); ++i) {
    Interval a = arg(i);
    switch (e.kind()) {
      case Kind::kSum:
        r = AddIntervals(r, a);
        break;
      case Kind::kMul:
        r = Corners(r, a, MulBounds);
        break;
      case Kind::kMin:
      case Kind::kAnd:
        r = {std::min(r.low, a.low), std::min(r.high, a.high)};
        break;
      default:
        r = {std::max(r.low, a.low), std::max(r.high, a.high)};
        break;
    }
  }
  return r;
}

}  // namespace gcomp::ir
