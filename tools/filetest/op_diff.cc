#include "tools/filetest/op_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "ir/passes/blocks.h"
#include "ir/run_op.h"
#include "ir/text.h"
#include "runtime/tensor.h"
#include "tools/filetest/compare.h"

namespace gcomp::filetest {
namespace {

using ir::Op;
using ir::OpBuffer;
using ir::TensorSpec;

constexpr int64_t kMargin = 64;  // bytes before and after each buffer
constexpr std::byte kSentinel{0xa5};

// Memory for a tensor of any strides, with margins that must stay as they are.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(TensorSpec spec)
      : spec_(std::move(spec)),
        bytes_(static_cast<size_t>(spec_.SpanBytes() + 2 * kMargin), kSentinel) {}

  OpBuffer Get() { return {spec_, data(), false}; }

  std::byte* data() { return bytes_.data() + kMargin; }

  const TensorSpec& spec() const { return spec_; }

  int64_t span_elements() const { return spec_.SpanBytes() / ir::BytesOf(spec_.dtype); }

  bool MarginsAreWhole() const {
    auto untouched = [](std::byte b) { return b == kSentinel; };
    return std::all_of(bytes_.begin(), bytes_.begin() + kMargin, untouched) &&
           std::all_of(bytes_.end() - kMargin, bytes_.end(), untouched);
  }

 private:
  TensorSpec spec_;
  std::vector<std::byte> bytes_;
};

// One op with its operands' data; runs it in every way there is.
class OpDiff {
 public:
  OpDiff(const ir::Function& function, const Op& op, std::span<const int64_t> symbols)
      : function_(function), op_(op), symbols_(symbols) {}

  // False if the op's sizes are not known from the symbols alone.
  bool Bind() {
    for (const ir::AttrValue& attr : op_.attrs) {
      const auto* expr = attr.As<ir::Expr>();
      if (expr != nullptr && !expr->Evaluate(symbols_)) return false;
    }
    for (ir::ValueId id : op_.operands) {
      StatusOr<TensorSpec> spec = ir::BindType(function_.value(id).type, symbols_);
      if (!spec.ok()) return false;
      operands_.emplace_back(*std::move(spec));
    }
    for (ir::ValueId id : op_.results) {
      StatusOr<TensorSpec> spec = ir::BindType(function_.value(id).type, symbols_);
      if (!spec.ok()) return false;
      result_specs_.push_back(*std::move(spec));
    }
    return true;
  }

  void FillOperands(RandomKind kind, uint64_t seed) {
    for (size_t i = 0; i < operands_.size(); ++i) {
      const ir::Value& value = function_.value(op_.operands[i]);
      GuardedBuffer& buffer = operands_[i];
      if (value.kind == ir::Value::Kind::kLiteral) {
        value.literal.Store(buffer.data());
      } else {
        FillRandom(kind, seed * 1000 + i, buffer.spec().dtype, buffer.span_elements(),
                   buffer.data());
      }
    }
  }

  Status Compare(std::span<const CpuLevel> levels, std::vector<std::string>& differences) {
    std::vector<GuardedBuffer> reference;
    for (CpuLevel level : levels) {
      std::vector<GuardedBuffer> results = NewResults();
      GCOMP_RETURN_IF_ERROR(RunKernel(level, results));
      CheckMargins(Format("kernel at {}", NameOf(level)), results, differences);
      if (reference.empty()) {
        reference = std::move(results);
      } else {
        Report(Format("kernel at {}", NameOf(level)), Format("kernel at {}", NameOf(levels[0])),
               results, reference, differences);
      }
    }
    for (int lanes : {4, 8, 16}) {
      std::vector<GuardedBuffer> results = NewResults();
      GCOMP_RETURN_IF_ERROR(RunLoops(lanes, results));
      std::string what = Format("loops at {} lanes", lanes);
      CheckMargins(what, results, differences);
      Report(what, Format("kernel at {}", NameOf(levels[0])), results, reference, differences);
    }
    return {};
  }

 private:
  std::vector<GuardedBuffer> NewResults() const {
    return {result_specs_.begin(), result_specs_.end()};
  }

