// Sizes as values and as conditions: sym.value, sym.check, sym.refine.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/view_geometry.h"

namespace gcomp::kernels {
namespace {

using ir::Expr;
using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::Type;

constexpr ir::Tolerance kNoArithmetic = {.reason = "no arithmetic on elements"};

// ---- Expressions at run time --------------------------------------------------------------------

// A size expression or predicate with the values of its symbols, of which some may come late: when
// the kernel runs, behind the operands of the op (KernelCtx::late_symbols).
class BoundExpr {
 public:
  BoundExpr(const KernelCtx& ctx, const Expr& expr) : text_(expr.ToString(ctx.function.Namer())) {
    std::vector<ir::SymId> ids;
    expr.ForEachSymbol([&](ir::SymId id) { ids.push_back(id); });
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (ir::SymId id : ids) Add(ctx, id);
    expr_ = expr.Substitute([&](ir::SymId id) {
      return Expr::Symbol(ir::SymId(
          static_cast<size_t>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin())));
    });
    if (!late_) value_ = expr.Evaluate(ctx.symbols);
  }

  // For Value(); nothing is kept there.
  size_t scratch_bytes() const { return late_ ? symbols_.size() * sizeof(int64_t) : 0; }

  // nullopt where it overflows or divides by 0. A predicate is 0 or 1.
  std::optional<int64_t> Value(const KernelArgs& args) const {
    if (!late_) return value_;
    auto* values = static_cast<int64_t*>(args.scratch);
    for (size_t i = 0; i < symbols_.size(); ++i) values[i] = ValueOf(symbols_[i], args);
    return expr_.Evaluate({values, symbols_.size()});
  }

  const std::string& text() const { return text_; }

  // ", at u0 = 3, u1 = 4"; empty without symbols.
  std::string Symbols(const KernelArgs& args) const {
    std::string list;
    for (const Symbol& symbol : symbols_) {
      list +=
          Format("{}{} = {}", list.empty() ? ", at " : ", ", symbol.name, ValueOf(symbol, args));
    }
    return list;
  }

 private:
  struct Symbol {
    std::string name;
    int64_t value = 0;
    std::optional<size_t> operand = {};  // where it comes late: that holds the value
  };

  static int64_t ValueOf(const Symbol& symbol, const KernelArgs& args) {
    return symbol.operand.has_value() ? *args.operand<int64_t>(*symbol.operand) : symbol.value;
  }

  void Add(const KernelCtx& ctx, ir::SymId id) {
    Symbol& symbol = symbols_.emplace_back();
    symbol.name = ctx.function.SymbolName(id);
    if (id.index() < ctx.symbols.size()) symbol.value = ctx.symbols[id.index()];
    for (size_t i = 0; i < ctx.late_symbols.size(); ++i) {
      if (ctx.late_symbols[i] == id) symbol.operand = ctx.op.operands.size() + i;
    }
    late_ = late_ || symbol.operand.has_value();
  }

  std::string text_;
  std::vector<Symbol> symbols_;
  Expr expr_;  // over the places of its symbols in symbols_
  bool late_ = false;
  std::optional<int64_t> value_;  // unless late_
};

Status NoValue(std::string_view op, const BoundExpr& expr, const KernelArgs& args) {
  return Status(ErrorId::E503, Format("{}: {} overflows or divides by zero{}", op, expr.text(),
                                      expr.Symbols(args)));
}

// ---- sym.value ----------------------------------------------------------------------------------

Status InferValue(InferCtx& ctx) {
  const Expr* value = ctx.attrs().Raw("value").As<Expr>();
  if (value == nullptr || value->is_poison()) {
    return ctx.Fail("value is no size expression", ErrorId::E508);
  }
  const Type* written = ctx.written(0);
  const Type::Kind kind = written != nullptr ? written->kind()
                          : value->is_bool() ? Type::Kind::kFlag
                                             : Type::Kind::kTensor;
  if (kind == Type::Kind::kFlag) {
    if (!value->is_bool() && !value->IsConst(0) && !value->IsConst(1)) {
      return ctx.Fail(Format("{} is a size, a flag is the value of a predicate", ctx.Show(*value)));
    }
    ctx.Return(Type::Of(Type::Kind::kFlag));
    return {};
  }
  if (value->is_bool()) {
    return ctx.Fail(Format("{} is a predicate, its value is a flag", ctx.Show(*value)));
  }
  if (kind == Type::Kind::kInt) {
    const bool same = ctx.SameSize(written->value(), *value);
    ctx.Return(Type::Int(same ? written->value() : *value));
  } else {
    ctx.Return(Type::Tensor(ir::DType::kI64, {}));
  }
  return {};
}

class ValueKernel final : public ir::Kernel {
 public:
  ValueKernel(BoundExpr expr, bool is_flag) : expr_(std::move(expr)), is_flag_(is_flag) {}

