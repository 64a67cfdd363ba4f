// Copies in pieces: the kernel and the stages of loops of ops that only move elements (reshape,
// concat, pad, flip, slice_scatter, ...). A result is written by one strided copy after the other;
// each reads an operand, a part of the result that earlier pieces have written, or one value.
//
// Cost: one pass over what each piece writes; nothing is allocated when it runs. Threads: a kernel
// is immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "ir/kernel.h"
#include "ir/loops.h"
#include "ir/scalar_value.h"
#include "kernels/pacer.h"
#include "kernels/strided_copy.h"

namespace gcomp::kernels {

class PieceKernel final : public ir::Kernel {
 public:
  struct Piece {
    // Sources other than operands.
    static constexpr size_t kResult = SIZE_MAX;     // the result itself, where it is written
    static constexpr size_t kValue = SIZE_MAX - 1;  // one element for all; source strides are 0

    size_t source = 0;  // an operand, or one of the above
    StridedCopy copy;
    int64_t source_byte = 0;
    int64_t target_byte = 0;
  };

  explicit PieceKernel(std::vector<Piece> pieces, ir::Scalar value = {})
      : pieces_(std::move(pieces)) {
    value.Store(&value_);
  }

  Status Run(const ir::KernelArgs& args) const override {
    Pacer pacer(args.regions);
    for (const Piece& piece : pieces_) {
      const char* source = piece.source == Piece::kValue    ? reinterpret_cast<const char*>(&value_)
                           : piece.source == Piece::kResult ? args.result<char>(0)
                                                            : args.operand<char>(piece.source);
      GCOMP_RETURN_IF_ERROR(piece.copy.Run(source + piece.source_byte,
                                           args.result<char>(0) + piece.target_byte, pacer));
    }
    return {};
  }

 private:
  std::vector<Piece> pieces_;
  uint64_t value_ = 0;
};

inline StatusOr<std::unique_ptr<ir::Kernel>> MakePieceKernel(std::vector<PieceKernel::Piece> pieces,
                                                             ir::Scalar value = {}) {
  return std::unique_ptr<ir::Kernel>(std::make_unique<PieceKernel>(std::move(pieces), value));
}

// The stage of one piece: element i of `source` at its offset goes to the offset of element i in
// `target`, for all i in `axes`.
ir::Stage CopyStage(ir::DType dtype, ir::Dims axes, size_t source, ir::Affine from, size_t target,
                    ir::Affine to);

}  // namespace gcomp::kernels
