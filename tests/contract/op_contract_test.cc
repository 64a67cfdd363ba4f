// The contract of op records: every op of the built-in table is whole. A new op that lacks a part
// fails here, with its name.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "tests/reference/reference.h"

namespace gcomp {
namespace {

using ir::Lowering;
using ir::OpDef;

TEST(OpContract, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (const OpDef* def : kernels::AllOps()) {
    EXPECT_FALSE(def->name.empty());
    EXPECT_TRUE(names.insert(def->name).second) << def->name << " is there twice";
  }
  EXPECT_FALSE(names.empty());
}

TEST(OpContract, EachOpIsDocumented) {
  for (const OpDef* def : kernels::AllOps()) {
    EXPECT_FALSE(def->doc.empty()) << def->name << " has no doc";
    EXPECT_FALSE(def->source.empty()) << def->name << " has no source";
    for (const ir::AttrSpec& attr : def->attrs) {
      EXPECT_FALSE(attr.doc.empty()) << def->name << ": attribute " << attr.name << " has no doc";
    }
  }
}

TEST(OpContract, EachOpInfersAndHasADerivativeOrAReason) {
  for (const OpDef* def : kernels::AllOps()) {
    EXPECT_NE(def->infer, nullptr) << def->name << " has no infer";
    EXPECT_NE(def->vjp.rule != nullptr, !def->vjp.reason.empty())
        << def->name << " has not exactly one of a derivative and a reason for none";
  }
}

TEST(OpContract, EachOpHasExactlyOneLowering) {
  for (const OpDef* def : kernels::AllOps()) {
    const Lowering& lowering = def->lowering;
    switch (lowering.kind) {
      case Lowering::Kind::kMissing:
        ADD_FAILURE() << def->name << " has no lowering";
        break;
      case Lowering::Kind::kPointwise:
      case Lowering::Kind::kLoops:
        EXPECT_NE(lowering.loops, nullptr) << def->name << " has no function that builds its loops";
        EXPECT_TRUE(lowering.why.empty()) << def->name << " has loops and a reason for none";
        break;
      case Lowering::Kind::kView:
        EXPECT_GE(def->effects.alias_of[0], 0) << def->name << " is a view of no operand";
        EXPECT_EQ(lowering.loops, nullptr) << def->name << " is a view and has loops";
        break;
      case Lowering::Kind::kInPlace:
        ASSERT_NE(def->functional, nullptr) << def->name << " is in place of no op";
        EXPECT_EQ(def->effects.writes, 1u) << def->name << " writes other operands than the first";
        EXPECT_EQ(def->effects.alias_of[0], 0) << def->name << " gives another tensor back";
        break;
      case Lowering::Kind::kDecompose:
        EXPECT_NE(lowering.decompose, nullptr) << def->name << " has no formula";
        // A formula for some attributes only (batch_norm) leaves the others to kernel and loops.
        EXPECT_EQ(def->prepare == nullptr, lowering.loops == nullptr)
            << def->name << " has a formula and only one of kernel and loops";
        break;
      case Lowering::Kind::kStructure:
      case Lowering::Kind::kExternal:
        EXPECT_FALSE(lowering.why.empty()) << def->name << " does not say why it has no loops";
        EXPECT_EQ(lowering.loops, nullptr) << def->name << " has loops and a reason for none";
        break;
    }
  }
}

TEST(OpContract, EachOpThatComputesHasAKernel) {
  for (const OpDef* def : kernels::AllOps()) {
    if (def->is_view() || def->decomposes()) continue;
    EXPECT_NE(def->prepare, nullptr) << def->name << " has no kernel";
  }
}

TEST(OpContract, EachToleranceHasItsReason) {
  for (const OpDef* def : kernels::AllOps()) {
    const ir::Tolerance& tolerance = def->tolerance;
    EXPECT_GE(tolerance.ulp, 0) << def->name;
    EXPECT_GE(tolerance.rtol, 0) << def->name;
    if (tolerance.ulp != 0 || tolerance.rtol != 0) {
      EXPECT_FALSE(tolerance.reason.empty()) << def->name << " has a tolerance without a reason";
    }
    if (def->numeric == ir::NumericClass::kPinned) {
      EXPECT_FALSE(tolerance.reason.empty()) << def->name << " is pinned without a stated bound";
    }
  }
}

TEST(OpContract, TheReferenceKnowsEachOpThatComputes) {
  for (const OpDef* def : kernels::AllOps()) {
    if (def->lowering.kind == Lowering::Kind::kStructure) continue;
    EXPECT_TRUE(reference::Knows(*def)) << def->name;
  }
}

TEST(OpContract, EachPointwiseOpOnFloatsHasADerivative) {
  // Results that are no floats, or that jump and are flat between, have none by nature.
  for (const OpDef* def : kernels::AllOps()) {
    if (def->lowering.kind != Lowering::Kind::kPointwise || def->vjp.rule != nullptr) continue;
    EXPECT_FALSE(def->vjp.not_yet) << def->name << " has no rule: " << def->vjp.reason;
  }
}

TEST(OpContract, SchemasAreWellFormed) {
  for (const OpDef* def : kernels::AllOps()) {
    std::set<std::string_view> names;
    bool variadic = false;
    for (const ir::OperandSpec& operand : def->operands) {
      EXPECT_TRUE(names.insert(operand.name).second) << def->name << ": " << operand.name;
      if (operand.kind == ir::OperandKind::kRequired) {
        EXPECT_FALSE(variadic) << def->name << ": operand after the variadic one";
      }
      if (operand.kind == ir::OperandKind::kVariadic) {
        EXPECT_FALSE(variadic) << def->name << ": two variadic operands";
        variadic = true;
      }
    }
    for (const ir::AttrSpec& attr : def->attrs) {
      EXPECT_TRUE(names.insert(attr.name).second) << def->name << ": " << attr.name;
    }
    for (int8_t operand : def->effects.alias_of) {
      EXPECT_LT(operand, static_cast<int>(def->operands.size())) << def->name;
    }
  }
}

TEST(OpContract, EachOpHasItsTestFile) {
  std::string missing;
  for (const OpDef* def : kernels::AllOps()) {
    if (def->functional != nullptr) continue;  // below
    const std::string name = std::string(def->name) + ".ir";
    if (!std::filesystem::exists(std::filesystem::path(GCOMP_SOURCE_DIR) / "tests/ops" / name)) {
      missing += " " + name;
    }
  }
  EXPECT_TRUE(missing.empty()) << "tests/ops lacks:" << missing;
}

TEST(OpContract, EachFormInPlaceIsInTheirTestFile) {
  std::ifstream file(std::filesystem::path(GCOMP_SOURCE_DIR) / "tests/ops/in_place.ir");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string missing;
  for (const OpDef* def : kernels::AllOps()) {
    if (def->functional == nullptr) continue;
    const std::string use = " = " + std::string(def->name) + "(";
    if (text.find(use) == std::string::npos) missing += " " + std::string(def->name);
  }
  EXPECT_TRUE(missing.empty()) << "tests/ops/in_place.ir lacks:" << missing;
}

}  // namespace
}  // namespace gcomp
