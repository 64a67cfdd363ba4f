#include "base/available_cpus.h"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace gcomp {

CpuMask CpuMask::OfCallingThread() {
  CpuMask mask;
  auto* set = reinterpret_cast<cpu_set_t*>(mask.words_.data());
  if (sched_getaffinity(0, sizeof(mask.words_), set) != 0) return {};
  return mask;
}

int CpuMask::count() const {
  int count = 0;
  for (unsigned long word : words_) count += std::popcount(word);  // NOLINT(google-runtime-int)
  return count;
}

void CpuMask::SetOnCallingThread() const {
  sched_setaffinity(0, sizeof(words_), reinterpret_cast<const cpu_set_t*>(words_.data()));
}

namespace internal {
namespace {

// Parts of `text` between the separators, empty ones left out.
std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool Contains(const std::vector<std::string_view>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::optional<int64_t> ParseInteger(std::string_view text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> Ratio(std::string_view quota, std::string_view period) {
  const std::optional<int64_t> quota_us = ParseInteger(quota);
  const std::optional<int64_t> period_us = ParseInteger(period);
  if (!quota_us || !period_us || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return static_cast<double>(*quota_us) / static_cast<double>(*period_us);
}

// Of version 1, which has a file for each number; a quota of -1 is no limit.
std::optional<double> QuotaOfVersion1(const std::string& dir, const ReadText& read) {
  const std::string quota_text = read(dir + "/cpu.cfs_quota_us");
  const std::string period_text = read(dir + "/cpu.cfs_period_us");
  const std::vector<std::string_view> quota = Split(quota_text, " \n");
  const std::vector<std::string_view> period = Split(period_text, " \n");
  if (quota.size() != 1 || period.size() != 1) return std::nullopt;
  return Ratio(quota[0], period[0]);
}

// A mounted hierarchy that may limit CPU time.
struct Hierarchy {
  bool version2 = false;
  std::string_view root;         // the cgroup that is seen at the mount point
  std::string_view mount_point;  // "/sys/fs/cgroup"
};

// 31 23 0:28 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,cpu,cpuacct
std::optional<Hierarchy> HierarchyOfMount(std::string_view line) {
  const std::vector<std::string_view> fields = Split(line, " ");
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 6 || fields.end() - dash < 4) return std::nullopt;
  const bool version2 = dash[1] == "cgroup2";
  if (!version2 && (dash[1] != "cgroup" || !Contains(Split(dash[3], ","), "cpu"))) {
    return std::nullopt;
  }
  return Hierarchy{version2, fields[3], fields[4]};
}

// The process' cgroup in the hierarchy; lines are "0::/a/b" (version 2) or "4:cpu,cpuacct:/a/b".
std::optional<std::string_view> CgroupIn(const Hierarchy& hierarchy, std::string_view cgroup) {
  for (std::string_view line : Split(cgroup, "\n")) {
    const size_t first = line.find(':');
    const size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.version2 ? controllers.empty() : Contains(Split(controllers, ","), "cpu")) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// The part of the path below the root, "" or "/a/b"; absent where it lies elsewhere.
std::optional<std::string_view> Below(std::string_view root, std::string_view path) {
  if (root.ends_with('/')) root.remove_suffix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  // "/..": the process is outside of what its cgroup namespace shows.
  if (path.starts_with("/..") || (!path.empty() && path[0] != '/')) return std::nullopt;
  return path;
}

}  // namespace

std::optional<double> QuotaOfCpuMax(std::string_view text) {
  const std::vector<std::string_view> fields = Split(text, " \n");
  if (fields.size() != 2) return std::nullopt;
  return Ratio(fields[0], fields[1]);
}

std::optional<double> CgroupQuota(std::string_view cgroup, std::string_view mountinfo,
                                  const ReadText& read) {
  std::optional<double> least;
  for (std::string_view line : Split(mountinfo, "\n")) {
    const std::optional<Hierarchy> hierarchy = HierarchyOfMount(line);
    if (!hierarchy) continue;
    const std::optional<std::string_view> path = CgroupIn(*hierarchy, cgroup);
    if (!path) continue;
    const std::optional<std::string_view> below = Below(hierarchy->root, *path);
    if (!below) continue;
    std::string dir = std::string(hierarchy->mount_point) + std::string(*below);
    while (true) {
      const std::optional<double> quota =
          hierarchy->version2 ? QuotaOfCpuMax(read(dir + "/cpu.max")) : QuotaOfVersion1(dir, read);
      if (quota && (!least || *quota < *least)) least = quota;
      if (dir.size() <= hierarchy->mount_point.size()) break;
      dir.resize(dir.rfind('/'));
    }
  }
  return least;
}

}  // namespace internal

int AvailableCpus() {
  const internal::ReadText read = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  };
  int cpus = CpuMask::OfCallingThread().count();
  if (cpus == 0) cpus = static_cast<int>(std::thread::hardware_concurrency());
  const std::optional<double> quota =
      internal::CgroupQuota(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), read);
  if (quota && *quota < cpus) cpus = static_cast<int>(*quota);
  return std::max(cpus, 1);
}

}  // namespace gcomp
