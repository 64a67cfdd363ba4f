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

namespace gcomp {

// An exported function and the sizes it was prepared for.
// Thread safety: may be used from any thread.
class EntryPoint {
 public:
  EntryPoint(Engine& engine, const ir::Module& module, const ir::Function& function,
             size_t max_specializations)
      : engine_(engine),
        module_(module),
        function_(function),
        max_specializations_(max_specializations == 0 ? 1 : max_specializations) {}

  const ir::Function& function() const { return function_; }

  // Parameters that a caller gives: indices into function().params().
  const std::vector<uint32_t>& inputs() const { return inputs_; }

  const BoundWeights& weights() const { return weights_; }

  void SetWeights(BoundWeights weights);

  // The specialization to these values of the symbols; made if it is not there.
  StatusOr<std::shared_ptr<const Specialization>> Specialize(const std::vector<int64_t>& symbols);

 private:
  // Null if there is none; else it becomes the newest. Requires mutex_.
  std::shared_ptr<const Specialization> FindRecent(const std::vector<int64_t>& symbols);

  Engine& engine_;
  const ir::Module& module_;
  const ir::Function& function_;
  const size_t max_specializations_;
  std::vector<uint32_t> inputs_;
  BoundWeights weights_;
  std::mutex mutex_;
  std::list<std::shared_ptr<const Specialization>> recent_;  // guarded by mutex_; newest first
};

struct Session::Impl {
  std::shared_ptr<Engine> engine;
  ir::Module module;
  std::shared_ptr<const WeightStore> weights;
  std::vector<Tensor> realigned;  // copies of weights whose address does not suit their dtype
  std::vector<std::unique_ptr<EntryPoint>> entries;

  StatusOr<EntryPoint*> Find(std::string_view function);
};

}  // namespace gcomp
