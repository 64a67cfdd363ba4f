// Functions in pieces: which wraps of a function can't be regions, and the graphs of its pieces.
//
// Internal: jit.h tells what pieces are, tracer.h how they are recorded. Thread safety: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "frontends/trace/jit.h"
#include "frontends/trace/tracer.h"

namespace gcomp::internal {

// A session takes its module; what later calls are compared with stays. Traces make no globals.
ir::Module CopyOf(const ir::Module& module);

// What is known of the breaks of one function.
class Pieces {
 public:
  // For one kind of arguments: tree, dtypes, sizes.
  struct Kind {
    bool broken = false;  // else one graph of the whole function may hold it
    bool drops_wraps = false;
    std::map<size_t, WrapMode> wraps = {};  // those that are no regions
    size_t calls = 0;
  };

  explicit Pieces(Tier tier) : tier_(tier) {}

  // True for a failure that a break mends: not in the body of an op that must stay whole.
  static bool CanCut(const Status& failure);

  // Null before the first call with such arguments.
  Kind* Find(const Flattener& in);

  StatusOr<std::unique_ptr<PieceCall>> Begin(const Flattener& in, std::shared_ptr<Engine> engine,
                                             bool error_on_recompile, JitStats& stats);

  // The results of the segment, by a graph that is kept or made. `may_make`: else E403.
  StatusOr<std::vector<Tensor>> Run(Finished segment, const std::shared_ptr<Engine>& engine,
                                    bool may_make, JitStats& stats);

  std::vector<const ir::Module*> graphs() const;

 private:
  struct Graph {
    Hash128 hash;
    ir::Module module;
    std::unique_ptr<Context> context;
    uint64_t last_use = 0;
  };

  StatusOr<Graph*> GraphOf(ir::Module module, const std::shared_ptr<Engine>& engine, bool may_make,
                           JitStats& stats);

  Tier tier_;
  std::map<std::string, Kind> kinds_;
  std::vector<std::unique_ptr<Graph>> graphs_;
  uint64_t uses_ = 0;
};

}  // namespace gcomp::internal
