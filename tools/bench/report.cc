#include "tools/bench/report.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "tools/common.h"

namespace gcomp::tools {
namespace {

Json ToJson(const Quartiles& quartiles) {
  return {{"p25", quartiles.p25}, {"p50", quartiles.p50}, {"p75", quartiles.p75}};
}

Json ToJson(const BenchReport::Row& row, double margin) {
  const Measurement& m = row.times;
  Json json = {{"name", row.name},
               {"calls_per_round", m.calls_per_round},
               {"argument_bytes", row.argument_bytes},
               {"call_us", ToJson(m.call_us)},
               {"copy_us", ToJson(m.copy_us)},
               {"times_the_copy", m.call_us.p50 / m.copy_us.p50},
               {"of_copy", ToJson(m.of_copy)},
               {"noisy", m.of_copy.Noisy(margin)},
               {"gbyte_per_s", static_cast<double>(row.argument_bytes) / m.call_us.p50 / 1e3}};
  if (row.flop > 0) {
    json["flop"] = row.flop;
    json["gflop_per_s"] = static_cast<double>(row.flop) / m.call_us.p50 / 1e3;
  }
  return json;
}

}  // namespace

std::string TableHead() {
  return Format("{:<52} {:>11} {:>11} {:>11} {:>11} {:>8} {:>15} {:>9}\n", "times in us", "median",
                "p25", "p75", "copy", "of copy", "p25-p75", "GFLOP/s");
}

std::string TableRow(const BenchReport::Row& row, double margin) {
  const Measurement& m = row.times;
  std::string gflop = "-";
  if (row.flop > 0) gflop = Format("{:.1f}", static_cast<double>(row.flop) / m.call_us.p50 / 1e3);
  return Format(
      "{:<52} {:>11.2f} {:>11.2f} {:>11.2f} {:>11.2f} {:>8.3f} {:>7.3f}-{:<7.3f} {:>9}{}\n",
      row.name, m.call_us.p50, m.call_us.p25, m.call_us.p75, m.copy_us.p50, m.of_copy.p50,
      m.of_copy.p25, m.of_copy.p75, gflop, m.of_copy.Noisy(margin) ? "  NOISY" : "");
}

std::string ReportJson(const BenchReport& report) {
  Json results = Json::array();
  for (const BenchReport::Row& row : report.rows) results.push_back(ToJson(row, report.margin));
  Json skipped = Json::array();
  for (const BenchReport::Skipped& one : report.skipped) {
    skipped.push_back({{"graph", one.graph}, {"why", one.why}});
  }
  Json json = {{"schema_version", BenchReport::kSchemaVersion},
               {"rounds", report.rounds},
               {"margin", report.margin},
               {"environment", EnvironmentJson()},
               {"results", std::move(results)},
               {"skipped", std::move(skipped)}};
  return json.dump(2) + "\n";
}

}  // namespace gcomp::tools
