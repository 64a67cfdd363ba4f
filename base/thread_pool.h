// ThreadPool: splits one kernel over threads. Made for parts of some microseconds and more: a
// worker that has just worked watches for the next Run for some tens of microseconds, then sleeps;
// at once where it would watch on the caller's own CPU, as happens on a machine with other work.
//
// Parts are claimed one by one, by whoever is there. The caller claims too, and waits only for
// parts that a worker has claimed: a worker that the scheduler keeps away, for milliseconds on a
// machine with other work, delays nobody. Which thread runs which part is left to chance, so
// results must not depend on it.
//
// Cost: an empty Run is some 0.1 to 0.4 us while the workers watch, and a system call more when
// they sleep (1 to 3 us, after idle time up to 20). A Run allocates nothing and takes no lock; the
// first one that is split starts the workers. An idle pool uses no CPU time.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/available_cpus.h"
#include "base/status.h"

namespace gcomp {

// Thread safety: Run may be called from any thread, and from inside a part. The destructor must not
// run while a Run does.
//
// Workers run with the FpEnvironment and with signals blocked, all but those that a fault raises,
// so that the embedder's handlers run on its own threads. They are named "gcomp-1", "gcomp-2", ...
// and run on the CPUs that the thread which made the pool could run on.
//
// After a fork() the pool of the parent goes on as before. In the child its workers are gone: there
// Run works and the caller runs all parts, and the destructor leaves the workers alone. A fork from
// inside a part leaves a Run that never ends in the child, which may only exec or _exit.
class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;

  // `context` as given to Run. `thread` is in [0, threads()), and distinct among those that run
  // parts of one Run at one time: an index into scratch.
  using Part = void (*)(void* context, int64_t part, int thread);

  // `threads` counts the caller; 0 = AvailableCpus(). Fails with E701 below 0 or above kMaxThreads.
  static StatusOr<std::unique_ptr<ThreadPool>> Create(int threads);

  ~ThreadPool();

  // As asked for, for the life of the pool.
  int threads() const { return threads_; }

  // How many workers there are: 0 before the first Run that is split, then threads() - 1, or fewer
  // where the system refuses more threads; Run then does with those.
  int workers() const { return workers_.load(std::memory_order_relaxed); }

  // Calls fn once for each part in [0, parts), and returns when all calls are done, with all that
  // they wrote visible. fn must not throw. The caller takes part, as thread 0. It runs all parts
  // where the pool is busy with another Run, such as the one that this call is a part of: no
  // waiting, and no more threads than asked for.
  void Run(int64_t parts, Part fn, void* context);

 private:
  ThreadPool(int threads, std::chrono::nanoseconds spin);

  static void* WorkerMain(void* pool);
  void StartWorkers();
  void Work(int thread);
  bool AwaitParts();
  void RunRound(int64_t first, uint32_t count, Part fn, void* context);
  void WakeWorkers(uint32_t helpers);
  uint32_t TakeParts(int thread);
  void AwaitOthers(uint32_t taken);
  bool OnCallersCpu() const;

  const int threads_;
  const std::chrono::nanoseconds spin_;  // how long to watch before sleeping
  const CpuMask cpus_;
  std::vector<pthread_t> handles_;  // of the workers; guarded by busy_
  pid_t pid_ = 0;                   // of the process that has the workers; guarded by busy_
  std::atomic<int> workers_ = 0;
  std::atomic<int> next_worker_ = 1;

  // Lines of the cache are kept apart by who writes them.
  static constexpr size_t kLine = 64;

  // A Run is in progress. Whoever set it may write the job.
  alignas(kLine) std::atomic<bool> busy_ = false;

  // The job. The low bits of the ticket count the parts that nobody has claimed; the others count
  // the jobs, so that a claim (compare and exchange) fails when it was prepared for an earlier job.
  // The rest of the job is written only while no part is unclaimed, thus a claim that succeeds has
  // read what belongs to its ticket.
  alignas(kLine) std::atomic<uint64_t> ticket_ = 0;
  std::atomic<Part> fn_ = nullptr;
  std::atomic<void*> context_ = nullptr;
  std::atomic<int64_t> end_ = 0;      // one past the last part
  std::atomic<int> caller_cpu_ = -1;  // where it was when the job began

  // Parts whose end was not reported yet, and a bit that says that the caller sleeps until it is 0.
  alignas(kLine) std::atomic<uint32_t> unfinished_ = 0;
  std::atomic<bool> worker_in_the_way_ = false;  // has claimed a part on the caller's CPU

  // Workers that sleep, or are about to: each looks at the ticket after it has counted itself, and
  // Run looks at the count after it has written the ticket, so one of them sees the other.
  alignas(kLine) std::atomic<uint32_t> sleepers_ = 0;
  std::atomic<uint32_t> signal_ = 0;  // what they sleep on; changes with each wake-up
  std::atomic<bool> stopping_ = false;
};

}  // namespace gcomp
