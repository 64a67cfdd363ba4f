// What the templates of structure.h and loops.h share with the tracer. Internal.
#pragma once

#include <any>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "frontends/trace/mode.h"
#include "frontends/trace/trace.h"
#include "frontends/trace/tracer.h"
#include "frontends/trace/tree.h"

namespace gcomp::internal {

struct BodySpec {
  enum class Kind : uint8_t { kFunction, kInline };
  Kind kind;
  std::string op;
  std::string label;
  AliasPolicy alias;
  ir::AttrDict attrs;
};

// A body that runs once: as a region, or as the code around it runs (outside of a trace, and where
// wrap and checkpoint are dropped). Until it is destroyed, a body that must run op by op does so.
class BodyCall {
 public:
  explicit BodyCall(const BodySpec& spec);
  ~BodyCall();
  BodyCall(const BodyCall&) = delete;
  BodyCall& operator=(const BodyCall&) = delete;

  // As a region, between Begin and End.
  bool active() const { return tracer_ != nullptr; }

  // It may turn out at End that the body is no region: it is not active then, and must run again.
  bool may_be_dropped() const { return mark_.has_value(); }

  void Begin(const Flattener& args);
  void End(Flattener& result);

 private:
  void RunAs(WrapMode mode);

  const BodySpec& spec_;
  Tracer* tracer_;
  Tracer* suspended_ = nullptr;
  std::optional<Tracer::Mark> mark_;
};

template <class T, class U>
void PutBack(T& to, const U& from) {
  if constexpr (std::is_assignable_v<T&, const U&>) to = from;
}

template <class F, class... A>
auto RunDroppableBody(BodyCall& call, const std::vector<std::string>& names, F& fn, A&&... args)
    -> ResultOf<std::invoke_result_t<F&, A...>> {
  const std::tuple<std::decay_t<A>...> before(args...);
  call.Begin(FlattenEach(names, args...));
  auto result = Invoke(fn, std::forward<A>(args)...);
  Flattener flat("");
  flat.Visit(result);
  call.End(flat);
  if (call.active()) return result;
  [&]<size_t... I>(std::index_sequence<I...>) {
    (PutBack(args, std::get<I>(before)), ...);
  }
  (std::index_sequence_for<A...>());
  return Invoke(fn, std::forward<A>(args)...);
}

template <class F, class... A>
auto RunBody(const BodySpec& spec, const std::vector<std::string>& names, F& fn, A&&... args)
    -> ResultOf<std::invoke_result_t<F&, A...>> {
  BodyCall call(spec);
  if (!call.active()) return Invoke(fn, std::forward<A>(args)...);
  if constexpr ((std::is_copy_constructible_v<std::decay_t<A>> && ...)) {
    if (call.may_be_dropped()) {
      return RunDroppableBody(call, names, fn, std::forward<A>(args)...);
    }
  }
  call.Begin(FlattenEach(names, args...));
  auto result = Invoke(fn, std::forward<A>(args)...);
  Flattener flat("");
  flat.Visit(result);
  call.End(flat);
  return result;
}

uint64_t NewRegionId();

// A call of a region whose body is a function of its arguments alone.
class PureCall {
 public:
  PureCall(uint64_t region, const Flattener& args);

  // The result of an earlier call with such arguments, its arrays absent; null if there was none.
  const std::any* known() const;
  // The call of the function that the earlier one made; its results go into the leaves.
  void Emit(Flattener& out);
  // After the body has run: for later calls, if it did nothing that only its run can do.
  void Keep(std::any result);

 private:
  Tracer* tracer_;
  uint64_t region_;
  bool usable_ = true;
  Tree tree_;
  std::vector<ir::Type> types_;
  std::vector<uint32_t> nodes_;
  size_t invokes_before_ = 0;
  const KnownCall* known_ = nullptr;
};

// cond and switch: each branch is begun and ended, then the op is made.
class BranchCall {
 public:
  BranchCall(std::string op, const Array& selector);

  void Begin(std::string label);

  // `result` stays where it is until Finish.
  template <class R>
  void End(R& result) {
    Flattener flat("");
    flat.Visit(result);
    EndFlat(flat);
  }

  void Finish();

 private:
  void EndFlat(Flattener& flat);

