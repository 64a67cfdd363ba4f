// CompileThread: what LLVM can't go on from, or has no memory for, ends one compile and no more.
#include <gtest/gtest.h>

#ifndef GCOMP_LLVM

TEST(CompileThread, All) {
  GTEST_SKIP() << "built without LLVM (GCOMP_LLVM=OFF)";
}

#else

#include <llvm/Support/ErrorHandling.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <xmmintrin.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "jit/llvm/compile_thread.h"
#include "jit/llvm/llvm_engine.h"
#include "tests/unit/jit_testing.h"

namespace gcomp::codegen {
namespace {

TEST(CompileThread, ReturnsWhatTheWorkReturns) {
  int done = 0;
  CompileThread good([&] {
    ++done;
    return Status();
  });
  CompileThread bad([] { return Status(ErrorId::E511, "not today"); });
  EXPECT_TRUE(good.Wait().ok());
  EXPECT_EQ(done, 1);
  EXPECT_EQ(bad.Wait().id(), ErrorId::E511);
  EXPECT_EQ(CompileThread::Parked(), 0);
}

// The stack, the signals and the arithmetic of the caller are not those of the work.
TEST(CompileThread, HasAnEnvironmentOfItsOwn) {
  const unsigned flush_denormals = 0x8000;
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | flush_denormals);
  unsigned csr = 0;
  bool blocked = false;
  bool fault_blocked = true;
  size_t stack = 0;
  CompileThread thread([&] {
    csr = _mm_getcsr();
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1;
    fault_blocked = sigismember(&mask, SIGSEGV) == 1;
    pthread_attr_t attributes;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
    return Status();
  });
  EXPECT_TRUE(thread.Wait().ok());
  _mm_setcsr(before);
  EXPECT_EQ(csr & flush_denormals, 0u);
  EXPECT_TRUE(blocked);
  EXPECT_FALSE(fault_blocked);
  EXPECT_GE(stack, size_t{8} << 20);
}

TEST(CompileThread, TurnsAreTakenOneAtATime) {
  Turn turn;
  int inside = 0;
  int rounds = 0;
  auto work = [&] {
    for (int i = 0; i < 100; ++i) {
      const Turn::Holder holder(turn);
      if (holder.lost() || ++inside != 1) return Status(ErrorId::E999, "two have the turn");
      ++rounds;
      --inside;
    }
    return Status();
  };
  CompileThread first(work);
  CompileThread second(work);
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_TRUE(second.Wait().ok());
  EXPECT_EQ(rounds, 200);
}

// Threads are parked for the rest of the process: in processes of their own.
class CompileThreadDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  // One thread is parked with the turn; what waits for the turn, and what comes later, goes on.
  static void ParkWithTheTurn() {
    Turn turn;
    std::atomic<bool> taken = false;
    CompileThread stuck([&]() -> Status {
      const Turn::Holder holder(turn);
      taken = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      llvm::report_fatal_error("the end");
    });
    bool lost = false;
    CompileThread waits([&] {
      while (!taken) std::this_thread::yield();
      const Turn::Holder holder(turn);
      lost = holder.lost();
      return Status();
    });
    const Status status = stuck.Wait();
    EXPECT_EQ(status.id(), ErrorId::E902);
    EXPECT_NE(status.message().find("the end"), std::string::npos) << status.ToString();
    EXPECT_TRUE(waits.Wait().ok());
    EXPECT_TRUE(lost);
    EXPECT_EQ(CompileThread::Parked(), 1);
    bool began = false;
    CompileThread later([&] {
      began = true;
      return Status();
    });
    EXPECT_EQ(later.Wait().id(), ErrorId::E902);
    EXPECT_FALSE(began);
  }

  // A fatal error in the compile of one engine; code that is loaded lives on and can be freed.
  static void CompileWithAFatalFault() {
    std::unique_ptr<LlvmEngine> engine = MakeEngine();
    StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add");
    ASSERT_TRUE(code.ok());
    CompileThread thread([&]() -> Status {
      CompileOptions options;
      options.fault = CompileFault::kFatal;
      return CompileAdd(*engine, "other", options).status();
    });
    const Status status = thread.Wait();
    EXPECT_EQ(status.id(), ErrorId::E902);
    EXPECT_NE(status.message().find("Cannot select"), std::string::npos) << status.ToString();
    float one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    float out[8];
    reinterpret_cast<AddFunction>((*code)->Symbol("add"))(out, one, one);
    EXPECT_EQ(out[7], 2.0f);
    *code = nullptr;
    EXPECT_EQ(engine->live_bytes(), 0u);
  }
};

// The memory of the process runs out somewhere in a compile, further in at each turn; what LLVM
// reports, and what operator new throws through LLVM, ends that compile alone.
void CompileWithoutMemory(size_t bytes) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  ASSERT_TRUE(CompileAdd(*engine, "add").ok());  // what is made once is made
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  CompileThread thread([&]() -> Status {
    rlimit low = before;
    low.rlim_cur = MemoryOfThisProcess().data_bytes + bytes;
    if (setrlimit(RLIMIT_DATA, &low) != 0) return Status(ErrorId::E999, "no limit");
    return CompileAdds(*engine, 1000).status();
  });
  const Status status = thread.Wait();
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &before), 0);
  ASSERT_FALSE(status.ok());
  EXPECT_TRUE(status.id() == ErrorId::E902 || status.id() == ErrorId::E801) << status.ToString();
  EXPECT_EQ(CompileThread([] { return Status(); }).Wait().ok(), CompileThread::Parked() == 0);
}

TEST_F(CompileThreadDeathTest, AnEndOfMemoryIsAStatus) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers need address space";
#endif
  for (size_t bytes : {1 << 14, 1 << 16, 1 << 18, 1 << 20}) {
    EXPECT_EXIT(
        {
          CompileWithoutMemory(bytes);
          std::_Exit(HasFailure() ? 1 : 0);
        },
        ::testing::ExitedWithCode(0), "");
  }
}

TEST_F(CompileThreadDeathTest, NobodyWaitsForAThreadThatIsParked) {
  EXPECT_EXIT(
      {
        ParkWithTheTurn();
        std::_Exit(HasFailure() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(CompileThreadDeathTest, AFatalErrorOfACompileIsAStatus) {
  EXPECT_EXIT(
      {
        CompileWithAFatalFault();
        std::_Exit(HasFailure() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(CompileThreadDeathTest, OtherThreadsEndAsTheyDoWithoutUs) {
  EXPECT_EXIT(
      {
        static_cast<void>(CompileThread([] { return Status(); }).Wait());
        llvm::report_fatal_error("not of ours", /*gen_crash_diag=*/false);
      },
      ::testing::ExitedWithCode(1), "");
}

}  // namespace
}  // namespace gcomp::codegen

#endif  // GCOMP_LLVM
