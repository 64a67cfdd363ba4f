// rng.bits, rng.uniform, rng.normal: each number is a function of the key and of its position alone
// (docs/numerics.md, "Random numbers").
//
// The kernels go tile by tile: blocks of words, then numbers from words, then a store into the
// dtype of the result. Element functions give the same numbers one by one, for the lowering.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "kernels/all_ops.h"
#include "kernels/cpu_target.h"
#include "kernels/pacer.h"
#include "kernels/rng_key.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

using ir::DType;
using ir::InferCtx;
using ir::Type;

using KernelOr = StatusOr<std::unique_ptr<ir::Kernel>>;

constexpr ir::OperandSpec kKeyOnly[] = {kKeyOperand};

// ---- Draws --------------------------------------------------------------------------------------

// How words become elements. Element: the number at a position, in either world. FromWords: n
// numbers from the words of their positions; where numbers come in pairs, n is even.
struct Bits32 {
  using Result = uint32_t;
  static constexpr int64_t kWords = 1;  // per element

  template <class W>
  auto Element(const RngKey<W>& key, W position) const {
    return WordAt(key, position);
  }

  GCOMP_INLINE void FromWords(const uint32_t* words, int64_t n, uint32_t* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = words[i];
  }

  // Word `position` of a draw.
  template <class W>
  static Word32<W> WordAt(const RngKey<W>& key, W position) {
    const auto block = DrawBlock(key, ir::Shr(position, ir::Constant(position, 2)));
    const auto odd = HasBit(position, 1);
    return ir::Select(HasBit(position, 2), ir::Select(odd, block.w3, block.w2),
                      ir::Select(odd, block.w1, block.w0));
  }

  template <class W>
  static ir::BoolOf<W> HasBit(W x, uint64_t bit) {
    return ir::Ne(ir::And(x, ir::Constant(x, bit)), ir::Constant(x, 0));
  }
};

struct Bits64 {
  using Result = uint64_t;
  static constexpr int64_t kWords = 2;

  template <class W>
  auto Element(const RngKey<W>& key, W position) const {
    const auto block = DrawBlock(key, ir::Shr(position, ir::Constant(position, 1)));
    const auto second = Bits32::HasBit(position, 1);
    return JoinWords(ir::Select(second, block.w2, block.w0),
                     ir::Select(second, block.w3, block.w1));
  }

  GCOMP_INLINE void FromWords(const uint32_t* words, int64_t n, uint64_t* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = JoinWords(words[2 * i], words[2 * i + 1]);
  }
};

// low and high stay as they are written until the run rounds them: who prepares may have any
// rounding mode.
struct Uniform32 {
  using Result = float;
  static constexpr int64_t kWords = 1;
  double low;
  double high;

  template <class W>
  auto Element(const RngKey<W>& key, W position) const {
    return Scaled(UnitF32(Bits32::WordAt(key, position)));
  }

  GCOMP_INLINE void FromWords(const uint32_t* words, int64_t n, float* out) const {
    for (int64_t i = 0; i < n; ++i) out[i] = Scaled(UnitF32(words[i]));
  }

  // Each operation rounds.
  template <class S>
  GCOMP_INLINE S Scaled(S u) const {
    const S first = ir::Convert<float>(ir::ConstantOf(u, low));
    const S last = ir::Convert<float>(ir::ConstantOf(u, high));
    return ir::Add(first, ir::Mul(u, ir::Sub(last, first)));
  }
};

struct Uniform64 {
  using Result = double;
  static constexpr int64_t kWords = 2;
  double low;
  double high;

  template <class W>
  auto Element(const RngKey<W>& key, W position) const {
    return Scaled(UnitF64(Bits64().Element(key, position)));
  }

  GCOMP_INLINE void FromWords(const uint32_t* words, int64_t n, double* out) const {
    for (int64_t i = 0; i < n; ++i) {
      out[i] = Scaled(UnitF64(JoinWords(words[2 * i], words[2 * i + 1])));
    }
  }

  template <class S>
  GCOMP_INLINE S Scaled(S u) const {
    const S first = ir::Constant(u, low);
    return ir::Add(first, ir::Mul(u, ir::Sub(ir::Constant(u, high), first)));
  }
};

template <class T>
struct Normal {
  using Result = T;
  static constexpr int64_t kWords = 1;

  template <class W>
  auto Element(const RngKey<W>& key, W position) const {
    using S = ir::Rebind<W, T>;
    const auto block = DrawBlock(key, ir::Shr(position, ir::Constant(position, 2)));
    const auto second = Bits32::HasBit(position, 2);
    const NormalPair<S> pair = BoxMuller<S>(ir::Select(second, block.w2, block.w0),
                                            ir::Select(second, block.w3, block.w1));
    return ir::Select(Bits32::HasBit(position, 1), pair.second, pair.first);
  }

