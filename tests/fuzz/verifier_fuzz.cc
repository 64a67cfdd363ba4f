// Modules that nobody would write: a valid text, then changes of the module in memory that the
// bytes behind it tell. What the verifier accepts must print to a text that reads back and is
// accepted again, load, and run: with a result or an error, but no crash and no broken invariant.
//
// An input is a text, a byte 0, and the bytes of the changes.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "runtime/engine.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using gcomp::Context;
using gcomp::ErrorId;
using gcomp::Session;
using gcomp::Status;
using gcomp::StatusOr;
using gcomp::Tensor;
namespace ir = gcomp::ir;

constexpr int kMaxChanges = 12;
constexpr int64_t kMaxSize = 4;
constexpr int64_t kMaxElements = 1 << 14;
constexpr auto kTimePerRun = std::chrono::milliseconds(200);

[[noreturn]] void Fail(const char* what, const std::string& module, const std::string& message) {
  std::fprintf(stderr, "%s\n--- module\n%s\n--- message\n%s\n", what, module.c_str(),
               message.c_str());
  std::abort();
}

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  bool empty() const { return at_ == end_; }

  uint8_t Next() { return empty() ? uint8_t{0} : *at_++; }

  // In [0, n); 0 if n is 0.
  size_t Below(size_t n) { return n == 0 ? 0 : Next() % n; }

  template <class T>
  T* Of(std::vector<T>& list) {
    return list.empty() ? nullptr : &list[Below(list.size())];
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// ---- Changes ------------------------------------------------------------------------------------

class Mutator {
 public:
  Mutator(ir::Module& module, const ir::OpRegistry& ops, Bytes& bytes)
      : module_(module), ops_(ops), bytes_(bytes) {}

  void Change() {
    if (module_.functions.empty()) return;
    function_ = module_.functions[bytes_.Below(module_.functions.size())].get();
    std::vector<ir::OpId> listed;
    for (const ir::Block& block : function_->blocks) {
      listed.insert(listed.end(), block.ops.begin(), block.ops.end());
    }
    ir::OpId* picked = bytes_.Of(listed);
    if (picked == nullptr || picked->index() >= function_->ops.size()) return ChangeFunction();
    ir::Op& op = function_->op(*picked);
    switch (bytes_.Below(16)) {
      case 0:
      case 1:
        return ChangeOperands(op);
      case 2:
      case 3:
        return ChangeAttribute(op);
      case 4:
      case 5:
        return ChangeType();
      case 6:
        return ChangeAnnotations();
      case 7:
      case 8:
        return ChangeBlock();
      case 9:
        return Duplicate(*picked);
      case 10:
        return ChangeSymbols(op);
      case 11:
        return ChangeRegions(op);
      case 12:
        return ChangeDef(op);
      case 13:
        return ChangeCallee(op);
      case 14:
        return ChangeLiteral();
      default:
        return ChangeFunction();
    }
  }

 private:
  ir::ValueId AnyValue() {
    // Past the end now and then: the verifier must see it.
    const size_t n = function_->values.size() + (bytes_.Below(64) == 63 ? 1 : 0);
    return ir::ValueId(static_cast<uint32_t>(bytes_.Below(n)));
  }

  ir::Expr AnyExpr() {
    const auto number = static_cast<int64_t>(bytes_.Below(8)) - 2;
    const size_t kind = bytes_.Below(8);
    if (kind == 7) return ir::Expr(bytes_.Below(2) == 0 ? INT64_MAX : INT64_MIN);
    if (kind < 4 || function_->symbols.empty()) return ir::Expr(number);
    const auto symbol = static_cast<uint32_t>(bytes_.Below(function_->symbols.size()));
    const ir::Expr lone = ir::Expr::Symbol(ir::SymId(symbol));
    if (kind == 4) return lone;
    return kind == 5 ? ir::Expr::Add(lone, ir::Expr(number))
                     : ir::Expr::Mul(lone, ir::Expr(number));
  }

  void ChangeOperands(ir::Op& op) {
    ir::ValueId* operand = bytes_.Of(op.operands);
    switch (bytes_.Below(4)) {
      case 0:
        if (operand != nullptr) std::swap(*operand, *bytes_.Of(op.operands));
        return;
      case 1:  // one more or one less in the last group
        if (bytes_.Below(2) == 0 && operand != nullptr && !op.group_begin.empty() &&
            op.group_begin.back() == op.operands.size()) {
          op.operands.pop_back();
          for (uint16_t& begin : op.group_begin) {
            begin = std::min(begin, static_cast<uint16_t>(op.operands.size()));
          }
        } else if (!op.group_begin.empty()) {
          op.operands.push_back(AnyValue());
          ++op.group_begin.back();
        }
        return;
      default:
        if (operand != nullptr) *operand = AnyValue();
    }
  }

  void ChangeAttribute(ir::Op& op) {
    if (!op.def->attrs.empty() && op.attrs.size() < op.def->attrs.size() && bytes_.Below(4) == 0) {
      op.attrs.resize(op.def->attrs.size());
    }
    ir::AttrValue* attr = bytes_.Of(op.attrs);
    if (attr == nullptr) return;
    if (auto* list = attr->As<ir::AttrList>()) {
      switch (bytes_.Below(4)) {
        case 0:
          if (!list->empty()) list->pop_back();
          return;
        case 1:
          if (list->size() < 8) list->push_back(AnyExpr());
          return;
        default:
          if (ir::AttrValue* item = bytes_.Of(*list)) ChangeOne(*item);
          return;
      }
    }
    ChangeOne(*attr);
  }

  void ChangeOne(ir::AttrValue& attr) {
    constexpr double kFloats[] = {0.0, -0.0, 1.0, -1.5, 1e300, -1e-310};
    if (auto* flag = attr.As<bool>()) {
      *flag = !*flag;
    } else if (auto* number = attr.As<double>()) {
      *number = kFloats[bytes_.Below(std::size(kFloats))];
    } else if (auto* dtype = attr.As<ir::DType>()) {
      *dtype = AnyDType();
    } else if (auto* text = attr.As<std::string>()) {
      constexpr const char* kTexts[] = {"",       "add",     "mul",    "min",  "sum",   "none",
                                        "linear", "reflect", "ij->ji", "ii,i", "slice", "must"};
      *text = kTexts[bytes_.Below(std::size(kTexts))];
    } else if (auto* scalar = attr.As<ir::Scalar>()) {
      scalar->bits ^= uint64_t{1} << bytes_.Below(8);
    } else {
      switch (bytes_.Below(6)) {
        case 0:
          attr = ir::AttrValue(true);
          return;
        case 1:
          attr = ir::AttrValue(kFloats[bytes_.Below(std::size(kFloats))]);
          return;
        case 2:
          attr = ir::AttrValue();
          return;
        default:
          attr = ir::AttrValue(AnyExpr());
      }
    }
  }

  ir::DType AnyDType() {
    constexpr ir::DType kDTypes[] = {ir::DType::kBool, ir::DType::kI8,  ir::DType::kI32,
                                     ir::DType::kI64,  ir::DType::kU8,  ir::DType::kU64,
                                     ir::DType::kF16,  ir::DType::kF32, ir::DType::kF64};
    return kDTypes[bytes_.Below(std::size(kDTypes))];
  }

  ir::Type Changed(const ir::Type& type) {
    if (!type.is_tensor()) return bytes_.Below(2) == 0 ? ir::Type::Int(AnyExpr()) : type;
    ir::Dims dims = type.dims();
    ir::Layout layout = type.layout();
    switch (bytes_.Below(6)) {
      case 0:
        return ir::Type::Tensor(AnyDType(), dims, layout);
      case 1:
        if (ir::Expr* dim = bytes_.Of(dims)) *dim = AnyExpr();
        break;
      case 2:
        if (dims.size() < 6) dims.push_back(AnyExpr());
        break;
      case 3:
        if (!dims.empty()) dims.pop_back();
        break;
      case 4:
        layout.kind = ir::Layout::Kind::kStrided;
        layout.strides = type.Strides();
        if (ir::Expr* stride = bytes_.Of(layout.strides)) *stride = AnyExpr();
        break;
      default:
        layout.kind = ir::Layout::Kind::kStrided;
        layout.strides = type.Strides();
        layout.offset = AnyExpr();
    }
    return ir::Type::Tensor(type.dtype(), std::move(dims), std::move(layout));
  }

  // Of one value, or of all whose type it is: a module that agrees with itself gets further.
  void ChangeType() {
    if (function_->values.empty()) return;
    const ir::Type old = function_->values[bytes_.Below(function_->values.size())].type;
    const ir::Type type = Changed(old);
    const bool all = bytes_.Below(4) != 0;
    for (ir::Value& value : function_->values) {
      if (value.type != old || value.kind == ir::Value::Kind::kLiteral) continue;
      value.type = type;
      if (!all) break;
    }
    for (ir::Result& result : function_->results) {
      if (all && result.type == old) result.type = type;
    }
  }

  void ChangeAnnotations() {
    ir::Annotations* annotations = nullptr;
    if (ir::Result* result = bytes_.Below(3) == 0 ? bytes_.Of(function_->results) : nullptr) {
      annotations = &result->annotations;
    } else if (ir::Value* value = bytes_.Of(function_->values)) {
      annotations = &value->annotations;
    }
    if (annotations == nullptr) return;
    switch (bytes_.Below(5)) {
      case 0:
        annotations->mut = !annotations->mut;
        return;
      case 1:
        annotations->donate = !annotations->donate;
        return;
      case 2:
        annotations->noalias = !annotations->noalias;
        return;
      case 3:
        annotations->alias = annotations->alias.valid() ? ir::ValueId() : AnyValue();
        return;
      default:
        annotations->into = annotations->into.valid() ? ir::ValueId() : AnyValue();
    }
  }

  // Order, removal, what is given back.
  void ChangeBlock() {
    ir::Block* block = bytes_.Of(function_->blocks);
    if (block == nullptr) return;
    switch (bytes_.Below(5)) {
      case 0:
        if (!block->ops.empty()) {
          block->ops.erase(block->ops.begin() +
                           static_cast<std::ptrdiff_t>(bytes_.Below(block->ops.size())));
        }
        return;
      case 1:
        if (!block->ops.empty()) std::swap(*bytes_.Of(block->ops), *bytes_.Of(block->ops));
        return;
      case 2:
        if (ir::ValueId* yield = bytes_.Of(block->yields)) *yield = AnyValue();
        return;
      case 3:
        if (bytes_.Below(2) == 0 && !block->yields.empty()) {
          block->yields.pop_back();
        } else {
          block->yields.push_back(AnyValue());
        }
        return;
      default:
        if (bytes_.Below(2) == 0 && !block->params.empty()) {
          std::swap(*bytes_.Of(block->params), *bytes_.Of(block->params));
        } else if (!block->params.empty()) {
          block->params.pop_back();
        }
    }
  }

  void Duplicate(ir::OpId id) {
    ir::Op copy = function_->op(id);
    copy.regions.clear();
    for (ir::ValueId& result : copy.results) {
      ir::Value value = function_->value(result);
      value.name += "_copy" + std::to_string(function_->values.size());
      result = function_->AddValue(std::move(value));
    }
    const ir::OpId added = function_->AddOp(std::move(copy));
    for (ir::Block& block : function_->blocks) {
      auto at = std::find(block.ops.begin(), block.ops.end(), id);
      if (at == block.ops.end()) continue;
      block.ops.insert(at + 1, added);
      return;
    }
  }

  void ChangeSymbols(ir::Op& op) {
    ir::Symbol* symbol = bytes_.Of(function_->symbols);
    switch (bytes_.Below(5)) {
      case 0:
        if (symbol != nullptr) symbol->low = AnyExpr();
        return;
      case 1:
        if (symbol != nullptr) symbol->high = AnyExpr();
        return;
      case 2:
        if (symbol != nullptr) symbol->multiple = static_cast<int64_t>(bytes_.Below(4));
        return;
      case 3:
        if (!op.defines.empty()) op.defines.pop_back();
        return;
      default:
        if (symbol == nullptr) return;
        op.defines.push_back(ir::SymId(static_cast<uint32_t>(symbol - function_->symbols.data())));
    }
  }

  void ChangeRegions(ir::Op& op) {
    if (op.regions.empty()) {
      if (!function_->blocks.empty()) {
        op.regions.push_back(
            ir::BlockId(static_cast<uint32_t>(bytes_.Below(function_->blocks.size()))));
      }
      return;
    }
    switch (bytes_.Below(3)) {
      case 0:
        std::swap(*bytes_.Of(op.regions), *bytes_.Of(op.regions));
        return;
      case 1:
        op.regions.pop_back();
        return;
      default:
        *bytes_.Of(op.regions) =
            ir::BlockId(static_cast<uint32_t>(bytes_.Below(function_->blocks.size())));
    }
  }

  // Another op of the same number of operand groups.
  void ChangeDef(ir::Op& op) {
    std::vector<const ir::OpDef*> alike;
    for (const ir::OpDef* def : ops_.ops()) {
      if (def->operands.size() == op.def->operands.size()) alike.push_back(def);
    }
    const size_t at = bytes_.Next() * size_t{256} + bytes_.Next();
    op.def = alike[at % alike.size()];
    op.attrs.resize(std::min(op.attrs.size(), op.def->attrs.size()));
  }

  void ChangeCallee(ir::Op& op) {
    const size_t all = module_.functions.size() + module_.globals.size();
    const size_t at = bytes_.Below(all);
    if (bytes_.Below(3) == 0) {
      op.callee_sizes.push_back(AnyExpr());
    } else if (at < module_.functions.size()) {
      op.callee = module_.functions[at]->name;
    } else {
      op.callee = module_.globals[at - module_.functions.size()].name;
    }
  }

  void ChangeLiteral() {
    std::vector<ir::Value*> literals;
    for (ir::Value& value : function_->values) {
      if (value.kind == ir::Value::Kind::kLiteral) literals.push_back(&value);
    }
    if (ir::Value** literal = bytes_.Of(literals)) {
      (*literal)->literal.bits ^= uint64_t{1} << bytes_.Below(8);
    }
  }

  void ChangeFunction() {
    switch (bytes_.Below(5)) {
      case 0:
        function_->exported = !function_->exported;
        return;
      case 1:
        if (!function_->effects.empty()) function_->effects.pop_back();
        return;
      case 2:
        function_->effects.emplace_back(bytes_.Below(2) == 0 ? "state" : "host");
        return;
      case 3:
        if (ir::Global* global = bytes_.Of(module_.globals)) global->annotations.mut ^= true;
        return;
      default:
        if (ir::Result* result = bytes_.Of(function_->results)) {
          result->type = Changed(result->type);
        }
    }
  }

  ir::Module& module_;
  const ir::OpRegistry& ops_;
  Bytes& bytes_;
  ir::Function* function_ = nullptr;
};

// ---- What is accepted ---------------------------------------------------------------------------

gcomp::StatusOr<ir::Module> Reread(const std::string& text, const ir::OpRegistry& ops) {
  ir::Diagnostics diagnostics("again.ir", text);
  ir::Module module = ir::Parse(text, ops, diagnostics);
  if (diagnostics.ok()) ir::Verify(module, diagnostics);
  GCOMP_RETURN_IF_ERROR(diagnostics.ToStatus());
  return module;
}

// False where some tensor is too large to be tried.
bool IsSmall(const ir::Module& module) {
  for (const ir::Global& global : module.globals) {
    std::optional<int64_t> n = global.type.is_tensor() ? global.type.NumElements().Evaluate({})
                                                       : std::optional<int64_t>(1);
    if (!n || *n > kMaxElements) return false;
  }
  for (const auto& function : module.functions) {
    const std::vector<int64_t> symbols(function->symbols.size(), kMaxSize);
    for (const ir::Value& value : function->values) {
      if (!value.type.is_tensor()) continue;
      std::optional<int64_t> n = value.type.NumElements().Evaluate(symbols);
      if (!n || *n > kMaxElements) return false;
      StatusOr<ir::TensorSpec> spec = ir::BindType(value.type, symbols);
      if (spec.ok() && spec->SpanBytes() > 64 * kMaxElements) return false;
    }
  }
  return true;
}

StatusOr<Tensor> Input(const ir::Type& type, std::span<const int64_t> symbols, Bytes& bytes) {
  ir::TensorSpec spec;
  spec.dtype = ir::DType::kI64;
  if (type.is_tensor()) {
    GCOMP_ASSIGN_OR_RETURN(spec, ir::BindType(type, symbols));
  } else if (type.kind() == ir::Type::Kind::kFlag) {
    spec.dtype = ir::DType::kBool;
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(spec.dtype, spec.sizes));
  auto* data = static_cast<char*>(tensor.data());
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    const auto number = static_cast<int64_t>(bytes.Below(spec.dtype == ir::DType::kBool ? 2 : 4));
    const std::optional<ir::Scalar> scalar = spec.dtype == ir::DType::kBool
                                                 ? ir::Scalar::FromBool(number != 0)
                                                 : ir::Scalar::FromInt(spec.dtype, number);
    if (scalar) scalar->Store(data + i * ir::BytesOf(spec.dtype));
  }
  return tensor;
}

