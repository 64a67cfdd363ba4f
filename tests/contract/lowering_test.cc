// Every op that has loops: its lowering, run by the slow evaluator at 4, 8 and 16 lanes, equals its
// eager kernels, built for every level that this processor runs, bit for bit (any NaN equals any
// NaN).
//
// The cases come from the schema: pointwise ops without attributes are tried on broadcasting,
// strided and empty shapes for every dtype that their operands take. Any other op with loops needs
// a sample in kSamples; one that has none fails here.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>

#include "base/format.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using testing::OpCase;
using testing::TestTensor;

constexpr DType kDTypes[] = {DType::kBool, DType::kI8,  DType::kI16, DType::kI32, DType::kI64,
                             DType::kU8,   DType::kU16, DType::kU32, DType::kU64, DType::kF16,
                             DType::kBF16, DType::kF32, DType::kF64};

// The form of an operand before a dtype is chosen. No strides = contiguous.
struct Form {
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides = {};

  ir::TensorSpec With(DType dtype) const {
    return strides.empty() ? testing::Spec(dtype, sizes) : testing::Strided(dtype, sizes, strides);
  }
};

// One use of an op: operand forms by group, attributes, and, for ops that take their type from the
// text, a result type.
struct Sample {
  std::vector<std::vector<Form>> groups;
  ir::AttrDict attrs = {};
  bool writes_type = false;
  std::vector<int64_t> result_sizes = {};
};

ir::AttrValue Ints(std::vector<int64_t> values) {
  ir::AttrList list;
  for (int64_t value : values) list.push_back(ir::Expr(value));
  return list;
}

std::vector<Sample> Reductions() {
  std::vector<Form> forms = {
      {{}},
      {{1}},
      {{5}},
      {{129}},
      {{300}, {2}},
      {{4097}},
      {{9000}},
      {{3, 200}},
      {{200, 3}},
      {{65, 20}},
      {{20, 65}, {1, 20}},
      {{2, 70, 19}},
      {{70, 2, 19}, {19, 0, 1}},
      {{3, 1, 5}},
      {{4, 6, 1}},
      {{5, 1, 4100}},
  };
  std::vector<Sample> samples;
  for (const Form& form : forms) {
    samples.push_back({{{form}}});
    auto rank = static_cast<int64_t>(form.sizes.size());
    for (int64_t d = 0; d < rank; ++d) {
      samples.push_back({{{form}}, {{"dims", Ints({d})}}});
      samples.push_back({{{form}}, {{"dims", Ints({d - rank})}, {"keep_dims", true}}});
    }
    if (rank == 3) samples.push_back({{{form}}, {{"dims", Ints({2, 0})}}});
    samples.push_back({{{form}}, {{"dims", Ints({})}}});
  }
  samples.push_back({{{{{0, 3}}}}, {{"dims", Ints({1})}}});
  // 64 * 2 + 2 blocks of form 2, and three chunks of form 1.
  samples.push_back({{{{{8200, 2}}}}, {{"dims", Ints({0})}}});
  return samples;
}

std::vector<Sample> Sums() {
  std::vector<Sample> samples = Reductions();
  samples.push_back({{{{{0}}}}});
  samples.push_back({{{{{3, 0, 2}}}}, {{"dims", Ints({1})}}});
  samples.push_back({{{{{0, 2}}}}, {{"dims", Ints({0})}, {"keep_dims", true}}});
  return samples;
}

std::vector<Sample> Softmaxes() {
  std::vector<Sample> samples;
  for (const Form& form : std::vector<Form>{{{1}},
                                            {{7}},
                                            {{130}},
                                            {{1000}},
                                            {{9000}},
                                            {{0}},
                                            {{3, 0}},
                                            {{6, 33}},
                                            {{33, 6}, {1, 33}},
                                            {{4, 5, 6}},
                                            {{40}, {3}}}) {
    samples.push_back({{{form}}});
    samples.push_back({{{form}}, {{"dim", ir::Expr(0)}}});
  }
  samples.push_back({{{{{4, 5, 6}}}}, {{"dim", ir::Expr(1)}}});
  return samples;
}

std::vector<Sample> LayerNorms() {
  std::vector<Sample> samples;
  auto add = [&](Form x, std::vector<int64_t> dims, Form row) {
    ir::AttrDict attrs = {{"dims", Ints(dims)}};
    samples.push_back({{{x}, {}, {}}, attrs});
    samples.push_back({{{x}, {row}, {}}, attrs});
    samples.push_back({{{x}, {}, {row}}, attrs});
    attrs.emplace_back("eps", 0.125);
    samples.push_back({{{x}, {row}, {row}}, attrs});
  };
  add({{4, 33}}, {1}, {{33}});
  add({{4, 33}}, {-1}, {{33}, {2}});
  add({{4, 33}}, {0}, {{4}});
  add({{33, 4}, {1, 33}}, {1}, {{4}});
  add({{2, 3, 70}}, {1, 2}, {{3, 70}});
  add({{2, 3, 70}}, {0, 2}, {{2, 70}, {1, 2}});
  add({{2, 4100}}, {1}, {{4100}});
  add({{3, 0}}, {1}, {{0}});
  add({{0, 3}}, {1}, {{3}});
  add({{5}}, {}, {{}});
  samples.push_back({{{{{3, 5}}}, {}, {}}});
  return samples;
}

