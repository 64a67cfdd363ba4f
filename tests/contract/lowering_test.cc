// Every op that has loops: its lowering, run by the slow evaluator at 4, 8 and 16 lanes on one and
// on two threads, equals its eager kernels, built for every level that this processor runs, bit for
// bit (any NaN equals any NaN).
//
// The cases come from the schema: pointwise ops without attributes are tried on broadcasting,
// strided and empty shapes for every dtype that their operands take. Any other op with loops needs
// a sample in tests/contract/samples.h; one that has none fails here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "base/format.h"
#include "tests/contract/samples.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::AllSamples;
using testing::Form;
using testing::OpCase;
using testing::Sample;
using testing::TestTensor;

constexpr DType kDTypes[] = {DType::kBool, DType::kI8,  DType::kI16, DType::kI32, DType::kI64,
                             DType::kU8,   DType::kU16, DType::kU32, DType::kU64, DType::kF16,
                             DType::kBF16, DType::kF32, DType::kF64};

// Shapes for a pointwise op of `arity` operands.
std::vector<Sample> PointwiseSamples(size_t arity) {
  std::vector<Sample> samples;
  auto add = [&](std::vector<Form> rotating) {
    for (size_t turn = 0; turn < rotating.size(); ++turn) {
      Sample sample;
      for (size_t i = 0; i < arity; ++i) {
        sample.groups.push_back({rotating[(i + turn) % rotating.size()]});
      }
      samples.push_back(std::move(sample));
      if (arity == 1 && turn + 1 == rotating.size()) break;
    }
  };
  for (const Form& form : testing::UnaryForms()) {
    add({form});
  }
  if (arity == 1) {
    add({{{4, 50}, {0, 1}}});
    return samples;
  }
  add({{{5, 70}}, {{70}}});
  add({{{5, 70}}, {{5, 1}}});
  add({{{600}}, {{}}});
  add({{{9, 3}}, {{3}}});
  add({{{9, 3}}, {{9, 1}}});
  add({{{4, 2, 3}}, {{4, 1, 3}}});
  add({{{3, 1}}, {{1, 300}}});
  add({{{20, 30}}, {{20, 30}, {1, 20}}});
  add({{{0, 3}}, {{1, 3}}});
  return samples;
}

// Values where things go wrong, and random ones of all magnitudes.
class Values {
 public:
  ir::Scalar Next(DType dtype) {
    uint64_t bits = random_();
    if (dtype == DType::kBool) return ir::Scalar::FromBool((bits & 1) != 0);
    int width = ir::BitsOf(dtype);
    uint64_t mask = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    uint64_t kind = random_() % 8;
    if (ir::IsInteger(dtype)) {
      uint64_t sign = uint64_t{1} << (width - 1);
      const uint64_t corners[] = {0, 1, mask, sign, sign - 1, 2};
      if (kind == 0) return {dtype, corners[random_() % std::size(corners)] & mask};
      return {dtype, (kind < 5 ? bits % 20 - 10 : bits) & mask};
    }
    if (kind == 0 && !tame_) {
      double denormal = dtype == DType::kF64   ? 5e-324
                        : dtype == DType::kF16 ? 6e-8
                                               : (dtype == DType::kF32 ? 1.4e-45 : 9.2e-41);
      double inf = std::numeric_limits<double>::infinity();
      const double corners[] = {0.0, -0.0, inf,  -inf,   std::nan(""), denormal, -denormal, 1e-3,
                                1.0, -1.0, 88.8, -104.0, 709.8,        -745.2,   2.5,       -0.5};
      return *ir::Scalar::FromDouble(dtype, corners[random_() % std::size(corners)]);
    }
    if (kind == 1 && !tame_) return {dtype, bits & mask};
    double value = static_cast<double>(static_cast<int64_t>(bits)) * 0x1p-60;  // [-8, 8)
    return *ir::Scalar::FromDouble(dtype, value);
  }

