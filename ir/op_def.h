// OpDef: everything gcomp knows of one op, in one record. The parser, printer, verifier, builder,
// docs page, tests and every tier read this record; none has a switch over ops.
//
// Records are constant-initialised tables in kernels/ops/*.cc; the file's list of records is found
// through the generated list (kernels/CMakeLists.txt). An engine may add records of its own
// (OpRegistry::Add), which then are ops like all others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/dtype.h"
#include "ir/effects.h"
#include "ir/module.h"
#include "ir/size_facts.h"

namespace gcomp::ir {

class DecomposeCtx;
class InferCtx;
class Kernel;
class KernelCtx;
class LowerCtx;
class RewriteCtx;
class VjpCtx;

// ---- Schema -------------------------------------------------------------------------------------

enum class OperandKind : uint8_t {
  kRequired,    // by position
  kOptional,    // by name: `bias = %b`
  kVariadic,    // any number, last by position
  kNamedGroup,  // any number, by name as a list: `carry = [%i, %x]`
};

struct OperandSpec {
  std::string_view name;
  OperandKind kind = OperandKind::kRequired;
  DTypeSet dtypes = kRealDTypes;  // of tensor operands; checked before infer
  bool tensor_only = true;        // else int, flag, rng ... may stand here as well
};

enum class AttrKind : uint8_t {
  kInt,
  kFloat,
  kBool,
  kString,
  kDType,
  kSize,
  kPredicate,
  kExpr,  // a size or a predicate
  kIntList,
  kFloatList,
  kSizeList,
  kStringList,
  kScalar,      // one number of the result's dtype
  kScalarList,  // numbers of the result's dtype, row-major
  kDict,
};

struct AttrSpec {
  std::string_view name;
  AttrKind kind;
  std::string_view doc = {};  // unit and meaning
  // What stands for an attribute that is not written. kNone: absent has a meaning of its own, which
  // `doc` tells. kRequired: must be written.
  enum class Default : uint8_t {
    kNone,
    kRequired,
    kInt,
    kFloat,
    kBool,
    kString
  } default_kind = Default::kNone;
  int64_t default_int = 0;
  double default_float = 0;
  std::string_view default_string = {};
  bool positional = false;  // `const([1, 2])`: written without its name
  // An integer or a list of them that names axes: negative counts from the end of this rank.
  enum class Axis : uint8_t { kNo, kOfOperand, kOfResult } axis = Axis::kNo;
};

// Short makers for the tables.
constexpr AttrSpec IntAttr(std::string_view name, int64_t value, std::string_view doc) {
  return {name, AttrKind::kInt, doc, AttrSpec::Default::kInt, value};
}

constexpr AttrSpec FloatAttr(std::string_view name, double value, std::string_view doc) {
  return {name, AttrKind::kFloat, doc, AttrSpec::Default::kFloat, 0, value};
}

constexpr AttrSpec BoolAttr(std::string_view name, bool value, std::string_view doc) {
  return {name, AttrKind::kBool, doc, AttrSpec::Default::kBool, value ? 1 : 0};
}

constexpr AttrSpec StringAttr(std::string_view name, std::string_view value, std::string_view doc) {
  return {name, AttrKind::kString, doc, AttrSpec::Default::kString, 0, 0, value};
}

// True if `value` is what stands for the attribute where it is not written.
bool IsDefault(const AttrSpec& spec, const AttrValue& value);

// The same attribute, as one that names axes of operand 0 or of result 0.
constexpr AttrSpec AxisOf(AttrSpec::Axis axis, AttrSpec spec) {
  spec.axis = axis;
  return spec;
}

struct RegionSpec {
  std::string_view label;  // `then`; a variadic one is a stem: `case` for case0, case1, ...
  bool variadic = false;
  // The error where the region writes one of its parameters in place. nullopt = it may: its
  // parameters are the op's operands, one by one, and a write is seen in the operand's storage.
  std::optional<ErrorId> refuses_writes = {};
};

// ---- Meaning ------------------------------------------------------------------------------------

// What is promised of the bits of the results: docs/numerics.md.
enum class NumericClass : uint8_t { kExact, kPinned, kFree };

// How far a result may be from the true value, for comparison with an independent calculation.
struct Tolerance {
  double ulp = 0;   // units in the last place of the result's dtype; 0 = equal bits
  double rtol = 0;  // or relative to the largest magnitude that was summed
  std::string_view reason = {};
};

using InferFn = Status (*)(InferCtx&);
using PrepareFn = StatusOr<std::unique_ptr<Kernel>> (*)(const KernelCtx&);

// How code generators see the op. Exactly one form.
struct Lowering {
  enum class Kind : uint8_t {
    kMissing,    // not told: the contract test rejects it
    kPointwise,  // one scalar expression per element: `loops` builds it as one stage
    kLoops,      // stages of loops with bodies (ir/loops.h)
    kView,       // another layout of the operand's storage: KernelCtx gives sizes and strides
    kStructure,  // control flow, calls: tiers handle the regions
    kExternal,   // a library call or data-dependent access; `why` says why no loops
    kInPlace,    // the functional op's, written into operand 0 (OpDef::functional)
    // Other ops stand for it once a module is loaded (ir/decompose.h). It has a kernel, and perhaps
    // loops, only where its formula may give nothing: then the op stays.
    kDecompose,
  };
  Kind kind = Kind::kMissing;
  Status (*loops)(LowerCtx&) = nullptr;        // kPointwise, kLoops
  std::string_view why = {};                   // kExternal, kStructure
  void (*decompose)(DecomposeCtx&) = nullptr;  // kDecompose; failures are told to the context
};

// The derivative of an op as ops (ir/vjp.h), or the reason why there is none.
struct Vjp {
  void (*rule)(VjpCtx&) = nullptr;  // failures are told to the context
  std::string_view reason = {};
  bool not_yet = false;  // there is a derivative, but no rule in this version
};

// For ops whose rule belongs to a later version.
inline constexpr Vjp NotYet(
    std::string_view reason = "derivative rules come with differentiation") {
  return {.reason = reason, .not_yet = true};
}

// For ops that have no derivative: results that are no floats, values that only pick.
inline constexpr Vjp NotDifferentiable(std::string_view reason) {
  return {.reason = reason};
}

struct OpDef {
  std::string_view name;
  std::string_view doc;     // summary, formula, shapes with named dims, corner cases
  std::string_view source;  // paper, standard or definition it follows
  std::span<const OperandSpec> operands = {};
  std::span<const AttrSpec> attrs = {};
  std::span<const RegionSpec> regions = {};
  int num_results = 1;       // -1 = the number that infer gives
  bool has_callee = false;   // `invoke @f(...)`
  int states_fact = -1;      // the attribute that is a predicate which holds after the op
  bool has_global = false;   // `global.read @p()`: the name is a global's
  bool commutative = false;  // operands 0 and 1 may swap without changing bits
  // Result 0 holds the bytes of operand 0 in the same order where both are contiguous (reshape,
  // contiguous), so a runtime that sees no write to either may let them share storage.
  bool same_bytes = false;
  // Where the body is that the op runs once, on all its operands, and whose results are the op's:
  // the pass `inline` may put it in the op's place, unless an attribute `keep` is true. kNone also
  // for ops whose region says more than its ops do (checkpoint, hints).
  enum class Body : uint8_t { kNone, kCallee, kRegion } body = Body::kNone;
  // There is an op with a `_` behind its name that writes result 0 into operand 0
  // (kernels/in_place.h). Result 0 has the dtype of operand 0.
  bool in_place_form = false;
  std::span<const OperandSpec> in_place_operands = {};  // of that op; empty = the same
  // The kernel writes result 0 in whatever layout it has: pointwise ops, copy. Others are given
  // row-major memory by the in-place form.
  bool any_result_layout = false;
  // Of such an op: the one that it is the in-place form of.
  const OpDef* functional = nullptr;
  Effects effects = {};
  NumericClass numeric = NumericClass::kExact;
  Tolerance tolerance = {};
  InferFn infer = nullptr;
  PrepareFn prepare = nullptr;
  // Of a view: E401 where it does not lie in its operand at the sizes that are bound now, for those
  // of which infer could not tell. Called once per specialization; null = nothing to check.
  Status (*check)(const KernelCtx&) = nullptr;
  Lowering lowering = {};
  Vjp vjp = {};
  // An identity that gives the value of result 0 without computing: `%y` is operand k. nullopt =
  // no simplification. Must keep bits and type.
  std::optional<ValueId> (*simplify)(const Function&, const Op&) = nullptr;
  // Rewrites the op in place into its canonical form where that needs more than `simplify` and the
  // schema give: a transpose of a transpose (ir/rewrite.h). Must keep bits and the result's type.
  Status (*canonicalize)(RewriteCtx&) = nullptr;

