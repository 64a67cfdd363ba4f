#include "ir/structure.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/op_def.h"

namespace gcomp::ir {

std::vector<uint32_t> SymbolNumbers(const Function& function) {
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> numbers(function.num_symbol_params, kNone);
  uint32_t next = 0;
  auto number = [&](uint32_t symbol) {
    if (symbol < numbers.size() && numbers[symbol] == kNone) numbers[symbol] = next++;
  };
  for (ValueId param : function.params()) {
    const Type& type = function.value(param).type;
    for (const Expr& dim : type.dims()) {
      if (dim.kind() == Expr::Kind::kSymbol) number(dim.symbol().index());
    }
  }
  for (uint32_t i = 0; i < numbers.size(); ++i) number(i);
  return numbers;
}

namespace {

// A function as bytes that are equal for equal structure, with the functions that it calls aside,
// in the order of their first call.
struct Encoding {
  std::string bytes;
  std::vector<const Function*> callees;
};

// Writes one function. Every list is written with its length and every choice with its index, so
// that different structures never give the same bytes.
class Encoder {
 public:
  using Lookup = std::unordered_map<std::string_view, const Function*>;

  Encoder(const Module& module, const Lookup& functions, const Function& function)
      : module_(module), functions_(functions), function_(function) {}

  Encoding Encode() {
    std::vector<uint32_t> params = SymbolNumbers(function_);
    symbols_.assign(function_.symbols.size(), kUnseen);
    std::vector<SymId> order(params.size());
    for (size_t i = 0; i < params.size(); ++i) {
      symbols_[i] = params[i];
      order[params[i]] = SymId(i);
    }
    next_symbol_ = static_cast<uint32_t>(params.size());
    values_.assign(function_.values.size(), kUnseen);
    Word(order.size());
    for (SymId id : order) Declare(id);
    EncodeBlock(function_.body);
    Word(function_.results.size());
    for (const Result& result : function_.results) {
      Put(result.type);
      Put(result.annotations);
    }
    Word(function_.defines.size());
    for (SymId id : function_.defines) Declare(id);
    Word(function_.effects.size());
    for (const std::string& effect : function_.effects) Put(std::string_view(effect));
    Put(function_.attrs);
    return std::move(out_);
  }

  // One op by itself, with its operands as their types and literals, and symbols by their ids.
  Encoding EncodeAlone(const Op& op) {
    out_ = {};
    callee_numbers_.clear();
    next_value_ = 0;
    Word(op.operands.size());
    for (ValueId operand : op.operands) Put(function_.value(operand).type);
    EncodeOp(op);
    Forget(op);
    return std::move(out_);
  }

  // Before EncodeAlone: symbols are what they are.
  void KeepSymbols() {
    symbols_.resize(function_.symbols.size());
    for (uint32_t i = 0; i < symbols_.size(); ++i) symbols_[i] = i;
    values_.assign(function_.values.size(), kUnseen);
  }

  // The globals, then which functions are exported; the callees are all functions, in order.
  Encoding EncodeModule() {
    Put(module_.attrs);
    Word(module_.globals.size());
    for (const Global& global : module_.globals) {
      Put(global.type);
      Put(global.annotations);
      Put(global.init);
    }
    Word(module_.functions.size());
    for (const auto& function : module_.functions) {
      Word(function->exported);
      out_.callees.push_back(function.get());
    }
    return std::move(out_);
  }

 private:
  static constexpr uint32_t kUnseen = UINT32_MAX;

  void Word(uint64_t word) {
    char bytes[8];
    for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(word >> (8 * i));
    out_.bytes.append(bytes, 8);
  }

  void Put(std::string_view text) {
    Word(text.size());
    out_.bytes.append(text);
  }

  uint32_t SymbolNumber(SymId id) {
    if (id.index() >= symbols_.size()) return kUnseen;
    uint32_t& number = symbols_[id.index()];
    if (number == kUnseen) number = next_symbol_++;
    return number;
  }

