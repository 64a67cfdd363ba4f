#include "base/thread_pool.h"

#include <emmintrin.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>

#include "base/format.h"
#include "base/fp_environment.h"
#include "base/guarded.h"

namespace gcomp {
namespace {

using std::chrono::steady_clock;

// Longer than most gaps between two kernels of a graph; a sleeper takes about as long to come back.
constexpr std::chrono::microseconds kSpin{50};

// Of the ticket. More parts run in rounds; 40 bits for the number of the job do not come round
// again while a worker is between the two halves of a claim.
constexpr int kPartBits = 24;
constexpr uint64_t kPartMask = (uint64_t{1} << kPartBits) - 1;

// Of unfinished_.
constexpr uint32_t kCallerSleeps = uint32_t{1} << 31;

uint32_t Unclaimed(uint64_t ticket) {
  return static_cast<uint32_t>(ticket & kPartMask);
}

// Sleeps unless the word has another value by now; may also return without reason.
void FutexWait(std::atomic<uint32_t>& word, uint32_t value) {
  static_assert(sizeof(word) == 4 && std::atomic<uint32_t>::is_always_lock_free);
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr);
}

void FutexWake(std::atomic<uint32_t>& word, uint32_t count) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count);
}

// Watches until ready(), or until it is in_vain() or the time is over. Says whether it is ready.
template <class Ready, class InVain>
bool Spin(std::chrono::nanoseconds time, const Ready& ready, const InVain& in_vain) {
  if (ready()) return true;
  if (time.count() == 0) return false;
  const steady_clock::time_point end = steady_clock::now() + time;
  while (!in_vain() && steady_clock::now() < end) {
    // Reading the clock costs as much as some of the looks.
    for (int i = 0; i < 16; ++i) {
      _mm_pause();
      if (ready()) return true;
    }
  }
  return false;
}

// All signals that something else than a fault of the thread itself can raise.
sigset_t SignalsOfOthers() {
  sigset_t set;
  sigfillset(&set);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&set, fault);
  return set;
}

}  // namespace

StatusOr<std::unique_ptr<ThreadPool>> ThreadPool::Create(int threads) {
  if (threads < 0 || threads > kMaxThreads) {
    return Status(ErrorId::E701, Format("a pool can't have {} threads; it takes 1 to {}, or 0 for "
                                        "as many as the process may use",
                                        threads, kMaxThreads));
  }
  return Guarded([threads]() -> StatusOr<std::unique_ptr<ThreadPool>> {
    const int available = std::min(AvailableCpus(), kMaxThreads);
    const int count = threads == 0 ? available : threads;
    // Where threads take turns on a CPU, one that watches keeps away the one that it waits for.
    const auto spin = count <= available ? kSpin : std::chrono::microseconds(0);
    return std::unique_ptr<ThreadPool>(new ThreadPool(count, spin));
  });
}

ThreadPool::ThreadPool(int threads, std::chrono::nanoseconds spin)
    : threads_(threads), spin_(spin), cpus_(CpuMask::OfCallingThread()) {
  handles_.reserve(static_cast<size_t>(threads - 1));
}

ThreadPool::~ThreadPool() {
  // In the child of a fork there is nobody to join.
  if (handles_.empty() || pid_ != getpid()) return;
  stopping_.store(true, std::memory_order_relaxed);
  signal_.fetch_add(1, std::memory_order_release);
  FutexWake(signal_, INT_MAX);
  for (pthread_t handle : handles_) pthread_join(handle, nullptr);
}

