// Module: graphs in memory: functions, blocks, ops, values. One text form (docs/spec/ir.md).
//
// A Module holds functions and globals. A Function owns dense tables of values, ops and blocks;
// ValueId, OpId and BlockId index them. An op points to its record (ir/op_def.h): there is no op
// enum. Regions are blocks of the same function, isolated: a block sees only its own parameters and
// the size symbols of the function. Literal operands are values of kind kLiteral, so that every
// operand is a ValueId.
//
// Ops live in the table for the life of the function; a block lists the live ones in order, so that
// removing an op is removing it from its block. Compact() drops what no block lists.
//
// Thread safety: a Module that nobody changes may be read from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/status.h"
#include "ir/diagnostic.h"
#include "ir/expr.h"
#include "ir/scalar_value.h"
#include "ir/type.h"

namespace gcomp::ir {

struct OpDef;

using ValueId = Id<struct ValueTag>;
using OpId = Id<struct OpTag>;
using BlockId = Id<struct BlockTag>;

class AttrValue;
using AttrList = std::vector<AttrValue>;
using AttrDict = std::vector<std::pair<std::string, AttrValue>>;  // in printed order

// `@name` as an attribute.
struct FunctionRef {
  std::string name;

  bool operator==(const FunctionRef&) const = default;
};

// A bare word that is neither dtype nor symbol, in the attributes of an op that this build does not
// know; known ops reject it.
struct Word {
  std::string text;

  bool operator==(const Word&) const = default;
};

// The value of an attribute. Integers, size expressions and predicates are Exprs; a floating number
// is a double; numbers of tensor data are Scalars of the tensor's dtype.
class AttrValue {
 public:
  using Variant = std::variant<std::monostate, Expr, double, bool, std::string, DType, Type,
                               FunctionRef, Word, Scalar, ValueId, AttrList, AttrDict>;

  AttrValue() = default;

  template <class T>

  requires std::is_constructible_v<Variant, T&&> AttrValue(T&& value)
      : value_(std::forward<T>(value)) {}  // NOLINT(google-explicit-constructor)

  bool empty() const { return std::holds_alternative<std::monostate>(value_); }

  template <class T>
  const T* As() const {
    return std::get_if<T>(&value_);
  }

  template <class T>
  T* As() {
    return std::get_if<T>(&value_);
  }

  const Variant& variant() const { return value_; }

  bool operator==(const AttrValue&) const = default;

 private:
  Variant value_;
};

// Facts written after a type: `mut`, `alias(%v)`, `weight("name")`.
struct Annotations {
  bool mut = false;
  bool donate = false;
  bool noalias = false;
  ValueId alias;  // invalid = not written
  ValueId into;
  std::optional<std::string> weight;

  bool operator==(const Annotations&) const = default;
};

// Where a piece of the graph comes from: `loc(file:line:column, ...)`, innermost first.
struct SourcePlace {
  std::string file;  // a word of the module's file table
  int64_t line = 0;
  int64_t column = 0;

  bool operator==(const SourcePlace&) const = default;
};

struct Value {
  enum class Kind : uint8_t { kParam, kResult, kLiteral };
  Kind kind = Kind::kParam;
  std::string name;  // without `%`; empty for a literal
  Type type;
  Annotations annotations;
  OpId op;             // kResult: who makes it
  BlockId block;       // kParam: whose parameter it is
  uint32_t index = 0;  // which result or parameter
  Scalar literal;      // kLiteral
  Span span;           // where it is defined in the text it was parsed from; line 0 = not from text
};

struct Symbol {
  std::string name;
  Expr low = 0;
  std::optional<Expr> high;  // nullopt = inf
  int64_t multiple = 1;
  bool range_written = false;  // a written `in [..]` is printed again
  Span span;
};

struct Op {
  const OpDef* def = nullptr;  // never null in a module
  std::vector<ValueId> operands;
  // operands of group g of the schema are [group_begin[g], group_begin[g + 1]); one entry more than
  // the schema has operand specs.
  std::vector<uint16_t> group_begin;
  std::vector<ValueId> results;
  AttrList attrs;        // by position in the schema; empty = the default
  AttrDict extra_attrs;  // `attrs {...}` at the end of the line
  // What an op unknown to this build had between its parentheses, to print it again: a name (empty
  // = by position) and a value.
  AttrDict unknown_args;
  std::string callee;              // without `@`; empty = none
  std::vector<Expr> callee_sizes;  // `@f<s0 / 2>`
  std::vector<BlockId> regions;
  std::vector<SymId> defines;
  std::vector<SourcePlace> places;
  std::vector<std::string> comments;  // lines before it, without `//`
  std::string trailing_comment;
  Span span;  // line 0 = not from text
};

struct Block {
  std::string label;  // `then`, `body`; empty for the body of a function
  std::vector<ValueId> params;
  std::vector<OpId> ops;
  std::vector<ValueId> yields;            // operands of the terminator
  std::vector<SourcePlace> places;        // of the terminator
  std::vector<std::string> comments;      // lines before the terminator
  std::string trailing_comment;           // after the terminator
  std::vector<std::string> end_comments;  // lines between the terminator and `}`
  OpId parent;                            // invalid for the body of a function
  Span span;
  Span terminator_span;
};

struct Result {
  Type type;
  Annotations annotations;
};

struct Function {
  std::string name;  // without `@`
  bool exported = false;
  // The first num_symbol_params symbols are `<...>`; the others are made by `defines` or bound by
  // a region parameter int<u>.
  std::vector<Symbol> symbols;
  size_t num_symbol_params = 0;
  std::vector<Result> results;
  std::vector<SymId> defines;  // those on the signature: they escape
  std::vector<std::string> effects;
  AttrDict attrs;
  std::vector<std::string> comments;
  Span span;
  BlockId body{0u};

