// What the tests of VectorOps share: a fixture for each level of the instruction set and number of
// lanes, values at the edges of each type, and arrays of elements.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "ir/scalar.h"
#include "jit/llvm/vector_ops.h"
#include "tests/unit/jit_testing.h"

namespace gcomp::codegen {

using ir::DType;

struct Target {
  CpuLevel level;
  int lanes;
};

class VectorOpsTest : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    StatusOr<std::unique_ptr<LlvmEngine> > engine = LlvmEngine::Create(GetParam().level);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = *std::move(engine);
  }

  int lanes() const { return GetParam().lanes; }

  // Compiles what `built` holds.
  void Compile(ModuleBuilder& built) {
    StatusOr<std::shared_ptr<LoadedCode> > code = built.Compile(*engine_);
    ASSERT_TRUE(code.ok()) << code.status().ToString();
    code_ = *std::move(code);
  }

  template <class... Args>
  void Call(const std::string& name, Args... args) {
    auto* function = reinterpret_cast<void (*)(Args...)>(code_->Symbol(name));
    ASSERT_NE(function, nullptr) << name;
    function(args...);
  }

  std::unique_ptr<LlvmEngine> engine_;
  std::shared_ptr<LoadedCode> code_;
};

// A target for each level that this machine can run, and number of lanes.
inline std::vector<Target> Targets() {
  std::vector<Target> targets;
  for (CpuLevel level : TestedLevels()) {
    for (int lanes : {1, 4, 8, 16}) targets.push_back({level, lanes});
  }
  return targets;
}

inline std::string NameOfTarget(const testing::TestParamInfo<Target>& test) {
  return Format("{}_{}", test.param.level == CpuLevel::kV3 ? "v3" : "v4", test.param.lanes);
}

inline bool IsNan(DType type, uint64_t bits) {
  if (!ir::IsFloat(type)) return false;
  return std::isnan(ir::Scalar{type, bits}.ToDouble());
}

// Equality of the law: any NaN equals any NaN.
inline bool Same(DType type, uint64_t a, uint64_t b) {
  return a == b || (IsNan(type, a) && IsNan(type, b));
}

inline std::vector<uint64_t> SpecialFloats(bool f32) {
  std::vector<uint64_t> bits;
  auto add = [&](double value) {
    for (double x : {value, -value}) {
      if (f32) {
        bits.push_back(std::bit_cast<uint32_t>(static_cast<float>(x)));
      } else {
        bits.push_back(std::bit_cast<uint64_t>(x));
      }
    }
  };
  for (double x : {0.0, 1.0, 3.0, 0.5, 1.5, 2.5, 0.49999997, 127.0, 255.5, 65504.0, 65520.0, 1e-8,
                   1e30, 8388607.5, 8388609.0, 4503599627370495.5, HUGE_VAL, std::nan("")}) {
    add(x);
  }
  // About the ends of the integers, and of the format.
  for (int exponent : {31, 32, 53, 63, 64}) {
    double power = std::ldexp(1.0, exponent);
    for (double x : {power, power - 1, power * (1 - 0x1p-24), power * (1 + 0x1p-23)}) add(x);
  }
  for (double x : {0x1p-126, 0x1p-149, 0x1.fffffcp-127, 0x1.fffffep127}) add(x);
  if (!f32) {
    for (double x : {0x1p-1022, 0x1p-1074, 0x0.fffffffffffffp-1022, 0x1.fffffffffffffp1023}) add(x);
  }
  // Signaling NaN.
  bits.push_back(f32 ? 0x7f800001u : 0x7ff0000000000001u);
  return bits;
}

inline std::vector<uint64_t> SpecialValues(DType type) {
  if (type == DType::kBool) return {0, 1};
  if (ir::IsFloat(type)) return SpecialFloats(type == DType::kF32);
  std::set<uint64_t> bits;
  uint64_t mask = ir::BitsOf(type) == 32 ? 0xffffffffu : ~uint64_t{0};
  uint64_t top = (mask >> 1) + 1;
  for (uint64_t x : {uint64_t{0}, uint64_t{31}, uint64_t{63}, uint64_t{1} << 16, uint64_t{1} << 24,
                     uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 53, top}) {
    for (uint64_t near : {x, x + 1, x + 2, x - 1, x - 2, uint64_t{0} - x}) bits.insert(near & mask);
  }
  return {bits.begin(), bits.end()};
}

inline uint64_t RandomValue(DType type, std::mt19937_64& random) {
  if (type == DType::kBool) return random() & 1;
  uint64_t word = random();
  if (type == DType::kF32) {
    if (word & 1) return word >> 32;  // any bits
    return std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(word >> 32)) * 0x1p-20f);
  }
  if (type == DType::kF64) {
    if (word & 1) return random();
    return std::bit_cast<uint64_t>(static_cast<double>(static_cast<int64_t>(word)) * 0x1p-50);
  }
  // Of any number of bits.
  word >>= random() % 64;
  if (random() & 1) word = uint64_t{0} - word;
  return ir::BitsOf(type) == 32 ? word & 0xffffffffu : word;
}

// Elements of a type in memory.
class Array {
 public:
  Array(DType type, size_t size)
      : type_(type), width_(static_cast<size_t>(ir::BytesOf(type))), bytes_(size * width_ + 64) {}

  char* at(size_t i) { return base() + i * width_; }

  uint64_t Get(size_t i) { return ir::Scalar::Load(type_, at(i)).bits; }

  void Set(size_t i, uint64_t bits) { ir::Scalar{type_, bits}.Store(at(i)); }

 private:
  // Aligned for streaming stores.
  char* base() {
    auto address = reinterpret_cast<uintptr_t>(bytes_.data());
    return bytes_.data() + (-address & 63);
  }

  DType type_;
  size_t width_;
  std::vector<char> bytes_;
};

}  // namespace gcomp::codegen
