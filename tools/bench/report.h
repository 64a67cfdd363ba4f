// What gcomp-bench found out: rows of a table, or JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/bench/measure.h"

namespace gcomp::tools {

struct BenchReport {
  // Raised when a field of the JSON changes its meaning or goes away.
  static constexpr int kSchemaVersion = 1;

  struct Row {
    std::string name;
    int64_t argument_bytes = 0;
    int64_t flop = 0;  // 0 = not known
    Measurement times;
  };

  struct Skipped {
    std::string graph;
    std::string why;
  };

  int rounds = 0;
  double margin = 0;  // Quartiles::Noisy
  std::vector<Row> rows = {};
  std::vector<Skipped> skipped = {};
};

std::string TableHead();
std::string TableRow(const BenchReport::Row& row, double margin);

// The whole report, with the machine it was made on.
std::string ReportJson(const BenchReport& report);

}  // namespace gcomp::tools
