// Long kernels ask whether the run is still wanted: each op with a kernel of its own, at a size
// where it works for milliseconds, ends with the answer of the second poll; at a small size it
// polls at most once.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "base/format.h"
#include "base/fp_environment.h"
#include "ir/kernel.h"
#include "runtime/engine.h"

namespace gcomp {
namespace {

using ir::DType;
using ir::Lowering;
using ir::TensorSpec;
using ir::Type;

// Says no from a given poll on.
class Impatient final : public ir::RegionRunner {
 public:
  explicit Impatient(int64_t patience) : patience_(patience) {}

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>) override {
    return {ErrorId::E999, "there are no regions"};
  }

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>,
                   ir::RegionResults&) override {
    return {ErrorId::E999, "there are no regions"};
  }

  Status Poll() override {
    return ++polls < patience_ ? Status() : Status(ErrorId::E803, "no longer wanted");
  }

  void Print(std::string_view) override {}

  int64_t polls = 0;

 private:
  int64_t patience_;
};

// Zeros, which take memory only where they are touched: a kernel that stops early touches little.
class Zeros {
 public:
  explicit Zeros(size_t bytes) : data_(std::calloc(bytes / 64 + 2, 64)) {}

  Zeros(Zeros&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}

  ~Zeros() { std::free(data_); }

  void* data() const {
    const auto address = reinterpret_cast<uintptr_t>(data_);
    return static_cast<char*>(data_) + (64 - address % 64) % 64;
  }

 private:
  void* data_;
};

class Memory final : public ir::DynamicResults {
 public:
  void* Take(int64_t bytes) {
    return blocks_.emplace_back(static_cast<size_t>(bytes < 0 ? 0 : bytes)).data();
  }

  Status Define(size_t, int64_t) override { return {}; }

  StatusOr<void*> Allocate(size_t) override { return Take(int64_t{1} << 28); }

 private:
  std::vector<Zeros> blocks_;
};

// An op over one size, s0. `body` makes it of the parameters, as the last op.
struct Sample {
  std::string op;
  std::string params;
  std::string body;
  int64_t large;
  int64_t small = 3;
};

constexpr int64_t kMany = int64_t{1} << 24;
constexpr int64_t kRows = kMany / 1024;

Sample Unary(std::string op, std::string x, std::string y, std::string attrs, int64_t large) {
  return {op, Format("%x: {}", x), Format("%y: {} = {}(%x{})", y, op, attrs), large};
}

// The kernels of ops that lower to a pointwise expression are one; these samples are made from the
// records.
std::vector<Sample> PointwiseSamples(const ir::OpRegistry& ops) {
  std::vector<Sample> samples;
  for (const ir::OpDef* def : ops.ops()) {
    if (def->lowering.kind != Lowering::Kind::kPointwise) continue;
    std::string params;
    std::string names;
    DType dtype = DType::kF32;
    for (const ir::OperandSpec& operand : def->operands) {
      if (operand.kind != ir::OperandKind::kRequired) continue;
      for (DType candidate : {DType::kF32, DType::kI32, DType::kBool}) {
        dtype = candidate;
        if (operand.dtypes.Has(candidate)) break;
      }
      const char* comma = params.empty() ? "" : ", ";
      params += Format("{}%{}: {}[s0]", comma, operand.name, NameOf(dtype));
      names += Format("{}%{}", comma, operand.name);
    }
    const bool predicate =
        std::set<std::string_view>{"eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite"}
            .contains(def->name);
    samples.push_back(
        {std::string(def->name), params,
         Format("%y: {}[s0] = {}({})", predicate ? "bool" : NameOf(dtype), def->name, names),
         kMany});
  }
  return samples;
}

