// Engine, Session, Context: how a program embeds gcomp.
//
//   // One engine per process or tenant, one session per model, one context per concurrent caller.
//   GCOMP_ASSIGN_OR_RETURN(auto engine, gcomp::Engine::Create({}));
//   GCOMP_ASSIGN_OR_RETURN(auto module, gcomp::LoadModule(*engine, "model.ir"));
//   GCOMP_ASSIGN_OR_RETURN(auto session,
//                          gcomp::Session::Load(engine, std::move(module), weights, {}));
//   GCOMP_ASSIGN_OR_RETURN(auto context, gcomp::Context::Create(session, "main"));
//   std::vector<gcomp::Tensor> outputs;
//   GCOMP_RETURN_IF_ERROR(context->Run({{input}}, outputs));
//
// Nothing here throws, aborts or prints; errors are Status values, messages go to the LogSink.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "base/events.h"
#include "base/log.h"
#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "runtime/tensor.h"
#include "runtime/weights.h"

namespace gcomp {

class CompilerFactory;

// How functions are run. The results of exact ops have the same bits in all.
enum class Tier : uint8_t {
  kAuto,      // the interpreter; what runs often is not compiled by itself yet
  kInterp,    // one prepared kernel per op
  kCompiled,  // ops that fuse are compiled when sizes are first seen, which that run waits for
};

// "interp"
std::string_view NameOf(Tier tier);
// nullopt = there is none of that name.
std::optional<Tier> TierOf(std::string_view name);

struct EngineOptions {
  LogSink log = {};
  // Ops of the embedder's; they outlive the engine.
  std::vector<const ir::OpDef*> extension_ops = {};
  size_t event_capacity = 1024;
  // Which build of the kernels; absent = the best that the processor runs, or what GCOMP_CPU says.
  std::optional<CpuLevel> cpu = {};
  // Threads that a compiled kernel may run on, the caller's included; 0 = all that are available.
  int threads = 1;

  // For tests: virtual lanes of compiled code (4, 8, 16; 0 = as the CPU has), and what makes the
  // compiler in place of the one that the engine has (runtime/engine_impl.h).
  int vector_lanes = 0;
  std::shared_ptr<const CompilerFactory> compiler_factory = {};
};

// What sessions share: the table of ops, the level of the CPU, the compiler, log and events.
// Thread safety: may be used from any thread.
class Engine {
 public:
  // Fails with E901 on a processor below x86-64-v3, E701 for a bad option or GCOMP_CPU value.
  static StatusOr<std::shared_ptr<Engine>> Create(const EngineOptions& options);
  ~Engine();

  const ir::OpRegistry& ops() const { return ops_; }

  CpuLevel cpu() const { return cpu_; }

  const Logger& log() const { return log_; }

  EventRing& events() { return events_; }

  // False in a build or on a machine whose compiled tier is the interpreter; an event tells why.
  bool CanCompile() const;

  struct Impl;

  Impl& impl() const { return *impl_; }

  // Adds an event and tells the log. What it costs does not matter on the paths that tell.
  void Tell(LogLevel level, Reason reason, std::string subject, std::string detail);

 private:
  Engine(const EngineOptions& options, CpuLevel cpu);
  static StatusOr<std::shared_ptr<Engine>> CreateUnguarded(const EngineOptions& options);

  ir::OpRegistry ops_;
  CpuLevel cpu_;
  Logger log_;
  EventRing events_;
  std::unique_ptr<Impl> impl_;
};

// Reads, parses and verifies a graph. "-" reads standard input. Fails with E601, or the first error
// of the text; `report`, if not null, gets all errors with their lines and carets.
StatusOr<ir::Module> LoadModule(const Engine& engine, const std::string& path,
                                std::string* report = nullptr);
// The same for a text in memory; `name` stands for the file in messages.
StatusOr<ir::Module> ParseModule(const Engine& engine, std::string_view text,
                                 const std::string& name, std::string* report = nullptr);

// One kernel that was compiled, for people.
struct CompiledCode {
  std::string function;  // "main"
  std::string ops;       // "add, mul, tanh"
  std::string llvm;
  std::string assembly;
};

// Told of each kernel, by the thread that compiles it. Texts cost time: only who reads them asks.
using CodeSink = std::function<void(const CompiledCode&)>;

struct SessionOptions {
  // kCompiled is the interpreter in a build or on a machine that can't compile.
  Tier tier = Tier::kAuto;
  CodeSink code_sink = {};  // gets each kernel that is compiled; for people
  // Bound on the specialisations to concrete sizes kept per function; the oldest goes first.
  size_t max_specializations = 16;
};

// One parameter or result of an exported function, as a caller sees it.
struct PortInfo {
  std::string name;
  std::string type;  // "f32[s0, 16]"
  ir::Type ir_type;  // symbols of the function
};

// A loaded model: verified module, bound weights, functions prepared for the sizes seen.
// Immutable as seen from outside. Thread safety: may be used from any thread.
class Session {
 public:
  // Takes the module. Reports every missing or mismatched weight at once (E603). `weights` may be
  // null when no exported function has weight parameters.
  static StatusOr<std::shared_ptr<Session>> Load(std::shared_ptr<Engine> engine, ir::Module module,
                                                 std::shared_ptr<const WeightStore> weights,
                                                 const SessionOptions& options);
  ~Session();

