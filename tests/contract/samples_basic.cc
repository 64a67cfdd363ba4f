// Samples of reductions, softmax, layer_norm, cast, max_pool, data movement and creation.
#include "tests/contract/samples.h"

namespace gcomp::testing {

std::vector<Sample> ReductionSamples() {
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

std::vector<Sample> EmptyReductionSamples() {
  std::vector<Sample> samples = ReductionSamples();
  samples.push_back({{{{{0}}}}});
  samples.push_back({{{{{3, 0, 2}}}}, {{"dims", Ints({1})}}});
  samples.push_back({{{{{0, 2}}}}, {{"dims", Ints({0})}, {"keep_dims", true}}});
  return samples;
}

namespace {

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

}  // namespace

std::vector<Form> UnaryForms() {
  return {{{}},
          {{1}},
          {{0}},
          {{3, 0, 2}},
          {{17}},
          {{33}},
          {{1500}},
          {{40}, {2}},
          {{9, 7}, {1, 9}},
          {{5, 70}, {140, 2}},
          {{2, 3, 4}, {1, 2, 6}}};
}

SampleTable BasicSamples() {
  return {

      {"gelu",
       {{{{{{600}}}}},
        {{{{{7, 9}, {1, 7}}}}},
        {{{{{600}}}}, {{"approx", std::string("tanh")}}},
        {{{{{}}}}, {{"approx", std::string("tanh")}}}}},
      {"cast", Casts()},
      {"reduce_sum", EmptyReductionSamples()},
      {"reduce_max", ReductionSamples()},
      {"reduce_min", ReductionSamples()},
      {"softmax", Softmaxes()},
      {"layer_norm", LayerNorms()},
      {"max_pool", MaxPools()},
      {"const", {{{}, {{"splat", 2.0}}, true, {3, 5}}, {{}, {{"splat", 0.0}}, true, {}}}},
      {"full", {{{{{{}}}}, {{"shape", Ints({3, 4})}}}, {{{{{}}}}, {{"shape", Ints({0, 2})}}}}},
      {"iota",
       {{{}, {}, true, {70}}, {{}, {{"dim", ir::Expr(-1)}}, true, {3, 5}}, {{}, {}, true, {2, 0}}}},
      {"sym.value", {{{}, {{"value", ir::Expr(42)}}}}},
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
}

const SampleTable& AllSamples() {
  static const auto* all = [] {
    auto* table = new SampleTable;
    for (SampleTable (*samples)() :
         {&BasicSamples, &PointwiseSamples, &ReduceSamples, &MovementSamples, &IndexSamples,
          &LinalgSamples, &RandomSamples})
      table->merge(samples());
    return table;
  }();
  return *all;
}

}  // namespace gcomp::testing
