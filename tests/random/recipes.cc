// Recipes of ops whose operands and attributes depend on each other, by family.
#include <limits>
#include <numeric>
#include <utility>

#include "tests/random/generator.h"

namespace gcomp::random {
namespace {

using ir::AttrList;
using ir::AttrValue;
using ir::IntsAttr;
using ir::kFloatDTypes;
using ir::kIntegerDTypes;
using ir::kNumericDTypes;
using ir::kRealDTypes;
using ir::SizesAttr;
using ir::Type;

using Table = std::map<std::string_view, Recipe>;

const DTypeSet kIndexDTypes = DTypeSet::Of(DType::kI32, DType::kI64);
// What weighted sums are taken of.
const DTypeSet kProductDTypes = DTypeSet::Of(DType::kF32, DType::kF64, DType::kBF16);

Expr Product(const Dims& dims) {
  Expr product = 1;
  for (const Expr& size : dims) product = Expr::Mul(product, size);
  return product;
}

Dims Without(Dims dims, int axis) {
  dims.erase(dims.begin() + axis);
  return dims;
}

Dims Swapped(Dims dims, int axis, Expr size) {
  dims[static_cast<size_t>(axis)] = std::move(size);
  return dims;
}

Dims Joined(Dims a, const Dims& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A random order of the axes.
std::vector<int64_t> Order(Random& random, int rank) {
  std::vector<int64_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.Below(static_cast<int64_t>(i)))]);
  }
  return order;
}

// Other sizes of the same product.
Dims Reshaped(Random& random, const Dims& dims) {
  Expr product = Product(dims);
  if (!product.is_const()) {
    Dims wide = dims;
    wide.insert(wide.begin() + random.In(0, static_cast<int64_t>(dims.size())), Expr(1));
    return random.Chance(50) ? wide : Dims{product};
  }
  int64_t rest = product.value();
  if (rest == 0) return {Expr(random.In(0, 3)), Expr(0)};
  Dims sizes;
  while (rest > 1 && sizes.size() < 3) {
    std::vector<int64_t> divisors;
    for (int64_t d = 1; d <= rest; ++d) {
      if (rest % d == 0) divisors.push_back(d);
    }
    sizes.push_back(random.Of(divisors));
    rest /= sizes.back().value();
  }
  if (rest > 1 || random.Chance(30)) sizes.push_back(rest);
  return sizes;
}

// The op with a written result type of the operand's sizes.
Recipe Typed(std::string_view op, DTypeSet from, DTypeSet to) {
  return [=](Generator& g) {
    ValueId x = g.Any(from);
    return g.Emit(op, {{x}}, {}, {Type::Tensor(g.AnyDType(to), g.dims(x))});
  };
}

Dims AnyDims(Generator& g, int min_rank, int max_rank) {
  Dims dims;
  for (int64_t r = g.random().In(min_rank, max_rank); r > 0; --r) dims.push_back(g.AnySize());
  return dims;
}

bool IsStatic(Generator& g, ValueId id) {
  for (const Expr& size : g.dims(id)) {
    if (!size.is_const()) return false;
  }
  return true;
}

// A value without symbolic sizes, for ops that are errors at some of them.
ValueId AnyStatic(Generator& g, DTypeSet dtypes, int min_rank, int max_rank = 8) {
  ValueId x = g.Any(dtypes, min_rank, max_rank);
  for (int i = 0; i < 8 && !IsStatic(g, x); ++i) x = g.Any(dtypes, min_rank, max_rank);
  if (IsStatic(g, x)) return x;
  return g.NewParam(g.AnyDType(dtypes), AnyDims(g, min_rank, std::max(min_rank, 3)));
}

// ---- Creation, conversion -----------------------------------------------------------------------

bool Const(Generator& g) {
  DType dtype = g.AnyDType(kRealDTypes);
  double number = g.random().Of({0.0, 1.0, 2.0, 5.0});
  ir::Scalar value = dtype == DType::kBool ? ir::Scalar::FromBool(number != 0)
                                           : *ir::Scalar::FromDouble(dtype, number);
  return g.Emit("const", {}, {{"splat", value}}, {Type::Tensor(dtype, AnyDims(g, 0, 3))});
}

bool Bitcast(Generator& g) {
  ValueId x = g.Any(ir::kNumericDTypes);
  DTypeSet same;
  for (int i = 0; i < 32; ++i) {
    auto dtype = static_cast<DType>(i);
    if (kNumericDTypes.Has(dtype) && ir::BitsOf(dtype) == ir::BitsOf(g.dtype(x))) {
      same = same | DTypeSet::Of(dtype);
    }
  }
  Type y = Type::Tensor(g.AnyDType(same), g.dims(x), g.type(x).layout());  // a view
  return g.Emit("bitcast", {{x}}, {}, {y});
}

