// Kernels whose results get their memory while they run (nonzero, masked_select, unique), sizes
// that only the run tells (sym.value, sym.check), and ops that the runtime gives one operand more
// (global.read, global.write): what text tests can't show.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fp_environment.h"
#include "ir/builder.h"
#include "ir/kernel.h"
#include "kernels/all_ops.h"
#include "tests/unit/allocation_counter.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using ir::Expr;
using ir::TensorSpec;
using ir::Type;
using ir::ValueId;
using testing::Spec;
using testing::Strided;
using testing::TypeOf;

class NoRegions final : public ir::RegionRunner {
 public:
  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>) override {
    return {ErrorId::E999, "there are no regions"};
  }

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>,
                   ir::RegionResults&) override {
    return {ErrorId::E999, "there are no regions"};
  }

  Status Poll() override { return {}; }

  void Print(std::string_view) override {}
};

// One op with parameters for operands, over the symbols s0 and s1; those that it defines are the
// next ones. Its kernel is run by hand.
class DynamicCase : public ir::DynamicResults {
 public:
  DynamicCase() : function_(&module_.AddFunction("main")), builder_(module_, *function_, ops_) {
    for (const char* name : {"s0", "s1"}) {
      ir::Symbol symbol;
      symbol.name = name;
      function_->AddSymbol(symbol);
    }
    function_->num_symbol_params = 2;
  }

  ir::SymId Define(std::string name) {
    ir::Symbol symbol;
    symbol.name = std::move(name);
    return function_->AddSymbol(symbol);
  }

  void Operand(const TensorSpec& spec, void* data) {
    params_.push_back(builder_.Param("p" + std::to_string(params_.size()), TypeOf(spec)));
    operands_.push_back(spec);
    slots_.push_back(data);
  }

  // Behind the operands of the op.
  void ExtraOperand(const TensorSpec& spec, void* data) {
    operands_.push_back(spec);
    slots_.push_back(data);
  }

  void Result(const TensorSpec& spec, void* data) {
    results_.push_back(spec);
    result_slots_.push_back(data);
  }

  // A result whose size is told by the run: its first axis.
  void UnknownResult(DType dtype) { Result(Strided(dtype, {-1}, {1}), nullptr); }

  Status Prepare(std::string_view name, ir::OpArgs args, CpuLevel cpu = CpuLevel::kV3) {
    for (ValueId param : params_) args.groups.push_back({param});
    GCOMP_RETURN_IF_ERROR(builder_.Add(name, std::move(args)).status());
    const ir::Op& op = function_->ops.back();
    const std::vector<const void*> constants(operands_.size());
    ir::KernelCtx ctx{*function_, op,       ir::AttrReader(*op.def, op),
                      operands_,  results_, constants,
                      symbols,    cpu,      {},
                      0,          late};
    GCOMP_ASSIGN_OR_RETURN(kernel_, op.def->prepare(ctx));
    for (size_t i = 0; i < slots_.size(); ++i) numbers_.push_back(static_cast<uint32_t>(i));
    for (void* slot : result_slots_) {
      numbers_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.push_back(slot);
    }
    scratch_.resize(kernel_->scratch_bytes() + 64);
    return {};
  }

  Status Run(bool dynamic) {
    void* aligned = scratch_.data();
    size_t space = scratch_.size();
    std::align(64, kernel_->scratch_bytes(), aligned, space);
    NoRegions regions;
    FpEnvironment environment;
    const ir::KernelArgs args = {slots_.data(), numbers_.data(), numbers_.data() + operands_.size(),
                                 aligned,       nullptr,         &regions};
    return dynamic ? kernel_->RunDynamic(args, *this) : kernel_->Run(args);
  }

  // ---- DynamicResults ----

  Status Define(size_t i, int64_t value) override {
    EXPECT_EQ(i, 0u);
    EXPECT_FALSE(defined.has_value()) << "defined twice";
    defined = value;
    return value <= most ? Status() : Status(ErrorId::E401, "too many");
  }

  StatusOr<void*> Allocate(size_t i) override {
    EXPECT_TRUE(defined.has_value()) << "memory is asked for before its size is known";
    EXPECT_LT(i, 3u);
    ++allocated;
    std::vector<int64_t>& memory = memory_[i];
    if (*defined == 0) return nullptr;
    // A number behind the end, that must stay.
    memory.resize(static_cast<size_t>(*defined * width + 1), kGuard);
    return static_cast<void*>(memory.data());
  }

  // Of i64.
  std::vector<int64_t> Made(size_t i) {
    if (*defined == 0) return {};
    EXPECT_EQ(memory_[i].back(), kGuard) << "written behind the end";
    return {memory_[i].begin(), memory_[i].end() - 1};
  }