std::vector<Sample> RowSamples() {
  std::vector<Sample> samples;
  // Rows as they lie, one long row, strips of points that lie densely, few points.
  for (const char* op : {"softmax", "log_softmax", "layer_norm", "rms_norm"}) {
    const std::string name = op;
    const bool norm = name.ends_with("norm");
    const std::string first = norm ? ", dims = [0]" : ", dim = 0";
    const std::string last = norm ? ", dims = [1]" : "";
    samples.push_back(Unary(name, "f32[s0, 1024]", "f32[s0, 1024]", last, kRows));
    samples.push_back(Unary(name, "f32[1, s0]", "f32[1, s0]", last, kMany));
    samples.push_back(Unary(name, "f16[s0, 1024]", "f16[s0, 1024]", last, kRows));
    if (norm) continue;
    samples.push_back(Unary(name, "f32[s0, 64]", "f32[s0, 64]", first, kMany / 64));
    samples.push_back(Unary(name, "f32[s0, 3]", "f32[s0, 3]", first, kMany / 3));
  }
  for (const char* op : {"logsumexp", "var", "reduce_sum", "reduce_mean", "reduce_prod",
                         "reduce_max", "reduce_min", "reduce_any", "reduce_all"}) {
    const std::string name = op;
    const std::string y = name == "reduce_any" || name == "reduce_all" ? "bool" : "f32";
    samples.push_back(Unary(name, "f32[s0, 1024]", y + "[s0]", ", dims = [1]", kRows));
    samples.push_back(Unary(name, "f32[1, s0]", y + "[1]", ", dims = [1]", kMany));
    samples.push_back(Unary(name, "f32[s0, 64]", y + "[64]", ", dims = [0]", kMany / 64));
    samples.push_back(Unary(name, "f32[s0, 3]", y + "[3]", ", dims = [0]", kMany / 3));
  }
  samples.push_back(Unary("reduce_sum", "f32[s0, 0]", "f32[s0]", ", dims = [1]", kMany));
  for (const char* op : {"argmax", "argmin"}) {
    samples.push_back(Unary(op, "f32[s0, 1024]", "i64[s0]", ", dim = 1", kRows));
    samples.push_back(Unary(op, "f32[s0]", "i64[]", "", kMany));
    samples.push_back(Unary(op, "f32[s0, 64]", "i64[64]", ", dim = 0", kMany / 64));
  }
  for (const char* op : {"cumsum", "cumprod"}) {
    samples.push_back(Unary(op, "f32[s0, 1024]", "f32[s0, 1024]", ", dim = 1", kRows));
    samples.push_back(Unary(op, "f32[s0]", "f32[s0]", ", dim = 0", kMany));
    samples.push_back(Unary(op, "f32[s0, 64]", "f32[s0, 64]", ", dim = 0", kMany / 64));
  }
  return samples;
}

std::vector<Sample> OrderSamples() {
  return {
      {"sort", "%x: f32[s0]", "%y: f32[s0], %i: i64[s0] = sort(%x)", kMany},
      {"sort", "%x: f64[s0]", "%y: f64[s0], %i: i64[s0] = sort(%x)", kMany / 2},
      {"sort", "%x: f32[s0, 50]", "%y: f32[s0, 50], %i: i64[s0, 50] = sort(%x)", kMany / 50},
      {"topk", "%x: f32[s0]", "%y: f32[5], %i: i64[5] = topk(%x, k = 5)", kMany, 30},
      {"unique", "%x: f32[s0]",
       "%y: f32[u0], %i: i64[s0], %n: i64[u0] = unique(%x) defines u0 in [0, s0]", kMany},
      {"nonzero", "%x: f32[s0]", "%y: i64[u0, 1] = nonzero(%x) defines u0 in [0, s0]", kMany},
      {"masked_select", "%x: f32[s0], %m: bool[s0]",
       "%y: f32[u0] = masked_select(%x, %m) defines u0 in [0, s0]", kMany},
  };
}

