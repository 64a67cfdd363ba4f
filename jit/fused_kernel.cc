#include "jit/fused_kernel.h"

#include <algorithm>

#include "base/format.h"

namespace gcomp::codegen {
namespace {

void VisitOffset(const Offset& offset, const std::function<void(const int64_t&)>& visit) {
  visit(offset.base);
  for (const int64_t& coef : offset.coefs) visit(coef);
}

std::string Text(const Offset& offset, size_t axes) {
  std::string text = Format("{}", offset.base);
  for (size_t i = 0; i < offset.coefs.size(); ++i) {
    if (offset.coefs[i] == 0) continue;
    text += i < axes ? Format(" + {} i{}", offset.coefs[i], i) : Format(" + {} r", offset.coefs[i]);
  }
  return text;
}

}  // namespace

int Node::arity() const {
  switch (kind) {
    case Kind::kPrim:
      return ir::ScalarGraph::Arity(prim);
    case Kind::kReduce:
    case Kind::kRound:
      return 1;
    case Kind::kLoad:
    case Kind::kIndex:
      break;
  }
  return 0;
}

void FusedKernel::Analyze() {
  for (Node& node : nodes) {
    node.along_row = false;
    node.level = 0;
    switch (node.kind) {
      case Node::Kind::kLoad:
      case Node::Kind::kIndex: {
        if (!has_row) break;
        const Access& access = accesses[node.detail];
        node.along_row = access.offset.coefs.back() != 0;
        for (const Bound& bound : access.bounds) {
          node.along_row = node.along_row || bound.index.coefs.back() != 0;
        }
        break;
      }
      case Node::Kind::kReduce:
        node.level = nodes[node.args[0]].level + 1;
        break;
      case Node::Kind::kPrim:
      case Node::Kind::kRound: {
        for (int a = 0; a < node.arity(); ++a) {
          const Node& arg = nodes[node.args[a]];
          node.along_row = node.along_row || arg.along_row;
          node.level = std::max(node.level, arg.level);
        }
        break;
      }
    }
  }
}

int64_t FusedKernel::Points() const {
  int64_t points = 1;
  for (int64_t size : axes) points *= size;
  return points;
}

int64_t FusedKernel::PrimsPerElement() const {
  return std::count_if(nodes.begin(), nodes.end(), [&](const Node& node) {
    if (has_row && !node.along_row) return false;
    return node.kind == Node::Kind::kReduce ||
           (node.kind == Node::Kind::kPrim && node.prim != ir::Prim::kConst);
  });
}

void FusedKernel::ForEachNumber(const std::function<void(const int64_t&)>& visit) const {
  for (const int64_t& size : axes) visit(size);
  if (has_row) visit(row);
  for (const Access& access : accesses) {
    VisitOffset(access.offset, visit);
    for (const Bound& bound : access.bounds) {
      VisitOffset(bound.index, visit);
      visit(bound.limit);
    }
  }
  for (const Store& store : stores) VisitOffset(store.offset, visit);
}

std::string FusedKernel::StructureKey() const {
  std::string key = Format("{} {} {};", axes.size(), has_row, static_cast<int>(order));
  for (const Buffer& buffer : buffers) {
    key += Format("{}{}", static_cast<int>(buffer.dtype), buffer.written ? 'w' : 'r');
  }
  for (const Access& access : accesses) {
    key += Format(";{} {} {}", access.buffer, access.bounds.size(), access.otherwise);
  }
  for (const Reduction& reduction : reductions) {
    key += Format(";{} {}\n{}", reduction.combine_result, reduction.identity,
                  reduction.combine.ToString());
  }
  for (const Node& node : nodes) {
    key += Format(";{} {} {} {} {} {} {} {} {}", static_cast<int>(node.kind),
                  static_cast<int>(node.type), static_cast<int>(node.prim), node.args[0],
                  node.args[1], node.args[2], node.imm, node.detail, static_cast<int>(node.stored));
  }
  for (const Store& store : stores) key += Format(";{} {}", store.node, store.buffer);
  key += ";";
  // Code is written for strides of 0 and 1, and for axes of one element.
  ForEachNumber([&](int64_t number) { key += number == 0 ? '0' : number == 1 ? '1' : 'n'; });
  return key;
}

std::string FusedKernel::ToString() const {
  std::string text = "axes [";
  for (size_t i = 0; i < axes.size(); ++i) text += Format("{}{}", i == 0 ? "" : ", ", axes[i]);
  text += "]";
  if (has_row) {
    text += Format(", row {} by {}", row, order == ir::Stage::Order::kLanes ? "lanes" : "blocks");
  }
  text += "\n";
  for (size_t n = 0; n < nodes.size(); ++n) {
    const Node& node = nodes[n];
    text += Format("  n{}: {} = ", n, NameOf(node.type));
    switch (node.kind) {
      case Node::Kind::kLoad:
      case Node::Kind::kIndex: {
        const Access& access = accesses[node.detail];
        text += node.kind == Node::Kind::kIndex ? "index" : Format("load b{}", access.buffer);
        text += Format("[{}]", Text(access.offset, axes.size()));
        for (const Bound& bound : access.bounds) {
          text += Format(" where 0 <= {} < {}", Text(bound.index, axes.size()), bound.limit);
        }
        break;
      }
      case Node::Kind::kReduce:
        text +=
            Format("reduce n{} by\n{}", node.args[0], reductions[node.detail].combine.ToString());
        break;
      case Node::Kind::kRound:
        text += Format("round n{} to {}", node.args[0], NameOf(node.stored));
        break;
      case Node::Kind::kPrim:
        text += std::string(NameOf(node.prim));
        if (node.prim == ir::Prim::kConst) {
          text += " " + ir::Scalar{node.type, node.imm}.ToString();
        }
        for (int a = 0; a < node.arity(); ++a) {
          text += Format(" n{}", node.args[a]);
        }
    }
    if (text.back() != '\n') text += "\n";
  }
  for (const Store& store : stores) {
    text += Format("  store n{} in b{}[{}]\n", store.node, store.buffer,
                   Text(store.offset, axes.size()));
  }
  return text;
}

}  // namespace gcomp::codegen