  GCOMP_INLINE void FromWords(const uint32_t* words, int64_t n, T* out) const {
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; i += 2) {
      const NormalPair<T> pair = BoxMuller<T>(words[i], words[i + 1]);
      out[i] = pair.first;
      out[i + 1] = pair.second;
    }
  }
};

// The words of blocks first, ..., first + blocks - 1 of a draw.
GCOMP_INLINE void FillWords(const RngKey<uint64_t>& key, uint64_t first, int64_t blocks,
                            uint32_t* words) {
  const uint32_t k0 = LowWord(key.key);
  const uint32_t k1 = HighWord(key.key);
  while (blocks > 0) {
    // Only the lowest word of the counter moves, until it wraps.
    const uint64_t at = key.counter + first;
    const uint32_t c0 = LowWord(at);
    const uint32_t c1 = HighWord(at);
    const uint32_t c2 = at < first ? 1 : 0;
    const auto until_wrap = static_cast<int64_t>((uint64_t{1} << 32) - c0);
    const int64_t n = blocks < until_wrap ? blocks : until_wrap;
    GCOMP_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) {
      const PhiloxBlock<uint32_t> block =
          Philox<uint32_t>({c0 + static_cast<uint32_t>(i), c1, c2, 0}, k0, k1);
      words[4 * i] = block.w0;
      words[4 * i + 1] = block.w1;
      words[4 * i + 2] = block.w2;
      words[4 * i + 3] = block.w3;
    }
    blocks -= n;
    first += static_cast<uint64_t>(n);
    words += 4 * n;
  }
}

// Elements first, ..., first + n - 1 of a draw into a tile with room for kTile elements. first is a
// multiple of kTile, n at most kTile.
using DrawLoop = void (*)(const void* draw, const RngKey<uint64_t>& key, int64_t first, int64_t n,
                          void* tile);

template <class D>
GCOMP_INLINE void DrawBody(const void* draw, const RngKey<uint64_t>& key, int64_t first, int64_t n,
                           void* tile) {
  alignas(64) uint32_t words[kTile * D::kWords];
  FillWords(key, static_cast<uint64_t>(first) * D::kWords / 4, (n * D::kWords + 3) / 4, words);
  // One more where n is odd, for those that come in pairs.
  static_cast<const D*>(draw)->FromWords(words, (n + 1) / 2 * 2,
                                         static_cast<typename D::Result*>(tile));
}

template <class D>
GCOMP_TARGET_V3 void DrawV3(const void* draw, const RngKey<uint64_t>& key, int64_t first, int64_t n,
                            void* tile) {
  DrawBody<D>(draw, key, first, n, tile);
}

template <class D>
GCOMP_TARGET_V4 void DrawV4(const void* draw, const RngKey<uint64_t>& key, int64_t first, int64_t n,
                            void* tile) {
  DrawBody<D>(draw, key, first, n, tile);
}

template <class D>
class DrawKernel final : public ir::Kernel {
 public:
  DrawKernel(const D& draw, DType dtype, int64_t n, CpuLevel cpu)
      : draw_(draw),
        n_(n),
        io_(TileIoOf(dtype, cpu)),
        loop_(PerCpu<DrawLoop>{&DrawV3<D>, &DrawV4<D>}.For(cpu)) {}

  Status Run(const ir::KernelArgs& args) const override {
    const RngKey<uint64_t> key = ReadKey(args.operand(0));
    char* y = args.result<char>(0);
    alignas(64) typename D::Result tile[kTile];
    Pacer pacer(args.regions);
    for (int64_t first = 0; first < n_; first += kTile) {
      const int64_t n = std::min(kTile, n_ - first);
      char* target = y + first * io_.bytes;
      // A whole tile is written where it belongs; an odd one has an element too many.
      const bool in_place = io_.direct && n == kTile;
      loop_(&draw_, key, first, n, in_place ? static_cast<void*>(target) : tile);
      if (!in_place) io_.store(tile, n, target, io_.bytes);
      GCOMP_RETURN_IF_ERROR(pacer.Step(kWorkPerElement * n));
    }
    return {};
  }

 private:
  static constexpr int64_t kWorkPerElement = 8;  // ten rounds of multiplications, logarithms

  D draw_;
  int64_t n_;
  TileIo io_;
  DrawLoop loop_;
};

template <class D>
KernelOr PrepareDraw(const ir::KernelCtx& ctx, const D& draw) {
  const ir::TensorSpec& y = ctx.results[0];
  GCOMP_ENSURE(y.IsContiguous(), "the result is row-major");
  return std::unique_ptr<ir::Kernel>(
      std::make_unique<DrawKernel<D>>(draw, y.dtype, y.NumElements(), ctx.cpu));
}

