// Control flow that runs one of several bodies once: invoke, cond, switch.
#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/branch.h"
#include "kernels/region.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::Function;
using ir::InferCtx;
using ir::KernelCtx;
using ir::Layout;
using ir::SymId;
using ir::Type;
using ir::ValueId;

// ---- invoke -------------------------------------------------------------------------------------

// Binds the symbol parameters of a callee by the types of the operands.
class Unifier {
 public:
  Unifier(const InferCtx& ctx, const Function& callee)
      : ctx_(ctx), callee_(callee), bound_(callee.symbols.size()) {
    for (size_t i = 0; i < std::min(callee.defines.size(), ctx.op().defines.size()); ++i) {
      bound_[callee.defines[i].index()] = Expr::Symbol(ctx.op().defines[i]);
    }
  }

  Status Run() {
    if (callee_.params().size() != ctx_.num_operands()) {
      return Fail(Format("@{} takes {} operands, found {}", callee_.name, callee_.params().size(),
                         ctx_.num_operands()));
    }
    const std::vector<Expr>& sizes = ctx_.op().callee_sizes;
    if (sizes.size() == callee_.num_symbol_params) {
      for (size_t i = 0; i < sizes.size(); ++i) bound_[i] = sizes[i];
    }
    for (size_t i = 0; i < ctx_.num_operands(); ++i) Bind(Param(i), ctx_.operand(i));
    GCOMP_RETURN_IF_ERROR(BindLeftovers());
    for (size_t i = 0; i < ctx_.num_operands(); ++i) {
      Type expected = Replace(Param(i));
      if (expected != ctx_.operand(i)) {
        return Fail(Format("operand {} is {}, but @{} takes {}", i, ctx_.Show(ctx_.operand(i)),
                           callee_.name, ctx_.Show(expected)));
      }
    }
    return CheckRanges();
  }

  // A type of the callee in the caller's symbols. Requires Run().
  Type Replace(const Type& type) const {
    return type.Substitute(
        [this](SymId id) { return bound_[id.index()].value_or(Expr::Poison()); });
  }

 private:
  Status Fail(std::string what) const { return ctx_.Fail(std::move(what), ErrorId::E506); }

  const Type& Param(size_t i) const { return callee_.value(callee_.params()[i]).type; }

  void BindOne(const Expr& formal, const Expr& actual) {
    if (formal.kind() != Expr::Kind::kSymbol) return;
    std::optional<Expr>& slot = bound_[formal.symbol().index()];
    if (!slot.has_value()) slot = actual;
  }

  void Bind(const Type& formal, const Type& actual) {
    if (formal.kind() != actual.kind()) return;
    if (formal.kind() == Type::Kind::kInt) return BindOne(formal.value(), actual.value());
    if (!formal.is_tensor() || formal.rank() != actual.rank()) return;
    for (size_t d = 0; d < formal.dims().size(); ++d) BindOne(formal.dims()[d], actual.dims()[d]);
    if (formal.layout().kind != Layout::Kind::kStrided ||
        actual.layout().kind != Layout::Kind::kStrided) {
      return;
    }
    for (size_t d = 0; d < formal.dims().size(); ++d) {
      BindOne(formal.layout().strides[d], actual.layout().strides[d]);
    }
    BindOne(formal.layout().offset, actual.layout().offset);
  }

  // What no operand binds comes from `@f<...>`, in order; a list of all parameters is taken before.
  Status BindLeftovers() {
    const std::vector<Expr>& sizes = ctx_.op().callee_sizes;
    std::vector<size_t> open;
    for (size_t i = 0; i < callee_.num_symbol_params; ++i) {
      if (!bound_[i].has_value()) open.push_back(i);
    }
    const bool all_given = sizes.size() == callee_.num_symbol_params;
    if (!all_given && sizes.size() != open.size()) {
      std::string names;
      for (size_t i : open) names += (names.empty() ? "" : ", ") + callee_.symbols[i].name;
      return Fail(Format("@{}<...> gives {} sizes; {} of its {} are not bound by operands ({})",
                         callee_.name, sizes.size(), open.size(), callee_.num_symbol_params,
                         names));
    }
    if (!all_given) {
      for (size_t i = 0; i < open.size(); ++i) bound_[open[i]] = sizes[i];
    }
    return {};
  }

  // Refuses sizes that are outside a symbol's range whatever the caller's symbols are.
  Status CheckRanges() const {
    auto ranger = ctx_.function().Ranger();
    auto replace = [this](SymId id) { return bound_[id.index()].value_or(Expr::Poison()); };
    for (size_t i = 0; i < callee_.num_symbol_params; ++i) {
      const ir::Symbol& symbol = callee_.symbols[i];
      const Expr& size = *bound_[i];
      ir::Interval range = ir::RangeOf(size, ranger);
      Expr low = symbol.low.Substitute(replace);
      bool fits = !low.is_const() || range.high >= low.value();
      if (symbol.high.has_value()) {
        Expr high = symbol.high->Substitute(replace);
        fits = fits && (!high.is_const() || range.low <= high.value());
      }
      if (size.is_const() && symbol.multiple > 1) {
        fits = fits && size.value() % symbol.multiple == 0;
      }
      if (!fits) {
        return Fail(Format("{} = {} is outside the range that @{} gives it", symbol.name,
                           ctx_.Show(size), callee_.name));
      }
    }
    return {};
  }

