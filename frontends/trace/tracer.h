// Tracer: one trace in progress: the graph under construction and what its values are.
//
// Internal: users see trace.h, structure.h and builder.h.
//
// A *node* is a traced tensor: a place in some storage. In-place ops give a node a new SSA value
// and keep the node, so that all copies of an Array see the write. A *frame* is a block under
// construction: the body of main, of a reusable region (a function of its own, joined to the module
// when it ends) or of an inline region (a block of the frame's function). A node that a frame uses
// and does not own is *lifted*: it becomes a parameter of every frame between owner and use, in the
// order of first use, and an operand of each one's op when that ends.
//
// Size symbols have one numbering in all open functions, so that a SymInt means the same in all of
// them; a function that ends keeps only the symbols that it uses (symbols.h).
//
// In pieces (`RunInSegments`): a host read or a graph break runs what was recorded so far and goes
// on with an empty graph. Arrays of the old graph that somebody still holds get their tensors then:
// each such Array points to a slot, and slots that nobody holds any more are not computed.
//
// Errors: the first failure is kept and ends the trace; all ops after it do nothing.
// Thread safety: one thread; Current() is that thread's innermost trace.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/status.h"
#include "frontends/trace/array.h"
#include "frontends/trace/facts.h"
#include "frontends/trace/trace_parts.h"
#include "ir/builder.h"
#include "ir/module.h"
#include "runtime/engine.h"

namespace gcomp {
namespace internal {

class Tracer {
 public:
  // Becomes the thread's current trace until it is destroyed.
  explicit Tracer(std::shared_ptr<Engine> engine, std::string module_name = "main");
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  static Tracer* Current();

  // ---- ops (emit.cc) ----

  // The results of the op; failed arrays after a failure.
  std::vector<Array> Emit(std::string_view op, OpCall call);
  Array Emit1(std::string_view op, OpCall call);

  // Remembers the first failure, with the path of the open frames.
  Array Fail(Status status);

  // Operands by position (required, then variadic ones) as groups of the op's record.
  std::vector<std::vector<Array>> GroupOperands(std::string_view op,
                                                std::vector<Array> operands) const;

  bool ok() const { return status_.ok(); }

  // True as long as no op has defined a symbol.
  bool CanBind() const { return symbols_.size() == num_backed_; }

  const Status& status() const { return status_; }

  ir::Type TypeOf(const Array& array);
  // The array as a traced one: captures tensors, makes constants of numbers.
  Array Traced(const Array& array);

  // ---- inputs and symbols ----

  // `bound`: a parameter of main, bound by its inputs; all of them come before those of data.
  ir::SymId AddSymbol(std::string name, ir::Symbol symbol, std::optional<int64_t> example,
                      bool bound);
  // A symbol that data defines: u0, u1, ...
  ir::SymId DefineSymbol(ir::Expr low, std::optional<ir::Expr> high, bool range_written = true);
  // An int parameter of the open frame, with a symbol of its own.
  SymInt AddIntParam();
  // A parameter of the open frame.
  Array AddParam(std::string name, ir::Type type);
  // As AddParam of main, for an array with data: later uses of the same storage and geometry mean
  // this parameter.
  Array AddInput(std::string name, ir::Type type, const Tensor* tensor);
  // Makes a parameter of main a weight of this name.
  void MakeWeight(const Array& input, std::string name);
  // A tensor that a run takes from `fetch`.
  Array CaptureFrom(std::string name, const Tensor& tensor, std::function<Tensor()> fetch);

  // Tensors captured from here on have `symbol` where their size is `size`.
  void OpenSize(int64_t size, ir::Expr symbol) { open_sizes_.emplace(size, std::move(symbol)); }

  bool Decide(const SymBool& condition);
  void Check(const SymBool& condition, std::string message);

  Facts& facts() { return facts_; }

  std::string Show(const ir::Expr& e) const;
  std::string Show(const ir::Type& type) const;

  // ---- frames (frame.cc) ----

  void BeginFrame(FrameSpec spec);

  Frame& frame() { return *frames_.back(); }

  // `array` is called `name` when this frame lifts it.
  void NameInFrame(const Array& array, std::string name);
  // Ends the open frame; the results are its leaves.
  Body EndFrame(std::vector<Array*> leaves);
  // wrap and the like: the op in the frame around; the leaves become its results.
  void FinishInline(Body body, ir::AttrDict attrs);
  void FinishInvoke(Body body);

  // ---- pure regions (pure_calls.cc) ----

  // Number of calls of regions so far, and the last one.
  size_t num_invokes() const { return num_invokes_; }

  const InvokeShape& last_invoke() const { return last_invoke_; }

