#include "tools/line_diff.h"

#include <algorithm>
#include <cstdint>

namespace gcomp::tools {
namespace {

using Lines = std::span<const std::string>;

// Appends the script between a[first, a_end) and b[first, b_end).
void DiffMiddle(Lines a, Lines b, size_t first, size_t a_end, size_t b_end,
                std::vector<DiffStep>& steps) {
  size_t n = a_end - first;
  size_t m = b_end - first;
  bool too_large = m != 0 && n > kMaxDiffCells / m;
  // common[i * (m + 1) + j]: length of the longest common subsequence of the rests from i and j.
  std::vector<uint32_t> common(too_large ? 0 : (n + 1) * (m + 1));
  auto at = [&](size_t i, size_t j) -> uint32_t& { return common[i * (m + 1) + j]; };
  for (size_t i = too_large ? 0 : n; i-- > 0;) {
    for (size_t j = m; j-- > 0;) {
      at(i, j) = a[first + i] == b[first + j] ? at(i + 1, j + 1) + 1
                                              : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < n || j < m) {
    if (!too_large && i < n && j < m && a[first + i] == b[first + j]) {
      steps.push_back({DiffStep::Kind::kSame, first + i++, first + j++});
    } else if (i < n && (j == m || too_large || at(i + 1, j) >= at(i, j + 1))) {
      steps.push_back({DiffStep::Kind::kRemoved, first + i++, first + j});
    } else {
      steps.push_back({DiffStep::Kind::kAdded, first + i, first + j++});
    }
  }
}

}  // namespace

std::vector<DiffStep> DiffLines(Lines a, Lines b) {
  size_t first = 0;
  while (first < a.size() && first < b.size() && a[first] == b[first]) ++first;
  size_t a_end = a.size();
  size_t b_end = b.size();
  while (a_end > first && b_end > first && a[a_end - 1] == b[b_end - 1]) {
    --a_end;
    --b_end;
  }
  std::vector<DiffStep> steps;
  for (size_t i = 0; i < first; ++i) steps.push_back({DiffStep::Kind::kSame, i, i});
  DiffMiddle(a, b, first, a_end, b_end, steps);
  for (; a_end < a.size(); ++a_end, ++b_end) {
    steps.push_back({DiffStep::Kind::kSame, a_end, b_end});
  }
  return steps;
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string ShowDiff(std::string_view a_text, std::string_view b_text, std::string_view indent,
                     size_t context) {
  std::vector<std::string> a = SplitLines(a_text);
  std::vector<std::string> b = SplitLines(b_text);
  std::vector<DiffStep> steps = DiffLines(a, b);
  auto differs = [&](size_t i) { return steps[i].kind != DiffStep::Kind::kSame; };
  std::string shown;
  bool left_out = false;
  for (size_t i = 0; i < steps.size(); ++i) {
    bool near = false;
    size_t last = std::min(i + context, steps.size() - 1);
    for (size_t k = i > context ? i - context : 0; k <= last; ++k) near |= differs(k);
    if (!near) {
      left_out = true;
      continue;
    }
    if (left_out) shown.append(indent).append("...\n");
    left_out = false;
    char mark = !differs(i) ? ' ' : steps[i].kind == DiffStep::Kind::kRemoved ? '-' : '+';
    const std::string& line =
        steps[i].kind == DiffStep::Kind::kAdded ? b[steps[i].b] : a[steps[i].a];
    shown.append(indent).append(1, mark).append(line).append("\n");
  }
  return shown;
}

}  // namespace gcomp::tools
