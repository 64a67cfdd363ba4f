#include "kernels/pointwise.h"

#include <algorithm>

#include "base/format.h"
#include "kernels/cursor.h"
#include "kernels/pacer.h"

namespace gcomp::kernels {
namespace {

// Inner rows at least this long are run one by one; shorter ones are packed into tiles.
constexpr int64_t kMinRow = 64;

// All tensors of the op over one iteration space: sizes and, per tensor, strides in bytes.
struct Space {
  std::vector<int64_t> sizes;
  std::vector<std::vector<int64_t>> strides;  // operands in order, then the result

  size_t rank() const { return sizes.size(); }
};

// The iteration space of the result, with stride 0 where an operand broadcasts, without dims of
// size 1, and with neighboring dims merged wherever all tensors allow it. Never of rank 0.
Space Collapse(const ir::KernelCtx& ctx) {
  const ir::TensorSpec& result = ctx.results[0];
  std::vector<const ir::TensorSpec*> tensors;
  for (const ir::TensorSpec& operand : ctx.operands) tensors.push_back(&operand);
  tensors.push_back(&result);
  Space space;
  space.strides.resize(tensors.size());
  for (size_t d = 0; d < result.sizes.size(); ++d) {
    if (result.sizes[d] == 1) continue;
    std::vector<int64_t> strides;
    for (const ir::TensorSpec* tensor : tensors) {
      size_t missing = result.sizes.size() - tensor->sizes.size();
      bool stretched = d < missing || tensor->sizes[d - missing] == 1;
      strides.push_back(stretched ? 0 : tensor->strides[d - missing] * ir::BytesOf(tensor->dtype));
    }
    bool merge = !space.sizes.empty();
    for (size_t t = 0; merge && t < tensors.size(); ++t) {
      merge = space.strides[t].back() == strides[t] * result.sizes[d];
    }
    if (merge) {
      space.sizes.back() *= result.sizes[d];
      for (size_t t = 0; t < tensors.size(); ++t) space.strides[t].back() = strides[t];
    } else {
      space.sizes.push_back(result.sizes[d]);
      for (size_t t = 0; t < tensors.size(); ++t) space.strides[t].push_back(strides[t]);
    }
  }
  if (space.sizes.empty()) {
    space.sizes.push_back(1);
    for (size_t t = 0; t < tensors.size(); ++t) {
      space.strides[t].push_back(ir::BytesOf(tensors[t]->dtype));
    }
  }
  return space;
}

// One tensor in a kernel.
struct Access {
  TileIo io;
  std::vector<int64_t> strides;  // bytes, per collapsed dim
  bool splat = false;            // one element for all
  bool in_place = false;         // segments are dense tiles in memory as they lie
};

// All tensors are dense runs of tile types: one call of the loop, or a few where they are long.
class DenseKernel final : public ir::Kernel {
 public:
  DenseKernel(PointwiseLoop loop, const std::vector<Access>& tensors, int64_t n,
              const PointwiseFunctor& functor)
      : loop_(loop), operands_(tensors.size() - 1), n_(n), functor_(functor) {
    for (size_t t = 0; t < tensors.size(); ++t) bytes_[t] = tensors[t].io.bytes;
  }

  Status Run(const ir::KernelArgs& args) const override {
    const void* in[kMaxPointwiseOperands];
    for (size_t i = 0; i < operands_; ++i) in[i] = args.operand(i);
    if (n_ > Pacer::kPiece) [[unlikely]]
      return RunPieces(args, in);
    loop_(n_, in, args.result(0), &functor_);
    return Status();
  }

 private:
  // Apart, so that short runs need no more registers for it.
  [[gnu::noinline]] Status RunPieces(const ir::KernelArgs& args, const void** in) const {
    Pacer pacer(args.regions);
    char* out = args.result<char>(0);
    for (int64_t done = 0; done < n_; done += Pacer::kPiece) {
      const int64_t n = std::min(Pacer::kPiece, n_ - done);
      loop_(n, in, out, &functor_);
      for (size_t i = 0; i < operands_; ++i) {
        in[i] = static_cast<const char*>(in[i]) + n * bytes_[i];
      }
      out += n * bytes_[operands_];
      GCOMP_RETURN_IF_ERROR(pacer.Step(n));
    }
    return Status();
  }

