// Pure regions: calls that are made from an earlier one instead of running the body again.
#include <algorithm>
#include <atomic>
#include <utility>

#include "frontends/trace/structure_calls.h"

namespace gcomp::internal {

namespace {

// Kinds of arguments that one region is known for; calls of other kinds run the body.
constexpr size_t kMaxKinds = 8;

// For each node, the first place that has it.
std::vector<size_t> FirstSame(const std::vector<uint32_t>& nodes) {
  std::vector<size_t> first;
  for (uint32_t node : nodes) {
    first.push_back(
        static_cast<size_t>(std::find(nodes.begin(), nodes.end(), node) - nodes.begin()));
  }
  return first;
}

}  // namespace

uint64_t NewRegionId() {
  static std::atomic<uint64_t> next{1};
  return next.fetch_add(1);
}

bool Tracer::AnyShare(const std::vector<uint32_t>& nodes) const {
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (nodes[i] != nodes[j] && nodes_[nodes[i]].storage == nodes_[nodes[j]].storage) return true;
    }
  }
  return false;
}

void Tracer::EmitInvoke(const InvokeShape& invoke, const std::vector<uint32_t>& operands,
                        std::vector<Array*> leaves) {
  ir::OpArgs args;
  args.groups.push_back(OperandsOf(operands));
  args.callee = invoke.callee;
  Body body;
  body.leaves = std::move(leaves);
  body.yield_of = invoke.yield_of;
  EmitRegionOp("invoke", std::move(args), body);
}

PureCall::PureCall(uint64_t region, const Flattener& args)
    : tracer_(Tracer::Current()),
      region_(region),
      tree_(args.tree),
      invokes_before_(tracer_->num_invokes()) {
  usable_ = args.status.ok() && args.sizes.empty() && !tracer_->has_symbols();
  for (const Array* array : args.arrays) {
    // A number is part of the body.
    usable_ = usable_ && (array->traced() || array->concrete());
    if (!usable_) return;
    const Array traced = tracer_->Traced(*array);
    usable_ = tracer_->ok();
    if (!usable_) return;
    types_.push_back(tracer_->TypeOf(traced));
    nodes_.push_back(tracer_->NodeOf(traced));
  }
  usable_ = !tracer_->AnyShare(nodes_);
  if (!usable_) return;
  for (const KnownCall& call : tracer_->KnownCalls(region)) {
    if (!(call.tree == tree_) || call.types != types_ || call.first_same != FirstSame(nodes_)) {
      continue;
    }
    known_ = &call;
    return;
  }
}

const std::any* PureCall::known() const {
  return known_ != nullptr ? &known_->result : nullptr;
}

void PureCall::Emit(Flattener& out) {
  std::vector<uint32_t> operands;
  for (size_t array : known_->operands) operands.push_back(nodes_[array]);
  tracer_->EmitInvoke(known_->invoke, operands, std::move(out.arrays));
}

void PureCall::Keep(std::any result) {
  if (!usable_ || !tracer_->ok() || tracer_->num_invokes() == invokes_before_) return;
  const InvokeShape& invoke = tracer_->last_invoke();
  std::deque<KnownCall>& known = tracer_->KnownCalls(region_);
  if (!invoke.repeatable || known.size() >= kMaxKinds) return;
  KnownCall call{std::move(tree_), std::move(types_), FirstSame(nodes_), {},
                 invoke,           std::move(result)};
  for (uint32_t node : invoke.nodes) {
    auto argument = std::find(nodes_.begin(), nodes_.end(), node);
    if (argument == nodes_.end()) return;  // captured
    call.operands.push_back(static_cast<size_t>(argument - nodes_.begin()));
  }
  known.push_back(std::move(call));
}

}  // namespace gcomp::internal