  Status RunKernel(CpuLevel level, std::vector<GuardedBuffer>& results) {
    std::vector<OpBuffer> operand_buffers;
    std::vector<OpBuffer> result_buffers;
    for (size_t i = 0; i < operands_.size(); ++i) {
      operand_buffers.push_back(operands_[i].Get());
      operand_buffers.back().constant =
          function_.value(op_.operands[i]).kind == ir::Value::Kind::kLiteral;
    }
    for (GuardedBuffer& result : results) result_buffers.push_back(result.Get());
    return ir::RunOp(function_, op_, operand_buffers, result_buffers, symbols_, level);
  }

  Status RunLoops(int lanes, std::vector<GuardedBuffer>& results) {
    std::vector<TensorSpec> operand_specs;
    std::vector<ir::DType> dtypes;
    std::vector<void*> buffers;
    for (GuardedBuffer& operand : operands_) {
      operand_specs.push_back(operand.spec());
      dtypes.push_back(operand.spec().dtype);
      buffers.push_back(operand.data());
    }
    for (GuardedBuffer& result : results) {
      dtypes.push_back(result.spec().dtype);
      buffers.push_back(result.data());
    }
    GCOMP_ASSIGN_OR_RETURN(ir::LoopNest nest,
                           ir::LowerOp(function_, op_, operand_specs, result_specs_));
    FpEnvironment environment;
    return ir::EvaluateLoops(nest, dtypes, buffers, symbols_, lanes);
  }

  void CheckMargins(const std::string& what, const std::vector<GuardedBuffer>& results,
                    std::vector<std::string>& differences) const {
    for (const GuardedBuffer& result : results) {
      if (result.MarginsAreWhole()) continue;
      differences.push_back(
          Format("{}: {} writes outside of its result", ir::PrintOpLine(function_, op_), what));
    }
  }

  void Report(const std::string& what, const std::string& reference_name,
              std::vector<GuardedBuffer>& got, std::vector<GuardedBuffer>& reference,
              std::vector<std::string>& differences) const {
    for (size_t i = 0; i < got.size(); ++i) {
      const TensorSpec& spec = got[i].spec();
      StatusOr<Tensor> left = Tensor::Wrap(spec.dtype, spec.sizes, {}, got[i].data());
      StatusOr<Tensor> right = Tensor::Wrap(spec.dtype, spec.sizes, {}, reference[i].data());
      std::string mismatch = !left.ok()    ? left.status().ToString()
                             : !right.ok() ? right.status().ToString()
                                           : FirstMismatch(*left, *right, {});
      if (mismatch.empty()) continue;
      differences.push_back(Format("{}: {} against {}: {}", ir::PrintOpLine(function_, op_), what,
                                   reference_name, mismatch));
    }
  }

  const ir::Function& function_;
  const Op& op_;
  std::span<const int64_t> symbols_;
  std::vector<GuardedBuffer> operands_;
  std::vector<TensorSpec> result_specs_;
};

bool HasLoops(const Op& op) {
  return op.def->lowering.loops != nullptr && ir::CanRunAlone(op);
}

}  // namespace

StatusOr<std::vector<std::string>> DiffOps(const ir::Function& function,
                                           std::span<const int64_t> symbols, RandomKind kind,
                                           uint64_t seed, std::span<const CpuLevel> levels) {
  std::vector<std::string> differences;
  for (ir::BlockId block : ir::LiveBlocks(function)) {
    for (ir::OpId id : function.block(block).ops) {
      const Op& op = function.op(id);
      if (!HasLoops(op)) continue;
      OpDiff diff(function, op, symbols);
      if (!diff.Bind()) continue;
      diff.FillOperands(kind, seed);
      Status status = diff.Compare(levels, differences);
      // With these attributes the op is a formula of others, which have kernels.
      if (!status.ok() && op.def->decomposes() && status.id() == ErrorId::E511) continue;
      if (!status.ok()) return std::move(status).AddNote(ir::PrintOpLine(function, op));
    }
  }
  return differences;
}

}  // namespace gcomp::filetest
