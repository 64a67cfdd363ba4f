#include "ir/scalar.h"

#include <algorithm>

#include "base/format.h"

namespace gcomp::ir {
namespace {

struct PrimInfo {
  std::string_view name;
  int arity;
};

constexpr PrimInfo kPrims[] = {
    {"const", 0},    {"param", 0},      {"add", 2},     {"sub", 2},     {"mul", 2}, {"div", 2},
    {"fmod", 2},     {"neg", 1},        {"abs", 1},     {"sqrt", 1},    {"fma", 3}, {"min", 2},
    {"max", 2},      {"round_even", 1}, {"eq", 2},      {"ne", 2},      {"lt", 2},  {"le", 2},
    {"and", 2},      {"or", 2},         {"xor", 2},     {"not", 1},     {"shl", 2}, {"shr", 2},
    {"mul_high", 2}, {"select", 3},     {"bitcast", 1}, {"convert", 1},
};
static_assert(std::size(kPrims) == static_cast<size_t>(Prim::kConvert) + 1);

// A value of type T as the low bits of a word, and back.
template <class T>
uint64_t ToBits(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? 1 : 0;
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<uint32_t>(value);
  } else {
    return std::bit_cast<uint64_t>(value);
  }
}

template <class T>
T FromBits(uint64_t bits) {
  if constexpr (std::is_same_v<T, bool>) {
    return bits != 0;
  } else if constexpr (sizeof(T) == 4) {
    return std::bit_cast<T>(static_cast<uint32_t>(bits));
  } else {
    return std::bit_cast<T>(bits);
  }
}

// Calls `f` with a zero of the native type of `type`; f32 stands for what has no primitives.
template <class F>
auto WithNative(DType type, F f) {
  switch (ComputeTypeOf(type)) {
    case DType::kBool:
      return f(false);
    case DType::kI32:
      return f(int32_t{0});
    case DType::kU32:
      return f(uint32_t{0});
    case DType::kI64:
      return f(int64_t{0});
    case DType::kU64:
      return f(uint64_t{0});
    case DType::kF64:
      return f(0.0);
    default:
      return f(0.0f);
  }
}

// The primitives whose arguments and result are all of type T, or which compare two T.
template <class T>
uint64_t Apply(Prim prim, T a, T b, T c) {
  switch (prim) {
    case Prim::kEq:
      return ToBits(Eq(a, b));
    case Prim::kNe:
      return ToBits(Ne(a, b));
    case Prim::kLt:
      return ToBits(Lt(a, b));
    case Prim::kLe:
      return ToBits(Le(a, b));
    default:
      break;
  }
  if constexpr (!std::is_same_v<T, bool>) {
    switch (prim) {
      case Prim::kAdd:
        return ToBits(Add(a, b));
      case Prim::kSub:
        return ToBits(Sub(a, b));
      case Prim::kMul:
        return ToBits(Mul(a, b));
      case Prim::kDiv:
        return ToBits(Div(a, b));
      case Prim::kNeg:
        return ToBits(Neg(a));
      case Prim::kAbs:
        return ToBits(Abs(a));
      case Prim::kMin:
        return ToBits(Min(a, b));
      case Prim::kMax:
        return ToBits(Max(a, b));
      default:
        break;
    }
  }
  if constexpr (std::is_floating_point_v<T>) {
    switch (prim) {
      case Prim::kSqrt:
        return ToBits(Sqrt(a));
      case Prim::kFma:
        return ToBits(Fma(a, b, c));
      case Prim::kRoundEven:
        return ToBits(RoundEven(a));
      case Prim::kFmod:
        return ToBits(Fmod(a, b));
      default:
        break;
    }
  } else {
    switch (prim) {
      case Prim::kAnd:
        return ToBits(And(a, b));
      case Prim::kOr:
        return ToBits(Or(a, b));
      case Prim::kXor:
        return ToBits(Xor(a, b));
      case Prim::kNot:
        return ToBits(Not(a));
      default:
        break;
    }
    if constexpr (!std::is_same_v<T, bool>) {
      if (prim == Prim::kShl) return ToBits(Shl(a, b));
      if (prim == Prim::kShr) return ToBits(Shr(a, b));
    }
    if constexpr (std::is_same_v<T, uint32_t>) {
      if (prim == Prim::kMulHigh) return ToBits(MulHigh(a, b));
    }
  }
  return 0;
}

uint64_t ConvertBits(DType from, DType to, uint64_t bits) {
  return WithNative(from, [&](auto a) {
    return WithNative(to, [&](auto r) {
      using From = decltype(a);
      using To = decltype(r);
      return ToBits(Convert<To>(FromBits<From>(bits)));
    });
  });
}

uint64_t Hash(const ScalarGraph::Node& node) {
  uint64_t h = static_cast<uint64_t>(node.prim) << 8 | static_cast<uint64_t>(node.type);
  for (uint64_t word :
       {uint64_t{node.args[0]}, uint64_t{node.args[1]}, uint64_t{node.args[2]}, node.imm}) {
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

}  // namespace

std::string_view NameOf(Prim prim) {
  return kPrims[static_cast<size_t>(prim)].name;
}

int ScalarGraph::Arity(Prim prim) {
  return kPrims[static_cast<size_t>(prim)].arity;
}

uint32_t ScalarGraph::Add(const Node& node) {
  // Open addressing, at most half full; an entry is a node's index + 1, 0 is free.
  if (2 * (nodes_.size() + 1) > index_.size()) {
    index_.assign(std::max<size_t>(16, 2 * index_.size()), 0);
    for (size_t i = 0; i < nodes_.size(); ++i) *FindSlot(nodes_[i]) = static_cast<uint32_t>(i + 1);
  }
  uint32_t* slot = FindSlot(node);
  if (*slot == 0) {
    nodes_.push_back(node);
    *slot = static_cast<uint32_t>(nodes_.size());
  }
  return *slot - 1;
}

uint32_t* ScalarGraph::FindSlot(const Node& node) {
  size_t mask = index_.size() - 1;
  size_t i = static_cast<size_t>(Hash(node)) & mask;
  while (index_[i] != 0 && !(nodes_[index_[i] - 1] == node)) i = (i + 1) & mask;
  return &index_[i];
}

void ScalarGraph::Evaluate(uint32_t result, std::span<const uint64_t> params, int lanes,
                           std::span<uint64_t> results) const {
  auto width = static_cast<size_t>(lanes);
  std::vector<uint64_t> values((size_t{result} + 1) * width);
  auto at = [&](uint32_t node, size_t lane) { return values[node * width + lane]; };
  for (size_t i = 0; i <= result; ++i) {
    const Node& node = nodes_[i];
    for (size_t l = 0; l < width; ++l) {
      uint64_t& out = values[i * width + l];
      switch (node.prim) {
        case Prim::kConst:
          out = node.imm;
          break;
        case Prim::kParam:
          out = params[static_cast<size_t>(node.imm) * width + l];
          break;
        case Prim::kBitcast:
          out = at(node.args[0], l);
          break;
        case Prim::kConvert:
          out = ConvertBits(nodes_[node.args[0]].type, node.type, at(node.args[0], l));
          break;
        case Prim::kSelect:
          out = at(node.args[0], l) != 0 ? at(node.args[1], l) : at(node.args[2], l);
          break;
        default:
          out = WithNative(nodes_[node.args[0]].type, [&](auto like) {
            using T = decltype(like);
            return Apply<T>(node.prim, FromBits<T>(at(node.args[0], l)),
                            FromBits<T>(at(node.args[1], l)), FromBits<T>(at(node.args[2], l)));
          });
      }
    }
  }
  for (size_t l = 0; l < width; ++l) results[l] = at(result, l);
}

std::string ScalarGraph::ToString() const {
  std::string text;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    text += Format("v{}: {} = {}", i, ir::NameOf(node.type), ir::NameOf(node.prim));
    if (node.prim == Prim::kConst) text += " " + Scalar{node.type, node.imm}.ToString();
    if (node.prim == Prim::kParam) text += Format(" {}", node.imm);
    for (int a = 0; a < Arity(node.prim); ++a) text += Format(" v{}", node.args[a]);
    text += "\n";
  }
  return text;
}

DType ComputeTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kI8:
    case DType::kI16:
      return DType::kI32;
    case DType::kU8:
    case DType::kU16:
      return DType::kU32;
    case DType::kF16:
    case DType::kBF16:
      return DType::kF32;
    default:
      return dtype;
  }
}

}  // namespace gcomp::ir
