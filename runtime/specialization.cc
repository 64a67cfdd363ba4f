#include "runtime/specialization.h"

#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "ir/op_def.h"
#include "jit/compiler.h"
#include "runtime/specializer.h"

namespace gcomp {
namespace {

void Tell(const Target& target, const std::string& subject, const CompileCounts& counts) {
  if (!target.tell) return;
  if (counts.kernels > 0) {
    target.tell(Reason::kCompiled, subject,
                Format("{} kernels of {} ops in {:.1f} ms; {} bytes of code are loaded",
                       counts.kernels, counts.ops, static_cast<double>(counts.time_ns) * 1e-6,
                       target.compiler->code_bytes()));
  }
  if (counts.failed > 0) {
    target.tell(
        Reason::kCompileFailed, subject,
        Format("{} kernels, whose ops run one by one: {}", counts.failed, counts.first_failure));
  }
}

}  // namespace

std::vector<uint32_t> BlockCode::LiveIn(size_t boundary) const {
  std::vector<uint32_t> slots;
  for (const Life& life : lives) {
    if (life.from > boundary) break;
    if (boundary <= life.until) slots.push_back(life.slot);
  }
  return slots;
}

bool SymbolValues::Knows(const ir::Expr& e) const {
  bool known_all = true;
  e.ForEachSymbol([&](ir::SymId id) {
    known_all = known_all && id.index() < known.size() && known[id.index()];
  });
  return known_all;
}

bool SymbolValues::Knows(const ir::Type& type) const {
  if (!type.is_tensor()) return true;  // a host value has one form whatever its value is
  for (const ir::Expr& dim : type.dims()) {
    if (!Knows(dim)) return false;
  }
  for (const ir::Expr& stride : type.layout().strides) {
    if (!Knows(stride)) return false;
  }
  return Knows(type.layout().offset);
}

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(
    const ir::Module& module, const ir::Function& function, const BoundWeights& weights,
    std::vector<int64_t> symbols, bool params_overlap, const Target& target) {
  CodeRange range;
  range.function = &function;
  range.block = function.body;
  range.params = function.params();
  range.constants = weights;
  range.entry = true;
  range.params_overlap = params_overlap;
  SymbolValues values{std::move(symbols), std::vector<bool>(function.symbols.size(), false)};
  values.values.resize(function.symbols.size(), 0);
  for (size_t i = 0; i < function.num_symbol_params; ++i) values.known[i] = true;
  return Create(module, range, std::move(values), target);
}

StatusOr<std::shared_ptr<const Specialization>> Specialization::Create(const ir::Module& module,
                                                                       const CodeRange& range,
                                                                       SymbolValues symbols,
                                                                       const Target& target) {
  FpEnvironment environment;  // constants are computed here
  std::shared_ptr<Specialization> made(new Specialization());
  made->module_ = &module;
  made->target_ = &target;
  made->symbols_ = std::move(symbols);
  made->params_overlap_ = range.params_overlap;
  Specializer specializer(module, target, *made);
  GCOMP_RETURN_IF_ERROR(specializer.Build(range));
  Tell(target, "@" + range.function->name, specializer.compiled());
  return std::shared_ptr<const Specialization>(std::move(made));
}

std::string NamesOf(const ir::Function& function, std::span<const ir::OpId> ops) {
  std::string names;
  for (ir::OpId id : ops) {
    names += (names.empty() ? "" : ", ") + std::string(function.op(id).def->name);
  }
  return names;
}

std::string NameOf(const BlockCode& code, const Instruction& instruction) {
  if (instruction.fused != Instruction::kNotFused) {
    return "fused: " + NamesOf(*code.function, code.fused[instruction.fused].ops);
  }
  if (!instruction.op.valid()) return "";
  return std::string(code.function->op(instruction.op).def->name);
}

void CopyElements(const ir::TensorSpec& from, const void* source, const ir::TensorSpec& to,
                  void* destination) {
  kernels::StridedCopy::Make(from.sizes, from.strides, to.strides, ir::BytesOf(from.dtype))
      .Run(source, destination);
}

}  // namespace gcomp
