// The pool of threads: each part once, whoever runs it, and nobody waits for what never comes.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "base/available_cpus.h"
#include "base/thread_pool.h"

namespace gcomp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::unique_ptr<ThreadPool> MakePool(int threads) {
  StatusOr<std::unique_ptr<ThreadPool>> pool = ThreadPool::Create(threads);
  EXPECT_TRUE(pool.ok()) << pool.status().ToString();
  return *std::move(pool);
}

// Run for a body with captures.
template <class Body>
void RunBody(ThreadPool& pool, int64_t parts, Body body) {
  pool.Run(
      parts,
      [](void* context, int64_t part, int thread) { (*static_cast<Body*>(context))(part, thread); },
      &body);
}

// A place where so many parts meet: each waits inside until all have come, so each is run by a
// thread of its own. False if that takes 20 seconds: a wake-up was lost, or there are too few
// threads.
class Meeting {
 public:
  explicit Meeting(int count) : missing_(count) {}

  bool Attend() {
    missing_.fetch_sub(1);
    const steady_clock::time_point end = steady_clock::now() + std::chrono::seconds(20);
    for (int turns = 0; missing_.load() > 0; ++turns) {
      if (turns < 1000) continue;
      if (steady_clock::now() > end) return false;
      sched_yield();
    }
    return true;
  }

 private:
  std::atomic<int> missing_;
};

// Runs one part per thread, each on its own thread.
template <class Body>
void OnEachThread(ThreadPool& pool, Body body) {
  Meeting meeting(pool.threads());
  RunBody(pool, pool.threads(), [&](int64_t, int thread) {
    EXPECT_TRUE(meeting.Attend());
    body(thread);
  });
}

TEST(BaseThreadPoolTest, TakesFromOneTo1024Threads) {
  for (int threads : {-1, 1025}) {
    StatusOr<std::unique_ptr<ThreadPool>> pool = ThreadPool::Create(threads);
    ASSERT_FALSE(pool.ok());
    EXPECT_EQ(pool.status().id(), ErrorId::E701);
  }
  EXPECT_EQ(MakePool(1)->threads(), 1);
  EXPECT_EQ(MakePool(1024)->threads(), 1024);
  EXPECT_EQ(MakePool(0)->threads(), AvailableCpus());
}

TEST(BaseThreadPoolTest, EachPartRunsOnce) {
  for (int threads : {1, 2, 3, 8}) {
    const std::unique_ptr<ThreadPool> pool = MakePool(threads);
    for (int64_t parts : {0, 1, 2, 3, 7, 8, 100, 10000}) {
      std::vector<int> runs(static_cast<size_t>(parts));
      RunBody(*pool, parts, [&](int64_t part, int thread) {
        EXPECT_TRUE(thread >= 0 && thread < threads);
        ++runs[static_cast<size_t>(part)];
      });
      for (int count : runs) ASSERT_EQ(count, 1) << threads << " threads, " << parts << " parts";
    }
  }
}

TEST(BaseThreadPoolTest, NoPartsNoCalls) {
  const std::unique_ptr<ThreadPool> pool = MakePool(2);
  for (int64_t parts : {int64_t{0}, int64_t{-1}, INT64_MIN}) {
    RunBody(*pool, parts, [](int64_t, int) { ADD_FAILURE(); });
  }
}

// More parts than one round of the ticket holds.
TEST(BaseThreadPoolTest, MorePartsThanARoundHolds) {
  constexpr int64_t kParts = (int64_t{1} << 24) + 5;
  const std::unique_ptr<ThreadPool> pool = MakePool(2);

  struct alignas(64) Sum {
    int64_t value = 0;
  };

  std::array<Sum, 2> sums;
  RunBody(*pool, kParts,
          [&](int64_t part, int thread) { sums[static_cast<size_t>(thread)].value += part; });
  EXPECT_EQ(sums[0].value + sums[1].value, kParts * (kParts - 1) / 2);
}

TEST(BaseThreadPoolTest, WorkersStartWithTheFirstSplit) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  EXPECT_EQ(pool->workers(), 0);
  RunBody(*pool, 1, [](int64_t, int) {});
  EXPECT_EQ(pool->workers(), 0);
  RunBody(*pool, 2, [](int64_t, int) {});
  EXPECT_EQ(pool->workers(), 2);
}

