// SymInt and SymBool: sizes and facts about sizes, as host code sees them while a graph is traced.
//
// A SymInt is a number, or an expression over size symbols of the trace that is in progress. With
// numbers alone all is computed at once, so the same model code runs inside and outside of a trace.
//
// `if (n > 4)` on a symbolic n asks the trace: sizes that the graph's inputs bind are decided by
// the example and become a guard; sizes that come from data are decided from facts (`check`) and
// else by the rule "not 0, not 1", or the trace fails with E402.
//
// Thread safety: values; used on the thread of their trace.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>

#include "ir/expr.h"

namespace gcomp {

class SymBool;

class SymInt {
 public:
  SymInt() = default;  // 0

  template <std::integral T>

  requires(!std::same_as<T, bool>) SymInt(T value)
      : expr_(static_cast<int64_t>(value)) {}  // NOLINT(google-explicit-constructor)

  explicit SymInt(ir::Expr expr) : expr_(std::move(expr)) {}

  bool is_const() const { return expr_.is_const(); }

  // The number; nullopt if it depends on a symbol.
  std::optional<int64_t> value() const {
    return is_const() ? std::optional(expr_.value()) : std::nullopt;
  }

  const ir::Expr& expr() const { return expr_; }

  // In the names of the trace in progress.
  std::string ToString() const;

  friend SymInt operator+(const SymInt& a, const SymInt& b) {
    return SymInt(ir::Expr::Add(a.expr_, b.expr_));
  }

  friend SymInt operator-(const SymInt& a, const SymInt& b) {
    return SymInt(ir::Expr::Sub(a.expr_, b.expr_));
  }

  friend SymInt operator*(const SymInt& a, const SymInt& b) {
    return SymInt(ir::Expr::Mul(a.expr_, b.expr_));
  }

  // Rounds down, as sizes in the IR do.
  friend SymInt operator/(const SymInt& a, const SymInt& b) {
    return SymInt(ir::Expr::FloorDiv(a.expr_, b.expr_));
  }

  friend SymInt operator%(const SymInt& a, const SymInt& b) {
    return SymInt(ir::Expr::Mod(a.expr_, b.expr_));
  }

  friend SymInt operator-(const SymInt& a) { return SymInt(0) - a; }

  friend SymBool operator==(const SymInt& a, const SymInt& b);
  friend SymBool operator!=(const SymInt& a, const SymInt& b);
  friend SymBool operator<(const SymInt& a, const SymInt& b);
  friend SymBool operator<=(const SymInt& a, const SymInt& b);
  friend SymBool operator>(const SymInt& a, const SymInt& b);
  friend SymBool operator>=(const SymInt& a, const SymInt& b);

 private:
  ir::Expr expr_;
};

class SymBool {
 public:
  SymBool(bool value) : expr_(value ? 1 : 0) {}  // NOLINT(google-explicit-constructor)

  explicit SymBool(ir::Expr expr) : expr_(std::move(expr)) {}

  bool is_const() const { return expr_.is_const(); }

  const ir::Expr& expr() const { return expr_; }

  // Decides now, as the head of this file tells. After a failure the answer is false.
  explicit operator bool() const;

  friend SymBool operator&&(const SymBool& a, const SymBool& b) {
    return SymBool(ir::Expr::And(a.expr_, b.expr_));
  }

  friend SymBool operator||(const SymBool& a, const SymBool& b) {
    return SymBool(ir::Expr::Or(a.expr_, b.expr_));
  }

  friend SymBool operator!(const SymBool& a) { return SymBool(ir::Expr::Not(a.expr_)); }

 private:
  ir::Expr expr_;
};

inline SymBool operator==(const SymInt& a, const SymInt& b) {
  return SymBool(ir::Expr::Eq(a.expr_, b.expr_));
}

inline SymBool operator!=(const SymInt& a, const SymInt& b) {
  return SymBool(ir::Expr::Ne(a.expr_, b.expr_));
}

inline SymBool operator<(const SymInt& a, const SymInt& b) {
  return SymBool(ir::Expr::Lt(a.expr_, b.expr_));
}

inline SymBool operator<=(const SymInt& a, const SymInt& b) {
  return SymBool(ir::Expr::Le(a.expr_, b.expr_));
}

inline SymBool operator>(const SymInt& a, const SymInt& b) {
  return b < a;
}

inline SymBool operator>=(const SymInt& a, const SymInt& b) {
  return b <= a;
}

}  // namespace gcomp
