// Pipeline: passes run one after the other over a module, each timed, optionally verified and
// shown.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/passes/pass.h"

namespace gcomp::ir {

// All passes of this build, by name.
std::span<const Pass* const> AllPasses();

// Null if there is none.
const Pass* FindPass(std::string_view name);

// Reads "canonicalize,cse,dce": names between commas, blanks around them ignored, "" = no pass.
// Fails with E701 for an unknown or empty name, and tells the nearest known one.
StatusOr<std::vector<const Pass*>> ParsePipeline(std::string_view text);

// What one pass of a pipeline did.
struct PassRun {
  const Pass* pass;
  bool changed;
  int64_t time_ns;
};

struct PipelineOptions {
  // Verify after each pass that changed something; a module that a pass broke is E999.
  bool verify_each = false;
  // Called after each pass, changed or not.
  std::function<void(const PassRun&, const Module&)> after_pass;
};

// Runs the passes in order; stops at the first that fails (the module is then whole, but may be
// half-way). Returns what each did. Requires a module that verifies.
StatusOr<std::vector<PassRun>> RunPipeline(std::span<const Pass* const> passes, Module& module,
                                           const PassContext& context,
                                           const PipelineOptions& options = {});

}  // namespace gcomp::ir
