#include "jit/llvm/compile_thread.h"

#include <llvm/Support/ErrorHandling.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"

namespace gcomp::codegen {
namespace {

// LLVM recurses over expressions; what the main thread has on Linux is what it is tested with.
constexpr size_t kStackBytes = size_t{8} << 20;

// What all threads tell each other. Compiles take milliseconds: one lock for all costs nothing.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int parked = 0;         // the rest is guarded by mutex
  char reason[256] = "";  // of the first; no memory may be left to allocate
};

// Never destroyed: threads may be parked when the process ends.
Shared& TheShared() {
  static Shared& shared = *new Shared;
  return shared;
}

thread_local bool* parked_of_this_thread = nullptr;  // set on compile threads

// Parks the calling thread, if it is of our kind.
void Park(const char* reason) {
  if (parked_of_this_thread == nullptr) return;
  Shared& shared = TheShared();
  {
    std::lock_guard lock(shared.mutex);
    if (shared.parked++ == 0) std::snprintf(shared.reason, sizeof(shared.reason), "%s", reason);
    *parked_of_this_thread = true;
    shared.changed.notify_all();
  }
  while (true) pause();
}

void OnFatalError(void* /*context*/, const char* reason, bool /*crash_report*/) {
  Park(reason);
}

void OnNoMemory(void* /*context*/, const char* reason, bool crash_report) {
  Park(reason);
  // This handler may not return, but on a thread of others is none of ours.
  llvm::remove_bad_alloc_error_handler();
  llvm::report_bad_alloc_error(reason, crash_report);
}

void InstallHandlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::install_fatal_error_handler(OnFatalError);
    llvm::install_bad_alloc_error_handler(OnNoMemory);
  });
}

// Starts a thread with our stack and without the embedder's signals. False if there is none.
bool Start(pthread_t* handle, void* (*main)(void*), void* argument) {
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const int error = pthread_create(handle, &attributes, main, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return error == 0;
}

Status FatalError(const char* when, const char* reason) {
  return Status(ErrorId::E902, Format("LLVM met a fatal error{}: {}; this process compiles nothing "
                                      "more",
                                      when, reason));
}

}  // namespace

struct CompileThread::Task {
  std::function<Status()> work;
  Status status;
  pthread_t handle = {};
  bool started = false;
  bool done = false;    // guarded by Shared::mutex
  bool parked = false;  // likewise
};

CompileThread::CompileThread(std::function<Status()> work) : task_(std::make_unique<Task>()) {
  InstallHandlers();
  task_->work = std::move(work);
  Shared& shared = TheShared();
  {
    std::lock_guard lock(shared.mutex);
    if (shared.parked > 0) {
      task_->status = FatalError(" before", shared.reason);
      return;
    }
  }
  task_->started = Start(&task_->handle, &Main, task_.get());
  if (!task_->started) {
    task_->status = Status(ErrorId::E801, Format("the system gives no thread to compile on, which "
                                                 "takes a stack of {} bytes",
                                                 kStackBytes));
  }
}

CompileThread::~CompileThread() {
  static_cast<void>(Wait());
}

void* CompileThread::Main(void* argument) {
  Task& task = *static_cast<Task*>(argument);
  pthread_setname_np(pthread_self(), "gcomp-llvm");
  const FpEnvironment environment;
  parked_of_this_thread = &task.parked;
  Status status;
  // An exception that leaves the work may have left locks of LLVM's behind, wherever it was thrown.
  Status thrown = CallLlvm([&] { status = task.work(); });
  if (!thrown.ok()) status = std::move(thrown);
  parked_of_this_thread = nullptr;
  Shared& shared = TheShared();
  std::lock_guard lock(shared.mutex);
  task.status = std::move(status);
  task.done = true;
  shared.changed.notify_all();
  return nullptr;
}

Status CompileThread::Wait() {
  if (task_ == nullptr) return {};
  std::unique_ptr<Task> task = std::move(task_);
  if (!task->started) return std::move(task->status);
  Shared& shared = TheShared();
  {
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return task->done || task->parked; });
    if (task->parked) {
      pthread_detach(task.release()->handle);  // its thread is not through with it
      return FatalError("", shared.reason);
    }
  }
  pthread_join(task->handle, nullptr);
  return std::move(task->status);
}

Status CallLlvm(const std::function<void()>& call) {
  try {
    call();
    return {};
  } catch (...) {
    Park("an exception, most likely for want of memory");
    return Status::OutOfMemory();
  }
}

int CompileThread::Parked() {
  Shared& shared = TheShared();
  std::lock_guard lock(shared.mutex);
  return shared.parked;
}

Turn::Holder::Holder(Turn& turn) : turn_(turn) {
  Shared& shared = TheShared();
  std::unique_lock lock(shared.mutex);
  shared.changed.wait(lock, [&] { return !turn_.taken_ || turn_.abandoned_ || shared.parked > 0; });
  lost_ = turn_.taken_;
  turn_.taken_ = true;
}

void Turn::Holder::Abandon() {
  Shared& shared = TheShared();
  std::lock_guard lock(shared.mutex);
  turn_.abandoned_ = true;
  lost_ = true;
  shared.changed.notify_all();
}

Turn::Holder::~Holder() {
  if (lost_) return;
  Shared& shared = TheShared();
  std::lock_guard lock(shared.mutex);
  turn_.taken_ = false;
  shared.changed.notify_all();
}

}  // namespace gcomp::codegen