  PointwiseLoop loop_;
  size_t operands_;
  int64_t n_;
  PointwiseFunctor functor_;
  int64_t bytes_[kMaxPointwiseOperands + 1] = {};  // of an element: operands, then the result
};

// The general kernel: segment by segment, through tiles where an operand is not dense.
class TiledKernel final : public ir::Kernel {
 public:
  TiledKernel(PointwiseLoop loop, Space space, std::vector<Access> tensors,
              const PointwiseFunctor& functor)
      : loop_(loop),
        sizes_(std::move(space.sizes)),
        tensors_(std::move(tensors)),
        functor_(functor) {
    inner_ = sizes_.back();
    rows_ = 1;
    for (size_t d = 0; d + 1 < sizes_.size(); ++d) rows_ *= sizes_[d];
    by_rows_ = inner_ >= kMinRow || rows_ <= 1;
    bool tiles = false;
    for (Access& access : tensors_) {
      bool dense_row = access.io.direct && access.strides.back() == access.io.bytes;
      access.in_place = dense_row && (by_rows_ || IsDense(access));
      tiles = tiles || !access.in_place;
    }
    segment_ = std::min(!by_rows_ || tiles ? kTile : Pacer::kPiece, by_rows_ ? inner_ : kTile);
  }

  Status Run(const ir::KernelArgs& args) const override {
    if (inner_ == 0 || rows_ == 0) return Status();
    alignas(64) std::byte tiles[kMaxPointwiseOperands + 1][kTile * 8];
    Cursor cursors[kMaxPointwiseOperands + 1];
    const void* in[kMaxPointwiseOperands + 1];
    size_t result = tensors_.size() - 1;
    for (size_t t = 0; t < result; ++t) {
      cursors[t].Start(sizes_, tensors_[t].strides, args.operand(t));
      in[t] = tiles[t];
      // A scalar fills its tile once for the whole run.
      if (tensors_[t].splat) tensors_[t].io.load(args.operand(t), 0, segment_, tiles[t]);
    }
    cursors[result].Start(sizes_, tensors_[result].strides, args.result(0));
    // Packed segments run through the whole space; others end with their row.
    int64_t stretches = by_rows_ ? rows_ : 1;
    int64_t length = by_rows_ ? inner_ : inner_ * rows_;
    Pacer pacer(args.regions);
    for (int64_t s = 0; s < stretches; ++s) {
      for (int64_t done = 0; done < length; done += segment_) {
        int64_t n = std::min(segment_, length - done);
        for (size_t t = 0; t < result; ++t) Fetch(t, n, &cursors[t], tiles[t], &in[t]);
        Finish(in, n, &cursors[result], tiles[result]);
        GCOMP_RETURN_IF_ERROR(pacer.Step(n));
      }
    }
    return Status();
  }

 private:
  bool IsDense(const Access& access) const {
    int64_t expected = access.io.bytes;
    for (size_t d = sizes_.size(); d-- > 0;) {
      if (access.strides[d] != expected) return false;
      expected *= sizes_[d];
    }
    return true;
  }

  void Fetch(size_t t, int64_t n, Cursor* cursor, std::byte* tile, const void** in) const {
    const Access& access = tensors_[t];
    if (access.splat) return;
    if (access.in_place) {
      *in = cursor->data();
      cursor->Skip(n);
      return;
    }
    cursor->Walk(n, [&](const char* data, int64_t count) {
      access.io.load(data, access.strides.back(), count, tile);
      tile += count * access.io.tile_bytes;
    });
  }

  void Finish(const void* const* in, int64_t n, Cursor* cursor, std::byte* tile) const {
    const Access& access = tensors_.back();
    void* out = access.in_place ? static_cast<void*>(cursor->data()) : tile;
    loop_(n, in, out, &functor_);
    cursor->Walk(n, [&](char* data, int64_t count) {
      if (access.in_place) return;
      access.io.store(tile, count, data, access.strides.back());
      tile += count * access.io.tile_bytes;
    });
  }

