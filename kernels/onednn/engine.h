// What all uses of oneDNN share: the engine, its settings, and small pieces of primitives.
//
// oneDNN keeps some settings per process or per thread, not per primitive, and gcomp sets these:
//   - per process: if the first session to come here is at CpuLevel::kV3, the instruction set is
//     limited to AVX2. It can't be undone or done later: the level of the first session holds for
//     all. If the embedder has used oneDNN before with wider instructions, E902.
//   - per thread: the number of OpenMP threads of each thread that comes here is set to 1: gcomp
//     splits work itself. A host that wants OpenMP on such a thread sets its own number again.
// Thread safety: all functions may be called from any thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/cpu.h"
#include "base/status.h"
#include "kernels/onednn/handles.h"

namespace gcomp::kernels::onednn {

// The engine of this process, made by the first call; it lives as long as the process.
StatusOr<dnnl_engine_t> EngineFor(CpuLevel cpu);

// Before any primitive of this thread is made or run.
void EnterThread();

StatusOr<Stream> MakeStream(dnnl_engine_t engine);

// Attributes of every primitive here: scratchpad given by us, strict f32 arithmetic.
StatusOr<Attr> MakeAttr();

StatusOr<Memory> MakeMemory(const dnnl_memory_desc_t& desc, dnnl_engine_t engine, void* handle);

// f32 with these sizes and strides. Requires at most DNNL_MAX_NDIMS of them.
StatusOr<dnnl_memory_desc_t> StridedDesc(std::span<const int64_t> sizes,
                                         std::span<const int64_t> strides);
// f32 with these sizes, in a form that the primitive chooses.
StatusOr<dnnl_memory_desc_t> AnyDesc(std::span<const int64_t> sizes);

// A tensor that oneDNN can describe: each dim fits its int arithmetic.
bool FitsOneDnn(std::span<const int64_t> sizes);

// True if no two elements share an address: oneDNN's descriptors reject others.
bool IsDistinct(std::span<const int64_t> sizes, std::span<const int64_t> strides);

const dnnl_memory_desc_t& DescOf(const PrimitiveDesc& pd, dnnl_query_t what);

// A primitive with its descriptors.
struct Step {
  PrimitiveDesc pd;
  Primitive primitive;

  const dnnl_memory_desc_t& scratchpad() const { return DescOf(pd, dnnl_query_scratchpad_md); }

  size_t scratchpad_bytes() const { return dnnl_memory_desc_get_size(&scratchpad()); }
};

StatusOr<Step> MakeReorder(const dnnl_memory_desc_t& from, const dnnl_memory_desc_t& to,
                           dnnl_engine_t engine);

// Packs `source` (described by `from`) into `target` at once, on this thread.
Status ReorderNow(const dnnl_memory_desc_t& from, const void* source, const dnnl_memory_desc_t& to,
                  void* target, dnnl_engine_t engine);

}  // namespace gcomp::kernels::onednn
