// Passes on traced graphs: they run inside of reusable regions as in @main.
#include "frontends/trace/pieces.h"
#include "ir/builder.h"
#include "ir/kernel.h"
#include "ir/passes/pipeline.h"
#include "ir/passes/value_map.h"
#include "tests/unit/trace_testing.h"

namespace gcomp {
namespace {

using testing::Counting;
using testing::MustTrace;
using testing::Names;
using testing::NamesOf;
using testing::OpsOf;

std::vector<float> RunModule(const std::shared_ptr<Engine>& engine, ir::Module module,
                             const Array& x) {
  StatusOr<std::shared_ptr<Session>> session =
      Session::Load(engine, std::move(module), nullptr, {});
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  if (!session.ok()) return {};
  StatusOr<std::unique_ptr<Context>> context = Context::Create(*session, "main");
  EXPECT_TRUE(context.ok()) << context.status().ToString();
  std::vector<Tensor> outputs;
  Status status = (*context)->Run(std::vector<Tensor>{*x.tensor()}, outputs);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return Array(outputs.at(0)).Values<float>();
}

TEST(TracePassesTest, ViewsInRegionsBecomeReshapes) {  // spec: higher_order_ops 20
  auto gn = region("gn", [](const Array& x) { return ops::sin(ops::sin(x).view({1, 8})); });
  auto fn = [&](Array x) { return gn(x); };
  std::optional<Traced> traced = MustTrace(fn, std::tuple(Counting({8})));
  ASSERT_TRUE(traced.has_value());
  const ir::Function& function = *traced->module.functions[0];
  EXPECT_EQ(NamesOf(OpsOf(function)), (Names{"sin", "view", "sin"}));
  StatusOr<std::shared_ptr<Engine>> engine = internal::DefaultEngine();
  ASSERT_TRUE(engine.ok());
  const ir::Pass* pass = ir::FindPass("view_to_reshape");
  ASSERT_NE(pass, nullptr);
  StatusOr<bool> changed = pass->run(traced->module, {.ops = (*engine)->ops()});
  ASSERT_TRUE(changed.ok() && *changed);
  testing::ExpectWhole(*traced);
  EXPECT_EQ(NamesOf(OpsOf(function)), (Names{"sin", "reshape", "sin"}));
  EXPECT_EQ(function.results[0].type, ir::Type::Tensor(DType::kF32, {1, 8}));
  EXPECT_EQ(RunModule(*engine, std::move(traced->module), Counting({8})),
            fn(Counting({8})).Values<float>());
}

// ---- Layouts at the edge of a region ------------------------------------------------------------

// An op of an embedder's that works on the layout which it gets: y = the strides of x.
class StridesKernel final : public ir::Kernel {
 public:
  explicit StridesKernel(std::vector<int64_t> strides) : strides_(std::move(strides)) {}

  Status Run(const ir::KernelArgs& args) const override {
    std::copy(strides_.begin(), strides_.end(), args.result<int64_t>(0));
    return {};
  }