  std::vector<Value> values;
  std::vector<Op> ops;
  std::vector<Block> blocks;

  Value& value(ValueId id) { return values[id.index()]; }

  const Value& value(ValueId id) const { return values[id.index()]; }

  Op& op(OpId id) { return ops[id.index()]; }

  const Op& op(OpId id) const { return ops[id.index()]; }

  Block& block(BlockId id) { return blocks[id.index()]; }

  const Block& block(BlockId id) const { return blocks[id.index()]; }

  const std::vector<ValueId>& params() const { return blocks[body.index()].params; }

  std::string SymbolName(SymId id) const { return symbols[id.index()].name; }

  // For Expr::ToString and Type::ToString.
  std::function<std::string(SymId)> Namer() const {
    return [this](SymId id) { return SymbolName(id); };
  }

  // For RangeOf: the constant interval of each symbol (bounds that are expressions are widened).
  std::function<Interval(SymId)> Ranger() const;

  ValueId AddValue(Value value);
  ValueId AddLiteral(Scalar literal);
  OpId AddOp(Op op);  // sets `op` and `index` of its results; does not list it in a block
  BlockId AddBlock(Block block);
  SymId AddSymbol(Symbol symbol);
  SymId FindSymbol(std::string_view symbol_name) const;  // invalid = none
  ValueId FindParam(std::string_view param_name) const;

  // The operands of group g of the op's schema.
  std::span<const ValueId> Group(const Op& op, size_t g) const {
    return std::span(op.operands)
        .subspan(op.group_begin[g], static_cast<size_t>(op.group_begin[g + 1] - op.group_begin[g]));
  }

  // Replaces every use of `from` (operands, yields, annotations) by `to`, in all blocks.
  void ReplaceUses(ValueId from, ValueId to);

  // Drops ops, values and blocks that are not reachable from the body; renumbers the rest in the
  // order of the text.
  void Compact();
};

struct Global {
  std::string name;
  Type type;
  Annotations annotations;
  AttrValue init;
  std::vector<std::string> comments;
  Span span;
};

// One line of the file table: `file mlp = "examples/mlp.cpp"`.
struct SourceFile {
  std::string word;
  std::string path;
};

// Lets maps of strings be asked by string_view.
struct NameHash {
  using is_transparent = void;

  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};

struct Module {
  static constexpr int64_t kFormatVersion = 1;

  std::string name;
  AttrDict attrs;
  std::vector<std::string> comments;      // before the first line
  std::vector<std::string> end_comments;  // after the last item
  std::vector<SourceFile> files;

  // Items in the order of the text; globals and functions may alternate.
  struct Item {
    bool is_function;
    size_t index;
  };

  std::vector<Item> items;
  std::vector<Global> globals;
  // Filled by AddFunction; a function keeps its name from then on.
  std::vector<std::unique_ptr<Function>> functions;
  std::unordered_map<std::string, size_t, NameHash, std::equal_to<>> function_index;
  // Records of ops that this build does not know; ops point to them.
  std::deque<std::unique_ptr<OpDef>> unknown_ops;
  std::deque<std::string> unknown_names;

  Module();
  ~Module();
  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;

  Function* Find(std::string_view function_name);
  const Function* Find(std::string_view function_name) const;
  const Global* FindGlobal(std::string_view global_name) const;
  Function& AddFunction(std::string function_name);
  const OpDef* UnknownOp(std::string_view op_name);
};

}  // namespace gcomp::ir
