#include "tools/run/fusion_plan.h"

#include <memory>
#include <utility>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/passes/decompose.h"
#include "jit/compiler.h"
#include "runtime/describe_plan.h"
#include "runtime/specialization.h"
#include "runtime/target.h"
#include "tools/run/sizes.h"

namespace gcomp::tools {
namespace {

// Stands for a kernel that is planned and never run.
class PlannedKernel final : public ir::Kernel {
 public:
  Status Run(const ir::KernelArgs&) const override {
    return Status(ErrorId::E999, "a kernel that was only planned is run");
  }
};

class PlanningCompiler final : public codegen::Compiler {
 public:
  StatusOr<std::unique_ptr<ir::Kernel>> Compile(const codegen::FusedKernel&,
                                                codegen::CodeDump*) override {
    return std::unique_ptr<ir::Kernel>(std::make_unique<PlannedKernel>());
  }

  int64_t code_bytes() const override { return 0; }
};

bool HasSymbol(const ir::Function& function, const std::string& name) {
  const ir::SymId symbol = function.FindSymbol(name);
  return symbol.valid() && symbol.index() < function.num_symbol_params;
}

Status CheckSizes(const ir::Module& module, const std::vector<std::string>& sizes) {
  for (const std::string& size : sizes) {
    const std::string name = size.substr(0, size.find('='));
    bool known = false;
    for (const auto& function : module.functions) known = known || HasSymbol(*function, name);
    if (known) continue;
    return Status(ErrorId::E701, Format("--size={}: no function has a size symbol {}", size, name));
  }
  return {};
}

}  // namespace

StatusOr<std::string> FusionPlans(ir::Module& module, const ir::OpRegistry& ops, CpuLevel cpu,
                                  const std::vector<std::string>& sizes) {
  GCOMP_RETURN_IF_ERROR(CheckSizes(module, sizes));
  GCOMP_RETURN_IF_ERROR(ir::DecomposeOps(module, {ops, cpu}).status());
  PlanningCompiler compiler;
  const Target target = {.cpu = cpu, .compiler = &compiler};
  std::string text;
  for (const auto& function : module.functions) {
    Sizes symbols(*function);
    for (const std::string& size : sizes) {
      if (!HasSymbol(*function, size.substr(0, size.find('=')))) continue;
      GCOMP_RETURN_IF_ERROR(symbols.Tell(size));
    }
    symbols.Complete();
    const BoundWeights no_weights(function->params().size(), nullptr);
    StatusOr<std::shared_ptr<const Specialization>> code =
        Specialization::Create(module, *function, no_weights, symbols.values(), false, target);
    if (!code.ok()) return std::move(code).status().AddNote(Format("for @{}", function->name));
    text += DescribePlan(**code);
  }
  return text;
}

}  // namespace gcomp::tools