  bool known() const { return infer != nullptr; }

  bool is_view() const { return lowering.kind == Lowering::Kind::kView; }

  bool decomposes() const { return lowering.kind == Lowering::Kind::kDecompose; }

  int AttrIndex(std::string_view attr) const;
  int OperandIndex(std::string_view operand) const;
};

// ---- Lookup -------------------------------------------------------------------------------------

// The ops that a module may use: the built-in table plus an engine's extensions.
// Thread safety: fill it first, then read it from any thread.
class OpRegistry {
 public:
  // The given tables of records; they outlive the registry.
  explicit OpRegistry(std::span<const OpDef* const> ops);

  // Adds an extension. Fails with E701 when the name is taken or the record is not whole.
  Status Add(const OpDef* def);

  const OpDef* Find(std::string_view name) const;

  // All records, by name.
  const std::vector<const OpDef*>& ops() const { return ops_; }

 private:
  std::vector<const OpDef*> ops_;  // sorted by name
};

// ---- Reading attributes -------------------------------------------------------------------------

// The attributes of one op with the schema's defaults filled in. Not for hot paths: by name.
class AttrReader {
 public:
  AttrReader(const OpDef& def, const Op& op) : def_(def), op_(op) {}

  // True if it is written.
  bool Has(std::string_view name) const;
  int64_t Int(std::string_view name) const;
  double Float(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::string String(std::string_view name) const;
  // nullopt = not written.
  std::optional<std::vector<int64_t>> Ints(std::string_view name) const;
  std::optional<Dims> Sizes(std::string_view name) const;
  std::optional<Expr> Size(std::string_view name) const;
  const AttrValue& Raw(std::string_view name) const;

 private:
  const AttrValue& At(std::string_view name, const AttrSpec** spec) const;

  const OpDef& def_;
  const Op& op_;
};

// ---- Type inference -----------------------------------------------------------------------------

// What infer sees: operand types, attributes, and the types that the text printed for the results
// (builders give them for const, cast and the like). It sets the result types or fails.
class InferCtx {
 public:
  // `facts`: what is known of sizes where the op stands; null = nothing.
  InferCtx(const Module& module, const Function& function, const Op& op,
           const SizeFacts* facts = nullptr)
      : module_(module), function_(function), op_(op), attrs_(*op.def, op), facts_(facts) {}