// Runs an exported function on small inputs.
Status RunOnce(const std::shared_ptr<Session>& session, const ir::Function& function,
               Bytes& bytes) {
  std::vector<int64_t> symbols;
  for (size_t i = 0; i < function.symbols.size(); ++i) {
    symbols.push_back(static_cast<int64_t>(bytes.Below(kMaxSize + 1)));
  }
  GCOMP_ASSIGN_OR_RETURN(std::vector<gcomp::PortInfo> ports, session->inputs(function.name));
  std::vector<Tensor> inputs;
  for (const gcomp::PortInfo& port : ports) {
    GCOMP_ASSIGN_OR_RETURN(Tensor input, Input(port.ir_type, symbols, bytes));
    inputs.push_back(std::move(input));
  }
  gcomp::ContextOptions context_options;
  context_options.check_effects = bytes.Below(2) == 0;
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context,
                         Context::Create(session, function.name, context_options));
  gcomp::RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + kTimePerRun;
  std::vector<Tensor> outputs;
  return context->Run(inputs, outputs, options);
}

void CheckNoBrokenInvariant(const Status& status, const std::string& printed) {
  if (!status.ok() && status.id() == ErrorId::E999) {
    Fail("a broken invariant", printed, status.ToString());
  }
}

std::shared_ptr<gcomp::Engine> NewEngine() {
  StatusOr<std::shared_ptr<gcomp::Engine>> engine = gcomp::Engine::Create({});
  if (!engine.ok()) Fail("no engine", "", engine.status().ToString());
  return *std::move(engine);
}

}  // namespace

