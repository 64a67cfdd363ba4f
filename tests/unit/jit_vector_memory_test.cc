// VectorOps: loads and stores convert as elements do (ir/loops_bound.h), and lanes that are masked
// off touch no memory.
#include <gtest/gtest.h>

#ifndef GCOMP_LLVM

TEST(VectorMemoryTest, All) {
  GTEST_SKIP() << "built without LLVM (GCOMP_LLVM=OFF)";
}

#else

#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/format.h"
#include "ir/loops_bound.h"
#include "tests/unit/jit_vector_testing.h"

namespace gcomp::codegen {
namespace {

constexpr DType kMemoryTypes[] = {DType::kBool, DType::kI8,  DType::kI16, DType::kI32, DType::kI64,
                                  DType::kU8,   DType::kU16, DType::kU32, DType::kU64, DType::kF16,
                                  DType::kBF16, DType::kF32, DType::kF64};

using VectorMemoryTest = VectorOpsTest;

INSTANTIATE_TEST_SUITE_P(Levels, VectorMemoryTest, testing::ValuesIn(Targets()), NameOfTarget);

std::string NameOf(const char* what, DType dtype) {
  return Format("{}_{}", what, ir::NameOf(dtype));
}

// All bits of small types; specials and random ones of others.
std::vector<uint64_t> MemoryValues(DType dtype) {
  std::vector<uint64_t> values;
  if (ir::BitsOf(dtype) <= 16) {
    for (uint64_t bits = 0; bits < uint64_t{1} << ir::BitsOf(dtype); ++bits) values.push_back(bits);
    return values;
  }
  values = SpecialValues(dtype);
  std::mt19937_64 random(11);
  while (values.size() < 1024 || values.size() % 16 != 0) {
    values.push_back(RandomValue(dtype, random));
  }
  return values;
}

// Of the compute type of `dtype`: specials, random ones, and what rounding may get wrong.
std::vector<uint64_t> StoredValues(DType dtype) {
  DType compute = ir::ComputeTypeOf(dtype);
  std::vector<uint64_t> values = SpecialValues(compute);
  std::mt19937_64 random(13);
  for (int i = 0; i < 4000; ++i) values.push_back(RandomValue(compute, random));
  if (compute == DType::kF32) {
    // Halfway between neighbors of 16 bits, and one unit to both sides; denormals of f16 too.
    for (uint64_t bits = 0; bits < 65536; bits += 7) {
      uint64_t half = std::bit_cast<uint32_t>(ir::HalfToFloat(static_cast<uint16_t>(bits)));
      for (uint64_t base : {half, bits << 16}) {
        for (uint64_t tie : {uint64_t{0x1000}, uint64_t{0x8000}}) {
          for (uint64_t step : {tie - 1, tie, tie + 1})
            values.push_back((base + step) & 0xffffffffu);
        }
      }
    }
    for (int i = 0; i < 4096; ++i) {
      auto tie = std::bit_cast<uint32_t>(std::ldexp(static_cast<float>(2 * i + 1), -25));
      for (uint32_t step : {tie - 1, tie, tie + 1}) values.push_back(step);
    }
  }
  values.resize((values.size() + 15) / 16 * 16);
  return values;
}

TEST_P(VectorMemoryTest, LoadsConvertAsElementsDo) {
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  for (DType dtype : kMemoryTypes) {
    DType compute = ir::ComputeTypeOf(dtype);
    std::vector<llvm::Value*> pointers = built.Begin(NameOf("load", dtype), 2);
    ops.Store(compute, ops.Load(dtype, pointers[1]), pointers[0]);
    built.End();
    pointers = built.Begin(NameOf("splat", dtype), 2);
    ops.Store(compute, ops.LoadSplat(dtype, pointers[1]), pointers[0]);
    built.End();
  }
  ASSERT_NO_FATAL_FAILURE(Compile(built));
  auto step = static_cast<size_t>(lanes());
  for (DType dtype : kMemoryTypes) {
    DType compute = ir::ComputeTypeOf(dtype);
    std::vector<uint64_t> values = MemoryValues(dtype);
    Array in(dtype, values.size());
    for (size_t i = 0; i < values.size(); ++i) in.Set(i, values[i]);
    Array out(compute, values.size());
    Array splat(compute, 16);
    for (size_t i = 0; i < values.size(); i += step) {
      ASSERT_NO_FATAL_FAILURE(Call(NameOf("load", dtype), out.at(i), in.at(i)));
      ASSERT_NO_FATAL_FAILURE(Call(NameOf("splat", dtype), splat.at(0), in.at(i)));
      for (size_t l = 0; l < step; ++l) ASSERT_TRUE(Same(compute, splat.Get(l), out.Get(i)));
    }
    for (size_t i = 0; i < values.size(); ++i) {
      uint64_t expected = ir::loops_internal::LoadElement(dtype, in.at(i));
      ASSERT_TRUE(Same(compute, out.Get(i), expected))
          << NameOf("load", dtype)
          << Format(" {:x}: {:x}, expected {:x}", values[i], out.Get(i), expected);
    }
  }
}

TEST_P(VectorMemoryTest, StoresConvertAsElementsDo) {
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  for (DType dtype : kMemoryTypes) {
    DType compute = ir::ComputeTypeOf(dtype);
    for (bool streaming : {false, true}) {
      auto pointers = built.Begin(NameOf(streaming ? "stream" : "store", dtype), 2);
      ops.Store(dtype, ops.Load(compute, pointers[1]), pointers[0], nullptr, streaming);
      built.End();
    }
    auto pointers = built.Begin(NameOf("round", dtype), 2);
    ops.Store(compute, ops.Round(dtype, ops.Load(compute, pointers[1])), pointers[0]);
    built.End();
  }
  ASSERT_NO_FATAL_FAILURE(Compile(built));
  for (DType dtype : kMemoryTypes) {
    DType compute = ir::ComputeTypeOf(dtype);
    std::vector<uint64_t> values = StoredValues(dtype);
    Array from(compute, values.size());
    for (size_t i = 0; i < values.size(); ++i) from.Set(i, values[i]);
    for (const char* what : {"store", "stream", "round"}) {
      // Rounded values come back in the compute type.
      bool back = what == std::string("round");
      DType result = back ? compute : dtype;
      Array to(result, values.size());
      for (size_t i = 0; i < values.size(); i += static_cast<size_t>(lanes())) {
        ASSERT_NO_FATAL_FAILURE(Call(NameOf(what, dtype), to.at(i), from.at(i)));
      }
      Array stored(dtype, 1);
      for (size_t i = 0; i < values.size(); ++i) {
        ir::loops_internal::StoreElement(dtype, values[i], stored.at(0));
        uint64_t expected =
            back ? ir::loops_internal::LoadElement(dtype, stored.at(0)) : stored.Get(0);
        ASSERT_TRUE(Same(result, to.Get(i), expected))
            << NameOf(what, dtype)
            << Format(" {:x}: {:x}, expected {:x}", values[i], to.Get(i), expected);
      }
    }
  }
}

// Memory between two pages that nobody may touch.
class Fenced {
 public:
  Fenced() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* memory = mmap(nullptr, 3 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    begin_ = static_cast<char*>(memory) + page_;
    mprotect(begin_, page_, PROT_READ | PROT_WRITE);
  }

