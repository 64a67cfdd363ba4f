#include "kernels/gather_kernel.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/cpu_target.h"
#include "kernels/cursor.h"
#include "kernels/pacer.h"
#include "kernels/tile.h"

namespace gcomp::kernels {
namespace {

// y[i] = the T at x + offsets[i].
template <class T>
GCOMP_INLINE void PickEach(const char* x, const int64_t* offsets, int64_t n, char* y) {
  T* to = reinterpret_cast<T*>(y);
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) to[i] = *reinterpret_cast<const T*>(x + offsets[i]);
}

using PickFn = void (*)(const char* x, const int64_t* offsets, int64_t n, char* y);

template <class T>
GCOMP_TARGET_V3 void PickV3(const char* x, const int64_t* offsets, int64_t n, char* y) {
  PickEach<T>(x, offsets, n, y);
}

template <class T>
GCOMP_TARGET_V4 void PickV4(const char* x, const int64_t* offsets, int64_t n, char* y) {
  PickEach<T>(x, offsets, n, y);
}

template <class T>
PickFn PickFor(CpuLevel cpu) {
  return PerCpu<PickFn>{&PickV3<T>, &PickV4<T>}.For(cpu);
}

// The loop for runs of one element; null for longer ones.
PickFn PickFor(int64_t run_bytes, int64_t element_bytes, CpuLevel cpu) {
  if (run_bytes != element_bytes) return nullptr;
  switch (element_bytes) {
    case 1:
      return PickFor<uint8_t>(cpu);
    case 2:
      return PickFor<uint16_t>(cpu);
    case 4:
      return PickFor<uint32_t>(cpu);
    case 8:
      return PickFor<uint64_t>(cpu);
    default:
      return nullptr;
  }
}

// A row of at most kTile points: y[i] = the T at x + i * step + place of index i * stride. False,
// without a read out of bounds, if an index is out of range.
struct PickRow {
  const char* x;
  int64_t step;
  const void* indices;
  int64_t n;
  int64_t size;
  int64_t stride;
  char* y;
};

template <class T, class I, bool kDense>
GCOMP_INLINE bool PickEach(const PickRow& row) {
  const char* x = row.x;
  const I* indices = static_cast<const I*>(row.indices);
  const int64_t step = kDense ? 0 : row.step;
  const int64_t stride = kDense ? static_cast<int64_t>(sizeof(T)) : row.stride;
  const int64_t size = row.size;
  const auto last = static_cast<uint64_t>(size - 1);
  T* y = reinterpret_cast<T*>(row.y);
  // First the places, by vectors; then what is there.
  alignas(64) uint64_t places[kTile];
  uint64_t outside = 0;
  for (int64_t i = 0; i < row.n; ++i) {
    const uint64_t place = PlaceOf(indices[i], size);
    places[i] = place < last ? place : last;
    outside |= places[i] ^ place;
  }
  GCOMP_INDEPENDENT
  for (int64_t i = 0; i < row.n; ++i) {
    y[i] = *reinterpret_cast<const T*>(x + i * step + static_cast<int64_t>(places[i]) * stride);
  }
  return outside == 0;
}

// By one row of x, or not.
template <class T, class I>
GCOMP_INLINE bool PickAny(const PickRow& row) {
  if (row.step == 0 && row.stride == static_cast<int64_t>(sizeof(T))) {
    return PickEach<T, I, true>(row);
  }
  return PickEach<T, I, false>(row);
}

using PickRowFn = bool (*)(const PickRow& row);

template <class T, class I>
GCOMP_TARGET_V3 bool PickRowV3(const PickRow& row) {
  return PickAny<T, I>(row);
}

template <class T, class I>
GCOMP_TARGET_V4 bool PickRowV4(const PickRow& row) {
  return PickAny<T, I>(row);
}

template <class T>
PickRowFn PickRowFor(ir::DType indices, CpuLevel cpu) {
  if (indices == ir::DType::kI32) {
    return PerCpu<PickRowFn>{&PickRowV3<T, int32_t>, &PickRowV4<T, int32_t>}.For(cpu);
  }
  return PerCpu<PickRowFn>{&PickRowV3<T, int64_t>, &PickRowV4<T, int64_t>}.For(cpu);
}

// Null for other elements than those of 1, 2, 4 and 8 bytes.
PickRowFn PickRowFor(int64_t element_bytes, ir::DType indices, CpuLevel cpu) {
  switch (element_bytes) {
    case 1:
      return PickRowFor<uint8_t>(indices, cpu);
    case 2:
      return PickRowFor<uint16_t>(indices, cpu);
    case 4:
      return PickRowFor<uint32_t>(indices, cpu);
    case 8:
      return PickRowFor<uint64_t>(indices, cpu);
    default:
      return nullptr;
  }
}

// Rows of single elements, by indices as they lie.
class PickKernel final : public ir::Kernel {
 public:
  // Rows of fewer points are better collected, by GatherKernel.
  static constexpr int64_t kMinRow = 16;

