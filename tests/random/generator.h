// Generator: one random graph while it is being made; what recipes work on.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"
#include "ir/emitter.h"
#include "tests/random/random_graph.h"

namespace gcomp::random {

using ir::AttrDict;
using ir::Dims;
using ir::DType;
using ir::DTypeSet;
using ir::Expr;
using ir::ValueId;

// SplitMix64 (Steele et al. 2014): the same numbers on every machine.
class Random {
 public:
  // Seeds next to each other start far apart in the sequence.
  explicit Random(uint64_t seed) : state_(seed) { state_ = Next(); }

  uint64_t Next();

  // In [0, n). Requires n > 0.
  int64_t Below(int64_t n) { return static_cast<int64_t>(Next() % static_cast<uint64_t>(n)); }

  // In [low, high].
  int64_t In(int64_t low, int64_t high) { return low + Below(high - low + 1); }

  bool Chance(int percent) { return Below(100) < percent; }

  template <class T>
  const T& Of(const std::vector<T>& list) {
    return list[static_cast<size_t>(Below(static_cast<int64_t>(list.size())))];
  }

  template <class T>
  T Of(std::initializer_list<T> list) {
    return list.begin()[Below(static_cast<int64_t>(list.size()))];
  }

 private:
  uint64_t state_;
};

class Generator {
 public:
  Generator(const ir::OpRegistry& ops, const RandomGraphOptions& options, Histogram& histogram);

  // Adds one op, or none if the tries fail.
  void Step();

  // Ends the function and prints the file.
  std::string Finish();

  // ---- For recipes ----

  Random& random() { return random_; }

  // By value: what is added moves the others.
  ir::Type type(ValueId id) const { return function_->value(id).type; }

  Dims dims(ValueId id) const { return type(id).dims(); }

  DType dtype(ValueId id) const { return type(id).dtype(); }

  int rank(ValueId id) const { return type(id).rank(); }

  // The size of an axis; nullopt if it is symbolic.
  std::optional<int64_t> Size(ValueId id, int axis) const;

  // A value of one of `dtypes` with at least `min_rank` axes; a new parameter if there is none, and
  // sometimes anyway.
  ValueId Any(DTypeSet dtypes, int min_rank = 0, int max_rank = 8);
  // A value of exactly this type (contiguous or not), or a new parameter.
  ValueId Like(DType dtype, const Dims& dims);
  ValueId NewParam(DType dtype, const Dims& dims);
  ValueId Literal(DType dtype);
  // Integers of `dtype` in [0, n) of these sizes; an invalid id if that is not possible. Requires
  // n > 0.
  ValueId Indices(DType dtype, const Dims& dims, int64_t n);

  DType AnyDType(DTypeSet dtypes);
  int64_t AnySize();
  // `dims` with some leading axes dropped and some sizes 1.
  Dims Broadcastable(const Dims& dims);
  // An axis of `rank`, counted from either end. Requires rank > 0.
  int64_t Axis(int rank);
  // The same, and the same axis from the front.
  std::pair<Expr, int> AxisOf(int rank);

  // Adds the op; true if inference takes it and its results are not too large. `written`: types for
  // ops that take theirs from the text.
  bool Emit(std::string_view op, std::vector<std::vector<ValueId>> groups, AttrDict attrs = {},
            std::vector<ir::Type> written = {});
  // A cond whose regions compute on one value.
  bool EmitCond();

  // The last op's result 0.
  ValueId last() const { return last_; }

 private:
  bool Add(std::string_view op, ir::OpArgs args);
  void CountForms(const ir::Op& op);
  bool EmitBySchema(const ir::OpDef& def);
  std::optional<AttrDict> AttrsBySchema(const ir::OpDef& def, int rank);

  const ir::OpRegistry& ops_;
  RandomGraphOptions options_;
  Histogram& histogram_;
  Random random_;
  ir::Module module_;
  ir::Function* function_;
  std::optional<ir::Builder> builder_;
  std::vector<const ir::OpDef*> choices_;
  std::vector<const ir::OpDef*> favored_;
  std::vector<ir::SymId> symbols_;
  std::vector<ValueId> values_;
  ValueId last_;
};

// How to make one use of an op; false if it did not come to one. The key is the op's name.
using Recipe = std::function<bool(Generator&)>;
const std::map<std::string_view, Recipe>& Recipes();

// Why an op is not tried in a form; nullopt if it must be.
std::optional<std::string_view> NotTried(const ir::OpDef& def, Form form);

// Ops that random graphs leave out, with the reason.
const std::map<std::string_view, std::string_view>& LeftOut();

}  // namespace gcomp::random