  // A symbol where it is made, with its range.
  void Declare(SymId id) {
    Word(SymbolNumber(id));
    if (id.index() >= function_.symbols.size()) return;
    const Symbol& symbol = function_.symbols[id.index()];
    Put(symbol.low);
    Word(symbol.high.has_value());
    if (symbol.high.has_value()) Put(*symbol.high);
    Word(static_cast<uint64_t>(symbol.multiple));
  }

  // Canonical order follows the ids of symbols, so another numbering may ask for another order.
  void Put(const Expr& e) {
    bool renamed = false;
    e.ForEachSymbol([&](SymId id) { renamed = SymbolNumber(id) != id.index() || renamed; });
    PutNodes(renamed ? e.Substitute([&](SymId id) { return Expr::Symbol(SymId(SymbolNumber(id))); })
                     : e);
  }

  void PutNodes(const Expr& e) {
    Word(static_cast<uint64_t>(e.kind()));
    Word(static_cast<uint64_t>(e.scalar()));
    Word(e.args().size());
    for (const Expr& arg : e.args()) PutNodes(arg);
  }

  void Put(const Dims& dims) {
    Word(dims.size());
    for (const Expr& dim : dims) Put(dim);
  }

  void Put(const Type& type) {
    Word(static_cast<uint64_t>(type.kind()));
    Word(static_cast<uint64_t>(type.dtype()));
    Put(type.dims());
    Word(static_cast<uint64_t>(type.layout().kind));
    Put(type.layout().strides);
    Put(type.layout().offset);
    Put(std::string_view(type.layout().packed));
    Put(std::string_view(type.device().name));
    Word(static_cast<uint64_t>(type.device().index));
  }

  void Put(const Scalar& scalar) {
    Word(static_cast<uint64_t>(scalar.dtype));
    Word(scalar.bits);
  }

  // A value by its number; a literal by its content.
  void Put(ValueId id) {
    if (!id.valid() || id.index() >= values_.size()) return Word(kUnseen);
    const Value& value = function_.value(id);
    if (value.kind == Value::Kind::kLiteral) {
      Word(kUnseen - 1);
      return Put(value.literal);
    }
    Word(values_[id.index()]);
  }

  void Put(const Annotations& annotations) {
    Word((annotations.mut ? 1u : 0u) | (annotations.donate ? 2u : 0u) |
         (annotations.noalias ? 4u : 0u) | (annotations.weight.has_value() ? 8u : 0u));
    Put(annotations.alias);
    Put(annotations.into);
    if (annotations.weight.has_value()) Put(std::string_view(*annotations.weight));
  }

  void Put(const AttrValue& value) {
    Word(value.variant().index());
    std::visit([this](const auto& v) { PutAttr(v); }, value.variant());
  }

  void PutAttr(std::monostate /*empty*/) {}

  void PutAttr(double v) { Word(std::bit_cast<uint64_t>(v)); }

  void PutAttr(bool v) { Word(v); }

  void PutAttr(const std::string& v) { Put(std::string_view(v)); }

  void PutAttr(DType v) { Word(static_cast<uint64_t>(v)); }

  void PutAttr(const FunctionRef& v) { PutCallee(v.name); }

  void PutAttr(const ir::Word& v) { Put(std::string_view(v.text)); }

  void PutAttr(const AttrList& v) {
    Word(v.size());
    for (const AttrValue& item : v) Put(item);
  }

  void PutAttr(const AttrDict& v) { Put(v); }

  void PutAttr(const Expr& v) { Put(v); }

  void PutAttr(const Type& v) { Put(v); }

  void PutAttr(const Scalar& v) { Put(v); }

  void PutAttr(ValueId v) { Put(v); }

  void Put(const AttrDict& dict) {
    Word(dict.size());
    for (const auto& [name, value] : dict) {
      Put(std::string_view(name));
      Put(value);
    }
  }

  // A function by the number of its first call, a global by its place in the module and its
  // content. Returns the function.
  const Function* PutCallee(const std::string& name) {
    if (auto found = functions_.find(name); found != functions_.end()) {
      auto [entry, fresh] = callee_numbers_.try_emplace(found->second, out_.callees.size());
      if (fresh) out_.callees.push_back(found->second);
      Word(1);
      Word(entry->second);
      return found->second;
    }
    if (const Global* global = module_.FindGlobal(name)) {
      Word(2);
      Word(static_cast<uint64_t>(global - module_.globals.data()));
      Put(global->type);
      Put(global->annotations);
      Put(global->init);
      return nullptr;
    }
    Word(3);
    Put(std::string_view(name));
    return nullptr;
  }

