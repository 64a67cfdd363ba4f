#include "kernels/strided_copy.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "ir/scalar_value.h"

namespace gcomp::kernels {
namespace {

struct Wide {  // 16 bytes, as one element of c128
  uint64_t words[2];
};

// ---- Transposition ------------------------------------------------------------------------------

// The lower and the upper halves of a and b, element by element in turn.
template <class T>
__m128i InterleaveLow(__m128i a, __m128i b) {
  if constexpr (sizeof(T) == 1) return _mm_unpacklo_epi8(a, b);
  if constexpr (sizeof(T) == 2) return _mm_unpacklo_epi16(a, b);
  if constexpr (sizeof(T) == 4) return _mm_unpacklo_epi32(a, b);
  if constexpr (sizeof(T) == 8) return _mm_unpacklo_epi64(a, b);
}

template <class T>
__m128i InterleaveHigh(__m128i a, __m128i b) {
  if constexpr (sizeof(T) == 1) return _mm_unpackhi_epi8(a, b);
  if constexpr (sizeof(T) == 2) return _mm_unpackhi_epi16(a, b);
  if constexpr (sizeof(T) == 4) return _mm_unpackhi_epi32(a, b);
  if constexpr (sizeof(T) == 8) return _mm_unpackhi_epi64(a, b);
}

// Elements of a 16-byte register: rows and columns of the square that Square() turns.
template <class T>
constexpr int64_t kSide = static_cast<int64_t>(16 / sizeof(T));

// target[i * target_step + j] = source[j * source_step + i] for i, j < kSide. Interleaving vector k
// with vector k + side / 2 moves one bit of the row number into the column; log2(side) rounds move
// them all.
template <class T>
void Square(const T* source, int64_t source_step, T* target, int64_t target_step) {
  constexpr int64_t n = kSide<T>;
  __m128i v[n];
  for (int64_t j = 0; j < n; ++j) {
    v[j] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + j * source_step));
  }
  for (int64_t round = 1; round < n; round *= 2) {
    __m128i next[n];
    for (int64_t k = 0; k < n / 2; ++k) {
      next[2 * k] = InterleaveLow<T>(v[k], v[k + n / 2]);
      next[2 * k + 1] = InterleaveHigh<T>(v[k], v[k + n / 2]);
    }
    for (int64_t k = 0; k < n; ++k) v[k] = next[k];
  }
  for (int64_t i = 0; i < n; ++i) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + i * target_step), v[i]);
  }
}

template <class T>
void TurnScalar(const T* source, int64_t source_step, T* target, int64_t target_step, int64_t rows,
                int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      target[i * target_step + j] = source[j * source_step + i];
    }
  }
}

// The same for one block of rows x columns elements, by squares as far as they fit.
template <class T>
void TurnBlock(const T* source, int64_t source_step, T* target, int64_t target_step, int64_t rows,
               int64_t columns) {
  if constexpr (sizeof(T) <= 8) {
    constexpr int64_t n = kSide<T>;
    const int64_t whole_rows = rows / n * n;
    const int64_t whole_columns = columns / n * n;
    for (int64_t i = 0; i < whole_rows; i += n) {
      for (int64_t j = 0; j < whole_columns; j += n) {
        Square(source + j * source_step + i, source_step, target + i * target_step + j,
               target_step);
      }
    }
    TurnScalar(source + whole_columns * source_step, source_step, target + whole_columns,
               target_step, whole_rows, columns - whole_columns);
    TurnScalar(source + whole_rows, source_step, target + whole_rows * target_step, target_step,
               rows - whole_rows, columns);
  } else {
    TurnScalar(source, source_step, target, target_step, rows, columns);
  }
}

// True if lines that are `step` elements apart fall into few sets of a cache: those of one block
// then displace each other before they are done with.
template <class T>
bool LinesClash(int64_t step) {
  return step * static_cast<int64_t>(sizeof(T)) % 1024 == 0;
}

