// What the CPU mask and the cgroups leave of the machine's CPUs.
#include <gtest/gtest.h>
#include <sched.h>

#include <map>
#include <string>
#include <thread>

#include "base/available_cpus.h"

namespace gcomp {
namespace {

using internal::CgroupQuota;
using internal::QuotaOfCpuMax;

// The cgroup files of a machine that is not this one.
struct Files {
  std::map<std::string, std::string> texts;

  std::optional<double> Quota(const std::string& cgroup, const std::string& mountinfo) const {
    return CgroupQuota(cgroup, mountinfo, [this](const std::string& path) {
      const auto it = texts.find(path);
      return it == texts.end() ? std::string() : it->second;
    });
  }
};

constexpr char kVersion2[] =
    "24 1 0:22 / /sys rw - sysfs sysfs rw\n"
    "31 24 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 none rw\n";
constexpr char kVersion1[] =
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";

TEST(BaseAvailableCpusTest, CpuMaxIsQuotaByPeriod) {
  EXPECT_EQ(QuotaOfCpuMax("200000 100000\n"), 2.0);
  EXPECT_EQ(QuotaOfCpuMax("25000 50000"), 0.5);
  EXPECT_EQ(QuotaOfCpuMax("max 100000\n"), std::nullopt);
  for (const char* text : {"", "\n", "100000", "1 2 3", "-1 100000", "100000 0", "1x 100000",
                           "99999999999999999999 100000"}) {
    EXPECT_EQ(QuotaOfCpuMax(text), std::nullopt) << text;
  }
}

TEST(BaseAvailableCpusTest, Version2TakesTheLeastOfAllLevels) {
  Files files;
  files.texts["/sys/fs/cgroup/a/b/cpu.max"] = "400000 100000\n";
  EXPECT_EQ(files.Quota("0::/a/b\n", kVersion2), 4.0);
  files.texts["/sys/fs/cgroup/a/cpu.max"] = "150000 100000\n";
  EXPECT_EQ(files.Quota("0::/a/b\n", kVersion2), 1.5);
  files.texts["/sys/fs/cgroup/cpu.max"] = "max 100000\n";
  EXPECT_EQ(files.Quota("0::/a/b\n", kVersion2), 1.5);
  EXPECT_EQ(files.Quota("0::/\n", kVersion2), std::nullopt);
  EXPECT_EQ(files.Quota("0::/other\n", kVersion2), std::nullopt);
}

TEST(BaseAvailableCpusTest, Version1HasItsOwnFiles) {
  Files files;
  files.texts["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us"] = "300000\n";
  files.texts["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us"] = "100000\n";
  const std::string cgroup = "5:cpuset:/elsewhere\n4:cpu,cpuacct:/a\n0::/\n";
  EXPECT_EQ(files.Quota(cgroup, kVersion1), 3.0);
  files.texts["/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us"] = "-1\n";
  EXPECT_EQ(files.Quota(cgroup, kVersion1), std::nullopt);
}

TEST(BaseAvailableCpusTest, ContainerSeesItsCgroupAtTheMountPoint) {
  Files files;
  files.texts["/sys/fs/cgroup/cpu.max"] = "200000 100000\n";
  files.texts["/sys/fs/cgroup/x/cpu.max"] = "100000 100000\n";
  const std::string mount = "31 24 0:28 /docker/7f /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
  EXPECT_EQ(files.Quota("0::/docker/7f\n", mount), 2.0);
  EXPECT_EQ(files.Quota("0::/docker/7f/x\n", mount), 1.0);
  // Of another container, and outside of what the namespace shows.
  EXPECT_EQ(files.Quota("0::/docker/7f0\n", mount), std::nullopt);
  EXPECT_EQ(files.Quota("0::/../other\n", kVersion2), std::nullopt);
}

TEST(BaseAvailableCpusTest, NoQuotaWithoutCgroupsOrFromTextsThatAreCut) {
  const Files files;
  EXPECT_EQ(files.Quota("", ""), std::nullopt);
  const std::string cgroup = "4:cpu,cpuacct:/a\n0::/a/b\n";
  const std::string mounts = std::string(kVersion2) + kVersion1;
  for (size_t i = 0; i < mounts.size(); ++i) {
    EXPECT_EQ(files.Quota(cgroup, mounts.substr(0, i)), std::nullopt);
  }
  for (size_t i = 0; i < cgroup.size(); ++i) {
    EXPECT_EQ(files.Quota(cgroup.substr(0, i), mounts), std::nullopt);
  }
}

TEST(BaseAvailableCpusTest, FollowsTheMaskOfTheCallingThread) {
  const int before = AvailableCpus();
  const CpuMask mask = CpuMask::OfCallingThread();
  EXPECT_GE(before, 1);
  EXPECT_LE(before, mask.count());
  std::thread([&mask] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(AvailableCpus(), 1);
    EXPECT_EQ(CpuMask::OfCallingThread().count(), 1);
    mask.SetOnCallingThread();
    EXPECT_EQ(CpuMask::OfCallingThread(), mask);
  }).join();
  EXPECT_EQ(AvailableCpus(), before);
}

}  // namespace
}  // namespace gcomp
