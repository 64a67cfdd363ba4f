// Ops that run one region once, with something said about it: wrap, checkpoint, hints, strict.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/branch.h"
#include "kernels/region.h"

namespace gcomp::kernels {
namespace {

using ir::AttrDict;
using ir::AttrValue;
using ir::Expr;
using ir::Function;
using ir::InferCtx;
using ir::KernelCtx;
using ir::OpId;
using ir::Type;
using ir::ValueId;

// The types of results: as the region yields them, but that a size which only the region knows (by
// an int parameter or an op inside) takes the next symbol that the op defines.
class Results {
 public:
  Results(const InferCtx& ctx, std::span<const Type> passed) : ctx_(ctx) {
    const ir::Block& block = RegionOf(ctx, 0);
    for (size_t i = 0; i < passed.size(); ++i) {
      const Type& param = TypeOf(ctx, block.params[i]);
      if (!BindsSymbol(param) || param == passed[i]) continue;
      const ir::SymId symbol = param.value().symbol();
      if (symbol.index() >= ctx.function().num_symbol_params) inner_.insert(symbol);
    }
    for (OpId id : block.ops) {
      const std::vector<ir::SymId>& defines = ctx.function().op(id).defines;
      inner_.insert(defines.begin(), defines.end());
    }
  }

  StatusOr<Type> Next(const Type& yielded) {
    if (yielded.kind() == Type::Kind::kInt) {
      GCOMP_ASSIGN_OR_RETURN(Expr value, Outside(yielded.value()));
      return Type::Int(std::move(value));
    }
    if (!yielded.is_tensor()) return yielded;
    ir::Dims dims;
    for (const Expr& dim : yielded.dims()) {
      GCOMP_ASSIGN_OR_RETURN(dims.emplace_back(), Outside(dim));
    }
    if (dims == yielded.dims()) return WithoutOffset(yielded);
    return Type::Tensor(yielded.dtype(), std::move(dims), {}, yielded.device());
  }

 private:
  StatusOr<Expr> Outside(const Expr& size) {
    bool is_inner = false;
    size.ForEachSymbol([&](ir::SymId id) { is_inner = is_inner || inner_.contains(id); });
    if (!is_inner) return size;
    const std::vector<ir::SymId>& defines = ctx_.op().defines;
    if (next_ < defines.size()) return Expr::Symbol(defines[next_++]);
    return ctx_.Fail(Format("only its region knows the size {}; `defines` may give it a symbol of "
                            "the op",
                            ctx_.Show(size)),
                     ErrorId::E503);
  }

  const InferCtx& ctx_;
  std::unordered_set<ir::SymId> inner_;
  size_t next_ = 0;
};

Status InferBody(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 1));
  const std::vector<Type> passed = OperandTypes(ctx, 0);
  GCOMP_RETURN_IF_ERROR(CheckParams(ctx, 0, passed));
  Results results(ctx, passed);
  for (ValueId id : RegionOf(ctx, 0).yields) {
    GCOMP_ASSIGN_OR_RETURN(Type type, results.Next(TypeOf(ctx, id)));
    ctx.Return(std::move(type));
  }
  return {};
}

constexpr ir::OperandSpec kArgs[] = {
    {.name = "args", .kind = ir::OperandKind::kVariadic, .tensor_only = false}};
constexpr ir::RegionSpec kRegions[] = {{"body"}};

constexpr ir::OpDef BodyOp(std::string_view name, std::string_view doc, std::string_view source,
                           ir::InferFn infer, std::span<const ir::AttrSpec> attrs = {}) {
  return {
      .name = name,
      .doc = doc,
      .source = source,
      .operands = kArgs,
      .attrs = attrs,
      .regions = kRegions,
      .num_results = -1,
      .tolerance = kBodysOwn,
      .infer = infer,
      .prepare = [](const KernelCtx& ctx) { return MakeBranchKernel(ctx, Pick::kOnly); },
      .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a region run once"},
      .vjp = ir::NotYet(),
  };
}

// ---- wrap ---------------------------------------------------------------------------------------

// An op whose region means no more than its ops do (ir/passes/inline.h).
constexpr ir::OpDef Inlined(ir::OpDef def) {
  def.body = ir::OpDef::Body::kRegion;
  return def;
}

constexpr ir::AttrSpec kWrapAttrs[] = {
    ir::BoolAttr("keep", false, "true: stays a region of its own, as a call does")};

constinit const ir::OpDef kWrap = Inlined(
    BodyOp("wrap",
           "Runs its region in place: the results are what the region yields.\n"
           "Shapes: operands as the region's parameters; results as its yields, in storage of "
           "their own.\n"
           "Corners: the region may yield an operand, which is then copied; a size that only the "
           "region knows takes a symbol of `defines`, in order.",
           "docs/spec/higher_order_ops.md 1.8 and 3.2", InferBody, kWrapAttrs));

// ---- checkpoint ---------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPolicies = {"must", "prefer", "save"};

Status InferCheckpoint(InferCtx& ctx) {
  const std::string policy = ctx.attrs().String("policy");
  if (std::find(kPolicies.begin(), kPolicies.end(), policy) == kPolicies.end()) {
    return ctx.Fail(Format("policy = \"{}\", but must be \"must\", \"prefer\" or \"save\"", policy),
                    ErrorId::E508);
  }
  return InferBody(ctx);
}