TEST(BaseThreadPoolTest, AllThreadsTakePart) {
  for (int threads : {2, 5, 16}) {
    const std::unique_ptr<ThreadPool> pool = MakePool(threads);
    std::vector<std::thread::id> ids(static_cast<size_t>(threads));
    OnEachThread(
        *pool, [&](int thread) { ids[static_cast<size_t>(thread)] = std::this_thread::get_id(); });
    EXPECT_EQ(ids[0], std::this_thread::get_id());
    for (size_t i = 1; i < ids.size(); ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_NE(ids[i], ids[j]);
    }
  }
}

// Plain writes of the parts are seen by the caller, and those before Run by the parts.
TEST(BaseThreadPoolTest, WritesAreVisible) {
  const std::unique_ptr<ThreadPool> pool = MakePool(4);
  std::vector<int64_t> values(64);
  for (int64_t round = 1; round <= 2000; ++round) {
    std::iota(values.begin(), values.end(), round);
    RunBody(*pool, 64, [&](int64_t part, int) { values[static_cast<size_t>(part)] *= 3; });
    ASSERT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}),
              3 * (64 * round + 63 * 64 / 2));
  }
}

TEST(BaseThreadPoolTest, NestedRunIsRunByTheThreadThatCalls) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  std::atomic<int> runs = 0;
  RunBody(*pool, 50, [&](int64_t, int) {
    const std::thread::id outer = std::this_thread::get_id();
    RunBody(*pool, 7, [&](int64_t, int thread) {
      EXPECT_EQ(thread, 0);
      EXPECT_EQ(std::this_thread::get_id(), outer);
      ++runs;
    });
  });
  EXPECT_EQ(runs, 350);
}

// One caller gets the workers, the other runs its parts itself, both end.
TEST(BaseThreadPoolTest, ManyCallersAtOnce) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  const auto call = [&pool] {
    std::array<std::atomic<bool>, 3> in_use{};
    for (int64_t i = 0; i < 3000; ++i) {
      std::atomic<int64_t> sum = 0;
      RunBody(*pool, i % 17, [&](int64_t part, int thread) {
        EXPECT_FALSE(in_use[static_cast<size_t>(thread)].exchange(true));
        sum.fetch_add(part, std::memory_order_relaxed);
        in_use[static_cast<size_t>(thread)].store(false);
      });
      ASSERT_EQ(sum, (i % 17) * (i % 17 - 1) / 2);
    }
  };
  std::thread second(call);
  std::thread third(call);
  call();
  second.join();
  third.join();
}

// Each Run ends only if the worker comes: a wake-up that is lost would be seen.
TEST(BaseThreadPoolTest, ManyShortRuns) {
  const std::unique_ptr<ThreadPool> pool = MakePool(2);
  for (int i = 0; i < 100000; ++i) {
    Meeting meeting(2);
    bool met[2] = {};
    RunBody(*pool, 2, [&](int64_t part, int) { met[part] = meeting.Attend(); });
    ASSERT_TRUE(met[0] && met[1]) << i;
  }
}

// The same with pauses about as long as a worker watches before it sleeps.
TEST(BaseThreadPoolTest, RunsWhileWorkersFallAsleep) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  for (int i = 0; i < 3000; ++i) {
    const steady_clock::time_point end = steady_clock::now() + microseconds(40 + i % 60);
    while (steady_clock::now() < end) continue;
    Meeting meeting(3);
    std::array<bool, 3> met{};
    RunBody(*pool, 3,
            [&](int64_t part, int) { met[static_cast<size_t>(part)] = meeting.Attend(); });
    ASSERT_TRUE(met[0] && met[1] && met[2]) << i;
  }
}

// The caller sleeps until a worker's long part has ended.
TEST(BaseThreadPoolTest, CallerWaitsForALongPart) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  for (int i = 0; i < 20; ++i) {
    std::atomic<int> ended = 0;
    OnEachThread(*pool, [&](int thread) {
      if (thread > 0) std::this_thread::sleep_for(milliseconds(thread));
      ++ended;
    });
    ASSERT_EQ(ended, 3);
  }
}

