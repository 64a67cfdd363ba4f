#include "runtime/specializer.h"

#include <algorithm>
#include <string>

#include "base/format.h"
#include "ir/op_def.h"
#include "runtime/block_builder.h"

namespace gcomp {
namespace {

using ir::Function;
using ir::TensorSpec;

// Deeper nesting of regions and calls than this is not run: each level is a level of C++ calls.
constexpr int kMaxDepth = 128;
// A function whose calls need more bodies at distinct sizes than this is not run: calls that double
// at every level would need 2^levels.
constexpr size_t kMaxBlocks = size_t{1} << 14;

}  // namespace

Specializer::FunctionFacts::FunctionFacts(const ir::Module& module, const Function& function)
    : roots(module, function), shapes(function.symbols.size()) {
  auto note = [this](const ir::Expr& e) {
    e.ForEachSymbol([this](ir::SymId id) { shapes[id.index()] = true; });
  };
  for (const ir::Value& value : function.values) {
    if (!value.type.is_tensor()) continue;
    for (const ir::Expr& dim : value.type.dims()) note(dim);
    for (const ir::Expr& stride : value.type.layout().strides) note(stride);
    note(value.type.layout().offset);
  }
  // The block that has the integer which tells a symbol.
  std::vector<ir::BlockId> home(function.symbols.size());
  for (uint32_t b = 0; b < function.blocks.size(); ++b) {
    const ir::Block& block = function.blocks[b];
    for (ir::ValueId id : block.params) {
      const ir::Type& type = function.value(id).type;
      const bool lone =
          type.kind() == ir::Type::Kind::kInt && type.value().kind() == ir::Expr::Kind::kSymbol;
      if (lone) home[type.value().symbol().index()] = ir::BlockId(b);
    }
    for (ir::OpId id : block.ops) {
      for (ir::SymId symbol : function.op(id).defines) home[symbol.index()] = ir::BlockId(b);
    }
  }
  for (uint32_t b = 0; b < function.blocks.size(); ++b) {
    for (ir::OpId id : function.blocks[b].ops) {
      const ir::Op& op = function.op(id);
      for (const ir::Expr& size : op.callee_sizes) note(size);
      for (size_t i = 0; i < op.attrs.size() && i < op.def->attrs.size(); ++i) {
        const ir::AttrKind kind = op.def->attrs[i].kind;
        const auto* e = op.attrs[i].As<ir::Expr>();
        if (e != nullptr && (kind == ir::AttrKind::kExpr || kind == ir::AttrKind::kPredicate)) {
          // The kernel evaluates it when it runs (KernelCtx::late_symbols), from integers of its
          // own block.
          e->ForEachSymbol([&](ir::SymId symbol) {
            if (home[symbol.index()] != ir::BlockId(b)) shapes[symbol.index()] = true;
          });
          continue;
        }
        if (e != nullptr) note(*e);
        if (const auto* list = op.attrs[i].As<ir::AttrList>()) {
          for (const ir::AttrValue& element : *list) {
            if (const auto* size = element.As<ir::Expr>()) note(*size);
          }
        }
      }
    }
  }
  for (const ir::Symbol& symbol : function.symbols) {
    note(symbol.low);
    if (symbol.high.has_value()) note(*symbol.high);
  }
}

const Specializer::FunctionFacts& Specializer::FactsOf(const Function& function) {
  std::unique_ptr<FunctionFacts>& facts = facts_[&function];
  if (facts == nullptr) facts = std::make_unique<FunctionFacts>(module_, function);
  return *facts;
}

Status Specializer::Build(const CodeRange& range) {
  GCOMP_ASSIGN_OR_RETURN([[maybe_unused]] uint32_t root, Block(range, out_.symbols_));
  if (out_.root().failure.has_value()) return std::move(*out_.blocks_[0]->failure);
  return PlaceArenas();
}

StatusOr<uint32_t> Specializer::Callee(const Function& function, std::vector<int64_t> symbols,
                                       bool params_overlap) {
  params_overlap = params_overlap && FactsOf(function).roots.any_written();
  auto key = std::make_tuple(&function, symbols, params_overlap);
  if (auto known = callees_.find(key); known != callees_.end()) return known->second;
  CodeRange range;
  range.function = &function;
  range.block = function.body;
  range.params = function.params();
  range.params_overlap = params_overlap;
  SymbolValues values{std::move(symbols), std::vector<bool>(function.symbols.size(), false)};
  for (size_t i = 0; i < function.num_symbol_params; ++i) values.known[i] = true;
  for (const ir::Result& result : function.results) {
    TensorSpec& spec = range.destinations.emplace_back(BlockBuilder::UnknownSpec(result.type));
    if (!values.Knows(result.type)) continue;
    GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(result.type, values.values));
  }
  GCOMP_ASSIGN_OR_RETURN(uint32_t index, Block(range, values));
  callees_.emplace(std::move(key), index);
  return index;
}

StatusOr<uint32_t> Specializer::Block(const CodeRange& range, const SymbolValues& symbols) {
  if (depth_ >= kMaxDepth) {
    return Status(ErrorId::E802, Format("regions and calls nest deeper than {}", kMaxDepth));
  }
  if (out_.blocks_.size() >= kMaxBlocks) {
    return Status(ErrorId::E802,
                  Format("a function needs more than {} bodies at distinct sizes", kMaxBlocks));
  }
  ++depth_;
  auto index = static_cast<uint32_t>(out_.blocks_.size());
  out_.blocks_.push_back(std::make_unique<BlockCode>());
  BlockBuilder builder(*this, range, symbols, *out_.blocks_.back());
  GCOMP_RETURN_IF_ERROR(builder.Build());
  --depth_;
  return index;
}

// A block's range begins where the longest range of those who run it ends: one pass over the
// blocks, callers before what they run. The call graph has no cycles.
Status Specializer::PlaceArenas() {
  std::vector<uint32_t> order;  // callers before what they run
  std::vector<uint8_t> seen(out_.blocks_.size(), 0);
  std::vector<std::pair<uint32_t, size_t>> stack = {{0, 0}};
  seen[0] = 1;
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    const std::vector<Child>& children = out_.blocks_[block]->child_lists;
    if (next == children.size()) {
      order.push_back(block);
      stack.pop_back();
      continue;
    }
    const Child child = children[next++];
    // A late block has an arena of its own.
    if (child.late || seen[child.index] != 0) continue;
    seen[child.index] = 1;
    stack.emplace_back(child.index, 0);
  }
  std::reverse(order.begin(), order.end());
  for (uint32_t index : order) {
    const BlockCode& code = *out_.blocks_[index];
    int64_t end = 0;
    if (__builtin_add_overflow(code.arena_offset, code.arena_bytes, &end)) {
      return Status(ErrorId::E801, "a function needs more than 2^63 bytes of buffers");
    }
    out_.arena_bytes_ = std::max(out_.arena_bytes_, end);
    for (Child child : code.child_lists) {
      if (child.late) continue;
      int64_t& offset = out_.blocks_[child.index]->arena_offset;
      offset = std::max(offset, end);
    }
  }
  return {};
}

}  // namespace gcomp