  // Sizes are given in the order of the callee's declaration; here they follow its numbering.
  void PutCalleeSizes(const Function* callee, const std::vector<Expr>& sizes) {
    std::vector<uint32_t> numbers;
    if (callee != nullptr && !sizes.empty()) numbers = SymbolNumbers(*callee);
    Word(sizes.size());
    if (numbers.size() != sizes.size()) {
      for (const Expr& size : sizes) Put(size);
      return;
    }
    std::vector<size_t> order(sizes.size());
    for (size_t i = 0; i < sizes.size(); ++i) order[numbers[i]] = i;
    for (size_t i : order) Put(sizes[i]);
  }

  // Takes back the numbers that encoding `op` gave to its results.
  void Forget(const Op& op) {
    for (ValueId result : op.results) values_[result.index()] = kUnseen;
  }

  void PutAttrs(const Op& op) {
    for (size_t i = 0; i < op.def->attrs.size(); ++i) {
      bool written = i < op.attrs.size() && !IsDefault(op.def->attrs[i], op.attrs[i]);
      Put(written ? op.attrs[i] : AttrValue());
    }
    Put(op.extra_attrs);
    Put(op.unknown_args);
  }

  void EncodeOp(const Op& op) {
    Put(op.def->name);
    Word(op.operands.size());
    for (ValueId operand : op.operands) Put(operand);
    Word(op.group_begin.size());
    for (uint16_t begin : op.group_begin) Word(begin);
    PutAttrs(op);
    Word(op.callee.empty() ? 0 : 1);
    if (!op.callee.empty()) PutCalleeSizes(PutCallee(op.callee), op.callee_sizes);
    Word(op.defines.size());
    for (SymId id : op.defines) Declare(id);
    Word(op.regions.size());
    for (BlockId region : op.regions) {
      Put(std::string_view(function_.block(region).label));
      EncodeBlock(region);
    }
    Define(op.results);
  }

  // Numbers `ids` and writes what they are.
  void Define(const std::vector<ValueId>& ids) {
    Word(ids.size());
    for (ValueId id : ids) values_[id.index()] = next_value_++;
    for (ValueId id : ids) {
      Put(function_.value(id).type);
      Put(function_.value(id).annotations);
    }
  }

  void EncodeBlock(BlockId id) {
    const Block& block = function_.block(id);
    Define(block.params);
    Word(block.ops.size());
    for (OpId op : block.ops) EncodeOp(function_.op(op));
    Word(block.yields.size());
    for (ValueId yield : block.yields) Put(yield);
  }

  const Module& module_;
  const Lookup& functions_;
  const Function& function_;
  std::vector<uint32_t> symbols_;  // number by id
  uint32_t next_symbol_ = 0;
  std::vector<uint32_t> values_;  // number by id
  uint32_t next_value_ = 0;
  std::unordered_map<const Function*, size_t> callee_numbers_;
  Encoding out_;
};

// The functions of one module, each encoded once and when first asked for.
class Structure {
 public:
  explicit Structure(const Module& module) : module_(module) {
    for (const auto& function : module.functions) {
      functions_.try_emplace(function->name, function.get());
    }
  }

  const Encoding& Of(const Function* function) {
    auto [entry, fresh] = encodings_.try_emplace(function);
    if (fresh) entry->second = Encoder(module_, functions_, *function).Encode();
    return entry->second;
  }

