// Texts and sessions that several benchmarks share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/engine.h"

namespace gcomp::bench {

// A chain of `num_ops` alternating mul and add on f32[elements]: `%v = mul(%v, %y)`, `add(%v, %y)`.
inline std::string ChainText(int num_ops, int elements) {
  std::string type = "f32[" + std::to_string(elements) + "]";
  std::string text = "gir 1 module @chain\n\nexport func @main(%x: " + type + ", %y: " + type +
                     ") -> (" + type + ") {\n";
  std::string last = "%x";
  for (int i = 0; i < num_ops; ++i) {
    std::string next = "%v" + std::to_string(i);
    text += "  " + next + ": " + type + " = " + (i % 2 == 0 ? "mul(" : "add(") + last + ", %y)\n";
    last = next;
  }
  return text + "  return " + last + "\n}\n";
}

// Null when anything fails; a benchmark then reports the error and skips.
inline std::unique_ptr<Context> MakeContext(const std::string& text, std::string* error) {
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
  if (!engine.ok()) return *error = engine.status().ToString(), nullptr;
  StatusOr<ir::Module> module = ParseModule(**engine, text, "bench.ir", error);
  if (!module.ok()) return nullptr;
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(*engine, *std::move(module), nullptr, {});
  if (!session.ok()) return *error = session.status().ToString(), nullptr;
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  if (!context.ok()) return *error = context.status().ToString(), nullptr;
  return *std::move(context);
}

}  // namespace gcomp::bench
