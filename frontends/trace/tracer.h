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
#include "ir/builder.h"
#include "ir/module.h"
#include "runtime/engine.h"

namespace gcomp {

enum class AliasPolicy : uint8_t {
  kReject,     // values that share storage across a region's edge are E101, E102, E103
  kNormalize,  // results that are operands or views of each other are made again outside of it
};

namespace internal {

struct ArrayRep {
  Tensor tensor;   // kConcrete
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
  // The value now, as a function that gives it to the cell with other arrays in it.
  std::function<std::function<void(std::span<const Array>)>()> commit;
  static constexpr uint32_t kOutside = UINT32_MAX;
  uint32_t frame_id = kOutside;      // where it was made; kOutside = outside of the trace
  std::vector<uint32_t> written_in;  // frames, by id
};

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
  ir::SymId DefineSymbol(ir::Expr low, std::optional<ir::Expr> high);
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

  uint32_t NodeOf(const Array& array) const { return array.node_; }

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
  std::vector<ir::SymId> MergeSizes(const std::vector<Body>& bodies);
  void HideCells(std::vector<Array*>* leaves);
  Status CheckCellWrite(const CellRecord& record) const;
  void EmitRegionOp(std::string_view op, ir::OpArgs args, const Body& body);
  std::unique_ptr<ir::Function> NewFunction(std::string name) const;
  Status CheckWrite(uint32_t storage) const;

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
  std::deque<CellRecord> cells_;
  std::vector<std::string> frame_paths_;              // by id of the frame
  std::vector<const ir::Function*> frame_functions_;  // by id; null = the frame has ended
  std::vector<uint32_t> storage_frames_;              // by storage: the frame that made it
  Status status_;
  size_t bodies_traced_ = 0;
  bool drops_wraps_ = false;
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