void AddCreation(Table& t) {
  t["const"] = Const;
  t["cast"] = Typed("cast", kRealDTypes, kRealDTypes);
  t["bitcast"] = Bitcast;
  t["iota"] = [](Generator& g) {
    Dims dims = AnyDims(g, 1, 3);
    auto [dim, axis] = g.AxisOf(static_cast<int>(dims.size()));
    return g.Emit("iota", {}, {{"dim", dim}}, {Type::Tensor(g.AnyDType(kNumericDTypes), dims)});
  };
  t["full"] = [](Generator& g) {
    ValueId v = g.Any(kRealDTypes, 0, 0);
    return g.Emit("full", {{v}}, {{"shape", SizesAttr(AnyDims(g, 0, 3))}});
  };
  t["empty"] = [](Generator& g) {
    Dims dims = AnyDims(g, 0, 3);
    return g.Emit("empty", {}, {{"shape", SizesAttr(dims)}},
                  {Type::Tensor(g.AnyDType(kRealDTypes), dims)});
  };
  t["fill"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes);
    return g.Emit("fill", {{x}, {g.Like(g.dtype(x), {})}});
  };
  t["sym.value"] = [](Generator& g) {
    return g.Emit("sym.value", {}, {{"value", Product(g.dims(g.Any(kRealDTypes)))}});
  };
  t["gelu"] = [](Generator& g) {
    AttrDict attrs;
    if (g.random().Chance(50)) attrs.emplace_back("approx", std::string("tanh"));
    return g.Emit("gelu", {{g.Any(kFloatDTypes)}}, attrs);
  };
  t["out_dtype"] = [](Generator& g) {
    ValueId x = g.Any(kNumericDTypes);
    ValueId y = g.Like(g.dtype(x), g.Broadcastable(g.dims(x)));
    return g.Emit("out_dtype", {{x}, {y}},
                  {{"op", std::string("mul")}, {"dtype", g.AnyDType(kNumericDTypes)}});
  };
  t["quantize"] = [](Generator& g) {
    ValueId x = g.Any(kFloatDTypes);
    ValueId scale = g.Like(g.dtype(x), {});
    ValueId zero = g.Like(DType::kI32, {});
    DType to = g.AnyDType(DTypeSet::Of(DType::kI8, DType::kU8, DType::kI16, DType::kI32));
    return g.Emit("quantize", {{x}, {scale}, {zero}}, {}, {Type::Tensor(to, g.dims(x))});
  };
  t["dequantize"] = [](Generator& g) {
    ValueId q = g.Any(DTypeSet::Of(DType::kI8, DType::kU8, DType::kI16, DType::kI32));
    DType to = g.AnyDType(kFloatDTypes);
    if (g.rank(q) > 0 && g.random().Chance(50)) {
      auto [dim, axis] = g.AxisOf(g.rank(q));
      Dims along = {g.dims(q)[static_cast<size_t>(axis)]};
      return g.Emit("dequantize", {{q}, {g.Like(to, along)}, {g.Like(DType::kI32, along)}},
                    {{"dim", dim}});
    }
    return g.Emit("dequantize", {{q}, {g.Like(to, {})}, {g.Like(DType::kI32, {})}});
  };
}

// ---- Views and movement -------------------------------------------------------------------------

bool Expand(Generator& g) {
  ValueId x = g.Any(kRealDTypes);
  Dims sizes = g.dims(x);
  for (Expr& size : sizes) {
    if (size.IsConst(1)) size = g.AnySize();
  }
  if (g.random().Chance(40)) sizes.insert(sizes.begin(), Expr(g.random().In(1, 3)));
  return g.Emit("expand", {{x}}, {{"shape", SizesAttr(sizes)}});
}

bool Slice(Generator& g) {
  ValueId x = g.Any(kRealDTypes, 1);
  auto [dim, axis] = g.AxisOf(g.rank(x));
  AttrDict attrs = {{"dim", dim}};
  if (g.random().Chance(70)) attrs.emplace_back("start", Expr(g.random().In(-3, 3)));
  if (g.random().Chance(70)) attrs.emplace_back("end", Expr(g.random().In(-2, 9)));
  if (g.random().Chance(40)) attrs.emplace_back("step", Expr(g.random().In(1, 3)));
  return g.Emit("slice", {{x}}, attrs);
}

bool AsStrided(Generator& g) {
  ValueId x = AnyStatic(g, kRealDTypes, 1);
  Dims sizes = {Expr(g.random().In(1, 3)), Expr(g.random().In(1, 3))};
  return g.Emit("as_strided", {{x}},
                {{"shape", SizesAttr(sizes)},
                 {"strides", IntsAttr({g.random().In(0, 3), g.random().In(0, 2)})},
                 {"offset", Expr(g.random().In(0, 3))}});
}

bool Pad(Generator& g) {
  ValueId x = AnyStatic(g, kRealDTypes, 1);
  std::string mode =
      g.random().Of<std::string>({"constant", "constant", "reflect", "replicate", "circular"});
  std::vector<int64_t> low;
  std::vector<int64_t> high;
  for (int i = 0; i < g.rank(x); ++i) {
    int64_t least = mode == "constant" ? -1 : 0;
    low.push_back(g.random().In(least, 2));
    high.push_back(g.random().In(least, 2));
  }
  return g.Emit("pad", {{x}}, {{"low", IntsAttr(low)}, {"high", IntsAttr(high)}, {"mode", mode}});
}

