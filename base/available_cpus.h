// AvailableCpus: on how many CPUs the process may run at once, which is what a pool of threads is
// sized by. More threads than that take turns, and a turn of the scheduler is milliseconds.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gcomp {

// The CPUs that a thread may be scheduled on. A new thread inherits those of its creator.
class CpuMask {
 public:
  // Empty where the system does not tell.
  static CpuMask OfCallingThread();

  int count() const;

  // Without effect where the system refuses or the mask is empty.
  void SetOnCallingThread() const;

  bool operator==(const CpuMask&) const = default;

 private:
  std::array<unsigned long, 128>
      words_{};  // NOLINT(google-runtime-int): the kernel's word; 8192 CPUs
};

// The lesser of the calling thread's CPU mask and the CPU quota of the process' cgroups, at
// least 1. A quota of 2.5 CPUs counts as 2: a third thread would have all of them stopped for a
// part of each period. Reads a few files of /proc and /sys: ask once, not per run.
int AvailableCpus();

namespace internal {

// The text of a file, empty where there is none.
using ReadText = std::function<std::string(const std::string& path)>;

// How many CPUs a cpu.max (cgroup v2) allows: "250000 100000" is 2.5. Absent: no limit, as for
// "max 100000", or no text of that form.
std::optional<double> QuotaOfCpuMax(std::string_view text);

// The least quota over the process' cgroup and those above it, of both versions; `cgroup` and
// `mountinfo` are the texts of those files of /proc/self. Absent: no limit.
std::optional<double> CgroupQuota(std::string_view cgroup, std::string_view mountinfo,
                                  const ReadText& read);

}  // namespace internal
}  // namespace gcomp
