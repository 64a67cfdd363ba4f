// The inside of Context: one caller's frames, state and the pointers of a run.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/context_state.h"
#include "runtime/engine.h"
#include "runtime/frame.h"
#include "runtime/session_impl.h"
#include "runtime/tensor.h"

namespace gcomp {

struct Context::Impl {
  std::shared_ptr<Session> session;
  EntryPoint* entry = nullptr;
  bool host_integers = false;  // a parameter is int<e>: sizes depend on values
  ContextOptions options;
  ContextState state;
  std::atomic<bool> interrupt{false};
  int64_t deadline_ns = 0;
  std::function<void(const Frame&)> retire;    // told of frames that go
  std::vector<std::unique_ptr<Frame>> frames;  // the one in use first
  std::vector<OpProfile> retired;              // counters of frames that are gone
  std::vector<Tensor> copies;                  // inputs that were copied for this run, by input
  std::vector<void*> params;                   // by parameter of the function
  std::vector<void*> results;                  // by result; null = its size is not known yet
  std::vector<AliasedResult> aliases;
  static constexpr size_t kNoParam = SIZE_MAX;
  std::vector<size_t> into;  // by result: the parameter that it is stored into

  const ir::Function& function() const { return entry->function(); }

  const ir::Annotations& AnnotationsOf(size_t input) const {
    return function().value(function().params()[entry->inputs()[input]]).annotations;
  }

  // The spec that input i must have in the frame.
  const ir::TensorSpec& InputSpec(const Frame& frame, size_t i) const {
    const BlockCode& root = frame.code().root();
    return root.specs[root.params[entry->inputs()[i]]];
  }

  Status Init(std::string_view name);
  Status Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
             const RunOptions& run_options);
  void NoteWrites(Status& status) const;
  bool FrameFits(const Frame& frame, std::span<const Tensor> inputs) const;
  void Retire(const Frame& frame);
  Status CheckInputs(std::span<const Tensor> inputs, bool& overlap) const;
  StatusOr<Frame*> FrameFor(std::span<const Tensor> inputs);
  StatusOr<std::vector<int64_t>> Symbols(std::span<const Tensor> inputs) const;
  Status PrepareInputs(const Frame& frame, std::span<const Tensor> inputs);
  Status PrepareOutputs(const Frame& frame, std::span<const Tensor> inputs,
                        std::vector<Tensor>& outputs);
  Status PrepareOutput(size_t output, const ir::TensorSpec& spec, std::span<const Tensor> inputs,
                       std::vector<Tensor>& outputs);
  Status PrepareAlias(size_t output, std::span<const Tensor> inputs, const Tensor& given) const;
  StatusOr<const Tensor*> BaseOfAlias(size_t result, std::span<const Tensor> inputs) const;
  Status Finish(const Frame& frame, std::span<const Tensor> inputs, std::vector<Tensor>& outputs);
};

// Makes outputs whose sizes come up during the run.
class LateOutputs final : public ir::RegionResults {
 public:
  LateOutputs(Context::Impl& context, std::span<const Tensor> inputs, std::vector<Tensor>& outputs)
      : context_(context), inputs_(inputs), outputs_(outputs) {}

  Status Define(size_t /*i*/, int64_t /*value*/) override { return {}; }

  StatusOr<void*> Place(size_t i, const ir::TensorSpec& spec) override;

 private:
  Context::Impl& context_;
  std::span<const Tensor> inputs_;
  std::vector<Tensor>& outputs_;
};

}  // namespace gcomp
