#include "runtime/run_now.h"

#include <memory>
#include <string_view>
#include <vector>

#include "runtime/tensor.h"

namespace gcomp {
namespace {

class NoRegions final : public ir::RegionRunner {
 public:
  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>) override {
    return Status(ErrorId::E999, "an op without regions asked for one");
  }

  Status RunRegion(size_t, std::span<void* const>, std::span<void* const>,
                   ir::RegionResults&) override {
    return Status(ErrorId::E999, "an op without regions asked for one");
  }

  Status Poll() override { return {}; }

  // Only pure ops run here.
  void Print(std::string_view) override {}
};

}  // namespace

Status RunNow(const ir::Kernel& kernel, std::span<void* const> operands,
              std::span<void* const> results) {
  std::vector<void*> slots(operands.begin(), operands.end());
  slots.insert(slots.end(), results.begin(), results.end());
  std::vector<uint32_t> order(slots.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  GCOMP_ASSIGN_OR_RETURN(Tensor scratch,
                         Tensor::Empty(DType::kU8, {static_cast<int64_t>(kernel.scratch_bytes())}));
  GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<ir::KernelState> state, kernel.NewState());
  NoRegions none;
  return kernel.Run({slots.data(), order.data(), order.data() + operands.size(), scratch.data(),
                     state.get(), &none});
}

}  // namespace gcomp