  ~Fenced() { munmap(begin_ - page_, 3 * page_); }

  char* begin() { return begin_; }

  char* end() { return begin_ + page_; }

  void Clear() { std::memset(begin_, 0, page_); }

 private:
  size_t page_;
  char* begin_;
};

// The masked forms, and the strided ones with and without a mask: (out, in, mask, stride).
void BuildMasked(ModuleBuilder& built, VectorOps& ops, DType dtype) {
  llvm::IRBuilder<>& builder = built.builder();
  DType compute = ir::ComputeTypeOf(dtype);
  auto begin = [&](const char* name) { return built.Begin(NameOf(name, dtype), 4); };
  auto mask_of = [&](const std::vector<llvm::Value*>& args) {
    return ops.Load(DType::kBool, args[2]);
  };
  auto stride_of = [&](const std::vector<llvm::Value*>& args) {
    return builder.CreateLoad(builder.getInt64Ty(), args[3]);
  };
  std::vector<llvm::Value*> args = begin("load");
  ops.Store(compute, ops.Load(dtype, args[1], mask_of(args)), args[0]);
  built.End();
  args = begin("store");
  ops.Store(dtype, ops.Load(compute, args[1]), args[0], mask_of(args));
  built.End();
  for (bool masked : {true, false}) {
    args = begin(masked ? "gather" : "load_strided");
    llvm::Value* mask = masked ? mask_of(args) : nullptr;
    ops.Store(compute, ops.LoadStrided(dtype, args[1], stride_of(args), mask), args[0]);
    built.End();
    args = begin(masked ? "scatter" : "store_strided");
    mask = masked ? mask_of(args) : nullptr;
    ops.StoreStrided(dtype, ops.Load(compute, args[1]), args[0], stride_of(args), mask);
    built.End();
  }
}

// `count` of the lanes lie between the fences, the others beyond one of them.
struct Placement {
  int64_t stride;
  int count;
  bool at_end;
};

class MaskedLanesTest : public VectorOpsTest {
 protected:
  // Stores the lanes that are inside, compares them in memory, and loads them again.
  void Check(DType dtype, const char* store, const char* load, const Placement& placement) {
    DType compute = ir::ComputeTypeOf(dtype);
    int64_t width = ir::BytesOf(dtype);
    // At the end the first lanes are inside, at the beginning the last ones; backwards otherwise.
    bool first_lanes = placement.at_end == (placement.stride > 0);
    int edge = first_lanes ? placement.count - 1 : lanes() - placement.count;
    char* address = placement.at_end ? fenced_.end() - width : fenced_.begin();
    address -= edge * placement.stride * width;
    Array mask(DType::kBool, 16);
    Array values(compute, 16);
    std::vector<uint64_t> special = SpecialValues(compute);
    for (int l = 0; l < lanes(); ++l) {
      auto i = static_cast<size_t>(l);
      bool inside = first_lanes ? l < placement.count : l >= lanes() - placement.count;
      mask.Set(i, inside ? 1 : 0);
      values.Set(i, special[(i + 1) % special.size()]);
    }
    fenced_.Clear();
    int64_t stride = placement.stride;
    Call(NameOf(store, dtype), address, values.at(0), mask.at(0), &stride);
    Array loaded(compute, 16);
    Call(NameOf(load, dtype), loaded.at(0), address, mask.at(0), &stride);
    for (int l = 0; l < lanes(); ++l) {
      auto i = static_cast<size_t>(l);
      uint64_t expected = 0;
      if (mask.Get(i) != 0) {
        char* element = address + l * stride * width;
        Array stored(dtype, 1);
        ir::loops_internal::StoreElement(dtype, values.Get(i), stored.at(0));
        ASSERT_TRUE(Same(dtype, ir::Scalar::Load(dtype, element).bits, stored.Get(0)))
            << NameOf(store, dtype) << " lane " << l << " of " << placement.count << " by "
            << stride;
        expected = ir::loops_internal::LoadElement(dtype, element);
      }
      ASSERT_TRUE(Same(compute, loaded.Get(i), expected))
          << NameOf(load, dtype) << " lane " << l << " of " << placement.count << " by " << stride;
    }
  }

 private:
  Fenced fenced_;
};

TEST_P(MaskedLanesTest, LanesMaskedOffTouchNoMemory) {
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  for (DType dtype : kMemoryTypes) BuildMasked(built, ops, dtype);
  ASSERT_NO_FATAL_FAILURE(Compile(built));
  for (DType dtype : kMemoryTypes) {
    for (int count = 0; count <= lanes(); ++count) {
      for (bool at_end : {true, false}) {
        ASSERT_NO_FATAL_FAILURE(Check(dtype, "store", "load", {1, count, at_end}));
        for (int64_t stride : {1, 3, -2}) {
          ASSERT_NO_FATAL_FAILURE(Check(dtype, "scatter", "gather", {stride, count, at_end}));
        }
      }
    }
    for (int64_t stride : {1, 3, -2}) {
      ASSERT_NO_FATAL_FAILURE(
          Check(dtype, "store_strided", "load_strided", {stride, lanes(), true}));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, MaskedLanesTest, testing::ValuesIn(Targets()), NameOfTarget);

}  // namespace
}  // namespace gcomp::codegen

#endif  // GCOMP_LLVM
