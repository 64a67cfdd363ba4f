// Random modules of functions that call each other, as text, for tests of passes over functions. A
// module depends on its seed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"

namespace gcomp {

// Modules of functions on f32[n, 4]: pointwise ops, wraps, calls of functions made before, repeated
// runs, unused values, equal functions under other names.
class RandomModule {
 public:
  explicit RandomModule(uint64_t seed) : random_(seed) {}

  std::string Make() {
    std::string functions;
    const int count = 2 + Below(5);
    for (int f = 0; f < count; ++f) {
      const uint64_t seed = random_();
      const int arity = 1 + Below(3);
      const int results = 1 + Below(3);
      // Some come twice.
      for (int copy = 0; copy < 1 + (Below(3) == 0 ? 1 : 0); ++copy) {
        const std::string name = Format("f{}_{}", f, copy);
        std::mt19937_64 before = std::exchange(random_, std::mt19937_64(seed));
        functions += "\n" + OneFunction(name, arity, results, false);
        random_ = before;
        made_next_.push_back({name, arity, results});
      }
      made_.insert(made_.end(), made_next_.begin(), made_next_.end());
      made_next_.clear();
    }
    return "gir 1 module @random\n\n" + OneFunction("main", 2, 2, true) + functions;
  }

 private:
  struct Signature {
    std::string name;
    int arity;
    int results;
  };

  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }

  static std::string Types(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += i == 0 ? "f32[n, 4]" : ", f32[n, 4]";
    return text;
  }

  std::string OneFunction(const std::string& name, int arity, int results, bool exported) {
    std::string text = Format("{}func @{}<n{}>(", exported ? "export " : "", name,
                              Below(2) == 0 || exported ? " in [1, 64]" : "");
    values_.clear();
    for (int i = 0; i < arity; ++i) {
      text += Format("{}%p{}: f32[n, 4]", i == 0 ? "" : ", ", i);
      values_.push_back(Format("%p{}", i));
    }
    text += Format(") -> ({}) {{\n", Types(results));
    next_ = 0;
    const int parts = 1 + Below(exported ? 6 : 3);
    for (int i = 0; i < parts; ++i) text += Part("  ");
    text += "  return ";
    for (int i = 0; i < results; ++i) text += (i == 0 ? "" : ", ") + Pick();
    return text + "\n}\n";
  }

  std::string Part(const std::string& indent) {
    switch (Below(5)) {
      case 0:
        return made_.empty() ? Ops(3, indent) : Call(indent);
      case 1:
        return Wrap(indent);
      case 2: {
        // A run of ops that repeats, each on what the one before gave.
        const uint64_t seed = random_();
        std::string text;
        for (int i = 0; i < 6; ++i) {
          std::mt19937_64 before = std::exchange(random_, std::mt19937_64(seed));
          text += Ops(9, indent, true);
          random_ = before;
        }
        return text;
      }
      default:
        return Ops(1 + Below(4), indent);
    }
  }

  std::string Pick() {
    return values_[static_cast<size_t>(Below(static_cast<int>(values_.size())))];
  }

  std::string NewValue() {
    values_.push_back(Format("%v{}", next_++));
    return values_.back();
  }

  // One of the last `reach` values, or any.
  std::string Operand(bool near) {
    if (!near) return Pick();
    const int reach = std::min<int>(2, static_cast<int>(values_.size()));
    return values_[values_.size() - 1 - static_cast<size_t>(Below(reach))];
  }

  std::string Ops(int count, const std::string& indent, bool near = false) {
    static constexpr const char* kUnary[] = {"sin", "neg", "abs", "relu", "tanh"};
    static constexpr const char* kBinary[] = {"add", "sub", "mul", "max"};
    std::string text;
    for (int i = 0; i < count; ++i) {
      std::string op;
      switch (Below(3)) {
        case 0:
          op = Format("{}({})", kUnary[Below(5)], Operand(near));
          break;
        case 1:
          op = Format("mul({}, 0.5)", Operand(near));
          break;
        default: {
          const std::string a = Operand(near);
          op = Format("{}({}, {})", kBinary[Below(4)], a, near ? Operand(true) : Pick());
        }
      }
      text += Format("{}{}: f32[n, 4] = {}\n", indent, NewValue(), op);
    }
    return text;
  }

  std::string Call(const std::string& indent) {
    const Signature callee = made_[static_cast<size_t>(Below(static_cast<int>(made_.size())))];
    std::string args;
    for (int i = 0; i < callee.arity; ++i) args += (i == 0 ? "" : ", ") + Pick();
    std::string results;
    for (int i = 0; i < callee.results; ++i) {
      results += Format("{}{}: f32[n, 4]", i == 0 ? "" : ", ", NewValue());
    }
    return Format("{}{} = invoke @{}({})\n", indent, results, callee.name, args);
  }

  std::string Wrap(const std::string& indent) {
    const std::string a = Pick();
    const std::string b = Pick();
    std::vector<std::string> outer = std::exchange(values_, {"%a", "%b"});
    std::string body = Ops(2, indent + "    ");
    if (indent.size() < 8 && Below(2) == 0) body += Part(indent + "    ");
    const std::string y = Pick();
    const std::string z = Pick();
    values_ = std::move(outer);
    const std::string r = NewValue();
    const std::string s = NewValue();
    const char* keep = Below(4) == 0 ? ", keep = true" : "";
    return Format(
        "{0}{1}: f32[n, 4], {2}: f32[n, 4] = wrap({3}, {4}{5})\n"
        "{0}  body(%a: f32[n, 4], %b: f32[n, 4]) {{\n{6}{0}    yield {7}, {8}\n{0}  }}\n",
        indent, r, s, a, b, keep, body, y, z);
  }

  std::mt19937_64 random_;
  std::vector<std::string> values_;
  int next_ = 0;
  std::vector<Signature> made_;
  std::vector<Signature> made_next_;
};

}  // namespace gcomp
