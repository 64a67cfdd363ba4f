// Frames: bodies under construction, and how their ends become ops of the frames around them.
#include <algorithm>

#include "base/format.h"
#include "frontends/trace/symbols.h"
#include "frontends/trace/tracer.h"
#include "ir/op_def.h"
#include "ir/passes/purity.h"

namespace gcomp::internal {

using ir::Expr;
using ir::SymId;
using ir::Type;
using ir::ValueId;

std::unique_ptr<ir::Function> Tracer::NewFunction(std::string name) const {
  auto function = std::make_unique<ir::Function>();
  function->name = std::move(name);
  function->body = function->AddBlock({});
  function->symbols = symbols_;
  function->num_symbol_params = num_backed_;
  return function;
}

void Tracer::BeginFrame(FrameSpec spec) {
  auto frame = std::make_unique<Frame>();
  frame->id = static_cast<uint32_t>(frame_paths_.size());
  frame->parent = frames_.empty() ? nullptr : frames_.back().get();
  std::string step = spec.label.empty() ? spec.op : Format("{} {}", spec.op, spec.label);
  frame_paths_.push_back(frame->parent == nullptr
                             ? spec.label
                             : Format("{} / {}", frame_paths_[frame->parent->id], step));
  if (frame->parent == nullptr || spec.kind == FrameKind::kFunction) {
    // Until it gets its name, one that no function has.
    frame->owned = NewFunction(Format("{} {}", spec.label, frame->id));
    frame->function = frame->owned.get();
    frame->block = frame->function->body;
    ++bodies_traced_;
  } else {
    frame->function = frame->parent->function;
    ir::Block block;
    block.label = spec.label;
    frame->block = frame->function->AddBlock(std::move(block));
  }
  frame_functions_.push_back(frame->function);
  frame->builder =
      std::make_unique<ir::Builder>(module_, *frame->function, engine_->ops(), frame->block);
  frame->spec = std::move(spec);
  frames_.push_back(std::move(frame));
}

std::string Tracer::FramePath() const {
  return frames_.empty() ? std::string("main") : frame_paths_[frames_.back()->id];
}

// ---- The end of a body --------------------------------------------------------------------------

// What may leave the open frame as a result.
Status Tracer::CheckResult(const Frame& frame, uint32_t n, const std::vector<uint32_t>& yielded,
                           bool hidden) const {
  const Node& node = nodes_[n];
  if (frame.spec.kind == FrameKind::kInline) return {};
  const bool loop = frame.spec.kind == FrameKind::kLoop;
  const bool own = node.frame_id == frame.id && storage_frames_[node.storage] == frame.id;
  if (!own) {
    return Status(
        hidden ? ErrorId::E106 : ErrorId::E102,
        Format("{}: the result %{} aliases an operand (aliasing was met while tracing the "
               "region); return a copy",
               frame.spec.op, node.name));
  }
  for (uint32_t other : yielded) {
    if (loop || nodes_[other].storage != node.storage) continue;
    if (other == n && frame.spec.kind == FrameKind::kFunction) continue;
    if (hidden) {
      return Status(ErrorId::E106,
                    Format("%{} is left in host state by {} and aliases the result %{}: it can't "
                           "leave the region; keep a copy of it",
                           node.name, frame.spec.op, nodes_[other].name));
    }
    return Status(ErrorId::E103,
                  Format("{}: the results %{} and %{} alias each other (aliasing was "
                         "met while tracing the region); return a copy",
                         frame.spec.op, nodes_[other].name, node.name));
  }
  return {};
}

// Traced values that a body leaves in host state become results that nobody sees.
void Tracer::HideCells(std::vector<Array*>* leaves) {
  for (CellRecord& record : cells_) {
    const auto& in = record.written_in;
    if (std::find(in.begin(), in.end(), frame().id) == in.end()) continue;
    if (record.frame_id == frame().id) continue;
    for (Array* array : record.arrays()) {
      const bool inside = array->traced() && array->bits_ == id_ &&
                          (nodes_[array->node_].frame_id == frame().id ||
                           storage_frames_[nodes_[array->node_].storage] == frame().id);
      if (inside) leaves->push_back(array);
    }
  }
}

// True if the node is a view of a value that is yielded already; the next leaf is then made again
// from that.
bool Tracer::RemakeView(uint32_t node, Body* body) const {
  const Frame& frame = *frames_.back();
  if (nodes_[node].frame_id != frame.id) return false;
  const ir::Function& function = *frame.function;
  RemadeView view{body->yield_of.size(), 0, {}};
  for (ValueId id = nodes_[node].id;;) {
    auto base = std::find(body->yields.begin(), body->yields.end(), id);
    if (base != body->yields.end()) {
      view.base = static_cast<size_t>(base - body->yields.begin());
      std::reverse(view.steps.begin(), view.steps.end());
      body->views.push_back(std::move(view));
      return true;
    }
    if (function.value(id).kind != ir::Value::Kind::kResult) return false;
    const ir::Op& op = function.op(function.value(id).op);
    if (!op.def->is_view() || op.operands.size() != 1) return false;
    RemadeView::Step step{op.def->name, {}};
    for (size_t i = 0; i < op.attrs.size(); ++i) {
      if (!op.attrs[i].empty()) step.attrs.emplace_back(op.def->attrs[i].name, op.attrs[i]);
    }
    view.steps.push_back(std::move(step));
    id = op.operands[0];
  }
}

// Makes one leaf of the result a yield of the open frame, unless the frame around has it already.
Status Tracer::YieldLeaf(Array* leaf, bool hidden, std::vector<uint32_t>* yielded, Body* body) {
  if (leaf->absent()) {
    body->yield_of.push_back(Body::kStays);
    return {};
  }
  const Array traced = Traced(*leaf);
  if (!ok()) return {};
  const uint32_t n = traced.node_;
  const FrameKind kind = frame().spec.kind;
  const bool function = kind == FrameKind::kFunction;
  const bool rejoins =
      kind == FrameKind::kInline || (function && frame().spec.alias == AliasPolicy::kNormalize);
  if (nodes_[n].frame_id != frame().id && rejoins) {
    body->yield_of.push_back(Body::kStays);
    *leaf = traced;
    return {};
  }
  auto same = std::find(yielded->begin(), yielded->end(), n);
  if (same != yielded->end() && (rejoins || function)) {
    body->yield_of.push_back(static_cast<size_t>(same - yielded->begin()));
    return {};
  }
  if (function && rejoins && !hidden && RemakeView(n, body)) {
    body->yield_of.push_back(Body::kStays);
    return {};
  }
  GCOMP_RETURN_IF_ERROR(CheckResult(frame(), n, *yielded, hidden));
  GCOMP_ASSIGN_OR_RETURN(ValueId id, Use(frame(), n));
  body->yield_of.push_back(yielded->size());
  yielded->push_back(n);
  body->yields.push_back(id);
  return {};
}

Body Tracer::EndFrame(std::vector<Array*> leaves) {
  Body body;
  const size_t visible = leaves.size();
  const FrameKind kind = frame().spec.kind;
  if (ok() && (kind == FrameKind::kFunction || kind == FrameKind::kInline)) HideCells(&leaves);
  std::vector<uint32_t> yielded;
  for (size_t i = 0; i < leaves.size() && ok(); ++i) {
    Status status = YieldLeaf(leaves[i], i >= visible, &yielded, &body);
    if (!status.ok()) Fail(std::move(status));
  }
  body.leaves = std::move(leaves);
  frame_functions_[frames_.back()->id] = nullptr;
  body.frame = std::move(frames_.back());
  frames_.pop_back();
  if (!ok()) return body;
  // Symbols of a block belong to its function.
  if (body.frame->owned == nullptr) {
    std::vector<SymId>& defined = frame().defined;
    defined.insert(defined.end(), body.frame->defined.begin(), body.frame->defined.end());
  }
  body.frame->function->block(body.frame->block).yields = body.yields;
  DropUnused(body);
  return body;
}

// Drops pure ops whose results nobody uses (also those that read data for a size nobody uses), then
// captured values that nothing uses any more. True if ops went.
bool Tracer::DropUnused(Body& body) {
  ir::Function& function = *body.frame->function;
  ir::Block& block = function.block(body.frame->block);
  ir::Purity purity(module_);
  std::vector<bool> used(function.values.size());
  std::vector<bool> symbols(symbols_.size());
  auto use = [&](const std::vector<ValueId>& ids) {
    for (ValueId id : ids) used[id.index()] = true;
  };
  const bool has_symbols = !symbols_.empty();
  auto use_symbols = [&](const Type& type) {
    if (!has_symbols) return;
    for (SymId id : SymbolsIn(type)) symbols[id.index()] = true;
  };
  use(block.yields);
  for (ValueId id : block.yields) use_symbols(function.value(id).type);
  std::vector<ir::OpId> kept;
  for (auto it = block.ops.rbegin(); it != block.ops.rend(); ++it) {
    const ir::Op& op = function.op(*it);
    const ir::Effects& effects = op.def->effects;
    bool wanted = std::any_of(op.results.begin(), op.results.end(),
                              [&](ValueId id) { return used[id.index()]; });
    wanted = wanted || std::any_of(op.defines.begin(), op.defines.end(),
                                   [&](SymId id) { return symbols[id.index()]; });
    const bool reads_alone = !op.defines.empty() && effects.writes == 0 && !effects.random &&
                             effects.ordered == ir::OrderedKind::kNone && op.regions.empty() &&
                             !op.def->has_callee && !op.results.empty();
    if (!wanted && (reads_alone || purity.IsPure(function, op))) continue;
    kept.push_back(*it);
    use(op.operands);
    for (ValueId id : op.results) use_symbols(function.value(id).type);
    for (ValueId id : op.results) {
      ValueId alias = function.value(id).annotations.alias;
      if (alias.valid()) used[alias.index()] = true;
    }
    if (!has_symbols) continue;
    for (SymId id : SymbolsIn(function, op)) symbols[id.index()] = true;
  }
  const bool dropped = kept.size() != block.ops.size();
  std::reverse(kept.begin(), kept.end());
  block.ops = std::move(kept);
  std::vector<Capture> captures;
  for (const Capture& capture : body.frame->captures) {
    if (used[capture.param.index()]) captures.push_back(capture);
  }
  body.frame->captures = std::move(captures);
  std::vector<uint32_t> nodes;
  for (const Capture& capture : body.frame->captures) nodes.push_back(capture.node);
  if (body.frame->spec.kind != FrameKind::kMain) OrderParams(body, nodes);
  return dropped;
}

// Gives the region its positional parameters and then one for each of `nodes`.
void Tracer::OrderParams(Body& body, const std::vector<uint32_t>& nodes) {
  Frame& frame = *body.frame;
  ir::Function& function = *frame.function;
  std::vector<ValueId> params = function.block(frame.block).params;
  params.resize(frame.positional);
  std::vector<Capture> captures;
  for (uint32_t node : nodes) {
    auto known = std::find_if(frame.captures.begin(), frame.captures.end(),
                              [&](const Capture& capture) { return capture.node == node; });
    ValueId param = known != frame.captures.end()
                        ? known->param
                        : frame.builder->Param(nodes_[node].name, NodeType(node));
    captures.push_back({node, param});
    params.push_back(param);
  }
  frame.captures = std::move(captures);
  for (size_t i = 0; i < params.size(); ++i) {
    function.value(params[i]).index = static_cast<uint32_t>(i);
  }
  function.block(frame.block).params = std::move(params);
}

Status Tracer::CheckOperandAliases(const Frame& frame, const std::vector<uint32_t>& nodes) const {
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Node& a = nodes_[nodes[j]];
      const Node& b = nodes_[nodes[i]];
      if (nodes[i] == nodes[j] || a.storage != b.storage) continue;
      const bool written =
          std::find(frame.written.begin(), frame.written.end(), a.storage) != frame.written.end();
      if (frame.spec.alias == AliasPolicy::kNormalize && !written) continue;
      return Status(ErrorId::E101,
                    Format("{}: the operands %{} and %{} share storage (aliasing was "
                           "met while tracing the region); pass a copy of one",
                           frame.spec.op, a.name, b.name));
    }
  }
  return {};
}