constexpr ir::AttrSpec kCheckpointAttrs[] = {
    ir::StringAttr("policy", "prefer",
                   "what a derivative does with values of the body: \"must\" compute them again, "
                   "\"prefer\" to compute them again, \"save\" them"),
    ir::BoolAttr("preserve_rng", true,
                 "computing again draws the same random numbers; keys are values, so it always "
                 "does")};

constinit const ir::OpDef kCheckpoint =
    BodyOp("checkpoint",
           "Runs its region as wrap does; tells differentiation that the region's values may be "
           "computed again in place of being kept.\n"
           "Shapes: operands as the region's parameters; results as its yields, in storage of "
           "their own.\n"
           "Corners: without differentiation it is wrap; another policy is E508.",
           "docs/spec/higher_order_ops.md 1.12 and 3.8; T. Chen et al., Training Deep Nets with "
           "Sublinear Memory Cost, 2016",
           InferCheckpoint, kCheckpointAttrs);

// ---- hints --------------------------------------------------------------------------------------

bool IsHint(const AttrValue& value) {
  if (const auto* e = value.As<ir::Expr>()) return e->is_const() && !e->is_bool();
  return value.As<double>() != nullptr || value.As<bool>() != nullptr ||
         value.As<std::string>() != nullptr;
}

Status InferHints(InferCtx& ctx) {
  if (!ctx.attrs().Has("hints")) {
    return ctx.Fail("hints = {name = value, ...} is missing", ErrorId::E231);
  }
  const auto* hints = ctx.attrs().Raw("hints").As<AttrDict>();
  GCOMP_ENSURE(hints != nullptr, "the schema asks for a dict");
  for (const auto& [name, value] : *hints) {
    if (IsHint(value)) continue;
    return ctx.Fail(Format("the hint {} must be an int, float, bool or string", name),
                    ErrorId::E232);
  }
  for (size_t i = 0; i < ctx.num_operands(); ++i) {
    const Type& type = ctx.operand(i);
    if (type.kind() != Type::Kind::kRng && type.kind() != Type::Kind::kToken) continue;
    return ctx.Fail(Format("argument {} must be a tensor or a number, found {}", i, ctx.Show(type)),
                    ErrorId::E233);
  }
  return InferBody(ctx);
}

constexpr ir::AttrSpec kHintsAttrs[] = {
    {"hints", ir::AttrKind::kDict,
     "names with an int, float, bool or string each; must be written (E231)"}};

constinit const ir::OpDef kHints =
    BodyOp("hints",
           "Runs its region as wrap does; what `hints` says is for whoever compiles the region, "
           "and never changes a result.\n"
           "Shapes: operands (tensors and numbers) as the region's parameters; results as its "
           "yields, in storage of their own.\n"
           "Corners: hints that nobody knows are kept; `hints = {}` is allowed.",
           "docs/spec/higher_order_ops.md 1.13 and 3.9", InferHints, kHintsAttrs);

// ---- strict -------------------------------------------------------------------------------------

// True if the op itself speaks to the world or keeps state, or waits for the host.
bool HasHostEffect(const ir::OpDef& def) {
  return def.effects.ordered != ir::OrderedKind::kNone || def.effects.host_sync;
}

// The name of the first op that does so, in a body or what it calls.
class EffectSearch {
 public:
  explicit EffectSearch(const ir::Module& module) : module_(module) {}

  std::optional<std::string_view> In(const Function& function, ir::BlockId block) {
    std::vector<std::pair<const Function*, ir::BlockId>> open = {{&function, block}};
    std::vector<const Function*> seen;
    while (!open.empty()) {
      const auto [in, at] = open.back();
      open.pop_back();
      for (OpId id : in->block(at).ops) {
        const ir::Op& op = in->op(id);
        if (HasHostEffect(*op.def)) return op.def->name;
        for (ir::BlockId region : op.regions) open.emplace_back(in, region);
        const Function* callee = op.callee.empty() ? nullptr : module_.Find(op.callee);
        if (callee == nullptr || std::find(seen.begin(), seen.end(), callee) != seen.end()) {
          continue;
        }
        seen.push_back(callee);
        open.emplace_back(callee, callee->body);
      }
    }
    return std::nullopt;
  }

 private:
  const ir::Module& module_;
};

Status InferStrict(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 1));
  const auto found = EffectSearch(ctx.module()).In(ctx.function(), ctx.op().regions[0]);
  if (found.has_value()) {
    return ctx.Fail(
        Format("the body must not print, keep state or wait for the host, but runs {}", *found),
        ErrorId::E105);
  }
  return InferBody(ctx);
}

constinit const ir::OpDef kStrict =
    BodyOp("strict",
           "Runs its region as wrap does; the region and all that it calls must be free of the "
           "effects io, state and host (E105).\n"
           "Shapes: operands as the region's parameters; results as its yields, in storage of "
           "their own.\n"
           "Corners: random numbers are fine, as keys are values.",
           "docs/spec/higher_order_ops.md 1.13 and 3.11", InferStrict);

}  // namespace

GCOMP_DEFINE_OPS(body, &kWrap, &kCheckpoint, &kHints, &kStrict)

}  // namespace gcomp::kernels
