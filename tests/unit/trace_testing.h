// What the tests of frontends/trace share: tracing with checks, running against eager, counting.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "frontends/trace/cell.h"
#include "frontends/trace/jit.h"
#include "frontends/trace/loops.h"
#include "frontends/trace/ops.h"
#include "frontends/trace/structure.h"
#include "frontends/trace/symbols.h"
#include "ir/diagnostic.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "tests/unit/round_trip.h"

namespace gcomp::testing {

// 1, 2, 3, ... times `step`.
inline Array Counting(std::vector<int64_t> sizes, float step = 0.25f) {
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  std::vector<float> values;
  for (int64_t i = 1; i <= n; ++i) values.push_back(step * static_cast<float>(i));
  return Array::From<float>(std::move(sizes), values);
}

// The module verifies, and its text reads back as the same module.
inline void ExpectWhole(const Traced& traced) {
  ir::Diagnostics diagnostics("traced", "");
  ir::Verify(traced.module, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render() << ir::Print(traced.module);
  StatusOr<std::shared_ptr<Engine>> engine = internal::DefaultEngine();
  ASSERT_TRUE(engine.ok());
  Status round_trip = CheckRoundTrip(traced.module, (*engine)->ops());
  EXPECT_TRUE(round_trip.ok()) << round_trip.ToString() << ir::Print(traced.module);
}

template <class F, class... A>
std::optional<Traced> MustTrace(F fn, std::tuple<A...> args, const TraceOptions& options = {}) {
  StatusOr<Traced> traced = trace(fn, std::move(args), options);
  EXPECT_TRUE(traced.ok()) << traced.status().ToString();
  if (!traced.ok()) return std::nullopt;
  ExpectWhole(*traced);
  return *std::move(traced);
}

// The id of the error that tracing gives; the message holds `words`.
template <class F, class... A>
ErrorId TraceError(F fn, std::tuple<A...> args, std::string_view words = {}) {
  StatusOr<Traced> traced = trace(fn, std::move(args));
  EXPECT_FALSE(traced.ok()) << ir::Print(traced->module);
  if (traced.ok()) return ErrorId::E999;
  EXPECT_NE(traced.status().ToString().find(words), std::string::npos)
      << traced.status().ToString();
  return traced.status().id();
}

template <class R>
std::vector<std::vector<double>> ValuesOf(R result) {
  internal::Flattener flat("");
  flat.Visit(result);
  std::vector<std::vector<double>> all;
  for (const Array* array : flat.arrays) {
    StatusOr<Tensor> tensor = array->tensor();
    EXPECT_TRUE(tensor.ok()) << tensor.status().ToString();
    std::vector<double> values;
    for (int64_t size : tensor.ok() ? tensor->sizes() : std::vector<int64_t>()) {
      values.push_back(static_cast<double>(size));
    }
    for (double value : array->Values<double>()) values.push_back(value);
    all.push_back(std::move(values));
  }
  return all;
}

// The traced function gives bit for bit what the function gives when it runs op by op, and so it
// does compiled.
template <class F, class... A>
void ExpectSameAsEager(F fn, const A&... args) {
  std::tuple<std::decay_t<A>...> held(args...);
  auto eager = internal::ApplyTo(fn, held);
  auto jitted = jit(fn);
  auto result = jitted(args...);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  ASSERT_NE(jitted.traced(), nullptr);
  ExpectWhole(*jitted.traced());
  EXPECT_EQ(ValuesOf(*result), ValuesOf(eager)) << ir::Print(jitted.traced()->module);
  auto compiled = jit(fn, {.tier = Tier::kCompiled});
  auto again = compiled(args...);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(ValuesOf(*again), ValuesOf(eager)) << ir::Print(compiled.traced()->module);
}

// ---- Counting -----------------------------------------------------------------------------------

inline std::vector<const ir::Op*> OpsOf(const ir::Function& function, ir::BlockId block) {
  std::vector<const ir::Op*> ops;
  for (ir::OpId id : function.block(block).ops) ops.push_back(&function.op(id));
  return ops;
}

inline std::vector<const ir::Op*> OpsOf(const ir::Function& function) {
  return OpsOf(function, function.body);
}

inline std::vector<std::string> NamesOf(const std::vector<const ir::Op*>& ops) {
  std::vector<std::string> names;
  for (const ir::Op* op : ops) names.emplace_back(op->def->name);
  return names;
}

using Names = std::vector<std::string>;

// The first op of this name; null if there is none.
inline const ir::Op* Find(const std::vector<const ir::Op*>& ops, std::string_view name) {
  for (const ir::Op* op : ops) {
    if (op->def->name == name) return op;
  }
  return nullptr;
}

// The names of the operands, as the block has them.
inline Names OperandNames(const ir::Function& function, const ir::Op& op) {
  Names names;
  for (ir::ValueId id : op.operands) names.push_back(function.value(id).name);
  return names;
}

// The distinct size symbols in the types of an op's operands.
inline size_t NumSymbols(const ir::Function& function, const ir::Op& op) {
  std::vector<ir::SymId> all;
  for (ir::ValueId id : op.operands) {
    for (ir::SymId symbol : internal::SymbolsIn(function.value(id).type)) {
      if (std::find(all.begin(), all.end(), symbol) == all.end()) all.push_back(symbol);
    }
  }
  return all.size();
}

// The one op of @main with regions; the test fails where there is none.
inline const ir::Op* RegionOp(const ir::Function& function, ir::BlockId block) {
  for (const ir::Op* op : OpsOf(function, block)) {
    if (!op->regions.empty()) return op;
  }
  return nullptr;
}

struct Counts {
  size_t operands = 0;  // of the op with the region
  size_t symbols = 0;   // in the types of these operands
  size_t ops = 0;       // in the block around

  bool operator==(const Counts&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Counts& counts) {
  return out << counts.operands << " operands, " << counts.symbols << " symbols, " << counts.ops
             << " ops";
}

inline Counts CountsOf(const ir::Function& function, ir::BlockId block) {
  const ir::Op* op = RegionOp(function, block);
  if (op == nullptr) return {};
  return {op->operands.size(), NumSymbols(function, *op), OpsOf(function, block).size()};
}

// Of @main, traced with static sizes and with all sizes as symbols.
template <class F, class... A>
std::pair<Counts, Counts> StaticAndDynamic(F fn, std::tuple<A...> args) {
  std::optional<Traced> fixed = MustTrace(fn, args);
  std::optional<Traced> open = MustTrace(fn, args, {.all_dynamic = true});
  if (!fixed || !open) return {};
  return {CountsOf(fixed->main(), fixed->main().body), CountsOf(open->main(), open->main().body)};
}

}  // namespace gcomp::testing