  static constexpr int64_t kGuard = -77;
  std::vector<int64_t> symbols = {3, 5};
  std::vector<ir::SymId> late;
  std::optional<int64_t> defined;
  int64_t most = 1000;
  int64_t width = 1;  // numbers of a row
  int allocated = 0;

 private:
  ir::OpRegistry ops_{kernels::AllOps()};
  ir::Module module_;
  ir::Function* function_;
  ir::Builder builder_;
  std::vector<ValueId> params_;
  std::vector<TensorSpec> operands_;
  std::vector<TensorSpec> results_;
  std::vector<void*> result_slots_;
  std::vector<void*> slots_;
  std::vector<uint32_t> numbers_;
  std::unique_ptr<ir::Kernel> kernel_;
  std::vector<std::byte> scratch_;
  std::vector<int64_t> memory_[3];
};

ir::OpArgs Defining(std::vector<ir::SymId> symbols) {
  ir::OpArgs args;
  args.defines = std::move(symbols);
  return args;
}

TEST(NonzeroKernel, WritesNoMoreThanItCounted) {
  for (CpuLevel cpu : {CpuLevel::kV3, CpuLevel::kV4}) {
    if (*DetectCpuLevel() < cpu) continue;
    int64_t x[] = {0, 5, 0, 0, -1, 0};
    DynamicCase c;
    c.Operand(Spec(DType::kI64, {2, 3}), x);
    c.UnknownResult(DType::kI64);
    c.width = 2;
    ASSERT_TRUE(c.Prepare("nonzero", Defining({c.Define("u0")}), cpu).ok());
    ASSERT_TRUE(c.Run(true).ok());
    EXPECT_EQ(c.defined, 2);
    EXPECT_EQ(c.Made(0), (std::vector<int64_t>{0, 1, 1, 1}));
  }
}

TEST(NonzeroKernel, NullStandsForAnEmptyResult) {
  float x[3] = {0, -0.0f, 0};
  DynamicCase c;
  c.Operand(Spec(DType::kF32, {3}), x);
  c.UnknownResult(DType::kI64);
  ASSERT_TRUE(c.Prepare("nonzero", Defining({c.Define("u0")})).ok());
  ASSERT_TRUE(c.Run(true).ok());
  EXPECT_EQ(c.defined, 0);
}

TEST(NonzeroKernel, ASizeThatIsRefusedEndsTheRun) {
  float x[3] = {1, 2, 3};
  DynamicCase c;
  c.Operand(Spec(DType::kF32, {3}), x);
  c.UnknownResult(DType::kI64);
  c.most = 2;
  ASSERT_TRUE(c.Prepare("nonzero", Defining({c.Define("u0")})).ok());
  EXPECT_EQ(c.Run(true).id(), ErrorId::E401);
  EXPECT_EQ(c.allocated, 0);
}

TEST(NonzeroKernel, NeedsAPlaceForItsResult) {
  float x[3] = {1, 2, 3};
  DynamicCase c;
  c.Operand(Spec(DType::kF32, {3}), x);
  c.UnknownResult(DType::kI64);
  ASSERT_TRUE(c.Prepare("nonzero", Defining({c.Define("u0")})).ok());
  EXPECT_EQ(c.Run(false).id(), ErrorId::E999);
}

TEST(NonzeroKernel, MoreAxesThanCursorsTake) {
  // Every other element along each of 18 axes of size 2, so that none can be merged.
  std::vector<int64_t> sizes(18, 2);
  std::vector<int64_t> strides(18);
  int64_t stride = 1;
  for (size_t d = 18; d-- > 0; stride *= 3) strides[d] = stride;
  std::vector<uint8_t> x(static_cast<size_t>(stride), 0);
  const TensorSpec spec = Strided(DType::kBool, sizes, strides);
  x[0] = 1;
  x[static_cast<size_t>(strides[0] + strides[17])] = 1;
  DynamicCase c;
  c.Operand(spec, x.data());
  c.UnknownResult(DType::kI64);
  c.width = 18;
  ASSERT_TRUE(c.Prepare("nonzero", Defining({c.Define("u0")})).ok());
  ASSERT_TRUE(c.Run(true).ok());
  EXPECT_EQ(c.defined, 2);
  std::vector<int64_t> want(36, 0);
  want[18] = want[35] = 1;
  EXPECT_EQ(c.Made(0), want);
}

