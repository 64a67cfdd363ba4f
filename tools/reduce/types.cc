#include "tools/reduce/types.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "tools/reduce/directives.h"
#include "tools/reduce/graph.h"

namespace gcomp::reduce {
namespace {

using ir::AttrKind;
using ir::DType;
using ir::Expr;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::SymId;
using ir::Type;
using ir::Value;
using ir::ValueId;

// Sizes that each group of edits aims at; 0 = half of what it was.
constexpr int64_t kSizes[] = {1, 2, 3, 0};

int64_t Target(int64_t size, int64_t target) {
  return target == 0 ? size / 2 : target;
}

// ---- Symbols ------------------------------------------------------------------------------------

Edit ReplaceSymbol(size_t index, std::string name, int64_t number) {
  return [=](Draft& draft) {
    Function& function = *draft.module.functions[index];
    const SymId symbol = function.FindSymbol(name);
    if (!symbol.valid() || symbol.index() >= function.num_symbol_params) return;
    auto later = [symbol](SymId id) { return id > symbol ? SymId(id.index() - 1) : id; };
    SubstituteSymbols(
        function, [&](SymId id) { return id == symbol ? Expr(number) : Expr::Symbol(later(id)); });
    for (SymId& id : function.defines) id = later(id);
    for (Op& op : function.ops) {
      for (SymId& id : op.defines) id = later(id);
    }
    function.symbols.erase(function.symbols.begin() + symbol.index());
    --function.num_symbol_params;
    ForEachCall(draft.module, function.name, [symbol](Function&, Op& call) {
      std::vector<Expr>& sizes = call.callee_sizes;
      if (symbol.index() < sizes.size()) sizes.erase(sizes.begin() + symbol.index());
    });
    DropSize(draft.directives, function.name, name);
  };
}

// ---- Sizes --------------------------------------------------------------------------------------

// The layout of `to` that is dense in the order of dims of `from`, which is so too; else none.
ir::Layout PermutedLayout(const Type& from, const ir::Dims& to) {
  ir::Layout layout = from.layout();
  if (layout.kind != ir::Layout::Kind::kStrided || !layout.offset.IsConst(0)) return layout;
  std::vector<size_t> order(to.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const bool numbers = std::all_of(layout.strides.begin(), layout.strides.end(),
                                   [](const Expr& stride) { return stride.is_const(); });
  if (!numbers) return layout;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return layout.strides[a].value() > layout.strides[b].value();
  });
  Expr stride = 1;
  for (auto dim = order.rbegin(); dim != order.rend(); ++dim) {
    layout.strides[*dim] = stride;
    stride = Expr::Mul(stride, to[*dim]);
  }
  return layout;
}

void SetDims(Type& type, ir::Dims dims) {
  if (dims == type.dims()) return;
  ir::Layout layout = dims.size() == type.dims().size() ? PermutedLayout(type, dims) : ir::Layout();
  type = Type::Tensor(type.dtype(), std::move(dims), std::move(layout), type.device());
}

bool IsSizeAttr(const ir::AttrSpec& spec) {
  const bool number = spec.kind == AttrKind::kInt || spec.kind == AttrKind::kIntList;
  return spec.kind == AttrKind::kSize || spec.kind == AttrKind::kExpr ||
         spec.kind == AttrKind::kSizeList || (number && spec.axis == ir::AttrSpec::Axis::kNo);
}

// Data written in an attribute is cut to the number of elements that its result has.
void FitData(const Function& function, Op& op) {
  for (size_t i = 0; i < op.attrs.size() && i < op.def->attrs.size(); ++i) {
    if (op.def->attrs[i].kind != AttrKind::kScalarList || op.results.empty()) continue;
    ir::AttrList* data = op.attrs[i].As<ir::AttrList>();
    const Type& type = function.value(op.results[0]).type;
    if (data == nullptr || !type.is_tensor() || !type.NumElements().is_const()) continue;
    const int64_t count = type.NumElements().value();
    if (count >= 0 && static_cast<size_t>(count) < data->size()) {
      data->resize(static_cast<size_t>(count));
    }
  }
}

// Numbers among sizes become others. In attributes a product of the old number becomes that of the
// new one: the sizes that a reshape asks for.
Edit ReplaceNumber(int64_t from, int64_t to, bool attributes) {
  return [=](Draft& draft) {
    auto number = [=](Expr& size) {
      if (size.IsConst(from)) size = to;
    };
    auto product = [=](Expr& size) {
      if (size.is_const() && size.value() >= from && size.value() % from == 0) {
        size = size.value() / from * to;
      }
    };
    for (size_t index : LiveFunctions(draft.module)) {
      Function& function = *draft.module.functions[index];
      for (Value& value : function.values) {
        if (!value.type.is_tensor()) continue;
        ir::Dims dims = value.type.dims();
        for (Expr& dim : dims) number(dim);
        SetDims(value.type, std::move(dims));
      }
      for (OpId id : LiveOps(function)) {
        Op& op = function.op(id);
        for (Expr& size : op.callee_sizes) number(size);
        for (size_t i = 0; attributes && i < op.attrs.size(); ++i) {
          if (!IsSizeAttr(op.def->attrs[i])) continue;
          if (op.def->attrs[i].kind == AttrKind::kSizeList) {
            ForEachExpr(op.attrs[i], product);
          } else {
            ForEachExpr(op.attrs[i], number);
          }
        }
        FitData(function, op);
      }
    }
  };
}

Edit SetParamDim(size_t index, ValueId param, size_t dim, int64_t size) {
  return [=](Draft& draft) {
    Type& type = draft.module.functions[index]->value(param).type;
    ir::Dims dims = type.dims();
    dims[dim] = size;
    SetDims(type, std::move(dims));
  };
}

// The numbers above `low` in the types of values, ascending.
std::set<int64_t> NumbersOf(const Draft& draft, int64_t low) {
  std::set<int64_t> numbers;
  for (size_t index : LiveFunctions(draft.module)) {
    for (const Value& value : draft.module.functions[index]->values) {
      for (const Expr& dim : value.type.dims()) {
        if (value.type.is_tensor() && dim.is_const() && dim.value() > low) {
          numbers.insert(dim.value());
        }
      }
    }
  }
  return numbers;
}

std::vector<Edit> ShrinkParams(const Draft& draft, int64_t target) {
  std::vector<Edit> edits;
  for (size_t index : LiveFunctions(draft.module)) {
    const Function& function = *draft.module.functions[index];
    for (ValueId param : function.params()) {
      const Type& type = function.value(param).type;
      for (size_t d = 0; type.is_tensor() && d < type.dims().size(); ++d) {
        const Expr& dim = type.dims()[d];
        if (!dim.is_const() || dim.value() <= std::max(target, int64_t{1})) continue;
        edits.push_back(SetParamDim(index, param, d, Target(dim.value(), target)));
      }
    }
  }
  return edits;
}

// ---- Ranks --------------------------------------------------------------------------------------

Edit ReplaceShape(ir::Dims from, ir::Dims to) {
  return [from = std::move(from), to = std::move(to)](Draft& draft) {
    ir::AttrList from_list(from.begin(), from.end());
    ir::AttrList to_list(to.begin(), to.end());
    for (size_t index : LiveFunctions(draft.module)) {
      Function& function = *draft.module.functions[index];
      for (Value& value : function.values) {
        if (value.type.is_tensor() && value.type.dims() == from) SetDims(value.type, to);
      }
      for (OpId id : LiveOps(function)) {
        for (ir::AttrValue& attr : function.op(id).attrs) {
          ir::AttrList* list = attr.As<ir::AttrList>();
          if (list != nullptr && *list == from_list) *list = to_list;
        }
        FitData(function, function.op(id));
      }
    }
  };
}

// ---- DTypes -------------------------------------------------------------------------------------

void ReplaceDType(ir::AttrValue& attr, DType from, DType to) {
  if (DType* dtype = attr.As<DType>(); dtype != nullptr && *dtype == from) *dtype = to;
  if (ir::Scalar* scalar = attr.As<ir::Scalar>(); scalar != nullptr && scalar->dtype == from) {
    *scalar = ir::Scalar::FromDouble(to, scalar->ToDouble()).value_or(*scalar);
  }
  if (ir::AttrList* list = attr.As<ir::AttrList>()) {
    for (ir::AttrValue& element : *list) ReplaceDType(element, from, to);
  }
}

Edit ReplaceDTypes(DType from, DType to) {
  return [=](Draft& draft) {
    for (size_t index : LiveFunctions(draft.module)) {
      Function& function = *draft.module.functions[index];
      for (Value& value : function.values) {
        Type& type = value.type;
        if (!type.is_tensor() || type.dtype() != from) continue;
        type = Type::Tensor(to, type.dims(), type.layout(), type.device());
        if (value.kind != Value::Kind::kLiteral) continue;
        value.literal =
            ir::Scalar::FromDouble(to, value.literal.ToDouble()).value_or(value.literal);
      }
      for (OpId id : LiveOps(function)) {
        for (ir::AttrValue& attr : function.op(id).attrs) ReplaceDType(attr, from, to);
      }
    }
  };
}

}  // namespace