std::vector<Sample> MoveSamples() {
  const int64_t side = 4096;
  return {
      {"gather", "%x: f32[9], %i: i64[s0]", "%y: f32[s0] = gather(%x, %i, dim = 0)", kMany},
      {"scatter", "%x: f32[9], %i: i64[s0], %s: f32[s0]",
       "%y: f32[9] = scatter(%x, %i, %s, dim = 0, reduce = \"add\")", kMany},
      {"scatter", "%x: f32[s0], %i: i64[1], %s: f32[1]",
       "%y: f32[s0] = scatter(%x, %i, %s, dim = 0)", kMany},
      {"index", "%x: f32[9], %i: i64[s0]", "%y: f32[s0] = index(%x, %i)", kMany},
      {"index_put", "%x: f32[9, 1024], %v: f32[s0, 1024], %i: i64[s0]",
       "%y: f32[9, 1024] = index_put(%x, %v, %i)", kRows},
      {"index_select", "%x: f32[9, 1024], %i: i64[s0]",
       "%y: f32[s0, 1024] = index_select(%x, %i, dim = 0)", kRows},
      {"index_select", "%x: f32[1, s0], %i: i64[1]",
       "%y: f32[1, s0] = index_select(%x, %i, dim = 0)", kMany},
      {"embedding", "%w: f32[9, 1024], %i: i64[s0]", "%y: f32[s0, 1024] = embedding(%w, %i)",
       kRows},
      {"one_hot", "%x: i64[s0]", "%y: i64[s0, 64] = one_hot(%x, depth = 64)", kMany / 64},
      {"pad", "%x: f32[s0]", "%y: f32[s0 + 3] = pad(%x, low = [1], high = [2])", kMany},
      {"concat", "%x: f32[s0], %z: f32[s0]", "%y: f32[s0 * 2] = concat(%x, %z, dim = 0)", kMany},
      {"flip", "%x: f32[s0]", "%y: f32[s0] = flip(%x)", kMany},
      {"slice_scatter", "%x: f32[2, s0], %s: f32[1, s0]",
       "%y: f32[2, s0] = slice_scatter(%x, %s, start = 1, end = 2)", kMany / 2},
      {"select_scatter", "%x: f32[2, s0], %s: f32[s0]",
       "%y: f32[2, s0] = select_scatter(%x, %s, index = 1)", kMany / 2},
      {"diagonal_scatter", "%x: f32[s0, s0], %s: f32[s0]",
       "%y: f32[s0, s0] = diagonal_scatter(%x, %s)", 4096},
      {"as_strided_scatter", "%x: f32[s0], %s: f32[2]",
       "%y: f32[s0] = as_strided_scatter(%x, %s, shape = [2], strides = [1])", kMany},
      {"contiguous", Format("%x: f32[s0, {0}]{{1, s0}}", side),
       Format("%y: f32[s0, {}] = contiguous(%x)", side), side},
      {"contiguous", Format("%x: u8[s0, {0}]{{1, s0}}", side * 4),
       Format("%y: u8[s0, {}] = contiguous(%x)", side * 4), side * 4},
      {"contiguous", "%x: f32[s0, 3]{9, 2}", "%y: f32[s0, 3] = contiguous(%x)", kMany / 3},
      {"reshape", "%x: f32[s0, 4]{1, s0}", "%y: f32[s0 * 4] = reshape(%x, shape = [s0 * 4])",
       kMany / 4},
      {"copy", "%x: f32[s0]", "%y: f32[s0] = copy(%x)", kMany},
      {"to_device", "%x: f32[s0]", "%y: f32[s0] = to_device(%x)", kMany},
      {"resize_", "%x: f32[s0]", "%y: f32[s0] = resize_(%x, shape = [s0])", kMany},
      {"resize_", "%x: f32[1]", "%y: f32[s0] = resize_(%x, shape = [s0])", kMany},
      {"tril", "%x: f32[s0, 1024]", "%y: f32[s0, 1024] = tril(%x)", kRows},
      {"triu", "%x: f32[1024, s0]", "%y: f32[1024, s0] = triu(%x)", kRows},
      {"full", "%v: f32[]", "%y: f32[s0] = full(%v, shape = [s0])", kMany},
      {"iota", "", "%y: f32[s0] = iota()", kMany},
      {"iota", "", "%y: f32[s0, 64] = iota(dim = 1)", kMany / 64},
      {"const", "", "%y: f32[s0] = const(splat = 0.5)", kMany},
      {"rng.uniform", "%k: rng", "%y: f32[s0] = rng.uniform(%k, shape = [s0], dtype = f32)", kMany},
      {"rng.normal", "%k: rng", "%y: f32[s0] = rng.normal(%k, shape = [s0], dtype = f32)", kMany},
      {"rng.bits", "%k: rng", "%y: u32[s0] = rng.bits(%k, shape = [s0], dtype = u32)", kMany},
  };
}

