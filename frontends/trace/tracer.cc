#include "frontends/trace/tracer.h"

#include <algorithm>
#include <atomic>

#include "base/format.h"
#include "frontends/trace/symbols.h"

namespace gcomp::internal {

using ir::Expr;
using ir::SymId;
using ir::Type;
using ir::ValueId;

namespace {

thread_local Tracer* current = nullptr;
std::atomic<uint64_t> next_trace_id{1};

}  // namespace

Tracer::Tracer(std::shared_ptr<Engine> engine, std::string module_name)
    : id_(NextId()), outer_(current), engine_(std::move(engine)) {
  module_.name = std::move(module_name);
  current = this;
  BeginFrame({.kind = FrameKind::kMain, .op = "main", .label = "main"});
}

Tracer::~Tracer() {
  current = outer_;
}

uint64_t Tracer::NextId() {
  return next_trace_id.fetch_add(1);
}

void Tracer::Suspend() {
  current = outer_;
}

void Tracer::Resume() {
  current = this;
}

Tracer* Tracer::Current() {
  return current;
}

Array Tracer::Fail(Status status) {
  if (status_.ok()) {
    status.AddNote(Format("while tracing {}", FramePath()));
    status_ = std::move(status);
  }
  return Array::Failed(Status(ErrorId::E705, "the trace has failed before"));
}

std::string Tracer::Show(const Expr& e) const {
  return e.ToString([this](SymId id) { return symbols_[id.index()].name; });
}

std::string Tracer::Show(const Type& type) const {
  return type.ToString([this](SymId id) { return symbols_[id.index()].name; });
}

Type Tracer::TypeOf(const Array& array) {
  if (!array.traced()) return array.type();
  return array.bits_ == id_ ? NodeType(array.node_) : Type();
}

// ---- Nodes --------------------------------------------------------------------------------------

Array Tracer::Handle(uint32_t node) const {
  Array array;
  array.kind_ = Array::Kind::kTraced;
  array.node_ = node;
  array.bits_ = id_;
  if (runner_ != nullptr) array.rep_ = Slot(node);
  return array;
}

uint32_t Tracer::NewStorage() {
  storage_frames_.push_back(frame().id);
  return static_cast<uint32_t>(storage_frames_.size() - 1);
}

const Type& Tracer::NodeType(uint32_t node) const {
  static const Type none;
  const ir::Function* function = frame_functions_[nodes_[node].frame_id];
  return function != nullptr ? function->value(nodes_[node].id).type : none;
}

// A node of the open frame.
uint32_t Tracer::AddNode(ValueId id, uint32_t storage) {
  const ir::Value& value = frame().function->value(id);
  nodes_.push_back({frame().id, id, storage, value.name});
  return static_cast<uint32_t>(nodes_.size() - 1);
}

Array Tracer::AddParam(std::string name, Type type) {
  ValueId id = frame().builder->Param(std::move(name), std::move(type));
  return Handle(AddNode(id, NewStorage()));
}

SymInt Tracer::AddIntParam() {
  const SymId id = DefineSymbol(0, std::nullopt, false);
  numbers_.emplace_back(id, frame().id);
  AddParam("n", Type::Int(Expr::Symbol(id)));
  ++frame().positional;
  return SymInt(Expr::Symbol(id));
}

Tracer::TensorKey Tracer::KeyOf(const Tensor& tensor) {
  return {tensor.storage(), tensor.data(), tensor.dtype(), tensor.sizes(), tensor.strides()};
}

uint32_t Tracer::StorageOf(const Tensor& tensor) {
  auto [entry, fresh] = storages_.try_emplace(tensor.storage(), 0);
  if (fresh) {
    storage_frames_.push_back(frames_.front()->id);
    entry->second = static_cast<uint32_t>(storage_frames_.size() - 1);
  }
  return entry->second;
}

Array Tracer::AddInput(std::string name, Type type, const Tensor* tensor) {
  ValueId id = frames_.front()->builder->Param(std::move(name), std::move(type));
  const ir::Value& value = frames_.front()->function->value(id);
  uint32_t storage = tensor != nullptr ? StorageOf(*tensor) : NewStorage();
  uint32_t node = static_cast<uint32_t>(nodes_.size());
  inputs_.push_back({id, storage, node, {}, {}});
  nodes_.push_back({frames_.front()->id, id, storage, value.name});
  if (tensor != nullptr) tensors_.try_emplace(KeyOf(*tensor), node);
  return Handle(node);
}

// The type of a tensor that callers give: row-major, since a run makes it so.
Type Tracer::TypeOfTensor(const Tensor& tensor) const {
  ir::Dims dims;
  for (int64_t size : tensor.sizes()) {
    auto open = open_sizes_.find(size);
    dims.push_back(open != open_sizes_.end() ? open->second : Expr(size));
  }
  return Type::Tensor(tensor.dtype(), std::move(dims));
}

Array Tracer::CaptureTensor(const Tensor& tensor) {
  auto known = tensors_.find(KeyOf(tensor));
  if (known != tensors_.end()) return Handle(known->second);
  Array array = AddInput("w", TypeOfTensor(tensor), &tensor);
  inputs_.back().tensor = tensor;
  return array;
}

Array Tracer::CaptureFrom(std::string name, const Tensor& tensor, std::function<Tensor()> fetch) {
  auto known = tensors_.find(KeyOf(tensor));
  if (known != tensors_.end()) return Handle(known->second);
  Array array = AddInput(std::move(name), TypeOfTensor(tensor), &tensor);
  inputs_.back().tensor = tensor;
  inputs_.back().fetch = std::move(fetch);
  return array;
}

Status Tracer::Escaped(const Frame& frame, uint32_t node) const {
  const Node& value = nodes_[node];
  return Status(ErrorId::E106,
                Format("%{} belongs to {} and is used in {}, where it does not exist: a region's "
                       "values leave it as its results alone",
                       value.name, frame_paths_[value.frame_id], frame_paths_[frame.id]));
}

StatusOr<ValueId> Tracer::Use(Frame& frame, uint32_t n) {
  const Node& node = nodes_[n];
  if (node.frame_id == frame.id) return node.id;
  auto known = frame.lifted.find(n);
  if (known != frame.lifted.end()) return known->second;
  bool visible = false;
  for (const Frame* around = frame.parent; around != nullptr; around = around->parent) {
    visible = visible || around->id == node.frame_id;
  }
  if (!visible) return Escaped(frame, n);
  GCOMP_RETURN_IF_ERROR(Use(*frame.parent, n).status());
  std::string name = node.name;
  for (const auto& [named, hint] : frame.names) {
    if (named == n) name = hint;
  }
  ValueId param = frame.builder->Param(std::move(name), NodeType(n));
  frame.captures.push_back({n, param});
  frame.lifted.emplace(n, param);
  return param;
}

void Tracer::NameInFrame(const Array& array, std::string name) {
  if (!ok() || array.absent()) return;
  Array traced = Traced(array);
  if (!traced.traced()) return;
  for (const auto& [node, hint] : frame().names) {
    if (node == traced.node_) return;
  }
  frame().names.emplace_back(traced.node_, std::move(name));
}

// ---- Symbols ------------------------------------------------------------------------------------

void Tracer::MakeWeight(const Array& input, std::string name) {
  if (!ok()) return;
  frames_.front()->function->value(nodes_[input.node_].id).annotations.weight = std::move(name);
}

SymId Tracer::AddSymbol(std::string name, ir::Symbol symbol, std::optional<int64_t> example,
                        bool bound) {
  symbol.name = std::move(name);
  SymId id(symbols_.size());
  if (bound) num_backed_ = symbols_.size() + 1;
  symbols_.push_back(symbol);
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->owned == nullptr) continue;
    frame->owned->AddSymbol(symbol);
    if (bound) frame->owned->num_symbol_params = frame->owned->symbols.size();
  }
  ir::Interval range = facts_.RangeOf(symbol.low);
  ir::Interval high = symbol.high.has_value() ? facts_.RangeOf(*symbol.high) : ir::Interval{};
  facts_.AddSymbol({range.low, high.high}, example);
  return id;
}

