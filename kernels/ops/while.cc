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

// The types of the parameters of both regions: carries row-major, then extra as it is.
StatusOr<std::vector<Type>> ParamTypes(const InferCtx& ctx) {
  std::vector<Type> types;
  for (ValueId id : ctx.group(0)) {
    const Type& type = TypeOf(ctx, id);
    if (type.kind() == Type::Kind::kInt) {
      return ctx.Fail(Format("carry {} is {}: this build can't run int carries, use an i64[]",
                             types.size(), ctx.Show(type)),
                      ErrorId::E511);
    }
    types.push_back(RowMajor(type));
  }
  for (ValueId id : ctx.group(1)) types.push_back(TypeOf(ctx, id));
  return types;
}

Status InferWhile(InferCtx& ctx) {
  if (ctx.attrs().Has("max_trip") && ctx.attrs().Int("max_trip") < 0) {
    return ctx.Fail(Format("max_trip = {}, but must be at least 0", ctx.attrs().Int("max_trip")),
                    ErrorId::E508);
  }
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 2));
  GCOMP_ASSIGN_OR_RETURN(std::vector<Type> params, ParamTypes(ctx));
  GCOMP_RETURN_IF_ERROR(CheckParams(ctx, 0, params));
  GCOMP_RETURN_IF_ERROR(CheckParams(ctx, 1, params));
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
  const std::vector<ValueId>& next = RegionOf(ctx, 1).yields;
  const size_t num_carries = ctx.group(0).size();
  if (next.size() != num_carries) {
    return ctx.Fail(Format("region do yields {} values for {} carries", next.size(), num_carries),
                    ErrorId::E211);
  }
  for (size_t i = 0; i < num_carries; ++i) {
    if (RowMajor(TypeOf(ctx, next[i])) != params[i]) {
      return ctx.Fail(Format("carry {} is {}, but region do yields {} for it", i,
                             ctx.Show(params[i]), ctx.Show(TypeOf(ctx, next[i]))),
                      ErrorId::E211);
    }
    ctx.Return(params[i]);
  }
  return {};
}

// Carries live in two sets of buffers in scratch that the body reads from and writes to in turn;
// the first iteration reads the operands themselves where they are row-major.
class WhileKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx) {
    if (!ctx.op.defines.empty()) {
      return Status(ErrorId::E511,
                    Format("while: this build can't run results whose sizes are known only at run "
                           "time (`defines {}`)",
                           ctx.function.SymbolName(ctx.op.defines[0])));
    }
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
      const TensorSpec& operand = ctx.operands[ctx.group_begin(0) + i];
      const TensorSpec& result = ctx.results[i];
      GCOMP_ENSURE(operand.sizes == result.sizes && operand.dtype == result.dtype,
                   "a carry keeps its type");
      GCOMP_ENSURE(result.IsContiguous(), "results of while are row-major");
      Carry carry;
      carry.operand = ctx.group_begin(0) + i;
      carry.bytes = static_cast<size_t>(result.SpanBytes());
      carry.buffers[0] = scratch.Take(carry.bytes);
      carry.buffers[1] = scratch.Take(carry.bytes);
      if (!operand.IsContiguous()) {
        carry.entry = StridedCopy::Make(result.sizes, operand.strides, result.strides,
                                        ir::BytesOf(result.dtype));
      }
      GCOMP_ASSIGN_OR_RETURN(carry.exit,
                             ResultMove::Make(ctx.regions[1].results[i], result, scratch));
      kernel->carries_.push_back(std::move(carry));
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
    for (size_t i = 0; i < n; ++i) params[i] = Enter(args, carries_[i], scratch);
    for (size_t i = 0; i < num_extra_; ++i) {
      params[n + i] = args.slots[args.operand_slots[first_extra_ + i]];
    }
    for (int64_t trip = 0;; ++trip) {
      GCOMP_RETURN_IF_ERROR(args.regions->Poll());
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

 private:
  struct Carry {
    size_t operand = 0;
    size_t bytes = 0;
    size_t buffers[2] = {0, 0};        // in scratch
    std::optional<StridedCopy> entry;  // makes a strided operand row-major
    ResultMove exit;                   // from the body's result to a buffer
  };

  // Where the first iteration reads a carry. Iteration 0 writes buffer 0.
  static void* Enter(const KernelArgs& args, const Carry& carry, char* scratch) {
    if (!carry.entry.has_value()) return args.slots[args.operand_slots[carry.operand]];
    void* buffer = scratch + carry.buffers[1];
    carry.entry->Run(args.operand(carry.operand), buffer);
    return buffer;
  }

  Status Step(const KernelArgs& args, int64_t trip, char* scratch, std::span<void*> params,
              std::span<void*> next) const {
    auto buffer = [&](size_t i) { return scratch + carries_[i].buffers[trip % 2]; };
    for (size_t i = 0; i < carries_.size(); ++i) {
      next[i] = carries_[i].exit.Target(scratch, buffer(i));
    }
    GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(1, params, next));
    for (size_t i = 0; i < carries_.size(); ++i) {
      carries_[i].exit.Finish(scratch, buffer(i));
      params[i] = buffer(i);
    }
    return {};
  }

  std::vector<Carry> carries_;
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
constexpr ir::RegionSpec kWhileRegions[] = {{"cond"}, {"do"}};

constinit const ir::OpDef kWhile = {
    .name = "while",
    .doc =
        "Repeats: while region cond(carry..., extra...) yields true, carry = region "
        "do(carry..., extra...). The results are the last carry.\n"
        "Shapes: both regions take the carries, row-major, then extra as it is; cond yields a "
        "bool[] or flag, do the carries with types unchanged.\n"
        "Corners: with no iteration the results are copies of the operands; int carries are not "
        "run by this build (E511).",
    .source = "docs/spec/higher_order_ops.md 1.10 and 3.4",
    .operands = kWhileOperands,
    .attrs = kWhileAttrs,
    .regions = kWhileRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferWhile,
    .prepare = WhileKernel::Make,
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a loop around two regions"},
    .vjp = ir::NotYet("derivative rules come with differentiation"),
};

}  // namespace

GCOMP_DEFINE_OPS(while, &kWhile)

}  // namespace gcomp::kernels
