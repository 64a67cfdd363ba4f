// rng.key and rng.fold: keys of random numbers. A key is a value; nothing else is remembered
// (docs/numerics.md, "Random numbers").
#include <cstring>
#include <memory>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "kernels/all_ops.h"
#include "kernels/rng_key.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

// A rank-0 i64 tensor, or an int.
Status CheckInteger(const InferCtx& ctx, size_t operand, std::string_view name) {
  const Type& type = ctx.operand(operand);
  if (type.kind() == Type::Kind::kInt || (type.is_tensor() && type.rank() == 0)) return {};
  return ctx.Fail(Format("{} must be one integer, i64[] or int, but is {}", name, ctx.Show(type)));
}

void WriteKey(uint64_t key, void* target) {
  const uint64_t words[2] = {key, 0};
  std::memcpy(target, words, sizeof(words));
}

// A number that is used as an integer of 64 bits: operand `buffer`, of rank 0.
ir::Sym<uint64_t> LoadInteger(ir::Stage& stage, size_t buffer) {
  const size_t index = stage.loads.size();
  stage.loads.push_back(LoadElement(buffer, DType::kI64, 0, 0));
  return ir::Bitcast<uint64_t>(ir::Sym<int64_t>(&stage.body, stage.body.Param(index, DType::kI64)));
}

// The stage that stores the 64 bits of `value` as element `element` of the result.
void StoreWord(ir::LowerCtx& ctx, ir::Stage stage, ir::Sym<uint64_t> value, int64_t element) {
  stage.body_result = value.index();
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {element, {}};
  ctx.nest.stages.push_back(std::move(stage));
}

void StoreZeroCounter(ir::LowerCtx& ctx) {
  ir::Stage stage;
  const ir::Sym<uint64_t> zero(&stage.body, stage.body.Const({DType::kU64, 0}));
  StoreWord(ctx, std::move(stage), zero, 1);
}

// ---- rng.key ------------------------------------------------------------------------------------

Status InferKey(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckInteger(ctx, 0, "v"));
  ctx.Return(Type::Of(Type::Kind::kRng));
  return {};
}

class KeyKernel final : public ir::Kernel {
 public:
  Status Run(const ir::KernelArgs& args) const override {
    uint64_t v = 0;
    std::memcpy(&v, args.operand(0), sizeof(v));
    WriteKey(v, args.result(0));
    return {};
  }
};

Status LowerKey(ir::LowerCtx& ctx) {
  ir::Stage stage;
  const ir::Sym<uint64_t> v = LoadInteger(stage, 0);
  StoreWord(ctx, std::move(stage), v, 0);
  StoreZeroCounter(ctx);
  return {};
}

constexpr ir::OperandSpec kKeyOperands[] = {
    {.name = "v", .dtypes = ir::DTypeSet::Of(DType::kI64), .tensor_only = false}};

constinit const ir::OpDef kRngKey = {
    .name = "rng.key",
    .doc =
        "A key from a seed: [v, 0], the 64 bits of v and the counter 0.\n"
        "Shapes: v: i64[] or int -> rng.\n"
        "Corners: every v is a key of its own, negative ones too; keys that are used for "
        "different things are made by rng.fold.",
    .source = kPhiloxPaper,
    .operands = kKeyOperands,
    .tolerance = {.reason = "integers"},
    .infer = InferKey,
    .prepare = [](const ir::KernelCtx&) -> KernelOr {
      return std::unique_ptr<ir::Kernel>(std::make_unique<KeyKernel>());
    },
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerKey},
    .vjp = ir::NotDifferentiable(kKeyHasNoDerivative),
};

// ---- rng.fold -----------------------------------------------------------------------------------

Status InferFold(InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckKey(ctx));
  GCOMP_RETURN_IF_ERROR(CheckInteger(ctx, 1, "i"));
  ctx.Return(Type::Of(Type::Kind::kRng));
  return {};
}

class FoldKernel final : public ir::Kernel {
 public:
  Status Run(const ir::KernelArgs& args) const override {
    uint64_t i = 0;
    std::memcpy(&i, args.operand(1), sizeof(i));
    WriteKey(FoldKey(ReadKey(args.operand(0)), i), args.result(0));
    return {};
  }
};

Status LowerFold(ir::LowerCtx& ctx) {
  ir::Stage stage;
  const RngKey<ir::Sym<uint64_t>> key = LoadKey(stage);
  const ir::Sym<uint64_t> i = LoadInteger(stage, 1);
  const ir::Sym<uint64_t> folded = FoldKey(key, i);
  StoreWord(ctx, std::move(stage), folded, 0);
  StoreZeroCounter(ctx);
  return {};
}

constexpr ir::OperandSpec kFoldOperands[] = {
    kKeyOperand, {.name = "i", .dtypes = ir::DTypeSet::Of(DType::kI64), .tensor_only = false}};

constinit const ir::OpDef kRngFold = {
    .name = "rng.fold",
    .doc =
        "A key for use i of a key: words 0 and 1 of the block at counter words (i low, i high, "
        "counter low, counter high), with the counter 0.\n"
        "Shapes: key: rng, i: i64[] or int -> rng.\n"
        "Corners: i may be negative: its 64 bits count.",
    .source = kPhiloxPaper,
    .operands = kFoldOperands,
    .tolerance = {.reason = "integers"},
    .infer = InferFold,
    .prepare = [](const ir::KernelCtx&) -> KernelOr {
      return std::unique_ptr<ir::Kernel>(std::make_unique<FoldKernel>());
    },
    .lowering = {.kind = ir::Lowering::Kind::kLoops, .loops = LowerFold},
    .vjp = ir::NotDifferentiable(kKeyHasNoDerivative),
};

}  // namespace

GCOMP_DEFINE_OPS(random, &kRngKey, &kRngFold)

}  // namespace gcomp::kernels
