// RunFile: all that one test file asks for, checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "runtime/engine.h"

namespace gcomp::filetest {

// What all files share. Engines run the same graphs and must give the same bits; the first is the
// one that run: values are compared with.
struct Environment {
  // Engines at this processor's level and, if that is higher, at the lowest. `tier`: kAuto = all
  // that there are.
  static StatusOr<Environment> ForThisMachine(Tier tier);

  std::vector<std::shared_ptr<Engine>> engines;
  std::vector<Tier> tiers = {Tier::kInterp};
  bool refresh = false;  // rewrite expectations in place
};

struct Failure {
  int line = 0;
  std::string message;  // one line, then more if there is a difference to show
};

struct FileReport {
  std::string path;
  int checks = 0;  // directives checked, and round trips
  bool refreshed = false;
  std::vector<Failure> failures;
  std::vector<std::string> log;  // one line per check, for -v
};

// Blocking. Thread safety: distinct files may be run at the same time.
FileReport RunFile(const Environment& environment, const std::string& path);

}  // namespace gcomp::filetest
