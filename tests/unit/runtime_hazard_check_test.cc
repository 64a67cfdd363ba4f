// A wrong memory plan or order of steps is found from the steps' buffer uses alone.
#include <gtest/gtest.h>

#include "runtime/hazard_check.h"

namespace gcomp {
namespace {

class NothingKernel final : public ir::Kernel {
 public:
  explicit NothingKernel(size_t scratch = 0) : scratch_(scratch) {}

  size_t scratch_bytes() const override { return scratch_; }

  Status Run(const ir::KernelArgs&) const override { return {}; }

 private:
  size_t scratch_;
};

// Slot 0 is a parameter; 1 and 2 are made of it; 3 is made of 1 and 2. Each has 64 bytes.
class HazardCheckTest : public ::testing::Test {
 protected:
  HazardCheckTest() {
    for (int i = 0; i < 4; ++i) {
      code_.specs.push_back({.dtype = ir::DType::kF32, .sizes = {16}, .strides = {1}});
    }
    AddStep({0}, 1);
    AddStep({0}, 2);
    AddStep({1, 2}, 3);
    code_.arena_slots = {{1, 0, 0, 2}, {2, 64, 1, 2}, {3, 128, 2, 2}};
    code_.lives = {{0, 0, 1}, {1, 1, 2}, {2, 2, 2}};
  }

  void AddStep(std::initializer_list<uint32_t> operands, uint32_t result) {
    Instruction step{};
    step.kernel = &kernel_;
    step.operands = static_cast<uint32_t>(code_.slot_lists.size());
    code_.slot_lists.insert(code_.slot_lists.end(), operands);
    step.results = static_cast<uint32_t>(code_.slot_lists.size());
    code_.slot_lists.push_back(result);
    step.end = static_cast<uint32_t>(code_.slot_lists.size());
    code_.instructions.push_back(step);
  }

  NothingKernel kernel_;
  BlockCode code_;
};

TEST_F(HazardCheckTest, ARightPlanPasses) {
  EXPECT_TRUE(CheckHazards(code_).ok());
}

TEST_F(HazardCheckTest, LiveInsAreWhatStepsBehindABoundaryRead) {
  EXPECT_EQ(code_.LiveIn(0), (std::vector<uint32_t>{0}));
  EXPECT_EQ(code_.LiveIn(1), (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(code_.LiveIn(2), (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(code_.LiveIn(3), std::vector<uint32_t>());
}

TEST_F(HazardCheckTest, FindsAReadOfWhatIsNotLive) {
  code_.lives[1].until = 1;
  EXPECT_NE(CheckHazards(code_).message().find("step 2 reads slot 1, which is not among"),
            std::string::npos);
  code_.lives[1] = {0, 0, 1};
  EXPECT_FALSE(CheckHazards(code_).ok());
}

TEST_F(HazardCheckTest, FindsAReadOfWhatWasWrittenOver) {
  code_.arena_slots[1].offset = 32;
  const Status status = CheckHazards(code_);
  EXPECT_EQ(status.id(), ErrorId::E999);
  EXPECT_NE(status.message().find("step 2 reads slot 1"), std::string::npos) << status.ToString();
}

TEST_F(HazardCheckTest, FindsAResultOverAnOperandOfTheSameStep) {
  code_.arena_slots[2].offset = 64;
  EXPECT_EQ(CheckHazards(code_).id(), ErrorId::E999);
}

TEST_F(HazardCheckTest, FindsScratchOverAnOperand) {
  const NothingKernel scratch(8);
  code_.instructions[2].kernel = &scratch;
  code_.instructions[2].scratch_offset = 120;
  EXPECT_EQ(CheckHazards(code_).id(), ErrorId::E999);
  code_.instructions[2].scratch_offset = 192;
  EXPECT_TRUE(CheckHazards(code_).ok());
}

TEST_F(HazardCheckTest, FindsAReadBeforeTheWrite) {
  code_.slot_lists[0] = 3;
  EXPECT_EQ(CheckHazards(code_).id(), ErrorId::E999);
}

TEST_F(HazardCheckTest, AViewIsItsStorage) {
  code_.specs.push_back(code_.specs[1]);
  code_.fixed_moves.push_back({4, 1, 0});
  code_.slot_lists[4] = 4;  // the last step reads the view of slot 1
  EXPECT_TRUE(CheckHazards(code_).ok());
  code_.arena_slots[1].offset = 0;
  EXPECT_EQ(CheckHazards(code_).id(), ErrorId::E999);
}

}  // namespace
}  // namespace gcomp