TEST(MaskedSelectKernel, WritesNoMoreThanItCounted) {
  // The last element is not picked: it must not be written behind the others.
  int64_t x[] = {1, 2, 3, 4};
  uint8_t mask[] = {1, 0, 7, 0};
  DynamicCase c;
  c.Operand(Spec(DType::kI64, {4}), x);
  c.Operand(Spec(DType::kBool, {4}), mask);
  c.UnknownResult(DType::kI64);
  ASSERT_TRUE(c.Prepare("masked_select", Defining({c.Define("u0")})).ok());
  ASSERT_TRUE(c.Run(true).ok());
  EXPECT_EQ(c.Made(0), (std::vector<int64_t>{1, 3}));
}

TEST(MaskedSelectKernel, RefusesMoreElementsThanCanBeCounted) {
  int64_t x = 1;
  uint8_t mask = 0;
  const int64_t many = int64_t{1} << 40;
  DynamicCase c;
  c.Operand(Strided(DType::kI64, {many, 1}, {0, 1}), &x);
  c.Operand(Strided(DType::kBool, {1, many}, {many, 0}), &mask);
  c.UnknownResult(DType::kI64);
  EXPECT_EQ(c.Prepare("masked_select", Defining({c.Define("u0")})).id(), ErrorId::E802);
}

TEST(UniqueKernel, KeepsTheBitsOfTheFirst) {
  const auto bits = [](double v) {
    int64_t b;
    std::memcpy(&b, &v, sizeof(b));
    return b;
  };
  const int64_t odd_nan = 0x7ff8000000000123;
  int64_t x[] = {odd_nan, bits(-0.0), bits(2.0), bits(0.0), bits(NAN), bits(2.0)};
  int64_t inverse[6] = {};
  DynamicCase c;
  c.Operand(Spec(DType::kF64, {6}), x);
  c.UnknownResult(DType::kF64);
  c.Result(Spec(DType::kI64, {6}), inverse);
  c.UnknownResult(DType::kI64);
  ASSERT_TRUE(c.Prepare("unique", Defining({c.Define("u0")})).ok());
  ASSERT_TRUE(c.Run(true).ok());
  EXPECT_EQ(c.Made(0), (std::vector<int64_t>{bits(-0.0), bits(2.0), odd_nan}));
  EXPECT_EQ(c.Made(2), (std::vector<int64_t>{2, 2, 2}));
  EXPECT_EQ(std::vector<int64_t>(inverse, inverse + 6), (std::vector<int64_t>{2, 0, 1, 0, 2, 1}));
}

// The results of the case are made before, so that only the kernel is counted.
class CountingResults final : public ir::DynamicResults {
 public:
  Status Define(size_t, int64_t) override { return {}; }

  StatusOr<void*> Allocate(size_t i) override { return static_cast<void*>(memory_[i]); }

 private:
  int64_t memory_[3][4096] = {};
};

TEST(DynamicKernels, AllocateNothing) {
  if (!test::CountsAllocations()) GTEST_SKIP() << "a sanitizer counts its own";
  const ir::OpRegistry ops(kernels::AllOps());
  for (const char* name : {"nonzero", "unique"}) {
    ir::Module module;
    ir::Function& function = module.AddFunction("main");
    ir::Builder builder(module, function, ops);
    const TensorSpec spec = Strided(DType::kF32, {30, 20}, {1, 30});
    ir::OpArgs args;
    args.groups = {{builder.Param("x", TypeOf(spec))}};
    ir::Symbol symbol;
    symbol.name = "u0";
    args.defines = {function.AddSymbol(symbol)};
    ASSERT_TRUE(builder.Add(name, std::move(args)).ok());
    const ir::Op& op = function.ops.back();
    const std::vector<TensorSpec> operands = {spec};
    const TensorSpec unknown = Strided(DType::kI64, {-1}, {1});
    const std::vector<TensorSpec> results = {unknown, Spec(DType::kI64, {30, 20}), unknown};
    const void* no_constant = nullptr;
    const ir::KernelCtx ctx{
        function,      op, ir::AttrReader(*op.def, op), operands, results, {&no_constant, 1}, {},
        CpuLevel::kV3, {}};
    auto kernel = op.def->prepare(ctx);
    ASSERT_TRUE(kernel.ok());
    std::vector<float> x(600, 1.0f);
    std::vector<int64_t> inverse(600);
    std::vector<std::byte> scratch((*kernel)->scratch_bytes() + 64);
    void* aligned = scratch.data();
    size_t space = scratch.size();
    std::align(64, (*kernel)->scratch_bytes(), aligned, space);
    void* slots[] = {x.data(), nullptr, inverse.data(), nullptr};
    const uint32_t numbers[] = {0, 1, 2, 3};
    NoRegions regions;
    auto out = std::make_unique<CountingResults>();
    const int64_t before = test::AllocationCount();
    const Status status =
        (*kernel)->RunDynamic({slots, numbers, numbers + 1, aligned, nullptr, &regions}, *out);
    EXPECT_EQ(test::AllocationCount(), before) << name;
    EXPECT_TRUE(status.ok()) << name;
  }
}