void ThreadPool::Run(int64_t parts, Part fn, void* context) {
  if (parts <= 1 || threads_ == 1 || busy_.load(std::memory_order_relaxed) ||
      busy_.exchange(true, std::memory_order_acquire)) {
    for (int64_t part = 0; part < parts; ++part) fn(context, part, 0);
    return;
  }
  if (pid_ == 0) StartWorkers();
  for (int64_t first = 0; first < parts;) {
    const int64_t count = std::min(parts - first, static_cast<int64_t>(kPartMask));
    RunRound(first, static_cast<uint32_t>(count), fn, context);
    first += count;
  }
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::RunRound(int64_t first, uint32_t count, Part fn, void* context) {
  fn_.store(fn, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  end_.store(first + count, std::memory_order_relaxed);
  caller_cpu_.store(sched_getcpu(), std::memory_order_relaxed);
  unfinished_.store(count, std::memory_order_relaxed);
  worker_in_the_way_.store(false, std::memory_order_relaxed);
  const uint64_t job = (ticket_.load(std::memory_order_relaxed) >> kPartBits) + 1;
  ticket_.store(job << kPartBits | count, std::memory_order_seq_cst);
  WakeWorkers(count - 1);
  const uint32_t taken = TakeParts(0);
  if (taken != count) AwaitOthers(taken);
}

// On a busy machine the scheduler may put a worker on the CPU of the caller that wakes it. There
// the one that watches keeps away the one that it waits for.
bool ThreadPool::OnCallersCpu() const {
  return sched_getcpu() == caller_cpu_.load(std::memory_order_relaxed);
}

// Sees to it that so many workers are awake, as far as there are so many.
void ThreadPool::WakeWorkers(uint32_t helpers) {
  const uint32_t asleep = sleepers_.load(std::memory_order_seq_cst);
  if (asleep == 0) return;
  const auto workers = static_cast<uint32_t>(handles_.size());
  const uint32_t awake = workers - asleep;
  const uint32_t wanted = std::min(helpers, workers);
  if (wanted <= awake) return;
  signal_.fetch_add(1, std::memory_order_release);
  FutexWake(signal_, wanted - awake);
}

// Claims and runs parts until all are claimed. Says how many it ran, which must be reported to
// unfinished_. All of them are of one job: it can't end before the report.
uint32_t ThreadPool::TakeParts(int thread) {
  uint32_t taken = 0;
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (Unclaimed(ticket) != 0) {
    const Part fn = fn_.load(std::memory_order_relaxed);
    void* const context = context_.load(std::memory_order_relaxed);
    const int64_t part = end_.load(std::memory_order_relaxed) - Unclaimed(ticket);
    // Release: the loads above come before what the caller writes for its next job.
    if (ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
      if (thread > 0 && taken == 0 && OnCallersCpu()) {
        worker_in_the_way_.store(true, std::memory_order_relaxed);
      }
      fn(context, part, thread);
      ++taken;
      ticket = ticket_.load(std::memory_order_acquire);
    }
  }
  return taken;
}

// The caller, who ran `taken` parts, waits for the workers that claimed the others.
void ThreadPool::AwaitOthers(uint32_t taken) {
  if (unfinished_.fetch_sub(taken, std::memory_order_acq_rel) == taken) return;
  const auto ready = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  const auto in_vain = [this] { return worker_in_the_way_.load(std::memory_order_relaxed); };
  if (Spin(spin_, ready, in_vain)) return;
  uint32_t left = unfinished_.fetch_or(kCallerSleeps, std::memory_order_acq_rel) | kCallerSleeps;
  while (left != kCallerSleeps) {
    FutexWait(unfinished_, left);
    left = unfinished_.load(std::memory_order_acquire);
  }
}

// Signals are blocked before a worker starts, as it inherits the mask.
void ThreadPool::StartWorkers() {
  pid_ = getpid();
  const sigset_t blocked = SignalsOfOthers();
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  for (int i = 1; i < threads_; ++i) {
    pthread_t handle;
    if (pthread_create(&handle, nullptr, &ThreadPool::WorkerMain, this) != 0) break;
    handles_.push_back(handle);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  workers_.store(static_cast<int>(handles_.size()), std::memory_order_relaxed);
}

void* ThreadPool::WorkerMain(void* pool) {
  auto* self = static_cast<ThreadPool*>(pool);
  self->Work(self->next_worker_.fetch_add(1, std::memory_order_relaxed));
  return nullptr;
}

void ThreadPool::Work(int thread) {
  char name[16];  // the system's limit
  std::snprintf(name, sizeof(name), "gcomp-%d", thread);
  pthread_setname_np(pthread_self(), name);
  // Whoever is first to call Run may be pinned; to share its CPU would be of no use.
  if (CpuMask::OfCallingThread() != cpus_) cpus_.SetOnCallingThread();
  const FpEnvironment environment;
  while (AwaitParts()) {
    const uint32_t taken = TakeParts(thread);
    if (taken == 0) continue;
    if (unfinished_.fetch_sub(taken, std::memory_order_acq_rel) == (taken | kCallerSleeps)) {
      FutexWake(unfinished_, 1);
    }
  }
}

// Of a worker: returns true when there may be parts to claim, false when the pool ends.
bool ThreadPool::AwaitParts() {
  const auto ready = [this] {
    return Unclaimed(ticket_.load(std::memory_order_seq_cst)) != 0 ||
           stopping_.load(std::memory_order_relaxed);
  };
  if (!Spin(spin_, ready, [this] { return OnCallersCpu(); })) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    while (true) {
      const uint32_t signal = signal_.load(std::memory_order_acquire);
      if (ready()) break;
      FutexWait(signal_, signal);
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
  return !stopping_.load(std::memory_order_relaxed);
}

}  // namespace gcomp
