#include "ir/flops.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

int64_t Add(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

int64_t Times(int64_t a, int64_t b) {
  int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

const AttrValue* AttrOf(const Op& op, std::string_view name) {
  for (size_t i = 0; i < op.attrs.size() && i < op.def->attrs.size(); ++i) {
    if (op.def->attrs[i].name == name && !op.attrs[i].empty()) return &op.attrs[i];
  }
  return nullptr;
}

// Counts one function for one binding of its symbols.
class Counter {
 public:
  Counter(const Module& module, const Function& function, std::span<const int64_t> symbols,
          const FlopOptions& options)
      : module_(module), function_(function), options_(options) {
    for (size_t i = 0; i < function.symbols.size(); ++i) {
      if (i < symbols.size()) {
        values_.push_back(symbols[i]);
        continue;
      }
      const Symbol& symbol = function.symbols[i];
      std::optional<int64_t> high;
      if (symbol.high.has_value()) high = symbol.high->Evaluate(values_);
      values_.push_back(std::max<int64_t>(high.value_or(Value(symbol.low)), 0));
    }
  }

  FlopCount Block(BlockId block) const {
    FlopCount count;
    for (OpId id : function_.block(block).ops) AddTo(count, OfOp(function_.op(id)), 1);
    return count;
  }

 private:
  static void AddTo(FlopCount& to, const FlopCount& more, int64_t times) {
    to.total = Add(to.total, Times(more.total, times));
    for (const auto& [name, flops] : more.by_function) {
      int64_t& known = to.by_function[name];
      known = Add(known, Times(flops, times));
    }
  }

  int64_t Value(const Expr& e) const { return e.Evaluate(values_).value_or(0); }

  const Dims& DimsOf(const Op& op, size_t operand) const {
    return function_.value(op.operands[operand]).type.dims();
  }

  int64_t Elements(const Dims& dims, size_t first = 0) const {
    int64_t n = 1;
    for (size_t d = first; d < dims.size(); ++d) n = Times(n, Value(dims[d]));
    return n;
  }

  FlopCount OfOp(const Op& op) const {
    const std::string_view name = op.def->name;
    if (op.def->has_callee) return OfCall(op);
    if (op.regions.empty()) return {.total = OfProduct(op)};
    if (name == "cond" || name == "switch") return OfBranches(op);
    FlopCount count;
    for (BlockId region : op.regions) AddTo(count, Block(region), Turns(op));
    return count;
  }

  // How often the regions of an op run.
  int64_t Turns(const Op& op) const {
    const std::string_view name = op.def->name;
    if (name == "while") {
      const AttrValue* most = AttrOf(op, "max_trip");
      return most == nullptr ? options_.trips : std::min(options_.trips, Value(*most->As<Expr>()));
    }
    const bool map = name == "map";
    const bool combines = name == "assoc_scan";
    if (!map && !combines && name != "scan") return 1;
    std::span<const ValueId> xs = function_.Group(op, map || combines ? 0 : 1);
    if (xs.empty()) return 0;
    const Dims& dims = function_.value(xs[0]).type.dims();
    const AttrValue* attr = AttrOf(op, "dim");
    int64_t dim = attr != nullptr ? Value(*attr->As<Expr>()) : 0;
    if (dim < 0) dim += static_cast<int64_t>(dims.size());
    if (dim < 0 || dim >= static_cast<int64_t>(dims.size())) return 0;
    const int64_t slices = Value(dims[static_cast<size_t>(dim)]);
    return combines ? std::max<int64_t>(slices - 1, 0) : slices;
  }

  FlopCount OfBranches(const Op& op) const {
    FlopCount most;
    for (BlockId region : op.regions) {
      FlopCount branch = Block(region);
      most.total = std::max(most.total, branch.total);
      for (const auto& [name, flops] : branch.by_function) {
        int64_t& known = most.by_function[name];
        known = std::max(known, flops);
      }
    }
    return most;
  }

  FlopCount OfCall(const Op& op) const {
    const Function* callee = module_.Find(op.callee);
    if (callee == nullptr) return {};
    // Symbols that a parameter's size binds, then those that the call states, in order.
    std::vector<std::optional<int64_t>> bound(callee->num_symbol_params);
    for (size_t i = 0; i < op.operands.size() && i < callee->params().size(); ++i) {
      const Dims& formal = callee->value(callee->params()[i]).type.dims();
      const Dims& actual = DimsOf(op, i);
      for (size_t d = 0; d < formal.size() && d < actual.size(); ++d) {
        if (formal[d].kind() != Expr::Kind::kSymbol) continue;
        const size_t symbol = formal[d].symbol().index();
        if (symbol < bound.size()) bound[symbol] = Value(actual[d]);
      }
    }
    std::vector<int64_t> symbols;
    size_t stated = 0;
    for (const std::optional<int64_t>& value : bound) {
      const bool take = !value.has_value() && stated < op.callee_sizes.size();
      symbols.push_back(take ? Value(op.callee_sizes[stated++]) : value.value_or(0));
    }
    FlopCount count = Counter(module_, *callee, symbols, options_).Block(callee->body);
    count.by_function[op.callee] = Add(count.by_function[op.callee], count.total);
    return count;
  }

  int64_t OfProduct(const Op& op) const {
    std::string_view name = op.def->name;
    if (name == "out_dtype") {
      const AttrValue* inner = AttrOf(op, "op");
      if (inner == nullptr || inner->As<std::string>() == nullptr) return 0;
      name = *inner->As<std::string>();
    }
    if (op.operands.size() < 2 || op.results.empty()) return 0;
    const Dims& made = function_.value(op.results[0]).type.dims();
    if (name == "matmul" || name == "bmm" || name == "linear") {
      const Dims& x = DimsOf(op, 0);
      return x.empty() ? 0 : Times(2, Times(Elements(made), Value(x.back())));
    }
    if (name == "addmm") {
      const Dims& x = DimsOf(op, 1);
      return x.empty() ? 0 : Times(2, Times(Elements(made), Value(x.back())));
    }
    if (name == "scaled_dot_product_attention") {
      const Dims& keys = DimsOf(op, 1);
      if (keys.size() < 2) return 0;
      const int64_t products = Add(Elements(DimsOf(op, 0)), Elements(made));
      return Times(2, Times(Value(keys[keys.size() - 2]), products));
    }
    const int64_t kernel = name.starts_with("conv") ? Elements(DimsOf(op, 1), 1) : 0;
    const bool spreads = name == "conv_transpose";
    return Times(2, Times(Elements(spreads ? DimsOf(op, 0) : made), kernel));
  }

  const Module& module_;
  const Function& function_;
  const FlopOptions& options_;
  std::vector<int64_t> values_;  // of the function's symbols
};

}  // namespace

FlopCount CountFlops(const Module& module, const Function& function,
                     std::span<const int64_t> symbols, const FlopOptions& options) {
  return Counter(module, function, symbols, options).Block(function.body);
}

}  // namespace gcomp::ir
