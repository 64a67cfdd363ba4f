#include "kernels/in_place.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/kernel.h"
#include "kernels/pacer.h"
#include "kernels/scratch_plan.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;

Status InferInPlace(InferCtx& ctx) {
  InferCtx functional = ctx.WithoutResults();
  GCOMP_RETURN_IF_ERROR(ctx.op().def->functional->infer(functional));
  const Type& type = ctx.operand(0);
  const Type& value = functional.results()[0];
  bool fits = type.is_tensor() && value.is_tensor() && type.dtype() == value.dtype() &&
              type.rank() == value.rank();
  for (int d = 0; fits && d < type.rank(); ++d) {
    fits = ctx.SameSize(type.dims()[static_cast<size_t>(d)], value.dims()[static_cast<size_t>(d)]);
  }
  if (!fits) {
    return ctx.Fail(Format("the value is {}, which does not fit operand 0: {}", ctx.Show(value),
                           ctx.Show(type)));
  }
  if (type.layout().kind == ir::Layout::Kind::kStrided) {
    for (int d = 0; d < type.rank(); ++d) {
      const auto axis = static_cast<size_t>(d);
      if (type.layout().strides[axis].IsConst(0) && !type.dims()[axis].IsConst(1) &&
          !type.dims()[axis].IsConst(0)) {
        return ctx.Fail(
            Format("elements of operand 0, {}, share memory: it can't be written", ctx.Show(type)));
      }
    }
  }
  ctx.Return(type);
  return {};
}

// Runs a kernel on scratch and copies what it made over operand 0.
class ScratchedKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(std::unique_ptr<ir::Kernel> inner,
                                                    size_t operands, const TensorSpec& made,
                                                    const TensorSpec& target) {
    auto kernel = std::make_unique<ScratchedKernel>();
    ScratchPlan scratch;
    kernel->inner_at_ = scratch.Take(inner->scratch_bytes());
    kernel->slots_at_ = scratch.Take((operands + 1) * sizeof(void*));
    kernel->made_at_ = scratch.Take(made);
    kernel->scratch_bytes_ = scratch.bytes();
    for (uint32_t i = 0; i <= operands; ++i) kernel->order_.push_back(i);
    kernel->copy_ =
        StridedCopy::Make(target.sizes, made.strides, target.strides, ir::BytesOf(target.dtype));
    kernel->inner_ = std::move(inner);
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  StatusOr<std::unique_ptr<ir::KernelState>> NewState() const override {
    return inner_->NewState();
  }

  Status Run(const KernelArgs& args) const override {
    char* scratch = static_cast<char*>(args.scratch);
    void** slots = reinterpret_cast<void**>(scratch + slots_at_);
    const size_t operands = order_.size() - 1;
    for (size_t i = 0; i < operands; ++i) slots[i] = args.slots[args.operand_slots[i]];
    slots[operands] = scratch + made_at_;
    GCOMP_RETURN_IF_ERROR(inner_->Run({slots, order_.data(), order_.data() + operands,
                                       scratch + inner_at_, args.state, args.regions}));
    Pacer pacer(args.regions);
    return copy_.Run(scratch + made_at_, args.result(0), pacer);
  }

 private:
  std::unique_ptr<ir::Kernel> inner_;
  std::vector<uint32_t> order_;  // 0, 1, ...: slots of the operands, then of the result
  StridedCopy copy_;
  size_t inner_at_ = 0;
  size_t slots_at_ = 0;
  size_t made_at_ = 0;
  size_t scratch_bytes_ = 0;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareInPlace(const KernelCtx& ctx) {
  const ir::OpDef& functional = *ctx.op.def->functional;
  const TensorSpec& target = ctx.operands[0];
  GCOMP_RETURN_IF_ERROR(CheckWritable(target));
  const bool scratched =
      ctx.overlaps != 0 || !(functional.any_result_layout || target.IsContiguous());
  TensorSpec made = target;
  made.offset = 0;
  if (scratched) made.strides = ir::ContiguousStrides(made.sizes);
  const std::vector<TensorSpec> results = {made};
  KernelCtx inner{ctx.function,  ctx.op,      ctx.attrs, ctx.operands, results,
                  ctx.constants, ctx.symbols, ctx.cpu,   {},           0};
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::Kernel> kernel, functional.prepare(inner));
  if (!scratched) return kernel;
  return ScratchedKernel::Make(std::move(kernel), ctx.operands.size(), made, target);
}

// Of an op that is a formula: the formula, then the copy.
void DecomposeInPlace(ir::DecomposeCtx& ctx) {
  ctx.op().def->functional->lowering.decompose(ctx);
  ir::Term value = ctx.TakeReturned();
  ctx.ReturnAsIs(ctx.Call("copy_", {ctx.operand(0), value}));
}

}  // namespace

Status CheckWritable(const TensorSpec& spec) {
  if (spec.NumElements() < 2) return {};
  // Sorted by stride, each must reach past all elements of the smaller ones.
  std::vector<std::pair<int64_t, int64_t>> axes;  // stride, size
  for (size_t d = 0; d < spec.sizes.size(); ++d) {
    if (spec.sizes[d] > 1) axes.emplace_back(spec.strides[d], spec.sizes[d]);
  }
  std::sort(axes.begin(), axes.end());
  int64_t reach = 0;  // of the axes before, in elements
  for (auto [stride, size] : axes) {
    if (stride <= reach) {
      return Status(ErrorId::E504,
                    Format("elements of {} share memory: it can't be written", spec.ToString()));
    }
    reach += stride * (size - 1);
  }
  return {};
}

ir::OpDef InPlaceForm(const ir::OpDef& functional, std::string_view name, std::string_view doc) {
  ir::OpDef def = functional;
  def.name = name;
  def.doc = doc;
  if (!functional.in_place_operands.empty()) def.operands = functional.in_place_operands;
  def.commutative = false;
  def.same_bytes = false;
  def.in_place_form = false;
  def.functional = &functional;
  def.effects.writes = 1;
  def.effects.write = functional.is_view() ? ir::WriteKind::kMetadata : ir::WriteKind::kData;
  def.effects.alias_of[0] = 0;
  def.simplify = nullptr;
  def.canonicalize = nullptr;
  def.vjp = ir::NotYet("gradients through writes come with functionalization");
  if (functional.is_view()) return def;  // the same view, as another handle of operand 0
  def.infer = InferInPlace;
  if (functional.decomposes()) {
    def.lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeInPlace};
  } else {
    def.prepare = PrepareInPlace;
    def.lowering = {.kind = ir::Lowering::Kind::kInPlace};
  }
  return def;
}

}  // namespace gcomp::kernels