  // The hash of a function with those of its callees, which come first. Chains of calls may be
  // long, so the stack is on the heap. A call that closes a circle (verify rejects it) counts as
  // zero.
  Hash128 HashOf(const Function* root) {
    std::vector<std::pair<const Function*, size_t>> stack = {{root, 0}};
    hashes_.try_emplace(root);
    while (!stack.empty()) {
      auto& [function, next] = stack.back();
      const Encoding& encoding = Of(function);
      if (next < encoding.callees.size()) {
        const Function* callee = encoding.callees[next++];
        if (hashes_.try_emplace(callee).second) stack.emplace_back(callee, 0);
        continue;
      }
      Hasher hasher;
      hasher.Add(encoding.bytes);
      for (const Function* callee : encoding.callees) hasher.Add(hashes_[callee]);
      hashes_[function] = hasher.Digest();
      stack.pop_back();
    }
    return hashes_[root];
  }

  // What a module has beside the bodies of its functions.
  Encoding OfModule() {
    Function nothing;
    nothing.body = nothing.AddBlock({});
    return Encoder(module_, functions_, nothing).EncodeModule();
  }

 private:
  const Module& module_;
  Encoder::Lookup functions_;
  std::unordered_map<const Function*, Encoding> encodings_;
  std::unordered_map<const Function*, Hash128> hashes_;
};

// Sorts the functions of a module into classes of equal ones, callees before their callers, so that
// two functions are equal if they are but for callees, and these are of equal classes.
class Classes {
 public:
  explicit Classes(const Module& module) : module_(module), structure_(module) {
    for (size_t i = 0; i < module.functions.size(); ++i) {
      index_.emplace(module.functions[i].get(), i);
    }
    class_.assign(index_.size(), kOpen);
  }

  std::vector<size_t> FirstOfEach() {
    for (size_t i = 0; i < class_.size(); ++i) {
      if (class_[i] == kOpen) Sort(i);
    }
    std::vector<size_t> first(members_.size(), SIZE_MAX);
    for (const Module::Item& item : module_.items) {
      if (!item.is_function) continue;
      size_t& known = first[class_[item.index]];
      if (known == SIZE_MAX) known = item.index;
    }
    std::vector<size_t> result;
    for (size_t of : class_) result.push_back(first[of]);
    return result;
  }

 private:
  static constexpr size_t kOpen = SIZE_MAX;
  static constexpr size_t kEntered = SIZE_MAX - 1;

  // The class of `root` and of all that it calls. Chains of calls may be long: no recursion.
  void Sort(size_t root) {
    std::vector<std::pair<size_t, size_t>> stack = {{root, 0}};
    class_[root] = kEntered;
    while (!stack.empty()) {
      auto& [function, next] = stack.back();
      const Encoding& encoding = structure_.Of(module_.functions[function].get());
      if (next < encoding.callees.size()) {
        const size_t callee = index_.at(encoding.callees[next++]);
        if (class_[callee] != kOpen) continue;
        class_[callee] = kEntered;
        stack.emplace_back(callee, 0);
        continue;
      }
      Classify(function, encoding);
      stack.pop_back();
    }
  }

  void Classify(size_t function, const Encoding& encoding) {
    std::vector<size_t> key;
    Hasher hasher;
    hasher.Add(encoding.bytes);
    for (const Function* callee : encoding.callees) {
      key.push_back(class_[index_.at(callee)]);
      hasher.Add(key.back());
    }
    // A call in a circle (verify rejects it) makes a function like no other.
    const bool whole = std::find(key.begin(), key.end(), kEntered) == key.end();
    std::vector<size_t>& alike = by_hash_[hasher.Digest()];
    for (size_t candidate : alike) {
      const Member& member = members_[candidate];
      if (whole && member.callees == key && member.encoding->bytes == encoding.bytes) {
        class_[function] = candidate;
        return;
      }
    }
    class_[function] = members_.size();
    alike.push_back(members_.size());
    members_.push_back({&encoding, std::move(key)});
  }

  // One function of a class stands for all.
  struct Member {
    const Encoding* encoding;
    std::vector<size_t> callees;  // classes
  };

  const Module& module_;
  Structure structure_;
  std::unordered_map<const Function*, size_t> index_;
  std::vector<size_t> class_;  // by index of the function
  std::vector<Member> members_;
  std::map<Hash128, std::vector<size_t>> by_hash_;
};

// Whether functions of two modules are equal: pairs are taken as equal until a difference is found,
// and a pair that follows from earlier ones is not looked at again (Hopcroft and Karp 1971), so
// that each function is compared about once, in circles of calls too.
class Comparison {
 public:
  Comparison(const Module& a, const Module& b) : a_(a), b_(b) {}