std::vector<Sample> Casts() {
  std::vector<Sample> samples;
  for (const Form& form : std::vector<Form>{{{}}, {{0}}, {{700}}, {{9, 7}, {1, 9}}}) {
    samples.push_back({{{form}}, {}, true, form.sizes});
  }
  return samples;
}

std::vector<Sample> MaxPools() {
  std::vector<Sample> samples;
  ir::AttrDict attrs = {{"kernel", Ints({2, 2})}};
  samples.push_back({{{{{1, 2, 6, 8}}}}, attrs});
  attrs = {{"kernel", Ints({3, 2})}, {"stride", Ints({2, 1})}, {"padding", Ints({1, 0, 1, 1})}};
  samples.push_back({{{{{2, 3, 7, 9}}}}, attrs});
  samples.push_back({{{{{2, 3, 7, 9}, {189, 1, 27, 3}}}}, attrs});
  attrs.emplace_back("dilation", Ints({1, 2}));
  attrs.emplace_back("ceil_mode", true);
  samples.push_back({{{{{1, 2, 8, 9}}}}, attrs});
  return samples;
}

// Ops with loops that are not plain pointwise ops.
const std::map<std::string_view, std::vector<Sample>>& Samples() {
  static const auto* samples = new std::map<std::string_view, std::vector<Sample>>{
      {"gelu",
       {{{{{{600}}}}},
        {{{{{7, 9}, {1, 7}}}}},
        {{{{{600}}}}, {{"approx", std::string("tanh")}}},
        {{{{{}}}}, {{"approx", std::string("tanh")}}}}},
      {"cast", Casts()},
      {"reduce_sum", Sums()},
      {"reduce_max", Reductions()},
      {"reduce_min", Reductions()},
      {"softmax", Softmaxes()},
      {"layer_norm", LayerNorms()},
      {"max_pool", MaxPools()},
      {"const", {{{}, {{"splat", 2.0}}, true, {3, 5}}, {{}, {{"splat", 0.0}}, true, {}}}},
      {"full", {{{{{{}}}}, {{"shape", Ints({3, 4})}}}, {{{{{}}}}, {{"shape", Ints({0, 2})}}}}},
      {"reshape",
       {{{{{{6, 4}}}}, {{"shape", Ints({4, 6})}}},
        {{{{{6, 4}, {1, 6}}}}, {{"shape", Ints({3, 8})}}},
        {{{{{}}}}, {{"shape", Ints({1, 1})}}},
        {{{{{0, 3}}}}, {{"shape", Ints({5, 0})}}}}},
      {"contiguous", {{{{{{6, 4}, {1, 6}}}}}, {{{{{}}}}}, {{{{{3, 2, 5}, {1, 40, 3}}}}}}},
      {"copy", {{{{{{6, 4}, {1, 6}}}, {}}}, {{{{{}}}, {}}}}},
      {"concat",
       {{{{{{2, 3}}, {{4, 3}}, {{0, 3}}}}},
        {{{{{3, 2}, {1, 3}}, {{3, 5}}}}, {{"dim", ir::Expr(1)}}}}},
  };
  return *samples;
}

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
  for (const Form& form : std::vector<Form>{{{}},
                                            {{1}},
                                            {{0}},
                                            {{3, 0, 2}},
                                            {{17}},
                                            {{33}},
                                            {{1500}},
                                            {{40}, {2}},
                                            {{9, 7}, {1, 9}},
                                            {{5, 70}, {140, 2}},
                                            {{2, 3, 4}, {1, 2, 6}}}) {
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
  for (int lanes : {4, 8, 16}) {
    StatusOr<std::vector<TestTensor>> run = op.RunLoops(operands, lanes);
    if (!run.ok()) {
      ADD_FAILURE() << what << ": " << run.status().ToString();
      return false;
    }
    if (!Equal(runs[0], *run, what + Format(", eager against {} lanes", lanes))) return false;
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
    ASSERT_TRUE(op.ok()) << def.name << ": " << op.status().ToString();
    if (!Check(**op, result, values)) return;
  }
}

class LoweringTest : public ::testing::TestWithParam<const ir::OpDef*> {};

TEST_P(LoweringTest, LoopsEqualEagerKernels) {
  const ir::OpDef& def = *GetParam();
  std::vector<Sample> samples;
  if (auto found = Samples().find(def.name); found != Samples().end()) {
    samples = found->second;
  } else if (def.lowering.kind == ir::Lowering::Kind::kPointwise && def.attrs.empty()) {
    samples = PointwiseSamples(def.operands.size());
  }
  ASSERT_FALSE(samples.empty()) << def.name << " has loops but no sample in Samples()";
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
                         [](const auto& test) { return std::string(test.param->name); });

TEST(LoweringSamplesTest, EachNamesAnOpWithLoops) {
  ir::OpRegistry registry(kernels::AllOps());
  for (const auto& [name, samples] : Samples()) {
    const ir::OpDef* def = registry.Find(name);
    ASSERT_NE(def, nullptr) << name;
    EXPECT_NE(def->lowering.loops, nullptr) << name;
  }
}

}  // namespace
}  // namespace gcomp