  const ir::Module& module() const;
  Engine& engine() const;

  // Names of the exported functions, in the order of the text.
  std::vector<std::string> functions() const;

  // The parameters that a caller gives (those without `weight`), and the results. E703.
  StatusOr<std::vector<PortInfo>> inputs(std::string_view function) const;
  StatusOr<std::vector<PortInfo>> outputs(std::string_view function) const;

  struct Impl;

  Impl& impl() const { return *impl_; }

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  static StatusOr<std::shared_ptr<Session>> LoadUnguarded(
      std::shared_ptr<Engine> engine, ir::Module module, std::shared_ptr<const WeightStore> weights,
      const SessionOptions& options);
  std::unique_ptr<Impl> impl_;
};

// Counters of one op of a function, or of the ops of one compiled kernel, over all runs of one
// context. The time of an op with regions or a callee holds that of its body, whose ops are counted
// too.
struct OpProfile {
  std::string name;      // of the op, or "fused: add, mul, tanh"
  std::string function;  // "main", or "main/do" for a region
  std::string result;    // name of its first result
  uint64_t calls = 0;
  uint64_t time_ns = 0;  // with ContextOptions::profile, else 0
};

// Of one run.
struct RunOptions {
  // The run stops with E803 when this time of the steady clock has passed.
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

struct ContextOptions {
  bool profile = false;  // measure the time of each op (some 20 ns each)
  // Finds lies: each op must leave alone what its record does not say it writes (E999 else), and
  // `donate`d inputs are filled with garbage after the run. Reads all operands twice: slow. Always
  // the interpreter.
  bool check_effects = false;
};

// One caller's state: frame, buffers, the sizes of the last call.
// Thread safety: one thread at a time; contexts are independent of each other.
class Context {
 public:
  // Fails with E703 when the session exports no such function.
  static StatusOr<std::unique_ptr<Context>> Create(std::shared_ptr<Session> session,
                                                   std::string_view function,
                                                   const ContextOptions& options = {});
  ~Context();

  // Runs the function. `inputs` are borrowed for the call, in the order of Session::inputs; host
  // integers and flags are i64[] and bool[] tensors. `outputs`: undefined tensors (or an empty
  // vector) are replaced by new ones, defined ones are written in place and must have the result's
  // dtype, sizes and row-major strides, and not overlap an input. Fails with E702 where a tensor
  // does not fit (then nothing was written) and E401 where a check of the graph fails.
  //
  // `mut` parameters are written in the caller's memory (through a copy and back where the layout
  // differs); results `into` a parameter go there too and are not among the outputs. What the
  // caller's tensors share is seen by all of them, as in a program that runs op by op. Results that
  // are an `alias` of a parameter are views of the input's storage: their outputs must be
  // undefined, or such views. The version of every storage that is written goes up.
  //
  // A run that fails on its way (a check, Cancel, the deadline) may have written `mut` parameters,
  // buffers and globals in place until then: a note of the error names them. Results `into`
  // parameters are stored at the end, by a run that succeeds only.
  Status Run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
             const RunOptions& options = {});

  // Asks the run in progress, or the next one, to stop with E803: at its next op, or within a
  // millisecond or so inside a long one (not inside a call of oneDNN). May be called from any
  // thread; what the run wrote to given outputs until then stays written.
  void Cancel();

  // The buffer (`mut weight`) behind a parameter: a view that shares its memory. E703.
  StatusOr<Tensor> Buffer(std::string_view parameter) const;

  // Bytes of the buffers that this context holds between calls.
  int64_t buffer_bytes() const;

  std::vector<OpProfile> Profile() const;

  // Makes all that a run of these inputs needs and that they tell, and runs nothing. Fails as Run
  // does.
  Status Prepare(std::span<const Tensor> inputs);

  // What the last run did, or is prepared to do, for people: its steps, buffers and where results
  // go (runtime/describe.h). Empty before the first run.
  std::string Describe() const;

  // The same with what each step costs, and why ops are not one kernel (runtime/describe_plan.h).
  std::string DescribePlan() const;

  struct Impl;

 private:
  explicit Context(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gcomp