  bool Equal(const Function* a, const Function* b) {
    std::vector<std::pair<const Function*, const Function*>> open = {{a, b}};
    while (!open.empty()) {
      auto [x, y] = open.back();
      open.pop_back();
      if (!Join({x, false}, {y, true})) continue;
      const Encoding& ex = a_.Of(x);
      const Encoding& ey = b_.Of(y);
      if (ex.bytes != ey.bytes || ex.callees.size() != ey.callees.size()) return false;
      for (size_t i = 0; i < ex.callees.size(); ++i) {
        open.emplace_back(ex.callees[i], ey.callees[i]);
      }
    }
    return true;
  }

  bool EqualModules() {
    Encoding x = a_.OfModule();
    Encoding y = b_.OfModule();
    if (x.bytes != y.bytes || x.callees.size() != y.callees.size()) return false;
    for (size_t i = 0; i < x.callees.size(); ++i) {
      if (!Equal(x.callees[i], y.callees[i])) return false;
    }
    return true;
  }

 private:
  // A function and its side: the two modules may be one.
  using Member = std::pair<const Function*, bool>;

  struct MemberHash {
    size_t operator()(const Member& m) const {
      return std::hash<const Function*>()(m.first) ^ (m.second ? 1 : 0);
    }
  };

  Member Root(Member m) {
    for (;;) {
      Member parent = parents_.try_emplace(m, m).first->second;
      if (parent == m) return m;
      Member above = parents_.try_emplace(parent, parent).first->second;
      parents_[m] = above;
      m = above;
    }
  }

  // False if the two are taken as equal already.
  bool Join(Member a, Member b) {
    Member x = Root(a);
    Member y = Root(b);
    if (x == y) return false;
    parents_[x] = y;
    return true;
  }

  Structure a_;
  Structure b_;
  std::unordered_map<Member, Member, MemberHash> parents_;
};

}  // namespace

Hash128 HashOf(const Module& module, const Function& function) {
  return Structure(module).HashOf(&function);
}

std::vector<Hash128> FunctionHashes(const Module& module) {
  Structure structure(module);
  std::vector<Hash128> hashes;
  for (const auto& function : module.functions) hashes.push_back(structure.HashOf(function.get()));
  return hashes;
}

std::vector<size_t> EqualFunctions(const Module& module) {
  return Classes(module).FirstOfEach();
}

std::vector<uint32_t> OpClasses(const Module& module, const Function& function,
                                std::span<const OpId> ops) {
  Encoder::Lookup functions;
  for (const auto& f : module.functions) functions.try_emplace(f->name, f.get());
  Encoder encoder(module, functions, function);
  encoder.KeepSymbols();
  std::map<std::vector<const Function*>, uint32_t> callees;
  std::unordered_map<std::string, uint32_t> classes;
  std::vector<uint32_t> result;
  for (OpId op : ops) {
    Encoding encoding = encoder.EncodeAlone(function.op(op));
    if (!encoding.callees.empty()) {
      const auto next = static_cast<uint32_t>(callees.size());
      const uint32_t number = callees.try_emplace(std::move(encoding.callees), next).first->second;
      encoding.bytes += Format("@{}", number);
    }
    const auto next = static_cast<uint32_t>(classes.size());
    result.push_back(classes.try_emplace(std::move(encoding.bytes), next).first->second);
  }
  return result;
}

Hash128 HashOf(const Module& module) {
  Structure structure(module);
  Encoding encoding = structure.OfModule();
  Hasher hasher;
  hasher.Add(encoding.bytes);
  for (const Function* function : encoding.callees) hasher.Add(structure.HashOf(function));
  return hasher.Digest();
}

bool Equal(const Module& a_module, const Function& a, const Module& b_module, const Function& b) {
  return Comparison(a_module, b_module).Equal(&a, &b);
}

bool Equal(const Module& a, const Module& b) {
  return Comparison(a, b).EqualModules();
}

}  // namespace gcomp::ir
