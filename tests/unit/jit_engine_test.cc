// LlvmEngine: compile, call, free; errors are Statuses and leave nothing behind.
#include <gtest/gtest.h>

#ifndef GCOMP_LLVM

TEST(LlvmEngine, All) {
  GTEST_SKIP() << "built without LLVM (GCOMP_LLVM=OFF)";
}

#else

#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/format.h"
#include "jit/llvm/compile_thread.h"
#include "jit/llvm/llvm_engine.h"
#include "tests/unit/jit_testing.h"

extern "C" {
extern jit_descriptor __jit_debug_descriptor;
}

namespace gcomp::codegen {
namespace {

TEST(LlvmEngine, CompilesCallsAndFrees) {
  for (CpuLevel level : TestedLevels()) {
    std::unique_ptr<LlvmEngine> engine = MakeEngine(level);
    EXPECT_EQ(engine->level(), level);
    EXPECT_EQ(engine->live_bytes(), 0u);
    CompileTimes times;
    CompileOptions options;
    options.times = &times;
    StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add", options);
    ASSERT_TRUE(code.ok()) << code.status().ToString();
    EXPECT_GT((*code)->bytes(), 0u);
    EXPECT_EQ(engine->live_bytes(), (*code)->bytes());
    EXPECT_GT(times.codegen, 0);
    EXPECT_EQ((*code)->Symbol("sub"), nullptr);
    auto add = reinterpret_cast<AddFunction>((*code)->Symbol("add"));
    ASSERT_NE(add, nullptr);
    float a[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    float b[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    float out[8];
    add(out, a, b);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(out[i], static_cast<float>(i + 1));
    *code = nullptr;
    EXPECT_EQ(engine->live_bytes(), 0u);
  }
}

TEST(LlvmEngine, CodeOutlivesTheEngine) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add");
  ASSERT_TRUE(code.ok());
  engine = nullptr;
  float one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  float out[8];
  reinterpret_cast<AddFunction>((*code)->Symbol("add"))(out, one, one);
  EXPECT_EQ(out[7], 2.0f);
}

TEST(LlvmEngine, ModulesMayUseTheSameNames) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  StatusOr<std::shared_ptr<LoadedCode> > first = CompileAdd(*engine, "add");
  StatusOr<std::shared_ptr<LoadedCode> > second = CompileAdd(*engine, "add");
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE((*first)->Symbol("add"), (*second)->Symbol("add"));
}

TEST(LlvmEngine, DumpsShowBothFormsAndChangeNothing) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  CodeDump dump;
  CompileOptions options;
  options.dump = &dump;
  StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add", options);
  ASSERT_TRUE(code.ok());
  EXPECT_NE(dump.llvm.find("define void @add("), std::string::npos) << dump.llvm;
  EXPECT_NE(dump.assembly.find("vaddps"), std::string::npos) << dump.assembly;
  EXPECT_NE((*code)->Symbol("add"), nullptr);
}

// Vectors of 512 bits are kept whole on v4, and no a * b + c becomes an fma.
TEST(LlvmEngine, CodeIsForTheLevel) {
  for (CpuLevel level : TestedLevels()) {
    std::unique_ptr<LlvmEngine> engine = MakeEngine(level);
    ModuleBuilder built;
    llvm::IRBuilder<>& builder = built.builder();
    llvm::Type* type = llvm::FixedVectorType::get(builder.getFloatTy(), 16);
    std::vector<llvm::Value*> args = built.Begin("f", 2);
    llvm::Value* a = builder.CreateAlignedLoad(type, args[1], llvm::Align(4));
    builder.CreateAlignedStore(builder.CreateFAdd(builder.CreateFMul(a, a), a), args[0],
                               llvm::Align(4));
    built.End();
    CodeDump dump;
    CompileOptions options;
    options.dump = &dump;
    ASSERT_TRUE(built.Compile(*engine, options).ok());
    EXPECT_EQ(dump.assembly.find("zmm") != std::string::npos, level == CpuLevel::kV4);
    EXPECT_EQ(dump.assembly.find("vfm"), std::string::npos) << dump.assembly;
  }
}

TEST(LlvmEngine, FaultsAreStatusesAndLeaveNothing) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  StatusOr<std::shared_ptr<LoadedCode> > other = CompileAdd(*engine, "other");
  ASSERT_TRUE(other.ok());
  size_t bytes = engine->live_bytes();

  struct Case {
    CompileFault fault;
    ErrorId id;
    const char* message;
  };

