// Modes: observers of the ops that a thread runs op by op, outside of graphs.
//
//   struct Counter : gcomp::Mode {
//     Counter() : Mode("counter") { SetRule("cond", [](const auto& run) { run(); }); }
//     void OnOp(std::string_view op, std::span<const Array>, std::span<const Array>) override {
//       ++counts[std::string(op)];
//     }
//     std::map<std::string, int> counts;
//   } counter;
//   {
//     gcomp::ModeScope scope(counter);
//     model(x);                        // each op of it is counted
//   }
//
// An operator whose bodies run as the data say (cond, switch, while, map, scan, assoc_scan) means
// nothing to a mode by itself: it needs a rule, else it fails with E511. Bodies that run once
// (region, wrap, ...) are seen as the ops that they run. Modes nest: each op is shown to all of
// them, the innermost first, and rules run in that order. Graphs are not seen: neither ops that are
// traced nor those that `jit` replays.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "frontends/trace/array.h"

namespace gcomp {

class Mode {
 public:
  // Runs the operator; ops of its bodies are shown to the mode. To be called once.
  using Rule = std::function<void(const std::function<void()>& run)>;

  explicit Mode(std::string name) : name_(std::move(name)) {}

  virtual ~Mode() = default;
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

  // After each op, with what it read and made; in-place ops by their own names. Ops that this
  // function runs are not shown to any mode.
  virtual void OnOp(std::string_view op, std::span<const Array> operands,
                    std::span<const Array> results) = 0;

  // What the mode does at operator `op`: "cond", "while", ...
  void SetRule(std::string op, Rule rule) { rules_[std::move(op)] = std::move(rule); }

  const std::string& name() const { return name_; }

  const Rule* FindRule(std::string_view op) const;

 private:
  std::string name_;
  std::map<std::string, Rule, std::less<>> rules_;
};

// The mode sees the ops of this thread until the scope ends.
class ModeScope {
 public:
  explicit ModeScope(Mode& mode);
  ~ModeScope();
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

  Mode& mode() const { return mode_; }

  const ModeScope* outer() const { return outer_; }

 private:
  Mode& mode_;
  const ModeScope* outer_;
};

namespace internal {

// True where ops run outside of a trace in some mode.
bool InMode();

void ShowToModes(std::string_view op, std::span<const Array> operands,
                 std::span<const Array> results);

// `run` inside the rules of all modes. Fails with E511 where one has none, with E705 where one does
// not run it exactly once.
Status ApplyModeRules(std::string_view op, const std::function<void()>& run);

}  // namespace internal
}  // namespace gcomp
