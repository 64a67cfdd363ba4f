// Ops outside of a trace: each is a graph of one op, run at once. For debugging and for tests that
// compare with a trace: it costs some tens of microseconds per op.
#include <cstring>

#include "base/format.h"
#include "frontends/trace/mode.h"
#include "frontends/trace/tracer.h"
#include "ir/kernel.h"
#include "ir/op_def.h"

namespace gcomp::internal {

StatusOr<std::shared_ptr<Engine>> DefaultEngine() {
  static const auto* engine = new StatusOr<std::shared_ptr<Engine>>(Engine::Create({}));
  if (!engine->ok()) return Status(engine->status().id(), engine->status().message());
  return **engine;
}

namespace {

// Writes a row-major tensor into the elements of `target`.
Status Store(const Tensor& from, const Tensor& target) {
  if (from.dtype() != target.dtype() || from.sizes() != target.sizes()) {
    return Status(ErrorId::E504, Format("an in-place op gives {}, its target is {}",
                                        from.TypeString(), target.TypeString()));
  }
  const size_t bytes = static_cast<size_t>(ir::BytesOf(from.dtype()));
  const char* source = static_cast<const char*>(from.data());
  char* base = static_cast<char*>(target.data());
  std::vector<int64_t> at(target.sizes().size());
  const int64_t n = target.NumElements();
  for (int64_t i = 0; i < n; ++i) {
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * target.strides()[d];
    std::memcpy(base + offset * static_cast<int64_t>(bytes), source + i * int64_t(bytes), bytes);
    for (size_t d = at.size(); d-- > 0;) {
      if (++at[d] < target.sizes()[d]) break;
      at[d] = 0;
    }
  }
  target.storage()->BumpVersion();
  return {};
}

StatusOr<std::vector<Array>> RunOp(std::string_view op, OpCall call) {
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Engine> engine, DefaultEngine());
  StatusOr<Finished> finished = Status(ErrorId::E999, "not traced");
  {
    Tracer tracer(engine, "eager");
    std::vector<Array> results = tracer.Emit(op, std::move(call));
    if (!tracer.ok()) return Status(tracer.status().id(), tracer.status().message());
    finished = tracer.Finish(std::move(results), false);
  }
  if (!finished.ok()) return std::move(finished).status();
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(finished->module), nullptr, {}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context, Context::Create(session, "main"));
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(context->Run(finished->captured, outputs));
  std::vector<Array> arrays;
  for (Tensor& output : outputs) arrays.emplace_back(std::move(output));
  return arrays;
}

// `f_` as f and a store into operand 0; `copy_` is a store alone.
StatusOr<std::vector<Array>> RunInPlace(std::string_view op, OpCall call) {
  Array target = call.groups.empty() || call.groups[0].empty() ? Array() : call.groups[0][0];
  GCOMP_ASSIGN_OR_RETURN(Tensor into, target.tensor());
  OpCall pure = std::move(call);
  GCOMP_ASSIGN_OR_RETURN(std::vector<Array> values,
                         RunOp(op.substr(0, op.size() - 1), std::move(pure)));
  GCOMP_ASSIGN_OR_RETURN(Tensor value, values[0].tensor());
  GCOMP_RETURN_IF_ERROR(Store(value, into));
  return std::vector<Array>{target};
}

}  // namespace

std::vector<Array> RunEager(std::string_view op, OpCall call) {
  std::vector<Array> operands;
  const bool shown = InMode();
  for (size_t g = 0; shown && g < call.groups.size(); ++g) {
    operands.insert(operands.end(), call.groups[g].begin(), call.groups[g].end());
  }
  StatusOr<std::vector<Array>> results =
      op.ends_with('_') ? RunInPlace(op, std::move(call)) : RunOp(op, std::move(call));
  if (results.ok()) {
    if (shown) ShowToModes(op, operands, *results);
    return *std::move(results);
  }
  return {Array::Failed(std::move(results).status())};
}

}  // namespace gcomp::internal
