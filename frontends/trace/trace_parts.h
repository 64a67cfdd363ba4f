// What a trace is made of: ops before they are added, frames, nodes, cells. Internal: tracer.h
// tells how they work together.
#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "frontends/trace/array.h"
#include "frontends/trace/tree.h"
#include "ir/builder.h"
#include "ir/module.h"

namespace gcomp {

enum class AliasPolicy : uint8_t {
  kReject,     // values that share storage across a region's edge are E101, E102, E103
  kNormalize,  // results that are operands or views of each other are made again outside of it
};

namespace internal {

struct ArrayRep {
  Tensor tensor;   // kConcrete; of a slot: once its segment has run
  ir::Type type;   // kType
  SymInt size;     // kSize
  Status failure;  // kFailed
};

// What an op is made from. A group that is not given is empty; absent arrays are left out.
struct OpCall {
  std::vector<std::vector<Array>> groups;
  ir::AttrDict attrs;
  std::vector<ir::Type> result_types;
  std::vector<ir::SymId> defines;
};

enum class FrameKind : uint8_t {
  kMain,
  kFunction,  // invoke
  kInline,    // wrap, checkpoint, hints, strict: may write and return operands
  kBranch,    // cond, switch
  kLoop,      // while, map, scan, assoc_scan
};

struct FrameSpec {
  FrameKind kind = FrameKind::kInline;
  std::string op;     // "wrap"
  std::string label;  // of the block: "body"; of a reusable region: the function's name
  AliasPolicy alias = AliasPolicy::kReject;
};

// A captured node and the parameter that stands for it.
struct Capture {
  uint32_t node;
  ir::ValueId param;
};

struct Frame {
  FrameSpec spec;
  Frame* parent = nullptr;
  uint32_t id = 0;
  int depth = 0;
  std::unique_ptr<ir::Function> owned;  // kMain, kFunction
  ir::Function* function = nullptr;
  ir::BlockId block;
  std::unique_ptr<ir::Builder> builder;
  std::unordered_map<uint32_t, ir::ValueId> lifted;     // newest SSA value of nodes owned outside
  std::vector<Capture> captures;                        // in the order of first use
  size_t positional = 0;                                // parameters before the captured ones
  std::vector<std::pair<uint32_t, std::string>> names;  // what nodes are called when lifted here
  std::vector<ir::SymId> defined;                       // symbols that ops of this frame define
  std::vector<uint32_t> written;                        // storages that ops of this frame write
  bool host_effects_allowed = false;

  std::vector<uint32_t> CapturedNodes() const {
    std::vector<uint32_t> nodes;
    for (const Capture& capture : captures) nodes.push_back(capture.node);
    return nodes;
  }
};

struct Node {
  uint32_t frame_id = 0;  // its owner
  ir::ValueId id;         // newest SSA value in its frame
  uint32_t storage = 0;
  std::string name;
};

// A result that is a view of another one: made again behind the region.
struct RemadeView {
  struct Step {
    std::string_view op;
    ir::AttrDict attrs;
  };

  size_t leaf;
  size_t base;  // which yield
  std::vector<Step> steps;
};

// A region that has ended, before its op is made.
struct Body {
  std::unique_ptr<Frame> frame;
  std::vector<Array*> leaves;    // where results are wanted
  std::vector<size_t> yield_of;  // by leaf: which yield; kStays = the leaf is an outer value
  std::vector<ir::ValueId> yields;
  std::vector<RemadeView> views;

  static constexpr size_t kStays = SIZE_MAX;
};

// The op `invoke` that a reusable region has become.
struct InvokeShape {
  std::string callee;
  std::vector<uint32_t> nodes;   // its operands
  std::vector<size_t> yield_of;  // by leaf of the result; Body::kStays = absent
  bool repeatable = false;       // other operands of such types give the same op
};

// What is known of a pure region for arguments of one kind.
struct KnownCall {
  Tree tree;
  std::vector<ir::Type> types;     // of the arrays in it
  std::vector<size_t> first_same;  // for each array, the first that is the same value
  std::vector<size_t> operands;    // of the invoke: which array
  InvokeShape invoke;
  std::any result;  // without its arrays
};

// What the end of a trace gives.
struct Finished {
  ir::Module module;
  std::vector<Tensor> captured;                // for the parameters behind those of the arguments
  std::vector<std::function<Tensor()>> fetch;  // one for each; null = it stays that tensor
  std::vector<std::string> captured_names;
  std::vector<ir::Expr> size_guards;  // in symbols of @main
  std::vector<ir::SymId> symbols;     // those of the trace that @main kept, in its order
};

// Tracked host state (cell.h) that the trace has touched.
struct CellRecord {
  std::shared_ptr<void> cell;  // keeps it alive
  std::string name;
  // What differs from the value that the trace read, or nothing. Null: the trace never read it.
  std::function<std::string()> guard;
  // The arrays in the cell's value now.
  std::function<std::vector<Array*>()> arrays;
  std::function<void()> restore;  // puts back the value that the cell had before the trace
  std::function<std::function<void()>()> snapshot;  // the same for the value that it has now
  // The value now, as a function that gives it to the cell with other arrays in it.
  std::function<std::function<void(std::span<const Array>)>()> commit;
  bool observer = false;  // not a cell: `observe` (structure.h) wants one value of each run
  static constexpr uint32_t kOutside = UINT32_MAX;
  uint32_t frame_id = kOutside;      // where it was made; kOutside = outside of the trace
  std::vector<uint32_t> written_in;  // frames, by id
};

// How the body of a `wrap` or `checkpoint` runs in a function in pieces.
enum class WrapMode : uint8_t {
  kRegion,  // as a region of its segment
  kInline,  // as ops of its segment
  kEager,   // op by op, between two segments
};

// Who runs the segments of a function in pieces.
class SegmentRunner {
 public:
  virtual ~SegmentRunner() = default;
  // The results of the segment's @main, from its captured tensors.
  virtual StatusOr<std::vector<Tensor>> Run(Finished segment) = 0;
  // Of the call's wrap number `wrap`, counted from its start; nested ones do not count.
  virtual WrapMode ModeOf(size_t wrap) const = 0;
  // The host has asked for what only a run tells.
  virtual void OnBreak() = 0;
  // That wrap failed as a region: how it runs from now on. kRegion = the failure stands.
  virtual WrapMode OnFailure(size_t wrap, const Status& failure) = 0;
};

}  // namespace internal
}  // namespace gcomp
