#include "ir/passes/pipeline.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/format.h"
#include "base/fp_environment.h"
#include "ir/passes/canonicalize.h"
#include "ir/passes/cse.h"
#include "ir/passes/dce.h"
#include "ir/passes/decompose.h"
#include "ir/passes/dedupe.h"
#include "ir/passes/fold.h"
#include "ir/passes/inline.h"
#include "ir/passes/outline.h"
#include "ir/passes/prune.h"
#include "ir/passes/view_to_reshape.h"
#include "ir/suggest.h"
#include "ir/verify.h"

namespace gcomp::ir {
namespace {

// Sorted by name.
constexpr const Pass* kPasses[] = {&kCanonicalize, &kCse,          &kDce,    &kDecompose,
                                   &kDedupe,       &kFold,         &kInline, &kOutline,
                                   &kPrune,        &kViewToReshape};

std::string_view Trim(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

Status UnknownPass(std::string_view name) {
  Suggestion suggestion(name);
  std::string list;
  for (const Pass* pass : kPasses) {
    suggestion.Consider(pass->name);
    list += Format("{}{}", list.empty() ? "" : ", ", pass->name);
  }
  return {ErrorId::E701, Format("no pass `{}`{} (passes: {})", name, suggestion.Text(), list)};
}

Status CheckAfter(const Pass& pass, const Module& module) {
  Diagnostics diagnostics;
  Verify(module, diagnostics);
  if (diagnostics.ok()) return {};
  return {ErrorId::E999, Format("the module does not verify after pass {}: {}", pass.name,
                                diagnostics.ToStatus().message())};
}

}  // namespace

std::span<const Pass* const> AllPasses() {
  return kPasses;
}

const Pass* FindPass(std::string_view name) {
  for (const Pass* pass : kPasses) {
    if (pass->name == name) return pass;
  }
  return nullptr;
}

StatusOr<std::vector<const Pass*>> ParsePipeline(std::string_view text) {
  std::vector<const Pass*> passes;
  if (Trim(text).empty()) return passes;
  while (true) {
    size_t comma = text.find(',');
    std::string_view name = Trim(text.substr(0, comma));
    const Pass* pass = FindPass(name);
    if (pass == nullptr) return UnknownPass(name);
    passes.push_back(pass);
    if (comma == std::string_view::npos) return passes;
    text.remove_prefix(comma + 1);
  }
}

StatusOr<std::vector<PassRun>> RunPipeline(std::span<const Pass* const> passes, Module& module,
                                           const PassContext& context,
                                           const PipelineOptions& options) {
  using Clock = std::chrono::steady_clock;
  FpEnvironment environment;  // passes compute constants
  std::vector<PassRun> runs;
  for (const Pass* pass : passes) {
    Clock::time_point start = Clock::now();
    StatusOr<bool> changed = pass->run(module, context);
    int64_t time_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    if (!changed.ok()) {
      return std::move(changed).status().AddNote(Format("in pass {}", pass->name));
    }
    runs.push_back({pass, *changed, time_ns});
    if (options.after_pass) options.after_pass(runs.back(), module);
    if (options.verify_each && *changed) GCOMP_RETURN_IF_ERROR(CheckAfter(*pass, module));
  }
  return runs;
}

}  // namespace gcomp::ir
