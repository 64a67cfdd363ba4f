// Composition: stages as nodes of the kernel.
#include <algorithm>
#include <utility>

#include "jit/compose.h"

namespace gcomp::codegen {

using ir::DType;

// The value that the stage stores, at the point that `map` gives. Where one of `bounds` does not
// hold, the point may be none of the stage's: nothing is read there, and the value means nothing.
Maybe<uint32_t> Composition::Evaluate(uint32_t s, const IndexMap& map,
                                      const std::vector<Bound>& bounds) {
  for (const Evaluation& e : stages_[s].evaluations) {
    if (e.map == map && e.bounds == bounds) return e.node;
  }
  const StageInfo& stage = *stages_[s].info;
  IndexMap inside = map;
  const bool combines = stage.reduces && stage.row > 1;
  if (stage.reduces && !bounds.empty()) return Refusal{"a reduction is read through padding"};
  if (stage.reduces) inside.push_back({0, std::vector<int64_t>(rank())});
  if (combines) {
    if (!kernel_.has_row || kernel_.row != stage.row || kernel_.order != stage.stage->order) {
      return Refusal{"their reductions run over other rows"};
    }
    for (const Offset& index : map) {
      if (index.coefs.back() != 0) return Refusal{"a reduction stands inside the rows of another"};
    }
    inside.back().coefs.back() = 1;
  }
  std::vector<uint32_t> params;
  for (const StageLoad& load : stage.loads) {
    GCOMP_MAYBE_ASSIGN(param, Value(load, inside, bounds));
    params.push_back(param);
  }
  uint32_t value = Import(stage.stage->body, stage.stage->body_result, params);
  if (stage.reduces) {
    if (combines) value = AddReduction(*stage.stage, value);
    params = {value};
    inside.back() = {0, std::vector<int64_t>(rank())};
    for (const StageLoad& load : stage.finish_loads) {
      GCOMP_MAYBE_ASSIGN(param, Value(load, inside, bounds));
      params.push_back(param);
    }
    value = Import(stage.stage->finish, stage.stage->finish_result, params);
  }
  stages_[s].evaluations.push_back({map, bounds, value});
  last_.evaluated.push_back(s);
  return value;
}

Maybe<uint32_t> Composition::Value(const StageLoad& load, const IndexMap& map,
                                   const std::vector<Bound>& outer) {
  Access access;
  access.offset = Substitute(load.offset, map, rank());
  std::vector<Bound> own;
  for (const Bound& bound : load.bounds) {
    own.push_back({Substitute(bound.index, map, rank()), bound.limit});
  }
  access.otherwise = load.otherwise;
  access.bounds = own;
  access.bounds.insert(access.bounds.end(), outer.begin(), outer.end());
  const std::vector<uint32_t>* makers = MakersOf(load);
  if (makers == nullptr) {
    if (const ir::Scalar* literal = LiteralOf(load); literal != nullptr && load.bounds.empty()) {
      return AddConst(ir::ComputeTypeOf(load.dtype), ComputeBits(*literal));
    }
    return AddAccess(load, std::move(access));
  }
  if (makers->size() > 1) return Refusal{"several loops write the parts of what is read"};
  const uint32_t maker = (*makers)[0];
  if (stages_[maker].info->dtype != load.dtype) return Refusal{"it is read as another type"};
  access.offset.base += load.shift;
  GCOMP_MAYBE_ASSIGN(at, TakeApart(access.offset, *stages_[maker].info, own, sizes_));
  GCOMP_MAYBE_ASSIGN(value, Evaluate(maker, at, access.bounds));
  if (ir::ComputeTypeOf(load.dtype) != load.dtype) {
    Node round;
    round.kind = Node::Kind::kRound;
    round.type = ir::ComputeTypeOf(load.dtype);
    round.stored = load.dtype;
    round.args[0] = value;
    value = Add(round);
  }
  if (own.empty()) return value;
  const DType type = ir::ComputeTypeOf(load.dtype);
  return AddPrim(ir::Prim::kSelect, type, {InBounds(own), value, AddConst(type, load.otherwise)});
}

const ir::Scalar* Composition::LiteralOf(const StageLoad& load) const {
  if (load.is_index || load.tensor >= graph_.tensors.size()) return nullptr;
  const std::optional<ir::Scalar>& literal = graph_.tensors[load.tensor].literal;
  return literal.has_value() ? &*literal : nullptr;
}

// The nodes of a scalar expression, its parameters replaced.
uint32_t Composition::Import(const ir::ScalarGraph& graph, uint32_t result,
                             const std::vector<uint32_t>& params) {
  std::vector<uint32_t> to(graph.nodes().size());
  for (size_t n = 0; n <= result; ++n) {
    const ir::ScalarGraph::Node& from = graph.nodes()[n];
    if (from.prim == ir::Prim::kParam) {
      to[n] = params[from.imm];
      continue;
    }
    Node node;
    node.type = from.type;
    node.prim = from.prim;
    node.imm = from.imm;
    for (int a = 0; a < ir::ScalarGraph::Arity(from.prim); ++a) node.args[a] = to[from.args[a]];
    to[n] = Add(node);
  }
  return to[result];
}

// True where all bounds hold, as a node.
uint32_t Composition::InBounds(const std::vector<Bound>& bounds) {
  std::optional<uint32_t> all;
  for (const Bound& bound : bounds) {
    StageLoad position;
    position.is_index = true;
    Access access;
    access.offset = bound.index;
    const uint32_t index = AddAccess(position, std::move(access));
    const uint32_t limit = AddConst(DType::kI64, static_cast<uint64_t>(bound.limit));
    const uint32_t low = AddPrim(ir::Prim::kLe, DType::kBool, {AddConst(DType::kI64, 0), index, 0});
    const uint32_t high = AddPrim(ir::Prim::kLt, DType::kBool, {index, limit, 0});
    const uint32_t both = AddPrim(ir::Prim::kAnd, DType::kBool, {low, high, 0});
    all = all.has_value() ? AddPrim(ir::Prim::kAnd, DType::kBool, {*all, both, 0}) : both;
  }
  return *all;
}

uint32_t Composition::AddReduction(const ir::Stage& stage, uint32_t value) {
  Node node;
  node.kind = Node::Kind::kReduce;
  node.type = stage.identity.dtype;
  node.args[0] = value;
  node.detail = static_cast<uint32_t>(kernel_.reductions.size());
  kernel_.reductions.push_back({stage.combine, stage.combine_result, stage.identity.bits});
  return Add(node);
}

uint32_t Composition::AddAccess(const StageLoad& load, Access access) {
  Node node;
  node.kind = load.is_index ? Node::Kind::kIndex : Node::Kind::kLoad;
  node.type = load.is_index ? DType::kI64 : ir::ComputeTypeOf(load.dtype);
  if (!load.is_index) access.buffer = BufferOf(load.tensor, load.dtype);
  auto known = std::find(kernel_.accesses.begin(), kernel_.accesses.end(), access);
  node.detail = static_cast<uint32_t>(known - kernel_.accesses.begin());
  if (known == kernel_.accesses.end()) kernel_.accesses.push_back(std::move(access));
  return Add(node);
}

uint32_t Composition::AddPrim(ir::Prim prim, DType type, std::initializer_list<uint32_t> args) {
  Node node;
  node.prim = prim;
  node.type = type;
  std::copy(args.begin(), args.end(), node.args);
  return Add(node);
}

uint32_t Composition::AddConst(DType type, uint64_t bits) {
  Node node;
  node.type = type;
  node.imm = bits;
  return Add(node);
}

// A new node, or the equal one that there is.
uint32_t Composition::Add(const Node& node) {
  const auto n = static_cast<uint32_t>(kernel_.nodes.size());
  kernel_.nodes.push_back(node);
  auto [known, added] = known_nodes_.insert(n);
  if (!added) kernel_.nodes.pop_back();
  return *known;
}

// Of what is read.
uint32_t Composition::BufferOf(uint32_t tensor, DType dtype) {
  auto known = std::find_if(kernel_.buffers.begin(), kernel_.buffers.end(),
                            [&](const Buffer& b) { return b.tensor == tensor; });
  if (known == kernel_.buffers.end()) {
    kernel_.buffers.push_back({tensor, dtype, false});
    return static_cast<uint32_t>(kernel_.buffers.size() - 1);
  }
  return static_cast<uint32_t>(known - kernel_.buffers.begin());
}

}  // namespace gcomp::codegen