  // The same question with no results yet.
  InferCtx WithoutResults() const { return {module_, function_, op_, facts_}; }

  const Module& module() const { return module_; }

  const Function& function() const { return function_; }

  const Op& op() const { return op_; }

  const AttrReader& attrs() const { return attrs_; }

  size_t num_operands() const { return op_.operands.size(); }

  const Type& operand(size_t i) const { return function_.value(op_.operands[i]).type; }

  // The operands of group g of the schema.
  std::span<const ValueId> group(size_t g) const { return function_.Group(op_, g); }

  bool has_operand(size_t g) const { return !group(g).empty(); }

  const Type& group_type(size_t g, size_t i = 0) const { return function_.value(group(g)[i]).type; }

  // The type that was written for result i, if any.
  const Type* written(size_t i) const {
    if (i >= op_.results.size()) return nullptr;
    const Type& type = function_.value(op_.results[i]).type;
    return type.kind() == Type::Kind::kNone ? nullptr : &type;
  }

  void Return(Type type) { results_.push_back(std::move(type)); }

  const std::vector<Type>& results() const { return results_; }

  // "conv2d: what", as E504 unless another id fits better.
  Status Fail(std::string what, ErrorId id = ErrorId::E504) const;

  std::string Show(const Type& type) const { return type.ToString(function_.Namer()); }

  std::string Show(const Expr& expr) const { return expr.ToString(function_.Namer()); }

  // Index of an axis: negative counts from the end; out of range is E508.
  StatusOr<int> Axis(int64_t axis, int rank, std::string_view attr) const;
  // The axes of a list attribute, sorted, distinct; absent = all.
  StatusOr<std::vector<int>> Axes(std::string_view attr, int rank) const;

  // True if a and b are the same size for sure: equal expressions, or equal by the facts.
  bool SameSize(const Expr& a, const Expr& b) const {
    return a == b || (facts_ != nullptr && facts_->Same(a, b));
  }

 private:
  const Module& module_;
  const Function& function_;
  const Op& op_;
  AttrReader attrs_;
  const SizeFacts* facts_;
  std::vector<Type> results_;
};

// The shape of operands that broadcast against each other as NumPy does: aligned at the last dim,
// only a literal 1 stretches. Fails with E504.
StatusOr<Dims> BroadcastDims(const InferCtx& ctx, std::span<const ValueId> operands);

}  // namespace gcomp::ir