  size_t scratch_bytes() const override { return expr_.scratch_bytes(); }

  Status Run(const KernelArgs& args) const override {
    const std::optional<int64_t> value = expr_.Value(args);
    if (!value.has_value()) return NoValue("sym.value", expr_, args);
    if (is_flag_) {
      *args.result<uint8_t>(0) = *value != 0 ? 1 : 0;
    } else {
      std::memcpy(args.result(0), &*value, sizeof(*value));
    }
    return {};
  }

 private:
  BoundExpr expr_;
  bool is_flag_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareValue(const KernelCtx& ctx) {
  const Expr* value = ctx.attrs.Raw("value").As<Expr>();
  GCOMP_ENSURE(value != nullptr, "value is an expression");
  return std::unique_ptr<ir::Kernel>(std::make_unique<ValueKernel>(
      BoundExpr(ctx, *value), ctx.results[0].dtype == ir::DType::kBool));
}

Status LowerValue(ir::LowerCtx& ctx) {
  const Expr* value = ctx.attrs.Raw("value").As<Expr>();
  GCOMP_ENSURE(value != nullptr, "value is an expression");
  ir::Stage stage;
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = {*value, {}},
                         .guards = {},
                         .otherwise = {ir::DType::kI64, 0}});
  stage.body_result = stage.body.Param(0, ir::DType::kI64);
  if (ctx.results[0].dtype == ir::DType::kBool) {
    const uint32_t zero = stage.body.Const({ir::DType::kI64, 0});
    stage.body_result =
        stage.body.Add({ir::Prim::kNe, ir::DType::kBool, {stage.body_result, zero, 0}});
  }
  stage.store_buffer = ctx.result_buffer(0);
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

constexpr ir::AttrSpec kValueAttrs[] = {{.name = "value",
                                         .kind = ir::AttrKind::kExpr,
                                         .doc = "a size expression, or a predicate over sizes",
                                         .default_kind = ir::AttrSpec::Default::kRequired,
                                         .positional = true}};

constinit const ir::OpDef kValue = {
    .name = "sym.value",
    .doc =
        "A size as a value: y = value.\n"
        "Shapes: -> y: as written: i64[]; int<e>, where e is value or equal to it by what "
        "sym.check has told; flag, for a predicate.\n"
        "Corners: E503 where the expression overflows or divides by 0 for the sizes of a run.",
    .source = "docs/spec/ir.md, size expressions",
    .attrs = kValueAttrs,
    .tolerance = kNoArithmetic,
    .infer = InferValue,
    .prepare = PrepareValue,
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerValue},
    .vjp = ir::NotDifferentiable("sizes are integers"),
};

// ---- sym.check ----------------------------------------------------------------------------------

Status InferCheck(InferCtx& ctx) {
  const Expr* pred = ctx.attrs().Raw("pred").As<Expr>();
  if (pred == nullptr || pred->is_poison()) {
    return ctx.Fail("pred is no predicate over sizes", ErrorId::E508);
  }
  return {};
}

class CheckKernel final : public ir::Kernel {
 public:
  CheckKernel(BoundExpr pred, std::string message)
      : pred_(std::move(pred)), message_(std::move(message)) {}

  size_t scratch_bytes() const override { return pred_.scratch_bytes(); }

  Status Run(const KernelArgs& args) const override {
    const std::optional<int64_t> value = pred_.Value(args);
    if (!value.has_value()) return NoValue("sym.check", pred_, args);
    if (*value != 0) return {};
    return Status(ErrorId::E401,
                  Format("sym.check: {} does not hold{}{}{}", pred_.text(), pred_.Symbols(args),
                         message_.empty() ? "" : ": ", message_));
  }

