// Samples of reductions, scans and norms.
#include "tests/contract/samples.h"

namespace gcomp::testing {
namespace {

std::vector<Form> Forms() {
  return {{{1}},       {{5}},       {{129}},        {{300}, {2}},        {{4097}},
          {{9000}},    {{3, 200}},  {{200, 3}},     {{20, 65}, {1, 20}}, {{2, 70, 19}},
          {{3, 1, 5}}, {{4, 6, 1}}, {{5, 1, 4100}}, {{4100, 1, 3}},      {{70, 2, 19}, {19, 0, 1}}};
}

// Every axis of every form, for ops whose `dim` stands for all axes where it is absent.
std::vector<Sample> Positions() {
  std::vector<Sample> samples;
  for (const Form& form : Forms()) {
    samples.push_back({{{form}}, {{"keep_dims", true}}});
    auto rank = static_cast<int64_t>(form.sizes.size());
    for (int64_t d = 0; d < rank; ++d) samples.push_back({{{form}}, {{"dim", ir::Expr(d)}}});
  }
  samples.push_back({{{{{}}}}});
  samples.push_back({{{{{7, 5}}}}, {{"dim", ir::Expr(-2)}, {"keep_dims", true}}});
  samples.push_back({{{{{0, 3}}}}, {{"dim", ir::Expr(1)}}});
  return samples;
}

// The same, for ops whose `dim` is 0 where it is absent.
std::vector<Sample> Scans() {
  std::vector<Sample> samples;
  std::vector<Form> forms = Forms();
  for (Form form : std::vector<Form>{{{0, 3}}, {{8200, 2}}, {{2, 8200}}}) forms.push_back(form);
  for (const Form& form : forms) {
    samples.push_back({{{form}}});
    auto rank = static_cast<int64_t>(form.sizes.size());
    for (int64_t d = 1; d < rank; ++d) samples.push_back({{{form}}, {{"dim", ir::Expr(d)}}});
  }
  return samples;
}

// Rows that are dense, strided, and turned in strips of several points.
std::vector<Sample> AlongOneAxis() {
  std::vector<Sample> samples;
  for (const Form& form : std::vector<Form>{{{1}},
                                            {{130}},
                                            {{9000}},
                                            {{0}},
                                            {{3, 0}},
                                            {{6, 33}},
                                            {{33, 6}, {1, 33}},
                                            {{70, 21}},
                                            {{40}, {3}}}) {
    samples.push_back({{{form}}});
    samples.push_back({{{form}}, {{"dim", ir::Expr(0)}}});
  }
  samples.push_back({{{{{4, 15, 6}}}}, {{"dim", ir::Expr(1)}}});
  samples.push_back({{{{{3, 9, 100}}}}, {{"dim", ir::Expr(1)}}});
  return samples;
}

// Ops with a value per row: every axis of forms whose rows are dense, strided, turned in strips.
std::vector<Sample> RowValues() {
  std::vector<Sample> samples;
  for (const Form& form : std::vector<Form>{{{}},
                                            {{130}},
                                            {{300}, {2}},
                                            {{4097}},
                                            {{3, 200}},
                                            {{20, 65}, {1, 20}},
                                            {{2, 70, 19}},
                                            {{70, 2, 19}, {19, 0, 1}},
                                            {{0, 3}}}) {
    samples.push_back({{{form}}});
    auto rank = static_cast<int64_t>(form.sizes.size());
    for (int64_t d = 0; d < rank; ++d) samples.push_back({{{form}}, {{"dims", Ints({d})}}});
    if (rank == 3) {
      samples.push_back({{{form}}, {{"dims", Ints({2, 0})}}});
      samples.push_back({{{form}}, {{"dims", Ints({1})}, {"keep_dims", true}}});
    }
  }
  return samples;
}

std::vector<Sample> Variances() {
  std::vector<Sample> samples = RowValues();
  for (int64_t correction : {0, 2, 300}) {
    samples.push_back(
        {{{{{5, 200}}}}, {{"dims", Ints({1})}, {"correction", ir::Expr(correction)}}});
  }
  return samples;
}

std::vector<Sample> RmsNorms() {
  std::vector<Sample> samples;
  auto add = [&](Form x, ir::AttrDict attrs, Form row) {
    samples.push_back({{{x}, {}}, attrs});
    attrs.emplace_back("eps", 0.125);
    samples.push_back({{{x}, {row}}, attrs});
  };
  add({{4, 33}}, {}, {{33}});
  add({{4, 33}}, {}, {{33}, {2}});
  add({{4, 33}}, {{"dims", Ints({0})}}, {{4}});
  add({{33, 4}, {1, 33}}, {{"dims", Ints({1})}}, {{4}});
  add({{2, 3, 70}}, {{"dims", Ints({1, 2})}}, {{3, 70}});
  add({{2, 3, 70}}, {{"dims", Ints({0, 2})}}, {{2, 70}, {1, 2}});
  add({{2, 4100}}, {}, {{4100}});
  add({{3, 0}}, {}, {{0}});
  add({{}}, {}, {{}});
  return samples;
}

// x, then weight, bias, mean and var of the channels.
std::vector<Sample> BatchNorms() {
  std::vector<Sample> samples;
  const auto add = [&](Form x, Form channels) {
    samples.push_back({{{x}, {channels}, {channels}, {channels}, {channels}}, {{"eps", 0.5}}});
  };
  add({{2, 3, 5, 7}}, {{3}});
  add({{2, 3, 5, 7}, {105, 1, 21, 3}}, {{3}, {2}});
  add({{1, 2, 600}, {2000, 1000, 1}}, {{2}});
  add({{2, 2, 40, 30}, {2400, 1200, 1, 40}}, {{2}});
  add({{3, 700}}, {{700}});
  add({{3, 5, 1}, {1, 3, 1}}, {{5}, {0}});
  add({{0, 2, 3}}, {{2}});
  add({{2, 2, 0}}, {{2}});
  return samples;
}

}  // namespace

SampleTable ReduceSamples() {
  return {
      {"reduce_prod", EmptyReductionSamples()},
      {"reduce_mean", EmptyReductionSamples()},
      {"reduce_any", EmptyReductionSamples()},
      {"reduce_all", EmptyReductionSamples()},
      {"argmax", Positions()},
      {"argmin", Positions()},
      {"cumsum", Scans()},
      {"cumprod", Scans()},
      {"log_softmax", AlongOneAxis()},
      {"logsumexp", RowValues()},
      {"var", Variances()},
      {"rms_norm", RmsNorms()},
      {"batch_norm", BatchNorms()},
  };
}

}  // namespace gcomp::testing
