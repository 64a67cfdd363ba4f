// Builder: makes ops one after the other in a block; types are inferred from the records.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "ir/size_facts.h"

namespace gcomp::ir {

// What is given for one op. Operand groups are in the order of the schema's operand specs; a group
// that is not given (absent optional operand) is an empty list.
struct OpArgs {
  std::vector<std::vector<ValueId>> groups;
  AttrDict attrs;                  // by schema name; unknown names are E508
  std::vector<Type> result_types;  // for ops that take their type from the text (const, cast)
  std::string callee;
  std::vector<Expr> callee_sizes;         // `@f<s0 / 2>`
  std::vector<BlockId> regions;           // made with Builder::BeginRegion / EndRegion
  std::vector<std::string> result_names;  // empty = named after the op: %add, %add_2
  std::vector<SymId> defines;
};

// Appends to a block of `function`. Thread safety: one thread.
class Builder {
 public:
  Builder(Module& module, Function& function, const OpRegistry& ops)
      : Builder(module, function, ops, function.body) {}

  // Appends to `block`.
  Builder(Module& module, Function& function, const OpRegistry& ops, BlockId block)
      : module_(module), function_(function), ops_(ops), block_(block) {
    OpenNames();
  }

  // Adds a parameter to the current block. A name that the block has already gets a number behind.
  ValueId Param(std::string name, Type type, Annotations annotations = {});

  // Infers the types, adds the op to the current block, returns its results. Fails with what infer
  // says, or E510 (unknown op), E504 (operands), E508 (attributes), E505 (regions), E506 (callee),
  // and leaves the function unchanged then.
  StatusOr<std::vector<ValueId>> Add(std::string_view op, OpArgs args);

  // For ops with one result and only required or variadic operands.
  StatusOr<ValueId> Add1(std::string_view op, std::vector<ValueId> operands, AttrDict attrs = {});

  ValueId Literal(Scalar literal) { return function_.AddLiteral(literal); }

  // Opens a region: what follows goes into it until EndRegion, which yields and returns its block.
  void BeginRegion(std::string label);
  BlockId EndRegion(std::vector<ValueId> yields);

  // What `op`, which stands before all that is added from here on, says of sizes. Add() does this
  // for the ops that it makes; what is learned in a region is forgotten at its end.
  void Learn(const Op& op) { LearnSizes(op, facts_); }

  // Ends the function's body; sets its results from the values' types.
  void Return(std::vector<ValueId> values);

 private:
  // The names of one block: to each the least number that may stand behind it.
  using Names = std::unordered_map<std::string, int>;

  // A name that the current block does not have, which is taken from then on.
  std::string FreshName(std::string_view stem);
  // Starts the names of the current block with those that it has.
  void OpenNames();
  Status FillOp(const OpDef& def, OpArgs& args, Op* op) const;
  Status Infer(const OpArgs& args, Op* op);

  Module& module_;
  Function& function_;
  const OpRegistry& ops_;
  BlockId block_;
  std::vector<BlockId> open_;  // blocks around the current one
  std::vector<Names> names_;   // of the blocks in open_ and of the current one
  SizeFacts facts_;            // what the ops before have checked
  std::vector<size_t> marks_;  // the facts before each open region
};

}  // namespace gcomp::ir
