// gcomp-run: runs a graph on the CPU, checks its results and measures it.
//
// Usage: gcomp-run graph.ir [--weights=FILE] [--input=SPEC]... [--output=DEST]... and more: --help.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/format.h"
#include "frontends/weights/store.h"
#include "runtime/engine.h"
#include "tools/common.h"
#include "tools/run/benchmark.h"
#include "tools/run/generate.h"
#include "tools/run/input_spec.h"
#include "tools/run/inputs.h"
#include "tools/run/options.h"
#include "tools/run/outputs.h"
#include "tools/run/report.h"
#include "tools/text_file.h"

namespace gcomp::tools {
namespace {

constexpr const char* kTool = "gcomp-run";
constexpr int kInterrupted = 130;  // 128 + SIGINT, as shells count

// One call of the program, step by step; each step fills more of the report.
class Program {
 public:
  explicit Program(const RunOptions& options) : options_(options) {}

  int Run() {
    Status status = Steps();
    if (session_ != nullptr) report_.events = session_->engine().events().Snapshot();
    if (!options_.json.empty() && !options_.list) {
      Status written = WriteJson(ReportJson(options_, report_, &status));
      if (status.ok()) status = std::move(written);
    }
    if (!status.ok()) {
      // The parser's own report has the lines and carets.
      if (parse_report_.empty()) return PrintError(kTool, status);
      std::fputs(parse_report_.c_str(), stderr);
      if (!parse_report_.ends_with('\n')) std::fputc('\n', stderr);
      return InfoOf(status.id()).exit_code;
    }
    return report_.benchmark && report_.benchmark->interrupted ? kInterrupted : 0;
  }

 private:
  Status Steps() {
    GCOMP_RETURN_IF_ERROR(CheckStreams());
    if (options_.list) return List();
    GCOMP_RETURN_IF_ERROR(Load());
    GCOMP_RETURN_IF_ERROR(PrepareCall());
    if (options_.dry_run) return {};
    GCOMP_RETURN_IF_ERROR(FirstRun());
    if (options_.benchmark) {
      GCOMP_ASSIGN_OR_RETURN(report_.benchmark, RunBenchmark(contexts_, report_.inputs, options_));
    }
    CollectCounters();
    GCOMP_RETURN_IF_ERROR(WriteCode());
    GCOMP_RETURN_IF_ERROR(WriteOutputs(options_.outputs, report_.output_names, report_.outputs));
    ShowResults();
    return Compare();
  }

  // Standard input and standard output each have one use.
  Status CheckStreams() const {
    auto is_stream = [](const std::string& spec) { return spec == "-" || spec.ends_with("=-"); };
    auto inputs = std::count_if(options_.inputs.begin(), options_.inputs.end(), is_stream) +
                  std::count_if(options_.expected_outputs.begin(), options_.expected_outputs.end(),
                                is_stream) +
                  (options_.graph == "-" ? 1 : 0);
    if (inputs > 1) return Status(ErrorId::E701, "standard input can be read once only");
    auto outputs = std::count(options_.outputs.begin(), options_.outputs.end(), "-");
    if (outputs > 0 && options_.json_on_stdout()) {
      return Status(ErrorId::E701,
                    "--json and --output=- both want standard output; give one of "
                    "them a file");
    }
    return {};
  }

  // Where text for people goes: away from data.
  FILE* text_stream() const {
    bool data = options_.json_on_stdout() ||
                std::count(options_.outputs.begin(), options_.outputs.end(), "-") > 0;
    return data ? stderr : stdout;
  }

  Status MakeEngine() {
    EngineOptions options;
    options.log = StderrSink(kTool, options_.log_level);
    options.threads = options_.threads;
    GCOMP_ASSIGN_OR_RETURN(engine_, Engine::Create(options));
    return {};
  }

  Status List() {
    GCOMP_RETURN_IF_ERROR(MakeEngine());
    GCOMP_ASSIGN_OR_RETURN(ir::Module module, LoadModule(*engine_, options_.graph, &parse_report_));
    if (!options_.json_on_stdout()) std::fputs(ModuleText(module).c_str(), stdout);
    return options_.json.empty() ? Status() : WriteJson(ModuleJson(module));
  }

