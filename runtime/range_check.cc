#include "runtime/range_check.h"

#include <utility>

#include "base/format.h"

namespace gcomp {
namespace {

class RangeCheckedKernel final : public ir::Kernel {
 public:
  RangeCheckedKernel(std::unique_ptr<ir::Kernel> inner, std::vector<IntegerRange> ranges)
      : inner_(std::move(inner)), ranges_(std::move(ranges)) {}

  size_t scratch_bytes() const override { return inner_->scratch_bytes(); }

  StatusOr<std::unique_ptr<ir::KernelState>> NewState() const override {
    return inner_->NewState();
  }

  Status Run(const ir::KernelArgs& args) const override {
    GCOMP_RETURN_IF_ERROR(inner_->Run(args));
    for (const IntegerRange& range : ranges_) {
      const int64_t value = *args.result<int64_t>(range.result);
      if (value >= range.low && value <= range.high) continue;
      return Status(ErrorId::E401, Format("{} is {}, must lie in [{}, {}]", range.symbol, value,
                                          range.low, range.high));
    }
    return {};
  }

 private:
  std::unique_ptr<ir::Kernel> inner_;
  std::vector<IntegerRange> ranges_;
};

}  // namespace

std::unique_ptr<ir::Kernel> RangeChecked(std::unique_ptr<ir::Kernel> kernel,
                                         std::vector<IntegerRange> ranges) {
  return std::make_unique<RangeCheckedKernel>(std::move(kernel), std::move(ranges));
}

}  // namespace gcomp
