// Generator: one random graph while it is being made; what recipes work on.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
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

  ValueId Number(int64_t number) {
    return builder_->Literal(*ir::Scalar::FromInt(DType::kI64, number));
  }

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

  // The same with all that an op may have.
  bool Emit(std::string_view op, ir::OpArgs args) { return Add(op, std::move(args)); }

  // ---- Writes in place ----

  // Uses an op that writes operand 0: some value that may be written, often a view, sometimes with
  // another operand in the same storage.
  bool EmitInPlace(const ir::OpDef& form);
  // True if ops may write the value in place.
  bool MayWrite(ValueId id) const;
  // A value that may be written; invalid if there is none.
  ValueId Target(DTypeSet dtypes, int min_rank = 0, int max_rank = 8);
  // A view of a value that may be written.
  bool EmitView();

  // ---- Bodies ----

  // A region of the op that is made next. What it makes is seen in it alone. A parameter may be
  // written if the value at its place in `operands` may be (invalid = it may not), which is written
  // then.
  void BeginRegion(std::string label, std::span<const ir::Type> params,
                   std::span<const ValueId> operands = {});
  ir::BlockId EndRegion(std::vector<ValueId> yields);
  // Some ops on the values of the body, most of them exact.
  void Body(int64_t ops);
  // A call of a function, new or called before.
  bool EmitCall();

  // The values that ops may use here.
  const std::vector<ValueId>& values() const { return values_; }

  // Values with sizes that a caller's inputs bind.
  ValueId AnyBound(DTypeSet dtypes, int min_rank = 0);
  // Row-major, the same elements.
  ValueId RowMajor(ValueId id);
  // A value of this dtype and these sizes, new only if there is none.
  ValueId Existing(DType dtype, const Dims& dims);

  // Keeps other ops from using a value that must stay as it is.
  void Hide(ValueId id) { std::erase(values_, id); }

  // A symbol in [0, high] for the next op to define; the last one goes where it does not.
  ir::SymId NewSymbol(Expr high);

  void DropSymbol() { function_->symbols.pop_back(); }

  // A size that a caller's inputs bind; nullopt if there is none.
  std::optional<Expr> AnySymbol();

  // A number in [0, most] as a size: the symbol of an `item`.
  std::optional<ir::SymId> Item(int64_t most);

  // True while regions may stand in what is made.
  bool MayNest() const { return depth_ < 2; }

  // A global of this type that may be written.
  std::string Global(const ir::Type& type);
  bool EmitGlobal(bool write);

  // The last op's result 0.
  ValueId last() const { return last_; }

 private:
  // What one block sees.
  struct Scope {
    std::vector<ValueId> values;
    std::map<ValueId, ValueId> operand_of;  // of parameters that may be written
    ir::BlockId block;
  };

  struct Callee {
    std::string name;
    std::vector<ir::Type> params;
    std::vector<bool> writes;
  };

  bool Add(std::string_view op, ir::OpArgs args);
  bool AddToBlock(const ir::OpDef& def, ir::OpArgs args);
  // After the op: storage, effects, handles that are no longer used.
  void Note(const ir::Op& op);
  void Write(ValueId id);
  ValueId Root(ValueId id) const;
  // True if a caller's inputs bind all symbols.
  bool IsBound(const Dims& dims) const;
  bool IsBound(const ir::Type& type) const;
  bool NewCallee(const std::vector<ValueId>& operands);
  bool Call(const Callee& callee, const std::vector<ValueId>& operands);
  void CountForms(const ir::Op& op);
  bool EmitBySchema(const ir::OpDef& def);
  bool EmitPure(const ir::OpDef& def);
  void AnnotateResults();
  void CountGraph();
  std::optional<AttrDict> AttrsBySchema(const ir::OpDef& def, int rank);

  const ir::OpRegistry& ops_;
  RandomGraphOptions options_;
  Histogram& histogram_;
  Random random_;
  ir::Module module_;
  ir::Function* function_;
  std::unique_ptr<ir::Builder> builder_;
  std::vector<const ir::OpDef*> choices_;
  std::vector<const ir::OpDef*> exact_;     // of choices_
  std::vector<const ir::OpDef*> in_place_;  // those that write operand 0
  std::vector<std::string_view> structure_;
  std::vector<const ir::OpDef*> favored_;
  bool stateful_ = false;
  bool structured_ = false;
  std::vector<ir::SymId> symbols_;  // of the signature
  std::vector<ValueId> values_;
  std::vector<ValueId> roots_;
  std::map<ValueId, ValueId> operand_of_;
  std::vector<ValueId> unwritable_;  // parameters of the callee that is made
  std::vector<Scope> scopes_;        // around the current block
  ir::BlockId block_{0u};
  int depth_ = 0;  // of regions and callees
  std::vector<Callee> callees_;
  // While an op in place is made: its record, whose functional op recipes make.
  const ir::OpDef* form_ = nullptr;
  bool want_target_ = false;
  ValueId last_;
};

// Recipes of ops with bodies, of state and of sizes that the data tell, by name (structure.cc).
void AddStructure(std::map<std::string_view, std::function<bool(Generator&)>>& recipes);
// Their names: what makes a graph one of regions and data-dependent sizes.
bool IsStructure(const ir::OpDef& def);

// How to make one use of an op; false if it did not come to one. The key is the op's name.
using Recipe = std::function<bool(Generator&)>;
const std::map<std::string_view, Recipe>& Recipes();

// Why an op is not tried in a form; nullopt if it must be.
std::optional<std::string_view> NotTried(const ir::OpDef& def, Form form);

// Ops that random graphs leave out, with the reason.
const std::map<std::string_view, std::string_view>& LeftOut();

}  // namespace gcomp::random
