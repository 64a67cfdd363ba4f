#include "kernels/onednn/matmul.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/aligned_buffer.h"
#include "kernels/matmul_loops.h"
#include "kernels/onednn/engine.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels::onednn {
namespace {

// The product of these sizes with every tensor row-major: what oneDNN gets to see.
MatmulProblem RowMajorProblem(const MatmulOperands& operands) {
  auto row_major = [](ir::TensorSpec spec) {
    spec.strides = ir::ContiguousStrides(spec.sizes);
    return spec;
  };
  return MatmulProblem::Make(row_major(operands.a), row_major(operands.b), row_major(operands.c));
}

// One of the three tensors, as oneDNN sees it.
struct Side {
  std::vector<int64_t> sizes;       // batch dims (1 where broadcast), rows, columns
  std::vector<int64_t> strides;     // of the memory that oneDNN reads
  std::optional<StridedCopy> copy;  // into row-major memory, if the operand does not lie so
  size_t scratch_at = 0;
};

Side MakeSide(const MatmulProblem& p, int64_t MatmulProblem::Batch::*batch_stride, int64_t rows,
              int64_t columns, MatmulProblem::Matrix matrix) {
  Side side;
  for (const MatmulProblem::Batch& dim : p.batch) {
    side.sizes.push_back(dim.*batch_stride == 0 ? 1 : dim.size);
    side.strides.push_back(dim.*batch_stride);
  }
  side.sizes.insert(side.sizes.end(), {rows, columns});
  side.strides.insert(side.strides.end(), {matrix.row, matrix.column});
  return side;
}

// Plans a copy of an operand that is not row-major.
void CopyUnlessRowMajor(const ir::TensorSpec& spec, Side& side, ScratchPlan& scratch) {
  if (spec.IsContiguous()) return;
  side.copy =
      StridedCopy::Make(spec.sizes, spec.strides, ir::ContiguousStrides(spec.sizes), sizeof(float));
  side.scratch_at = scratch.Take(static_cast<size_t>(spec.NumElements()) * sizeof(float));
}

// The same for an operand that is packed once: a matrix with dense rows or columns is packed as it
// lies, which gives the same packed form.
void CopyUnlessPackable(const ir::TensorSpec& spec, Side& side) {
  const std::vector<int64_t> own(spec.strides.end() - 2, spec.strides.end());
  const bool dense = std::min(own[0], own[1]) == 1;
  if (side.sizes.size() == 2 && dense && IsDistinct(side.sizes, own)) {
    side.strides = own;
    return;
  }
  ScratchPlan once;
  CopyUnlessRowMajor(spec, side, once);
}

StatusOr<Step> MakeStep(const dnnl_memory_desc_t& a, const dnnl_memory_desc_t& b,
                        const dnnl_memory_desc_t& c, dnnl_engine_t engine) {
  dnnl_matmul_desc_t desc;
  GCOMP_DNNL(dnnl_matmul_desc_init(&desc, &a, &b, nullptr, &c));
  GCOMP_ASSIGN_OR_RETURN(Attr attr, MakeAttr());
  Step step;
  dnnl_primitive_desc_t pd = nullptr;
  GCOMP_DNNL(dnnl_primitive_desc_create(&pd, &desc, attr.get(), engine, nullptr));
  step.pd.reset(pd);
  dnnl_primitive_t primitive = nullptr;
  GCOMP_DNNL(dnnl_primitive_create(&primitive, pd));
  step.primitive.reset(primitive);
  return step;
}

struct MatmulState final : ir::KernelState {
  Stream stream;
  Memory a;
  Memory b;  // null if b is packed in the kernel
  Memory c;
  Memory scratchpad;
};

class MatmulKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const MatmulOperands& operands,
                                                    const void* constant_b, CpuLevel cpu) {
    const MatmulProblem p = RowMajorProblem(operands);
    auto kernel = std::make_unique<MatmulKernel>();
    GCOMP_ASSIGN_OR_RETURN(kernel->engine_, EngineFor(cpu));
    EnterThread();
    ScratchPlan scratch;
    kernel->a_ = MakeSide(p, &MatmulProblem::Batch::a, p.m, p.k, p.a);
    kernel->b_ = MakeSide(p, &MatmulProblem::Batch::b, p.k, p.n, p.b);
    kernel->c_ = MakeSide(p, &MatmulProblem::Batch::c, p.m, p.n, p.c);
    CopyUnlessRowMajor(operands.a, kernel->a_, scratch);
    if (constant_b == nullptr) {
      CopyUnlessRowMajor(operands.b, kernel->b_, scratch);
    } else {
      CopyUnlessPackable(operands.b, kernel->b_);
    }
    GCOMP_RETURN_IF_ERROR(kernel->Prepare(constant_b));
    kernel->scratchpad_at_ = scratch.Take(kernel->step_.scratchpad_bytes());
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  StatusOr<std::unique_ptr<ir::KernelState>> NewState() const override {
    auto state = std::make_unique<MatmulState>();
    GCOMP_ASSIGN_OR_RETURN(state->stream, MakeStream(engine_));
    GCOMP_ASSIGN_OR_RETURN(state->a, MakeMemory(Desc(dnnl_query_src_md), engine_, nullptr));
    if (packed_ == nullptr) {
      GCOMP_ASSIGN_OR_RETURN(state->b, MakeMemory(Desc(dnnl_query_weights_md), engine_, nullptr));
    }
    GCOMP_ASSIGN_OR_RETURN(state->c, MakeMemory(Desc(dnnl_query_dst_md), engine_, nullptr));
    GCOMP_ASSIGN_OR_RETURN(state->scratchpad, MakeMemory(step_.scratchpad(), engine_, nullptr));
    return std::unique_ptr<ir::KernelState>(std::move(state));
  }

  Status Run(const ir::KernelArgs& args) const override {
    EnterThread();
    MatmulState& state = *static_cast<MatmulState*>(args.state);
    char* scratch = static_cast<char*>(args.scratch);
    Pacer pacer(args.regions);
    GCOMP_ASSIGN_OR_RETURN(void* a, Read(a_, args.operand(0), scratch, pacer));
    GCOMP_DNNL(dnnl_memory_set_data_handle(state.a.get(), a));
    if (packed_ == nullptr) {
      GCOMP_ASSIGN_OR_RETURN(void* b, Read(b_, args.operand(1), scratch, pacer));
      GCOMP_DNNL(dnnl_memory_set_data_handle(state.b.get(), b));
    }
    GCOMP_DNNL(dnnl_memory_set_data_handle(state.c.get(), args.result(0)));
    GCOMP_DNNL(dnnl_memory_set_data_handle(state.scratchpad.get(), scratch + scratchpad_at_));
    const dnnl_exec_arg_t exec[] = {
        {DNNL_ARG_SRC, state.a.get()},
        {DNNL_ARG_WEIGHTS, packed_ == nullptr ? state.b.get() : packed_.get()},
        {DNNL_ARG_DST, state.c.get()},
        {DNNL_ARG_SCRATCHPAD, state.scratchpad.get()}};
    GCOMP_DNNL(dnnl_primitive_execute(step_.primitive.get(), state.stream.get(), 4, exec));
    GCOMP_DNNL(dnnl_stream_wait(state.stream.get()));
    return {};
  }

 private:
  Status Prepare(const void* constant_b) {
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t a, StridedDesc(a_.sizes, a_.strides));
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t b, StridedDesc(b_.sizes, b_.strides));
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t c, StridedDesc(c_.sizes, c_.strides));
    if (constant_b == nullptr) {
      GCOMP_ASSIGN_OR_RETURN(step_, MakeStep(a, b, c, engine_));
      return {};
    }
    GCOMP_ASSIGN_OR_RETURN(dnnl_memory_desc_t any, AnyDesc(b_.sizes));
    GCOMP_ASSIGN_OR_RETURN(step_, MakeStep(a, any, c, engine_));
    AlignedBuffer dense;
    if (b_.copy.has_value()) {
      GCOMP_ASSIGN_OR_RETURN(dense, AlignedBuffer::Create(dnnl_memory_desc_get_size(&b)));
      b_.copy->Run(constant_b, dense.data());
      constant_b = dense.data();
    }
    const dnnl_memory_desc_t& packed = Desc(dnnl_query_weights_md);
    GCOMP_ASSIGN_OR_RETURN(packed_data_, AlignedBuffer::Create(dnnl_memory_desc_get_size(&packed)));
    GCOMP_RETURN_IF_ERROR(ReorderNow(b, constant_b, packed, packed_data_.data(), engine_));
    GCOMP_ASSIGN_OR_RETURN(packed_, MakeMemory(packed, engine_, packed_data_.data()));
    return {};
  }

  const dnnl_memory_desc_t& Desc(dnnl_query_t what) const { return DescOf(step_.pd, what); }

  static StatusOr<void*> Read(const Side& side, const void* operand, char* scratch, Pacer& pacer) {
    if (!side.copy.has_value()) return const_cast<void*>(operand);
    GCOMP_RETURN_IF_ERROR(side.copy->Run(operand, scratch + side.scratch_at, pacer));
    return static_cast<void*>(scratch + side.scratch_at);
  }

  dnnl_engine_t engine_ = nullptr;
  Side a_;
  Side b_;
  Side c_;
  Step step_;
  AlignedBuffer packed_data_;
  Memory packed_;  // b if it is constant; only read, by all frames
  size_t scratchpad_at_ = 0;
  size_t scratch_bytes_ = 0;
};

}  // namespace

bool TakesMatmul(const MatmulOperands& operands) {
  if (operands.a.dtype != ir::DType::kF32) return false;
  const MatmulProblem p = RowMajorProblem(operands);
  std::vector<int64_t> sizes = {p.m, p.n, p.k};
  for (const MatmulProblem::Batch& dim : p.batch) sizes.push_back(dim.size);
  return FitsOneDnn(sizes) && p.batch.size() + 2 <= DNNL_MAX_NDIMS;
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMatmul(const MatmulOperands& operands,
                                                    const void* constant_b, CpuLevel cpu) {
  return MatmulKernel::Make(operands, constant_b, cpu);
}

}  // namespace gcomp::kernels::onednn
