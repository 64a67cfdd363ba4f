// Array: the tensor value of model code. One type for all that a model function handles:
//
//   concrete   holds a runtime Tensor; ops on it run at once (op by op, for debugging and tests)
//   traced     a value of the graph that `trace` is building on this thread; of a function that
//              runs in pieces (jit.h), concrete once its piece has run
//   type       dtype and sizes alone: an example argument of `trace` without data
//   number     a host number or size; takes the dtype of the array beside it (`x + 1`)
//   failed     the outcome of an op that failed; all that is computed from it fails alike
//
// So the same function runs eagerly and is traced. Nothing throws: an op that fails inside a trace
// makes the trace fail (the first error is what `trace` returns); outside, `tensor()` tells it.
//
// Ops are functions in namespace gcomp::ops (ops.h); arithmetic operators are here. Copies are
// cheap. In-place ops (`ops::add_`) write the storage that all copies of an Array share.
//
// Thread safety: values; a traced Array belongs to the thread of its trace.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/status.h"
#include "frontends/trace/size.h"
#include "ir/type.h"
#include "runtime/tensor.h"

namespace gcomp {

class Array;

namespace internal {
struct ArrayRep;
class Tracer;

// The tensor of a concrete array; null for others. In a function that runs in pieces it may lack
// writes of the piece that is being recorded: tensor() has them.
const Tensor* TensorOf(const Array& array);
}  // namespace internal

class Array {
 public:
  enum class Kind : uint8_t {
    kAbsent,
    kConcrete,
    kType,
    kInt,
    kFloat,
    kBool,
    kSize,
    kTraced,
    kFailed
  };

  Array() = default;  // absent: an optional operand that is not given

  Array(Tensor tensor);       // NOLINT(google-explicit-constructor)
  Array(const SymInt& size);  // NOLINT(google-explicit-constructor)

  template <class T>

  requires std::is_arithmetic_v<T> Array(T number) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::is_same_v<T, bool>) {
      SetBool(number);
    } else if constexpr (std::is_integral_v<T>) {
      SetInt(static_cast<int64_t>(number));
    } else {
      SetFloat(static_cast<double>(number));
    }
  }

  // A concrete array with a copy of `values`, row-major. Failed if their number is not that of the
  // sizes.
  template <class T>
  static Array From(std::vector<int64_t> sizes, const std::vector<T>& values) {
    return FromData(DTypeOf<T>(), std::move(sizes), values.data(), values.size());
  }

  // An example argument without data.
  static Array OfType(DType dtype, std::vector<int64_t> sizes);
  static Array Failed(Status status);

  Kind kind() const { return kind_ == Kind::kTraced && rep_ != nullptr ? KindOfRecorded() : kind_; }

  bool absent() const { return kind_ == Kind::kAbsent; }

  bool concrete() const { return kind() == Kind::kConcrete; }

  bool traced() const { return kind() == Kind::kTraced; }

  // Of a traced value: in the symbols of its trace. Of what has no type (absent, failed): Type().
  ir::Type type() const;

  DType dtype() const { return type().dtype(); }

  int rank() const { return type().rank(); }

  // A negative axis counts from the end. Out of range fails the trace (outside: gives 0).
  SymInt size(int axis) const;
  std::vector<SymInt> sizes() const;
  SymInt NumElements() const;

  // The data of a concrete array; the error of a failed one; E705 for others. To read a value of
  // the trace in progress is a graph break (structure.h): E105 where the function must be one
  // graph.
  StatusOr<Tensor> tensor() const;

  // Elements of a concrete array in row-major order, converted to T. Where tensor() fails: zeros in
  // a trace, else none.
  template <class T>
  std::vector<T> Values() const {
    std::vector<double> values = ReadDoubles();
    return {values.begin(), values.end()};
  }

  // Methods that model code has most use for; all others are functions (ops.h).
  Array cast(DType dtype) const;
  Array view(std::vector<SymInt> shape) const;
  Array reshape(std::vector<SymInt> shape) const;
  Array t() const;  // the last two axes swapped, as a view
  Array clone() const;
  // Rows start, ..., end - 1 along `dim`, as a view; sizes of unknown order are the caller's
  // promise.
  Array slice(int dim, const SymInt& start, const SymInt& end) const;
  // Writes this + v into the storage of this; returns this.
  Array add_(const Array& v) const;
  Array mul_(const Array& v) const;
  Array copy_(const Array& v) const;

  friend Array operator+(const Array& a, const Array& b);
  friend Array operator-(const Array& a, const Array& b);
  friend Array operator*(const Array& a, const Array& b);
  friend Array operator/(const Array& a, const Array& b);
  friend Array operator-(const Array& a);
  // Elementwise: bool arrays.
  friend Array operator<(const Array& a, const Array& b);
  friend Array operator<=(const Array& a, const Array& b);
  friend Array operator>(const Array& a, const Array& b);
  friend Array operator>=(const Array& a, const Array& b);

 private:
  friend class internal::Tracer;
  friend const Tensor* internal::TensorOf(const Array& array);

  template <class T>
  static constexpr DType DTypeOf() {
    if constexpr (std::is_same_v<T, float>) return DType::kF32;
    if constexpr (std::is_same_v<T, double>) return DType::kF64;
    if constexpr (std::is_same_v<T, int8_t>) return DType::kI8;
    if constexpr (std::is_same_v<T, int16_t>) return DType::kI16;
    if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
    if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
    if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
    if constexpr (std::is_same_v<T, uint16_t>) return DType::kU16;
    if constexpr (std::is_same_v<T, uint32_t>) return DType::kU32;
    if constexpr (std::is_same_v<T, uint64_t>) return DType::kU64;
  }

  static Array FromData(DType dtype, std::vector<int64_t> sizes, const void* data, size_t count);
  void SetInt(int64_t number);
  void SetFloat(double number);
  void SetBool(bool flag);
  Kind KindOfRecorded() const;
  std::vector<double> ReadDoubles() const;

  Kind kind_ = Kind::kAbsent;
  uint32_t node_ = 0;  // kTraced: which value of the trace
  uint64_t bits_ = 0;  // kTraced: which trace; of a number its bits
  // Tensor, type, size or failure; of a traced value in pieces: where its tensor will be.
  std::shared_ptr<const internal::ArrayRep> rep_;
};

}  // namespace gcomp