// Turn, below, for large tensors of one or two bytes whose lines clash: a block is 64 or 32 lines
// of both sides, more than a set of a cache holds, so none may be touched twice. (Blocks of wider
// elements are 16 lines and fewer; for them this is slower.) Each line of the source is read whole,
// into a block of cache lines on the stack, from which runs of several whole lines are written.
// What is written next and what lies beside the lines read now is asked for ahead: rows lie in
// different pages, in which the processor sees no pattern.
template <class T>
bool TurnStaged(const T* source, int64_t source_step, T* target, int64_t target_step, int64_t rows,
                int64_t columns, Pacer& pacer) {
  constexpr int64_t line = static_cast<int64_t>(64 / sizeof(T));
  constexpr int64_t run = 4 * line;
  constexpr int64_t group = kSide<T>;
  constexpr int64_t far_rows = 512;
  alignas(64) T block[line * run];
  for (int64_t i1 = 0; i1 < rows; i1 += far_rows) {
    const int64_t i_end = std::min(i1 + far_rows, rows);
    for (int64_t j = 0; j < columns; j += run) {
      const int64_t width = std::min(run, columns - j);
      for (int64_t i = i1; i < i_end; i += line) {
        const int64_t height = std::min(line, i_end - i);
        const T* from = source + j * source_step + i;
        T* to = target + i * target_step + j;
        for (int64_t k = 0; i + line < i_end && k < width; ++k) {
          __builtin_prefetch(from + k * source_step + line, 0, 2);
        }
        for (int64_t k = 0; k < height; ++k) {
          for (int64_t l = 0; l < width; l += line) {
            __builtin_prefetch(to + k * target_step + l, 1);
          }
        }
        for (int64_t k = 0; k < width; k += group) {
          TurnBlock(from + k * source_step, source_step, block + k, run, height,
                    std::min(group, width - k));
        }
        for (int64_t k = 0; k < height; ++k) {
          std::memcpy(to + k * target_step, block + k * run,
                      static_cast<size_t>(width) * sizeof(T));
        }
      }
      if (!pacer.Go((i_end - i1) * width)) return false;
    }
  }
  return true;
}

// target[i * target_step + j] = source[j * source_step + i] for i < rows, j < columns. Blocks of
// whole cache lines on both sides, so that a line is done with while it is in cache; these in
// larger blocks, whose rows lie in no more pages than a second-level TLB holds. Along a target row
// the next lines of both sides are asked for ahead: the processor sees no pattern in them.
template <class T>
bool Turn(const T* source, int64_t source_step, T* target, int64_t target_step, int64_t rows,
          int64_t columns, Pacer& pacer) {
  constexpr int64_t line = static_cast<int64_t>(64 / sizeof(T));
  constexpr int64_t far_rows = 512;
  constexpr int64_t far_columns = 128;
  const bool in_cache = rows * columns <= (int64_t{1} << 19) / static_cast<int64_t>(sizeof(T));
  if constexpr (sizeof(T) <= 2) {
    const bool clash = LinesClash<T>(source_step) || LinesClash<T>(target_step);
    if (!in_cache && clash && std::min(rows, columns) >= 4 * line) {
      return TurnStaged(source, source_step, target, target_step, rows, columns, pacer);
    }
  }
  for (int64_t i1 = 0; i1 < rows; i1 += far_rows) {
    const int64_t i_end = std::min(i1 + far_rows, rows);
    for (int64_t j1 = 0; j1 < columns; j1 += far_columns) {
      const int64_t j_end = std::min(j1 + far_columns, columns);
      for (int64_t i = i1; i < i_end; i += line) {
        const int64_t height = std::min(line, i_end - i);
        for (int64_t j = j1; j < j_end; j += line) {
          const T* from = source + j * source_step + i;
          T* to = target + i * target_step + j;
          if (!in_cache && j + 3 * line <= columns) {
            for (int64_t k = 0; k < line; ++k) {
              __builtin_prefetch(from + (line + k) * source_step);
            }
            for (int64_t k = 0; k < height; ++k) {
              __builtin_prefetch(to + k * target_step + 2 * line, 1);
            }
          }
          TurnBlock(from, source_step, to, target_step, height, std::min(line, j_end - j));
        }
      }
      if (!pacer.Go((i_end - i1) * (j_end - j1))) return false;
    }
  }
  return true;
}