  Status Load() {
    GCOMP_RETURN_IF_ERROR(MakeEngine());
    int64_t begin = NowNs();
    GCOMP_ASSIGN_OR_RETURN(ir::Module module, LoadModule(*engine_, options_.graph, &parse_report_));
    report_.module = module.name;
    GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> weights, Weights(module));
    SessionOptions options;
    options.tier = options_.tier;
    if (!options_.dump_llvm.empty() || !options_.dump_asm.empty()) {
      options.code_sink = [this](const CompiledCode& code) {
        std::lock_guard lock(code_mutex_);
        code_dumps_.push_back(code);
      };
    }
    GCOMP_ASSIGN_OR_RETURN(session_,
                           Session::Load(engine_, std::move(module), std::move(weights), options));
    report_.load_ns = NowNs() - begin;
    return {};
  }

  StatusOr<std::shared_ptr<const WeightStore>> Weights(const ir::Module& module) {
    if (options_.weights.empty()) return std::shared_ptr<const WeightStore>();
    GCOMP_ASSIGN_OR_RETURN(std::optional<uint64_t> seed, ParseRandom(options_.weights));
    return seed ? RandomWeights(module, *seed) : OpenWeights(options_.weights);
  }

  StatusOr<std::string> ChooseFunction() const {
    if (!options_.function.empty()) {
      bool sigil = options_.function.starts_with('@');
      return options_.function.substr(sigil ? 1 : 0);
    }
    std::vector<std::string> names = session_->functions();
    if (names.size() == 1) return names[0];
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return Status(ErrorId::E701, names.empty() ? "the module exports no function"
                                               : "--function must choose one of: " + text);
  }

