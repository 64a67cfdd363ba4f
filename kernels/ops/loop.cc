// Loops over the slices of tensors: map, scan. map is a scan without carries.
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

using ir::Expr;
using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;
using ir::ValueId;

// ---- Types --------------------------------------------------------------------------------------

// What is looped over: group `group` of the schema, along the axis of attribute `dim`.
struct Slices {
  Expr count = 0;           // 0 where the group is empty
  std::vector<Type> types;  // of one slice each
};

StatusOr<Slices> SlicesOf(const InferCtx& ctx, size_t group, int64_t dim) {
  Slices slices;
  for (ValueId id : ctx.group(group)) {
    const Type& x = TypeOf(ctx, id);
    GCOMP_ASSIGN_OR_RETURN(size_t axis, SlicedAxis(ctx, dim, x));
    const Expr& size = x.dims()[axis];
    if (slices.types.empty()) {
      slices.count = size;
    } else if (!ctx.SameSize(slices.count, size)) {
      return ctx.Fail(Format("xs have {} and {} slices: {} is {}", ctx.Show(slices.count),
                             ctx.Show(size), slices.types.size(), ctx.Show(x)),
                      ErrorId::E221);
    }
    slices.types.push_back(SliceOf(x, axis));
  }
  return slices;
}

Status InferMap(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 1));
  GCOMP_ASSIGN_OR_RETURN(Slices slices, SlicesOf(ctx, 0, 0));
  if (slices.types.empty()) return ctx.Fail("needs at least one of xs", ErrorId::E221);
  if (slices.count.IsConst(0)) {
    return ctx.Fail("xs have no slices, but at least one is needed", ErrorId::E222);
  }
  std::vector<Type> params = std::move(slices.types);
  for (ValueId id : ctx.group(1)) params.push_back(TypeOf(ctx, id));
  GCOMP_RETURN_IF_ERROR(CheckParams(ctx, 0, params));
  for (ValueId id : RegionOf(ctx, 0).yields) {
    GCOMP_ASSIGN_OR_RETURN(Type stack, StackOf(ctx, slices.count, TypeOf(ctx, id)));
    ctx.Return(std::move(stack));
  }
  return {};
}

bool IsInt(const Type& type) {
  return type.kind() == Type::Kind::kInt;
}

// The last carries. The int of a carry is another one for each slice, so that its parameter names
// it anew, and the op defines a symbol for the last one.
Status ReturnCarries(InferCtx& ctx, std::span<const Type> carries) {
  const ir::Block& body = RegionOf(ctx, 0);
  const std::vector<ir::SymId>& defines = ctx.op().defines;
  size_t num_ints = 0;
  for (size_t i = 0; i < carries.size(); ++i) {
    const Type& param = TypeOf(ctx, body.params[i]);
    const Type& yielded = TypeOf(ctx, body.yields[i]);
    const bool same = IsInt(carries[i]) ? IsInt(yielded) : RowMajor(yielded) == carries[i];
    if (!same) {
      return ctx.Fail(Format("carry {} is {}, but the region yields {} for it", i,
                             ctx.Show(carries[i]), ctx.Show(yielded)),
                      ErrorId::E223);
    }
    if (!IsInt(carries[i])) {
      ctx.Return(carries[i]);
      continue;
    }
    if (!BindsSymbol(param) || param == carries[i]) {
      return ctx.Fail(
          Format("carry {} is {}: its parameter must be an int<u> with a symbol u of "
                 "its own, found {}",
                 i, ctx.Show(carries[i]), ctx.Show(param)));
    }
    if (num_ints++ < defines.size()) {
      ctx.Return(Type::Int(Expr::Symbol(defines[num_ints - 1])));
    }
  }
  if (num_ints == defines.size()) return {};
  return ctx.Fail(Format("{} carries are ints, each of which defines a size symbol; `defines` has "
                         "{}",
                         num_ints, defines.size()),
                  ErrorId::E503);
}

Status InferScan(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 1));
  std::vector<Type> params;
  for (ValueId id : ctx.group(0)) params.push_back(RowMajor(TypeOf(ctx, id)));
  const size_t num_carries = params.size();
  GCOMP_ASSIGN_OR_RETURN(Slices slices, SlicesOf(ctx, 1, ctx.attrs().Int("dim")));
  params.insert(params.end(), slices.types.begin(), slices.types.end());
  for (ValueId id : ctx.group(2)) params.push_back(TypeOf(ctx, id));
  GCOMP_RETURN_IF_ERROR(CheckParams(ctx, 0, params));
  const std::vector<ValueId>& yields = RegionOf(ctx, 0).yields;
  if (yields.size() < num_carries) {
    return ctx.Fail(
        Format("the region yields {} values for {} carries", yields.size(), num_carries),
        ErrorId::E223);
  }
  GCOMP_RETURN_IF_ERROR(ReturnCarries(ctx, std::span(params).first(num_carries)));
  for (size_t i = num_carries; i < yields.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(Type stack, StackOf(ctx, slices.count, TypeOf(ctx, yields[i])));
    ctx.Return(std::move(stack));
  }
  return {};
}

