// gcomp-opt: reads a graph, runs passes over it and writes it in canonical form.
//
//   gcomp-opt model.ir                                    check and reformat
//   gcomp-opt model.ir --pass-pipeline=canonicalize,dce   rewrite
//   gcomp-opt old.ir --diff new.ir                        compare by structure
//   gcomp-opt model.ir --fuse --size s0=8                 show what the compiled tier fuses
//
// stdout is data, stderr is messages. Exit codes: base/error_table.inc (0 ok, 1 --diff found a
// difference, 2 usage, 3 bad graph).
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "base/format.h"
#include "base/status.h"
#include "ir/passes/pipeline.h"
#include "ir/structure.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "kernels/all_ops.h"
#include "tools/command_line.h"
#include "tools/common.h"
#include "tools/module_diff.h"
#include "tools/ops_header.h"
#include "tools/ops_page.h"
#include "tools/run/fusion_plan.h"
#include "tools/text_file.h"

namespace gcomp::tools {
namespace {

// A text with more errors than this is not a graph; the rest are counted.
constexpr size_t kMaxErrors = 1000;

constexpr std::string_view kEveryPass = "all";

struct OptOptions {
  std::string input;
  std::string output = "-";
  std::string pipeline;
  std::string diff;
  std::string print_after;  // kEveryPass, or the name of one; empty = none
  bool verify_each = false;
  bool no_verify = false;
  bool timing = false;
  bool no_places = false;
  bool no_comments = false;
  bool hash = false;
  bool fuse = false;
  std::vector<std::string> sizes;
  bool list_passes = false;
  bool list_ops = false;
  bool ops_page = false;
  bool ops_header = false;
  bool ops_source = false;
  bool split_input = false;
};

void Warn(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

int Fail(const Status& status) {
  return PrintError("gcomp-opt", status);
}

std::string ListPasses() {
  std::string list;
  for (const ir::Pass* pass : ir::AllPasses()) list += Format("{:<14} {}\n", pass->name, pass->doc);
  return list;
}

std::string ListOps(const ir::OpRegistry& ops) {
  std::string list;
  for (const ir::OpDef* op : ops.ops()) {
    list += Format("{:<14} {}\n", op->name, op->doc.substr(0, op->doc.find('\n')));
  }
  return list;
}

class Opt {
 public:
  explicit Opt(const OptOptions& options)
      : options_(options),
        ops_(kernels::AllOps()),
        print_{.places = !options.no_places, .comments = !options.no_comments} {}

  int Run() {
    if (options_.list_passes || options_.list_ops) {
      return Emit(options_.list_passes ? ListPasses() : ListOps(ops_));
    }
    if (options_.ops_page) return Emit(OpsPage(ops_));
    if (options_.ops_header) return Emit(OpsHeader(ops_));
    if (options_.ops_source) return Emit(OpsSource(ops_));
    StatusOr<std::vector<const ir::Pass*>> passes = ir::ParsePipeline(options_.pipeline);
    if (!passes.ok()) return Fail(passes.status());
    passes_ = *std::move(passes);
    if (options_.no_verify && !passes_.empty()) {
      return Fail(
          Status(ErrorId::E701, "--no-verify and --pass-pipeline: passes take only what verifies"));
    }
    if (options_.print_after != kEveryPass) {
      Status known = ir::ParsePipeline(options_.print_after).status();
      if (!known.ok()) return Fail(known.AddNote("in --print-after"));
    }
    StatusOr<CpuLevel> cpu = DetectCpuLevel();
    if (!cpu.ok()) return Fail(cpu.status());
    cpu_ = *cpu;
    StatusOr<std::string> text = ReadTextFile(options_.input);
    if (!text.ok()) return Fail(text.status());
    return options_.diff.empty() ? Rewrite(*text) : Diff(*text);
  }

 private:
  // The exit code to end with; the texts of all pieces that are good are written.
  int Rewrite(const std::string& text) {
    std::string out;
    std::vector<std::string> pieces = {text};
    if (options_.split_input) pieces = SplitModules(text);
    int exit_code = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i > 0) out += Format("{}\n", kModuleSeparator);
      std::optional<ir::Module> module = Read(options_.input, pieces[i], exit_code);
      if (!module || !Transform(*module, exit_code)) continue;
      if (options_.fuse) {
        StatusOr<std::string> plans = FusionPlans(*module, ops_, cpu_, options_.sizes);
        if (!plans.ok()) return Fail(plans.status());
        out += *plans;
      } else {
        out += options_.hash ? Hashes(*module) : ir::Print(*module, print_);
      }
    }
    if (pieces.size() == 1 && exit_code != 0) return exit_code;
    int write_code = Emit(out);
    return exit_code != 0 ? exit_code : write_code;
  }

  int Diff(const std::string& text) {
    StatusOr<std::string> other_text = ReadTextFile(options_.diff);
    if (!other_text.ok()) return Fail(other_text.status());
    int exit_code = 0;
    std::optional<ir::Module> module = Read(options_.input, text, exit_code);
    std::optional<ir::Module> other = Read(options_.diff, *other_text, exit_code);
    if (!module || !other || !Transform(*module, exit_code)) return exit_code;
    ModuleDiff diff = DiffModules(*module, *other);
    exit_code = Emit(diff.text);
    return exit_code == 0 && !diff.same_structure ? InfoOf(ErrorId::E704).exit_code : exit_code;
  }

