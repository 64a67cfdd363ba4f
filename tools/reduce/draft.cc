#include "tools/reduce/draft.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/format.h"
#include "ir/diagnostic.h"
#include "ir/passes/blocks.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "ir/verify_op.h"
#include "tools/reduce/directives.h"
#include "tools/reduce/graph.h"

namespace gcomp::reduce {
namespace {

using ir::BlockId;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::Value;
using ir::ValueId;

// A size that is no number counts as a large one.
constexpr int64_t kSymbolicSize = 1000;
// Sums of sizes stay far from overflow.
constexpr int64_t kLargestSize = int64_t{1} << 32;

// Infers the types of all results again, callees before their callers.
class Inference {
 public:
  explicit Inference(ir::Module& module) : module_(module) {}

  bool Run() {
    for (size_t index : LiveFunctions(module_)) {
      if (!InferFunction(*module_.functions[index])) return false;
    }
    return true;
  }

 private:
  bool InferFunction(Function& function) {
    if (!begun_.insert(&function).second) return true;
    if (!InferBlock(function, function.body)) return false;
    const std::vector<ValueId>& yields = function.block(function.body).yields;
    if (yields.size() != function.results.size()) return false;
    for (size_t i = 0; i < yields.size(); ++i) {
      function.results[i].type = function.value(yields[i]).type;
      DropFreeFacts(function, function.results[i].annotations);
    }
    return true;
  }

  // What a result of a function says of parameters that are no more.
  static void DropFreeFacts(const Function& function, ir::Annotations& annotations) {
    for (ValueId* fact : {&annotations.alias, &annotations.into}) {
      const std::vector<ValueId>& params = function.params();
      if (std::find(params.begin(), params.end(), *fact) == params.end()) *fact = {};
    }
  }

  bool InferBlock(Function& function, BlockId block) {
    for (OpId id : function.block(block).ops) {
      for (BlockId region : function.op(id).regions) {
        if (!InferBlock(function, region)) return false;
      }
      if (!InferOp(function, function.op(id))) return false;
    }
    return true;
  }

  bool InferOp(Function& function, Op& op) {
    if (op.def->has_callee) {
      Function* callee = module_.Find(op.callee);
      if (callee != nullptr && !InferFunction(*callee)) return false;
    }
    ir::Diagnostics diagnostics;
    if (!op.def->known() || !ir::CheckOpAgainstSchema(function, op, diagnostics)) return false;
    ir::InferCtx ctx(module_, function, op);
    if (!op.def->infer(ctx).ok() || ctx.results().size() != op.results.size()) return false;
    for (size_t i = 0; i < op.results.size(); ++i) {
      Value& result = function.value(op.results[i]);
      result.type = ctx.results()[i];
      const int8_t source =
          i < std::size(op.def->effects.alias_of) ? op.def->effects.alias_of[i] : int8_t{-1};
      if (source < 0 || static_cast<size_t>(source) >= op.operands.size()) continue;
      const ValueId base = op.operands[static_cast<size_t>(source)];
      // A literal has no name to say it by.
      const bool named = function.value(base).kind != Value::Kind::kLiteral;
      result.annotations.alias = named ? base : ValueId();
    }
    return true;
  }