 private:
  BoundExpr pred_;
  std::string message_;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareCheck(const KernelCtx& ctx) {
  const Expr* pred = ctx.attrs.Raw("pred").As<Expr>();
  GCOMP_ENSURE(pred != nullptr, "pred is a predicate");
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<CheckKernel>(BoundExpr(ctx, *pred), ctx.attrs.String("msg")));
}

constexpr ir::AttrSpec kCheckAttrs[] = {
    {"pred", ir::AttrKind::kPredicate, "what must hold", ir::AttrSpec::Default::kRequired},
    ir::StringAttr("msg", "", "what the error says beside the predicate and the sizes")};

constinit const ir::OpDef kCheck = {
    .name = "sym.check",
    .doc =
        "Goes on if pred holds, else the run ends with E401, which tells the predicate, the sizes "
        "in it and msg.\n"
        "Shapes: no operands, no results. From the op on, sizes that pred says are equal are equal "
        "to the types of other ops.\n"
        "Corners: what a false `and` or a true `or` decides early is not looked at; E503 where "
        "pred overflows or divides by 0.",
    .source = "docs/spec/higher_order_ops.md 1.5 and 3.14",
    .attrs = kCheckAttrs,
    .num_results = 0,
    .states_fact = 0,
    .effects = {.checks = true},
    .tolerance = kNoArithmetic,
    .infer = InferCheck,
    .prepare = PrepareCheck,
    .lowering = {.kind = ir::Lowering::Kind::kExternal,
                 .why = "computes no element: may end the run"},
    .vjp = ir::NotDifferentiable("it has no results"),
};

// ---- sym.refine ---------------------------------------------------------------------------------

bool SameSizes(const InferCtx& ctx, const ir::Dims& a, const ir::Dims& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!ctx.SameSize(a[i], b[i])) return false;
  }
  return true;
}

bool SameLayouts(const InferCtx& ctx, const Type& a, const Type& b) {
  auto is_strided = [](const Type& type) {
    return type.layout().kind == ir::Layout::Kind::kContiguous ||
           type.layout().kind == ir::Layout::Kind::kStrided;
  };
  if (!is_strided(a) || !is_strided(b)) return a.layout() == b.layout();
  return SameSizes(ctx, a.Strides(), b.Strides()) &&
         ctx.SameSize(a.layout().offset, b.layout().offset);
}

Status InferRefine(InferCtx& ctx) {
  const Type& x = ctx.operand(0);
  const Type* y = ctx.written(0);
  if (y == nullptr) return ctx.Fail("the type of the result must be written");
  const bool fits = y->is_tensor() && x.dtype() == y->dtype() && x.device() == y->device() &&
                    SameSizes(ctx, x.dims(), y->dims()) && SameLayouts(ctx, x, *y);
  if (!fits) {
    return ctx.Fail(
        Format("{} is not known to be {}; a sym.check before can tell", ctx.Show(x), ctx.Show(*y)));
  }
  ctx.Return(*y);
  return {};
}

Status CheckRefine(const KernelCtx& ctx) {
  const ir::TensorSpec& x = ctx.operands[0];
  const ir::TensorSpec& y = ctx.results[0];
  if (x.sizes == y.sizes) return {};
  return Status(ErrorId::E401,
                Format("sym.refine: x is {}, which is not {}", x.ToString(), y.ToString()));
}

constinit const ir::OpDef kRefine = {
    .name = "sym.refine",
    .doc =
        "x with other expressions for its sizes, which are equal to those of x by what sym.check "
        "has told.\n"
        "Shapes: x: [d...] -> y: as written, with the dtype, rank and strides of x; a view of x.\n"
        "Corners: E504 where the sizes are not known to be equal, E401 where they are not at run "
        "time.",
    .source = "docs/spec/ir.md, rule 10 and sample (d)",
    .operands = kViewOperands,
    .effects = kViewEffects,
    .tolerance = kMovesBits,
    .infer = InferRefine,
    .check = CheckRefine,
    .lowering = {.kind = ir::Lowering::Kind::kView},
    .vjp = ir::NotYet(),
    .simplify = SameLayout,
};

}  // namespace

GCOMP_DEFINE_OPS(sym, &kValue, &kCheck, &kRefine)

}  // namespace gcomp::kernels