SymId Tracer::DefineSymbol(Expr low, std::optional<Expr> high, bool range_written) {
  size_t number = 0;
  for (const ir::Symbol& symbol : symbols_) number += symbol.name.starts_with('u') ? 1 : 0;
  ir::Symbol symbol;
  symbol.low = std::move(low);
  symbol.high = std::move(high);
  symbol.range_written = range_written;
  std::string name = Format("u{}", number);
  auto taken = [&] {
    if (ir::DTypeFromName(name).has_value()) return true;  // u8, u16, ...
    return std::any_of(symbols_.begin(), symbols_.end(),
                       [&](const ir::Symbol& other) { return other.name == name; });
  };
  while (taken()) name = Format("u{}", ++number);
  SymId id = AddSymbol(std::move(name), std::move(symbol), std::nullopt, false);
  frame().defined.push_back(id);
  return id;
}

bool Tracer::Decide(const SymBool& condition) {
  if (!ok()) return false;
  const Expr& e = condition.expr();
  if (e.is_const()) return e.value() != 0;
  Facts::Answer answer = facts_.Prove(e);
  if (answer == Facts::Answer::kUnknown) {
    answer = facts_.ByExample(e);
    if (answer == Facts::Answer::kTrue) facts_.AddGuard(e);
    if (answer == Facts::Answer::kFalse) facts_.AddGuard(Expr::Not(e));
  }
  if (answer == Facts::Answer::kUnknown) answer = facts_.AtLeastTwo(e);
  if (answer == Facts::Answer::kUnknown) {
    Fail(Status(ErrorId::E402,
                Format("the host asks whether {}, which only data tells: state it with check(), "
                       "choose with cond(), or compute on the host before the trace",
                       Show(e))));
    return false;
  }
  return answer == Facts::Answer::kTrue;
}