std::vector<ValueId> Tracer::OperandsOf(const std::vector<uint32_t>& nodes) {
  std::vector<ValueId> ids;
  for (uint32_t node : nodes) {
    StatusOr<ValueId> id = Use(frame(), node);
    if (!id.ok()) {
      Fail(std::move(id).status());
      return {};
    }
    ids.push_back(*id);
  }
  return ids;
}

void Tracer::AssignResults(const Body& body, const std::vector<ValueId>& results) {
  std::vector<Array> arrays;
  for (ValueId id : results) arrays.push_back(Handle(AddNode(id, NewStorage())));
  for (size_t i = 0; i < body.leaves.size(); ++i) {
    if (body.yield_of[i] != Body::kStays) *body.leaves[i] = arrays[body.yield_of[i]];
  }
  for (const RemadeView& view : body.views) {
    Array array = arrays[view.base];
    for (const RemadeView::Step& step : view.steps) {
      OpCall call;
      call.groups = {{array}};
      call.attrs = step.attrs;
      array = Emit1(step.op, std::move(call));
    }
    *body.leaves[view.leaf] = array;
  }
}

void Tracer::EmitRegionOp(std::string_view op, ir::OpArgs args, const Body& body) {
  if (!ok()) return;
  if (engine_->ops().Find(op) == nullptr) {
    Fail(Status(ErrorId::E510, Format("op {} is not known to this engine", op)));
    return;
  }
  StatusOr<std::vector<ValueId>> results = frame().builder->Add(op, std::move(args));
  if (!results.ok()) {
    Fail(std::move(results).status());
    return;
  }
  AssignResults(body, *results);
  SettleSizes();
}

}  // namespace gcomp::internal
