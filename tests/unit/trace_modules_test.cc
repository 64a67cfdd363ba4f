// Modules called with other tensors, and operators made of decorators.
#include "frontends/trace/functional_call.h"
#include "ir/passes/decompose.h"
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using testing::Counting;
using testing::ExpectSameAsEager;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OperandNames;
using testing::OpsOf;

struct Linear {
  Array weight, bias;
  GCOMP_FIELDS(weight, bias)

  Array operator()(const Array& x) const { return ops::linear(x, weight, {.bias = bias}); }
};

struct Shifted {
  Linear linear;
  Array buffer;
  GCOMP_FIELDS(linear, buffer)

  Array operator()(const Array& x) const { return linear(x) + buffer; }
};

TEST(TraceModulesTest, FunctionalCall) {  // spec: higher_order_ops 177
  const Linear module{Counting({3, 3}, 7), Counting({3}, 7)};
  auto loss = [&](Array weight, Array bias, Array x, Array target) {
    return ops::mse_loss(functional_call(module, {{{"weight", weight}, {"bias", bias}}}, x),
                         target);
  };
  const std::tuple args(Counting({3, 3}), Counting({3}), Counting({4, 3}), Counting({4, 3}, 2));
  std::optional<Traced> traced =
      MustTrace(loss, args, {.arg_names = {"weight", "bias", "x", "target"}});
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"linear", "mse_loss"}));
  EXPECT_EQ(traced->main().params().size(), 4u);
  EXPECT_TRUE(traced->captured.empty());
  std::apply([&](const auto&... each) { ExpectSameAsEager(loss, each...); }, args);

  // Parameters and buffers in two maps; what is not bound is captured.
  const Shifted shifted{module, Counting({3}, 7)};
  auto call = [&](Array x, Array weight, Array bias, Array buffer) {
    return functional_call(
        shifted, {{{"linear.weight", weight}, {"linear.bias", bias}}, {{"buffer", buffer}}}, x);
  };
  const std::tuple four(Counting({2, 3}), Counting({3, 3}), Counting({3}), Counting({3}, 2));
  traced = MustTrace(call, four, {.arg_names = {"x", "weight", "bias", "buffer"}});
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"linear", "add"}));
  EXPECT_EQ(OperandNames(traced->main(), *OpsOf(traced->main())[0]),
            (Names{"x", "weight", "bias"}));
  EXPECT_TRUE(traced->captured.empty());
  std::apply([&](const auto&... each) { ExpectSameAsEager(call, each...); }, four);
  auto some = [&](Array x, Array buffer) {
    return functional_call(shifted, {{{"buffer", buffer}}}, x);
  };
  traced = MustTrace(some, std::tuple(Counting({2, 3}), Counting({3}, 2)));
  ASSERT_TRUE(traced.has_value());
  EXPECT_EQ(traced->captured.size(), 2u);
  ExpectSameAsEager(some, Counting({2, 3}), Counting({3}, 2));
  // The module keeps its own tensors.
  EXPECT_EQ(module.bias.Values<float>(), Counting({3}, 7).Values<float>());
}

TEST(TraceModulesTest, FunctionalCallRefuses) {
  const Linear module{Counting({3, 3}), Counting({3})};
  const Array x = Counting({2, 3});
  const Status unknown =
      functional_call(module, {{{"wight", Counting({3, 3})}}}, x).tensor().status();
  EXPECT_EQ(unknown.id(), ErrorId::E701);
  EXPECT_NE(unknown.message().find("no tensor wight; it has weight, bias"), std::string::npos)
      << unknown.ToString();
  const Bindings bias = {{"bias", Counting({3})}};
  EXPECT_EQ(functional_call(module, {bias, bias}, x).tensor().status().id(), ErrorId::E701);
  auto traced = [&](Array v) { return functional_call(module, {{{"b", v}}}, v); };
  EXPECT_EQ(testing::TraceError(traced, std::tuple(x), "no tensor b"), ErrorId::E701);
}

// Decorators: functions from a body to a body; `wrap` of what they make is an operator with that
// meaning.
template <class F>
auto PlusTwo(F fn) {
  return [fn](const auto&... args) {
    auto [first, second] = fn(args...);
    return std::pair(first + 2, second);
  };
}

template <class G, class F>
auto Around(G g, F fn) {
  return [g, fn](const auto&... args) { return g(fn(g(args)...)); };
}

TEST(TraceModulesTest, DecoratedBodies) {  // spec: higher_order_ops 94
  auto gn = [](const Array& x, const Array& h) {
    Array first = ops::sin(x) + h;
    return std::pair(first, h * x);
  };
  auto plus = [&](Array x, Array h) { return wrap(PlusTwo(gn), x, h); };
  auto around = [](Array x, Array h) {
    return wrap(Around([](const Array& v) { return ops::cos(v); },
                       [](const Array& a, const Array& b) { return ops::sin(a) + b; }),
                x, h);
  };
  const std::tuple args(Counting({4}), Counting({4}, 2));
  auto body = [&](auto fn) {
    std::optional<Traced> traced = MustTrace(fn, args);
    if (!traced.has_value()) return Names();
    EXPECT_EQ(NamesOf(OpsOf(traced->main())), (Names{"wrap"}));
    StatusOr<std::shared_ptr<Engine>> engine = internal::DefaultEngine();
    StatusOr<bool> lowered = ir::DecomposeOps(traced->module, {.ops = (*engine)->ops()});
    EXPECT_TRUE(lowered.ok()) << lowered.status().ToString();
    testing::ExpectWhole(*traced);
    return NamesOf(OpsOf(traced->main(), OpsOf(traced->main())[0]->regions[0]));
  };
  EXPECT_EQ(body(plus), (Names{"sin", "add", "mul", "add"}));
  EXPECT_EQ(body(around), (Names{"cos", "cos", "sin", "add", "cos"}));
  ExpectSameAsEager(plus, std::get<0>(args), std::get<1>(args));
  ExpectSameAsEager(around, std::get<0>(args), std::get<1>(args));
}

}  // namespace
}  // namespace gcomp
