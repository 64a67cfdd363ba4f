#include "kernels/onednn/conv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/aligned_buffer.h"
#include "kernels/onednn/engine.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels::onednn {
namespace {

// A tensor on its way between the form that gcomp has and the one that the convolution wants:
// strided -> row-major (a copy of ours, where elements overlap) -> the library's form (a reorder).
struct Passage {
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  std::optional<StridedCopy> copy;
  size_t copy_at = 0;
  dnnl_memory_desc_t plain = {};
  std::optional<Step> reorder;  // nullopt: the plain form is the one wanted
  size_t packed_at = 0;

  size_t NumElements() const {
    size_t n = 1;
    for (int64_t size : sizes) n *= static_cast<size_t>(size);
    return n;
  }

  Status Init(ScratchPlan& scratch) {
    if (!IsDistinct(sizes, strides)) {
      const std::vector<int64_t> dense = ir::ContiguousStrides(sizes);
      copy = StridedCopy::Make(sizes, strides, dense, sizeof(float));
      copy_at = scratch.Take(NumElements() * sizeof(float));
      strides = dense;
    }
    GCOMP_ASSIGN_OR_RETURN(plain, StridedDesc(sizes, strides));
    return {};
  }

  // Where row-major (or distinct) data is: the operand, or its copy, made now.
  StatusOr<const void*> Plain(const void* data, char* scratch, Pacer& pacer) const {
    if (!copy.has_value()) return data;
    GCOMP_RETURN_IF_ERROR(copy->Run(data, scratch + copy_at, pacer));
    return static_cast<const void*>(scratch + copy_at);
  }
};

struct ConvState final : ir::KernelState {
  Stream stream;
  Memory x_plain, x_packed;
  Memory w_plain, w_packed;
  Memory bias;
  Memory y_packed, y_plain;
  Memory pad, x_pad, w_pad, y_pad;
};

class ConvKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const ConvProblem& p, const void* constant_w,
                                                    CpuLevel cpu) {
    auto kernel = std::make_unique<ConvKernel>();
    GCOMP_ASSIGN_OR_RETURN(kernel->engine_, EngineFor(cpu));
    EnterThread();
    ScratchPlan scratch;
    GCOMP_RETURN_IF_ERROR(kernel->Describe(p, constant_w == nullptr, scratch));
    GCOMP_RETURN_IF_ERROR(kernel->MakeConvolution(p));
    GCOMP_RETURN_IF_ERROR(kernel->MakeReorders(constant_w, scratch));
    kernel->pad_at_ = scratch.Take(kernel->pad_bytes_);
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  StatusOr<std::unique_ptr<ir::KernelState>> NewState() const override;
  Status Run(const ir::KernelArgs& args) const override;

 private:
  // The forms in which gcomp has the tensors.
  Status Describe(const ConvProblem& p, bool copy_w_at_run, ScratchPlan& scratch) {
    // A convolution along one axis is one along two, the first of size 1.
    const size_t first = p.spatial == 3 ? 0 : 1;
    auto append = [first](std::vector<int64_t>& to, auto size_of) {
      for (size_t i = first; i < 3; ++i) to.push_back(size_of(i));
    };
    x_.sizes = {p.n, p.c};
    append(x_.sizes, [&](size_t i) { return p.x_size(i); });
    x_.strides = {p.x_strides[0], p.x_strides[1]};
    append(x_.strides, [&](size_t i) { return p.x_strides[2 + i]; });
    y_.sizes = {p.n, p.o};
    append(y_.sizes, [&](size_t i) { return p.y_size(i); });
    y_.strides = ir::ContiguousStrides(y_.sizes);
    if (p.groups > 1) {
      w_.sizes.push_back(p.groups);
      w_.strides.push_back(p.w_group_stride());
    }
    w_.sizes.insert(w_.sizes.end(), {p.group_o(), p.group_c()});
    append(w_.sizes, [&](size_t i) { return p.axes[i].kernel; });
    w_.strides.insert(w_.strides.end(), {p.w_strides[0], p.w_strides[1]});
    append(w_.strides, [&](size_t i) { return p.w_strides[2 + i]; });
    has_bias_ = p.has_bias;
    if (p.has_bias && p.bias_stride != 1 && p.o > 1) {
      const int64_t size[] = {p.o};
      const int64_t from[] = {p.bias_stride};
      const int64_t to[] = {1};
      copy_bias_ = StridedCopy::Make(size, from, to, sizeof(float));
      bias_at_ = scratch.Take(static_cast<size_t>(p.o) * sizeof(float));
    }
    ScratchPlan once;  // a constant w is read at prepare only
    GCOMP_RETURN_IF_ERROR(x_.Init(scratch));
    GCOMP_RETURN_IF_ERROR(y_.Init(scratch));
    return w_.Init(copy_w_at_run ? scratch : once);
  }

  Status MakeConvolution(const ConvProblem& p) {
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t x, AnyDesc(x_.sizes));
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t w, AnyDesc(w_.sizes));
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t y, AnyDesc(y_.sizes));
    const int64_t bias_sizes[] = {p.o};
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t bias, AnyDesc(bias_sizes));
    dnnl_dims_t strides = {};
    dnnl_dims_t dilation = {};  // oneDNN counts the elements between taps from 0
    dnnl_dims_t pad_begin = {};
    dnnl_dims_t pad_end = {};
    for (size_t i = 0, from = 5 - x_.sizes.size(); from + i < 3; ++i) {
      const WindowAxis& axis = p.axes[from + i];
      strides[i] = axis.stride;
      dilation[i] = axis.dilation - 1;
      pad_begin[i] = axis.pad;
      pad_end[i] = p.pad_end[from + i];
    }
    const dnnl_memory_desc_t* bias_or_null = p.has_bias ? &bias : nullptr;

    union {
      dnnl_convolution_desc_t plain;
      dnnl_deconvolution_desc_t transposed;
    } desc;

    if (p.transposed) {
      GCOMP_DNNL(dnnl_dilated_deconvolution_forward_desc_init(
          &desc.transposed, dnnl_forward_inference, dnnl_deconvolution_direct, &x, &w, bias_or_null,
          &y, strides, dilation, pad_begin, pad_end));
    } else {
      GCOMP_DNNL(dnnl_dilated_convolution_forward_desc_init(
          &desc.plain, dnnl_forward_inference, dnnl_convolution_direct, &x, &w, bias_or_null, &y,
          strides, dilation, pad_begin, pad_end));
    }
    GCOMP_ASSIGN_OR_RETURN(Attr attr, MakeAttr());
    dnnl_primitive_desc_t pd = nullptr;
    GCOMP_DNNL(dnnl_primitive_desc_create(&pd, &desc, attr.get(), engine_, nullptr));
    conv_.pd.reset(pd);
    dnnl_primitive_t primitive = nullptr;
    GCOMP_DNNL(dnnl_primitive_create(&primitive, pd));
    conv_.primitive.reset(primitive);
    pad_bytes_ = conv_.scratchpad_bytes();
    return {};
  }

  // Reorders between the plain and the chosen form of one tensor.
  Status MakeReorder(Passage& passage, dnnl_query_t what, bool into_packed, ScratchPlan& scratch) {
    const dnnl_memory_desc_t& packed = DescOf(conv_.pd, what);
    if (dnnl_memory_desc_equal(&passage.plain, &packed) != 0) return {};
    GCOMP_ASSIGN_OR_RETURN(Step step, into_packed
                                          ? onednn::MakeReorder(passage.plain, packed, engine_)
                                          : onednn::MakeReorder(packed, passage.plain, engine_));
    passage.packed_at = scratch.Take(dnnl_memory_desc_get_size(&packed));
    pad_bytes_ = std::max(pad_bytes_, step.scratchpad_bytes());
    passage.reorder = std::move(step);
    return {};
  }

  Status MakeReorders(const void* constant_w, ScratchPlan& scratch) {
    GCOMP_RETURN_IF_ERROR(MakeReorder(x_, dnnl_query_src_md, true, scratch));
    GCOMP_RETURN_IF_ERROR(MakeReorder(y_, dnnl_query_dst_md, false, scratch));
    if (constant_w == nullptr) return MakeReorder(w_, dnnl_query_weights_md, true, scratch);
    AlignedBuffer dense;
    if (w_.copy.has_value()) {
      GCOMP_ASSIGN_OR_RETURN(dense, AlignedBuffer::Create(w_.NumElements() * sizeof(float)));
      w_.copy->Run(constant_w, dense.data());
      constant_w = dense.data();
    }
    const dnnl_memory_desc_t& packed = DescOf(conv_.pd, dnnl_query_weights_md);
    GCOMP_ASSIGN_OR_RETURN(packed_data_, AlignedBuffer::Create(dnnl_memory_desc_get_size(&packed)));
    GCOMP_RETURN_IF_ERROR(ReorderNow(w_.plain, constant_w, packed, packed_data_.data(), engine_));
    GCOMP_ASSIGN_OR_RETURN(packed_w_, MakeMemory(packed, engine_, packed_data_.data()));
    return {};
  }

  Status Execute(const Step& step, const ConvState& state,
                 std::span<const dnnl_exec_arg_t> args) const {
    GCOMP_DNNL(dnnl_primitive_execute(step.primitive.get(), state.stream.get(),
                                      static_cast<int>(args.size()), args.data()));
    GCOMP_DNNL(dnnl_stream_wait(state.stream.get()));
    return {};
  }

  // Brings an operand into the library's form; sets `memory` to where it is then.
  Status Bring(const Passage& passage, const ConvState& state, const Memory& plain,
               const Memory& packed, const Memory& pad, const void* data, char* scratch,
               Pacer& pacer, dnnl_memory_t& memory) const {
    GCOMP_ASSIGN_OR_RETURN(data, passage.Plain(data, scratch, pacer));
    GCOMP_DNNL(dnnl_memory_set_data_handle(plain.get(), const_cast<void*>(data)));
    memory = plain.get();
    if (!passage.reorder.has_value()) return {};
    GCOMP_DNNL(dnnl_memory_set_data_handle(packed.get(), scratch + passage.packed_at));
    GCOMP_DNNL(dnnl_memory_set_data_handle(pad.get(), scratch + pad_at_));
    memory = packed.get();
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, plain.get()},
                                    {DNNL_ARG_TO, packed.get()},
                                    {DNNL_ARG_SCRATCHPAD, pad.get()}};
    return Execute(*passage.reorder, state, args);
  }

  dnnl_engine_t engine_ = nullptr;
  Passage x_;
  Passage w_;
  Passage y_;
  bool has_bias_ = false;
  std::optional<StridedCopy> copy_bias_;
  size_t bias_at_ = 0;
  Step conv_;
  AlignedBuffer packed_data_;
  Memory packed_w_;  // w if it is constant; only read, by all frames
  size_t pad_bytes_ = 0;
  size_t pad_at_ = 0;
  size_t scratch_bytes_ = 0;
};