  Status PrepareCall() {
    GCOMP_ASSIGN_OR_RETURN(report_.function, ChooseFunction());
    GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> results, session_->outputs(report_.function));
    std::vector<std::string> names;
    for (const PortInfo& port : results) names.push_back(port.name);
    report_.output_names = DistinctNames(names);
    GCOMP_RETURN_IF_ERROR(CheckDestinations(options_.outputs, results.size()));
    std::vector<TensorRequest> requests;
    for (const std::string& spec : options_.expected_outputs) {
      GCOMP_ASSIGN_OR_RETURN(TensorRequest request, ParseTensorRequest(spec));
      requests.push_back(std::move(request));
    }
    GCOMP_ASSIGN_OR_RETURN(expected_, AssignRequests(std::move(requests), report_.output_names,
                                                     "--expected-output", files_));
    GCOMP_ASSIGN_OR_RETURN(BoundInputs bound, BindInputs(*session_, report_.function,
                                                         options_.inputs, options_.sizes, files_));
    GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> inputs, session_->inputs(report_.function));
    for (const PortInfo& port : inputs) report_.input_names.push_back(port.name);
    report_.inputs = std::move(bound.tensors);
    report_.seed = bound.seed;
    report_.sizes = std::move(bound.sizes);
    report_.random_inputs = std::move(bound.random);
    if (!report_.random_inputs.empty()) {
      std::string text;
      for (const std::string& name : report_.random_inputs) text += " %" + name;
      std::fputs(Format("{}: random inputs, seed {}:{}\n", kTool, report_.seed, text).c_str(),
                 stderr);
    }
    return {};
  }

  Status FirstRun() {
    ContextOptions options;
    options.profile = options_.profile;
    int callers = options_.benchmark ? options_.callers : 1;
    for (int i = 0; i < callers; ++i) {
      GCOMP_ASSIGN_OR_RETURN(std::unique_ptr<Context> context,
                             Context::Create(session_, report_.function, options));
      contexts_.push_back(std::move(context));
    }
    int64_t begin = NowNs();
    if (options_.explain_plan) {
      GCOMP_RETURN_IF_ERROR(contexts_[0]->Prepare(report_.inputs));
      plan_ = contexts_[0]->DescribePlan();
      std::fputs(plan_.c_str(), stderr);
    }
    GCOMP_RETURN_IF_ERROR(contexts_[0]->Run(report_.inputs, report_.outputs));
    report_.first_run_ns = NowNs() - begin;
    return {};
  }

  void CollectCounters() {
    std::vector<std::vector<OpProfile>> profiles;
    for (const std::unique_ptr<Context>& context : contexts_) {
      report_.buffer_bytes += context->buffer_bytes();
      if (options_.profile) profiles.push_back(context->Profile());
    }
    report_.profile = MergeProfiles(profiles);
  }

  void ShowResults() const {
    if (options_.benchmark) {
      if (!options_.json_on_stdout()) {
        std::fputs(BenchmarkText(options_, report_).c_str(), text_stream());
      }
    } else if (options_.outputs.empty() && options_.expected_outputs.empty() &&
               !options_.json_on_stdout()) {
      for (size_t i = 0; i < report_.outputs.size(); ++i) {
        std::string text =
            Format("%{}: {}\n{}\n", report_.output_names[i], report_.outputs[i].TypeString(),
                   ShowElements(report_.outputs[i]));
        std::fputs(text.c_str(), stdout);
      }
    }
    if (options_.profile) std::fputs(ProfileText(report_.profile).c_str(), stderr);
    if (options_.explain || options_.explain_plan) Explain();
  }

  void Explain() const {
    if (options_.explain) std::fputs(contexts_[0]->Describe().c_str(), stderr);
    if (options_.explain_plan) {
      // What was prepared for sizes that the run told stands behind the rest.
      const std::string plan = contexts_[0]->DescribePlan();
      if (plan.starts_with(plan_)) std::fputs(plan.c_str() + plan_.size(), stderr);
    }
    for (const Event& event : session_->engine().events().Snapshot()) {
      std::fputs(Format("event {}: {} {} {}\n", event.sequence, InfoOf(event.reason).name,
                        event.subject, event.detail)
                     .c_str(),
                 stderr);
    }
  }

  Status Compare() {
    std::string problems;
    for (size_t i = 0; i < expected_.size(); ++i) {
      if (!expected_[i]) continue;
      const Tensor& got = report_.outputs[i];
      GCOMP_ASSIGN_OR_RETURN(Tensor want,
                             MakeTensor(*expected_[i], report_.output_names[i],
                                        {got.dtype(), got.sizes()}, report_.seed + i, files_));
      Comparison result =
          CompareTensors(report_.output_names[i], got, want, options_.rtol, options_.atol);
      if (!result.equal) {
        problems += Format(
            "\n%{}: {} of {} elements differ; the largest error is {:.6g}, relative "
            "{:.6g}\n{}",
            result.name, result.mismatches, result.elements, result.max_abs_error,
            result.max_rel_error, result.text);
      } else if (!options_.json_on_stdout()) {
        std::fputs(Format("%{}: {} elements agree; the largest error is {:.6g}\n", result.name,
                          result.elements, result.max_abs_error)
                       .c_str(),
                   text_stream());
      }
      report_.comparisons.push_back(std::move(result));
    }
    if (problems.empty()) return {};
    if (problems.ends_with('\n')) problems.pop_back();
    return Status(ErrorId::E704, Format("results differ (rtol {}, atol {}){}", options_.rtol,
                                        options_.atol, problems));
  }

  Status WriteCode() const {
    for (size_t i = 0; i < code_dumps_.size(); ++i) {
      GCOMP_RETURN_IF_ERROR(WriteDump(options_.dump_llvm, i, "ll", code_dumps_[i].llvm));
      GCOMP_RETURN_IF_ERROR(WriteDump(options_.dump_asm, i, "s", code_dumps_[i].assembly));
    }
    return {};
  }

  // DIR/main-0.ll: the function, and how many kernels came before.
  Status WriteDump(const std::string& folder, size_t index, const char* suffix,
                   const std::string& text) const {
    if (folder.empty()) return {};
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const CompiledCode& code = code_dumps_[index];
    const char* comment = std::string_view(suffix) == "ll" ? ";" : "#";
    return WriteTextFile(Format("{}/{}-{}.{}", folder, code.function, index, suffix),
                         Format("{} @{}: {}\n{}", comment, code.function, code.ops, text));
  }

  Status WriteJson(const std::string& text) const {
    FILE* file = options_.json_on_stdout() ? stdout : std::fopen(options_.json.c_str(), "w");
    if (file == nullptr) {
      return Status(ErrorId::E605, Format("{} can't be written", options_.json));
    }
    bool ok = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    ok = (options_.json_on_stdout() ? std::fflush(file) : std::fclose(file)) == 0 && ok;
    if (ok) return {};
    return Status(ErrorId::E605, Format("{} can't be written", options_.json));
  }

  const RunOptions& options_;
  Report report_;
  std::string parse_report_;
  std::shared_ptr<Engine> engine_;
  std::shared_ptr<Session> session_;
  TensorFiles files_;
  std::vector<std::optional<TensorRequest>> expected_;
  std::vector<std::unique_ptr<Context>> contexts_;
  std::string plan_;  // as told before the run
  std::mutex code_mutex_;
  std::vector<CompiledCode> code_dumps_;  // with --dump-llvm, --dump-asm; guarded by code_mutex_
};

}  // namespace
}  // namespace gcomp::tools

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded(gcomp::tools::kTool, [argc, argv] {
    int exit_code = 0;
    std::optional<gcomp::tools::RunOptions> options =
        gcomp::tools::ParseRunOptions(argc, argv, &exit_code);
    return options ? gcomp::tools::Program(*options).Run() : exit_code;
  });
}
