#include "kernels/einsum_equation.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/format.h"

namespace gcomp::kernels {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// One side of a comma or of the arrow, as it is written.
struct Subscript {
  std::string letters;  // without "..."
  size_t at = 0;        // its first character in the equation
  bool has_ellipsis = false;
  size_t ellipsis_at = 0;  // the number of letters before "..."

  // With the labels of `ellipsis` dims for "...".
  Labels WithEllipsis(size_t ellipsis) const {
    Labels labels(letters.begin(), letters.end());
    for (size_t i = 0; has_ellipsis && i < ellipsis; ++i) {
      labels.insert(labels.begin() + static_cast<std::ptrdiff_t>(ellipsis_at),
                    kFirstEllipsisLabel + static_cast<Label>(i));
    }
    return labels;
  }
};

struct Equation {
  std::vector<Subscript> inputs;
  Subscript output;
};

// Reads an equation. Linear in its length.
class EquationParser {
 public:
  explicit EquationParser(std::string_view text) : text_(text) {}

  StatusOr<Equation> Parse() {
    Equation equation;
    do {
      GCOMP_ASSIGN_OR_RETURN(Subscript input, ReadSubscript());
      equation.inputs.push_back(std::move(input));
    } while (Take(","));
    const bool has_arrow = Take("->");
    if (has_arrow) {
      GCOMP_ASSIGN_OR_RETURN(equation.output, ReadSubscript());
    }
    if (at_ != text_.size()) {
      return Fail(at_, Format("'{}' is no letter, comma, \"...\" or \"->\"", text_[at_]));
    }
    if (has_arrow) {
      GCOMP_RETURN_IF_ERROR(CheckOutput(equation));
    } else {
      ImplyOutput(equation);
    }
    return equation;
  }

 private:
  void SkipBlanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool Take(std::string_view token) {
    SkipBlanks();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  StatusOr<Subscript> ReadSubscript() {
    Subscript subscript;
    SkipBlanks();
    subscript.at = at_;
    for (;; SkipBlanks()) {
      const size_t at = at_;
      if (Take("...")) {
        if (subscript.has_ellipsis) return Fail(at, "a second \"...\" of one operand");
        subscript.has_ellipsis = true;
        subscript.ellipsis_at = subscript.letters.size();
      } else if (at_ < text_.size() && IsLetter(text_[at_])) {
        subscript.letters += text_[at_++];
      } else {
        return subscript;
      }
    }
  }

  Status CheckOutput(const Equation& equation) const {
    const Subscript& output = equation.output;
    bool has_ellipsis = false;
    std::string letters;
    for (const Subscript& input : equation.inputs) {
      letters += input.letters;
      has_ellipsis = has_ellipsis || input.has_ellipsis;
    }
    for (size_t i = 0; i < output.letters.size(); ++i) {
      const char letter = output.letters[i];
      if (letters.find(letter) == std::string::npos) {
        return Fail(output.at, Format("letter '{}' of the result is in no operand", letter));
      }
      if (output.letters.find(letter) != i) {
        return Fail(output.at, Format("letter '{}' is twice in the result", letter));
      }
    }
    if (output.has_ellipsis != has_ellipsis) {
      return Fail(output.at, has_ellipsis ? "operands have \"...\", so the result must have it"
                                          : "the result has \"...\", but no operand does");
    }
    return {};
  }

  // No arrow: "...", then the letters that occur once, in alphabetical order.
  static void ImplyOutput(Equation& equation) {
    std::array<size_t, 128> uses = {};  // letters are ASCII
    for (const Subscript& input : equation.inputs) {
      for (char letter : input.letters) ++uses[static_cast<size_t>(letter)];
      equation.output.has_ellipsis = equation.output.has_ellipsis || input.has_ellipsis;
    }
    for (size_t letter = 0; letter < uses.size(); ++letter) {
      if (uses[letter] == 1) equation.output.letters += static_cast<char>(letter);
    }
  }

  Status Fail(size_t at, std::string_view what) const {
    return Status(ErrorId::E508,
                  Format("einsum: equation \"{}\", character {}: {}", text_, at + 1, what));
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

StatusOr<Contraction> ParseEinsum(std::string_view text, const std::vector<size_t>& ranks) {
  GCOMP_ASSIGN_OR_RETURN(const Equation equation, EquationParser(text).Parse());
  if (equation.inputs.size() != ranks.size()) {
    return Status(ErrorId::E508, Format("einsum: equation \"{}\" is about {} operands, found {}",
                                        text, equation.inputs.size(), ranks.size()));
  }
  Contraction contraction;
  size_t most = 0;
  for (size_t i = 0; i < equation.inputs.size(); ++i) {
    const Subscript& input = equation.inputs[i];
    const size_t letters = input.letters.size();
    if (ranks[i] < letters || (ranks[i] > letters && !input.has_ellipsis)) {
      return Status(
          ErrorId::E508,
          Format("einsum: equation \"{}\", character {}: {} letters for operand {}, which "
                 "has rank {}",
                 text, input.at + 1, letters, i, ranks[i]));
    }
    contraction.inputs.push_back(input.WithEllipsis(ranks[i] - letters));
    if (input.has_ellipsis) most = std::max(most, ranks[i] - letters);
  }
  contraction.output = equation.output.WithEllipsis(most);
  return contraction;
}

}  // namespace gcomp::kernels
