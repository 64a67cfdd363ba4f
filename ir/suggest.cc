#include "ir/suggest.h"

#include <algorithm>
#include <array>

#include "base/format.h"

namespace gcomp::ir {
namespace {

constexpr size_t kMaxLength = 40;

// Levenshtein's distance (insert, delete, replace), one row at a time.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::array<size_t, kMaxLength + 1> row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

// One slip in three letters, two in up to nine.
Suggestion::Suggestion(std::string_view wanted)
    : wanted_(wanted), best_distance_(2 + (wanted.size() > 3 ? 1 : 0) + wanted.size() / 10) {}

void Suggestion::Consider(std::string_view name) {
  if (wanted_.size() > kMaxLength || name.size() > kMaxLength || name.empty()) return;
  size_t shorter = std::min(name.size(), wanted_.size());
  size_t longer = std::max(name.size(), wanted_.size());
  if (longer - shorter >= best_distance_) return;
  size_t distance = EditDistance(wanted_, name);
  // A name that shares nothing with the wanted one is no help: `%a` for `%x`.
  if (distance >= longer) return;
  if (distance < best_distance_) {
    best_distance_ = distance;
    best_ = name;
  }
}

std::string Suggestion::Text(std::string_view sigil) const {
  if (best_.empty()) return {};
  return Format("; did you mean `{}{}`?", sigil, best_);
}

}  // namespace gcomp::ir
