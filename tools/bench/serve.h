// Serve: gcomp-bench as a stopwatch for another program, which asks for one round at a time, so
// that it can time others between them (bench/peers does).
//
// A request is one line of JSON on standard input, its answer one line on standard output:
//
//   {"load": "graph.ir", "data": "in.safetensors", "outputs": "out.safetensors", "tier": "interp"}
//       Loads a graph in place of the last one and runs it once. `data` (may be left out: random)
//       holds inputs and weights by name; `outputs` (may be left out) takes the results; `tier`
//       (may be left out) stands for that of the command line.
//     -> {"name": ..., "argument_bytes": ..., "flop": ...}
//   {"round_ms": 20}
//       Runs the graph for about that long, then copies its data for a tenth of it.
//     -> {"call_us": ..., "copy_us": ..., "calls": ...}
//
// What fails is answered with {"error": {"id": "E510", "message": ...}}, and serving goes on. It
// ends with the input.
#pragma once

#include <memory>

#include "runtime/engine.h"

namespace gcomp::tools {

// Returns the exit code of the program.
int Serve(const std::shared_ptr<Engine>& engine, Tier tier);

}  // namespace gcomp::tools
