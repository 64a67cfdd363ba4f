#include "tools/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace gcomp::tools {
namespace {

double NowUs() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Quartiles QuartilesOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  auto at = [&samples](double q) {
    return samples[static_cast<size_t>(q * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  return {at(0.25), at(0.5), at(0.75)};
}

Stopwatch::Stopwatch(Subject& subject, double round_ms)
    : subject_(subject),
      round_ms_(round_ms),
      source_(static_cast<size_t>(subject.argument_bytes / 2 + 1), 1),
      target_(source_.size(), 0) {}

StatusOr<double> Stopwatch::TimeCalls(int64_t calls) {
  double begin = NowUs();
  for (int64_t i = 0; i < calls; ++i) GCOMP_RETURN_IF_ERROR(subject_.Run());
  return (NowUs() - begin) / static_cast<double>(calls);
}

double Stopwatch::TimeCopies() {
  // Few looks at the clock where a copy takes less than one look.
  const size_t batch = std::max<size_t>(1, (size_t{1} << 20) / source_.size());
  int64_t copies = 0;
  double begin = NowUs();
  do {
    for (size_t i = 0; i < batch; ++i) {
      std::memcpy(target_.data(), source_.data(), source_.size());
      asm volatile("" : : "r"(target_.data()) : "memory");  // the copy is not to be left out
    }
    copies += static_cast<int64_t>(batch);
  } while (NowUs() - begin < round_ms_ * 100);
  return (NowUs() - begin) / static_cast<double>(copies);
}

StatusOr<Round> Stopwatch::Next() {
  if (calls_ == 0) {
    GCOMP_ASSIGN_OR_RETURN(double once, TimeCalls(1));
    GCOMP_ASSIGN_OR_RETURN(once, TimeCalls(once < round_ms_ * 10 ? 10 : 1));
    calls_ = static_cast<int64_t>(std::clamp(round_ms_ * 1000 / std::max(once, 0.01), 1.0, 1e8));
  }
  Round round;
  round.calls = calls_;
  GCOMP_ASSIGN_OR_RETURN(round.call_us, TimeCalls(calls_));
  round.copy_us = TimeCopies();
  return round;
}

StatusOr<Measurement> Measure(Subject& subject, int rounds, double round_ms) {
  Stopwatch stopwatch(subject, round_ms);
  std::vector<double> call_us, copy_us, of_copy;
  Measurement result;
  for (int i = 0; i < rounds; ++i) {
    GCOMP_ASSIGN_OR_RETURN(Round round, stopwatch.Next());
    call_us.push_back(round.call_us);
    copy_us.push_back(round.copy_us);
    of_copy.push_back(round.copy_us / round.call_us);
    result.calls_per_round = round.calls;
  }
  result.call_us = QuartilesOf(std::move(call_us));
  result.copy_us = QuartilesOf(std::move(copy_us));
  result.of_copy = QuartilesOf(std::move(of_copy));
  return result;
}

}  // namespace gcomp::tools
