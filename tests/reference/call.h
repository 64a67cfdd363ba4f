// What the functions of the reference share: access to attributes and operands, and loops over
// indices. One function per op: `StatusOr<Tensors> Name(const Call&)`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "tests/reference/reference.h"

namespace gcomp::reference {

class Machine;

using Sizes = std::vector<int64_t>;
using Tensors = std::vector<Tensor>;

// The attributes of an op. Their defaults are those of docs/spec/ops.md, given by who reads.
// A fraction is rounded to the dtype that the op computes in, as an op on f32 does with 0.1.
class Attributes {
 public:
  Attributes(const ir::Op& op, std::span<const int64_t> symbols, ir::DType compute)
      : reader_(*op.def, op), symbols_(symbols), compute_(compute) {}

  bool Has(std::string_view name) const { return reader_.Has(name); }

  int64_t Int(std::string_view name, int64_t fallback) const;
  Number Float(std::string_view name, Number fallback) const;
  bool Bool(std::string_view name, bool fallback) const;
  std::string String(std::string_view name, std::string fallback) const;
  // nullopt = not written.
  std::optional<Sizes> Ints(std::string_view name) const;

  const ir::AttrValue& Raw(std::string_view name) const { return reader_.Raw(name); }

 private:
  ir::AttrReader reader_;
  std::span<const int64_t> symbols_;
  ir::DType compute_;
};

// What an op on elements of dtype computes in: f32 for the narrower floats, f64 where there is no
// rounding to follow.
inline ir::DType ComputeDType(ir::DType dtype) {
  return ir::IsFloat(dtype) && dtype != ir::DType::kF64 ? ir::DType::kF32 : ir::DType::kF64;
}

// One evaluation of one op.
struct Call {
  const ir::Function& function;
  const ir::Op& op;
  std::span<const Tensor> operands;  // flat
  std::span<const int64_t> symbols;
  Attributes attrs;
  Machine* machine = nullptr;  // what runs the op's regions; null = one of their own

  const Tensor& operand(size_t i) const { return operands[i]; }

  // The operand of that name in the schema; null if it is not given.
  const Tensor* Find(std::string_view name) const;

  // The type that the graph gives result i, for ops that take it from the text.
  ir::DType result_dtype(size_t i = 0) const;
  StatusOr<Sizes> ResultSizes(size_t i = 0) const;

  // "gather: what".
  Status Fail(ErrorId id, std::string_view what) const;
  // The axis; negative counts from the end. E508 out of range.
  StatusOr<size_t> Axis(int64_t axis, size_t rank) const;
  // The axes that a list attribute names, sorted; absent = all.
  StatusOr<std::vector<size_t>> Axes(std::string_view attr, size_t rank) const;
  // E504 unless the condition holds.
  Status Require(bool condition, std::string_view what) const;
};

struct OpEntry {
  std::string_view name;
  StatusOr<Tensors> (*evaluate)(const Call&);
};

// Evaluate of reference.h, for an op that `machine` runs.
StatusOr<Tensors> Evaluate(const ir::Function& function, const ir::Op& op,
                           std::span<const Tensor> operands, std::span<const int64_t> symbols,
                           Machine* machine);

// One per file reference_<family>.cc.
std::span<const OpEntry> PointwiseOps();
std::span<const OpEntry> ReduceOps();
std::span<const OpEntry> ShapeOps();
std::span<const OpEntry> PickOps();
std::span<const OpEntry> IndexOps();
std::span<const OpEntry> LinalgOps();
std::span<const OpEntry> WindowOps();
std::span<const OpEntry> NormOps();
std::span<const OpEntry> CompositeOps();
std::span<const OpEntry> CreationOps();
std::span<const OpEntry> RandomOps();
std::span<const OpEntry> DynamicOps();
std::span<const OpEntry> StructureOps();

// ---- Integers -----------------------------------------------------------------------------------

// Integers of any dtype modulo 2^128; their low bits are those of the exact result.
using Wide = unsigned __int128;

// Requires an integral x of magnitude below 2^127.
inline Wide WideOf(Number x) {
  return static_cast<Wide>(static_cast<__int128>(x));
}

// The number of an integer dtype or bool (x != 0) that has these low bits.
Number Wrapped(ir::DType dtype, Wide x);

// A sum of terms a * b, or of terms, in long double, or in the wrapping integers of a dtype.
class Sum {
 public:
  explicit Sum(ir::DType dtype) : dtype_(dtype) {}

  void Add(Number x) { AddProduct(x, 1); }

  void AddProduct(Number a, Number b);
  Number Result() const;

  // The greatest finite magnitude that was added.
  Number largest() const { return largest_; }

