#include "ir/run_op.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/fp_environment.h"
#include "ir/op_def.h"

namespace gcomp::ir {
namespace {

constexpr size_t kScratchAlignment = 64;

class NoRegions final : public RegionRunner {
 public:
  Status RunRegion(size_t r, std::span<void* const> /*operands*/,
                   std::span<void* const> /*results*/) override {
    return {ErrorId::E999, Format("a kernel that runs alone asks for region {}", r)};
  }

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>,
                   RegionResults&) override {
    return Status(ErrorId::E999, "an op without regions asked for one");
  }

  Status Poll() override { return {}; }

  // There is no log here.
  void Print(std::string_view /*text*/) override {}
};

}  // namespace

bool CanRunAlone(const Op& op) {
  return op.def->prepare != nullptr && op.regions.empty() && !op.def->has_callee;
}

Status RunOp(const Function& function, const Op& op, std::span<const OpBuffer> operands,
             std::span<const OpBuffer> results, std::span<const int64_t> symbols, CpuLevel cpu) {
  GCOMP_ENSURE(CanRunAlone(op), Format("{} has no kernel that runs alone", op.def->name));
  GCOMP_ENSURE(operands.size() == op.operands.size() && results.size() == op.results.size(),
               Format("{} buffers for {}", operands.size() + results.size(), op.def->name));
  std::vector<TensorSpec> operand_specs;
  std::vector<TensorSpec> result_specs;
  std::vector<const void*> constants;
  std::vector<void*> slots;
  std::vector<uint32_t> slot_of;
  for (const OpBuffer& operand : operands) {
    operand_specs.push_back(operand.spec);
    constants.push_back(operand.constant ? operand.data : nullptr);
    slots.push_back(operand.data);
  }
  for (const OpBuffer& result : results) {
    result_specs.push_back(result.spec);
    slots.push_back(result.data);
  }
  for (size_t i = 0; i < slots.size(); ++i) slot_of.push_back(static_cast<uint32_t>(i));

  KernelCtx ctx{.function = function,
                .op = op,
                .attrs = AttrReader(*op.def, op),
                .operands = operand_specs,
                .results = result_specs,
                .constants = constants,
                .symbols = symbols,
                .cpu = cpu,
                .regions = {}};
  FpEnvironment environment;
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, op.def->prepare(ctx));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<KernelState> state, kernel->NewState());
  std::vector<std::byte> scratch(kernel->scratch_bytes() + kScratchAlignment);
  void* aligned = scratch.data();
  size_t space = scratch.size();
  std::align(kScratchAlignment, kernel->scratch_bytes(), aligned, space);
  NoRegions no_regions;
  return kernel->Run({.slots = slots.data(),
                      .operand_slots = slot_of.data(),
                      .result_slots = slot_of.data() + operands.size(),
                      .scratch = aligned,
                      .state = state.get(),
                      .regions = &no_regions});
}

}  // namespace gcomp::ir
