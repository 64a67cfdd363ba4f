// The fixture of the tests of the compiled tier: runs a text on both tiers and compares.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/events.h"
#include "jit/compiler.h"
#include "runtime/engine.h"
#include "tests/unit/round_trip.h"

namespace gcomp {

inline Tensor Floats(std::vector<int64_t> sizes, uint64_t seed = 1) {
  Tensor tensor = *Tensor::Empty(DType::kF32, std::move(sizes));
  auto* data = static_cast<float*>(tensor.data());
  for (int64_t i = 0; i < tensor.NumElements(); ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    data[i] = static_cast<float>(static_cast<int32_t>(seed >> 33)) * 0x1p-30f - 1.0f;
  }
  return tensor;
}

inline Tensor CopyOf(const Tensor& tensor) {
  return *Tensor::Copy(tensor.dtype(), tensor.sizes(), tensor.data());
}

inline bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.IsContiguous() && b.IsContiguous() &&
         std::memcmp(a.data(), b.data(), static_cast<size_t>(a.spec().SpanBytes())) == 0;
}

class TierTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Engine> MakeEngine(const EngineOptions& options = {}) {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
    EXPECT_TRUE(engine.ok()) << engine.status().ToString();
    return engine.ok() ? *engine : nullptr;
  }

  void SetUp() override {
    engine_ = MakeEngine();
    if (engine_->CanCompile()) return;
    // Only a build without LLVM may skip: a compiler that can't be made is a failure.
    const Status status = codegen::Compiler::Create({.cpu = engine_->cpu()}).status();
    ASSERT_EQ(status.id(), ErrorId::E511) << status.ToString();
    GTEST_SKIP() << "built without LLVM";
  }

  static std::unique_ptr<Context> Make(const std::shared_ptr<Engine>& engine, std::string_view text,
                                       Tier tier, const ContextOptions& options = {}) {
    std::string report;
    StatusOr<ir::Module> module = ParseModule(*engine, text, "test.ir", &report);
    EXPECT_TRUE(module.ok()) << report;
    if (!module.ok()) return nullptr;
    Status round_trip = testing::CheckRoundTrip(*module, engine->ops());
    EXPECT_TRUE(round_trip.ok()) << round_trip.ToString();
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(engine, *std::move(module), nullptr, {.tier = tier});
    EXPECT_TRUE(session.ok()) << session.status().ToString();
    if (!session.ok()) return nullptr;
    StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main", options);
    EXPECT_TRUE(context.ok()) << context.status().ToString();
    return context.ok() ? *std::move(context) : nullptr;
  }

  static std::vector<Tensor> Run(Context& context, const std::vector<Tensor>& inputs) {
    std::vector<Tensor> outputs;
    Status status = context.Run(inputs, outputs);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return outputs;
  }

  // Runs the text with the interpreter and compiled, on copies of the inputs, and compares results
  // and what the inputs hold then. Returns the compiled context.
  std::unique_ptr<Context> Compare(const std::shared_ptr<Engine>& engine, std::string_view text,
                                   const std::vector<Tensor>& inputs) {
    std::vector<std::vector<Tensor>> results;
    std::unique_ptr<Context> context;
    for (Tier tier : {Tier::kInterp, Tier::kCompiled}) {
      context = Make(engine, text, tier);
      if (context == nullptr) return nullptr;
      std::vector<Tensor> own;
      for (const Tensor& input : inputs) own.push_back(CopyOf(input));
      results.push_back(Run(*context, own));
      results.back().insert(results.back().end(), own.begin(), own.end());
    }
    EXPECT_EQ(results[0].size(), results[1].size());
    for (size_t i = 0; i < std::min(results[0].size(), results[1].size()); ++i) {
      EXPECT_TRUE(SameBytes(results[0][i], results[1][i])) << "value " << i;
    }
    return context;
  }

  static std::vector<std::string> Details(const Engine& engine, Reason reason) {
    std::vector<std::string> details;
    for (const Event& event : const_cast<Engine&>(engine).events().Snapshot()) {
      if (event.reason == reason) details.push_back(event.subject + ": " + event.detail);
    }
    return details;
  }

  static int Steps(const Context& context) {
    return std::stoi(context.Describe().substr(context.Describe().find(": ") + 2));
  }

  std::shared_ptr<Engine> engine_;
};

// Two kernels, with a matmul between them.
inline constexpr std::string_view kTwoKernels = R"(gir 1 module @two

export func @main(%x: f32[32, 32], %y: f32[32, 32]) -> (f32[32, 32]) {
  %a: f32[32, 32] = mul(%x, %y)
  %b: f32[32, 32] = relu(%a)
  %c: f32[32, 32] = matmul(%b, %y)
  %d: f32[32, 32] = add(%c, %x)
  %e: f32[32, 32] = tanh(%d)
  return %e
}
)";

}  // namespace gcomp
