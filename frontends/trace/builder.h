// Builder: makes a graph op by op, for programs that convert models from a form of their own.
//
//   gcomp::Builder b({.module_name = "mlp"});
//   gcomp::SymInt n = b.Symbol("n", 1, 4096);
//   gcomp::Array x = b.Input("x", gcomp::DType::kF32, {n, 16});
//   gcomp::Array w = b.Weight("w", gcomp::DType::kF32, {16, 4});
//   gcomp::Array y = gcomp::ops::softmax(gcomp::ops::matmul(x, w), {.dim = -1});
//   gcomp::StatusOr<gcomp::ir::Module> module = std::move(b).Finish({y});
//
// While it lives, ops on this thread go into its graph: all of gcomp::ops, operators of Array,
// regions, branches and loops. A failure is kept, and Finish tells the first one with its place.
//
// Thread safety: one thread; builders and traces of one thread must nest.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "frontends/trace/array.h"
#include "ir/module.h"
#include "runtime/engine.h"

namespace gcomp {

struct BuilderOptions {
  std::shared_ptr<Engine> engine = {};  // null = one that all such builders share
  std::string module_name = "main";
};

class Builder {
 public:
  explicit Builder(const BuilderOptions& options = {});
  ~Builder();
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // A size that each run binds, in [low, high] and a multiple of `multiple`. All symbols come
  // before the first op that defines a size from data (E705).
  SymInt Symbol(std::string name, int64_t low = 2, std::optional<int64_t> high = {},
                int64_t multiple = 1);

  // Parameters of @main, in the order of the calls.
  Array Input(std::string name, DType dtype, const std::vector<SymInt>& sizes);
  // A parameter that the session binds to the tensor `name` of the weights file.
  Array Weight(std::string name, DType dtype, const std::vector<SymInt>& sizes);

  // An op by its name, for what has no function in ops.h. Operands by group of the record.
  std::vector<Array> Op(std::string_view op, std::vector<std::vector<Array>> operands,
                        ir::AttrDict attrs = {}, std::vector<ir::Type> result_types = {});
  // With one result and operands by position.
  Array Op1(std::string_view op, std::vector<Array> operands, ir::AttrDict attrs = {});

  bool ok() const;
  // The first failure.
  Status status() const;

  // The module, with the exported function @main that returns `results`; no more ops after it.
  StatusOr<ir::Module> Finish(const std::vector<Array>& results) &&;

 private:
  std::unique_ptr<internal::Tracer> tracer_;
  Status status_;
};

}  // namespace gcomp
