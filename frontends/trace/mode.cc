#include "frontends/trace/mode.h"

#include "base/format.h"
#include "frontends/trace/tracer.h"

namespace gcomp {
namespace {

thread_local const ModeScope* innermost = nullptr;

// The rules of `scope` and those around it, then `run`.
Status ApplyFrom(const ModeScope* scope, std::string_view op, const std::function<void()>& run) {
  if (scope == nullptr) {
    run();
    return {};
  }
  const Mode& mode = scope->mode();
  const Mode::Rule* rule = mode.FindRule(op);
  if (rule == nullptr) {
    return Status(ErrorId::E511,
                  Format("{}: mode {} has no rule for it (Mode::SetRule)", op, mode.name()));
  }
  int runs = 0;
  Status status;
  (*rule)([&] {
    if (++runs == 1) status = ApplyFrom(scope->outer(), op, run);
  });
  if (runs == 1) return status;
  return Status(ErrorId::E705,
                Format("{}: the rule of mode {} ran it {} times, not once", op, mode.name(), runs));
}

}  // namespace

const Mode::Rule* Mode::FindRule(std::string_view op) const {
  auto found = rules_.find(op);
  return found == rules_.end() ? nullptr : &found->second;
}

ModeScope::ModeScope(Mode& mode) : mode_(mode), outer_(innermost) {
  innermost = this;
}

ModeScope::~ModeScope() {
  innermost = outer_;
}

bool internal::InMode() {
  return innermost != nullptr && Tracer::Current() == nullptr;
}

void internal::ShowToModes(std::string_view op, std::span<const Array> operands,
                           std::span<const Array> results) {
  const ModeScope* const shown = std::exchange(innermost, nullptr);
  for (const ModeScope* scope = shown; scope != nullptr; scope = scope->outer()) {
    scope->mode().OnOp(op, operands, results);
  }
  innermost = shown;
}

Status internal::ApplyModeRules(std::string_view op, const std::function<void()>& run) {
  return ApplyFrom(innermost, op, run);
}

}  // namespace gcomp
