// Pointwise ops: floats by scalar_functions.h, integers and bools by the table here, conversions.
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/reference/call.h"
#include "tests/reference/scalar_functions.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// ---- Floats -------------------------------------------------------------------------------------

// Ops that are one rounded operation of f64 or f32 by definition: a long double would round twice.
struct NativeEntry {
  std::string_view name;
  double (*f64)(std::span<const double>, const Attributes&);
  float (*f32)(std::span<const float>, const Attributes&);
};

template <class F>
constexpr NativeEntry Native(std::string_view name, F f) {
  return {name, f, f};
}

constexpr NativeEntry kNative[] = {
    Native("add", [](auto x, const Attributes&) { return x[0] + x[1]; }),
    Native("sub", [](auto x, const Attributes&) { return x[0] - x[1]; }),
    Native("mul", [](auto x, const Attributes&) { return x[0] * x[1]; }),
    Native("div", [](auto x, const Attributes&) { return x[0] / x[1]; }),
    Native("sqrt", [](auto x, const Attributes&) { return std::sqrt(x[0]); }),
    Native("reciprocal", [](auto x, const Attributes&) { return 1 / x[0]; }),
    Native("fma", [](auto x, const Attributes&) { return std::fma(x[0], x[1], x[2]); }),
    Native("rem",
           [](auto x, const Attributes&) {
             const auto r = std::fmod(x[0], x[1]);
             if (r == 0) return std::copysign(r, x[1]);
             return (r < 0) != (x[1] < 0) ? r + x[1] : r;
           }),
    Native("leaky_relu",
           [](auto x, const Attributes& a) {
             using T = std::remove_cvref_t<decltype(x[0])>;
             return x[0] > 0 ? x[0] : x[0] * static_cast<T>(a.Float("slope", 0.01L));
           }),
};

