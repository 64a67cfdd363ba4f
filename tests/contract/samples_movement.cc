// Samples of views, data movement and creation.
#include <string>

#include "tests/contract/samples.h"

namespace gcomp::testing {
namespace {

using ir::Expr;

std::vector<Sample> Flips() {
  return {
      {{{{{7}}}}},
      {{{{{}}}}},
      {{{{{0, 3}}}}},
      {{{{{5, 1, 70}}}}},
      {{{{{6, 9}, {1, 6}}}}, {{"dims", Ints({-1})}}},
      {{{{{3, 4, 5}, {40, 2, 8}}}}, {{"dims", Ints({2, 0})}}},
  };
}

std::vector<Sample> Pads() {
  std::vector<Sample> samples;
  auto add = [&](Form x, std::vector<int64_t> low, std::vector<int64_t> high, const char* mode) {
    ir::AttrDict attrs = {{"low", Ints(low)}, {"high", Ints(high)}};
    if (std::string(mode) != "constant") attrs.emplace_back("mode", std::string(mode));
    samples.push_back({{{x}}, attrs});
  };
  for (const char* mode : {"constant", "reflect", "replicate", "circular"}) {
    add({{5}}, {4}, {3}, mode);
    add({{3, 4}}, {1, 0}, {2, 3}, mode);
    add({{4, 20}, {1, 4}}, {0, 3}, {1, 17}, mode);
    add({{2, 3, 4}, {24, 8, 2}}, {1, 2, 3}, {0, 0, 1}, mode);
    add({{}}, {}, {}, mode);
    add({{0, 3}}, {0, 1}, {0, 1}, mode);
  }
  add({{9}}, {-2}, {-3}, "constant");
  add({{3, 9}}, {2, -9}, {-1, 4}, "constant");
  add({{3}}, {-7}, {9}, "constant");
  add({{0, 3}}, {2, 1}, {0, 1}, "constant");
  samples.push_back({{{{{3, 2}}}}, {{"low", Ints({1, 1})}, {"value", 1.0}}});
  return samples;
}

std::vector<Sample> Triangles() {
  std::vector<Sample> samples = {{{{{{6, 70}}}}}, {{{{{70, 6}}}}}};
  for (int64_t diagonal : {1, -1, -2, 100, -100}) {
    for (const Form& form : std::vector<Form>{{{5, 5}},
                                              {{3, 40}},
                                              {{40, 3}, {1, 40}},
                                              {{2, 3, 5}, {1, 40, 4}},
                                              {{0, 4}},
                                              {{4, 0}}}) {
      samples.push_back({{{form}}, {{"diagonal", Expr(diagonal)}}});
    }
  }
  return samples;
}

std::vector<Sample> SliceScatters() {
  return {
      {{{{{9}}}, {{{4}}}}, {{"start", Expr(1)}, {"step", Expr(2)}, {"end", Expr(8)}}},
      {{{{{4, 7}, {1, 4}}}, {{{4, 3}, {1, 4}}}}, {{"dim", Expr(-1)}, {"start", Expr(-3)}}},
      {{{{{4, 7}}}, {{{0, 7}}}}, {{"start", Expr(4)}}},
      {{{{{0, 7}}}, {{{0, 7}}}}},
  };
}

std::vector<Sample> SelectScatters() {
  return {
      {{{{{4, 7}}}, {{{7}, {3}}}}, {{"index", Expr(-1)}}},
      {{{{{4, 7}, {1, 4}}}, {{{4}}}}, {{"dim", Expr(1)}, {"index", Expr(2)}}},
      {{{{{3}}}, {{{}}}}},
  };
}

std::vector<Sample> DiagonalScatters() {
  return {
      {{{{{4, 7}}}, {{{4}, {0}}}}},
      {{{{{4, 7}, {1, 4}}}, {{{2}}}}, {{"offset", Expr(5)}}},
      {{{{{3, 4, 5}}}, {{{4, 3}, {1, 4}}}},
       {{"offset", Expr(-1)}, {"dim1", Expr(-1)}, {"dim2", Expr(0)}}},
      {{{{{4, 4}}}, {{{0}}}}, {{"offset", Expr(9)}}},
  };
}

std::vector<Sample> AsStridedScatters() {
  return {
      {{{{{4, 7}}}, {{{3, 2}}}},
       {{"shape", Ints({3, 2})}, {"strides", Ints({2, 7})}, {"offset", Expr(5)}}},
      {{{{{12}}}, {{{3, 4}, {1, 3}}}}, {{"shape", Ints({3, 4})}, {"strides", Ints({1, 3})}}},
      {{{{{3}}}, {{{0}}}}, {{"shape", Ints({0})}, {"strides", Ints({5})}}},
  };
}

}  // namespace

SampleTable MovementSamples() {
  return {
      {"flip", Flips()},
      {"pad", Pads()},
      {"tril", Triangles()},
      {"triu", Triangles()},
      {"slice_scatter", SliceScatters()},
      {"select_scatter", SelectScatters()},
      {"diagonal_scatter", DiagonalScatters()},
      {"as_strided_scatter", AsStridedScatters()},
      {"to_device", {{{{{{6, 4}, {1, 6}}}}}, {{{{{}}}}}}},
  };
}

}  // namespace gcomp::testing