  const InferCtx& ctx_;
  const Function& callee_;
  std::vector<std::optional<Expr>> bound_;  // by symbol of the callee
};

Status InferInvoke(InferCtx& ctx) {
  const std::string& name = ctx.op().callee;
  if (name.empty()) return ctx.Fail("needs a callee: `invoke @f(...)`", ErrorId::E506);
  const Function* callee = ctx.module().Find(name);
  if (callee == nullptr) {
    return ctx.Fail(Format("@{} is not a function of this module", name), ErrorId::E506);
  }
  if (name == ctx.function().name) {
    return ctx.Fail(Format("@{} calls itself: recursion is not allowed", name), ErrorId::E506);
  }
  if (callee->defines.size() != ctx.op().defines.size()) {
    return ctx.Fail(Format("@{} defines {} size symbols, the call defines {}", name,
                           callee->defines.size(), ctx.op().defines.size()),
                    ErrorId::E503);
  }
  Unifier unifier(ctx, *callee);
  GCOMP_RETURN_IF_ERROR(unifier.Run());
  for (const ir::Result& result : callee->results) ctx.Return(unifier.Replace(result.type));
  return {};
}

constexpr ir::OperandSpec kArgs[] = {
    {.name = "args", .kind = ir::OperandKind::kVariadic, .tensor_only = false}};

constinit const ir::OpDef kInvoke = {
    .name = "invoke",
    .doc =
        "Calls a function of the module: the results are those of the callee on the operands.\n"
        "Shapes: the callee's signature. A size symbol of the callee is bound by the first "
        "parameter that has it as a dim; what no operand binds is written, @f<s0 / 2>, as are "
        "all of them if one likes.\n"
        "Corners: operand types must then be equal to the callee's; symbols that the callee "
        "defines get names of the caller by `defines`; recursion is an error.",
    .source = "docs/spec/higher_order_ops.md 1.7 and 3.1",
    .operands = kArgs,
    .num_results = -1,
    .has_callee = true,
    .body = ir::OpDef::Body::kCallee,
    .tolerance = kBodysOwn,
    .infer = InferInvoke,
    .prepare = [](const KernelCtx& ctx) { return MakeBranchKernel(ctx, Pick::kOnly); },
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a call of another function"},
    .vjp = ir::NotYet(),
};

// ---- cond ---------------------------------------------------------------------------------------

// True for a tensor of one element.
bool IsNumber(const Type& type, ir::DTypeSet dtypes) {
  return type.is_tensor() && dtypes.Has(type.dtype()) &&
         std::all_of(type.dims().begin(), type.dims().end(),
                     [](const Expr& n) { return n.IsConst(1); });
}

// Merges the results of the branches into the types of the op.
class BranchMerge {
 public:
  explicit BranchMerge(const InferCtx& ctx) : ctx_(ctx) {}

  // The type of result i: a, as merged from the regions before r, with what region r yields.
  StatusOr<Type> Merge(size_t i, size_t r, const Type& a) {
    const Type& b = TypeOf(ctx_, RegionOf(ctx_, r).yields[i]);
    const bool alike = a.kind() == b.kind() &&
                       (!a.is_tensor() || (a.dtype() == b.dtype() && a.rank() == b.rank() &&
                                           a.device() == b.device()));
    if (!alike || (!a.is_tensor() && a != b)) return Differ(i, r, a, b, "");
    if (!a.is_tensor()) return a;
    Dims dims = a.dims();
    for (size_t d = 0; d < dims.size(); ++d) {
      if (ctx_.SameSize(a.dims()[d], b.dims()[d]) || IsDefined(a.dims()[d])) continue;
      std::optional<Expr> merged = DefinedSize(i, d);
      if (!merged.has_value()) {
        return Differ(i, r, a, b,
                      Format(" in axis {}; `defines` may give the size a symbol of its own", d));
      }
      dims[d] = *merged;
    }
    Type left = WithoutOffset(a);
    // Equal strides are kept, others become row-major.
    if (left == WithoutOffset(b)) return left;
    return Type::Tensor(a.dtype(), std::move(dims), {}, a.device());
  }

 private:
  Status Differ(size_t i, size_t r, const Type& a, const Type& b, std::string where) const {
    return ctx_.Fail(
        Format("result {} is {} in `{}` and {} in `{}`: they differ{}", i, ctx_.Show(a),
               RegionOf(ctx_, r - 1).label, ctx_.Show(b), RegionOf(ctx_, r).label, where),
        ErrorId::E202);
  }

  // True for a symbol that the op defines: the branches before differed already.
  bool IsDefined(const Expr& size) const {
    const std::vector<SymId>& defines = ctx_.op().defines;
    return std::any_of(defines.begin(), defines.end(),
                       [&](SymId id) { return size == Expr::Symbol(id); });
  }

