// Traces a small network written in C++, prints its graph and runs it.
//
//   gcomp-trace-mlp
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "frontends/trace/jit.h"
#include "frontends/trace/ops.h"
#include "frontends/trace/structure.h"
#include "ir/text.h"

namespace {

using gcomp::Array;

struct Layer {
  Array weight, bias;
  GCOMP_FIELDS(weight, bias)
};

// Weights 1 / n, biases 0.1: the point is the graph, not the numbers.
Layer MakeLayer(int64_t n) {
  const size_t elements = static_cast<size_t>(n * n);
  return {Array::From<float>({n, n}, std::vector<float>(elements, 1.0f / static_cast<float>(n))),
          Array::From<float>({n}, std::vector<float>(static_cast<size_t>(n), 0.1f))};
}

int Fail(const gcomp::Status& status) {
  std::fprintf(stderr, "gcomp-trace-mlp: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace

int main() {
  const Layer layers[] = {MakeLayer(4), MakeLayer(4), MakeLayer(4)};

  // One function of the graph, called once for each layer with its own weights.
  auto layer = gcomp::region("layer", [](const Array& x, const Layer& p) {
    return gcomp::ops::relu(gcomp::ops::linear(x, p.weight, {.bias = p.bias}));
  });
  auto mlp = [&](Array x) {
    for (const Layer& p : layers) x = layer(x, p);
    return gcomp::ops::softmax(x, {.dim = -1});
  };

  // The graph, with an open batch size and the weights by name.
  auto traced =
      gcomp::trace(mlp, std::tuple(Array::OfType(gcomp::DType::kF32, {8, 4})),
                   {.module_name = "mlp",
                    .arg_names = {"x"},
                    .dynamic = {{.leaf = "x", .dim = 0, .name = "batch", .low = 1, .high = 4096}},
                    .captures_as_weights = true});
  if (!traced.ok()) return Fail(traced.status());
  std::printf("%s", gcomp::ir::Print(traced->module).c_str());

  // The same function as a callable that traces itself and replays.
  auto run = gcomp::jit(mlp);
  const Array x = Array::From<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  gcomp::StatusOr<Array> y = run(x);
  if (!y.ok()) return Fail(y.status());
  for (float value : y->Values<float>()) std::printf("%g ", value);
  std::printf("\n");
  return 0;
}