const NativeEntry* FindNative(std::string_view name) {
  for (const NativeEntry& entry : kNative) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

const ScalarEntry* FindScalar(std::string_view name) {
  for (const ScalarEntry& entry : ScalarFunctions()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// ---- Integers and bools -------------------------------------------------------------------------

using Int = __int128;

// Results are exact modulo 2^128; the low bits of the dtype count.
using IntFunction = Int (*)(std::span<const Int> x, DType dtype);

Int Product(Int a, Int b) {
  return static_cast<Int>(static_cast<Wide>(a) * static_cast<Wide>(b));
}

Int Total(Int a, Int b) {
  return static_cast<Int>(static_cast<Wide>(a) + static_cast<Wide>(b));
}

// Toward zero; x / 0 = 0.
Int Quotient(Int a, Int b) {
  return b == 0 ? 0 : a / b;
}

Int FloorQuotient(Int a, Int b) {
  const Int q = Quotient(a, b);
  return b != 0 && a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

Int Power(Int base, Int exponent) {
  if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
  Int y = 1;
  for (; exponent != 0; exponent /= 2) {
    if (exponent % 2 != 0) y = Product(y, base);
    base = Product(base, base);
  }
  return y;
}

// A negative distance is past any width, as the large unsigned number of its bits.
Int ShiftLeft(Int a, Int by, DType dtype) {
  if (by < 0 || by >= ir::BitsOf(dtype)) return 0;
  return static_cast<Int>(static_cast<Wide>(a) << by);
}

Int ShiftRight(Int a, Int by, DType dtype) {
  if (by < 0 || by >= ir::BitsOf(dtype)) return a < 0 ? -1 : 0;
  return a >> by;
}

Int Complement(Int a, DType dtype) {
  return dtype == DType::kBool ? Int(a == 0) : ~a;
}

struct IntEntry {
  std::string_view name;
  IntFunction value;
};

constexpr IntEntry kIntegers[] = {
    {"abs", [](std::span<const Int> x, DType) { return x[0] < 0 ? -x[0] : x[0]; }},
    {"neg", [](std::span<const Int> x, DType) { return -x[0]; }},
    {"sign", [](std::span<const Int> x, DType) { return Int(x[0] > 0) - Int(x[0] < 0); }},
    {"not", [](std::span<const Int> x, DType t) { return Complement(x[0], t); }},
    {"bitwise_not", [](std::span<const Int> x, DType t) { return Complement(x[0], t); }},
    {"add", [](std::span<const Int> x, DType) { return x[0] + x[1]; }},
    {"sub", [](std::span<const Int> x, DType) { return x[0] - x[1]; }},
    {"mul", [](std::span<const Int> x, DType) { return Product(x[0], x[1]); }},
    {"fma", [](std::span<const Int> x, DType) { return Total(Product(x[0], x[1]), x[2]); }},
    {"div", [](std::span<const Int> x, DType) { return Quotient(x[0], x[1]); }},
    {"floor_div", [](std::span<const Int> x, DType) { return FloorQuotient(x[0], x[1]); }},
    {"fmod", [](std::span<const Int> x,
                DType) { return x[1] == 0 ? 0 : x[0] - Product(Quotient(x[0], x[1]), x[1]); }},
    {"rem", [](std::span<const Int> x,
               DType) { return x[1] == 0 ? 0 : x[0] - Product(FloorQuotient(x[0], x[1]), x[1]); }},
    {"pow", [](std::span<const Int> x, DType) { return Power(x[0], x[1]); }},
    {"and", [](std::span<const Int> x, DType) { return x[0] & x[1]; }},
    {"or", [](std::span<const Int> x, DType) { return x[0] | x[1]; }},
    {"xor", [](std::span<const Int> x, DType) { return x[0] ^ x[1]; }},
    {"bitwise_and", [](std::span<const Int> x, DType) { return x[0] & x[1]; }},
    {"bitwise_or", [](std::span<const Int> x, DType) { return x[0] | x[1]; }},
    {"bitwise_xor", [](std::span<const Int> x, DType) { return x[0] ^ x[1]; }},
    {"shl", [](std::span<const Int> x, DType t) { return ShiftLeft(x[0], x[1], t); }},
    {"shr", [](std::span<const Int> x, DType t) { return ShiftRight(x[0], x[1], t); }},
};

const IntEntry* FindInteger(std::string_view name) {
  for (const IntEntry& entry : kIntegers) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

// ---- Tensors ------------------------------------------------------------------------------------

constexpr std::string_view kPredicates[] = {"isnan", "isinf", "isfinite", "eq", "ne",
                                            "lt",    "le",    "gt",       "ge"};

bool IsPredicate(std::string_view name) {
  for (std::string_view predicate : kPredicates) {
    if (predicate == name) return true;
  }
  return false;
}

// Three operands: x, min, max; an absent bound as the infinity that bounds nothing.
template <class T>
std::vector<T> ClampOperands(const ir::Op& op, std::span<const T> given) {
  const Number infinity = std::numeric_limits<Number>::infinity();
  std::vector<T> all = {given[0], T(-infinity), T(infinity)};
  for (size_t bound = 0; bound < 2; ++bound) {
    const int group = op.def->OperandIndex(bound == 0 ? "min" : "max");
    if (group < 0) continue;
    const size_t first = op.group_begin[static_cast<size_t>(group)];
    if (first < op.group_begin[static_cast<size_t>(group) + 1]) all[bound + 1] = given[first];
  }
  return all;
}

Number EvaluateElement(const Call& call, DType dtype, std::span<const Number> x) {
  const std::string_view name = call.op.def->name;
  if (const IntEntry* entry = FindInteger(name); entry != nullptr && !ir::IsFloat(dtype)) {
    std::array<Int, 3> whole = {};
    for (size_t i = 0; i < x.size(); ++i) whole[i] = static_cast<Int>(x[i]);
    return Wrapped(dtype, static_cast<Wide>(entry->value(std::span(whole).first(x.size()), dtype)));
  }
  if (const NativeEntry* entry = FindNative(name); entry != nullptr) {
    if (dtype == DType::kF64) {
      std::array<double, 3> d = {};
      for (size_t i = 0; i < x.size(); ++i) d[i] = static_cast<double>(x[i]);
      return entry->f64(d, call.attrs);
    }
    std::array<float, 3> f = {};
    for (size_t i = 0; i < x.size(); ++i) f[i] = static_cast<float>(x[i]);
    return entry->f32(f, call.attrs);
  }
  const ScalarEntry* entry = FindScalar(name);
  if (name == "clamp") return entry->value(ClampOperands(call.op, x), call.attrs);
  return entry->value(x, call.attrs);
}

StatusOr<Tensors> Pointwise(const Call& call) {
  const std::string_view name = call.op.def->name;
  GCOMP_RETURN_IF_ERROR(call.Require(!call.operands.empty() && call.operands.size() <= 3,
                                     "a pointwise op has one to three operands"));
  const ScalarEntry* entry = FindScalar(name);
  GCOMP_RETURN_IF_ERROR(
      call.Require(entry == nullptr || name == "clamp" || entry->operands == call.operands.size(),
                   "an operand is missing"));
  const DType dtype = call.operands.back().dtype;  // of select: that of the values
  GCOMP_RETURN_IF_ERROR(call.Require(
      ir::IsFloat(dtype) || FindInteger(name) != nullptr || entry != nullptr, "not for integers"));
  std::vector<Sizes> all;
  for (const Tensor& operand : call.operands) all.push_back(operand.sizes);
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, all));
  std::vector<Number> x(call.operands.size());
  return One(Generate(IsPredicate(name) ? DType::kBool : dtype, sizes, [&](const Sizes& index) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = AtBroadcast(call.operands[i], index);
    return EvaluateElement(call, dtype, x);
  }));
}

StatusOr<Tensors> CastOp(const Call& call) {
  const Tensor& x = call.operand(0);
  const DType to = call.result_dtype();
  return One(
      Generate(to, x.sizes, [&](const Sizes& index) { return Cast(x.dtype, to, At(x, index)); }));
}

StatusOr<Tensors> Bitcast(const Call& call) {
  const Tensor& x = call.operand(0);
  const DType to = call.result_dtype();
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes());
  const size_t from_bytes = static_cast<size_t>(ir::BytesOf(x.dtype));
  const size_t to_bytes = static_cast<size_t>(ir::BytesOf(to));
  GCOMP_RETURN_IF_ERROR(
      call.Require(x.data.size() * from_bytes == static_cast<size_t>(Count(sizes)) * to_bytes,
                   "the result has not as many bytes as the operand"));
  std::vector<char> bytes(x.data.size() * from_bytes + sizeof(uint64_t));
  for (size_t i = 0; i < x.data.size(); ++i) {
    ScalarOf(x.dtype, x.data[i]).Store(bytes.data() + i * from_bytes);
  }
  StatusOr<Tensors> y = One(Generate(to, sizes, [&](const Sizes& index) {
    return NumberOf(ir::Scalar::Load(to, bytes.data() + Position(sizes, index) * to_bytes));
  }));
  // A long double does not keep which NaN it was.
  std::vector<bool> undetermined;
  for (Number value : x.data) undetermined.push_back(std::isnan(value));
  if (y.ok()) (*y)[0].undetermined = std::move(undetermined);
  return y;
}

}  // namespace

std::span<const OpEntry> PointwiseOps() {
  static const std::vector<OpEntry> table = [] {
    std::vector<OpEntry> all = {{"cast", CastOp}, {"bitcast", Bitcast}};
    for (const ScalarEntry& entry : ScalarFunctions()) all.push_back({entry.name, Pointwise});
    for (const IntEntry& entry : kIntegers) {
      if (FindScalar(entry.name) == nullptr) all.push_back({entry.name, Pointwise});
    }
    return all;
  }();
  return table;
}

std::optional<Dual> EvaluatePointwise(const ir::Function&, const ir::Op& op,
                                      std::span<const Dual> operands) {
  const ScalarEntry* entry = FindScalar(op.def->name);
  if (entry == nullptr || operands.empty()) return std::nullopt;
  const Attributes attrs(op, {}, DType::kF64);
  if (op.def->name == "clamp") return entry->dual(ClampOperands(op, operands), attrs);
  if (operands.size() != entry->operands) return std::nullopt;
  return entry->dual(operands, attrs);
}

}  // namespace gcomp::reference