template <class D>
Status LowerDraw(ir::LowerCtx& ctx, const D& draw) {
  const ir::LowerCtx::Tensor& y = ctx.results[0];
  ir::Stage stage;
  stage.axes = y.sizes;
  const RngKey<ir::Sym<uint64_t>> key = LoadKey(stage);
  const size_t index = stage.loads.size();
  stage.loads.push_back({.buffer = ir::Load::kIndex,
                         .offset = {0, ir::ContiguousStrides(y.sizes)},
                         .guards = {},
                         .otherwise = {DType::kI64, 0}});
  const ir::Sym<int64_t> position(&stage.body, stage.body.Param(index, DType::kI64));
  stage.body_result = draw.Element(key, ir::Bitcast<uint64_t>(position)).index();
  stage.store_buffer = ctx.result_buffer(0);
  stage.store = {0, y.strides};
  ctx.nest.stages.push_back(std::move(stage));
  return {};
}

// Calls f with the draw that makes y from uniform, or normal, numbers or bits.
template <class F>
auto WithUniform(const ir::AttrReader& attrs, DType dtype, F f) {
  const double low = attrs.Float("low");
  const double high = attrs.Float("high");
  if (dtype == DType::kF64) return f(Uniform64{low, high});
  return f(Uniform32{low, high});
}

template <class F>
auto WithNormal(DType dtype, F f) {
  if (dtype == DType::kF64) return f(Normal<double>());
  return f(Normal<float>());
}

template <class F>
auto WithBits(DType dtype, F f) {
  if (dtype == DType::kU64) return f(Bits64());
  return f(Bits32());
}

Status InferDraw(InferCtx& ctx, DType otherwise, ir::DTypeSet dtypes) {
  GCOMP_RETURN_IF_ERROR(CheckKey(ctx));
  DType dtype = otherwise;
  if (const DType* given = ctx.attrs().Raw("dtype").As<DType>()) dtype = *given;
  if (!dtypes.Has(dtype)) {
    return ctx.Fail(Format("makes no numbers of dtype {}", NameOf(dtype)), ErrorId::E508);
  }
  ir::Dims shape = ctx.attrs().Sizes("shape").value_or(ir::Dims());
  for (size_t i = 0; i < shape.size(); ++i) {
    if (ir::RangeOf(shape[i], ctx.function().Ranger()).high < 0) {
      return ctx.Fail(Format("size {} of axis {} is negative", ctx.Show(shape[i]), i),
                      ErrorId::E508);
    }
  }
  ctx.Return(Type::Tensor(dtype, std::move(shape)));
  return {};
}

constexpr ir::AttrSpec kShapeAttr = {"shape", ir::AttrKind::kSizeList,
                                     "sizes of the result; absent = one number of rank 0"};
constexpr ir::AttrSpec kFloatAttr = {"dtype", ir::AttrKind::kDType,
                                     "f32, f64, f16 or bf16; absent = f32"};

// ---- rng.bits -----------------------------------------------------------------------------------

constexpr ir::AttrSpec kBitsAttrs[] = {kShapeAttr,
                                       {"dtype", ir::AttrKind::kDType, "u32 or u64; absent = u32"}};

constinit const ir::OpDef kRngBits = {
    .name = "rng.bits",
    .doc =
        "Random bits: y[p] = word p of the draw (u32), or words 2 p and 2 p + 1, low half first "
        "(u64), where p counts elements in row-major order.\n"
        "Shapes: key: rng -> y: shape.\n"
        "Corners: word i is word i mod 4 of the Philox block at the 128-bit counter "
        "counter + i / 4; all 2^32 or 2^64 values are equally likely; sizes may be 0.",
    .source = kPhiloxPaper,
    .operands = kKeyOnly,
    .attrs = kBitsAttrs,
    .tolerance = {.reason = "integers"},
    .infer =
        [](InferCtx& ctx) {
          return InferDraw(ctx, DType::kU32, ir::DTypeSet::Of(DType::kU32, DType::kU64));
        },
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return WithBits(ctx.results[0].dtype, [&](auto draw) { return PrepareDraw(ctx, draw); });
        },
    .lowering = {.kind = ir::Lowering::Kind::kLoops,
                 .loops =
                     [](ir::LowerCtx& ctx) {
                       return WithBits(ctx.results[0].dtype,
                                       [&](auto draw) { return LowerDraw(ctx, draw); });
                     }},
    .vjp = ir::NotDifferentiable(kKeyHasNoDerivative),
};

// ---- rng.uniform --------------------------------------------------------------------------------

// What rounds to infinity in f32: the greatest f32 and half a unit in its last place.
constexpr double kPastF32 = 0x1.ffffffp127;