  PointwiseLoop loop_;
  std::vector<int64_t> sizes_;
  std::vector<Access> tensors_;  // operands, then the result
  PointwiseFunctor functor_;
  int64_t inner_ = 0;
  int64_t rows_ = 0;
  int64_t segment_ = 0;
  bool by_rows_ = false;
};

StatusOr<ir::Type> BroadcastType(ir::InferCtx& ctx) {
  if (ctx.num_operands() == 0) return ctx.Fail("needs an operand");
  GCOMP_ASSIGN_OR_RETURN(ir::Dims dims, ir::BroadcastDims(ctx, ctx.op().operands));
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  return ir::Type::Tensor(ctx.operand(0).dtype(), std::move(dims), {}, std::move(device));
}

Status CheckEqualDTypes(const ir::InferCtx& ctx) {
  for (size_t i = 1; i < ctx.num_operands(); ++i) {
    if (ctx.operand(i).dtype() == ctx.operand(0).dtype()) continue;
    return ctx.Fail(Format("operands have dtypes {} and {}; they must be equal (use cast)",
                           NameOf(ctx.operand(0).dtype()), NameOf(ctx.operand(i).dtype())));
  }
  return Status();
}

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakePointwiseKernel(const ir::KernelCtx& ctx,
                                                          PerCpu<PointwiseLoop> loop,
                                                          const PointwiseFunctor& functor) {
  GCOMP_ENSURE(ctx.operands.size() <= kMaxPointwiseOperands, "pointwise op with many operands");
  Space space = Collapse(ctx);
  if (space.rank() > kMaxCursorRank) {
    return Status(ErrorId::E802, Format("{}: operands need {} separate dims; the limit is {}",
                                        ctx.op.def->name, space.rank(), kMaxCursorRank));
  }
  std::vector<Access> tensors;
  bool dense = space.rank() == 1;
  for (size_t t = 0; t <= ctx.operands.size(); ++t) {
    bool is_result = t == ctx.operands.size();
    ir::DType dtype = is_result ? ctx.results[0].dtype : ctx.operands[t].dtype;
    Access access{TileIoOf(dtype, ctx.cpu), space.strides[t]};
    access.splat =
        !is_result && std::ranges::all_of(access.strides, [](int64_t s) { return s == 0; });
    dense = dense && access.io.direct && access.strides[0] == access.io.bytes;
    tensors.push_back(std::move(access));
  }
  if (dense) {
    return std::unique_ptr<ir::Kernel>(
        std::make_unique<DenseKernel>(loop.For(ctx.cpu), tensors, space.sizes[0], functor));
  }
  return std::unique_ptr<ir::Kernel>(std::make_unique<TiledKernel>(
      loop.For(ctx.cpu), std::move(space), std::move(tensors), functor));
}

ir::Stage PointwiseStage(const ir::LowerCtx& ctx) {
  const ir::LowerCtx::Tensor& result = ctx.results[0];
  ir::Stage stage;
  stage.axes = result.sizes;
  for (size_t t = 0; t < ctx.operands.size(); ++t) {
    const ir::LowerCtx::Tensor& operand = ctx.operands[t];
    ir::Load load;
    load.buffer = t;
    load.otherwise.dtype = operand.dtype;
    size_t missing = result.sizes.size() - operand.sizes.size();
    for (size_t d = 0; d < result.sizes.size(); ++d) {
      bool stretched = d < missing || operand.sizes[d - missing].IsConst(1);
      load.offset.coefs.push_back(stretched ? ir::Expr(0) : operand.strides[d - missing]);
    }
    stage.loads.push_back(std::move(load));
  }
  stage.store_buffer = ctx.result_buffer(0);
  stage.store.coefs = result.strides;
  return stage;
}

Status InferPointwise(ir::InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckEqualDTypes(ctx));
  GCOMP_ASSIGN_OR_RETURN(ir::Type type, BroadcastType(ctx));
  ctx.Return(std::move(type));
  return Status();
}

Status InferPredicate(ir::InferCtx& ctx) {
  GCOMP_RETURN_IF_ERROR(CheckEqualDTypes(ctx));
  GCOMP_ASSIGN_OR_RETURN(ir::Type type, BroadcastType(ctx));
  ctx.Return(ir::Type::Tensor(ir::DType::kBool, type.dims(), {}, type.device()));
  return Status();
}

StatusOr<ir::Device> DeviceOfOperands(const ir::InferCtx& ctx) {
  const ir::Type* first = nullptr;
  for (ir::ValueId id : ctx.op().operands) {
    const ir::Value& value = ctx.function().value(id);
    if (value.kind == ir::Value::Kind::kLiteral || !value.type.is_tensor()) continue;
    if (first == nullptr) first = &value.type;
    if (value.type.device() == first->device()) continue;
    return ctx.Fail(Format("operands {} and {} are on different devices; use to_device",
                           ctx.Show(*first), ctx.Show(value.type)));
  }
  return first == nullptr ? ir::Device() : first->device();
}

bool IsIdentityLiteral(const ir::Function& function, const ir::Op& op, size_t i, double value) {
  if (op.operands.size() != 2 || op.results.size() != 1) return false;
  const ir::Value& literal = function.value(op.operands[i]);
  if (literal.kind != ir::Value::Kind::kLiteral || !literal.type.is_tensor()) return false;
  std::optional<ir::Scalar> wanted = ir::Scalar::FromDouble(literal.literal.dtype, value);
  if (!wanted.has_value() || *wanted != literal.literal) return false;
  return function.value(op.operands[1 - i]).type == function.value(op.results[0]).type;
}

}  // namespace gcomp::kernels
