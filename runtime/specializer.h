// Specializer: builds the blocks of a Specialization from the function down to what it runs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/status.h"
#include "ir/storage_roots.h"
#include "runtime/memory_plan.h"
#include "runtime/specialization.h"

namespace gcomp {

// What was compiled.
struct CompileCounts {
  int64_t kernels = 0;
  int64_t ops = 0;  // in them
  int64_t time_ns = 0;
  int64_t failed = 0;  // kernels
  std::string first_failure;
};

class Specializer {
 public:
  Specializer(const ir::Module& module, const Target& target, Specialization& out)
      : module_(module), target_(target), out_(out) {}

  // Builds the range and all it runs; sets the arena ranges.
  Status Build(const CodeRange& range);

  const Target& target() const { return target_; }

  const CompileCounts& compiled() const { return compiled_; }

 private:
  friend class BlockBuilder;

  // What the blocks of one function share.
  struct FunctionFacts {
    FunctionFacts(const ir::Module& module, const ir::Function& function);

    ir::StorageRoots roots;
    // By symbol: a shape or an attribute that kernels are made for speaks of it, so that it must be
    // known before those are.
    std::vector<bool> shapes;
  };

  const FunctionFacts& FactsOf(const ir::Function& function);

  // The index of the block of a callee at these sizes; builds it at the first call.
  StatusOr<uint32_t> Callee(const ir::Function& function, std::vector<int64_t> symbols,
                            bool params_overlap);
  StatusOr<uint32_t> Block(const CodeRange& range, const SymbolValues& symbols);
  Status PlaceArenas();

  const ir::Module& module_;
  const Target& target_;
  Specialization& out_;
  CompileCounts compiled_;
  std::map<const ir::Function*, std::unique_ptr<FunctionFacts>> facts_;
  std::map<std::tuple<const ir::Function*, std::vector<int64_t>, bool>, uint32_t> callees_;
  int depth_ = 0;
};

}  // namespace gcomp