  // Parses and verifies; writes all errors to stderr and sets `exit_code` by the first one.
  std::optional<ir::Module> Read(const std::string& file, const std::string& text, int& exit_code) {
    ir::Diagnostics diagnostics(file, text, kMaxErrors);
    ir::Module module = ir::Parse(text, ops_, diagnostics);
    if (diagnostics.ok() && !options_.no_verify) ir::Verify(module, diagnostics);
    if (diagnostics.ok()) return module;
    Warn(diagnostics.Render());
    exit_code = InfoOf(diagnostics.list().front().id).exit_code;
    return std::nullopt;
  }

  bool Transform(ir::Module& module, int& exit_code) {
    ir::PipelineOptions pipeline;
    pipeline.verify_each = options_.verify_each;
    if (!options_.print_after.empty()) {
      pipeline.after_pass = [&](const ir::PassRun& run, const ir::Module& after) {
        bool asked = options_.print_after == kEveryPass || options_.print_after == run.pass->name;
        if (!asked) return;
        Warn(Format("// after {}{}\n{}\n", run.pass->name, run.changed ? "" : ": unchanged",
                    run.changed ? ir::Print(after, print_) : std::string()));
      };
    }
    StatusOr<std::vector<ir::PassRun>> runs =
        ir::RunPipeline(passes_, module, {.ops = ops_, .cpu = cpu_}, pipeline);
    if (!runs.ok()) {
      exit_code = Fail(runs.status());
      return false;
    }
    if (!options_.timing) return true;
    for (const ir::PassRun& run : *runs) {
      Warn(Format("{:<14} {:>10.3f} ms  {}\n", run.pass->name,
                  static_cast<double>(run.time_ns) * 1e-6, run.changed ? "changed" : "unchanged"));
    }
    return true;
  }

  static std::string Hashes(const ir::Module& module) {
    std::string text;
    std::vector<Hash128> hashes = ir::FunctionHashes(module);
    for (size_t i = 0; i < hashes.size(); ++i) {
      text += Format("{} @{}\n", hashes[i].ToString(), module.functions[i]->name);
    }
    return text + Format("{} module @{}\n", ir::HashOf(module).ToString(), module.name);
  }

  int Emit(const std::string& text) {
    Status status = WriteTextFile(options_.output, text);
    return status.ok() ? 0 : Fail(status);
  }

  OptOptions options_;
  ir::OpRegistry ops_;
  ir::PrintOptions print_;
  std::vector<const ir::Pass*> passes_;
  CpuLevel cpu_ = CpuLevel::kV3;
};

void AddOptions(CommandLine& line, OptOptions& options) {
  line.AddOption("input", &options.input, "The graph; - = standard input");
  line.AddOption("-o,--output", &options.output, "Where to write; - = standard output");
  line.AddOption("--pass-pipeline", &options.pipeline, "Passes to run, as in canonicalize,cse,dce");
  line.AddFlag(
      "--print-after{all}", &options.print_after,
      "Write the graph to stderr after every pass, or after the pass of --print-after=PASS");
  line.AddFlag("--verify-each", &options.verify_each, "Verify after each pass");
  line.AddFlag("--no-verify", &options.no_verify, "Do not verify the input; not with passes");
  line.AddFlag("--timing", &options.timing, "Write the time of each pass to stderr");
  line.AddFlag("--no-places", &options.no_places, "Leave out loc(...)");
  line.AddFlag("--no-comments", &options.no_comments, "Leave out comments");
  line.AddFlag("--hash", &options.hash, "Write structural hashes instead of the graph");
  line.AddFlag("--fuse", &options.fuse,
               "Write what the compiled tier runs as one kernel, and why not more, instead of the "
               "graph");
  line.AddOption("--size", &options.sizes,
                 "With --fuse: the value of a size symbol, as in s0=8; else the least that is "
                 "allowed, and at least 1",
                 {.one_value_each = true, .type = "NAME=N"});
  line.AddOption("--diff", &options.diff,
                 "Write how the graph, after the passes, differs from this one; exit code 1 if it "
                 "does in more than names");
  line.AddFlag("--list-passes", &options.list_passes, "List the passes");
  line.AddFlag("--list-ops", &options.list_ops, "List the ops");
  line.AddFlag("--ops-page", &options.ops_page, "Write the page docs/ops.md");
  line.AddFlag("--ops-header", &options.ops_header, "Write frontends/trace/ops.h");
  line.AddFlag("--ops-source", &options.ops_source, "Write frontends/trace/ops.cc");
  line.AddFlag("--split-input", &options.split_input,
               "The file holds several graphs, with lines `//! ----` between them");
}

int Main(int argc, char** argv) {
  OptOptions options;
  CommandLine line("gcomp-opt",
                   "Reads a graph, runs passes over it and writes it in canonical form.");
  AddOptions(line, options);
  line.AddVersionFlag(VersionText("gcomp-opt"));
  if (std::optional<int> exit_code = line.Parse(argc, argv)) return *exit_code;
  const bool writes_code = options.ops_header || options.ops_source;
  if (options.input.empty() && !options.list_passes && !options.list_ops && !options.ops_page &&
      !writes_code) {
    return Fail(Status(ErrorId::E701, "no input: name a file, or - for standard input"));
  }
  return Opt(options).Run();
}

}  // namespace
}  // namespace gcomp::tools

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded("gcomp-opt", [&] { return gcomp::tools::Main(argc, argv); });
}