StatusOr<std::unique_ptr<ir::KernelState>> ConvKernel::NewState() const {
  auto state = std::make_unique<ConvState>();
  GCOMP_ASSIGN_OR_RETURN(state->stream, MakeStream(engine_));
  auto passage = [&](const Passage& from, dnnl_query_t what, Memory& plain, Memory& packed,
                     Memory& pad) -> Status {
    GCOMP_ASSIGN_OR_RETURN(plain, MakeMemory(from.plain, engine_, nullptr));
    if (!from.reorder.has_value()) return {};
    GCOMP_ASSIGN_OR_RETURN(packed, MakeMemory(DescOf(conv_.pd, what), engine_, nullptr));
    GCOMP_ASSIGN_OR_RETURN(pad, MakeMemory(from.reorder->scratchpad(), engine_, nullptr));
    return {};
  };
  GCOMP_RETURN_IF_ERROR(
      passage(x_, dnnl_query_src_md, state->x_plain, state->x_packed, state->x_pad));
  GCOMP_RETURN_IF_ERROR(
      passage(w_, dnnl_query_weights_md, state->w_plain, state->w_packed, state->w_pad));
  GCOMP_RETURN_IF_ERROR(
      passage(y_, dnnl_query_dst_md, state->y_plain, state->y_packed, state->y_pad));
  if (has_bias_) {
    const dnnl_memory_desc_t& bias =
        *dnnl_primitive_desc_query_md(conv_.pd.get(), dnnl_query_weights_md, 1);
    GCOMP_ASSIGN_OR_RETURN(state->bias, MakeMemory(bias, engine_, nullptr));
  }
  GCOMP_ASSIGN_OR_RETURN(state->pad, MakeMemory(conv_.scratchpad(), engine_, nullptr));
  return std::unique_ptr<ir::KernelState>(std::move(state));
}

