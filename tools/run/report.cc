#include "tools/run/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "base/format.h"
#include "tools/common.h"

namespace gcomp::tools {
namespace {

// Names come from the graph and may hold any byte.
std::string Text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// 99 -> "p99", 99.9 -> "p99.9"
std::string PercentileName(double percentile) {
  return Format("p{}", percentile);
}

double Rounded(double us) {
  return std::round(us * 1000) / 1000;
}

Json TensorJson(const std::string& name, const Tensor& tensor) {
  Json json;
  json["name"] = name;
  json["dtype"] = std::string(ir::NameOf(tensor.dtype()));
  json["shape"] = tensor.sizes();
  return json;
}

Json TensorsJson(const std::vector<std::string>& names, const std::vector<Tensor>& tensors) {
  Json list = Json::array();
  for (size_t i = 0; i < tensors.size(); ++i) list.push_back(TensorJson(names[i], tensors[i]));
  return list;
}

Json LatencyJson(const BenchmarkResult& benchmark) {
  Json json;
  json["min"] = Rounded(benchmark.latency.min_us);
  json["mean"] = Rounded(benchmark.latency.mean_us);
  for (const auto& [percentile, us] : benchmark.latency.percentiles) {
    json[PercentileName(percentile)] = Rounded(us);
  }
  json["max"] = Rounded(benchmark.latency.max_us);
  return json;
}

// JSON has no infinity.
Json Finite(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json ComparisonsJson(const std::vector<Comparison>& comparisons) {
  Json list = Json::array();
  for (const Comparison& comparison : comparisons) {
    Json json;
    json["name"] = comparison.name;
    json["equal"] = comparison.equal;
    json["mismatches"] = comparison.mismatches;
    json["elements"] = comparison.elements;
    json["max_abs_error"] = Finite(comparison.max_abs_error);
    json["max_rel_error"] = Finite(comparison.max_rel_error);
    list.push_back(std::move(json));
  }
  return list;
}

Json ProfileJson(const std::vector<OpProfile>& profile) {
  Json list = Json::array();
  for (const OpProfile& op : profile) {
    Json json;
    json["op"] = op.name;
    json["function"] = op.function;
    json["result"] = op.result;
    json["calls"] = op.calls;
    json["time_us"] = Rounded(static_cast<double>(op.time_ns) * 1e-3);
    list.push_back(std::move(json));
  }
  return list;
}

Json EventsJson(const std::vector<Event>& events) {
  Json list = Json::array();
  int64_t begin = events.empty() ? 0 : events.front().time_ns;
  for (const Event& event : events) {
    Json json;
    json["sequence"] = event.sequence;
    json["time_us"] = Rounded(static_cast<double>(event.time_ns - begin) * 1e-3);
    json["reason"] = std::string(InfoOf(event.reason).name);
    json["subject"] = event.subject;
    json["detail"] = event.detail;
    list.push_back(std::move(json));
  }
  return list;
}

struct PortText {
  std::string name;
  std::string type;
  std::string weight;  // of a weight parameter, its name in the file
};

std::vector<PortText> Params(const ir::Function& function) {
  std::vector<PortText> ports;
  for (ir::ValueId id : function.params()) {
    const ir::Value& value = function.value(id);
    ports.push_back(
        {value.name, value.type.ToString(function.Namer()), value.annotations.weight.value_or("")});
  }
  return ports;
}

std::vector<PortText> Results(const ir::Function& function) {
  std::vector<PortText> ports;
  const std::vector<ir::ValueId>& returned = function.block(function.body).yields;
  for (size_t i = 0; i < function.results.size(); ++i) {
    ports.push_back({function.value(returned[i]).name,
                     function.results[i].type.ToString(function.Namer()), ""});
  }
  return ports;
}

Json PortsJson(const std::vector<PortText>& ports, bool weights) {
  Json list = Json::array();
  for (const PortText& port : ports) {
    if (port.weight.empty() == weights) continue;
    Json json;
    json["name"] = weights ? port.weight : port.name;
    json["type"] = port.type;
    list.push_back(std::move(json));
  }
  return list;
}

std::string PortsText(std::string_view what, const std::vector<PortText>& ports, bool weights) {
  std::string text;
  for (const PortText& port : ports) {
    if (port.weight.empty() == weights) continue;
    text += Format("  {:<7} {}: {}\n", what, weights ? port.weight : "%" + port.name, port.type);
  }
  return text;
}

}  // namespace

std::string ReportJson(const RunOptions& options, const Report& report, const Status* error) {
  Json json;
  json["schema_version"] = Report::kSchemaVersion;
  json["model"] = options.graph;
  json["module"] = report.module;
  json["function"] = report.function;
  json["tier"] = std::string(NameOf(options.tier));
  json["weights"] = options.weights;
  json["sizes"] = report.sizes;
  json["seed"] = report.seed;
  json["random_inputs"] = report.random_inputs;
  json["callers"] = options.callers;
  json["threads"] = options.threads;
  json["load_us"] = Rounded(static_cast<double>(report.load_ns) * 1e-3);
  json["first_run_us"] = report.first_run_ns
                             ? Json(Rounded(static_cast<double>(*report.first_run_ns) * 1e-3))
                             : Json();
  const std::optional<BenchmarkResult>& benchmark = report.benchmark;
  json["warmup_runs"] = benchmark ? benchmark->warmup_runs : 0;
  json["iterations"] = benchmark ? benchmark->iterations : 0;
  json["interrupted"] = benchmark && benchmark->interrupted;
  json["wall_s"] = benchmark ? Json(static_cast<double>(benchmark->wall_ns) * 1e-9) : Json();
  json["latency_us"] = benchmark && benchmark->iterations > 0 ? LatencyJson(*benchmark) : Json();
  json["throughput"] = benchmark ? Json(Rounded(benchmark->PerSecond())) : Json();
  json["buffer_bytes"] = report.buffer_bytes;
  json["inputs"] = TensorsJson(report.input_names, report.inputs);
  json["outputs"] = TensorsJson(report.output_names, report.outputs);
  json["comparisons"] = ComparisonsJson(report.comparisons);
  if (options.profile) json["profile"] = ProfileJson(report.profile);
  json["events"] = EventsJson(report.events);
  json["environment"] = EnvironmentJson();
  json["environment"]["seed"] = report.seed;
  if (error != nullptr && !error->ok()) {
    json["error"]["id"] = std::string(InfoOf(error->id()).name);
    json["error"]["message"] = error->ToString();
  } else {
    json["error"] = nullptr;
  }
  return Text(json);
}

std::string BenchmarkText(const RunOptions& options, const Report& report) {
  const BenchmarkResult& benchmark = *report.benchmark;
  std::string text = Format("@{} of {}{}{}, tier {}, {} caller{}\n", report.function, options.graph,
                            report.sizes.empty() ? "" : ", ", report.sizes, NameOf(options.tier),
                            options.callers, options.callers == 1 ? "" : "s");
  text += Format("load        {:.3f} ms\n", static_cast<double>(report.load_ns) * 1e-6);
  text += Format("first run   {:.3f} ms (not counted)\n",
                 static_cast<double>(report.first_run_ns.value_or(0)) * 1e-6);
  text += Format("warm-up     {} runs (not counted)\n", benchmark.warmup_runs);
  text += Format("measured    {} runs in {:.3f} s{}\n", benchmark.iterations,
                 static_cast<double>(benchmark.wall_ns) * 1e-9,
                 benchmark.interrupted ? " (interrupted)" : "");
  if (benchmark.iterations == 0) return text;
  const Latency& latency = benchmark.latency;
  text += Format("latency     min {:.3f}  mean {:.3f}", latency.min_us, latency.mean_us);
  for (const auto& [percentile, us] : latency.percentiles) {
    text += Format("  {} {:.3f}", PercentileName(percentile), us);
  }
  text += Format("  max {:.3f} us\n", latency.max_us);
  text += Format("throughput  {:.1f} runs/s\n", benchmark.PerSecond());
  return text;
}

std::vector<OpProfile> MergeProfiles(const std::vector<std::vector<OpProfile>>& profiles) {
  std::map<std::tuple<std::string, std::string, std::string>, OpProfile> merged;
  for (const std::vector<OpProfile>& profile : profiles) {
    for (const OpProfile& op : profile) {
      OpProfile& total = merged
                             .try_emplace({op.function, op.result, op.name},
                                          OpProfile{op.name, op.function, op.result, 0, 0})
                             .first->second;
      total.calls += op.calls;
      total.time_ns += op.time_ns;
    }
  }
  std::vector<OpProfile> list;
  for (auto& [key, op] : merged) list.push_back(std::move(op));
  std::stable_sort(list.begin(), list.end(),
                   [](const OpProfile& a, const OpProfile& b) { return a.time_ns > b.time_ns; });
  return list;
}

std::string ProfileText(const std::vector<OpProfile>& profile) {
  uint64_t total = 0;
  for (const OpProfile& op : profile) total += op.time_ns;
  std::string text = Format("{:>6} {:>12} {:>10} {:>10}  {:<16} {}\n", "%", "ms", "calls",
                            "us/call", "op", "where");
  for (const OpProfile& op : profile) {
    double ns = static_cast<double>(op.time_ns);
    text += Format("{:>6.1f} {:>12.3f} {:>10} {:>10.3f}  {:<16} @{} %{}\n",
                   total == 0 ? 0.0 : ns * 100 / static_cast<double>(total), ns * 1e-6, op.calls,
                   op.calls == 0 ? 0.0 : ns * 1e-3 / static_cast<double>(op.calls), op.name,
                   op.function, op.result);
  }
  return text;
}

std::string ModuleText(const ir::Module& module) {
  std::string text = Format("module @{}\n", module.name);
  for (const auto& function : module.functions) {
    if (!function->exported) continue;
    text += Format("function @{}\n", function->name);
    for (size_t i = 0; i < function->num_symbol_params; ++i) {
      const ir::Symbol& symbol = function->symbols[i];
      text += Format("  size    {} in [{}, {}]{}\n", symbol.name,
                     symbol.low.ToString(function->Namer()),
                     symbol.high ? symbol.high->ToString(function->Namer()) : "inf",
                     symbol.multiple == 1 ? "" : Format(" mult {}", symbol.multiple));
    }
    std::vector<PortText> params = Params(*function);
    text += PortsText("input", params, false) + PortsText("weight", params, true) +
            PortsText("result", Results(*function), false);
  }
  return text;
}

std::string ModuleJson(const ir::Module& module) {
  Json json;
  json["schema_version"] = Report::kSchemaVersion;
  json["module"] = module.name;
  json["functions"] = Json::array();
  for (const auto& function : module.functions) {
    if (!function->exported) continue;
    std::vector<PortText> params = Params(*function);
    Json entry;
    entry["name"] = function->name;
    entry["inputs"] = PortsJson(params, false);
    entry["weights"] = PortsJson(params, true);
    entry["outputs"] = PortsJson(Results(*function), false);
    json["functions"].push_back(std::move(entry));
  }
  return Text(json);
}

}  // namespace gcomp::tools