bool Concat(Generator& g, std::string_view op) {
  const bool stack = op == "stack";
  ValueId x = g.Any(kRealDTypes, stack ? 0 : 1);
  auto [dim, axis] = g.AxisOf(g.rank(x) + (stack ? 1 : 0));
  std::vector<ValueId> parts = {x};
  for (int64_t i = g.random().In(0, 2); i > 0; --i) {
    Dims dims = g.dims(x);
    if (!stack) dims[static_cast<size_t>(axis)] = g.AnySize();
    parts.push_back(g.Like(g.dtype(x), dims));
  }
  return g.Emit(op, {parts}, {{"dim", dim}});
}

bool Split(Generator& g) {
  ValueId x = g.Any(kRealDTypes, 1);
  auto [dim, axis] = g.AxisOf(g.rank(x));
  std::optional<int64_t> size = g.Size(x, axis);
  if (!size) return false;
  std::vector<int64_t> sizes;
  int64_t rest = *size;
  for (int64_t i = g.random().In(0, 2); i > 0; --i) {
    sizes.push_back(g.random().In(0, rest));
    rest -= sizes.back();
  }
  sizes.push_back(rest);
  return g.Emit("split", {{x}}, {{"sizes", IntsAttr(sizes)}, {"dim", dim}});
}

bool Repeat(Generator& g, std::string_view op) {
  ValueId x = g.Any(kRealDTypes, 0, 3);
  std::vector<int64_t> repeats;
  int64_t least = op == "repeat" ? g.rank(x) : 0;
  for (int64_t i = g.random().In(least, g.rank(x) + 1); i > 0; --i) {
    repeats.push_back(g.random().In(0, 3));
  }
  return g.Emit(op, {{x}}, {{"repeats", IntsAttr(repeats)}});
}

// slice_scatter, select_scatter, diagonal_scatter: the view that the op writes says what it takes.
bool ScatterView(Generator& g, std::string_view op, std::string_view view, const AttrDict& attrs,
                 ValueId x) {
  if (!g.Emit(view, {{x}}, attrs)) return false;
  return g.Emit(op, {{x}, {g.Like(g.dtype(x), g.dims(g.last()))}}, attrs);
}

void AddViews(Table& t) {
  t["reshape"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes);
    return g.Emit("reshape", {{x}}, {{"shape", SizesAttr(Reshaped(g.random(), g.dims(x)))}});
  };
  t["view"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes);
    return g.Emit("view", {{x}}, {{"shape", SizesAttr(Reshaped(g.random(), g.dims(x)))}});
  };
  t["transpose"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes, 1);
    return g.Emit("transpose", {{x}}, {{"dims", IntsAttr(Order(g.random(), g.rank(x)))}});
  };
  t["expand"] = Expand;
  t["squeeze"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes, 1);
    AttrList axes;
    for (int i = 0; i < g.rank(x); ++i) {
      bool one = g.dims(x)[static_cast<size_t>(i)].IsConst(1);
      if (one && g.random().Chance(60)) axes.push_back(Expr(i - g.rank(x)));
    }
    return g.Emit("squeeze", {{x}}, {{"dims", std::move(axes)}});
  };
  t["unsqueeze"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes);
    return g.Emit("unsqueeze", {{x}}, {{"dim", Expr(g.Axis(g.rank(x) + 1))}});
  };
  t["slice"] = Slice;
  t["select_index"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1);
    return g.Emit("select_index", {{x}},
                  {{"dim", Expr(g.Axis(g.rank(x)))}, {"index", Expr(g.random().In(-2, 2))}});
  };
  t["narrow"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1);
    return g.Emit("narrow", {{x}},
                  {{"dim", Expr(g.Axis(g.rank(x)))},
                   {"start", Expr(g.random().In(0, 2))},
                   {"length", Expr(g.random().In(0, 3))}});
  };
  t["diagonal"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 2);
    std::vector<int64_t> order = Order(g.random(), g.rank(x));
    return g.Emit("diagonal", {{x}},
                  {{"offset", Expr(g.random().In(-2, 2))},
                   {"dim1", Expr(order[0])},
                   {"dim2", Expr(order[1] - g.rank(x))}});
  };
  t["unfold"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1, 4);
    return g.Emit("unfold", {{x}},
                  {{"dim", Expr(g.Axis(g.rank(x)))},
                   {"size", Expr(g.random().In(1, 3))},
                   {"step", Expr(g.random().In(1, 3))}});
  };
  t["as_strided"] = AsStrided;
  t["roll"] = [](Generator& g) {
    ValueId x = g.Any(kRealDTypes, 1);
    if (g.random().Chance(20)) {
      return g.Emit("roll", {{x}}, {{"shifts", IntsAttr({g.random().In(-4, 40)})}});
    }
    std::vector<int64_t> order = Order(g.random(), g.rank(x));
    order.resize(static_cast<size_t>(g.random().In(1, g.rank(x))));
    std::vector<int64_t> shifts;
    for (size_t i = 0; i < order.size(); ++i) shifts.push_back(g.random().In(-4, 9));
    return g.Emit("roll", {{x}}, {{"shifts", IntsAttr(shifts)}, {"dims", IntsAttr(order)}});
  };
  t["pad"] = Pad;
  t["concat"] = [](Generator& g) { return Concat(g, "concat"); };
  t["stack"] = [](Generator& g) { return Concat(g, "stack"); };
  t["split"] = Split;
  t["tile"] = [](Generator& g) { return Repeat(g, "tile"); };
  t["repeat"] = [](Generator& g) { return Repeat(g, "repeat"); };
  t["slice_scatter"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1);
    return ScatterView(g, "slice_scatter", "slice",
                       {{"dim", Expr(g.Axis(g.rank(x)))},
                        {"start", Expr(g.random().In(-2, 2))},
                        {"step", Expr(g.random().In(1, 3))}},
                       x);
  };
  t["select_scatter"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1);
    return ScatterView(g, "select_scatter", "select_index",
                       {{"dim", Expr(g.Axis(g.rank(x)))}, {"index", Expr(g.random().In(-1, 1))}},
                       x);
  };
  t["diagonal_scatter"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 2);
    return ScatterView(g, "diagonal_scatter", "diagonal", {{"offset", Expr(g.random().In(-1, 2))}},
                       x);
  };
  t["as_strided_scatter"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kRealDTypes, 1);
    Dims sizes = {Expr(g.random().In(1, 2)), Expr(g.random().In(1, 2))};
    return ScatterView(g, "as_strided_scatter", "as_strided",
                       {{"shape", SizesAttr(sizes)},
                        {"strides", IntsAttr({2, 1})},
                        {"offset", Expr(g.random().In(0, 1))}},
                       x);
  };
  t["to_device"] = [](Generator& g) { return g.Emit("to_device", {{g.Any(kRealDTypes)}}); };
}