// ---- Rows ---------------------------------------------------------------------------------------

template <class T>
void CopyRow(const T* source, T* target, int64_t n, int64_t source_stride, int64_t target_stride) {
  if (target_stride != 1) {
    for (int64_t i = 0; i < n; ++i) target[i * target_stride] = source[i * source_stride];
  } else if (source_stride == 1) {
    std::memcpy(target, source, static_cast<size_t>(n) * sizeof(T));
  } else if (source_stride == 0) {
    std::fill_n(target, n, *source);
  } else if (source_stride == -1) {
    std::reverse_copy(source - (n - 1), source + 1, target);
  } else {
    for (int64_t i = 0; i < n; ++i) target[i] = source[i * source_stride];
  }
}

// The elements of a row that are copied at once: whole megabytes, so that memcpy can choose how it
// deals with caches.
constexpr int64_t kRowPiece = int64_t{1} << 18;

// `rows` rows, source_step and target_step apart.
template <class T>
bool CopyRows(const T* source, int64_t source_step, T* target, int64_t target_step, int64_t rows,
              int64_t n, int64_t source_stride, int64_t target_stride, Pacer& pacer) {
  if (n <= Pacer::kPiece && rows * n <= Pacer::kPiece) {
    for (int64_t i = 0; i < rows; ++i) {
      CopyRow(source + i * source_step, target + i * target_step, n, source_stride, target_stride);
    }
    return pacer.Go(rows * n);
  }
  // Short rows are counted together.
  const int64_t group = std::max<int64_t>(Pacer::kPiece / n, 1);
  for (int64_t first = 0; first < rows; first += group) {
    const int64_t end = std::min(first + group, rows);
    for (int64_t i = first; i < end; ++i) {
      const T* from = source + i * source_step;
      T* to = target + i * target_step;
      if (n <= kRowPiece) {
        CopyRow(from, to, n, source_stride, target_stride);
        continue;
      }
      for (int64_t k = 0; k < n; k += kRowPiece) {
        const int64_t count = std::min(kRowPiece, n - k);
        CopyRow(from + k * source_stride, to + k * target_stride, count, source_stride,
                target_stride);
        if (!pacer.Go(count)) return false;
      }
    }
    if (!pacer.Go((end - first) * std::min(n, kRowPiece))) return false;
  }
  return true;
}

}  // namespace

StridedCopy StridedCopy::Make(std::span<const int64_t> sizes,
                              std::span<const int64_t> source_strides,
                              std::span<const int64_t> target_strides, int64_t element_bytes) {
  StridedCopy copy;
  copy.element_bytes_ = element_bytes;
  copy.empty_ = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) {
      copy.empty_ = true;
      copy.dims_.clear();
      return copy;
    }
    if (sizes[i] != 1) copy.dims_.push_back({sizes[i], source_strides[i], target_strides[i]});
  }
  // Densest target innermost: the writes of a transposition stay in few cache lines.
  std::stable_sort(copy.dims_.begin(), copy.dims_.end(),
                   [](const Dim& a, const Dim& b) { return a.target > b.target; });
  std::vector<Dim> merged;
  for (const Dim& dim : copy.dims_) {
    if (!merged.empty() && merged.back().source == dim.size * dim.source &&
        merged.back().target == dim.size * dim.target) {
      merged.back() = {merged.back().size * dim.size, dim.source, dim.target};
    } else {
      merged.push_back(dim);
    }
  }
  if (merged.empty()) merged.push_back({1, 1, 1});
  // Where the source is dense along another dim than the target, these two dims are turned
  // together.
  if (merged.back().target == 1 && merged.back().source != 1) {
    auto dense =
        std::find_if(merged.begin(), merged.end(), [](const Dim& dim) { return dim.source == 1; });
    if (dense != merged.end()) {
      std::rotate(dense, dense + 1, merged.end() - 1);
      copy.turns_ = true;
    }
  }
  copy.dims_ = std::move(merged);
  return copy;
}

