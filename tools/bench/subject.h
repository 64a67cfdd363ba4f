// Subject: one graph as gcomp-bench times it: loaded, bound to its data, prepared, and run once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/engine.h"
#include "runtime/tensor.h"

namespace gcomp::tools {

struct Subject {
  // <group>/<module>/<tier>/<dtype>/<sizes of the first input>. The group is what the module's
  // attribute `group` says, "graph" if it has none.
  std::string name;
  std::unique_ptr<Context> context;
  std::vector<Tensor> inputs;
  std::vector<std::string> output_names;
  std::vector<Tensor> outputs;  // of the last run
  int64_t argument_bytes = 0;   // inputs, weights and outputs, each once
  int64_t flop = 0;             // of its matrix products and convolutions; 0 = none, or not known

  Status Run() { return context->Run(inputs, outputs); }
};

// Loads the first exported function of a graph, for a tier. `data` is a file with the inputs and
// weights by name; empty = random ones, with each size symbol at the least value that is not 0.
// `report` gets all errors of the text with their lines. Fails as loading, binding and running do:
// E510 for an op that this build does not have.
StatusOr<Subject> LoadSubject(const std::shared_ptr<Engine>& engine, const std::string& graph,
                              const std::string& data, Tier tier, std::string* report);

}  // namespace gcomp::tools