// Those of i32 are gcomp's own loops; oneDNN's can't be asked.
std::vector<Sample> ProductSamples() {
  return {
      {"matmul", "%a: i32[s0, 256], %b: i32[256, 256]", "%y: i32[s0, 256] = matmul(%a, %b)", 4096},
      {"matmul", "%a: i32[1, s0], %b: i32[s0, 1]", "%y: i32[1, 1] = matmul(%a, %b)", kMany},
      {"matmul", "%a: bf16[s0, 256], %b: bf16[256, 256]", "%y: bf16[s0, 256] = matmul(%a, %b)",
       4096},
      {"conv1d", "%x: i32[4, 64, s0], %w: i32[16, 64, 5]",
       "%y: i32[4, 16, s0 - 4] = conv1d(%x, %w)", kMany / 256, 6},
      {"conv2d", "%x: i32[4, 16, s0, s0], %w: i32[16, 16, 3, 3]",
       "%y: i32[4, 16, s0 - 2, s0 - 2] = conv2d(%x, %w)", 64},
      {"conv3d", "%x: i32[1, 4, s0, s0, s0], %w: i32[4, 4, 3, 3, 3]",
       "%y: i32[1, 4, s0 - 2, s0 - 2, s0 - 2] = conv3d(%x, %w)", 48},
      {"conv_transpose", "%x: i32[4, 16, s0], %w: i32[16, 16, 5]",
       "%y: i32[4, 16, s0 + 4] = conv_transpose(%x, %w)", kMany / 64, 3},
      {"max_pool", "%x: f32[1, s0, 64, 64]",
       "%y: f32[1, s0, 32, 32] = max_pool(%x, kernel = [2, 2])", kMany / 4096},
      {"max_pool", "%x: f32[1, 1, s0]",
       "%y: f32[1, 1, s0 - 2] = max_pool(%x, kernel = [3], stride = [1])", kMany},
      {"avg_pool", "%x: f32[1, s0, 64, 64]",
       "%y: f32[1, s0, 32, 32] = avg_pool(%x, kernel = [2, 2])", kMany / 4096},
      {"interpolate", "%x: f32[1, s0, 32, 32]",
       "%y: f32[1, s0, 64, 64] = interpolate(%x, size = [64, 64])", kMany / 4096},
      {"interpolate", "%x: f32[1, s0, 32, 32]",
       "%y: f32[1, s0, 64, 64] = interpolate(%x, size = [64, 64], mode = \"bilinear\")",
       kMany / 4096},
      {"batch_norm", "%x: f32[s0, 8, 1024], %w: f32[8], %b: f32[8], %m: f32[8], %v: f32[8]",
       "%y: f32[s0, 8, 1024] = batch_norm(%x, %w, %b, %m, %v)", kRows / 8},
      {"batch_norm", "%x: f32[s0, 8], %w: f32[8], %b: f32[8], %m: f32[8], %v: f32[8]",
       "%y: f32[s0, 8] = batch_norm(%x, %w, %b, %m, %v)", kMany / 8},
      // Broadcast and strided operands go through tiles.
      {"add", "%x: f32[s0, 64], %z: f32[64]", "%y: f32[s0, 64] = add(%x, %z)", kMany / 64},
      {"add", "%x: f32[s0, 4]{8, 2}, %z: f32[s0, 4]", "%y: f32[s0, 4] = add(%x, %z)", kMany / 4},
      {"add", "%x: f16[s0], %z: f16[s0]", "%y: f16[s0] = add(%x, %z)", kMany},
      {"clamp", "%x: f32[s0], %l: f32[s0]", "%y: f32[s0] = clamp(%x, min = %l)", kMany},
      {"cast", "%x: f32[s0]", "%y: f64[s0] = cast(%x)", kMany},
      {"select", "%p: bool[s0], %a: f32[s0], %b: f32[s0]", "%y: f32[s0] = select(%p, %a, %b)",
       kMany},
  };
}

// Why an op with a kernel has no sample.
bool NeedsNoSample(const ir::OpDef& def) {
  if (def.prepare == nullptr || def.functional != nullptr)
    return true;  // in place: the same kernel
  // The steps of its regions or callee are polled between.
  if (!def.regions.empty() || def.has_callee || def.has_global) return true;
  // One element, or a line of text.
  static const std::set<std::string_view> kSmall = {"item",      "print_token", "io.print",
                                                    "io.token",  "rng.fold",    "rng.key",
                                                    "sym.check", "sym.value",   "rng.split"};
  return kSmall.contains(def.name);
}