// ---- Indexing -----------------------------------------------------------------------------------

struct IndexedAxis {
  ValueId x;
  Expr dim;
  int axis;
  int64_t size;
};

// A value with an axis of a known size that is not 0.
std::optional<IndexedAxis> PickAxis(Generator& g, DTypeSet dtypes) {
  ValueId x = g.Any(dtypes, 1);
  auto [dim, axis] = g.AxisOf(g.rank(x));
  std::optional<int64_t> size = g.Size(x, axis);
  if (!size || *size == 0) return std::nullopt;
  return IndexedAxis{x, dim, axis, *size};
}

bool Gather(Generator& g) {
  std::optional<IndexedAxis> at = PickAxis(g, kRealDTypes);
  if (!at) return false;
  Dims dims = Swapped(g.dims(at->x), at->axis, g.AnySize());
  ValueId i = g.Indices(g.AnyDType(kIndexDTypes), dims, at->size);
  return g.Emit("gather", {{at->x}, {i}}, {{"dim", at->dim}});
}

bool Scatter(Generator& g) {
  std::optional<IndexedAxis> at = PickAxis(g, kNumericDTypes);
  if (!at) return false;
  Dims dims = Swapped(g.dims(at->x), at->axis, g.AnySize());
  ValueId i = g.Indices(g.AnyDType(kIndexDTypes), dims, at->size);
  return g.Emit("scatter", {{at->x}, {i}, {g.Like(g.dtype(at->x), dims)}},
                {{"dim", at->dim},
                 {"reduce", g.random().Of<std::string>({"none", "add", "mul", "max", "min"})}});
}

// Index tensors for the leading axes of x, and their broadcast sizes followed by the other axes.
std::optional<std::pair<std::vector<ValueId>, Dims>> LeadingIndices(Generator& g, ValueId x) {
  Dims common = AnyDims(g, 0, 2);
  std::vector<ValueId> indices;
  int64_t count = g.random().In(1, g.rank(x));
  DType dtype = g.AnyDType(kIndexDTypes);
  for (int axis = 0; axis < count; ++axis) {
    std::optional<int64_t> size = g.Size(x, axis);
    if (!size || *size == 0) return std::nullopt;
    indices.push_back(g.Indices(dtype, axis == 0 ? common : g.Broadcastable(common), *size));
  }
  const Dims all = g.dims(x);
  Dims rest(all.begin() + count, all.end());
  return std::pair(std::move(indices), Joined(common, rest));
}

bool Index(Generator& g) {
  ValueId x = g.Any(kRealDTypes, 1);
  auto leading = LeadingIndices(g, x);
  return leading && g.Emit("index", {{x}, leading->first});
}

bool IndexPut(Generator& g) {
  ValueId x = g.Any(kNumericDTypes, 1);
  auto leading = LeadingIndices(g, x);
  if (!leading) return false;
  ValueId v = g.Like(g.dtype(x), g.Broadcastable(leading->second));
  return g.Emit("index_put", {{x}, {v}, leading->first}, {{"accumulate", g.random().Chance(50)}});
}