Status ConvKernel::Run(const ir::KernelArgs& args) const {
  EnterThread();
  const ConvState& state = *static_cast<const ConvState*>(args.state);
  char* scratch = static_cast<char*>(args.scratch);
  dnnl_memory_t x = nullptr;
  dnnl_memory_t w = packed_w_.get();
  Pacer pacer(args.regions);
  GCOMP_RETURN_IF_ERROR(Bring(x_, state, state.x_plain, state.x_packed, state.x_pad,
                              args.operand(0), scratch, pacer, x));
  if (w == nullptr) {
    GCOMP_RETURN_IF_ERROR(Bring(w_, state, state.w_plain, state.w_packed, state.w_pad,
                                args.operand(1), scratch, pacer, w));
  }
  GCOMP_DNNL(dnnl_memory_set_data_handle(state.y_plain.get(), args.result(0)));
  dnnl_memory_t y = state.y_plain.get();
  if (y_.reorder.has_value()) {
    y = state.y_packed.get();
    GCOMP_DNNL(dnnl_memory_set_data_handle(y, scratch + y_.packed_at));
  }
  GCOMP_DNNL(dnnl_memory_set_data_handle(state.pad.get(), scratch + pad_at_));
  std::array<dnnl_exec_arg_t, 5> exec = {{{DNNL_ARG_SRC, x},
                                          {DNNL_ARG_WEIGHTS, w},
                                          {DNNL_ARG_DST, y},
                                          {DNNL_ARG_SCRATCHPAD, state.pad.get()},
                                          {DNNL_ARG_BIAS, state.bias.get()}}};
  if (has_bias_) {
    const void* bias = args.operand(2);
    if (copy_bias_.has_value()) {
      copy_bias_->Run(bias, scratch + bias_at_);
      bias = scratch + bias_at_;
    }
    GCOMP_DNNL(dnnl_memory_set_data_handle(state.bias.get(), const_cast<void*>(bias)));
  }
  GCOMP_RETURN_IF_ERROR(Execute(conv_, state, std::span(exec).first(has_bias_ ? 5 : 4)));
  if (!y_.reorder.has_value()) return {};
  GCOMP_DNNL(dnnl_memory_set_data_handle(state.y_pad.get(), scratch + pad_at_));
  const dnnl_exec_arg_t back[] = {{DNNL_ARG_FROM, y},
                                  {DNNL_ARG_TO, state.y_plain.get()},
                                  {DNNL_ARG_SCRATCHPAD, state.y_pad.get()}};
  return Execute(*y_.reorder, state, back);
}

}  // namespace

