#include "kernels/onednn/engine.h"

#include <omp.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/aligned_buffer.h"

namespace gcomp::kernels::onednn {
namespace {

Status LimitToAvx2() {
  dnnl_status_t status = dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
  if (status == dnnl_success) return {};
  // Refused after the first primitive of the process: fine if nothing wider is in use.
  const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  for (dnnl_cpu_isa_t narrow : {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx, dnnl_cpu_isa_avx2}) {
    if (isa == narrow) return {};
  }
  return Check(status, "dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2)");
}

StatusOr<dnnl_engine_t> MakeEngine(CpuLevel cpu) {
  if (cpu == CpuLevel::kV3) GCOMP_RETURN_IF_ERROR(LimitToAvx2());
  dnnl_engine_t engine = nullptr;
  GCOMP_DNNL(dnnl_engine_create(&engine, dnnl_cpu, 0));
  return engine;
}

StatusOr<dnnl_memory_desc_t> CheckRank(std::span<const int64_t> sizes) {
  GCOMP_ENSURE(sizes.size() <= DNNL_MAX_NDIMS, "rank fits oneDNN");
  return dnnl_memory_desc_t{};
}

}  // namespace

std::string_view NameOf(dnnl_status_t status) {
  switch (status) {
    case dnnl_success:
      return "success";
    case dnnl_out_of_memory:
      return "out of memory";
    case dnnl_invalid_arguments:
      return "invalid arguments";
    case dnnl_unimplemented:
      return "unimplemented";
    case dnnl_iterator_ends:
      return "iterator ends";
    case dnnl_runtime_error:
      return "runtime error";
    case dnnl_not_required:
      return "not required";
  }
  return "unknown status";
}

StatusOr<dnnl_engine_t> EngineFor(CpuLevel cpu) {
  // Never destroyed: threads of the host may still run kernels while statics are torn down.
  static const StatusOr<dnnl_engine_t>& engine = *new StatusOr<dnnl_engine_t>(MakeEngine(cpu));
  if (!engine.ok()) return Status(engine.status().id(), engine.status().message());
  return *engine;
}

void EnterThread() {
  thread_local const bool entered = [] {
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(entered);
}

StatusOr<Stream> MakeStream(dnnl_engine_t engine) {
  dnnl_stream_t stream = nullptr;
  GCOMP_DNNL(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
  return Stream(stream);
}

StatusOr<Attr> MakeAttr() {
  dnnl_primitive_attr_t attr = nullptr;
  GCOMP_DNNL(dnnl_primitive_attr_create(&attr));
  Attr owner(attr);
  GCOMP_DNNL(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
  GCOMP_DNNL(dnnl_primitive_attr_set_fpmath_mode(attr, dnnl_fpmath_mode_strict));
  return owner;
}

StatusOr<Memory> MakeMemory(const dnnl_memory_desc_t& desc, dnnl_engine_t engine, void* handle) {
  dnnl_memory_t memory = nullptr;
  GCOMP_DNNL(dnnl_memory_create(&memory, &desc, engine, handle));
  return Memory(memory);
}

StatusOr<dnnl_memory_desc_t> StridedDesc(std::span<const int64_t> sizes,
                                         std::span<const int64_t> strides) {
  GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t desc, CheckRank(sizes));
  // What the stride of a dim of size 1 is does not matter, but oneDNN wants it past all others.
  int64_t extent = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > 1) extent = std::max(extent, sizes[i] * strides[i]);
  }
  dnnl_dims_t normal = {};
  for (size_t i = 0; i < sizes.size(); ++i) normal[i] = sizes[i] == 1 ? extent : strides[i];
  GCOMP_DNNL(dnnl_memory_desc_init_by_strides(&desc, static_cast<int>(sizes.size()), sizes.data(),
                                              dnnl_f32, normal));
  return desc;
}

StatusOr<dnnl_memory_desc_t> AnyDesc(std::span<const int64_t> sizes) {
  GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t desc, CheckRank(sizes));
  GCOMP_DNNL(dnnl_memory_desc_init_by_tag(&desc, static_cast<int>(sizes.size()), sizes.data(),
                                          dnnl_f32, dnnl_format_tag_any));
  return desc;
}

bool FitsOneDnn(std::span<const int64_t> sizes) {
  return sizes.size() <= DNNL_MAX_NDIMS && std::all_of(sizes.begin(), sizes.end(), [](int64_t n) {
           return n > 0 && n <= std::numeric_limits<int32_t>::max();
         });
}

bool IsDistinct(std::span<const int64_t> sizes, std::span<const int64_t> strides) {
  std::vector<std::pair<int64_t, int64_t>> dims;  // stride, size
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > 1) dims.emplace_back(strides[i], sizes[i]);
  }
  std::sort(dims.begin(), dims.end());
  int64_t extent = 1;
  for (auto [stride, size] : dims) {
    if (stride < extent) return false;
    extent = stride * size;
  }
  return true;
}

const dnnl_memory_desc_t& DescOf(const PrimitiveDesc& pd, dnnl_query_t what) {
  return *dnnl_primitive_desc_query_md(pd.get(), what, 0);
}

StatusOr<Step> MakeReorder(const dnnl_memory_desc_t& from, const dnnl_memory_desc_t& to,
                           dnnl_engine_t engine) {
  GCOMP_ASSIGN_OR_RETURN(Attr attr, MakeAttr());
  dnnl_primitive_desc_t pd = nullptr;
  GCOMP_DNNL(dnnl_reorder_primitive_desc_create(&pd, &from, engine, &to, engine, attr.get()));
  Step step;
  step.pd.reset(pd);
  dnnl_primitive_t primitive = nullptr;
  GCOMP_DNNL(dnnl_primitive_create(&primitive, pd));
  step.primitive.reset(primitive);
  return step;
}

Status ReorderNow(const dnnl_memory_desc_t& from, const void* source, const dnnl_memory_desc_t& to,
                  void* target, dnnl_engine_t engine) {
  GCOMP_ASSIGN_OR_RETURN(Step step, MakeReorder(from, to, engine));
  GCOMP_ASSIGN_OR_RETURN(AlignedBuffer scratch, AlignedBuffer::Create(step.scratchpad_bytes()));
  GCOMP_ASSIGN_OR_RETURN(Stream stream, MakeStream(engine));
  GCOMP_ASSIGN_OR_RETURN(Memory source_memory, MakeMemory(from, engine, const_cast<void*>(source)));
  GCOMP_ASSIGN_OR_RETURN(Memory target_memory, MakeMemory(to, engine, target));
  GCOMP_ASSIGN_OR_RETURN(Memory pad, MakeMemory(step.scratchpad(), engine, scratch.data()));
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source_memory.get()},
                                  {DNNL_ARG_TO, target_memory.get()},
                                  {DNNL_ARG_SCRATCHPAD, pad.get()}};
  GCOMP_DNNL(dnnl_primitive_execute(step.primitive.get(), stream.get(), 3, args));
  GCOMP_DNNL(dnnl_stream_wait(stream.get()));
  return {};
}

}  // namespace gcomp::kernels::onednn