bool TopK(Generator& g) {
  std::optional<IndexedAxis> at = PickAxis(g, kRealDTypes);
  if (!at) return false;
  return g.Emit("topk", {{at->x}},
                {{"k", Expr(g.random().In(0, at->size))},
                 {"dim", at->dim},
                 {"largest", g.random().Chance(60)}});
}

void AddIndexing(Table& t) {
  t["gather"] = Gather;
  t["scatter"] = Scatter;
  t["index_select"] = [](Generator& g) {
    std::optional<IndexedAxis> at = PickAxis(g, kRealDTypes);
    if (!at) return false;
    ValueId i = g.Indices(g.AnyDType(kIndexDTypes), {g.AnySize()}, at->size);
    return g.Emit("index_select", {{at->x}, {i}}, {{"dim", at->dim}});
  };
  t["index"] = Index;
  t["index_put"] = IndexPut;
  t["embedding"] = [](Generator& g) {
    ValueId w = g.Any(kRealDTypes, 2, 2);
    std::optional<int64_t> rows = g.Size(w, 0);
    if (!rows || *rows == 0) return false;
    ValueId i = g.Indices(g.AnyDType(kIndexDTypes), AnyDims(g, 0, 2), *rows);
    return g.Emit("embedding", {{w}, {i}});
  };
  t["one_hot"] = [](Generator& g) {
    int64_t depth = g.random().In(1, 5);
    Dims sizes = AnyDims(g, 0, 2);
    ValueId i = g.Indices(g.AnyDType(kIndexDTypes), sizes, depth);
    Dims dims = Joined(sizes, {Expr(depth)});
    return g.Emit("one_hot", {{i}}, {{"depth", Expr(depth)}},
                  {Type::Tensor(g.AnyDType(kRealDTypes), dims)});
  };
  t["topk"] = TopK;
}

// ---- Products and windows -----------------------------------------------------------------------

bool Matmul(Generator& g) {
  DType dtype = g.AnyDType(kProductDTypes | DTypeSet::Of(DType::kI32));
  Expr m = g.AnySize();
  Expr k = g.AnySize();
  Expr n = g.AnySize();
  Dims batch = AnyDims(g, 0, 1);
  ValueId a = g.Like(dtype, Joined(batch, {m, k}));
  ValueId b = g.Like(dtype, Joined(g.Broadcastable(batch), {k, n}));
  return g.Emit("matmul", {{a}, {b}});
}

bool Addmm(Generator& g) {
  DType dtype = g.AnyDType(kProductDTypes);
  Expr m = g.AnySize();
  Expr k = g.AnySize();
  Expr n = g.AnySize();
  ValueId c = g.Like(dtype, g.Broadcastable({m, n}));
  return g.Emit("addmm", {{c}, {g.Like(dtype, {m, k})}, {g.Like(dtype, {k, n})}},
                {{"beta", g.random().Of({0.0, 1.0, 0.5})}, {"alpha", g.random().Of({1.0, 2.0})}});
}

bool Einsum(Generator& g) {
  struct Case {
    const char* equation;
    std::vector<const char*> operands;
  };

  static const std::vector<Case> kCases = {
      {"ij,jk->ik", {"ij", "jk"}}, {"bij,bjk->bik", {"bij", "bjk"}},
      {"ij->ji", {"ij"}},          {"ij->i", {"ij"}},
      {"i,j->ij", {"i", "j"}},     {"ij,ij", {"ij", "ij"}},
      {"ii->i", {"ii"}},           {"bij,jk,k->bi", {"bij", "jk", "k"}}};
  const Case& c = g.random().Of(kCases);
  DType dtype = g.AnyDType(kProductDTypes);
  std::map<char, Expr> sizes;
  std::vector<ValueId> operands;
  for (const char* letters : c.operands) {
    Dims dims;
    for (const char* letter = letters; *letter != 0; ++letter) {
      if (!sizes.contains(*letter)) sizes[*letter] = g.random().Of<int64_t>({0, 1, 2, 3, 4, 5, 17});
      dims.push_back(sizes[*letter]);
    }
    operands.push_back(g.Like(dtype, dims));
  }
  return g.Emit("einsum", {operands}, {{"equation", std::string(c.equation)}});
}

// A list for each spatial axis, or none.
void AddSpatial(Generator& g, AttrDict& attrs, std::string_view name, int axes, int64_t low,
                int64_t high) {
  if (g.random().Chance(40)) return;
  std::vector<int64_t> list;
  for (int i = 0; i < axes; ++i) list.push_back(g.random().In(low, high));
  attrs.emplace_back(name, IntsAttr(list));
}

