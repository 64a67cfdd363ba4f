// Recipes of ops with bodies, of calls and globals, of sizes that the data tell.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "tests/random/generator.h"

namespace gcomp::random {
namespace {

using ir::kNumericDTypes;
using ir::kRealDTypes;
using ir::SizesAttr;
using ir::Type;

std::vector<Type> TypesOf(Generator& g, const std::vector<ValueId>& ids) {
  std::vector<Type> types;
  for (ValueId id : ids) types.push_back(g.type(id));
  return types;
}

std::vector<ValueId> Some(Generator& g, int64_t most) {
  std::vector<ValueId> ids;
  for (int64_t i = g.random().In(1, most); i > 0; --i) ids.push_back(g.Any(kRealDTypes));
  return ids;
}

// One or two values of the body that is open.
std::vector<ValueId> Yields(Generator& g) {
  std::vector<ValueId> yields = {g.values().back()};
  if (g.random().Chance(30)) yields.push_back(g.random().Of(g.values()));
  return yields;
}

// ---- Bodies that run once -----------------------------------------------------------------------

bool Once(Generator& g, std::string_view op, AttrDict attrs = {}) {
  if (!g.MayNest()) return false;
  const std::vector<ValueId> operands = Some(g, 3);
  std::vector<ValueId> writable = operands;
  for (ValueId& id : writable) {
    if (!g.MayWrite(id)) id = ValueId();
  }
  const std::vector<Type> types = TypesOf(g, operands);
  g.BeginRegion("body", types, writable);
  g.Body(g.random().In(1, 5));
  ir::OpArgs args;
  args.regions = {g.EndRegion(Yields(g))};
  args.groups = {operands};
  args.attrs = std::move(attrs);
  return g.Emit(op, std::move(args));
}

// ---- Branches -----------------------------------------------------------------------------------

bool Branches(Generator& g, std::string_view op) {
  if (!g.MayNest()) return false;
  const bool cond = op == "cond";
  const ValueId pick = cond ? g.Any(ir::kBoolDType, 0, 0) : g.Indices(DType::kI64, {}, 5);
  if (!pick.valid()) return false;
  std::vector<ValueId> operands = Some(g, 2);
  const std::vector<Type> types = TypesOf(g, operands);
  ir::OpArgs args;
  const int64_t branches = cond ? 2 : g.random().In(1, 3);
  for (int64_t i = 0; i < branches; ++i) {
    g.BeginRegion(cond ? (i == 0 ? "then" : "else") : Format("case{}", i), types);
    g.Body(g.random().In(0, 3));
    args.regions.push_back(g.EndRegion({g.Existing(types[0].dtype(), types[0].dims())}));
  }
  args.groups = {{pick}, operands};
  return g.Emit(op, std::move(args));
}

// ---- Loops --------------------------------------------------------------------------------------

// A loop of few turns: some carries that keep their types, and a counter.
bool While(Generator& g) {
  if (!g.MayNest() || !g.Emit("const", {}, {{"splat", ir::Scalar{DType::kI64, 0}}},
                              {Type::Tensor(DType::kI64, {})})) {
    return false;
  }
  const ValueId zero = g.last();
  const ValueId x = g.RowMajor(g.Any(kRealDTypes));
  const ValueId extra = g.Any(kRealDTypes);
  const std::vector<Type> types = {g.type(zero), g.type(x), g.type(extra)};
  ir::OpArgs args;
  const int64_t turns = g.random().In(0, 3);
  g.BeginRegion("cond", types);
  const ValueId limit = g.Number(turns);
  if (!g.Emit("lt", {{g.values()[0]}, {limit}})) return g.EndRegion({}), false;
  args.regions.push_back(g.EndRegion({g.last()}));
  g.BeginRegion("do", types);
  const ValueId counter = g.values()[0];
  const ValueId one = g.Number(1);
  if (!g.Emit("add", {{counter}, {one}})) return g.EndRegion({}), false;
  const ValueId next = g.last();
  g.Hide(counter);
  g.Hide(next);
  g.Body(g.random().In(1, 4));
  const ValueId carried = g.Existing(types[1].dtype(), types[1].dims());
  args.regions.push_back(g.EndRegion({next, carried}));
  args.groups = {{zero, x}, {extra}};
  return g.Emit("while", std::move(args));
}

// The type of a slice along an axis.
Type SliceType(const Type& x, size_t axis) {
  Dims dims = x.dims();
  ir::Layout layout;
  layout.kind = ir::Layout::Kind::kStrided;
  layout.strides = x.Strides();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  layout.strides.erase(layout.strides.begin() + static_cast<std::ptrdiff_t>(axis));
  return Type::Tensor(x.dtype(), std::move(dims), std::move(layout), x.device());
}

// Yields whose sizes the body does not tell.
std::vector<ValueId> Rows(Generator& g, size_t carries, const std::vector<Type>& types) {
  std::vector<ValueId> yields;
  g.Body(g.random().In(1, 4));
  for (size_t i = 0; i < carries; ++i) {
    yields.push_back(g.Existing(types[i].dtype(), types[i].dims()));
  }
  yields.push_back(g.values().back());
  return yields;
}

bool Map(Generator& g) {
  if (!g.MayNest()) return false;
  const ValueId x = g.Any(kRealDTypes, 1);
  const std::optional<int64_t> size = g.Size(x, 0);
  if (!size || *size == 0) return false;
  const ValueId extra = g.Any(kRealDTypes);
  const std::vector<Type> types = {SliceType(g.type(x), 0), g.type(extra)};
  g.BeginRegion("body", types);
  ir::OpArgs args;
  args.regions = {g.EndRegion(Rows(g, 0, types))};
  args.groups = {{x}, {extra}};
  return g.Emit("map", std::move(args));
}

bool Scan(Generator& g) {
  if (!g.MayNest()) return false;
  const ValueId init = g.RowMajor(g.Any(kRealDTypes));
  const ValueId x = g.Any(kRealDTypes, 1);
  const ValueId extra = g.Any(kRealDTypes);
  auto [dim, axis] = g.AxisOf(g.rank(x));
  const std::vector<Type> types = {g.type(init), SliceType(g.type(x), static_cast<size_t>(axis)),
                                   g.type(extra)};
  g.BeginRegion("body", types);
  ir::OpArgs args;
  args.regions = {g.EndRegion(Rows(g, 1, types))};
  args.groups = {{init}, {x}, {extra}};
  args.attrs = {{"dim", dim}, {"reverse", g.random().Chance(50)}};
  return g.Emit("scan", std::move(args));
}

// The order of the combinations is fixed (docs/numerics.md), so that the body need not be
// associative.
bool AssocScan(Generator& g) {
  if (!g.MayNest()) return false;
  std::vector<ValueId> xs = {g.Any(kRealDTypes, 1)};
  // The body runs for each element, and the reference evaluator takes its time.
  const std::vector<int64_t> symbols(256, 9);
  if (g.type(xs[0]).NumElements().Evaluate(symbols).value_or(0) > 200) return false;
  if (g.random().Chance(40)) xs.push_back(g.Like(g.AnyDType(kRealDTypes), g.dims(xs[0])));
  auto [dim, axis] = g.AxisOf(g.rank(xs[0]));
  const bool slices = g.random().Chance(40);
  std::vector<Type> parts;
  for (ValueId x : xs) {
    const Type slice = SliceType(g.type(x), static_cast<size_t>(axis));
    parts.push_back(Type::Tensor(slice.dtype(), slices ? slice.dims() : Dims()));
  }
  std::vector<Type> types = parts;
  types.insert(types.end(), parts.begin(), parts.end());
  g.BeginRegion("combine", types);
  g.Body(g.random().In(1, 4));
  std::vector<ValueId> yields;
  for (const Type& part : parts) {
    yields.push_back(g.Existing(part.dtype(), part.dims()));
  }
  ir::OpArgs args;
  args.regions = {g.EndRegion(std::move(yields))};
  args.groups = {std::move(xs)};
  args.attrs = {{"dim", dim},
                {"reverse", g.random().Chance(50)},
                {"mode", std::string(slices ? "slice" : "pointwise")}};
  return g.Emit("assoc_scan", std::move(args));
}

// ---- Text and checks ----------------------------------------------------------------------------

// A line, or two in the order of a token.
bool Print(Generator& g) {
  const ValueId x = g.Any(kRealDTypes);
  const AttrDict attrs = {{"fmt", std::string("x = {}")}};
  if (g.random().Chance(50)) return g.Emit("io.print", {{x}}, attrs);
  if (!g.Emit("io.token", ir::OpArgs())) return false;
  const ValueId first = g.last();
  return g.Emit("io.print", {{first, x}}, attrs) && g.Emit("io.print", {{g.last(), x}}, attrs);
}

// Something that holds of a size, which no range tells.
bool Check(Generator& g) {
  const std::optional<Expr> size = g.AnySymbol();
  if (!size) return false;
  const Expr& s = *size;
  const Expr square = Expr::Mul(s, s);
  const Expr pred = g.random().Of({Expr::Le(s, square), Expr::Lt(Expr::Mod(square, 4), 2),
                                   Expr::Or(Expr::Eq(s, 0), Expr::Le(1, s)),
                                   Expr::Eq(Expr::Mod(Expr::Add(square, s), 2), 0),
                                   Expr::Le(Expr::FloorDiv(s, 2), Expr::Max(s, 3))});
  return g.Emit("sym.check", {}, {{"pred", pred}});
}

// ---- Sizes that the data tell -------------------------------------------------------------------

// The op on x and more, which defines how many elements there are.
bool Picked(Generator& g, std::string_view op, bool masked) {
  const ValueId x = g.AnyBound(kRealDTypes);
  if (!x.valid()) return false;
  Expr count = 1;
  for (const Expr& size : g.dims(x)) count = Expr::Mul(count, size);
  if (count.is_const() && count.value() > 100) return false;
  ir::OpArgs args;
  args.groups = {{x}};
  if (masked) args.groups.push_back({g.Like(DType::kBool, g.dims(x))});
  args.defines = {g.NewSymbol(count)};
  if (g.Emit(op, std::move(args))) return true;
  g.DropSymbol();
  return false;
}

// A slice as long as a number says.
bool Item(Generator& g) {
  const ValueId x = g.AnyBound(kRealDTypes, 1);
  if (!x.valid()) return false;
  auto [dim, axis] = g.AxisOf(g.rank(x));
  const std::optional<int64_t> size = g.Size(x, axis);
  if (!size || *size > 60) return false;
  const std::optional<ir::SymId> symbol = g.Item(*size);
  if (!symbol) return false;
  g.Emit("slice", {{x}}, {{"dim", dim}, {"end", Expr::Symbol(*symbol)}});
  return true;
}

// ---- Handles ------------------------------------------------------------------------------------

bool Resize(Generator& g) {
  ValueId x;
  for (int i = 0; i < 8 && !x.valid(); ++i) {
    const ValueId id = g.Any(kRealDTypes);
    if (g.type(id).is_contiguous()) x = id;
  }
  if (!x.valid() || g.values().size() < 2) return false;
  Dims dims;
  for (int64_t r = g.random().In(0, 2); r > 0; --r) dims.push_back(g.AnySize());
  return g.Emit("resize_", {{x}}, {{"shape", SizesAttr(dims)}});
}

bool Set(Generator& g) {
  const ValueId x = g.Any(kRealDTypes);
  const ValueId s = g.Any(DTypeSet::Of(g.dtype(x)));
  return x != s && g.values().size() > 2 && g.Emit("set_", {{x}, {s}});
}

constexpr std::string_view kStructure[] = {
    "wrap",    "checkpoint",  "hints",        "strict",   "cond",     "switch",        "while",
    "map",     "scan",        "assoc_scan",   "invoke",   "item",     "masked_select", "unique",
    "nonzero", "global.read", "global.write", "io.print", "io.token", "sym.check"};

}  // namespace

bool IsStructure(const ir::OpDef& def) {
  return std::ranges::find(kStructure, def.name) != std::end(kStructure);
}

void AddStructure(std::map<std::string_view, Recipe>& t) {
  t["wrap"] = [](Generator& g) { return Once(g, "wrap"); };
  t["checkpoint"] = [](Generator& g) { return Once(g, "checkpoint"); };
  t["strict"] = [](Generator& g) { return Once(g, "strict"); };
  t["hints"] = [](Generator& g) { return Once(g, "hints", {{"hints", AttrDict()}}); };
  t["cond"] = [](Generator& g) { return Branches(g, "cond"); };
  t["switch"] = [](Generator& g) { return Branches(g, "switch"); };
  t["while"] = While;
  t["map"] = Map;
  t["scan"] = Scan;
  t["assoc_scan"] = AssocScan;
  t["io.print"] = Print;
  t["io.token"] = Print;
  t["sym.check"] = Check;
  t["invoke"] = [](Generator& g) { return g.EmitCall(); };
  t["nonzero"] = [](Generator& g) { return Picked(g, "nonzero", false); };
  t["unique"] = [](Generator& g) { return Picked(g, "unique", false); };
  t["masked_select"] = [](Generator& g) { return Picked(g, "masked_select", true); };
  t["item"] = Item;
  t["global.read"] = [](Generator& g) { return g.EmitGlobal(false); };
  t["global.write"] = [](Generator& g) { return g.EmitGlobal(true); };
  t["resize_"] = Resize;
  t["set_"] = Set;
}

}  // namespace gcomp::random