 private:
  ir::DType dtype_;
  Number sum_ = 0;
  Wide whole_ = 0;
  Number largest_ = 0;
};

// The factors of a product: no partial product, in whatever order, is larger than the product of
// the large ones, or smaller than that of the small ones.
class Factors {
 public:
  void Add(Number x);
  // True if every partial product is a normal number of the dtype that dtype is computed in.
  bool InRange(ir::DType dtype) const;

 private:
  Number large_ = 1;
  Number small_ = 1;
};

// Counts a term that was summed into y.
void NoteTerm(Tensor& y, Number term);

// x converted as `cast` does.
Number Cast(ir::DType from, ir::DType to, Number x);

// a / b, rounded once to f64 for f64, and to f32 for the narrower floats.
Number RoundedQuotient(ir::DType dtype, Number a, Number b);

// a < b in the order of sort: NaN is greatest, zeros are equal.
bool LessInOrder(Number a, Number b);
// IEEE minimum and maximum: NaN wins, -0 < +0.
Number Minimum(Number a, Number b);
Number Maximum(Number a, Number b);

// ---- Indices ------------------------------------------------------------------------------------

int64_t Count(const Sizes& sizes);

// The row-major position of an index.
inline size_t Position(const Sizes& sizes, const Sizes& index) {
  int64_t position = 0;
  for (size_t d = 0; d < sizes.size(); ++d) position = position * sizes[d] + index[d];
  return static_cast<size_t>(position);
}

inline Number At(const Tensor& x, const Sizes& index) {
  return x.data[Position(x.sizes, index)];
}

// The element of x where x is broadcast against an index of more axes.
Number AtBroadcast(const Tensor& x, const Sizes& index);

// The common sizes of tensors that broadcast as in NumPy.
StatusOr<Sizes> BroadcastSizes(const Call& call, std::span<const Sizes> all);

// The next index in row-major order; after the last one, the first.
void Advance(const Sizes& sizes, Sizes& index);

// Calls visit(index) for every index, in row-major order.
template <class F>
void ForEach(const Sizes& sizes, F visit) {
  const int64_t n = Count(sizes);
  Sizes index(sizes.size(), 0);
  for (int64_t i = 0; i < n; ++i, Advance(sizes, index)) visit(std::as_const(index));
}

// The tensor whose element at an index is f(index).
template <class F>
Tensor Generate(ir::DType dtype, Sizes sizes, F f) {
  Tensor y;
  y.dtype = dtype;
  y.data.reserve(static_cast<size_t>(Count(sizes)));
  ForEach(sizes, [&](const Sizes& index) { y.data.push_back(f(index)); });
  y.sizes = std::move(sizes);
  return y;
}

// x without the axes, or with size 1 there; calls reduce(elements) for each result, the elements
// in row-major order.
template <class F>
Tensor ReduceAxes(const Tensor& x, const std::vector<size_t>& axes, bool keep_dims, ir::DType dtype,
                  F reduce) {
  std::vector<bool> reduced(x.sizes.size(), false);
  for (size_t axis : axes) reduced[axis] = true;
  Sizes kept;
  Sizes inner;
  Sizes sizes;
  for (size_t d = 0; d < x.sizes.size(); ++d) {
    kept.push_back(reduced[d] ? 1 : x.sizes[d]);
    inner.push_back(reduced[d] ? x.sizes[d] : 1);
    if (!reduced[d] || keep_dims) sizes.push_back(kept.back());
  }
  Tensor y = Generate(dtype, kept, [&](const Sizes& outer) {
    std::vector<Number> elements;
    ForEach(inner, [&](const Sizes& index) {
      Sizes at = outer;
      for (size_t d = 0; d < at.size(); ++d) at[d] += index[d];
      elements.push_back(At(x, at));
    });
    return reduce(std::as_const(elements));
  });
  y.sizes = std::move(sizes);
  return y;
}

// x with each line along `axis` replaced by map(line), which has `length` elements.
template <class F>
Tensor MapLines(const Tensor& x, size_t axis, int64_t length, ir::DType dtype, F map) {
  Sizes outer = x.sizes;
  outer[axis] = 1;
  Tensor y;
  y.dtype = dtype;
  y.sizes = x.sizes;
  y.sizes[axis] = length;
  y.data.resize(static_cast<size_t>(Count(y.sizes)));
  ForEach(outer, [&](const Sizes& index) {
    Sizes at = index;
    std::vector<Number> line;
    for (at[axis] = 0; at[axis] < x.sizes[axis]; ++at[axis]) line.push_back(At(x, at));
    const std::vector<Number> mapped = map(std::as_const(line));
    for (at[axis] = 0; at[axis] < length; ++at[axis]) {
      y.data[Position(y.sizes, at)] = mapped[static_cast<size_t>(at[axis])];
    }
  });
  return y;
}

inline Tensors One(Tensor y) {
  Tensors results;
  results.push_back(std::move(y));
  return results;
}

}  // namespace gcomp::reference