class CancelTest : public ::testing::Test {
 protected:
  CancelTest() : engine_(*Engine::Create({})) {}

  const ir::OpRegistry& ops() const { return engine_->ops(); }

  std::vector<Sample> Samples() const {
    std::vector<Sample> samples;
    std::set<std::string> made;
    for (auto&& family : {RowSamples(), OrderSamples(), MoveSamples(), ProductSamples()}) {
      for (const Sample& sample : family) {
        made.insert(sample.op);
        samples.push_back(sample);
      }
    }
    for (Sample& sample : PointwiseSamples(ops())) {
      if (!made.contains(sample.op)) samples.push_back(std::move(sample));
    }
    return samples;
  }

  // Runs the op of the sample on zeros, with s0 = `size`.
  Status Run(const Sample& sample, int64_t size, ir::RegionRunner& regions) {
    const std::string text = Format(
        "gir 1 module @m\n\nexport func @main<s0 in [1, 1000000000]>({}) -> () {{\n  {}\n  "
        "return\n}}\n",
        sample.params, sample.body);
    std::string report;
    StatusOr<ir::Module> module = ParseModule(*engine_, text, sample.op, &report);
    if (!module.ok()) return Status(ErrorId::E999, report);
    const ir::Function& function = *module->functions[0];
    const ir::Op& op = function.ops.back();
    const ir::OpDef& def = *op.def;
    // A size that the op itself defines is not looked at before it does.
    std::vector<int64_t> symbols(function.symbols.size(), size);
    Memory memory;
    std::vector<TensorSpec> specs[2];
    std::vector<void*> slots;
    std::vector<uint32_t> numbers;
    for (size_t side = 0; side < 2; ++side) {
      for (ir::ValueId id : side == 0 ? op.operands : op.results) {
        GCOMP_ASSIGN_OR_RETURN(TensorSpec spec, ir::BindType(function.value(id).type, symbols));
        slots.push_back(memory.Take(spec.SpanBytes()));
        specs[side].push_back(std::move(spec));
        numbers.push_back(static_cast<uint32_t>(numbers.size()));
      }
    }
    const std::vector<const void*> constants(op.operands.size());
    ir::KernelCtx ctx{function,  op,      ir::AttrReader(def, op), specs[0], specs[1],
                      constants, symbols, engine_->cpu(),          {},       0};
    FpEnvironment environment;
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> kernel, def.prepare(ctx));
    GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::KernelState> state, kernel->NewState());
    const ir::KernelArgs args = {slots.data(),
                                 numbers.data(),
                                 numbers.data() + op.operands.size(),
                                 memory.Take(static_cast<int64_t>(kernel->scratch_bytes())),
                                 state.get(),
                                 &regions};
    return op.defines.empty() ? kernel->Run(args) : kernel->RunDynamic(args, memory);
  }

  std::shared_ptr<Engine> engine_;
};

TEST_F(CancelTest, ALongKernelEndsWhenItIsNoLongerWanted) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(Format("{} over {}", sample.body, sample.params));
    Impatient regions(2);
    Status status = Run(sample, sample.large, regions);
    if (status.ok()) {
      ADD_FAILURE() << "it ran to its end, polls: " << regions.polls;
      continue;
    }
    EXPECT_EQ(status.id(), ErrorId::E803) << status.ToString();
    EXPECT_EQ(status.message(), "no longer wanted");
    EXPECT_EQ(regions.polls, 2) << "it went on";
  }
}

TEST_F(CancelTest, ASmallKernelPollsAtMostOnce) {
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(Format("{} over {}", sample.body, sample.params));
    Impatient regions(1000000);
    Status status = Run(sample, sample.small, regions);
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_LE(regions.polls, 1);
  }
}

TEST_F(CancelTest, EveryKernelHasASample) {
  std::set<std::string> made;
  for (const Sample& sample : Samples()) made.insert(sample.op);
  for (const ir::OpDef* def : ops().ops()) {
    if (NeedsNoSample(*def)) continue;
    EXPECT_TRUE(made.contains(std::string(def->name))) << def->name;
  }
}

}  // namespace
}  // namespace gcomp