  PickKernel(IndexedOffsets offsets, PickRowFn pick) : offsets_(std::move(offsets)), pick_(pick) {}

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    GCOMP_RETURN_IF_ERROR(offsets_.Check(args, pacer));
    const IndexedOffsets::DirectIndices from = *offsets_.Direct();
    const int64_t points = from.base->NumElements();
    if (points == 0) return {};
    PickRow row = {.x = nullptr,
                   .step = from.base->strides.back(),
                   .indices = nullptr,
                   .n = 0,
                   .size = from.size,
                   .stride = from.stride,
                   .y = args.result<char>(0)};
    const char* indices = args.operand<char>(from.operand);
    const int64_t index_bytes = ir::BytesOf(from.dtype);
    Cursor base(*from.base, args.operand(0));
    bool inside = true;
    for (int64_t done = 0; done < points; done += kTile) {
      const int64_t n = std::min(kTile, points - done);
      base.Walk(n, [&](const char* x, int64_t count) {
        row.x = x;
        row.indices = indices;
        row.n = count;
        inside &= pick_(row);
        indices += count * index_bytes;
        row.y += count * offsets_.run_bytes();
      });
      GCOMP_RETURN_IF_ERROR(pacer.Step(n));
    }
    return inside ? Status() : offsets_.WrittenMeanwhile(from.operand);
  }

 private:
  IndexedOffsets offsets_;
  PickRowFn pick_;
};

// y, row-major, takes the runs of operand 0 at the offsets in order.
class GatherKernel final : public ir::Kernel {
 public:
  GatherKernel(IndexedOffsets offsets, PickFn pick) : offsets_(std::move(offsets)), pick_(pick) {}

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    GCOMP_RETURN_IF_ERROR(offsets_.Check(args, pacer));
    const char* x = args.operand<char>(0);
    char* y = args.result<char>(0);
    const int64_t bytes = offsets_.run_bytes();
    return offsets_.ForEach(args, x, pacer, [&](const int64_t* offsets, int64_t n) -> Status {
      if (pick_ != nullptr) {
        pick_(x, offsets, n, y);
        y += n * bytes;
        return {};
      }
      if (bytes > kLongRun) return CopyRuns(x, offsets, n, pacer, &y);
      for (int64_t i = 0; i < n; ++i, y += bytes) {
        std::memcpy(y, x + offsets[i], static_cast<size_t>(bytes));
      }
      return pacer.Step(n * bytes / 16);
    });
  }

 private:
  // Longer runs, in bytes, are counted one by one.
  static constexpr int64_t kLongRun = 256;

  Status CopyRuns(const char* x, const int64_t* offsets, int64_t n, Pacer& pacer, char** y) const {
    const int64_t bytes = offsets_.run_bytes();
    for (int64_t i = 0; i < n; ++i, *y += bytes) {
      GCOMP_RETURN_IF_ERROR(CopyBytes(*y, x + offsets[i], bytes, pacer));
    }
    return {};
  }

  IndexedOffsets offsets_;
  PickFn pick_;
};

}  // namespace

StatusOr<std::unique_ptr<ir::Kernel>> MakeGather(const ir::KernelCtx& ctx,
                                                 const IndexedSpace& space) {
  GCOMP_ENSURE(ctx.results[0].IsContiguous(), "the result is row-major");
  GCOMP_ASSIGN_OR_RETURN(IndexedOffsets offsets, IndexedOffsets::Make(ctx, space));
  const auto direct = offsets.Direct();
  if (direct.has_value() && offsets.run_bytes() == space.element_bytes &&
      direct->base->sizes.back() >= PickKernel::kMinRow) {
    const PickRowFn row = PickRowFor(space.element_bytes, direct->dtype, ctx.cpu);
    if (row != nullptr) {
      return std::unique_ptr<ir::Kernel>(std::make_unique<PickKernel>(std::move(offsets), row));
    }
  }
  const PickFn pick = PickFor(offsets.run_bytes(), space.element_bytes, ctx.cpu);
  return std::unique_ptr<ir::Kernel>(std::make_unique<GatherKernel>(std::move(offsets), pick));
}

}  // namespace gcomp::kernels