void Tracer::Check(const SymBool& condition, std::string message) {
  if (!ok()) return;
  const Expr& e = condition.expr();
  if (facts_.Prove(e) == Facts::Answer::kFalse || !facts_.Learn(e)) {
    Fail(Status(ErrorId::E401,
                Format("check: {} can't hold here{}{}", e.is_const() ? "the condition" : Show(e),
                       message.empty() ? "" : ": ", message)));
    return;
  }
  if (e.is_const()) return;
  OpCall call;
  call.attrs.emplace_back("pred", e);
  if (!message.empty()) call.attrs.emplace_back("msg", std::move(message));
  Emit("sym.check", std::move(call));
}

// ---- Host state ---------------------------------------------------------------------------------

CellRecord* Tracer::FindCell(const void* cell) {
  for (CellRecord& record : cells_) {
    if (record.cell.get() == cell) return &record;
  }
  return nullptr;
}

CellRecord* Tracer::AddCell(CellRecord record) {
  cells_.push_back(std::move(record));
  return &cells_.back();
}

void Tracer::AddObserver(CellRecord record) {
  for (const Frame* f = frames_.back().get(); f != nullptr; f = f->parent) {
    const FrameKind kind = f->spec.kind;
    record.written_in.push_back(f->id);
    if (kind != FrameKind::kBranch && kind != FrameKind::kLoop && f->spec.op != "strict") continue;
    Fail(Status(ErrorId::E107, Format("unsafe side effect: the body of {} shows a value to the "
                                      "host; return the value instead",
                                      f->spec.op)));
    return;
  }
  cells_.push_back(std::move(record));
}

Status Tracer::CheckCellWrite(const CellRecord& record) const {
  for (const Frame* f = frames_.back().get(); f != nullptr && f->id != record.frame_id;
       f = f->parent) {
    if (f->spec.kind == FrameKind::kMain || f->spec.kind == FrameKind::kFunction) continue;
    if (f->host_effects_allowed) return {};
    return Status(ErrorId::E107,
                  Format("unsafe side effect: the body of {} writes the {} `{}`, which outlives it",
                         f->spec.op, "host state", record.name));
  }
  return {};
}

void Tracer::NoteCellWrite(CellRecord& record) {
  Status status = CheckCellWrite(record);
  if (!status.ok()) {
    Fail(std::move(status));
    return;
  }
  for (const Frame* f = frames_.back().get(); f != nullptr; f = f->parent) {
    auto& in = record.written_in;
    if (std::find(in.begin(), in.end(), f->id) == in.end()) in.push_back(f->id);
  }
}

}  // namespace gcomp::internal