  std::deque<KnownCall>& KnownCalls(uint64_t region) { return known_calls_[region]; }

  bool has_symbols() const { return !symbols_.empty(); }

  uint32_t NodeOf(const Array& array) const { return array.node_; }

  // True if two of the nodes are places in one storage.
  bool AnyShare(const std::vector<uint32_t>& nodes) const;
  void EmitInvoke(const InvokeShape& invoke, const std::vector<uint32_t>& operands,
                  std::vector<Array*> leaves);
  // cond, switch: the op and its operand before the captured ones.
  void FinishBranches(std::string_view op, const Array& selector, std::vector<Body> bodies);
  // Loops: `groups` are the operand groups before `extra`; the regions share their captures. The
  // leaves of the last body become the results, or those of `results`.
  void FinishLoop(std::string_view op, std::vector<std::vector<Array>> groups,
                  std::vector<Body> bodies, std::vector<Array*> results, ir::AttrDict attrs,
                  bool has_extra = true);

  std::string FramePath() const;

  // ---- host state (cell.h) ----

  // Null if the trace has not met it.
  CellRecord* FindCell(const void* cell);
  CellRecord* AddCell(CellRecord record);
  // One value that each run shows to the host. E107 in bodies that may run more or less than once.
  void AddObserver(CellRecord record);
  // E107 where the cell outlives the body of a region that must not write it.
  void NoteCellWrite(CellRecord& record);

  std::deque<CellRecord>& cells() { return cells_; }

  uint32_t frame_id() const { return frames_.empty() ? 0 : frames_.back()->id; }

  uint64_t id() const { return id_; }

  // Bodies of wrap and checkpoint become part of the block around them.
  void DropWraps() { drops_wraps_ = true; }

  bool drops_wraps() const { return drops_wraps_; }

  Engine& engine() { return *engine_; }

  size_t bodies_traced() const { return bodies_traced_; }

  // ---- pieces (segments.cc) ----

  // From the start of a trace.
  void RunInSegments(SegmentRunner* runner) { runner_ = runner; }

  SegmentRunner* runner() { return runner_; }

  // True where a host read or a break may end the segment.
  bool CanBreak() const { return runner_ != nullptr && frames_.size() == 1; }

  // Runs what was recorded; all arrays of it that are held become concrete. E105, which `why` is
  // part of, where the trace must be one graph or a region is open.
  Status EndSegment(std::string_view why);
  // EndSegment because the host asks for it.
  Status Break(std::string_view why);
  // What must happen before the host reads the data of `array`.
  Status BeforeRead(const Array& array);

  // Where the body of a wrap begins that may have to be run in another way.
  struct Mark {
    size_t wrap = 0;
    size_t num_cells = 0;
    std::vector<std::function<void()>> restore;  // cells that were known then
  };

  size_t NextWrap() { return num_wraps_++; }

  Mark MarkBody(size_t wrap);
  // After the trace failed behind `mark`: drops what the body recorded and forgets the failure,
  // unless that stands.
  WrapMode DropBody(const Mark& mark);

  // Until Resume, ops of this thread run outside of the trace.
  void Suspend();
  void Resume();

  // Ends main: its results are `results`, in order.
  StatusOr<Finished> Finish(std::vector<Array> results, bool captures_as_weights);

 private:
  struct TensorKey {
    const void* storage;
    const void* data;
    DType dtype;
    std::vector<int64_t> sizes;
    std::vector<int64_t> strides;

    auto operator<=>(const TensorKey&) const = default;
  };

  static TensorKey KeyOf(const Tensor& tensor);
  Array Handle(uint32_t node) const;
  // Of a node whose frame is open; else Type().
  const ir::Type& NodeType(uint32_t node) const;
  uint32_t AddNode(ir::ValueId id, uint32_t storage);
  uint32_t NewStorage();
  uint32_t StorageOf(const Tensor& tensor);

