// VectorOps: every primitive has the bits of ir/scalar.h, at each number of lanes, compiled for
// each level of the instruction set.
#include <gtest/gtest.h>

#ifndef GCOMP_LLVM

TEST(VectorOpsTest, All) {
  GTEST_SKIP() << "built without LLVM (GCOMP_LLVM=OFF)";
}

#else

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/scalar.h"
#include "tests/unit/jit_vector_testing.h"

namespace gcomp::codegen {
namespace {

using ir::Prim;
using ir::ScalarGraph;

constexpr DType kComputeTypes[] = {DType::kBool, DType::kI32, DType::kU32, DType::kI64,
                                   DType::kU64,  DType::kF32, DType::kF64};

INSTANTIATE_TEST_SUITE_P(Levels, VectorOpsTest, testing::ValuesIn(Targets()), NameOfTarget);

// A primitive with the types of its arguments.
struct Signature {
  Prim prim;
  DType result;
  std::vector<DType> args;

  std::string Name() const {
    std::string name(ir::NameOf(prim));
    for (DType type : args) name += Format("_{}", ir::NameOf(type));
    return name + Format("_{}", ir::NameOf(result));
  }
};

void AddSignatures(DType type, std::vector<Signature>* all) {
  auto add = [&](std::initializer_list<Prim> prims, DType result, size_t arity) {
    for (Prim prim : prims) all->push_back({prim, result, std::vector<DType>(arity, type)});
  };
  bool is_bool = type == DType::kBool;
  bool is_float = ir::IsFloat(type);
  add({Prim::kEq, Prim::kNe, Prim::kLt, Prim::kLe}, DType::kBool, 2);
  all->push_back({Prim::kSelect, type, {DType::kBool, type, type}});
  if (!is_bool) {
    add({Prim::kAdd, Prim::kSub, Prim::kMul, Prim::kDiv, Prim::kMin, Prim::kMax}, type, 2);
    add({Prim::kNeg, Prim::kAbs}, type, 1);
  }
  if (is_float) {
    add({Prim::kSqrt, Prim::kRoundEven}, type, 1);
    add({Prim::kFmod}, type, 2);
    add({Prim::kFma}, type, 3);
  } else {
    add({Prim::kAnd, Prim::kOr, Prim::kXor}, type, 2);
    add({Prim::kNot}, type, 1);
    if (!is_bool) add({Prim::kShl, Prim::kShr}, type, 2);
  }
  if (type == DType::kU32) add({Prim::kMulHigh}, type, 2);
  for (DType to : kComputeTypes) {
    all->push_back({Prim::kConvert, to, {type}});
    if (ir::BitsOf(to) == ir::BitsOf(type)) all->push_back({Prim::kBitcast, to, {type}});
  }
}

// Every combination of special values, and random ones; whole vectors of 16.
std::vector<std::vector<uint64_t> > Inputs(const Signature& signature) {
  std::mt19937_64 random(7);
  std::vector<std::vector<uint64_t> > sets(signature.args.size());
  std::vector<uint64_t> first = SpecialValues(signature.args[0]);
  std::vector<uint64_t> second =
      signature.args.size() > 1 ? SpecialValues(signature.args[1]) : std::vector<uint64_t>{0};
  for (uint64_t a : first) {
    for (uint64_t b : second) {
      sets[0].push_back(a);
      if (sets.size() > 1) sets[1].push_back(b);
      if (sets.size() > 2) {
        std::vector<uint64_t> third = SpecialValues(signature.args[2]);
        sets[2].push_back(third[random() % third.size()]);
      }
    }
  }
  size_t size = (sets[0].size() + 2000 + 15) / 16 * 16;
  for (size_t i = sets[0].size(); i < size; ++i) {
    for (size_t a = 0; a < sets.size(); ++a) {
      sets[a].push_back(RandomValue(signature.args[a], random));
    }
  }
  return sets;
}

TEST_P(VectorOpsTest, PrimitivesHaveTheBitsOfTheScalarGraph) {
  std::vector<Signature> signatures;
  for (DType type : kComputeTypes) AddSignatures(type, &signatures);
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  for (const Signature& signature : signatures) {
    std::vector<llvm::Value*> pointers = built.Begin(signature.Name(), 4);
    std::vector<llvm::Value*> args;
    for (size_t i = 0; i < signature.args.size(); ++i) {
      args.push_back(ops.Load(signature.args[i], pointers[i + 1]));
    }
    DType arg_type = signature.args[signature.prim == Prim::kSelect ? 1 : 0];
    llvm::Value* result = ops.Apply({signature.prim, signature.result}, arg_type, args);
    ASSERT_NE(result, nullptr) << signature.Name();
    ASSERT_EQ(result->getType(), ops.TypeOf(signature.result)) << signature.Name();
    ops.Store(signature.result, result, pointers[0]);
    built.End();
  }
  ASSERT_NO_FATAL_FAILURE(Compile(built));

  for (const Signature& signature : signatures) {
    std::vector<std::vector<uint64_t> > inputs = Inputs(signature);
    size_t size = inputs[0].size();
    ScalarGraph graph;
    ScalarGraph::Node node = {signature.prim, signature.result};
    std::vector<uint64_t> params;
    std::vector<Array> arrays;
    for (size_t i = 0; i < inputs.size(); ++i) {
      node.args[i] = graph.Param(i, signature.args[i]);
      params.insert(params.end(), inputs[i].begin(), inputs[i].end());
      arrays.emplace_back(signature.args[i], size);
      for (size_t j = 0; j < size; ++j) arrays[i].Set(j, inputs[i][j]);
    }
    std::vector<uint64_t> expected(size);
    graph.Evaluate(graph.Add(node), params, static_cast<int>(size), expected);
    Array result(signature.result, size);
    for (size_t j = 0; j < size; j += static_cast<size_t>(lanes())) {
      auto arg = [&](size_t i) { return i < arrays.size() ? arrays[i].at(j) : nullptr; };
      ASSERT_NO_FATAL_FAILURE(Call(signature.Name(), result.at(j), arg(0), arg(1), arg(2)));
    }
    int failures = 0;
    for (size_t j = 0; j < size && failures < 3; ++j) {
      if (Same(signature.result, result.Get(j), expected[j])) continue;
      ++failures;
      std::string args;
      for (const auto& input : inputs) args += Format(" {:x}", input[j]);
      ADD_FAILURE() << signature.Name() << args << ": "
                    << Format("{:x}, expected {:x}", result.Get(j), expected[j]);
    }
  }
}

TEST_P(VectorOpsTest, DivisionByConstants) {
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  std::vector<std::pair<std::string, ir::Scalar> > divisors;
  for (DType type : {DType::kI32, DType::kU32, DType::kI64, DType::kU64}) {
    for (uint64_t bits : SpecialValues(type)) {
      divisors.push_back({Format("by_{}_{:x}", ir::NameOf(type), bits), {type, bits}});
    }
  }
  for (const auto& [name, divisor] : divisors) {
    std::vector<llvm::Value*> pointers = built.Begin(name, 2);
    std::vector<llvm::Value*> args = {ops.Load(divisor.dtype, pointers[1]), ops.Constant(divisor)};
    ops.Store(divisor.dtype, ops.Apply({Prim::kDiv, divisor.dtype}, divisor.dtype, args),
              pointers[0]);
    built.End();
  }
  ASSERT_NO_FATAL_FAILURE(Compile(built));
  for (const auto& [name, divisor] : divisors) {
    std::vector<uint64_t> values = SpecialValues(divisor.dtype);
    values.resize((values.size() + 15) / 16 * 16);
    ScalarGraph graph;
    uint32_t args[] = {graph.Param(0, divisor.dtype), graph.Const(divisor)};
    std::vector<uint64_t> expected(values.size());
    graph.Evaluate(graph.Add({Prim::kDiv, divisor.dtype, {args[0], args[1]}}), values,
                   static_cast<int>(values.size()), expected);
    Array in(divisor.dtype, values.size());
    Array out(divisor.dtype, values.size());
    for (size_t j = 0; j < values.size(); ++j) in.Set(j, values[j]);
    for (size_t j = 0; j < values.size(); j += static_cast<size_t>(lanes())) {
      ASSERT_NO_FATAL_FAILURE(Call(name, out.at(j), in.at(j)));
    }
    for (size_t j = 0; j < values.size(); ++j) {
      EXPECT_EQ(out.Get(j), expected[j]) << name << Format(" {:x}", values[j]);
    }
  }
}

TEST_P(VectorOpsTest, ConstantsKeepTheirBits) {
  ModuleBuilder built;
  VectorOps ops(built.builder(), lanes());
  for (DType type : kComputeTypes) {
    for (uint64_t bits : SpecialValues(type)) {
      std::vector<llvm::Value*> pointers =
          built.Begin(Format("{}_{:x}", ir::NameOf(type), bits), 1);
      ops.Store(type, ops.Constant({type, bits}), pointers[0]);
      built.End();
    }
  }
  ASSERT_NO_FATAL_FAILURE(Compile(built));
  for (DType type : kComputeTypes) {
    for (uint64_t bits : SpecialValues(type)) {
      Array out(type, 16);
      ASSERT_NO_FATAL_FAILURE(Call(Format("{}_{:x}", ir::NameOf(type), bits), out.at(0)));
      for (size_t l = 0; l < static_cast<size_t>(lanes()); ++l) EXPECT_EQ(out.Get(l), bits);
    }
  }
}

}  // namespace
}  // namespace gcomp::codegen

#endif  // GCOMP_LLVM
