// The inside of Session: what contexts use.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "runtime/engine.h"
#include "runtime/specialization.h"
#include "runtime/target.h"

namespace gcomp {

// What a session's functions are made for.
struct SessionTargets {
  Target tier;    // that of SessionOptions::tier
  Target interp;  // the interpreter, which some contexts ask for
};

// An exported function and the sizes it was prepared for.
// Thread safety: may be used from any thread.
class EntryPoint {
 public:
  EntryPoint(Engine& engine, const ir::Module& module, const ir::Function& function,
             const SessionTargets& targets, size_t max_specializations)
      : engine_(engine),
        module_(module),
        function_(function),
        targets_(targets),
        max_specializations_(max_specializations == 0 ? 1 : max_specializations) {}

  const ir::Function& function() const { return function_; }

  // Parameters that a caller gives: indices into function().params().
  const std::vector<uint32_t>& inputs() const { return inputs_; }

  // Parameters that each context has memory of its own for: `mut` weights.
  const std::vector<uint32_t>& buffers() const { return buffers_; }

  // Results that a caller gets: all that are not stored `into` a parameter.
  const std::vector<uint32_t>& outputs() const { return outputs_; }

  // Where the data of all weights are, by parameter; null for those that a caller gives.
  const BoundWeights& bound() const { return bound_; }

  // The same without the buffers: what never changes.
  const BoundWeights& weights() const { return weights_; }

  // True if a parameter may be written.
  bool writes() const { return writes_; }

  void SetWeights(BoundWeights weights);

  // The specialization to these values of the symbols; made if it is not there. `params_overlap`:
  // for arguments that share memory. `interp`: for the interpreter, whatever the session's tier is.
  StatusOr<std::shared_ptr<const Specialization>> Specialize(const std::vector<int64_t>& symbols,
                                                             bool params_overlap, bool interp);

 private:
  // Null if there is none; else it becomes the newest. Requires mutex_.
  std::shared_ptr<const Specialization> FindRecent(const std::vector<int64_t>& symbols,
                                                   bool params_overlap, const Target& target);

  Engine& engine_;
  const ir::Module& module_;
  const ir::Function& function_;
  const SessionTargets& targets_;
  const size_t max_specializations_;
  std::vector<uint32_t> inputs_;
  std::vector<uint32_t> buffers_;
  std::vector<uint32_t> outputs_;
  BoundWeights bound_;
  BoundWeights weights_;
  bool writes_ = false;
  std::mutex mutex_;
  std::list<std::shared_ptr<const Specialization>> recent_;  // guarded by mutex_; newest first
};

struct Session::Impl {
  std::shared_ptr<Engine> engine;
  ir::Module module;
  std::shared_ptr<const WeightStore> weights;
  std::vector<Tensor> realigned;  // copies of weights whose address does not suit their dtype
  SessionTargets targets;
  std::vector<std::unique_ptr<EntryPoint>> entries;

  StatusOr<EntryPoint*> Find(std::string_view function);
};

}  // namespace gcomp