bool Convolve(Generator& g, std::string_view op, int axes) {
  const bool transposed = op == "conv_transpose";
  DType dtype = g.AnyDType(kProductDTypes);
  int64_t groups = g.random().Chance(30) ? 2 : 1;
  int64_t in = groups * g.random().In(1, 3);
  int64_t out = groups * g.random().In(1, 3);
  Dims x = {Expr(g.random().In(0, 2)), Expr(in)};
  Dims w = transposed ? Dims{Expr(in), Expr(out / groups)} : Dims{Expr(out), Expr(in / groups)};
  for (int i = 0; i < axes; ++i) {
    x.push_back(i == 0 && g.random().Chance(20) ? 17 : g.random().In(3, 7));
    w.push_back(g.random().In(1, 3));
  }
  AttrDict attrs;
  AddSpatial(g, attrs, "stride", axes, 1, 2);
  AddSpatial(g, attrs, "padding", 2 * axes, 0, 1);
  AddSpatial(g, attrs, "dilation", axes, 1, 2);
  if (groups != 1) attrs.emplace_back("groups", Expr(groups));
  std::vector<ValueId> bias;
  if (g.random().Chance(50)) bias.push_back(g.Like(dtype, {Expr(out)}));
  return g.Emit(op, {{g.Like(dtype, x)}, {g.Like(dtype, w)}, bias}, attrs);
}

bool Pool(Generator& g, std::string_view op) {
  int axes = static_cast<int>(g.random().In(1, 3));
  Dims x = {Expr(g.random().In(0, 2)), Expr(g.random().In(1, 3))};
  for (int i = 0; i < axes; ++i) {
    x.push_back(i == 0 && g.random().Chance(20) ? 17 : g.random().In(2, 8));
  }
  std::vector<int64_t> kernel;
  for (int i = 0; i < axes; ++i) kernel.push_back(g.random().In(1, 3));
  AttrDict attrs = {{"kernel", IntsAttr(kernel)}};
  AddSpatial(g, attrs, "stride", axes, 1, 3);
  AddSpatial(g, attrs, "padding", 2 * axes, 0, 1);
  if (op == "avg_pool") {
    if (g.random().Chance(50)) attrs.emplace_back("count_include_pad", false);
  } else {
    AddSpatial(g, attrs, "dilation", axes, 1, 2);
    if (g.random().Chance(30)) attrs.emplace_back("ceil_mode", true);
  }
  DTypeSet dtypes = op == "avg_pool" ? kFloatDTypes : kNumericDTypes;
  return g.Emit(op, {{g.Like(g.AnyDType(dtypes), x)}}, attrs);
}

bool Resize(Generator& g, std::string_view op) {
  int axes = static_cast<int>(g.random().In(1, 2));
  Dims x = {Expr(g.random().In(0, 2)), Expr(g.random().In(1, 3))};
  Dims size;
  for (int i = 0; i < axes; ++i) {
    x.push_back(i == 0 && g.random().Chance(20) ? 17 : g.random().In(1, 7));
    size.push_back(g.random().In(1, 7));
  }
  AttrDict attrs = {{"size", SizesAttr(size)}};
  if (op == "interpolate" && g.random().Chance(60)) {
    attrs.emplace_back("mode", std::string("linear"));
    attrs.emplace_back("align_corners", g.random().Chance(50));
  }
  return g.Emit(op, {{g.Like(g.AnyDType(kFloatDTypes), x)}}, attrs);
}

void AddProducts(Table& t) {
  t["matmul"] = Matmul;
  t["bmm"] = [](Generator& g) {
    DType dtype = g.AnyDType(kProductDTypes);
    Expr batch = g.AnySize();
    Expr k = g.AnySize();
    return g.Emit("bmm", {{g.Like(dtype, {batch, g.AnySize(), k})},
                          {g.Like(dtype, {batch, k, g.AnySize()})}});
  };
  t["addmm"] = Addmm;
  t["einsum"] = Einsum;
  t["linear"] = [](Generator& g) {
    ValueId x = g.Any(kProductDTypes, 1);
    Expr n = g.random().In(0, 5);
    std::vector<ValueId> bias;
    if (g.random().Chance(50)) bias.push_back(g.Like(g.dtype(x), {n}));
    return g.Emit("linear", {{x}, {g.Like(g.dtype(x), {n, g.dims(x).back()})}, bias});
  };
  t["conv1d"] = [](Generator& g) { return Convolve(g, "conv1d", 1); };
  t["conv2d"] = [](Generator& g) { return Convolve(g, "conv2d", 2); };
  t["conv3d"] = [](Generator& g) { return Convolve(g, "conv3d", 3); };
  t["conv_transpose"] = [](Generator& g) {
    return Convolve(g, "conv_transpose", static_cast<int>(g.random().In(1, 3)));
  };
  t["max_pool"] = [](Generator& g) { return Pool(g, "max_pool"); };
  t["avg_pool"] = [](Generator& g) { return Pool(g, "avg_pool"); };
  t["adaptive_avg_pool"] = [](Generator& g) { return Resize(g, "adaptive_avg_pool"); };
  t["interpolate"] = [](Generator& g) { return Resize(g, "interpolate"); };
}

