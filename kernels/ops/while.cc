// while: the loop whose condition and body are regions.
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/region.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;
using ir::ValueId;

// The types of what both regions take: carries row-major, then extra as it is.
std::vector<Type> PassedTypes(const InferCtx& ctx) {
  std::vector<Type> types;
  for (ValueId id : ctx.group(0)) types.push_back(RowMajor(TypeOf(ctx, id)));
  for (ValueId id : ctx.group(1)) types.push_back(TypeOf(ctx, id));
  return types;
}

bool IsInt(const Type& type) {
  return type.kind() == Type::Kind::kInt;
}

// The int of a carry is another one in each iteration, so its parameter names it anew.
Status CheckIntCarries(const InferCtx& ctx, size_t r, std::span<const Type> carries) {
  const ir::Block& block = RegionOf(ctx, r);
  for (size_t i = 0; i < carries.size(); ++i) {
    const Type& param = TypeOf(ctx, block.params[i]);
    if (!IsInt(carries[i]) || (BindsSymbol(param) && param != carries[i])) continue;
    return ctx.Fail(
        Format("carry {} is {}: its parameter in region {} must be an int<u> with a "
               "symbol u of its own, found {}",
               i, ctx.Show(carries[i]), block.label, ctx.Show(param)));
  }
  return {};
}

// The results: the carries, with a symbol that the op defines for each int.
Status ReturnCarries(InferCtx& ctx, std::span<const Type> carries) {
  const std::vector<ValueId>& next = RegionOf(ctx, 1).yields;
  if (next.size() != carries.size()) {
    return ctx.Fail(
        Format("region do yields {} values for {} carries", next.size(), carries.size()),
        ErrorId::E211);
  }
  const std::vector<ir::SymId>& defines = ctx.op().defines;
  size_t num_ints = 0;
  for (size_t i = 0; i < carries.size(); ++i) {
    const Type& yielded = TypeOf(ctx, next[i]);
    const bool same = IsInt(carries[i]) ? IsInt(yielded) : RowMajor(yielded) == carries[i];
    if (!same) {
      return ctx.Fail(Format("carry {} is {}, but region do yields {} for it", i,
                             ctx.Show(carries[i]), ctx.Show(yielded)),
                      ErrorId::E211);
    }
    if (!IsInt(carries[i])) {
      ctx.Return(carries[i]);
    } else if (num_ints++ < defines.size()) {
      ctx.Return(Type::Int(ir::Expr::Symbol(defines[num_ints - 1])));
    }
  }
  if (num_ints == defines.size()) return {};
  return ctx.Fail(Format("{} carries are ints, each of which defines a size symbol; `defines` has "
                         "{}",
                         num_ints, defines.size()),
                  ErrorId::E503);
}

Status InferWhile(InferCtx& ctx) {
  if (ctx.attrs().Has("max_trip") && ctx.attrs().Int("max_trip") < 0) {
    return ctx.Fail(Format("max_trip = {}, but must be at least 0", ctx.attrs().Int("max_trip")),
                    ErrorId::E508);
  }
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 2));
  const std::vector<Type> passed = PassedTypes(ctx);
  const std::span<const Type> carries(passed.data(), ctx.group(0).size());
  for (size_t r = 0; r < 2; ++r) {
    GCOMP_RETURN_IF_ERROR(CheckParams(ctx, r, passed));
    GCOMP_RETURN_IF_ERROR(CheckIntCarries(ctx, r, carries));
  }
  const std::vector<ValueId>& go = RegionOf(ctx, 0).yields;
  const bool one_bool =
      go.size() == 1 && (TypeOf(ctx, go[0]).kind() == Type::Kind::kFlag ||
                         (TypeOf(ctx, go[0]).is_tensor() && TypeOf(ctx, go[0]).rank() == 0 &&
                          TypeOf(ctx, go[0]).dtype() == ir::DType::kBool));
  if (!one_bool) {
    return ctx.Fail(
        Format("region cond must yield one bool[] or flag, found {}",
               go.size() == 1 ? ctx.Show(TypeOf(ctx, go[0])) : Format("{} values", go.size())),
        ErrorId::E212);
  }
  return ReturnCarries(ctx, carries);
}

