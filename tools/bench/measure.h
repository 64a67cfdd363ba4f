// Rounds of a subject and of the copy of its data, in turn, and what they say.
//
// Machines drift by a quarter within minutes, so that a time means little and a ratio of two times
// means something only if both were taken side by side: each round times the subject, then the
// copy, and a ratio is the median over the rounds' ratios. It is noisy, and says neither yes nor
// no, when its quartiles lie further apart than the margin that is asked of it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "tools/bench/subject.h"

namespace gcomp::tools {

struct Quartiles {
  double p25 = 0, p50 = 0, p75 = 0;

  // Whether p25 and p75 are further apart than `margin` of the median.
  bool Noisy(double margin) const { return p75 - p25 > margin * p50; }
};

// Nearest rank. Requires at least one sample.
Quartiles QuartilesOf(std::vector<double> samples);

// One round: means over as many calls, or copies, as fill the time.
struct Round {
  double call_us = 0;
  double copy_us = 0;
  int64_t calls = 0;
};

// Times a subject and copies of as many bytes as its arguments have (source and target together).
class Stopwatch {
 public:
  // A round runs the subject for about `round_ms`, at least once, then copies for a tenth of it.
  Stopwatch(Subject& subject, double round_ms);

  StatusOr<Round> Next();

 private:
  StatusOr<double> TimeCalls(int64_t calls);
  double TimeCopies();

  Subject& subject_;
  double round_ms_;
  int64_t calls_ = 0;  // 0 = not known yet
  std::vector<char> source_;
  std::vector<char> target_;
};

struct Measurement {
  Quartiles call_us;
  Quartiles copy_us;
  Quartiles of_copy;  // share of the copy's bandwidth: copy_us / call_us of each round
  int64_t calls_per_round = 0;
};

StatusOr<Measurement> Measure(Subject& subject, int rounds, double round_ms);

}  // namespace gcomp::tools
