#include "ir/passes/repeats.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <utility>

namespace gcomp::ir {
namespace {

// The suffixes of a sequence in order, with the lengths of common prefixes of neighbors.
class SuffixArray {
 public:
  explicit SuffixArray(std::span<const uint32_t> elements) {
    const size_t n = elements.size();
    order_.resize(n);
    std::iota(order_.begin(), order_.end(), size_t{0});
    rank_.assign(elements.begin(), elements.end());
    std::vector<uint64_t> keys(n);
    std::vector<uint32_t> next(n);
    for (size_t k = 0;; k = k == 0 ? 1 : 2 * k) {
      for (size_t i = 0; i < n; ++i) {
        const uint64_t second = k > 0 && i + k < n ? rank_[i + k] + uint64_t{1} : 0;
        keys[i] = (uint64_t{rank_[i]} << 32) | second;
      }
      std::sort(order_.begin(), order_.end(),
                [&](size_t a, size_t b) { return keys[a] < keys[b]; });
      uint32_t distinct = 0;
      for (size_t i = 0; i < n; ++i) {
        if (i > 0 && keys[order_[i]] != keys[order_[i - 1]]) ++distinct;
        next[order_[i]] = distinct;
      }
      rank_.swap(next);
      if (n == 0 || distinct + 1 == n) break;
    }
    FindCommon(elements);
  }

  size_t size() const { return order_.size(); }

  // The suffix that is i-th in order.
  size_t at(size_t i) const { return order_[i]; }

  size_t rank(size_t suffix) const { return rank_[suffix]; }

  // Of suffixes i - 1 and i in order; 0 for the first.
  size_t common(size_t i) const { return common_[i]; }

 private:
  void FindCommon(std::span<const uint32_t> elements) {
    const size_t n = elements.size();
    common_.assign(n, 0);
    size_t length = 0;
    for (size_t i = 0; i < n; ++i) {
      if (rank_[i] == 0) {
        length = 0;
        continue;
      }
      const size_t j = order_[rank_[i] - 1];
      while (i + length < n && j + length < n && elements[i + length] == elements[j + length]) {
        ++length;
      }
      common_[rank_[i]] = length;
      if (length > 0) --length;
    }
  }

  std::vector<size_t> order_;
  std::vector<uint32_t> rank_;
  std::vector<size_t> common_;
};

class RepeatSearch {
 public:
  RepeatSearch(std::span<const uint32_t> elements, std::span<const uint32_t> cuts,
               const RepeatOptions& options, const GroupWindows& group)
      : elements_(elements),
        cuts_(cuts),
        options_(options),
        group_(group),
        suffixes_(elements),
        taken_before_(elements.size() + 1),
        work_left_(kMaxWorkPerElement * elements.size()) {}

  std::vector<Repeat> Run() {
    FindCandidates();
    // What is left free must be enough for one more repeat.
    while (!queue_.empty() && work_left_ > 0 && free_ > options_.min_saved) {
      Candidate top = queue_.top();
      queue_.pop();
      if (top.round != round_) {
        top.found = Evaluate(top);
        top.saved = Saved(top.found);
        top.round = round_;
        if (top.saved <= options_.min_saved) continue;
        // Nearly the best that may come is taken: a closer look costs more than it gains.
        if (!queue_.empty() && top.saved * 10 < queue_.top().saved * 9) {
          queue_.push(std::move(top));
          continue;
        }
      }
      Take(std::move(top.found));
    }
    return std::move(repeats_);
  }

 private:
  static constexpr size_t kNotYet = SIZE_MAX;

  // Suffixes first..last in order, which have `length` elements in common.
  struct Candidate {
    size_t length, first, last;
    size_t saved;            // a bound, or what `found` saves
    size_t round = kNotYet;  // in which `found` was
    std::vector<Repeat> found;

    bool operator<(const Candidate& other) const {
      if (saved != other.saved) return saved < other.saved;
      return first > other.first;
    }
  };

  static size_t Saved(const std::vector<Repeat>& repeats) {
    size_t saved = 0;
    for (const Repeat& repeat : repeats) saved += (repeat.starts.size() - 1) * repeat.length;
    return saved;
  }

  // ---- Candidates: the inner nodes of the suffix tree. ----

  void FindCandidates() {
    std::vector<std::pair<size_t, size_t>> open;  // length, first
    const size_t n = suffixes_.size();
    for (size_t i = 1; i <= n; ++i) {
      const size_t common = i < n ? suffixes_.common(i) : 0;
      size_t first = i - 1;
      while (!open.empty() && open.back().first > common) {
        first = open.back().second;
        AddCandidate(open.back().first, first, i - 1);
        open.pop_back();
      }
      if (common > 0 && (open.empty() || open.back().first < common)) {
        open.emplace_back(common, first);
      }
    }
  }

  void AddCandidate(size_t length, size_t first, size_t last) {
    if (length < options_.min_length) return;
    const size_t n = elements_.size();
    const size_t count = last - first + 1;
    // Windows of any length up to `length` may be taken, as many as fit.
    const size_t fits = std::max(n / count, options_.min_length);
    const size_t bound = length <= fits ? (count - 1) * length : n - std::min(n, fits);
    if (bound > options_.min_saved) queue_.push({length, first, last, bound, kNotYet, {}});
  }

  // ---- What a candidate is worth now. ----

