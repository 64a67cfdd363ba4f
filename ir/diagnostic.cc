#include "ir/diagnostic.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "base/format.h"

namespace gcomp::ir {
namespace {

// A source line is shown whole up to this many bytes, else a window of them around the place.
constexpr size_t kMaxShown = 100;
constexpr size_t kBefore = 40;

// The lines with the given numbers, found in one pass.
std::map<int, std::string_view> FindLines(std::string_view text,
                                          const std::vector<Diagnostic>& list) {
  std::map<int, std::string_view> lines;
  for (const Diagnostic& d : list) {
    if (d.span.line > 0) lines[d.span.line] = {};
  }
  size_t begin = 0;
  int number = 1;
  for (auto& [wanted, line] : lines) {
    while (number < wanted && begin < text.size()) {
      size_t end = text.find('\n', begin);
      begin = end == std::string_view::npos ? text.size() : end + 1;
      ++number;
    }
    if (number == wanted) line = text.substr(begin, text.find('\n', begin) - begin);
  }
  return lines;
}

bool IsPrintable(char c) {
  return c >= ' ' && c <= '~';
}

// The line and, under it, a caret at the place; tabs stay in both, so that they line up.
void AppendSource(std::string_view line, const Span& span, std::string* out) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  size_t column = static_cast<size_t>(std::max(span.column, 1)) - 1;
  column = std::min(column, line.size());
  size_t begin = 0;
  size_t end = line.size();
  if (line.size() > kMaxShown) {
    begin = column > kBefore ? std::min(column - kBefore, line.size() - kMaxShown) : 0;
    end = begin + kMaxShown;
  }
  std::string mark;
  if (begin > 0) {
    *out += "...";
    mark += "   ";
  }
  for (size_t i = begin; i < end; ++i) {
    *out += IsPrintable(line[i]) || line[i] == '\t' ? line[i] : '?';
    if (i < column) mark += line[i] == '\t' ? '\t' : ' ';
  }
  if (end < line.size()) *out += "...";
  size_t length = std::min(static_cast<size_t>(std::max(span.length, 1)),
                           std::max<size_t>(end > column ? end - column : 0, 1));
  *out += '\n' + mark + '^' + std::string(length - 1, '~') + '\n';
}

}  // namespace

void Diagnostics::Add(ErrorId id, Span span, std::string message) {
  if (count_ < std::max<size_t>(limit_, 1)) list_.push_back({id, span, std::move(message)});
  ++count_;
}

std::string Diagnostics::Render() const {
  std::map<int, std::string_view> lines = FindLines(text_, list_);
  std::string out;
  for (const Diagnostic& d : list_) {
    if (!file_.empty()) out += file_ + ":";
    if (d.span.line > 0) out += Format("{}:{}:", d.span.line, d.span.column);
    if (!out.empty() && out.back() == ':') out += ' ';
    out += Format("error: {}: {}\n", InfoOf(d.id).name, d.message);
    if (d.span.line > 0 && !text_.empty()) AppendSource(lines[d.span.line], d.span, &out);
  }
  if (count_ > list_.size()) {
    size_t more = count_ - list_.size();
    out += Format("{} more error{}\n", more, more == 1 ? "" : "s");
  }
  return out;
}

Status Diagnostics::ToStatus() const {
  if (list_.empty()) return {};
  const Diagnostic& first = list_.front();
  Place place;
  if (first.span.line > 0) place = {file_, first.span.line, first.span.column};
  Status status(first.id, first.message, std::move(place));
  if (count_ > 1) {
    status.AddNote(Format("{} more error{}", count_ - 1, count_ == 2 ? "" : "s"));
  }
  return status;
}

}  // namespace gcomp::ir
