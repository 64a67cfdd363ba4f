#include "tools/module_diff.h"

#include <unordered_map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/text.h"
#include "tools/line_diff.h"

namespace gcomp::tools {
namespace {

using ir::BlockId;
using ir::Function;
using ir::Op;
using ir::OpId;
using ir::Value;
using ir::ValueId;

// A function as a list of lines: header, parameters, ops with those of their regions, and
// terminators.
struct Entry {
  std::string text;
  std::vector<ValueId> uses;
  std::vector<ValueId> defs;
};

struct Listing {
  std::vector<Entry> entries;
  std::vector<std::string> keys;  // the entries' texts without any names
};

// The function with all that a structure does not depend on taken away.
Function Anonymous(const Function& function) {
  Function bare = function;
  for (Value& value : bare.values) value.name.clear();
  for (size_t i = 0; i < bare.symbols.size(); ++i) bare.symbols[i].name = Format("s{}", i);
  for (Op& op : bare.ops) {
    op.places.clear();
    op.comments.clear();
    op.trailing_comment.clear();
  }
  return bare;
}

// "func @f<...>(...) -> (...) ..." on one line.
std::string Header(const ir::Module& module, const Function& function) {
  std::string text = ir::Print(module, function, {.places = false, .comments = false});
  std::string header;
  for (const std::string& line : SplitLines(text)) {
    header += header.empty() ? line : Format(" {}", line);
    if (line.ends_with("{")) break;
  }
  return header;
}

class Lister {
 public:
  Lister(const ir::Module& module, const Function& function)
      : function_(function), bare_(Anonymous(function)) {
    Append(Header(module, function), Header(module, bare_), {}, {});
    ListBlock(function.body, 0);
  }

  Listing Take() && { return std::move(listing_); }

 private:
  void ListBlock(BlockId id, size_t depth) {
    const ir::Block& block = function_.block(id);
    std::string indent(2 * depth, ' ');
    for (ValueId param : block.params) {
      const Value& value = function_.value(param);
      std::string type = value.type.ToString(function_.Namer());
      Append(Format("{}{}param %{}: {}", indent, block.label, value.name, type),
             Format("{}{}param {}", indent, block.label, value.type.ToString(bare_.Namer())), {},
             {param});
    }
    for (OpId op : block.ops) {
      const Op& shown = function_.op(op);
      Append(indent + ir::PrintOpLine(function_, shown),
             indent + ir::PrintOpLine(bare_, bare_.op(op)), shown.operands, shown.results);
      for (BlockId region : shown.regions) ListBlock(region, depth + 1);
    }
    std::string terminator = indent + (block.parent.valid() ? "yield" : "return");
    std::string key = Format("{} {}", terminator, block.yields.size());
    for (size_t i = 0; i < block.yields.size(); ++i) {
      terminator += Format("{} %{}", i == 0 ? "" : ",", function_.value(block.yields[i]).name);
    }
    Append(std::move(terminator), std::move(key), block.yields, {});
  }

  void Append(std::string text, std::string key, std::vector<ValueId> uses,
              std::vector<ValueId> defs) {
    listing_.entries.push_back({std::move(text), std::move(uses), std::move(defs)});
    listing_.keys.push_back(std::move(key));
  }

  const Function& function_;
  Function bare_;
  Listing listing_;
};

class FunctionDiff {
 public:
  FunctionDiff(const ir::Module& a_module, const Function& a, const ir::Module& b_module,
               const Function& b)
      : a_(a), b_(b), left_(Lister(a_module, a).Take()), right_(Lister(b_module, b).Take()) {}

  void AppendTo(ModuleDiff& diff) {
    for (const DiffStep& step : DiffLines(left_.keys, right_.keys)) {
      if (step.kind == DiffStep::Kind::kSame && Corresponds(step)) continue;
      if (step.kind != DiffStep::Kind::kAdded) {
        changes_ += Format("- {}\n", left_.entries[step.a].text);
      }
      if (step.kind != DiffStep::Kind::kRemoved) {
        changes_ += Format("+ {}\n", right_.entries[step.b].text);
      }
    }
    if (!changes_.empty()) diff.same_structure = false;
    if (changes_.empty() && renames_.empty()) return;
    diff.text += Format("@{}\n{}{}", a_.name, changes_, renames_);
  }

 private:
  // Pairs the values of two aligned entries; false if their operands are not paired.
  bool Corresponds(const DiffStep& step) {
    const Entry& left = left_.entries[step.a];
    const Entry& right = right_.entries[step.b];
    bool same = true;
    for (size_t i = 0; i < left.uses.size(); ++i) {
      // Literals are part of the key.
      if (a_.value(left.uses[i]).kind == Value::Kind::kLiteral) continue;
      auto found = pairs_.find(left.uses[i]);
      same = same && found != pairs_.end() && found->second == right.uses[i];
    }
    for (size_t i = 0; i < left.defs.size(); ++i) {
      pairs_.emplace(left.defs[i], right.defs[i]);
      const std::string& before = a_.value(left.defs[i]).name;
      const std::string& after = b_.value(right.defs[i]).name;
      if (before != after) renames_ += Format("  renamed: %{} -> %{}\n", before, after);
    }
    return same;
  }

  const Function& a_;
  const Function& b_;
  Listing left_;
  Listing right_;
  std::unordered_map<ValueId, ValueId> pairs_;
  std::string changes_;
  std::string renames_;
};

}  // namespace

ModuleDiff DiffModules(const ir::Module& a, const ir::Module& b) {
  ModuleDiff diff;
  for (const auto& function : a.functions) {
    if (const Function* other = b.Find(function->name)) {
      FunctionDiff(a, *function, b, *other).AppendTo(diff);
      continue;
    }
    diff.text += Format("- func @{}\n", function->name);
    diff.same_structure = false;
  }
  for (const auto& function : b.functions) {
    if (a.Find(function->name) != nullptr) continue;
    diff.text += Format("+ func @{}\n", function->name);
    diff.same_structure = false;
  }
  for (const ir::Global& global : a.globals) {
    const ir::Global* other = b.FindGlobal(global.name);
    if (other != nullptr && other->type == global.type && other->init == global.init &&
        other->annotations == global.annotations) {
      continue;
    }
    diff.text += Format("{} global @{}\n", other == nullptr ? "-" : "~", global.name);
    diff.same_structure = false;
  }
  for (const ir::Global& global : b.globals) {
    if (a.FindGlobal(global.name) != nullptr) continue;
    diff.text += Format("+ global @{}\n", global.name);
    diff.same_structure = false;
  }
  return diff;
}

}  // namespace gcomp::tools
