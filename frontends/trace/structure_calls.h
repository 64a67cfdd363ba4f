// What the templates of structure.h and loops.h share with the tracer. Internal.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

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

// A body that runs once; Begin and End do nothing outside of a trace.
class BodyCall {
 public:
  explicit BodyCall(const BodySpec& spec);

  bool active() const { return tracer_ != nullptr; }

  void Begin(const Flattener& args);
  void End(Flattener& result);

 private:
  const BodySpec& spec_;
  Tracer* tracer_;
};

template <class F, class... A>
auto RunBody(const BodySpec& spec, const std::vector<std::string>& names, F& fn, A&&... args)
    -> ResultOf<std::invoke_result_t<F&, A...>> {
  BodyCall call(spec);
  if (!call.active()) return Invoke(fn, std::forward<A>(args)...);
  call.Begin(FlattenEach(names, args...));
  auto result = Invoke(fn, std::forward<A>(args)...);
  Flattener flat("");
  flat.Visit(result);
  call.End(flat);
  return result;
}

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

  // Parameters of the open body in place of the arrays in `flat`: of the carry's types, row-major;
  // of slices without axis `dim`; of single elements.
  void CarryParams(Flattener& flat);
  void SliceParams(Flattener& flat, int64_t dim);
  void ElementParams(Flattener& flat);
  // Slices that a combination made: row-major.
  void CombineParams(Flattener& flat, int64_t dim);
  // Ends the open body; its arrays are the results of the region.
  void End(Flattener& flat);
  void EndWith(std::vector<Array*> results);
  // Makes the op; its results go where `results` says, else to the leaves of the last body.
  void Finish(std::vector<std::vector<Array>> groups, std::vector<Array*> results,
              bool has_extra = true);

  bool ok() const { return tracer_->ok(); }

  void Fail(Status status) { tracer_->Fail(std::move(status)); }

 private:
  void BeginBody(std::string label);
  void Params(Flattener& flat, const std::function<ir::Type(const ir::Type&)>& type);

  std::string op_;
  ir::AttrDict attrs_;
  Tracer* tracer_;
  std::vector<Body> bodies_;
};

// The carry of a loop must keep its tree and sizes.
Status CheckCarry(std::string_view op, ErrorId id, const Flattener& before, const Flattener& after);

// The common length of the arrays along `dim` (concrete arrays); E221.
StatusOr<int64_t> CommonLength(std::string_view op, const Flattener& xs, int64_t dim);

// Slice `index` along `dim` of each array in `flat`, and slices joined along a new axis.
void TakeSlices(Flattener& flat, int64_t dim, int64_t index);
Array JoinSlices(std::vector<Array> slices, int64_t dim);

}  // namespace gcomp::internal