bool TakesConv(const ConvProblem& p) {
  // The library computes places of taps in 32 bits.
  constexpr int64_t kMaxPlace = INT32_MAX / 2;
  for (size_t i = 0; i < 3; ++i) {
    const WindowAxis& axis = p.axes[i];
    const int64_t reach = (axis.kernel - 1) * axis.dilation + 1;
    const int64_t last = (axis.out - 1) * axis.stride;
    if (axis.pad > kMaxPlace || axis.stride > kMaxPlace || axis.dilation > kMaxPlace ||
        reach > kMaxPlace || last + reach > kMaxPlace || p.pad_end[i] > kMaxPlace) {
      return false;
    }
    // Padding that output_padding makes negative: the library takes it down to less than a stride.
    if (p.pad_end[i] + axis.stride <= 0) return false;
  }
  for (const WindowAxis& axis : p.axes) {
    const int64_t sizes[] = {axis.in, axis.out, axis.kernel};
    if (!FitsOneDnn(sizes)) return false;
  }
  const int64_t sizes[] = {p.n, p.c, p.o, p.groups};
  return p.dtype == ir::DType::kF32 && FitsOneDnn(sizes);
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareConv(const ConvProblem& problem,
                                                  const void* constant_w, CpuLevel cpu) {
  return ConvKernel::Make(problem, constant_w, cpu);
}

}  // namespace gcomp::kernels::onednn
