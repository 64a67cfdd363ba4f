// Composition: the loop nests of several ops as one FusedKernel that grows op by op, or the reason
// why they can't be one.
//
// The kernel's axes are those of one stage, the root: a reduction if there is one, else the stored
// stage with the most points. Every other stage gets a map that gives each of its own axes as an
// affine function of the kernel's axes:
//   - upwards: where a stage loads what another one stores, the offset of the load is taken apart
//     by the strides of the store (so transposes, slices, broadcasts and splits of axes fold);
//   - downwards: a stage whose result is stored matches its axes by what it loads of the group.
//
// Growing evaluates the new stages alone, so that a group of n ops costs n steps. Where that is not
// enough (another root is needed, or a new op makes what the group reads already), the group is
// composed anew.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "jit/fuse.h"
#include "jit/index_map.h"
#include "jit/stage_info.h"

namespace gcomp::codegen {

class Composition {
 public:
  // True if the memory of that storage (a result of one of the ops) must be written. Asked while
  // ops are added, and by Kernel.
  using IsStored = std::function<bool(uint32_t)>;

  Composition(const FusionGraph& graph, const StageTable& stages, IsStored stored);
  Composition(const Composition&) = delete;
  Composition& operator=(const Composition&) = delete;

  // Adds ops, ascending. Empty, or why the group can't grow by them: then Undo must follow.
  std::string Grow(std::span<const uint32_t> ops, size_t max_buffers);

  // Takes back the last Grow; once. What is stored must be as it was before that.
  void Undo();

  // True if each stage that the last Grow added runs over the kernel's own points, once, without
  // reductions, and reads memory along it: nothing is computed or read more often than apart.
  bool GrewPlainly() const;

  FusedKernel Kernel() const;

 private:
  // A stage's value at the point that `map` gives, where `bounds` hold.
  struct Evaluation {
    IndexMap map;
    std::vector<Bound> bounds;
    uint32_t node = 0;
  };

  struct StageState {
    const StageInfo* info = nullptr;
    uint32_t op = 0;
    std::vector<Evaluation> evaluations;
  };

  struct StoredStage {
    uint32_t stage = 0;
    uint32_t node = 0;
    Offset offset;
  };

  // The last Grow, and what there was before.
  struct Checkpoint {
    std::vector<uint32_t> ops;
    size_t stages = 0;
    size_t nodes = 0;
    size_t accesses = 0;
    size_t buffers = 0;
    size_t reductions = 0;
    std::vector<StoredStage> stores;
    std::vector<uint32_t> evaluated;   // since then: stages
    std::vector<uint32_t> taken_back;  // ops that were there before
  };

  struct NodeHash {
    const std::vector<Node>* nodes;
    size_t operator()(uint32_t n) const;
  };

  struct NodeEqual {
    const std::vector<Node>* nodes;

    bool operator()(uint32_t a, uint32_t b) const { return (*nodes)[a] == (*nodes)[b]; }
  };

  bool ReadsResultsOf(std::span<const uint32_t> ops, size_t first) const;
  void Mark(std::span<const uint32_t> ops);
  void RollBack();
  Maybe<bool> AddStages(std::span<const uint32_t> ops);
  uint32_t ChooseRoot();
  Maybe<bool> AddStores(uint32_t first_stage);

  size_t rank() const { return sizes_.size(); }

  bool IsStoredStage(const StageState& stage) const;
  bool IsWhole(const StageInfo& stage, const IndexMap& map) const;
  std::optional<IndexMap> WholeMap(uint32_t s) const;
  std::optional<IndexMap> MatchByLoads(const StageInfo& stage) const;
  const std::vector<uint32_t>* MakersOf(const StageLoad& load) const;

  Maybe<uint32_t> Evaluate(uint32_t s, const IndexMap& map, const std::vector<Bound>& bounds);
  Maybe<uint32_t> Value(const StageLoad& load, const IndexMap& map,
                        const std::vector<Bound>& outer);
  const ir::Scalar* LiteralOf(const StageLoad& load) const;
  uint32_t Import(const ir::ScalarGraph& graph, uint32_t result,
                  const std::vector<uint32_t>& params);
  uint32_t InBounds(const std::vector<Bound>& bounds);
  uint32_t AddReduction(const ir::Stage& stage, uint32_t value);
  uint32_t AddAccess(const StageLoad& load, Access access);
  uint32_t AddPrim(ir::Prim prim, ir::DType type, std::initializer_list<uint32_t> args);
  uint32_t AddConst(ir::DType type, uint64_t bits);
  uint32_t Add(const Node& node);
  uint32_t BufferOf(uint32_t tensor, ir::DType dtype);

  const FusionGraph& graph_;
  const StageTable& table_;
  IsStored stored_;
  std::vector<StageState> stages_;
  std::map<uint32_t, std::vector<uint32_t>> makers_;  // by place: the stages that store there
  AxisSizes sizes_;
  FusedKernel kernel_;  // without stores, and the buffers that they write
  std::vector<StoredStage> stores_;
  std::unordered_set<uint32_t, NodeHash, NodeEqual> known_nodes_;
  Checkpoint last_;
};

}  // namespace gcomp::codegen