  std::string op_;
  Tracer* tracer_;
  Array selector_;
  std::vector<Body> bodies_;
  std::vector<Tree> trees_;
};

// A result whose arrays all tell `status`; inside a trace, the trace has failed.
template <class R>
R FailedResult(Status status) {
  if (Tracer* tracer = Tracer::Current(); tracer != nullptr) {
    tracer->Fail(Status(status.id(), status.message()));
  }
  R result{};
  if constexpr (std::is_same_v<R, Array>) {
    result = Array::Failed(std::move(status));
  } else {
    Flattener flat("");
    flat.Visit(result);
    for (Array* array : flat.arrays) {
      *array = Array::Failed(Status(status.id(), status.message()));
    }
  }
  return result;
}

// run(), which is what operator `op` does outside of a trace, as the modes of the thread want it.
template <class R, class F>
R RunInModes(std::string_view op, F&& run) {
  if (!InMode()) return run();
  std::optional<R> result;
  Status status = ApplyModeRules(op, [&] { result.emplace(run()); });
  if (!status.ok()) return FailedResult<R>(std::move(status));
  return *std::move(result);
}

// E204 for a leaf that is neither a tensor nor a size.
Status CheckTensors(std::string_view op, const Flattener& flat);

template <class... A>
Status CheckTensorLeaves(std::string_view op, const A&... args) {
  return CheckTensors(op, FlattenEach({}, args...));
}

// E231, E232, E233.
Status HintAttrs(const std::map<std::string, ir::AttrValue>& hints, const Flattener& args,
                 ir::AttrDict* attrs);

// The value of a selector that the host knows: of numbers, and outside of a trace of arrays with
// one element (E203 for others there). nullopt = an op decides.
StatusOr<std::optional<double>> KnownValue(std::string_view op, const Array& selector);

// ---- Loops (loops.h) ----------------------------------------------------------------------------

// One loop op. Bodies are begun and ended in the order of its regions.
class LoopCall {
 public:
  LoopCall(std::string op, ir::AttrDict attrs);

  // The arrays of one operand group, as traced values of the frame around.
  std::vector<Array> Group(const Flattener& flat);

  void Begin(std::string label) { BeginBody(std::move(label)); }

  // The same, then each SymInt as an int.
  std::vector<Array> CarryGroup(const Flattener& flat);

  // Parameters of the open body in place of the arrays in `flat`: of the carry's types, row-major,
  // and a symbol for each SymInt; of slices without axis `dim`; of single elements.
  void CarryParams(Flattener& flat);
  void SliceParams(Flattener& flat, int64_t dim);
  void ElementParams(Flattener& flat);
  // Slices that a combination made: row-major.
  void CombineParams(Flattener& flat, int64_t dim);
  // Ends the open body; its arrays are the results of the region.
  void End(Flattener& flat);
  void EndWith(std::vector<Array*> results);
  // What the open body yields for the carry: the arrays, then an int for each SymInt.
  std::vector<Array*> Carried(Flattener& flat);
  // After Finish: the last ints.
  void TakeInts(Flattener& flat);
  // Makes the op; its results go where `results` says, else to the leaves of the last body.
  void Finish(std::vector<std::vector<Array>> groups, std::vector<Array*> results,
              bool has_extra = true);

  bool ok() const { return tracer_->ok(); }

  void Fail(Status status) { tracer_->Fail(std::move(status)); }

 private:
  void BeginBody(std::string label);
  void Params(Flattener& flat, const std::function<ir::Type(const ir::Type&)>& type);
  Array IntOf(const SymInt& size);

  std::string op_;
  ir::AttrDict attrs_;
  Tracer* tracer_;
  std::vector<Body> bodies_;
  std::vector<Array> ints_;  // of the carry: what the body yields, then the results
};

// The carry of a loop must keep its tree.
Status CheckCarry(std::string_view op, ErrorId id, const Flattener& before, const Flattener& after);

// The common length of the arrays along `dim` (concrete arrays); E221.
StatusOr<int64_t> CommonLength(std::string_view op, const Flattener& xs, int64_t dim);

// Slice `index` along `dim` of each array in `flat`, and slices joined along a new axis.
void TakeSlices(Flattener& flat, int64_t dim, int64_t index);
Array JoinSlices(std::vector<Array> slices, int64_t dim);

}  // namespace gcomp::internal