// ---- Sizes --------------------------------------------------------------------------------------

ir::OpArgs ValueOf(Expr value, Type type) {
  ir::OpArgs args;
  args.attrs = {{"value", std::move(value)}};
  args.result_types = {std::move(type)};
  return args;
}

TEST(SymKernels, LateSymbolsAreReadWhenTheyRun) {
  int64_t late = 7;
  int64_t value = 0;
  DynamicCase c;
  const Expr s0 = Expr::Symbol(ir::SymId(0u));
  const Expr s1 = Expr::Symbol(ir::SymId(1u));
  c.late = {ir::SymId(1u)};
  c.symbols = {3, -1};  // of s1 nothing is known
  c.ExtraOperand(Spec(DType::kI64, {}), &late);
  c.Result(Spec(DType::kI64, {}), &value);
  ASSERT_TRUE(
      c.Prepare("sym.value", ValueOf(Expr::Mul(s0, s1), Type::Tensor(DType::kI64, {}))).ok());
  ASSERT_TRUE(c.Run(false).ok());
  EXPECT_EQ(value, 21);
  late = 8;
  ASSERT_TRUE(c.Run(false).ok());
  EXPECT_EQ(value, 24);
  late = INT64_MAX;
  EXPECT_EQ(c.Run(false).id(), ErrorId::E503);
}

TEST(SymKernels, AFlagIsOneByte) {
  uint8_t flag[2] = {9, 9};
  DynamicCase c;
  c.Result(Spec(DType::kBool, {}), flag);
  const Expr pred = Expr::Lt(Expr::Symbol(ir::SymId(0u)), Expr::Symbol(ir::SymId(1u)));
  ASSERT_TRUE(c.Prepare("sym.value", ValueOf(pred, Type::Of(Type::Kind::kFlag))).ok());
  ASSERT_TRUE(c.Run(false).ok());
  EXPECT_EQ(flag[0], 1);
  EXPECT_EQ(flag[1], 9);
}

TEST(SymKernels, AFalseCheckTellsTheSizes) {
  int64_t late = 3;
  DynamicCase c;
  c.late = {ir::SymId(1u)};
  c.ExtraOperand(Spec(DType::kI64, {}), &late);
  ir::OpArgs args;
  args.attrs = {{"pred", Expr::Eq(Expr::Symbol(ir::SymId(0u)), Expr::Symbol(ir::SymId(1u)))},
                {"msg", std::string("as many")}};
  ASSERT_TRUE(c.Prepare("sym.check", std::move(args)).ok());
  EXPECT_TRUE(c.Run(false).ok());
  late = 4;
  const Status status = c.Run(false);
  EXPECT_EQ(status.id(), ErrorId::E401);
  for (const char* part : {"s0 == s1", "s0 = 3", "s1 = 4", "as many"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
}

// ---- Globals ------------------------------------------------------------------------------------

TEST(GlobalKernels, TheGlobalIsTheLastOperand) {
  const ir::OpRegistry ops(kernels::AllOps());
  ir::Module module;
  ir::Global global;
  global.name = "p";
  global.type = Type::Tensor(DType::kF32, {2, 2});
  global.annotations.mut = true;
  module.items.push_back({false, 0});
  module.globals.push_back(global);
  ir::Function& function = module.AddFunction("main");
  ir::Builder builder(module, function, ops);
  const TensorSpec dense = Spec(DType::kF32, {2, 2});
  const TensorSpec turned = Strided(DType::kF32, {2, 2}, {1, 2});
  ir::OpArgs write;
  write.callee = "p";
  write.groups = {{builder.Param("v", TypeOf(turned))}};
  ASSERT_TRUE(builder.Add("global.write", std::move(write)).ok());
  const ir::Op& op = function.ops.back();
  const std::vector<TensorSpec> operands = {turned, dense};
  const std::vector<const void*> constants(2);
  const ir::KernelCtx ctx{
      function, op, ir::AttrReader(*op.def, op), operands, {}, constants, {}, CpuLevel::kV3, {}};
  auto kernel = op.def->prepare(ctx);
  ASSERT_TRUE(kernel.ok()) << kernel.status().ToString();
  float v[4] = {1, 2, 3, 4};
  float memory[4] = {0, 0, 0, 0};
  void* slots[] = {v, memory};
  const uint32_t numbers[] = {0, 1};
  NoRegions regions;
  ASSERT_TRUE((*kernel)->Run({slots, numbers, numbers + 2, nullptr, nullptr, &regions}).ok());
  EXPECT_EQ(memory[1], 3);
  EXPECT_EQ(memory[2], 2);
}

}  // namespace
}  // namespace gcomp