// Mostly the changes are changed: texts break too easily.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  const auto* end = static_cast<const uint8_t*>(std::memchr(data, 0, size));
  if (end == nullptr && size < max_size) {
    data[size] = 0;
    end = data + size++;
  }
  if (end == nullptr || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const size_t text = static_cast<size_t>(end - data) + 1;
  return text + LLVMFuzzerMutate(data + text, size - text, max_size - text);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::shared_ptr<gcomp::Engine> engine = NewEngine();
  const auto* end = size == 0 ? nullptr : static_cast<const uint8_t*>(std::memchr(data, 0, size));
  const size_t text_size = end == nullptr ? size : static_cast<size_t>(end - data);
  const std::string_view text(reinterpret_cast<const char*>(data), text_size);
  Bytes bytes(data + std::min(size, text_size + 1), size - std::min(size, text_size + 1));

  ir::Diagnostics diagnostics("f.ir", text);
  ir::Module module = ir::Parse(text, engine->ops(), diagnostics);
  if (!diagnostics.ok()) return 0;
  Mutator mutator(module, engine->ops(), bytes);
  for (size_t n = bytes.Below(kMaxChanges + 1); n > 0 && !bytes.empty(); --n) mutator.Change();
  ir::Verify(module, diagnostics);
  if (!diagnostics.ok()) return 0;

  const std::string printed = ir::Print(module);
  StatusOr<ir::Module> again = Reread(printed, engine->ops());
  if (!again.ok()) {
    Fail("an accepted module does not read back", printed, again.status().ToString());
  }
  const std::string reprinted = ir::Print(*again);
  StatusOr<ir::Module> third = Reread(reprinted, engine->ops());
  if (!third.ok() || ir::Print(*third) != reprinted) {
    Fail("printing is not stable", printed, reprinted);
  }
  if (!IsSmall(module)) return 0;

  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(engine, std::move(module), nullptr, {});
  CheckNoBrokenInvariant(session.status(), printed);
  if (!session.ok()) return 0;
  for (const auto& function : again->functions) {
    if (!function->exported) continue;
    CheckNoBrokenInvariant(RunOnce(*session, *function, bytes), printed);
  }
  return 0;
}