// ---- Norms, attention, losses -------------------------------------------------------------------

bool RowNorm(Generator& g, std::string_view op) {
  ValueId x = g.Any(kFloatDTypes, 1);
  int first = static_cast<int>(g.random().Below(g.rank(x)));
  std::vector<int64_t> axes;
  for (int i = first; i < g.rank(x); ++i) axes.push_back(i);
  const Dims all = g.dims(x);
  Dims row(all.begin() + first, all.end());
  std::vector<std::vector<ValueId>> groups = {{x}};
  for (int64_t i = op == "layer_norm" ? 2 : 1; i > 0; --i) {
    groups.emplace_back();
    if (g.random().Chance(50)) groups.back().push_back(g.Like(g.dtype(x), row));
  }
  return g.Emit(op, groups, {{"dims", IntsAttr(axes)}, {"eps", g.random().Of({1e-5, 0.125})}});
}

bool GroupNorm(Generator& g) {
  int64_t groups = g.random().In(1, 3);
  Dims dims = {Expr(g.random().In(0, 2)), Expr(groups * g.random().In(1, 2))};
  dims = Joined(dims, AnyDims(g, 0, 2));
  ValueId x = g.Like(g.AnyDType(kFloatDTypes), dims);
  std::vector<std::vector<ValueId>> all = {{x}, {}, {}};
  for (size_t i = 1; i < 3; ++i) {
    if (g.random().Chance(50)) all[i].push_back(g.Like(g.dtype(x), {dims[1]}));
  }
  return g.Emit("group_norm", all, {{"groups", Expr(groups)}});
}

bool BatchNorm(Generator& g) {
  ValueId x = g.Any(kFloatDTypes, 2);
  Dims channels = {g.dims(x)[1]};
  std::vector<std::vector<ValueId>> groups = {{x}};
  for (int i = 0; i < 4; ++i) groups.push_back({g.Like(g.dtype(x), channels)});
  // A variance is not negative.
  if (!g.Emit("abs", {groups[4]})) return false;
  groups[4] = {g.last()};
  return g.Emit("batch_norm", groups, {{"training", g.random().Chance(40)}});
}

bool Attention(Generator& g) {
  DType dtype = g.AnyDType(kFloatDTypes);
  Dims batch = AnyDims(g, 0, 2);
  Expr l = g.random().Of<int64_t>({0, 1, 2, 5, 17});
  Expr s = g.random().Of<int64_t>({1, 2, 5, 17});
  Expr e = g.random().In(1, 6);
  Expr ev = g.random().In(1, 6);
  std::vector<ValueId> mask;
  bool causal = g.random().Chance(40);
  if (!causal && g.random().Chance(50)) {
    mask.push_back(g.Like(g.random().Chance(50) ? DType::kBool : dtype, {l, s}));
  }
  return g.Emit("scaled_dot_product_attention",
                {{g.Like(dtype, Joined(batch, {l, e}))},
                 {g.Like(dtype, Joined(batch, {s, e}))},
                 {g.Like(dtype, Joined(batch, {s, ev}))},
                 mask},
                {{"causal", causal}});
}

bool CrossEntropy(Generator& g) {
  ValueId x = g.Any(kFloatDTypes, 2);
  std::optional<int64_t> classes = g.Size(x, 1);
  AttrDict attrs = {{"reduction", g.random().Of<std::string>({"mean", "sum", "none"})}};
  if (!classes || *classes == 0 || g.random().Chance(30)) {
    return g.Emit("cross_entropy", {{x}, {g.Like(g.dtype(x), g.dims(x))}}, attrs);
  }
  ValueId t = g.Indices(DType::kI64, Without(g.dims(x), 1), *classes);
  return g.Emit("cross_entropy", {{x}, {t}}, attrs);
}