  // The symbol that the op defines for a dim: the written one, else the next that is not used.
  std::optional<Expr> DefinedSize(size_t i, size_t d) {
    const std::vector<SymId>& defines = ctx_.op().defines;
    if (const Type* written = ctx_.written(i);
        written != nullptr && written->is_tensor() && d < written->dims().size()) {
      for (SymId id : defines) {
        if (written->dims()[d] == Expr::Symbol(id)) return Expr::Symbol(id);
      }
      return std::nullopt;
    }
    if (next_ == defines.size()) return std::nullopt;
    return Expr::Symbol(defines[next_++]);
  }

  const InferCtx& ctx_;
  size_t next_ = 0;
};

// The results of an op whose regions all take the operands after the first.
Status InferBranches(InferCtx& ctx) {
  const std::vector<Type> args = OperandTypes(ctx, 1);
  const size_t count = ctx.op().regions.size();
  for (size_t r = 0; r < count; ++r) GCOMP_RETURN_IF_ERROR(CheckParams(ctx, r, args));
  const ir::Block& first = RegionOf(ctx, 0);
  for (size_t r = 1; r < count; ++r) {
    const ir::Block& block = RegionOf(ctx, r);
    if (block.yields.size() == first.yields.size()) continue;
    return ctx.Fail(Format("`{}` yields {} values, `{}` {}", first.label, first.yields.size(),
                           block.label, block.yields.size()),
                    ErrorId::E201);
  }
  BranchMerge merge(ctx);
  for (size_t i = 0; i < first.yields.size(); ++i) {
    Type type = WithoutOffset(TypeOf(ctx, first.yields[i]));
    for (size_t r = 1; r < count; ++r) {
      GCOMP_ASSIGN_OR_RETURN(type, merge.Merge(i, r, type));
    }
    ctx.Return(std::move(type));
  }
  return {};
}

Status InferCond(InferCtx& ctx) {
  const Type& p = ctx.operand(0);
  if (p.kind() != Type::Kind::kFlag && !IsNumber(p, ir::kRealDTypes)) {
    return ctx.Fail(
        Format("the predicate must be a flag or a tensor of one element, found {}", ctx.Show(p)),
        ErrorId::E203);
  }
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 2));
  return InferBranches(ctx);
}

constexpr ir::OperandSpec kCondOperands[] = {
    {.name = "p", .tensor_only = false},
    {.name = "args", .kind = ir::OperandKind::kVariadic, .tensor_only = false}};
constexpr ir::RegionSpec kCondRegions[] = {{.label = "then", .refuses_writes = ErrorId::E206},
                                           {.label = "else", .refuses_writes = ErrorId::E206}};

constinit const ir::OpDef kCond = {
    .name = "cond",
    .doc =
        "Runs one of two regions: `then` if p is not zero, else `else`.\n"
        "Shapes: p: a flag or a tensor of one element; args as the parameters of both regions; "
        "results as both yield them. Sizes that differ need a symbol of `defines`; strides that "
        "differ become row-major.\n"
        "Corners: NaN counts as true, -0.0 as false; only the region taken runs.",
    .source = "docs/spec/higher_order_ops.md 1.9 and 3.3",
    .operands = kCondOperands,
    .regions = kCondRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferCond,
    .prepare = [](const KernelCtx& ctx) { return MakeBranchKernel(ctx, Pick::kPredicate); },
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a branch between two regions"},
    .vjp = ir::NotYet(),
};

// ---- switch -------------------------------------------------------------------------------------

Status InferSwitch(InferCtx& ctx) {
  const Type& i = ctx.operand(0);
  if (i.kind() != Type::Kind::kInt && !IsNumber(i, ir::kIntegerDTypes)) {
    return ctx.Fail(Format("the index must be an int or an integer tensor of one element, found {}",
                           ctx.Show(i)),
                    ErrorId::E203);
  }
  return InferBranches(ctx);
}

constexpr ir::OperandSpec kSwitchOperands[] = {
    {.name = "i", .tensor_only = false},
    {.name = "args", .kind = ir::OperandKind::kVariadic, .tensor_only = false}};
constexpr ir::RegionSpec kSwitchRegions[] = {
    {.label = "case", .variadic = true, .refuses_writes = ErrorId::E206}};

constinit const ir::OpDef kSwitch = {
    .name = "switch",
    .doc =
        "Runs one of the regions case0, ..., case(n - 1): the one of number clamp(i, 0, n - 1).\n"
        "Shapes: i: an int or an integer tensor of one element; args as the parameters of all "
        "regions; results as all yield them. Sizes that differ need a symbol of `defines`; strides "
        "that differ become row-major.\n"
        "Corners: an index below 0 takes the first region, one past the end the last; only the "
        "region taken runs.",
    .source = "docs/spec/higher_order_ops.md 1.9 and 3.3",
    .operands = kSwitchOperands,
    .regions = kSwitchRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferSwitch,
    .prepare = [](const KernelCtx& ctx) { return MakeBranchKernel(ctx, Pick::kIndex); },
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a branch between regions"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(control, &kInvoke, &kCond, &kSwitch)

}  // namespace gcomp::kernels
