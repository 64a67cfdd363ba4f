// CompileThread: work with LLVM on a thread that can be given up.
//
// Where LLVM can't go on, or gets no memory, it calls a handler and ends the process if that
// returns. Nothing can be unwound there: LLVM is built without exceptions. So the handler never
// returns: it parks the thread for ever, with all that the thread holds, and wakes who waits. As
// the thread may hold a lock of LLVM's, no work begins in this process from then on; code that is
// loaded stays, and is freed as far as no lock that the thread may hold is needed. An exception out
// of LLVM (operator new) has left such locks behind, too: CallLlvm parks the thread, as does an
// exception that leaves the thread's work.
//
// The handlers are LLVM's own, one per process. On threads that are not of this kind they do what
// LLVM does without them, but for the message.
//
// The threads are named "gcomp-llvm", block signals that are not a fault of their own, have the
// FpEnvironment, and a stack that is large enough for LLVM's recursion whatever the caller's is.
#pragma once

#include <functional>
#include <memory>

#include "base/status.h"

namespace gcomp::codegen {

class CompileThread {
 public:
  // Begins `work`. What it refers to must live until Wait returns; what is of LLVM must be made by
  // `work` itself, or be moved there: it is lost with a thread that is parked, never destroyed.
  explicit CompileThread(std::function<Status()> work);

  CompileThread(const CompileThread&) = delete;
  CompileThread& operator=(const CompileThread&) = delete;
  ~CompileThread();  // waits

  // What `work` returned. Fails with E902 if its thread is parked, or if one was before, and `work`
  // did not begin; with E801 if the system gives no thread.
  Status Wait();

  // Threads of this process that are parked.
  static int Parked();

 private:
  struct Task;

  static void* Main(void* task);

  std::unique_ptr<Task> task_;
};

// Calls into LLVM. If an exception comes out of it the calling CompileThread is parked, before more
// than LLVM's own frames is undone; elsewhere that is E801.
Status CallLlvm(const std::function<void()>& call);

// The right to do what is done by one thread at a time. Who waits for it does not wait for ever
// where a parked thread has it.
class Turn {
 public:
  // While it lives, the turn is the caller's, unless it is lost.
  class Holder {
   public:
    explicit Holder(Turn& turn);
    ~Holder();

    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    // The turn was abandoned, or somebody's when a thread was parked: it may never come back.
    bool lost() const { return lost_; }

    // Nobody gets the turn any more: what it protects can't be relied on.
    void Abandon();

   private:
    Turn& turn_;
    bool lost_;
  };

 private:
  bool taken_ = false;  // guarded by the lock of all threads
  bool abandoned_ = false;
};

}  // namespace gcomp::codegen
