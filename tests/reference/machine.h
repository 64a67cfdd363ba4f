// Memory and Machine: what a function means that writes in place, said as plainly as it can be.
//
// A storage is an array of bytes. A tensor is a view: a storage and, for each of its elements, the
// place where that lies. There are no strides: a view op is evaluated as a value (reference.h) on
// the places of its operand's elements, so that whatever it does to elements it does to handles.
// Reading looks where the places say, writing stores there, and what shares storage sees it.
//
// Cost: no care is taken. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "tests/reference/reference.h"

namespace gcomp::reference {

struct View {
  size_t storage = 0;
  ir::DType dtype = ir::DType::kF32;
  std::vector<int64_t> sizes;
  std::vector<int64_t> places;  // of the elements, in row-major order, in bytes
};

class Memory {
 public:
  // A storage of its own that holds the tensor: rounded to its dtype, or with the bits that stand
  // at `data`, row-major.
  View Add(const Tensor& tensor);
  View AddBits(ir::DType dtype, std::vector<int64_t> sizes, const void* data);

  // What is undetermined stays so, per byte.
  Tensor Read(const View& view) const;
  // Requires the sizes of the view. Row-major elements.
  void Write(const View& view, const Tensor& tensor);
  void WriteBits(const View& view, const void* data);

  // How many storages there are; those from `count` on are dropped.
  size_t count() const { return storages_.size(); }

  void DropFrom(size_t count) { storages_.resize(count); }

 private:
  struct Byte {
    unsigned char bits = 0;
    bool undetermined = false;
  };

  std::vector<std::vector<Byte>> storages_;
};

// Runs ops, one after the other, on a memory.
//
// Ops on values are those of Evaluate. Results of regions and calls are values in storage of their
// own; the parameters of a body that runs once (wrap, invoke ...) are the operands themselves.
class Machine {
 public:
  // `module`, which outlives the machine: where callees and globals are; null = there are none.
  explicit Machine(const ir::Module* module);

  // The values of one body while it runs.
  struct Frame {
    const ir::Function* function = nullptr;
    std::vector<std::optional<View>> values = {};  // by ValueId; literals have none
    std::vector<int64_t> symbols = {};
  };

  Frame NewFrame(const ir::Function& function, std::span<const int64_t> symbols) const;

  // Runs one op, regions and callees included, and sets the values of its results and the symbols
  // that it defines. Fails with E510 where a value is not known or the reference does not know an
  // op, E401 where a check fails; the memory may have been written then.
  Status Run(Frame& frame, const ir::Op& op);

  // Evaluate of reference.h; regions of the op run on this machine.
  StatusOr<std::vector<Tensor>> Evaluate(const Frame& frame, const ir::Op& op,
                                         std::span<const Tensor> operands);

  // A region of `function` on values, as an op does that runs its region on values of its own. The
  // results are rounded.
  StatusOr<std::vector<Tensor>> RunRegion(const ir::Function& function, ir::BlockId block,
                                          std::span<const Tensor> params,
                                          std::span<const int64_t> symbols);

  // The handle of an operand; E510 if it is not known.
  StatusOr<View> Operand(const Frame& frame, ir::ValueId id);

  // Sets what `op` defines where its results tell.
  static void Learn(Frame& frame, const ir::Op& op, const Memory& memory);

  Memory& memory() { return memory_; }

  // How many ops with a tolerance have been run: their results are one of many.
  int64_t inexact_ops() const { return inexact_ops_; }

  // No global is known any longer.
  void ForgetGlobals() { globals_.clear(); }

 private:
  Status RunBlock(Frame& frame, ir::BlockId block);
  // The body on the handles; its results, read.
  StatusOr<std::vector<Tensor>> RunBody(Frame frame, ir::BlockId block,
                                        std::span<const View> params);
  StatusOr<std::vector<Tensor>> Call(const Frame& frame, const ir::Op& op,
                                     std::span<const View> operands);
  StatusOr<std::vector<Tensor>> Values(const Frame& frame, const ir::Op& op,
                                       std::span<const View> operands);
  StatusOr<View> ViewOf(const Frame& frame, const ir::Op& op, size_t result,
                        std::span<const View> operands);

  const ir::Module* module_;
  Memory memory_;
  std::unordered_map<std::string, Tensor> globals_;
  int64_t inexact_ops_ = 0;
  int depth_ = 0;
};

// True if the op has one region, which runs once on the operands themselves.
bool RunsRegionOnce(const ir::Op& op);

}  // namespace gcomp::reference