TEST(BaseThreadPoolTest, MoreThreadsThanCpus) {
  const std::unique_ptr<ThreadPool> pool = MakePool(AvailableCpus() + 6);
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> runs = 0;
    OnEachThread(*pool, [&](int) { ++runs; });
    ASSERT_EQ(runs, pool->threads());
  }
}

TEST(BaseThreadPoolTest, EndsAtAnyTime) {
  for (int i = 0; i < 200; ++i) {
    const std::unique_ptr<ThreadPool> pool = MakePool(3);
    if (i % 4 == 0) continue;
    std::atomic<int> runs = 0;
    RunBody(*pool, 5, [&](int64_t, int) { ++runs; });
    EXPECT_EQ(runs, 5);
    if (i % 4 == 1) std::this_thread::sleep_for(microseconds(200));  // until the workers sleep
    if (i % 4 == 2) std::this_thread::sleep_for(microseconds(i % 60));
  }
}

TEST(BaseThreadPoolTest, WorkersHaveTheEnvironmentOfTheBits) {
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(0x1f80 | 0x8000 | 0x2000 |
             0x0040);  // flushes to zero, rounds down, takes denormals as 0
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  std::array<unsigned, 3> found{};
  OnEachThread(*pool, [&](int thread) { found[static_cast<size_t>(thread)] = _mm_getcsr(); });
  _mm_setcsr(saved);
  EXPECT_EQ(found[0] & ~0x3fu, 0x1f80u | 0x8000 | 0x2000 | 0x0040);
  for (size_t i = 1; i < found.size(); ++i) EXPECT_EQ(found[i] & ~0x3fu, 0x1f80u);
}

TEST(BaseThreadPoolTest, WorkersBlockSignalsAndHaveNames) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  OnEachThread(*pool, [&](int thread) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD, SIGALRM, SIGRTMIN}) {
      EXPECT_EQ(sigismember(&mask, signal),
                thread > 0 || sigismember(&before, signal) == 1 ? 1 : 0);
    }
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE}) EXPECT_EQ(sigismember(&mask, fault), 0);
    if (thread == 0) return;
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    EXPECT_EQ(name, "gcomp-" + std::to_string(thread));
  });
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < SIGRTMAX; ++signal) {
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal));
  }
}

// The first caller may be pinned to a CPU; the workers are not.
TEST(BaseThreadPoolTest, WorkersRunWhereTheMakerMay) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  const CpuMask mask = CpuMask::OfCallingThread();
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    OnEachThread(
        *pool, [&](int thread) { EXPECT_TRUE(thread == 0 || CpuMask::OfCallingThread() == mask); });
    EXPECT_EQ(CpuMask::OfCallingThread().count(), 1);
  }).join();
}

TEST(BaseThreadPoolTest, IdleWorkersUseNoCpuTime) {
  const std::unique_ptr<ThreadPool> pool = MakePool(3);
  std::array<clockid_t, 3> clocks{};
  OnEachThread(*pool, [&](int thread) {
    EXPECT_EQ(pthread_getcpuclockid(pthread_self(), &clocks[static_cast<size_t>(thread)]), 0);
  });
  const auto cpu_time_ns = [&clocks] {
    int64_t sum = 0;
    for (size_t i = 1; i < clocks.size(); ++i) {
      timespec time;
      clock_gettime(clocks[i], &time);
      sum += int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
    }
    return sum;
  };
  std::this_thread::sleep_for(milliseconds(20));
  const int64_t before = cpu_time_ns();
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(cpu_time_ns(), before);
}

// In the child nobody but the caller is there, and no Run waits for the others.
TEST(BaseThreadPoolTest, ChildOfAForkRunsAllItself) {
  std::unique_ptr<ThreadPool> pool = MakePool(3);
  OnEachThread(*pool, [](int) {});
  for (int pause_us : {0, 500}) {
    std::this_thread::sleep_for(microseconds(pause_us));
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      alarm(20);
      int64_t sum = 0;
      RunBody(*pool, 100, [&](int64_t part, int thread) { sum += thread == 0 ? part : 1000000; });
      pool.reset();
      _exit(sum == 4950 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  OnEachThread(*pool, [](int) {});
}

}  // namespace
}  // namespace gcomp
