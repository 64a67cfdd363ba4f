#include "jit/compiled_kernel.h"

#include <algorithm>
#include <utility>

#include "base/thread_pool.h"

namespace gcomp::codegen {
namespace {

// Primitives on elements (loads and stores count too) of a piece that a thread of its own pays for:
// some 20 us at 50 of them per ns, against some 0.3 us to hand it over.
constexpr int64_t kPieceWork = int64_t{1} << 20;
// Pieces between two looks at whether the run shall stop: a millisecond or so.
constexpr int64_t kPiecesPerPoll = 64;

int64_t WorkPerItem(const FusedKernel& fused, const WorkItems& items) {
  const auto accesses = static_cast<int64_t>(fused.accesses.size() + fused.stores.size());
  return items.elements_per_item * (fused.PrimsPerElement() + 4 * accesses);
}

}  // namespace

struct CompiledKernel::Call {
  const CompiledKernel* kernel;
  void* const* buffers;
  char* scratch;
  int64_t first_piece;
};

CompiledKernel::CompiledKernel(std::shared_ptr<const LoadedCode> code, KernelFunction function,
                               const FusedKernel& fused, const Schedule& schedule, ThreadPool* pool)
    : code_(std::move(code)), function_(function), pool_(pool) {
  fused.ForEachNumber([&](int64_t number) { numbers_.push_back(number); });
  const ScratchLayout layout = LayOutScratch(fused, schedule);
  numbers_.insert(numbers_.end(), layout.partials.begin(), layout.partials.end());
  numbers_.insert(numbers_.end(), layout.kept.begin(), layout.kept.end());
  scratch_bytes_ = layout.bytes;
  operands_ = static_cast<size_t>(std::count_if(fused.buffers.begin(), fused.buffers.end(),
                                                [](const Buffer& b) { return !b.written; }));
  results_ = fused.buffers.size() - operands_;
  const WorkItems work = CountWork(fused, schedule);
  items_ = work.count;
  piece_ = std::max<int64_t>(1, kPieceWork / std::max<int64_t>(1, WorkPerItem(fused, work)));
  piece_ = (piece_ + work.multiple - 1) / work.multiple * work.multiple;
  scratches_ = pool != nullptr && piece_ < items_ ? pool->threads() : 1;
}

Status CompiledKernel::Run(const ir::KernelArgs& args) const {
  void* buffers[kMaxBuffers];
  for (size_t i = 0; i < operands_; ++i) buffers[i] = args.slots[args.operand_slots[i]];
  for (size_t i = 0; i < results_; ++i) buffers[operands_ + i] = args.slots[args.result_slots[i]];
  if (piece_ >= items_) {
    function_(buffers, numbers_.data(), args.scratch, 0, items_);
    return {};
  }
  return RunPieces({this, buffers, static_cast<char*>(args.scratch), 0}, args.regions);
}

Status CompiledKernel::RunPieces(const Call& call, ir::RegionRunner* regions) const {
  const int64_t pieces = (items_ + piece_ - 1) / piece_;
  auto run = [](void* context, int64_t piece, int thread) {
    const Call& c = *static_cast<const Call*>(context);
    const CompiledKernel& k = *c.kernel;
    const int64_t begin = (c.first_piece + piece) * k.piece_;
    k.function_(c.buffers, k.numbers_.data(), c.scratch + thread * k.scratch_bytes_, begin,
                std::min(begin + k.piece_, k.items_));
  };
  for (int64_t done = 0; done < pieces; done += kPiecesPerPoll) {
    if (done > 0) GCOMP_RETURN_IF_ERROR(regions->Poll());
    Call batch = call;
    batch.first_piece = done;
    const int64_t count = std::min(kPiecesPerPoll, pieces - done);
    if (pool_ != nullptr) {
      pool_->Run(count, run, &batch);
    } else {
      for (int64_t piece = 0; piece < count; ++piece) run(&batch, piece, 0);
    }
  }
  return {};
}

}  // namespace gcomp::codegen