  const Case cases[] = {
      {CompileFault::kBrokenModule, ErrorId::E999, "does not have terminator"},
      {CompileFault::kCodegen, ErrorId::E902, "SSE"},
      {CompileFault::kMemory, ErrorId::E801, "refused"},
      {CompileFault::kMissingSymbol, ErrorId::E902, "gcomp_no_such_function"},
  };
  for (int round = 0; round < 3; ++round) {
    for (const Case& c : cases) {
      CompileOptions options;
      options.fault = c.fault;
      StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add", options);
      ASSERT_FALSE(code.ok());
      EXPECT_EQ(code.status().id(), c.id) << code.status().ToString();
      EXPECT_NE(code.status().message().find(c.message), std::string::npos)
          << code.status().ToString();
      EXPECT_EQ(engine->live_bytes(), bytes);
      // The next one compiles.
      EXPECT_TRUE(CompileAdd(*engine, "add").ok());
    }
  }
}

TEST(LlvmEngine, CompilingAndFreeingManyTimesKeepsNoMemory) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  auto cycles = [&](int count) {
    for (int i = 0; i < count; ++i) {
      CompileOptions options;
      if (i % 10 == 3) options.fault = CompileFault::kMemory;
      if (i % 10 == 6) options.fault = CompileFault::kMissingSymbol;
      CompileThread thread([&]() -> Status {
        return CompileAdd(*engine, Format("kernel_{}", i), options).status();
      });
      ASSERT_EQ(thread.Wait().ok(), options.fault == CompileFault::kNone);
    }
  };
  cycles(100);
  [[maybe_unused]] size_t before = MemoryOfThisProcess().resident_bytes;
  cycles(1000);
  EXPECT_EQ(engine->live_bytes(), 0u);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // A page kept per kernel would be 4,000 KB. (Sanitizers keep what is freed.)
  EXPECT_LT(MemoryOfThisProcess().resident_bytes, before + 1000 * 1024);
#endif
}

TEST(LlvmEngine, ThreadsCompileAtTheSameTime) {
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  std::atomic<int> right = 0;
  auto work = [&] {
    std::vector<std::shared_ptr<LoadedCode> > kept;
    for (int i = 0; i < 20; ++i) {
      CompileOptions options;
      // Errors of one thread are not the others'.
      if (i % 4 == 3) options.fault = CompileFault::kMemory;
      StatusOr<std::shared_ptr<LoadedCode> > code = CompileAdd(*engine, "add", options);
      if (!code.ok()) {
        if (options.fault == CompileFault::kMemory && code.status().id() == ErrorId::E801) ++right;
        continue;
      }
      float one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
      float out[8];
      reinterpret_cast<AddFunction>((*code)->Symbol("add"))(out, one, one);
      if (options.fault == CompileFault::kNone && out[7] == 2) ++right;
      if (i % 2 == 0) kept.push_back(*std::move(code));
    }
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
  EXPECT_EQ(right, 40);
  EXPECT_EQ(engine->live_bytes(), 0u);
}

// ---- Debuggers ----------------------------------------------------------------------------------

// The object files that a debugger is told of.
std::vector<std::string_view> DebugObjects() {
  std::vector<std::string_view> objects;
  for (const jit_code_entry* entry = __jit_debug_descriptor.first_entry; entry != nullptr;
       entry = entry->next_entry) {
    objects.emplace_back(entry->symfile_addr, entry->symfile_size);
  }
  return objects;
}

TEST(GdbRegistration, CodeIsListedWhileItLives) {
  ASSERT_EQ(setenv("GCOMP_JIT_GDB", "1", 1), 0);
  std::unique_ptr<LlvmEngine> engine = MakeEngine();
  unsetenv("GCOMP_JIT_GDB");
  StatusOr<std::shared_ptr<LoadedCode> > first = CompileAdd(*engine, "first_name");
  StatusOr<std::shared_ptr<LoadedCode> > second = CompileAdd(*engine, "second_name");
  CompileOptions options;
  options.fault = CompileFault::kMissingSymbol;
  EXPECT_FALSE(CompileAdd(*engine, "third_name", options).ok());
  ASSERT_TRUE(first.ok() && second.ok());
  std::vector<std::string_view> objects = DebugObjects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_TRUE(
      objects[1].starts_with("\x7f"
                             "ELF"));
  EXPECT_NE(objects[0].find("second_name"), std::string_view::npos);
  EXPECT_NE(objects[1].find("first_name"), std::string_view::npos);
  // Its section headers say where the code is.
  const auto address = reinterpret_cast<uintptr_t>((*first)->Symbol("first_name"));
  const std::string_view bytes(reinterpret_cast<const char*>(&address), sizeof(address));
  EXPECT_NE(objects[1].find(bytes), std::string_view::npos);
  *first = nullptr;
  objects = DebugObjects();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_NE(objects[0].find("second_name"), std::string_view::npos);
  *second = nullptr;
  EXPECT_TRUE(DebugObjects().empty());
}

}  // namespace
}  // namespace gcomp::codegen

#endif  // GCOMP_LLVM
