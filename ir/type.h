// Type: what a value is: a tensor (dtype, dims, layout, device), a host number, a key or a token.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/dtype.h"
#include "ir/expr.h"

namespace gcomp::ir {

using Dims = std::vector<Expr>;

// How the elements of a tensor lie in its storage. Strides and offset count elements.
// Invariant of kStrided: it is not the contiguous layout (Type::Tensor normalises), strides of dims
// of size 1 and of empty tensors are the contiguous ones.
struct Layout {
  enum class Kind : uint8_t {
    kContiguous,  // row-major, offset 0; not printed
    kStrided,     // strides and offset known
    kUnknown,     // `{?}`: known only at run time
    kPacked,      // `{packed "name"}`: a form of a library; plans and weights only
  };
  Kind kind = Kind::kContiguous;
  Dims strides;
  Expr offset;
  std::string packed;

  bool operator==(const Layout&) const = default;
};

// Where a tensor lives: `@cuda:0`. An empty name is the session's own device.
struct Device {
  std::string name;
  int index = -1;  // -1 = not written

  bool operator==(const Device&) const = default;
};

class Type {
 public:
  enum class Kind : uint8_t { kNone, kTensor, kInt, kFloat, kFlag, kRng, kToken };

  Type() = default;

  // Normalises the layout: strides equal to the contiguous ones become kContiguous.
  static Type Tensor(DType dtype, Dims dims, Layout layout = {}, Device device = {});
  static Type Int(Expr value);  // int<e>: a host integer whose value is e

  static Type Of(Kind kind) {
    Type type;
    type.kind_ = kind;
    return type;
  }

  Kind kind() const { return kind_; }

  bool is_tensor() const { return kind_ == Kind::kTensor; }

  DType dtype() const { return dtype_; }

  const Dims& dims() const { return dims_; }

  int rank() const { return static_cast<int>(dims_.size()); }

  const Layout& layout() const { return layout_; }

  const Device& device() const { return device_; }

  // Requires kind() == kInt.
  const Expr& value() const { return dims_[0]; }

  bool is_contiguous() const { return layout_.kind == Layout::Kind::kContiguous; }

  // Strides in elements: those of the layout, or the contiguous ones. Requires a layout that is
  // contiguous or strided.
  Dims Strides() const;

  Expr NumElements() const;

  // True if every dim, stride and offset is a number.
  bool IsStatic() const;

  Type Substitute(const std::function<Expr(SymId)>& replace) const;

  std::string ToString(const std::function<std::string(SymId)>& name) const;

  friend bool operator==(const Type& a, const Type& b) = default;

 private:
  Kind kind_ = Kind::kNone;
  DType dtype_ = DType::kF32;
  Dims dims_;
  Layout layout_;
  Device device_;
};

// Row-major strides of `dims`, in elements: product of the later sizes, counting an empty or
// symbolic dim as it is.
Dims ContiguousStrides(const Dims& dims);

}  // namespace gcomp::ir