  std::vector<Repeat> Evaluate(const Candidate& candidate) {
    std::vector<size_t> starts;
    for (size_t i = candidate.first; i <= candidate.last; ++i) starts.push_back(suffixes_.at(i));
    std::sort(starts.begin(), starts.end());
    Work(starts.size());
    size_t period = candidate.length;
    for (size_t i = 1; i < starts.size(); ++i) period = std::min(period, starts[i] - starts[i - 1]);
    period *= (options_.min_length + period - 1) / period;
    std::vector<Repeat> best = WindowsLike(starts, candidate.length);
    if (period < candidate.length) {
      std::vector<Repeat> periods = WindowsLike(starts, period);
      if (Saved(periods) >= Saved(best)) best = std::move(periods);
    }
    return best;
  }

  // Windows of `length` elements like those at `starts`.
  std::vector<Repeat> WindowsLike(const std::vector<size_t>& starts, size_t length) {
    auto free = std::find_if(starts.begin(), starts.end(),
                             [&](size_t start) { return IsFree(start, length); });
    if (free == starts.end()) return {};
    std::vector<size_t> windows = AllWindows(*free, length);
    if (windows.size() < 2) return {};
    const std::vector<size_t> moved = AllWindows(BestStart(windows, length), length);
    if (moved.size() >= windows.size()) windows = moved;
    Work(windows.size() * length);
    std::vector<Repeat> repeats;
    for (std::vector<size_t>& group : group_(length, windows)) {
      if ((group.size() - 1) * length <= options_.min_saved) continue;
      repeats.push_back({length, std::move(group)});
    }
    return repeats;
  }

  bool IsFree(size_t start, size_t length) const {
    return start + length <= elements_.size() &&
           taken_before_[start + length] == taken_before_[start];
  }

  // Free windows equal to the one at `start`, from the left, without overlaps.
  std::vector<size_t> AllWindows(size_t start, size_t length) {
    size_t first = suffixes_.rank(start);
    size_t last = first;
    while (suffixes_.common(first) >= length) --first;
    while (last + 1 < suffixes_.size() && suffixes_.common(last + 1) >= length) ++last;
    std::vector<size_t> all;
    for (size_t i = first; i <= last; ++i) {
      if (IsFree(suffixes_.at(i), length)) all.push_back(suffixes_.at(i));
    }
    Work(last - first + 1);
    std::sort(all.begin(), all.end());
    std::vector<size_t> windows;
    for (size_t at : all) {
      if (windows.empty() || at >= windows.back() + length) windows.push_back(at);
    }
    return windows;
  }

  // Where the first window begins after all are moved by the same, as far as they stay equal and
  // free, to where the ends cost least.
  size_t BestStart(const std::vector<size_t>& windows, size_t length) {
    size_t left = 0;
    while (left + 1 < length && CanMoveTo(windows, length, left + 1, false)) ++left;
    size_t right = 0;
    while (right + 1 < length && CanMoveTo(windows, length, right + 1, true)) ++right;
    Work((left + right + 1) * windows.size());
    const size_t begin = windows[0] - left;
    size_t best = begin;
    uint64_t best_cost = UINT64_MAX;
    for (size_t start = begin; start <= windows[0] + right; ++start) {
      uint64_t cost = 0;
      for (size_t window : windows) {
        const size_t at = window + start - windows[0];
        cost += uint64_t{cuts_[at]} + cuts_[at + length];
      }
      if (cost < best_cost) {
        best = start;
        best_cost = cost;
      }
    }
    return best;
  }

  // Whether the element `by` steps beyond the windows' ends is there, free, and equal for all.
  bool CanMoveTo(const std::vector<size_t>& windows, size_t length, size_t by, bool right) const {
    for (size_t window : windows) {
      if (right ? window + length + by > elements_.size() : window < by) return false;
      const size_t at = right ? window + length + by - 1 : window - by;
      const size_t of_first = right ? windows[0] + length + by - 1 : windows[0] - by;
      if (elements_[at] != elements_[of_first] || !IsFree(at, 1)) return false;
    }
    return true;
  }

  // ---- Taking ----

  void Take(std::vector<Repeat> repeats) {
    std::vector<bool> taken(elements_.size());
    for (size_t i = 0; i < taken.size(); ++i) taken[i] = taken_before_[i + 1] > taken_before_[i];
    for (Repeat& repeat : repeats) {
      for (size_t start : repeat.starts) {
        std::fill_n(taken.begin() + static_cast<std::ptrdiff_t>(start), repeat.length, true);
      }
      repeats_.push_back(std::move(repeat));
    }
    for (size_t i = 0; i < taken.size(); ++i) {
      taken_before_[i + 1] = taken_before_[i] + (taken[i] ? 1 : 0);
    }
    free_ = elements_.size() - taken_before_.back();
    Work(elements_.size());
    ++round_;
  }

  void Work(size_t steps) { work_left_ -= std::min(work_left_, steps); }

  std::span<const uint32_t> elements_;
  std::span<const uint32_t> cuts_;
  const RepeatOptions& options_;
  const GroupWindows& group_;
  SuffixArray suffixes_;
  std::vector<size_t> taken_before_;  // elements before i that are in a repeat
  std::priority_queue<Candidate> queue_;
  std::vector<Repeat> repeats_;
  size_t round_ = 0;
  size_t free_ = elements_.size();  // elements in no repeat
  size_t work_left_;
};

}  // namespace

std::vector<Repeat> FindRepeats(std::span<const uint32_t> elements, std::span<const uint32_t> cuts,
                                const RepeatOptions& options, const GroupWindows& group) {
  if (elements.size() < 2 * options.min_length) return {};
  return RepeatSearch(elements, cuts, options, group).Run();
}

}  // namespace gcomp::ir
