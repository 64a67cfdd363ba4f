// Pieces of a function that can't be one graph: how a segment ends and the next one begins.
#include <algorithm>
#include <utility>

#include "base/format.h"
#include "frontends/trace/tracer.h"

namespace gcomp::internal {

namespace {

Status CopyOf(const Status& status) {
  Status copy(status.id(), status.message());
  for (const std::string& note : status.notes()) copy.AddNote(note);
  return copy;
}

}  // namespace

std::shared_ptr<const ArrayRep> Tracer::Slot(uint32_t node) const {
  std::weak_ptr<ArrayRep>& known = slots_[node];
  std::shared_ptr<ArrayRep> slot = known.lock();
  if (slot == nullptr) {
    slot = std::make_shared<ArrayRep>();
    known = slot;
  }
  return slot;
}

Status Tracer::EndSegment(std::string_view why) {
  if (!ok()) return CopyOf(status_);
  if (!CanBreak()) {
    Fail(Status(ErrorId::E105, Format("the function can't be captured in one piece: {}", why)));
    return CopyOf(status_);
  }
  std::string name = module_.name;
  Status status = RunSegment();
  Restart(std::move(name));
  if (!status.ok()) Fail(std::move(status));
  return ok() ? Status() : CopyOf(status_);
}

Status Tracer::Break(std::string_view why) {
  if (CanBreak()) runner_->OnBreak();
  return EndSegment(why);
}

// Runs the graph for the arrays that are held and gives them their tensors.
Status Tracer::RunSegment() {
  std::vector<Array> results;
  std::vector<std::shared_ptr<ArrayRep>> wanted;
  std::vector<uint32_t> nodes;
  std::map<uint32_t, const Tensor*> inputs;
  for (const Input& input : inputs_) inputs.emplace(input.node, &input.tensor);
  for (const auto& [node, weak] : slots_) {
    if (inputs.contains(node) || nodes_[node].frame_id != frame().id) continue;
    std::shared_ptr<ArrayRep> slot = weak.lock();
    if (slot == nullptr) continue;
    results.push_back(Handle(node));
    wanted.push_back(std::move(slot));
    nodes.push_back(node);
  }
  GCOMP_ASSIGN_OR_RETURN(Finished finished, Finish(std::move(results), false));
  GCOMP_ASSIGN_OR_RETURN(std::vector<Tensor> outputs, runner_->Run(std::move(finished)));
  GCOMP_ENSURE(outputs.size() == wanted.size(), "one tensor for each array that is held");
  // A captured tensor is what it was: the run wrote it in place.
  for (const auto& [node, tensor] : inputs) {
    auto known = slots_.find(node);
    std::shared_ptr<ArrayRep> slot = known != slots_.end() ? known->second.lock() : nullptr;
    if (slot != nullptr) slot->tensor = *tensor;
  }
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i]->tensor = std::move(outputs[i]);
  NoteSplits(nodes, wanted);
  Suspend();
  for (CellRecord& record : cells_) {
    if (!record.observer) continue;
    std::vector<Array> seen;
    for (const Array* array : record.arrays()) seen.push_back(*array);
    record.commit()(seen);
  }
  Resume();
  return {};
}

// Arrays that shared storage in the segment and lie apart from now on.
void Tracer::NoteSplits(const std::vector<uint32_t>& nodes,
                        const std::vector<std::shared_ptr<ArrayRep>>& made) {
  std::map<uint32_t, size_t> count;
  for (uint32_t node : nodes) ++count[nodes_[node].storage];
  for (const Input& input : inputs_) {
    auto views = count.find(input.storage);
    if (views == count.end()) continue;
    ++views->second;
    split_.push_back(input.tensor);
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (count[nodes_[nodes[i]].storage] > 1) split_.push_back(made[i]->tensor);
  }
}

// E511 for a write that other arrays, which a break took apart from this storage, should see.
Status Tracer::CheckNotSplit(uint32_t storage) const {
  for (const Input& input : inputs_) {
    if (input.storage != storage) continue;
    for (const Tensor& split : split_) {
      if (split.storage() != input.tensor.storage()) continue;
      return Status(ErrorId::E511,
                    Format("%{} is written in place and shared memory with views of it before a "
                           "graph break, which they don't do behind it: write before the break, "
                           "or write a copy",
                           nodes_[input.node].name));
    }
  }
  return {};
}

// In pieces, all sizes are numbers behind the op or region that finds them. A failure is kept.
void Tracer::SettleSizes() {
  if (CanBreak() && symbols_.size() > settled_symbols_) (void)EndSegment("sizes from data");
}

void Tracer::Restart(std::string name) {
  id_ = NextId();
  module_ = ir::Module();
  module_.name = std::move(name);
  frames_.clear();
  nodes_.clear();
  storages_.clear();
  tensors_.clear();
  inputs_.clear();
  numbers_.clear();
  number_values_.clear();
  functions_.clear();
  joined_.clear();
  known_calls_.clear();
  cells_.clear();
  frame_paths_.clear();
  frame_functions_.clear();
  storage_frames_.clear();
  slots_.clear();
  settled_symbols_ = symbols_.size();
  dropped_body_ = false;
  BeginFrame({.kind = FrameKind::kMain, .op = "main", .label = "main"});
}

Status Tracer::BeforeRead(const Array& array) {
  if (array.traced()) {
    return array.bits_ == id_ ? Break("the host reads a value") : Status();
  }
  const Tensor* tensor = TensorOf(array);
  if (tensor == nullptr || runner_ == nullptr) return {};
  auto known = storages_.find(tensor->storage());
  if (known == storages_.end()) return {};
  const std::vector<uint32_t>& written = frames_.front()->written;
  if (std::find(written.begin(), written.end(), known->second) == written.end()) return {};
  return Break("the host reads a value that was written in place");
}

// ---- Bodies that are no regions -----------------------------------------------------------------

Tracer::Mark Tracer::MarkBody(size_t wrap) {
  Mark mark;
  mark.wrap = wrap;
  mark.num_cells = cells_.size();
  for (const CellRecord& record : cells_) {
    if (record.snapshot != nullptr) mark.restore.push_back(record.snapshot());
  }
  return mark;
}

WrapMode Tracer::DropBody(const Mark& mark) {
  const WrapMode mode = runner_->OnFailure(mark.wrap, status_);
  if (mode == WrapMode::kRegion) return mode;
  while (frames_.size() > 1) {
    frame_functions_[frames_.back()->id] = nullptr;
    frames_.pop_back();
  }
  for (const std::function<void()>& restore : mark.restore) restore();
  for (; cells_.size() > mark.num_cells; cells_.pop_back()) {
    if (cells_.back().restore != nullptr) cells_.back().restore();
  }
  status_ = Status();
  num_wraps_ = mark.wrap + 1;
  settled_symbols_ = symbols_.size();
  dropped_body_ = true;
  return mode;
}

}  // namespace gcomp::internal
