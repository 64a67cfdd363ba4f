#include "kernels/branch.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/scalar_value.h"
#include "kernels/region.h"

namespace gcomp::kernels {
namespace {

using ir::KernelArgs;
using ir::KernelCtx;

// The integer at `data`, moved into [0, last].
size_t ClampedIndex(ir::DType dtype, const void* data, size_t last) {
  const int64_t index = ir::Scalar::Load(dtype, data).ToInt();
  return static_cast<size_t>(std::clamp<int64_t>(index, 0, static_cast<int64_t>(last)));
}

class BranchKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx, Pick pick) {
    auto kernel = std::make_unique<BranchKernel>();
    kernel->pick_ = pick;
    if (pick != Pick::kOnly) {
      kernel->picked_by_ = ctx.operands[0].dtype;
      kernel->first_arg_ = 1;
    }
    kernel->num_args_ = ctx.operands.size() - kernel->first_arg_;
    kernel->num_results_ = ctx.results.size();
    ScratchPlan scratch;
    // The pointers of the call: arguments, then results.
    scratch.Take((kernel->num_args_ + kernel->num_results_) * sizeof(void*));
    for (const KernelCtx::Region& region : ctx.regions) {
      Branch& branch = kernel->regions_.emplace_back();
      branch.specs = region.results;
      GCOMP_ENSURE(region.results.size() == ctx.results.size(),
                   "a region has as many results as the op");
      for (size_t i = 0; i < ctx.results.size(); ++i) {
        ResultMove& move = branch.moves.emplace_back();
        if (!ir::IsKnown(ctx.results[i])) continue;
        GCOMP_ASSIGN_OR_RETURN(move, ResultMove::Make(region.results[i], ctx.results[i], scratch));
      }
    }
    for (size_t i = 0; i < ctx.results.size(); ++i) {
      const bool known = ir::IsKnown(ctx.results[i]);
      kernel->dynamic_.push_back(!known);
      kernel->sizes_.push_back(known ? std::vector<size_t>() : DefinedBy(ctx, i));
    }
    const size_t count = kernel->regions_.size();
    GCOMP_ENSURE(pick == Pick::kIndex ? count > 0 : count == (pick == Pick::kOnly ? 1u : 2u),
                 "specs of all regions");
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const KernelArgs& args) const override {
    const size_t r = PickedRegion(args);
    void** pointers = static_cast<void**>(args.scratch);
    char* scratch = static_cast<char*>(args.scratch);
    for (size_t i = 0; i < num_args_; ++i) {
      pointers[i] = args.slots[args.operand_slots[first_arg_ + i]];
    }
    const std::vector<ResultMove>& moves = regions_[r].moves;
    for (size_t i = 0; i < num_results_; ++i) {
      pointers[num_args_ + i] = moves[i].Target(scratch, args.result(i));
    }
    GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(r, std::span(pointers, num_args_),
                                                  std::span(pointers + num_args_, num_results_)));
    for (size_t i = 0; i < num_results_; ++i) moves[i].Finish(scratch, args.result(i));
    return {};
  }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    const size_t r = PickedRegion(args);
    void** pointers = static_cast<void**>(args.scratch);
    char* scratch = static_cast<char*>(args.scratch);
    for (size_t i = 0; i < num_args_; ++i) {
      pointers[i] = args.slots[args.operand_slots[first_arg_ + i]];
    }
    const Branch& branch = regions_[r];
    Sizes sizes(*this, out);
    for (size_t i = 0; i < num_results_; ++i) {
      void*& target = pointers[num_args_ + i];
      if (!dynamic_[i]) {
        target = branch.moves[i].Target(scratch, args.result(i));
      } else if (ir::IsKnown(branch.specs[i])) {
        GCOMP_ASSIGN_OR_RETURN(target, sizes.Place(i, branch.specs[i]));
      } else {
        target = nullptr;
      }
    }
    GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(
        r, std::span(pointers, num_args_), std::span(pointers + num_args_, num_results_), sizes));
    for (size_t i = 0; i < num_results_; ++i) {
      if (!dynamic_[i]) branch.moves[i].Finish(scratch, args.result(i));
    }
    return {};
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  struct Branch {
    std::vector<ir::TensorSpec> specs;  // of the results, as the region gives them
    std::vector<ResultMove> moves;      // of those that have their memory before
  };

  // The sizes of results that the region finds out define those of the op's.
  class Sizes final : public ir::RegionResults {
   public:
    Sizes(const BranchKernel& kernel, ir::DynamicResults& out) : kernel_(kernel), out_(out) {}

    Status Define(size_t i, int64_t value) override { return out_.Define(i, value); }

    StatusOr<void*> Place(size_t i, const ir::TensorSpec& spec) override {
      const std::vector<size_t>& symbols = kernel_.sizes_[i];
      for (size_t d = 0; d < symbols.size() && d < spec.sizes.size(); ++d) {
        if (symbols[d] != kNone) GCOMP_RETURN_IF_ERROR(out_.Define(symbols[d], spec.sizes[d]));
      }
      return out_.Allocate(i);
    }

   private:
    const BranchKernel& kernel_;
    ir::DynamicResults& out_;
  };

  // Which of the symbols that the op defines each dim of a result is; kNone for the others.
  static std::vector<size_t> DefinedBy(const KernelCtx& ctx, size_t result) {
    std::vector<size_t> symbols;
    const ir::Type& type = ctx.function.value(ctx.op.results[result]).type;
    for (const ir::Expr& dim : type.is_tensor() ? type.dims() : ir::Dims()) {
      size_t symbol = kNone;
      for (size_t k = 0; k < ctx.op.defines.size(); ++k) {
        if (dim == ir::Expr::Symbol(ctx.op.defines[k])) symbol = k;
      }
      symbols.push_back(symbol);
    }
    return symbols;
  }

  size_t PickedRegion(const KernelArgs& args) const {
    switch (pick_) {
      case Pick::kOnly:
        return 0;
      case Pick::kPredicate:
        return IsNonzero(picked_by_, args.operand(0)) ? 0 : 1;
      case Pick::kIndex:
        return ClampedIndex(picked_by_, args.operand(0), regions_.size() - 1);
    }
    return 0;
  }

  Pick pick_ = Pick::kOnly;
  ir::DType picked_by_ = ir::DType::kBool;
  size_t first_arg_ = 0;
  size_t num_args_ = 0;
  size_t num_results_ = 0;
  size_t scratch_bytes_ = 0;
  std::vector<Branch> regions_;
  std::vector<std::vector<size_t>> sizes_;  // by result and dim: DefinedBy
  std::vector<bool> dynamic_;               // by result: its memory comes during the run
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeBranchKernel(const KernelCtx& ctx, Pick pick) {
  return BranchKernel::Make(ctx, pick);
}

}  // namespace gcomp::kernels