 private:
  std::vector<int64_t> strides_;
};

constexpr ir::OperandSpec kOne[] = {{.name = "x"}};
constinit const ir::OpDef kStrides = {
    .name = "acme.strides",
    .doc = "y = the strides of x",
    .source = "this test",
    .operands = kOne,
    .infer =
        [](ir::InferCtx& ctx) {
          ctx.Return(ir::Type::Tensor(DType::kI64, {ir::Expr(ctx.operand(0).rank())}));
          return Status();
        },
    .prepare = [](const ir::KernelCtx& ctx) -> StatusOr<std::unique_ptr<ir::Kernel>> {
      return std::unique_ptr<ir::Kernel>(std::make_unique<StridesKernel>(ctx.operands[0].strides));
    },
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = "asks for a layout"},
    .vjp = ir::NotYet("not needed"),
};

Array StridesOf(const Array& x) {
  return call_op("acme.strides", {{x}})[0];
}

Array Permuted(const Array& x, std::vector<int64_t> dims) {
  return ops::transpose(x, {.dims = std::move(dims)});
}

ir::AttrDict Dims(const std::vector<int64_t>& dims) {
  ir::AttrList list;
  for (int64_t dim : dims) list.emplace_back(ir::Expr(dim));
  ir::AttrDict attrs;
  attrs.emplace_back("dims", std::move(list));
  return attrs;
}

size_t copies_made = 0;

// Passes of an embedder's: each transpose of a row-major tensor is computed as a channels-last
// copy. The careful one gives its uses the layout that they had.
template <bool kRestores>
StatusOr<bool> ChannelsLast(ir::Module& module, const ir::PassContext& context) {
  bool changed = false;
  for (const std::unique_ptr<ir::Function>& function : module.functions) {
    ir::Builder builder(module, *function, context.ops);
    ir::ValueMap map(*function);
    const std::vector<ir::OpId> before =
        std::exchange(function->block(function->body).ops, std::vector<ir::OpId>());
    for (ir::OpId id : before) {
      map.ApplyTo(*function, function->op(id));
      function->block(function->body).ops.push_back(id);
      const ir::Op op = function->op(id);
      if (op.def->name != "transpose") continue;
      if (!function->value(op.operands[0]).type.is_contiguous()) continue;
      const ir::Type type = function->value(op.results[0]).type;
      GCOMP_ASSIGN_OR_RETURN(ir::ValueId last,
                             builder.Add1("transpose", {op.results[0]}, Dims({0, 2, 3, 1})));
      GCOMP_ASSIGN_OR_RETURN(last, builder.Add1("contiguous", {last}));
      GCOMP_ASSIGN_OR_RETURN(last, builder.Add1("transpose", {last}, Dims({0, 3, 1, 2})));
      if (kRestores) {
        const std::vector<int64_t> dims = ir::AttrReader(*op.def, op).Ints("dims").value();
        std::vector<int64_t> back(dims.size());
        for (size_t i = 0; i < dims.size(); ++i) {
          back[static_cast<size_t>(dims[i])] = static_cast<int64_t>(i);
        }
        GCOMP_ASSIGN_OR_RETURN(last, builder.Add1("transpose", {last}, Dims(back)));
        GCOMP_ASSIGN_OR_RETURN(last, builder.Add1("contiguous", {last}));
        GCOMP_ASSIGN_OR_RETURN(last, builder.Add1("transpose", {last}, Dims(dims)));
        EXPECT_EQ(function->value(last).type, type);
      }
      map.Replace(op.results[0], last);
      ++copies_made;
      changed = true;
    }
    map.ApplyTo(function->block(function->body).yields);
  }
  return changed;
}

constexpr ir::Pass kCareful = {"careful", "channels-last copies", &ChannelsLast<true>};
constexpr ir::Pass kCareless = {"careless", "channels-last copies", &ChannelsLast<false>};

std::shared_ptr<Engine> EngineWithStrides() {
  EngineOptions options;
  options.extension_ops = {&kStrides};
  StatusOr<std::shared_ptr<Engine>> engine = Engine::Create(options);
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  return engine.ok() ? *std::move(engine) : nullptr;
}

TEST(TracePassesTest, OperandsKeepTheirStrides) {  // spec: higher_order_ops 53
  const std::shared_ptr<Engine> engine = EngineWithStrides();
  ASSERT_NE(engine, nullptr);
  // Adds x, seen as y is, into a clone of y; and tells how x lies.
  auto gn = region("gn", [](const Array& x, const Array& y) {
    Array sum = y.clone();
    sum.add_(x.t());
    return std::pair(ops::reduce_sum(sum * sum), StridesOf(x));
  });
  auto fn = [&](Array x) {
    const Array y = ops::cos(x);
    auto [a, first] = gn(Permuted(x, {0, 3, 1, 2}), Permuted(y, {0, 3, 2, 1}));
    auto [b, second] = gn(Permuted(y, {0, 3, 2, 1}), Permuted(x, {0, 3, 1, 2}));
    return ops::concat({first, second, (a + b).view({1}).cast(DType::kI64)});
  };
  StatusOr<Traced> traced = trace(fn, std::tuple(Counting({1, 2, 2, 4}, 1)), {.engine = engine});
  ASSERT_TRUE(traced.ok()) << traced.status().ToString();
  const std::vector<float> before =
      RunModule(engine, internal::CopyOf(traced->module), Counting({1, 2, 2, 4}, 1));
  EXPECT_EQ(std::vector<float>(before.begin(), before.begin() + 8),
            (std::vector<float>{16, 1, 8, 4, 16, 1, 4, 8}));
  copies_made = 0;
  const ir::Pass* careful[] = {&kCareful};
  ir::Module module = internal::CopyOf(traced->module);
  StatusOr<std::vector<ir::PassRun>> ran = ir::RunPipeline(careful, module, {.ops = engine->ops()},
                                                           {.verify_each = true, .after_pass = {}});
  ASSERT_TRUE(ran.ok()) << ran.status().ToString();
  EXPECT_EQ(copies_made, 4u);
  EXPECT_EQ(RunModule(engine, std::move(module), Counting({1, 2, 2, 4}, 1)), before);
  // Operands of another layout than the region's parameters do not verify.
  const ir::Pass* careless[] = {&kCareless};
  module = internal::CopyOf(traced->module);
  ran = ir::RunPipeline(careless, module, {.ops = engine->ops()},
                        {.verify_each = true, .after_pass = {}});
  EXPECT_FALSE(ran.ok());
}

TEST(TracePassesTest, ResultsKeepTheirStrides) {  // spec: higher_order_ops 54
  const std::shared_ptr<Engine> engine = EngineWithStrides();
  ASSERT_NE(engine, nullptr);
  auto gn = region("gn", [](const Array& x) {
    const Array s = ops::sin(x);
    return std::pair(Permuted(s, {0, 3, 1, 2}), Permuted(ops::cos(x), {0, 3, 2, 1}));
  });
  auto fn = [&](Array x) {
    auto [a, b] = gn(x);
    return ops::concat({StridesOf(a), StridesOf(b)});
  };
  StatusOr<Traced> traced = trace(fn, std::tuple(Counting({1, 2, 2, 4}, 1)), {.engine = engine});
  ASSERT_TRUE(traced.ok()) << traced.status().ToString();
  const std::vector<float> before =
      RunModule(engine, internal::CopyOf(traced->module), Counting({1, 2, 2, 4}, 1));
  EXPECT_EQ(before, (std::vector<float>{16, 1, 8, 4, 16, 1, 4, 8})) << ir::Print(traced->module);
}

}  // namespace
}  // namespace gcomp