  ir::Type TypeOfTensor(const Tensor& tensor) const;
  Array CaptureTensor(const Tensor& tensor);
  void KeepInputs(ir::Function& function, const std::vector<uint32_t>& written,
                  bool captures_as_weights, Finished* finished) const;
  StatusOr<ir::ValueId> Use(Frame& frame, uint32_t node);
  Status Escaped(const Frame& frame, uint32_t node) const;
  StatusOr<ir::ValueId> Operand(const Array& array, std::optional<DType> dtype);
  std::optional<DType> NumberDType(const ir::OpDef& def, const OpCall& call, size_t group);
  Status Resolve(const ir::OpDef& def, const OpCall& call, ir::OpArgs* args,
                 std::vector<uint32_t>* nodes);
  Status MarkWrites(const ir::OpDef& def, const std::vector<uint32_t>& nodes);
  std::vector<ir::SymId> DefinesOf(const ir::OpDef& def, const ir::Type& x);
  Array SizeValue(const ir::Expr& size);
  Status UnifySizes(const ir::OpDef& def, OpCall& call);
  std::vector<Array> Results(const ir::OpDef& def, const std::vector<ir::ValueId>& ids,
                             const std::vector<uint32_t>& nodes);
  Status CheckResult(const Frame& frame, uint32_t node, const std::vector<uint32_t>& yielded,
                     bool hidden) const;
  Status CheckOperandAliases(const Frame& frame, const std::vector<uint32_t>& nodes) const;
  bool DropUnused(Body& body);
  void AssignResults(const Body& body, const std::vector<ir::ValueId>& results);
  std::vector<ir::ValueId> OperandsOf(const std::vector<uint32_t>& nodes);
  void OrderParams(Body& body, const std::vector<uint32_t>& nodes);
  bool RemakeView(uint32_t node, Body* body) const;
  Status YieldLeaf(Array* leaf, bool hidden, std::vector<uint32_t>* yielded, Body* body);
  std::string JoinFunction(Body& body, ir::OpArgs* call);
  std::string FindJoined(const Body& body) const;
  std::vector<ir::SymId> MergeSizes(const std::vector<Body>& bodies);
  void HideCells(std::vector<Array*>* leaves);
  Status CheckCellWrite(const CellRecord& record) const;
  void EmitRegionOp(std::string_view op, ir::OpArgs args, const Body& body);
  std::unique_ptr<ir::Function> NewFunction(std::string name) const;
  Status CheckWrite(uint32_t storage) const;
  std::shared_ptr<const ArrayRep> Slot(uint32_t node) const;
  Status RunSegment();
  Status CheckNotSplit(uint32_t storage) const;
  void NoteSplits(const std::vector<uint32_t>& nodes,
                  const std::vector<std::shared_ptr<ArrayRep>>& made);
  void SettleSizes();
  void Restart(std::string name);
  static uint64_t NextId();

  uint64_t id_;
  Tracer* outer_;
  std::shared_ptr<Engine> engine_;
  ir::Module module_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::deque<Node> nodes_;
  std::map<const void*, uint32_t> storages_;  // of tensors, by storage
  std::map<TensorKey, uint32_t> tensors_;

  struct Input {
    ir::ValueId param;
    uint32_t storage;
    uint32_t node;
    Tensor tensor;                  // of captured ones
    std::function<Tensor()> fetch;  // of those that come from a cell
  };

  std::vector<Input> inputs_;  // parameters of main
  std::vector<ir::Symbol> symbols_;
  size_t num_backed_ = 0;
  std::map<int64_t, ir::Expr> open_sizes_;
  // Symbols that are numbers read from data, each with the frame that read it.
  std::vector<std::pair<ir::SymId, uint32_t>> numbers_;

  struct NumberValue {
    uint32_t frame_id;
    ir::Expr value;
    uint32_t node;
  };

  std::vector<NumberValue> number_values_;
  Facts facts_;
  std::multimap<Hash128, std::string> functions_;
  std::map<std::string, std::vector<std::string>> joined_;  // the functions made of each region
  size_t num_invokes_ = 0;
  InvokeShape last_invoke_;
  std::map<uint64_t, std::deque<KnownCall>> known_calls_;  // by region
  std::deque<CellRecord> cells_;
  std::vector<std::string> frame_paths_;              // by id of the frame
  std::vector<const ir::Function*> frame_functions_;  // by id; null = the frame has ended
  std::vector<uint32_t> storage_frames_;              // by storage: the frame that made it
  Status status_;
  size_t bodies_traced_ = 0;
  bool drops_wraps_ = false;

  SegmentRunner* runner_ = nullptr;
  mutable std::map<uint32_t, std::weak_ptr<ArrayRep>> slots_;  // by node
  std::vector<Tensor>
      split_;  // storages of which a break made copies; held, so that they stay apart
  size_t settled_symbols_ = 0;  // those of segments that have run
  size_t num_wraps_ = 0;
  bool dropped_body_ = false;  // in this segment
};

// The engine that eager ops, and traces that name none, run on. Fails as Engine::Create.
StatusOr<std::shared_ptr<Engine>> DefaultEngine();

// One op outside of a trace, on concrete arrays (eager.cc).
std::vector<Array> RunEager(std::string_view op, OpCall call);

// The op in the current trace, or eagerly.
std::vector<Array> Call(std::string_view op, OpCall call);
Array Call1(std::string_view op, OpCall call);

}  // namespace internal
}  // namespace gcomp
