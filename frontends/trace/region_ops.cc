// Bodies that have ended as the ops of the frames around them: wrap and the like, branches, loops.
#include <algorithm>

#include "base/format.h"
#include "frontends/trace/tracer.h"
#include "ir/op_def.h"

namespace gcomp::internal {

using ir::Expr;
using ir::SymId;
using ir::Type;
using ir::ValueId;

void Tracer::FinishInline(Body body, ir::AttrDict attrs) {
  if (!ok()) return;
  ir::OpArgs args;
  args.groups.push_back(OperandsOf(body.frame->CapturedNodes()));
  args.attrs = std::move(attrs);
  args.regions = {body.frame->block};
  EmitRegionOp(body.frame->spec.op, std::move(args), body);
}

// The symbols that results need where the branches yield different sizes.
std::vector<SymId> Tracer::MergeSizes(const std::vector<Body>& bodies) {
  std::vector<SymId> defines;
  const ir::Function& function = *bodies[0].frame->function;
  for (size_t i = 0; i < bodies[0].yields.size(); ++i) {
    const Type first = function.value(bodies[0].yields[i]).type;
    if (!first.is_tensor()) continue;
    for (size_t d = 0; d < first.dims().size(); ++d) {
      bool differ = false;
      ir::Interval range = facts_.RangeOf(first.dims()[d]);
      for (const Body& body : bodies) {
        if (i >= body.yields.size()) return defines;
        const Type& type = function.value(body.yields[i]).type;
        if (!type.is_tensor() || type.rank() != first.rank()) return defines;
        differ = differ || !(type.dims()[d] == first.dims()[d]);
        ir::Interval other = facts_.RangeOf(type.dims()[d]);
        range = {std::min(range.low, other.low), std::max(range.high, other.high)};
      }
      if (!differ) continue;
      std::optional<Expr> high;
      if (range.high != ir::Interval::kUnbounded) high = Expr(range.high);
      defines.push_back(DefineSymbol(std::max<int64_t>(range.low, 0), high));
    }
  }
  return defines;
}

void Tracer::FinishBranches(std::string_view op, const Array& selector, std::vector<Body> bodies) {
  if (!ok()) return;
  // What all use, then what the first alone uses, and so on.
  std::vector<uint32_t> nodes;
  auto uses = [&](const Body& body, uint32_t node) {
    return std::any_of(body.frame->captures.begin(), body.frame->captures.end(),
                       [&](const Capture& capture) { return capture.node == node; });
  };
  for (const Capture& capture : bodies[0].frame->captures) {
    bool shared = std::all_of(bodies.begin(), bodies.end(),
                              [&](const Body& body) { return uses(body, capture.node); });
    if (shared) nodes.push_back(capture.node);
  }
  for (const Body& body : bodies) {
    for (const Capture& capture : body.frame->captures) {
      if (std::find(nodes.begin(), nodes.end(), capture.node) == nodes.end()) {
        nodes.push_back(capture.node);
      }
    }
  }
  if (Status status = CheckOperandAliases(*bodies[0].frame, nodes); !status.ok()) {
    Fail(std::move(status));
    return;
  }
  ir::OpArgs args;
  StatusOr<ValueId> predicate = Use(frame(), NodeOf(selector));
  if (!predicate.ok()) {
    Fail(std::move(predicate).status());
    return;
  }
  args.groups = {{*predicate}, OperandsOf(nodes)};
  for (Body& body : bodies) {
    OrderParams(body, nodes);
    args.regions.push_back(body.frame->block);
  }
  args.defines = MergeSizes(bodies);
  EmitRegionOp(op, std::move(args), bodies[0]);
}

void Tracer::FinishLoop(std::string_view op, std::vector<std::vector<Array>> groups,
                        std::vector<Body> bodies, std::vector<Array*> results, ir::AttrDict attrs,
                        bool has_extra) {
  if (!ok()) return;
  std::vector<uint32_t> extra;
  for (const Body& body : bodies) {
    for (const Capture& capture : body.frame->captures) {
      if (std::find(extra.begin(), extra.end(), capture.node) == extra.end()) {
        extra.push_back(capture.node);
      }
    }
  }
  if (!has_extra && !extra.empty()) {
    Fail(Status(ErrorId::E225, Format("{}: the body uses %{} from outside of it; it must be a "
                                      "function of its arguments alone",
                                      op, nodes_[extra[0]].name)));
    return;
  }
  ir::OpArgs args;
  std::vector<uint32_t> all = extra;
  for (const std::vector<Array>& group : groups) {
    std::vector<uint32_t> nodes;
    for (const Array& array : group) nodes.push_back(NodeOf(array));
    all.insert(all.end(), nodes.begin(), nodes.end());
    args.groups.push_back(OperandsOf(nodes));
  }
  if (Status status = CheckOperandAliases(*bodies[0].frame, all); !status.ok()) {
    Fail(std::move(status));
    return;
  }
  if (has_extra) args.groups.push_back(OperandsOf(extra));
  for (Body& body : bodies) {
    OrderParams(body, extra);
    args.regions.push_back(body.frame->block);
  }
  // The last ints of a carry come from data.
  for (ValueId id : args.groups[0]) {
    if (frame().function->value(id).type.kind() != Type::Kind::kInt) continue;
    args.defines.push_back(DefineSymbol(0, std::nullopt));
    numbers_.emplace_back(args.defines.back(), frame().id);
  }
  args.attrs = std::move(attrs);
  Body& last = bodies.back();
  if (!results.empty()) {
    last.leaves = std::move(results);
    last.yield_of.clear();
    for (size_t i = 0; i < last.leaves.size(); ++i) last.yield_of.push_back(i);
  }
  EmitRegionOp(op, std::move(args), last);
}

}  // namespace gcomp::internal