  // Without corners in two of three tensors: one NaN or large number hides what is summed with it.
  void Fill(TestTensor& tensor) {
    tame_ = count_++ % 3 != 0;
    for (int64_t i = 0; i < tensor.spec().NumElements(); ++i) {
      tensor.Set(i, Next(tensor.spec().dtype));
    }
  }

 private:
  std::mt19937_64 random_{20240229};
  int count_ = 0;
  bool tame_ = false;
};

bool SameBits(const ir::Scalar& a, const ir::Scalar& b) {
  if (a == b) return true;
  return ir::IsFloat(a.dtype) && std::isnan(a.ToDouble()) && std::isnan(b.ToDouble());
}

std::vector<CpuLevel> Levels() {
  StatusOr<CpuLevel> best = DetectCpuLevel();
  std::vector<CpuLevel> levels;
  if (best.ok()) levels.push_back(CpuLevel::kV3);
  if (best.ok() && *best == CpuLevel::kV4) levels.push_back(CpuLevel::kV4);
  return levels;
}

std::string Describe(const OpCase& op, DType dtype) {
  std::string text = std::string(op.op().def->name) + " of";
  for (const ir::TensorSpec& spec : op.operands()) {
    text += " " + std::string(NameOf(spec.dtype)) + "[";
    for (size_t d = 0; d < spec.sizes.size(); ++d) {
      text += Format("{}{}:{}", d == 0 ? "" : ", ", spec.sizes[d], spec.strides[d]);
    }
    text += "]";
  }
  return text + " for " + std::string(NameOf(dtype));
}

// False at the first difference, which is reported.
bool Equal(const std::vector<TestTensor>& a, const std::vector<TestTensor>& b,
           const std::string& what) {
  for (size_t r = 0; r < a.size(); ++r) {
    if (!a[r].GuardsIntact() || !b[r].GuardsIntact()) {
      ADD_FAILURE() << what << ": wrote outside of result " << r;
      return false;
    }
    for (int64_t i = 0; i < a[r].spec().NumElements(); ++i) {
      if (SameBits(a[r].Get(i), b[r].Get(i))) continue;
      ADD_FAILURE() << what << ": element " << i << " of result " << r << " is "
                    << a[r].Get(i).ToString() << " and " << b[r].Get(i).ToString();
      return false;
    }
  }
  return true;
}

// Runs one case on all levels and lanes. Returns false after a failure.
bool Check(const OpCase& op, DType dtype, Values& values) {
  std::string what = Describe(op, dtype);
  std::vector<TestTensor> operands(op.operands().begin(), op.operands().end());
  for (TestTensor& operand : operands) values.Fill(operand);
  std::vector<CpuLevel> levels = Levels();
  EXPECT_FALSE(levels.empty());
  std::vector<std::vector<TestTensor>> runs;
  for (CpuLevel level : levels) {
    StatusOr<std::vector<TestTensor>> run = op.Run(operands, level);
    if (!run.ok()) {
      ADD_FAILURE() << what << ": " << run.status().ToString();
      return false;
    }
    runs.push_back(*std::move(run));
    if (!Equal(runs[0], runs.back(), what + ", v3 against " + std::string(NameOf(level)))) {
      return false;
    }
  }
  for (auto [lanes, threads] : {std::pair{4, 1}, {8, 1}, {16, 1}, {4, 2}, {16, 2}}) {
    StatusOr<std::vector<TestTensor>> run = op.RunLoops(operands, lanes, threads);
    if (!run.ok()) {
      ADD_FAILURE() << what << ": " << run.status().ToString();
      return false;
    }
    std::string form = Format(", eager against {} lanes on {} threads", lanes, threads);
    if (!Equal(runs[0], *run, what + form)) return false;
  }
  return true;
}