  ir::Module& module_;
  std::unordered_set<const Function*> begun_;
};

// Ops that came from another block may have names that the block has.
void MakeNamesUnique(Function& function) {
  for (BlockId block : ir::LiveBlocks(function)) {
    std::unordered_set<std::string> names;
    for (ValueId id : ValuesBefore(function, block, function.block(block).ops.size())) {
      std::string& name = function.value(id).name;
      const std::string stem = name;
      for (int number = 2; !names.insert(name).second; ++number) {
        name = Format("{}_{}", stem, number);
      }
    }
  }
}

int64_t SizeOf(const ir::Type& type) {
  if (!type.is_tensor()) return 1;
  int64_t size = type.is_contiguous() ? 0 : 1;
  for (const ir::Expr& dim : type.dims()) {
    size += 1 + (dim.is_const() ? std::min(dim.value(), kLargestSize) : kSymbolicSize);
  }
  return size;
}

int64_t DTypeCost(const ir::Type& type) {
  if (!type.is_tensor() || type.dtype() == ir::DType::kF32) return 0;
  return type.dtype() == ir::DType::kI32 || type.dtype() == ir::DType::kBool ? 1 : 2;
}

// The sum of all numbers in a text.
int64_t SumOfNumbers(std::string_view text) {
  int64_t sum = 0;
  int64_t number = 0;
  for (char c : text) {
    const bool digit = c >= '0' && c <= '9';
    sum += digit ? 0 : number;
    number = digit ? std::min(number * 10 + (c - '0'), kLargestSize) : 0;
  }
  return sum + number;
}

struct Measures {
  int64_t blocks = 0;
  int64_t ops = 0;
  int64_t results = 0;
  int64_t symbols = 0;
  int64_t inputs = 0;
  int64_t attributes = 0;
  int64_t reach = 0;
  int64_t dtypes = 0;
  int64_t sizes = 0;
};

void MeasureBlock(const Function& function, BlockId id, Measures& sum) {
  const ir::Block& block = function.block(id);
  std::unordered_map<ValueId, int64_t> defined;
  auto define = [&](ValueId value) {
    defined.emplace(value, static_cast<int64_t>(defined.size()));
    sum.dtypes += DTypeCost(function.value(value).type);
    sum.sizes += SizeOf(function.value(value).type);
  };
  for (ValueId param : block.params) define(param);
  sum.inputs += static_cast<int64_t>(block.params.size());
  for (OpId op_id : block.ops) {
    const Op& op = function.op(op_id);
    sum.ops += 1;
    sum.blocks += static_cast<int64_t>(op.regions.size());
    for (ValueId operand : op.operands) {
      if (function.value(operand).kind == Value::Kind::kLiteral) continue;
      sum.inputs += 1;
      sum.reach += defined[operand];
    }
    sum.attributes += static_cast<int64_t>(op.extra_attrs.size());
    for (const ir::AttrValue& attr : op.attrs) sum.attributes += attr.empty() ? 0 : 1;
    for (ValueId result : op.results) define(result);
  }
  for (ValueId yield : block.yields) sum.reach += defined[yield];
  sum.results += static_cast<int64_t>(block.yields.size());
}

}  // namespace

StatusOr<Draft> ReadDraft(const Piece& piece, const ir::OpRegistry& ops, std::string path) {
  Draft draft;
  ir::Diagnostics diagnostics(std::move(path), piece.module);
  draft.module = ir::Parse(piece.module, ops, diagnostics);
  if (diagnostics.ok()) ir::Verify(draft.module, diagnostics);
  GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
  draft.directives = piece.directives;
  return draft;
}

std::optional<Piece> Finish(Draft draft, const ir::OpRegistry& ops) {
  if (!Inference(draft.module).Run()) return std::nullopt;
  for (size_t index : LiveFunctions(draft.module)) {
    MakeNamesUnique(*draft.module.functions[index]);
  }
  Piece piece{ir::Print(draft.module), std::move(draft.directives)};
  TidyDirectives(piece.directives);
  StatusOr<Draft> again = ReadDraft(piece, ops);
  if (!again.ok()) return std::nullopt;
  // Literals may have a shorter form in their new dtype.
  piece.module = ir::Print(again->module);
  return piece;
}

Complexity ComplexityOf(const Draft& draft, const Piece& piece) {
  Measures sum;
  for (size_t index : LiveFunctions(draft.module)) {
    const Function& function = *draft.module.functions[index];
    sum.symbols += static_cast<int64_t>(function.symbols.size());
    for (BlockId block : ir::LiveBlocks(function)) MeasureBlock(function, block, sum);
  }
  int64_t numbers = 0;
  int64_t directives = 0;
  for (const filetest::Directive& directive : piece.directives) {
    numbers += SumOfNumbers(directive.text);
    directives += static_cast<int64_t>(directive.name.size() + directive.text.size());
  }
  return {static_cast<int64_t>(draft.module.items.size()),
          sum.ops,
          sum.blocks,
          sum.results,
          sum.symbols,
          sum.inputs,
          sum.attributes,
          sum.reach,
          sum.dtypes,
          sum.sizes,
          directives,
          numbers,
          static_cast<int64_t>(piece.module.size())};
}

bool ParamsTellSymbols(const ir::Module& module) {
  for (size_t index : LiveFunctions(module)) {
    const Function& function = *module.functions[index];
    std::vector<bool> told(function.symbols.size());
    for (ValueId param : function.params()) {
      for (const ir::Expr& dim : function.value(param).type.dims()) {
        dim.ForEachSymbol([&](ir::SymId id) { told[id.index()] = true; });
      }
    }
    told.resize(function.num_symbol_params);
    if (std::find(told.begin(), told.end(), false) != told.end()) return false;
  }
  return true;
}

int64_t CountOps(const ir::Module& module) {
  int64_t count = 0;
  for (size_t index : LiveFunctions(module)) {
    count += static_cast<int64_t>(LiveOps(*module.functions[index]).size());
  }
  return count;
}

}  // namespace gcomp::reduce