EditGroups ReplaceSymbols(const Draft& draft) {
  std::vector<int64_t> numbers = DirectiveSizes(draft.directives);
  for (int64_t number : {1, 2, 3}) {
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
      numbers.push_back(number);
    }
  }
  EditGroups groups;
  for (int64_t number : numbers) {
    std::vector<Edit>& edits = groups.emplace_back();
    for (size_t index : LiveFunctions(draft.module)) {
      const Function& function = *draft.module.functions[index];
      for (size_t i = 0; i < function.num_symbol_params; ++i) {
        edits.push_back(ReplaceSymbol(index, function.symbols[i].name, number));
      }
    }
  }
  return groups;
}

EditGroups ShrinkSizes(const Draft& draft) {
  EditGroups groups;
  for (bool attributes : {true, false}) {
    for (int64_t target : kSizes) {
      std::vector<Edit>& edits = groups.emplace_back();
      for (int64_t size : NumbersOf(draft, std::max(target, int64_t{1}))) {
        edits.push_back(ReplaceNumber(size, Target(size, target), attributes));
      }
    }
  }
  for (int64_t target : kSizes) groups.push_back(ShrinkParams(draft, target));
  for (int64_t target : {0, 1, 2, 3}) groups.push_back(ShrinkDirectiveSizes(draft, target));
  return groups;
}