Status InferUniform(InferCtx& ctx) {
  const double low = ctx.attrs().Float("low");
  const double high = ctx.attrs().Float("high");
  const DType* dtype = ctx.attrs().Raw("dtype").As<DType>();
  const bool wide = dtype != nullptr && *dtype == DType::kF64;
  const auto has = [&](double x) { return std::isfinite(x) && (wide || std::abs(x) < kPastF32); };
  const std::string_view of = wide ? "f64" : "f32";
  for (std::string_view name : {"low", "high"}) {
    if (const double value = ctx.attrs().Float(name); !has(value)) {
      return ctx.Fail(Format("{} is {}, but must be finite in {}", name, value, of), ErrorId::E508);
    }
  }
  // Two numbers of f32 differ by what f64 has.
  const double width = wide ? high - low : double(float(high)) - double(float(low));
  if (!has(width)) {
    return ctx.Fail(Format("high - low is {} - {}, but must be finite in {}", high, low, of),
                    ErrorId::E508);
  }
  return InferDraw(ctx, DType::kF32, ir::kFloatDTypes);
}

constexpr ir::AttrSpec kUniformAttrs[] = {kShapeAttr, kFloatAttr,
                                          ir::FloatAttr("low", 0.0, "the least number"),
                                          ir::FloatAttr("high", 1.0, "the end of the interval")};

constinit const ir::OpDef kRngUniform = {
    .name = "rng.uniform",
    .doc =
        "Numbers uniform in [low, high): y[p] = low + u (high - low), u = (word p >> 8) 2^-24 in "
        "f32, and (64 bits p >> 11) 2^-53 in f64, words and bits as rng.bits draws them.\n"
        "Shapes: key: rng -> y: shape.\n"
        "Corners: low, high, high - low and each operation are rounded to f32 (f64 for f64), so "
        "high itself can come where low is not 0 or high - low no power of two; one of the three "
        "that is not finite then is E508; f16 and bf16 are the f32 numbers, rounded.",
    .source = kPhiloxPaper,
    .operands = kKeyOnly,
    .attrs = kUniformAttrs,
    .tolerance = {.reason = "each operation is rounded once, as the formula says"},
    .infer = InferUniform,
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return WithUniform(ctx.attrs, ctx.results[0].dtype,
                             [&](auto draw) { return PrepareDraw(ctx, draw); });
        },
    .lowering = {.kind = ir::Lowering::Kind::kLoops,
                 .loops =
                     [](ir::LowerCtx& ctx) {
                       return WithUniform(ctx.attrs, ctx.results[0].dtype,
                                          [&](auto draw) { return LowerDraw(ctx, draw); });
                     }},
    .vjp = ir::NotDifferentiable(kKeyHasNoDerivative),
};

// ---- rng.normal ---------------------------------------------------------------------------------

constexpr ir::AttrSpec kNormalAttrs[] = {kShapeAttr, kFloatAttr};

constinit const ir::OpDef kRngNormal = {
    .name = "rng.normal",
    .doc =
        "Numbers of the standard normal distribution: y[2 q] = r cos(a), y[2 q + 1] = r sin(a), "
        "r = sqrt(-2 log((w + 1) 2^-32)), a = 2 pi v 2^-32, with w = word 2 q and v = word "
        "2 q + 1 of the draw; elements count in row-major order.\n"
        "Shapes: key: rng -> y: shape.\n"
        "Corners: an odd count leaves the last sine out; the largest magnitude is "
        "sqrt(64 log 2) = 6.66; f64 takes the same words, f16 and bf16 are the f32 numbers, "
        "rounded.",
    .source = "Box and Muller, A note on the generation of random normal deviates (1958)",
    .operands = kKeyOnly,
    .attrs = kNormalAttrs,
    .tolerance = {.ulp = 6,
                  .reason = "at most 3.8 ulp in f32 and 4.5 in f64 were measured: the logarithm, "
                            "the root, the sine of the reduced angle and their product round"},
    .infer = [](InferCtx& ctx) { return InferDraw(ctx, DType::kF32, ir::kFloatDTypes); },
    .prepare =
        [](const ir::KernelCtx& ctx) {
          return WithNormal(ctx.results[0].dtype,
                            [&](auto draw) { return PrepareDraw(ctx, draw); });
        },
    .lowering = {.kind = ir::Lowering::Kind::kLoops,
                 .loops =
                     [](ir::LowerCtx& ctx) {
                       return WithNormal(ctx.results[0].dtype,
                                         [&](auto draw) { return LowerDraw(ctx, draw); });
                     }},
    .vjp = ir::NotDifferentiable(kKeyHasNoDerivative),
};

}  // namespace

GCOMP_DEFINE_OPS(random_draw, &kRngBits, &kRngUniform, &kRngNormal)

}  // namespace gcomp::kernels
