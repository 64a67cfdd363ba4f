// gcomp-bench: how long graphs take, beside the time that moving their data alone takes.
//
// Each round runs the graph for a while and then copies as many bytes as its inputs, weights and
// outputs have (source and destination together), so that both see the same machine; the report
// gives the median over the rounds with the quartiles. A graph that is bound by arithmetic takes
// many times the copy, one that is bound by memory comes near it, or under it where its data stay
// in caches that memcpy, which streams past them from some size on, does not use.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/format.h"
#include "runtime/engine.h"
#include "tools/common.h"
#include "tools/run/generate.h"

namespace gcomp::tools {
namespace {

constexpr char kTool[] = "gcomp-bench";

struct BenchOptions {
  std::vector<std::string> files;
  int rounds = 15;
  double round_ms = 20;
  bool json = false;
};

// One graph, loaded with random weights and inputs.
struct Subject {
  std::string name;  // graph/<module>/<tier>/<dtype>/<sizes of the first input>
  std::unique_ptr<Context> context;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  int64_t argument_bytes = 0;
};

struct Quartiles {
  double p25, p50, p75;
};

struct Measurement {
  Quartiles call_us;
  Quartiles copy_us;
  int64_t calls_per_round;
};

double NowUs() {
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Quartiles QuartilesOf(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  auto at = [&samples](double q) {
    return samples[static_cast<size_t>(q * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  return {at(0.25), at(0.5), at(0.75)};
}

// Symbolic sizes take the least value that is not 0.
StatusOr<std::vector<Tensor>> RandomInputs(const Session& session, const std::string& function) {
  GCOMP_ASSIGN_OR_RETURN(std::vector<PortInfo> ports, session.inputs(function));
  const ir::Function& f = *session.module().Find(function);
  std::vector<int64_t> symbols;
  for (const ir::Symbol& symbol : f.symbols) {
    int64_t low = symbol.low.is_const() ? std::max<int64_t>(symbol.low.value(), 1) : 1;
    symbols.push_back((low + symbol.multiple - 1) / symbol.multiple * symbol.multiple);
  }
  std::vector<Tensor> inputs;
  for (const PortInfo& port : ports) {
    GCOMP_ASSIGN_OR_RETURN(ir::TensorSpec spec, ir::BindType(port.ir_type, symbols));
    GCOMP_ASSIGN_OR_RETURN(Tensor input, RandomTensor(spec.dtype, spec.sizes, inputs.size()));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

StatusOr<Subject> LoadSubject(const std::shared_ptr<Engine>& engine, const std::string& path,
                              std::string* report) {
  GCOMP_ASSIGN_OR_RETURN(ir::Module module, LoadModule(*engine, path, report));
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> weights, RandomWeights(module, 1000));
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, std::move(module), weights, {}));
  if (session->functions().empty()) return Status(ErrorId::E703, path + " exports no function");
  std::string function = session->functions().front();
  Subject subject;
  GCOMP_ASSIGN_OR_RETURN(subject.inputs, RandomInputs(*session, function));
  GCOMP_ASSIGN_OR_RETURN(subject.context, Context::Create(session, function));
  // The first run prepares the kernels and makes the outputs.
  GCOMP_RETURN_IF_ERROR(subject.context->Run(subject.inputs, subject.outputs));
  std::string shape;
  std::string dtype = "none";
  if (!subject.inputs.empty()) {
    dtype = ir::NameOf(subject.inputs[0].dtype());
    for (int64_t size : subject.inputs[0].sizes())
      shape += (shape.empty() ? "" : "x") + std::to_string(size);
  }
  subject.name = Format("graph/{}/interp/{}/{}", session->module().name, dtype, shape);
  for (const Tensor& tensor : subject.inputs) subject.argument_bytes += tensor.spec().SpanBytes();
  for (const Tensor& tensor : subject.outputs) subject.argument_bytes += tensor.spec().SpanBytes();
  for (const Weight& weight : weights->weights()) {
    int64_t bytes = ir::BytesOf(weight.dtype);
    for (int64_t size : weight.sizes) bytes *= size;
    subject.argument_bytes += bytes;
  }
  return subject;
}

StatusOr<Measurement> Measure(Subject& subject, const BenchOptions& options) {
  auto half = static_cast<size_t>(subject.argument_bytes / 2 + 1);
  std::vector<char> source(half, 1), target(half, 0);
  double begin = NowUs();
  GCOMP_RETURN_IF_ERROR(subject.context->Run(subject.inputs, subject.outputs));
  double once = std::max(NowUs() - begin, 0.05);
  auto calls = static_cast<int64_t>(std::clamp(options.round_ms * 1000 / once, 1.0, 1e7));
  std::vector<double> call_us, copy_us;
  for (int round = 0; round < options.rounds; ++round) {
    begin = NowUs();
    for (int64_t i = 0; i < calls; ++i) {
      GCOMP_RETURN_IF_ERROR(subject.context->Run(subject.inputs, subject.outputs));
    }
    call_us.push_back((NowUs() - begin) / static_cast<double>(calls));
    int64_t copies = 0;
    begin = NowUs();
    do {
      std::memcpy(target.data(), source.data(), half);
      asm volatile("" : : "r"(target.data()) : "memory");  // the copy is not to be left out
      ++copies;
    } while (NowUs() - begin < options.round_ms * 100);
    copy_us.push_back((NowUs() - begin) / static_cast<double>(copies));
  }
  return Measurement{QuartilesOf(call_us), QuartilesOf(copy_us), calls};
}

Json ToJson(const Quartiles& q) {
  return {{"p25", q.p25}, {"p50", q.p50}, {"p75", q.p75}};
}

Json ToJson(const Subject& subject, const Measurement& m) {
  return {{"name", subject.name},
          {"calls_per_round", m.calls_per_round},
          {"argument_bytes", subject.argument_bytes},
          {"call_us", ToJson(m.call_us)},
          {"copy_us", ToJson(m.copy_us)},
          {"times_the_copy", m.call_us.p50 / m.copy_us.p50}};
}

int BenchAll(const BenchOptions& options) {
  EngineOptions engine_options;
  engine_options.log = StderrSink(kTool, LogLevel::kWarning);
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(engine_options);
  if (!engine.ok()) return PrintError(kTool, engine.status());
  Json results = Json::array();
  if (!options.json) {
    std::printf("%-44s %12s %12s %12s %12s %9s\n", "graph, times in us", "median", "p25", "p75",
                "copy", "x copy");
  }
  for (const std::string& file : options.files) {
    std::string report;
    StatusOr<Subject> subject = LoadSubject(*engine, file, &report);
    if (!subject.ok()) {
      std::fputs(report.c_str(), stderr);
      return PrintError(kTool, subject.status());
    }
    StatusOr<Measurement> m = Measure(*subject, options);
    if (!m.ok()) return PrintError(kTool, m.status());
    results.push_back(ToJson(*subject, *m));
    if (options.json) continue;
    std::printf("%-44s %12.2f %12.2f %12.2f %12.2f %9.1f\n", subject->name.c_str(), m->call_us.p50,
                m->call_us.p25, m->call_us.p75, m->copy_us.p50, m->call_us.p50 / m->copy_us.p50);
    std::fflush(stdout);
  }
  if (options.json) {
    Json report = {{"schema_version", 1},
                   {"rounds", options.rounds},
                   {"environment", EnvironmentJson()},
                   {"results", results}};
    std::printf("%s\n", report.dump(2).c_str());
  }
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Times graphs (random inputs and weights) against copying their data alone.", kTool);
  app.footer("Example: gcomp-bench bench/*.ir --rounds=15\nTimes are per call, on one thread.");
  app.set_version_flag("--version", VersionText(kTool));
  BenchOptions options;
  app.add_option("graphs", options.files, "Graphs (.ir); the first exported function of each")
      ->required();
  app.add_option("--rounds", options.rounds, "Rounds of graph and copy in turn")
      ->check(CLI::Range(3, 10000))
      ->capture_default_str();
  app.add_option("--round-ms", options.round_ms, "Milliseconds of graph runs per round")
      ->check([](const std::string& text) {
        double value = std::strtod(text.c_str(), nullptr);  // NaN fails both comparisons
        return value >= 0.1 && value <= 60000 ? std::string() : text + " is not in [0.1, 60000]";
      })
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON (schema_version 1) instead of a table");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return BenchAll(options);
}

}  // namespace
}  // namespace gcomp::tools

int main(int argc, char** argv) {
  return gcomp::tools::RunGuarded(gcomp::tools::kTool,
                                  [&] { return gcomp::tools::Main(argc, argv); });
}
