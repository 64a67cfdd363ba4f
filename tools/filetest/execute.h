// Executor: the `run:`, `run-again:`, `run-error:` and `diff:` directives of one module.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/engine.h"
#include "tools/filetest/literal.h"
#include "tools/filetest/random_data.h"
#include "tools/filetest/test_file.h"

namespace gcomp::filetest {

// Each method checks one directive and returns the problems found, none if all is well. Sessions
// are made at the first use and kept. Thread safety: one thread.
class Executor {
 public:
  // All of these outlive the executor. `path` is that of the file: weights lie beside it.
  // `rewritten` is the text of the module after its passes, empty if it has none: it must give the
  // same bits.
  Executor(std::span<const std::shared_ptr<Engine>> engines, std::span<const Tier> tiers,
           const std::string& path, const TestModule& test, const ir::Module& module,
           const std::string& rewritten)
      : engines_(engines),
        tiers_(tiers),
        path_(path),
        test_(test),
        module_(module),
        rewritten_(rewritten) {}

  // run: @f(ARG, ...) == VALUE, ... [leaves %x = VALUE, ...] [atol=.. rtol=.. ulp=..]
  // run-again: the same in the context of the run before it
  std::vector<std::string> Run(const Directive& directive);

  // run-error: @f(ARG, ...) E401 TEXT
  std::vector<std::string> RunError(const Directive& directive);

  // diff: @f [sizes=(s0=1 s1=2, s0=7 s1=3)] [seeds=3]
  std::vector<std::string> Diff(const Directive& directive);

 private:
  struct Call;

  // One way to run the module. All give the same bits; the first is the one that values are of.
  struct Variant {
    std::string label = {};
    std::shared_ptr<Session> session = {};
    // The same for a caller with a hostile floating-point environment, from loading on.
    std::shared_ptr<Session> hostile = {};
  };

  // A diff: line as read.
  struct DiffRequest {
    const ir::Function* function = nullptr;
    std::vector<SymbolValues> size_sets;
    uint64_t seeds = 1;
  };

  Status LoadVariants();
  StatusOr<const ir::Function*> FindFunction(LiteralReader& reader) const;
  StatusOr<Call> ReadCall(LiteralReader& reader) const;
  StatusOr<std::vector<Tensor>> ReadExpected(LiteralReader& reader, Call& call) const;
  Status PrepareContexts(const ir::Function& function, bool again);
  Status CheckRun(const Directive& directive, bool again, std::vector<std::string>& problems);
  Status CheckRunError(const Directive& directive, std::vector<std::string>& problems);
  Status CheckDiff(const Directive& directive, std::vector<std::string>& problems);
  StatusOr<DiffRequest> ReadDiff(LiteralReader& reader) const;
  // One set of inputs in every variant. `first`: what the first one gives, and what its `mut`
  // parameters hold then.
  Status DiffVariants(const ir::Function& function, std::span<const Tensor> inputs,
                      const std::string& label, std::vector<Tensor>& first,
                      std::vector<std::string>& problems) const;
  // The same inputs for a caller whose floating-point environment is hostile.
  Status DiffHostile(const Variant& variant, const ir::Function& function,
                     std::span<const Tensor> inputs, std::span<const Tensor> expected,
                     const std::string& where, std::vector<std::string>& problems) const;
  // The whole function on these inputs: all variants, and the reference.
  Status DiffInputs(const ir::Function& function, std::span<const int64_t> symbols,
                    std::span<const Tensor> inputs, const std::string& label,
                    std::vector<std::string>& problems);
  // Random inputs of one kind: the whole function, its ops one by one, and the whole function with
  // inputs that overlap.
  Status DiffOnce(const ir::Function& function, const SymbolValues& symbols, uint64_t seed,
                  RandomKind kind, std::vector<std::string>& problems);
  // Null if the module names none.
  StatusOr<std::shared_ptr<const WeightStore>> Weights() const;
  StatusOr<Variant> Load(const std::shared_ptr<Engine>& engine, Tier tier, const std::string& text,
                         std::string label) const;

  std::span<const std::shared_ptr<Engine>> engines_;
  std::span<const Tier> tiers_;
  const std::string& path_;
  const TestModule& test_;
  const ir::Module& module_;
  const std::string& rewritten_;
  std::vector<Variant> variants_;
  // Of the last run:, for a run-again:.
  const ir::Function* ran_ = nullptr;
  std::vector<std::unique_ptr<Context>> contexts_;
};

}  // namespace gcomp::filetest