// ---- Kernel -------------------------------------------------------------------------------------

// Runs the region once per slice. Carries live in two sets of buffers in scratch, which the region
// reads and writes in turn: the first iteration reads the operands where they are row-major, the
// last one writes the results. Slices are read, and rows of results written, where they lie.
class LoopKernel final : public ir::Kernel {
 public:
  struct Form {
    std::optional<size_t> carries = {};  // groups of the schema
    size_t xs;
    size_t extra;
    int64_t dim = 0;
    bool reverse = false;
    bool may_be_empty = true;
  };

  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx, const Form& form) {
    GCOMP_ENSURE(ctx.regions.size() == 1, "specs of the region");
    const std::vector<TensorSpec>& made = ctx.regions[0].results;
    GCOMP_ENSURE(made.size() == ctx.results.size(), "one result for each that is yielded");
    auto kernel = std::make_unique<LoopKernel>();
    kernel->name_ = ctx.op.def->name;
    kernel->may_be_empty_ = form.may_be_empty;
    kernel->reverse_ = form.reverse;
    GCOMP_RETURN_IF_ERROR(CheckRowMajorResults(ctx, 0));
    for (const TensorSpec& result : ctx.results) {
      GCOMP_ENSURE(result.IsContiguous(), "carries and stacks are row-major");
    }
    ScratchPlan scratch;
    scratch.Take((ctx.operands.size() + made.size()) * sizeof(void*));
    if (form.carries.has_value()) {
      for (size_t i = 0; i < ctx.group_size(*form.carries); ++i) {
        const size_t operand = ctx.group_begin(*form.carries) + i;
        GCOMP_ASSIGN_OR_RETURN(
            Carry carry, Carry::Make(operand, ctx.operands[operand], ctx.results[i], scratch));
        kernel->carries_.push_back(std::move(carry));
        if (IsInt(ctx.function.value(ctx.op.results[i]).type)) kernel->ints_.push_back(i);
      }
    }
    GCOMP_RETURN_IF_ERROR(kernel->AddSlices(ctx, form));
    for (size_t i = kernel->carries_.size(); i < made.size(); ++i) {
      GCOMP_ENSURE(ctx.results[i].sizes[0] == kernel->count_, "one row for each slice");
      kernel->row_bytes_.push_back(made[i].SpanBytes());
    }
    kernel->first_extra_ = ctx.group_begin(form.extra);
    kernel->num_extra_ = ctx.group_size(form.extra);
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const KernelArgs& args) const override {
    if (count_ == 0) {
      if (!may_be_empty_) {
        return Status(ErrorId::E401,
                      Format("{}: xs have 0 slices, but must have 1 or more", name_));
      }
      for (size_t i = 0; i < carries_.size(); ++i) carries_[i].Copy(args, args.result(i));
      return {};
    }
    char* scratch = static_cast<char*>(args.scratch);
    // Pointers: the parameters (carries, slices, extra), then the region's results.
    const size_t num_params = carries_.size() + xs_.size() + num_extra_;
    void** pointers = static_cast<void**>(args.scratch);
    std::span<void*> params(pointers, num_params);
    std::span<void*> results(pointers + num_params, carries_.size() + row_bytes_.size());
    for (size_t i = 0; i < carries_.size(); ++i) params[i] = carries_[i].Enter(args, scratch);
    for (size_t i = 0; i < num_extra_; ++i) {
      params[carries_.size() + xs_.size() + i] = args.slots[args.operand_slots[first_extra_ + i]];
    }
    for (int64_t trip = 0; trip < count_; ++trip) {
      GCOMP_RETURN_IF_ERROR(args.regions->Poll());
      GCOMP_RETURN_IF_ERROR(Step(args, trip, params, results));
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
  struct Sliced {
    size_t operand;
    int64_t stride;  // in bytes
  };

  Status AddSlices(const KernelCtx& ctx, const Form& form) {
    for (size_t i = 0; i < ctx.group_size(form.xs); ++i) {
      const size_t operand = ctx.group_begin(form.xs) + i;
      const TensorSpec& x = ctx.operands[operand];
      const auto axis = static_cast<size_t>(form.dim < 0 ? form.dim + x.rank() : form.dim);
      GCOMP_ENSURE(i == 0 || x.sizes[axis] == count_, "xs have equally many slices");
      count_ = x.sizes[axis];
      xs_.push_back({operand, x.strides[axis] * ir::BytesOf(x.dtype)});
    }
    return {};
  }

  Status Step(const KernelArgs& args, int64_t trip, std::span<void*> params,
              std::span<void*> results) const {
    char* scratch = static_cast<char*>(args.scratch);
    const int64_t at = reverse_ ? count_ - 1 - trip : trip;
    const size_t n = carries_.size();
    for (size_t i = 0; i < n; ++i) {
      results[i] = trip == count_ - 1 ? args.result(i) : carries_[i].Buffer(trip, scratch);
    }
    for (size_t i = 0; i < xs_.size(); ++i) {
      char* x = static_cast<char*>(args.slots[args.operand_slots[xs_[i].operand]]);
      params[n + i] = x + at * xs_[i].stride;
    }
    for (size_t i = 0; i < row_bytes_.size(); ++i) {
      results[n + i] = args.result<char>(n + i) + at * row_bytes_[i];
    }
    for (size_t i : ints_) {
      // The body may rely on it: symbols of a region have no range but this.
      const int64_t value = *static_cast<const int64_t*>(params[i]);
      if (value >= 0) continue;
      return Status(ErrorId::E401,
                    Format("scan: carry {} is {} before slice {}, but ints of the body must not be "
                           "negative",
                           i, value, at));
    }
    GCOMP_RETURN_IF_ERROR(args.regions->RunRegion(0, params, results));
    for (size_t i = 0; i < n; ++i) params[i] = results[i];
    return {};
  }

  std::string_view name_;
  bool may_be_empty_ = true;
  bool reverse_ = false;
  int64_t count_ = 0;
  std::vector<Carry> carries_;
  std::vector<size_t> ints_;  // carries that define size symbols
  std::vector<Sliced> xs_;
  std::vector<int64_t> row_bytes_;
  size_t first_extra_ = 0;
  size_t num_extra_ = 0;
  size_t scratch_bytes_ = 0;
};

StatusOr<std::unique_ptr<ir::Kernel>> PrepareMap(const KernelCtx& ctx) {
  return LoopKernel::Make(ctx, {.xs = 0, .extra = 1, .may_be_empty = false});
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareScan(const KernelCtx& ctx) {
  return LoopKernel::Make(ctx, {.carries = 0,
                                .xs = 1,
                                .extra = 2,
                                .dim = ctx.attrs.Int("dim"),
                                .reverse = ctx.attrs.Bool("reverse")});
}

// ---- Records ------------------------------------------------------------------------------------

constexpr ir::RegionSpec kRegions[] = {{.label = "body", .refuses_writes = ErrorId::E224}};

constexpr ir::OperandSpec kMapOperands[] = {
    {.name = "xs", .kind = ir::OperandKind::kNamedGroup},
    {.name = "extra", .kind = ir::OperandKind::kNamedGroup, .tensor_only = false}};

constinit const ir::OpDef kMap = {
    .name = "map",
    .doc =
        "Runs its region on each slice along axis 0 of xs, and stacks what it yields: "
        "y[k] = body(xs[k]..., extra...).\n"
        "Shapes: xs: [n, d...] each, with one n; the region takes the slices [d...], with the "
        "strides that they have in xs, then extra as it is; a yield [e...] gives a result "
        "[n, e...], row-major.\n"
        "Corners: n = 0 has no result (E222, or E401 where n is a symbol); the region must not "
        "write its parameters.",
    .source = "docs/spec/higher_order_ops.md 1.11 and 3.5",
    .operands = kMapOperands,
    .regions = kRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferMap,
    .prepare = PrepareMap,
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a loop around a region"},
    .vjp = ir::NotYet(),
};

constexpr ir::OperandSpec kScanOperands[] = {
    {.name = "init", .kind = ir::OperandKind::kNamedGroup, .tensor_only = false},
    {.name = "xs", .kind = ir::OperandKind::kNamedGroup},
    {.name = "extra", .kind = ir::OperandKind::kNamedGroup, .tensor_only = false}};
constexpr ir::AttrSpec kScanAttrs[] = {
    ir::IntAttr("dim", 0, "the axis of xs to go along; negative from the end of each"),
    ir::BoolAttr("reverse", false, "from the last slice to the first")};

constinit const ir::OpDef kScan = {
    .name = "scan",
    .doc =
        "A recurrence along an axis of xs: carry, y[k] = body(carry, xs[k], extra) for k = 0, ..., "
        "n - 1, from carry = init; with reverse for k = n - 1, ..., 0. The results are the last "
        "carries, then the ys; y[k] belongs to xs[k] in both directions.\n"
        "Shapes: xs: [..., n, ...] each, with one n at `dim`; the region takes the carries, "
        "row-major, the slices without that axis, with the strides that they have in xs, then "
        "extra as it is; it yields the carries, types unchanged, then rows [e...], stacked as "
        "[n, e...], row-major. An int carry is an int<u> with a symbol of its own in the region, "
        "which yields an int for it, and the op defines a symbol for each such result, in order.\n"
        "Corners: n = 0, and no xs at all, give init; an int that enters the region and is "
        "negative is "
        "E401; the region must not write its parameters.",
    .source = "docs/spec/higher_order_ops.md 1.11 and 3.6",
    .operands = kScanOperands,
    .attrs = kScanAttrs,
    .regions = kRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferScan,
    .prepare = PrepareScan,
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a loop around a region"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(loop, &kMap, &kScan)

}  // namespace gcomp::kernels