void AddComposite(Table& t) {
  t["layer_norm"] = [](Generator& g) { return RowNorm(g, "layer_norm"); };
  t["rms_norm"] = [](Generator& g) { return RowNorm(g, "rms_norm"); };
  t["group_norm"] = GroupNorm;
  t["batch_norm"] = BatchNorm;
  t["scaled_dot_product_attention"] = Attention;
  t["cross_entropy"] = CrossEntropy;
  t["mse_loss"] = [](Generator& g) {
    ValueId x = g.Any(kFloatDTypes);
    return g.Emit("mse_loss", {{x}, {g.Like(g.dtype(x), g.dims(x))}},
                  {{"reduction", g.random().Of<std::string>({"mean", "sum", "none"})}});
  };
  for (std::string_view op : {"argmax", "argmin"}) {
    t[op] = [op](Generator& g) {
      ValueId x = AnyStatic(g, kRealDTypes, 0);
      AttrDict attrs = {{"keep_dims", g.random().Chance(50)}};
      if (g.rank(x) > 0 && g.random().Chance(70))
        attrs.emplace_back("dim", Expr(g.Axis(g.rank(x))));
      return g.Emit(op, {{x}}, attrs);
    };
  }
  for (std::string_view op : {"reduce_max", "reduce_min"}) {
    t[op] = [op](Generator& g) {
      ValueId x = AnyStatic(g, kNumericDTypes, 0);
      std::vector<int64_t> axes = Order(g.random(), g.rank(x));
      axes.resize(static_cast<size_t>(g.random().In(0, g.rank(x))));
      return g.Emit(op, {{x}}, {{"dims", IntsAttr(axes)}, {"keep_dims", g.random().Chance(50)}});
    };
  }
  t["norm"] = [](Generator& g) {
    ValueId x = AnyStatic(g, kFloatDTypes, 0);
    double inf = std::numeric_limits<double>::infinity();
    AttrDict attrs = {{"p", g.random().Of({2.0, 1.0, 0.0, 3.0, inf})}};
    if (g.rank(x) > 0) attrs.emplace_back("dims", IntsAttr({g.Axis(g.rank(x))}));
    return g.Emit("norm", {{x}}, attrs);
  };
  t["var"] = [](Generator& g) {
    ValueId x = g.Any(kFloatDTypes);
    AttrDict attrs = {{"correction", Expr(g.random().In(0, 2))}};
    if (g.rank(x) > 0 && g.random().Chance(70)) {
      attrs.emplace_back("dims", IntsAttr({g.Axis(g.rank(x))}));
    }
    return g.Emit("var", {{x}}, attrs);
  };
}

// ---- Random numbers -----------------------------------------------------------------------------

// A key made from a seed of the caller's.
bool Key(Generator& g) {
  return g.Emit("rng.key", {{g.Any(DTypeSet::Of(DType::kI64), 0, 0)}});
}

bool Draw(Generator& g, std::string_view op) {
  if (!Key(g)) return false;
  ValueId key = g.last();
  if (g.random().Chance(40) && g.Emit("rng.fold", {{key}, {g.Like(DType::kI64, {})}})) {
    key = g.last();
  }
  DTypeSet dtypes = op == "rng.bits" ? DTypeSet::Of(DType::kU32, DType::kU64) : kFloatDTypes;
  DType dtype = g.AnyDType(dtypes);
  AttrDict attrs = {{"shape", SizesAttr(AnyDims(g, 0, 3))}, {"dtype", dtype}};
  if (op == "rng.uniform" && g.random().Chance(50)) {
    attrs.emplace_back("low", -1.0);
    attrs.emplace_back("high", 3.0);
  }
  return g.Emit(op, {{key}}, attrs);
}

void AddRandomNumbers(Table& t) {
  t["rng.key"] = Key;
  t["rng.fold"] = [](Generator& g) {
    return Key(g) && g.Emit("rng.fold", {{g.last()}, {g.Like(DType::kI64, {})}});
  };
  for (std::string_view op : {"rng.bits", "rng.uniform", "rng.normal"}) {
    t[op] = [op](Generator& g) { return Draw(g, op); };
  }
  t["dropout"] = [](Generator& g) {
    ValueId x = g.Any(kFloatDTypes);
    if (!Key(g)) return false;
    return g.Emit("dropout", {{x}, {g.last()}}, {{"p", g.random().Of({0.0, 0.5, 0.25, 1.0})}});
  };
}

}  // namespace

const std::map<std::string_view, Recipe>& Recipes() {
  static const auto* recipes = [] {
    auto* table = new Table;
    AddCreation(*table);
    AddViews(*table);
    AddIndexing(*table);
    AddProducts(*table);
    AddComposite(*table);
    AddRandomNumbers(*table);
    AddStructure(*table);
    return table;
  }();
  return *recipes;
}

std::optional<std::string_view> NotTried(const ir::OpDef& def, Form form) {
  if (def.operands.empty()) return "has no operands";
  const std::string_view name = def.name;
  const bool pointwise = def.lowering.kind == ir::Lowering::Kind::kPointwise;
  if (form == Form::kRank0 && !pointwise) return "of pointwise ops only";
  if (form == Form::kBroadcast && !(pointwise && def.operands.size() > 1)) {
    return "of pointwise ops of several operands only";
  }
  if (name.starts_with("rng.")) return "takes numbers or keys of rank 0";
  if (name == "full") return "takes a number of rank 0";
  if (name == "one_hot" && (form == Form::kStrided || form == Form::kOffset)) {
    return "its indices are made by an op";
  }
  if (name == "item") return "takes a number that is made by an op";
  if (name == "resize_" && (form == Form::kStrided || form == Form::kOffset)) {
    return "takes row-major tensors";
  }
  if (name == "as_strided" || name == "as_strided_scatter") {
    if (form == Form::kStrided || form == Form::kOffset) return "takes contiguous tensors";
    if (form == Form::kEmpty) return "needs the elements that it reaches";
  }
  return std::nullopt;
}

const std::map<std::string_view, std::string_view>& LeftOut() {
  static const auto* left_out = new std::map<std::string_view, std::string_view>{
      {"sym.refine", "sizes that are checked are not made yet"},
  };
  return *left_out;
}

}  // namespace gcomp::random