// The dtypes to try an op with: those of its operands that are not predicates; all if it has none.
std::vector<DType> DTypesOf(const ir::OpDef& def) {
  std::vector<DType> dtypes;
  for (DType dtype : kDTypes) {
    bool taken = true;
    for (const ir::OperandSpec& operand : def.operands) {
      bool predicate = !operand.dtypes.Has(DType::kF32) && operand.dtypes.Has(DType::kBool) &&
                       !operand.dtypes.Has(DType::kI32);
      taken = taken && (predicate || operand.dtypes.Has(dtype));
    }
    if (taken) dtypes.push_back(dtype);
  }
  return dtypes;
}

void CheckSample(const ir::OpDef& def, const Sample& sample, DType dtype, Values& values) {
  std::vector<std::vector<ir::TensorSpec>> groups;
  for (size_t g = 0; g < sample.groups.size(); ++g) {
    groups.emplace_back();
    bool takes = def.operands[g].dtypes.Has(dtype);
    for (const Form& form : sample.groups[g]) {
      groups.back().push_back(form.With(takes ? dtype : DType::kBool));
    }
  }
  std::vector<DType> result_dtypes = {dtype};
  if (sample.writes_type && !groups.empty()) {
    result_dtypes.assign(std::begin(kDTypes), std::end(kDTypes));
  }
  for (DType result : result_dtypes) {
    std::vector<ir::Type> written;
    if (sample.writes_type) {
      ir::Dims dims(sample.result_sizes.begin(), sample.result_sizes.end());
      written.push_back(ir::Type::Tensor(result, dims));
    }
    ir::AttrDict attrs = sample.attrs;
    for (auto& [name, value] : attrs) {
      int index = def.AttrIndex(name);
      ASSERT_GE(index, 0) << def.name << " has no attribute " << name;
      if (def.attrs[static_cast<size_t>(index)].kind == ir::AttrKind::kScalar) {
        double number = *value.As<double>();
        value = result == DType::kBool ? ir::Scalar::FromBool(number != 0)
                                       : *ir::Scalar::FromDouble(result, number);
      }
    }
    StatusOr<std::unique_ptr<OpCase>> op = OpCase::Create(def.name, groups, attrs, written);
    // Ops without operands do not say in the schema which dtypes they make.
    bool not_made = groups.empty() && result == DType::kBool && !op.ok();
    if (not_made && op.status().id() == ErrorId::E504) continue;
    ASSERT_TRUE(op.ok()) << def.name << ": " << op.status().ToString();
    if (!Check(**op, result, values)) return;
  }
}

class LoweringTest : public ::testing::TestWithParam<const ir::OpDef*> {};

TEST_P(LoweringTest, LoopsEqualEagerKernels) {
  const ir::OpDef& def = *GetParam();
  std::vector<Sample> samples;
  if (auto found = AllSamples().find(def.name); found != AllSamples().end()) {
    samples = found->second;
  } else if (def.lowering.kind == ir::Lowering::Kind::kPointwise && def.attrs.empty()) {
    samples = PointwiseSamples(def.operands.size());
  }
  ASSERT_FALSE(samples.empty()) << def.name << " has loops but no sample in AllSamples()";
  Values values;
  for (DType dtype : DTypesOf(def)) {
    for (const Sample& sample : samples) {
      CheckSample(def, sample, dtype, values);
      if (HasFailure()) return;
    }
  }
}

std::vector<const ir::OpDef*> OpsWithLoops() {
  std::vector<const ir::OpDef*> ops;
  for (const ir::OpDef* def : kernels::AllOps()) {
    if (def->lowering.loops != nullptr) ops.push_back(def);
  }
  return ops;
}

INSTANTIATE_TEST_SUITE_P(AllOps, LoweringTest, ::testing::ValuesIn(OpsWithLoops()),
                         [](const auto& test) {
                           std::string name(test.param->name);
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(LoweringSamplesTest, EachNamesAnOpWithLoops) {
  ir::OpRegistry registry(kernels::AllOps());
  for (const auto& [name, samples] : AllSamples()) {
    const ir::OpDef* def = registry.Find(name);
    ASSERT_NE(def, nullptr) << name;
    EXPECT_NE(def->lowering.loops, nullptr) << name;
  }
}

}  // namespace
}  // namespace gcomp