template <class Leaf>
bool StridedCopy::Walk(size_t dim, size_t leaf_dims, int64_t source, int64_t target,
                       const Leaf& leaf) const {
  if (dim + leaf_dims == dims_.size()) return leaf(source, target);
  const Dim& d = dims_[dim];
  for (int64_t i = 0; i < d.size; ++i) {
    if (!Walk(dim + 1, leaf_dims, source + i * d.source, target + i * d.target, leaf)) return false;
  }
  return true;
}

template <class T>
bool StridedCopy::RunAs(const T* from, T* to, Pacer& pacer) const {
  const Dim& inner = dims_.back();
  if (dims_.size() == 1) {
    return CopyRows(from, 0, to, 0, 1, inner.size, inner.source, inner.target, pacer);
  }
  const Dim& outer = dims_[dims_.size() - 2];
  return Walk(0, 2, 0, 0, [&](int64_t s, int64_t t) {
    if (turns_) {
      return Turn(from + s, inner.source, to + t, outer.target, outer.size, inner.size, pacer);
    }
    return CopyRows(from + s, outer.source, to + t, outer.target, outer.size, inner.size,
                    inner.source, inner.target, pacer);
  });
}

void StridedCopy::Run(const void* source, void* target) const {
  Pacer unpaced;
  static_cast<void>(Run(source, target, unpaced));  // nothing stops it
}

Status StridedCopy::Run(const void* source, void* target, Pacer& pacer) const {
  if (empty_) return {};
  auto run = [&]<class T>(T*) {
    return RunAs(static_cast<const T*>(source), static_cast<T*>(target), pacer) ? Status()
                                                                                : pacer.status();
  };
  switch (element_bytes_) {
    case 1:
      return run(static_cast<uint8_t*>(nullptr));
    case 2:
      return run(static_cast<uint16_t*>(nullptr));
    case 4:
      return run(static_cast<uint32_t*>(nullptr));
    case 8:
      return run(static_cast<uint64_t*>(nullptr));
    default:
      return run(static_cast<Wide*>(nullptr));
  }
}

Status StridedCopy::RunWidening(ir::DType dtype, const void* source, float* target,
                                Pacer& pacer) const {
  if (empty_) return {};
  const uint16_t* from = static_cast<const uint16_t*>(source);
  const bool half = dtype == ir::DType::kF16;
  const Dim& inner = dims_.back();
  const bool done = Walk(0, 1, 0, 0, [&](int64_t s, int64_t t) {
    return ForPieces(pacer, inner.size, [&](int64_t first, int64_t count) {
      for (int64_t i = first; i < first + count; ++i) {
        uint16_t bits = from[s + i * inner.source];
        target[t + i * inner.target] = half ? ir::HalfToFloat(bits) : ir::BFloat16ToFloat(bits);
      }
    });
  });
  return done ? Status() : pacer.status();
}

Status NarrowFloats(ir::DType dtype, const float* source, void* target, int64_t count,
                    Pacer& pacer) {
  uint16_t* to = static_cast<uint16_t*>(target);
  const bool done = ForPieces(pacer, count, [&](int64_t first, int64_t n) {
    if (dtype == ir::DType::kF16) {
      for (int64_t i = first; i < first + n; ++i) to[i] = ir::FloatToHalf(source[i]);
    } else {
      for (int64_t i = first; i < first + n; ++i) to[i] = ir::FloatToBFloat16(source[i]);
    }
  });
  return done ? Status() : pacer.status();
}

}  // namespace gcomp::kernels