EditGroups DropDims(const Draft& draft) {
  std::vector<ir::Dims> shapes;
  for (size_t index : LiveFunctions(draft.module)) {
    for (const Value& value : draft.module.functions[index]->values) {
      const ir::Dims& dims = value.type.dims();
      const bool known = std::find(shapes.begin(), shapes.end(), dims) != shapes.end();
      if (value.type.is_tensor() && !dims.empty() && !known) shapes.push_back(dims);
    }
  }
  EditGroups groups(2);
  for (const ir::Dims& shape : shapes) {
    groups[0].push_back(ReplaceShape(shape, {}));
    for (size_t d = 0; d < shape.size(); ++d) {
      ir::Dims fewer = shape;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(d));
      groups[1].push_back(ReplaceShape(shape, std::move(fewer)));
    }
  }
  return groups;
}

EditGroups SimplifyDTypes(const Draft& draft) {
  std::set<DType> dtypes;
  for (size_t index : LiveFunctions(draft.module)) {
    for (const Value& value : draft.module.functions[index]->values) {
      if (value.type.is_tensor() && value.type.dtype() != DType::kBool) {
        dtypes.insert(value.type.dtype());
      }
    }
  }
  EditGroups groups;
  for (DType to : {DType::kF32, DType::kI32}) {
    std::vector<Edit>& edits = groups.emplace_back();
    for (DType from : dtypes) {
      if (from != to && (to == DType::kF32 || ir::IsInteger(from))) {
        edits.push_back(ReplaceDTypes(from, to));
      }
    }
  }
  return groups;
}

}  // namespace gcomp::reduce
