// Expr: a size known as a number or as an expression over size symbols, in canonical form.
//
// A dimension of a tensor is an Expr: `4`, `s0`, `2 * s0 + 1`, `s0 / 2` (floor). Facts about sizes
// (`sym.check`) are Exprs too: `u0 < s0 and s0 % 2 == 0`. Makers bring each expression into one
// canonical form (a sum of products with integer coefficients, sorted), so that equal polynomials
// are equal objects structurally and `==` proves equality of sizes.
//
// Arithmetic is 64-bit. What overflows, or divides by zero, becomes the poison Expr, which swallows
// all further arithmetic; who makes an Expr from text or shapes checks `is_poison()` and reports
// E503. A division is simplified as one that is defined: `s0 * s1 / s1` is `s0`. Expressions are
// bounded: past kMaxTerms terms, kMaxDepth levels or kMaxNodes nodes they become poison as well.
// Arithmetic on booleans and logic on anything but booleans and the numbers 0 and 1 are poison too.
//
// Ownership: immutable and shared by reference count; a constant holds no heap memory.
// Thread safety: immutable values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"

namespace gcomp::ir {

using SymId = Id<struct SymTag>;

class Expr {
 public:
  enum class Kind : uint8_t {
    kConst,
    kPoison,
    kSymbol,
    kFloorDiv,  // args: a, b
    kMod,       // args: a, b; the sign of the divisor, as floor division asks
    kMin,       // args: 2 or more, sorted, a number last
    kMax,
    kMul,  // value = coefficient (not 0), args = factors, sorted, at least one
    kSum,  // value = constant addend, args = two or more terms or one term and value != 0
    // Boolean from here on; a value is 0 or 1.
    kEq,
    kNe,
    kLt,
    kLe,   // `>` and `>=` swap their sides
    kAnd,  // args: 2 or more in the order written; the first that decides ends the evaluation
    kOr,
    kNot,
  };

  static constexpr size_t kMaxTerms = 256;
  static constexpr int kMaxDepth = 64;
  static constexpr size_t kMaxNodes = 4096;  // written out as a tree, so it bounds every traversal

  constexpr Expr() = default;  // 0

  constexpr Expr(int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor)

  static Expr Symbol(SymId id);
  static Expr Poison();

  static Expr Add(const Expr& a, const Expr& b);
  static Expr Sub(const Expr& a, const Expr& b);
  static Expr Mul(const Expr& a, const Expr& b);
  static Expr FloorDiv(const Expr& a, const Expr& b);
  static Expr Mod(const Expr& a, const Expr& b);
  static Expr Min(const Expr& a, const Expr& b);
  static Expr Max(const Expr& a, const Expr& b);
  static Expr Eq(const Expr& a, const Expr& b);
  static Expr Ne(const Expr& a, const Expr& b);
  static Expr Lt(const Expr& a, const Expr& b);
  static Expr Le(const Expr& a, const Expr& b);
  static Expr And(const Expr& a, const Expr& b);
  static Expr Or(const Expr& a, const Expr& b);
  static Expr Not(const Expr& a);

  Kind kind() const { return node_ == nullptr ? Kind::kConst : node_->kind; }

  bool is_const() const { return node_ == nullptr; }

  bool is_poison() const { return kind() == Kind::kPoison; }

  bool is_bool() const { return kind() >= Kind::kEq; }

  bool IsConst(int64_t value) const { return is_const() && value_ == value; }

  // The number. Requires is_const().
  int64_t value() const { return value_; }

  // Requires kind() == kSymbol.
  SymId symbol() const { return SymId(static_cast<uint32_t>(value_)); }

  std::span<const Expr> args() const {
    return node_ == nullptr ? std::span<const Expr>() : std::span<const Expr>(node_->args);
  }

  // Coefficient of kMul, addend of kSum.
  int64_t scalar() const { return value_; }

  // Structural order and equality: by kind, value, arguments. Symbols order by id.
  friend bool operator==(const Expr& a, const Expr& b) { return Compare(a, b) == 0; }

  static int Compare(const Expr& a, const Expr& b);

  // The number that this expression has when symbol i has values[i]; nullopt when a symbol has no
  // value, on overflow and on division by zero. What an `and` or `or` need not look at is not
  // evaluated.
  std::optional<int64_t> Evaluate(std::span<const int64_t> values) const;

  // This expression with each symbol replaced by what `replace` returns for it.
  Expr Substitute(const std::function<Expr(SymId)>& replace) const;

  // Calls `visit` for each occurrence of a symbol.
  void ForEachSymbol(const std::function<void(SymId)>& visit) const;

  // Canonical text with minimal parentheses; `name` gives the spelling of a symbol.
  std::string ToString(const std::function<std::string(SymId)>& name) const;

 private:
  struct Node {
    Kind kind;
    int depth;
    size_t nodes;
    std::vector<Expr> args;
  };

  static Expr Make(Kind kind, int64_t value, std::vector<Expr> args);
  friend class ExprBuilder;

  std::shared_ptr<const Node> node_;  // null = constant
  int64_t value_ = 0;
};

// A closed interval of sizes; kUnbounded as `high` means no upper bound.
struct Interval {
  static constexpr int64_t kUnbounded = INT64_MAX;
  int64_t low = 0;
  int64_t high = kUnbounded;

  bool operator==(const Interval&) const = default;
};

// An interval that holds every value of `e` when symbol i lies in ranges(i). Sound, not always
// tight. A lower bound of INT64_MIN means none.
Interval RangeOf(const Expr& e, const std::function<Interval(SymId)>& ranges);

}  // namespace gcomp::ir
