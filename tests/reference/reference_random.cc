// Random numbers: Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011)
// as docs/numerics.md uses it.
#include <array>
#include <cmath>

#include "tests/reference/call.h"

namespace gcomp::reference {
namespace {

using ir::DType;
using Words = std::array<uint32_t, 4>;

// The block at a counter under a key of two words.
Words Philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53u} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57u} * counter[2];
    const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
    const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
    counter = {high(product1) ^ counter[1] ^ key0, low(product1),
               high(product0) ^ counter[3] ^ key1, low(product0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

struct Key {
  uint64_t key;
  uint64_t counter;
};

StatusOr<Key> KeyOf(const Call& call, const Tensor& x) {
  GCOMP_RETURN_IF_ERROR(call.Require(x.data.size() == 2, "a key is u64[2]"));
  return Key{static_cast<uint64_t>(x.data[0]), static_cast<uint64_t>(x.data[1])};
}

Words Block(const Key& key, Wide counter) {
  Words words;
  for (int i = 0; i < 4; ++i) {
    words[static_cast<size_t>(i)] = static_cast<uint32_t>(counter >> (32 * i));
  }
  return Philox(words, static_cast<uint32_t>(key.key), static_cast<uint32_t>(key.key >> 32));
}

// Word i of the draw that starts at key.
uint32_t Word(const Key& key, size_t i) {
  return Block(key, Wide(key.counter) + i / 4)[i % 4];
}

uint64_t TwoWords(const Key& key, size_t i) {
  return Word(key, 2 * i) | uint64_t{Word(key, 2 * i + 1)} << 32;
}

// Number i in [0, 1).
double Unit(DType dtype, const Key& key, size_t i) {
  if (dtype == DType::kF64) return static_cast<double>(TwoWords(key, i) >> 11) * 0x1p-53;
  return static_cast<double>(Word(key, i) >> 8) * 0x1p-24;
}

// shape, dtype of the result, and f(position) for its elements.
template <class F>
StatusOr<Tensors> Draw(const Call& call, F f) {
  const Sizes shape = call.attrs.Ints("shape").value_or(Sizes());
  size_t next = 0;
  return One(Generate(call.result_dtype(), shape, [&](const Sizes&) { return f(next++); }));
}

StatusOr<Tensors> RngKey(const Call& call) {
  const Tensor& v = call.operand(0);
  GCOMP_RETURN_IF_ERROR(call.Require(v.data.size() == 1, "v is not one number"));
  return One({DType::kU64, {2}, {Cast(v.dtype, DType::kU64, v.data[0]), 0}});
}

StatusOr<Tensors> RngFold(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Key key, KeyOf(call, call.operand(0)));
  const Tensor& i = call.operand(1);
  GCOMP_RETURN_IF_ERROR(call.Require(i.data.size() == 1, "i is not one number"));
  const auto index = static_cast<uint64_t>(Cast(i.dtype, DType::kU64, i.data[0]));
  const Words words = Block(key, Wide(key.counter) << 64 | index);
  const uint64_t folded = words[0] | uint64_t{words[1]} << 32;
  return One({DType::kU64, {2}, {static_cast<Number>(folded), 0}});
}

StatusOr<Tensors> RngBits(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Key key, KeyOf(call, call.operand(0)));
  const DType dtype = call.result_dtype();
  return Draw(call, [&](size_t i) {
    return Wrapped(dtype, ir::BitsOf(dtype) == 64 ? TwoWords(key, i) : Word(key, i));
  });
}

// low + u * (high - low), each operation rounded in the compute type.
template <class T>
Number Scaled(double u, Number low, Number high) {
  const T first = static_cast<T>(low);
  return first + static_cast<T>(u) * (static_cast<T>(high) - first);
}

StatusOr<Tensors> RngUniform(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Key key, KeyOf(call, call.operand(0)));
  const Number low = call.attrs.Float("low", 0);
  const Number high = call.attrs.Float("high", 1);
  const DType dtype = call.result_dtype();
  return Draw(call, [&](size_t i) {
    const double u = Unit(dtype, key, i);
    if (dtype == DType::kF64) return Scaled<double>(u, low, high);
    return Rounded(dtype, Scaled<float>(u, low, high));
  });
}

StatusOr<Tensors> RngNormal(const Call& call) {
  GCOMP_ASSIGN_OR_RETURN(Key key, KeyOf(call, call.operand(0)));
  const DType compute = ComputeDType(call.result_dtype());
  return Draw(call, [&](size_t i) {
    const size_t pair = i / 2 * 2;
    // In f32 the word is rounded before its logarithm is taken: near 1 that is seen in the result.
    const Number u = std::ldexp(Rounded(compute, Number(Word(key, pair)) + 1), -32);
    const Number angle = 2 * std::acos(Number(-1)) * std::ldexp(Number(Word(key, pair + 1)), -32);
    const Number r = std::sqrt(-2 * std::log(u));
    return r * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
  });
}

// Elements whose uniform f32 number is p or more stay, divided by 1 - p.
StatusOr<Tensors> Dropout(const Call& call) {
  const Tensor& x = call.operand(0);
  const Number p = call.attrs.Float("p", 0.5L);
  if (!call.attrs.Bool("training", true) || p == 0) {
    return One(Tensor{x.dtype, x.sizes, x.data});
  }
  const Tensor* key_operand = call.Find("key");
  GCOMP_RETURN_IF_ERROR(call.Require(key_operand != nullptr, "needs a key"));
  GCOMP_ASSIGN_OR_RETURN(Key key, KeyOf(call, *key_operand));
  const Number threshold = Rounded(DType::kF32, p);
  size_t next = 0;
  return One(Generate(x.dtype, x.sizes, [&](const Sizes&) {
    const size_t i = next++;
    const bool kept = Unit(DType::kF32, key, i) >= threshold;
    return kept ? RoundedQuotient(x.dtype, x.data[i], Rounded(ComputeDType(x.dtype), 1 - p))
                : Number(0);
  }));
}

constexpr OpEntry kOps[] = {
    {"rng.key", RngKey},         {"rng.fold", RngFold},     {"rng.bits", RngBits},
    {"rng.uniform", RngUniform}, {"rng.normal", RngNormal}, {"dropout", Dropout},
};

}  // namespace

std::span<const OpEntry> RandomOps() {
  return kOps;
}

}  // namespace gcomp::reference
