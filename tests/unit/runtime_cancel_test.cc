// Cancel and deadlines stop a run inside one long op.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/engine.h"

namespace gcomp {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Seconds of work in one op, which the loops of gcomp do themselves.
constexpr int64_t kSide = 2048;
constexpr std::string_view kLong = R"(gir 1 module @long

export func @main(%a: i64[2048, 2048], %b: i64[2048, 2048]) -> (i64[2048, 2048]) {
  %y: i64[2048, 2048] = matmul(%a, %b)
  return %y
}
)";

class RuntimeCancelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    StatusOr<std::shared_ptr<Engine>> engine = Engine::Create({});
    ASSERT_TRUE(engine.ok());
    std::string report;
    StatusOr<ir::Module> module = ParseModule(**engine, kLong, "long.ir", &report);
    ASSERT_TRUE(module.ok()) << report;
    StatusOr<std::shared_ptr<Session>> session =
        Session::Load(*engine, *std::move(module), nullptr, {});
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
    ASSERT_TRUE(context.ok()) << context.status().ToString();
    context_ = *std::move(context);
    const std::vector<int64_t> ones(kSide * kSide, 1);
    for (int i = 0; i < 2; ++i) {
      inputs_.push_back(*Tensor::Copy(DType::kI64, {kSide, kSide}, ones.data()));
    }
  }

  // E803 of the op, well before it would have ended.
  static void ExpectStopped(const Status& status, steady_clock::time_point asked) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.id(), ErrorId::E803) << status.ToString();
    EXPECT_NE(status.ToString().find("matmul"), std::string::npos) << status.ToString();
    EXPECT_LT(steady_clock::now() - asked, std::chrono::seconds(1));
  }

  std::unique_ptr<Context> context_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
};

TEST_F(RuntimeCancelTest, CancelStopsALongOp) {
  steady_clock::time_point asked;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(5));
    asked = steady_clock::now();
    context_->Cancel();
  });
  Status status = context_->Run(inputs_, outputs_);
  other.join();
  ExpectStopped(status, asked);
}

TEST_F(RuntimeCancelTest, ADeadlineStopsALongOp) {
  RunOptions options;
  options.deadline = steady_clock::now() + milliseconds(5);
  Status status = context_->Run(inputs_, outputs_, options);
  ExpectStopped(status, *options.deadline);
}

}  // namespace
}  // namespace gcomp