// Carries live in two sets of buffers in scratch, which the body reads and writes in turn
// (kernels/region.h).
class WhileKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx) {
    GCOMP_ENSURE(ctx.regions.size() == 2 && ctx.regions[0].results.size() == 1,
                 "specs of the regions of while");
    const size_t num_carries = ctx.group_size(0);
    GCOMP_ENSURE(ctx.results.size() == num_carries && ctx.regions[1].results.size() == num_carries,
                 "one result for each carry");
    auto kernel = std::make_unique<WhileKernel>();
    if (ctx.attrs.Has("max_trip")) kernel->max_trip_ = ctx.attrs.Int("max_trip");
    kernel->num_extra_ = ctx.group_size(1);
    ScratchPlan scratch;
    scratch.Take((2 * num_carries + kernel->num_extra_ + 1) * sizeof(void*));
    kernel->condition_at_ = scratch.Take(ctx.regions[0].results[0]);
    for (size_t i = 0; i < num_carries; ++i) {
      const size_t operand = ctx.group_begin(0) + i;
      const TensorSpec& result = ctx.results[i];
      GCOMP_ASSIGN_OR_RETURN(Carry carry,
                             Carry::Make(operand, ctx.operands[operand], result, scratch));
      GCOMP_ASSIGN_OR_RETURN(ResultMove exit,
                             ResultMove::Make(ctx.regions[1].results[i], result, scratch));
      kernel->carries_.push_back(
          {std::move(carry), std::move(exit), static_cast<size_t>(result.SpanBytes())});
    }
    for (size_t i = 0; i < num_carries && !ctx.op.defines.empty(); ++i) {
      if (IsInt(ctx.function.value(ctx.op.results[i]).type)) kernel->ints_.push_back(i);
    }
    kernel->first_extra_ = ctx.group_begin(1);
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const KernelArgs& args) const override {
    char* scratch = static_cast<char*>(args.scratch);
    const size_t n = carries_.size();
    const size_t num_params = n + num_extra_;
    // Pointers: the parameters, then the body's results, then the condition's.
    void** pointers = static_cast<void**>(args.scratch);
    std::span<void*> params(pointers, num_params);
    std::span<void*> next(pointers + num_params, n);
    std::span<void*> condition(pointers + num_params + n, 1);
    condition[0] = scratch + condition_at_;
    for (size_t i = 0; i < n; ++i) params[i] = carries_[i].carry.Enter(args, scratch);
    for (size_t i = 0; i < num_extra_; ++i) {
      params[n + i] = args.slots[args.operand_slots[first_extra_ + i]];
    }
    for (int64_t trip = 0;; ++trip) {
      GCOMP_RETURN_IF_ERROR(args.regions->Poll());
      GCOMP_RETURN_IF_ERROR(CheckInts(trip, params));
      GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(0, params, condition));
      if (*static_cast<const uint8_t*>(condition[0]) == 0) break;
      if (max_trip_.has_value() && trip == *max_trip_) {
        return Status(ErrorId::E401, Format("while: the condition still holds after max_trip = {} "
                                            "iterations",
                                            *max_trip_));
      }
      GCOMP_RETURN_IF_ERROR(Step(args, trip, scratch, params, next));
    }
    for (size_t i = 0; i < n; ++i) {
      if (carries_[i].bytes != 0) std::memcpy(args.result(i), params[i], carries_[i].bytes);
    }
    return {};
  }

  Status RunDynamic(const KernelArgs& args, ir::DynamicResults& out) const override {
    GCOMP_RETURN_IF_ERROR(Run(args));
    for (size_t i = 0; i < ints_.size(); ++i) {
      GCOMP_RETURN_IF_ERROR(out.Define(i, *args.result<int64_t>(ints_[i])));
    }
    return {};
  }

 private:
  struct LoopCarry {
    Carry carry;
    ResultMove exit;  // from the body's result to a buffer
    size_t bytes;
  };

  // The regions may rely on it: symbols of a region have no range but this.
  Status CheckInts(int64_t trip, std::span<void* const> params) const {
    for (size_t i : ints_) {
      const int64_t value = *static_cast<const int64_t*>(params[i]);
      if (value >= 0) continue;
      return Status(ErrorId::E401,
                    Format("while: carry {} is {} after {} iterations, but ints of the regions "
                           "must not be negative",
                           i, value, trip));
    }
    return {};
  }

  Status Step(const KernelArgs& args, int64_t trip, char* scratch, std::span<void*> params,
              std::span<void*> next) const {
    for (size_t i = 0; i < carries_.size(); ++i) {
      next[i] = carries_[i].exit.Target(scratch, carries_[i].carry.Buffer(trip, scratch));
    }
    GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(1, params, next));
    for (size_t i = 0; i < carries_.size(); ++i) {
      params[i] = carries_[i].carry.Buffer(trip, scratch);
      carries_[i].exit.Finish(scratch, params[i]);
    }
    return {};
  }

  std::vector<LoopCarry> carries_;
  std::vector<size_t> ints_;  // those whose results define size symbols
  size_t first_extra_ = 0;
  size_t num_extra_ = 0;
  size_t condition_at_ = 0;
  size_t scratch_bytes_ = 0;
  std::optional<int64_t> max_trip_;
};

constexpr ir::OperandSpec kWhileOperands[] = {
    {.name = "carry", .kind = ir::OperandKind::kNamedGroup, .tensor_only = false},
    {.name = "extra", .kind = ir::OperandKind::kNamedGroup, .tensor_only = false}};
constexpr ir::AttrSpec kWhileAttrs[] = {
    {"max_trip", ir::AttrKind::kInt,
     "most iterations, at least 0; going on after them is E401; absent = no bound"}};
constexpr ir::RegionSpec kWhileRegions[] = {{.label = "cond", .refuses_writes = ErrorId::E213},
                                            {.label = "do", .refuses_writes = ErrorId::E213}};

constinit const ir::OpDef kWhile = {
    .name = "while",
    .doc =
        "Repeats: while region cond(carry..., extra...) yields true, carry = region "
        "do(carry..., extra...). The results are the last carry.\n"
        "Shapes: both regions take the carries, row-major, then extra as it is; cond yields a "
        "bool[] or flag, do the carries with types unchanged. An int is an int<u> with a symbol of "
        "its own in each region, do yields any int, and the op defines a symbol for each such "
        "result, in order.\n"
        "Corners: with no iteration the results are copies of the operands; an int that enters a "
        "region and is negative is E401.",
    .source = "docs/spec/higher_order_ops.md 1.10 and 3.4",
    .operands = kWhileOperands,
    .attrs = kWhileAttrs,
    .regions = kWhileRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferWhile,
    .prepare = WhileKernel::Make,
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a loop around two regions"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(while, &kWhile)

}  // namespace gcomp::kernels
