// Sorting of entries and selection of the least, against the standard library; topk against sort.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/sort_entries.h"
#include "tests/unit/op_runner.h"

namespace gcomp {
namespace {

using ir::DType;
using kernels::NarrowEntry;
using kernels::SelectLeast;
using kernels::SortEntries;
using kernels::SortKey;
using kernels::WideEntry;
using testing::OpCase;
using testing::TestTensor;

NarrowEntry MakeEntry(uint64_t key, int64_t position, NarrowEntry*) {
  return (key & 0xffffffff) << 32 | static_cast<uint64_t>(position);
}

WideEntry MakeEntry(uint64_t key, int64_t position, WideEntry*) {
  return {key, static_cast<uint64_t>(position)};
}

bool Same(NarrowEntry a, NarrowEntry b) {
  return a == b;
}

bool Same(const WideEntry& a, const WideEntry& b) {
  return a.key == b.key && a.position == b.position;
}

// Keys with few and many equal ones, rising, falling, and with digits that never change.
uint64_t Key(int kind, int64_t i, int64_t n, std::mt19937_64& random) {
  switch (kind) {
    case 0:
      return random();
    case 1:
      return random() % 3;
    case 2:
      return static_cast<uint64_t>(i);
    case 3:
      return static_cast<uint64_t>(n - i) << 13;
    default:
      return 0xabcd0000ef000000 | (random() & 0xff00);
  }
}

template <class Entry>
std::vector<Entry> Entries(int kind, int64_t n) {
  std::mt19937_64 random(static_cast<uint64_t>(n * 10 + kind));
  std::vector<Entry> entries;
  for (int64_t i = 0; i < n; ++i) {
    entries.push_back(MakeEntry(Key(kind, i, n, random), i, static_cast<Entry*>(nullptr)));
  }
  return entries;
}

template <class Entry>
void CheckSort() {
  for (int kind = 0; kind < 5; ++kind) {
    for (int64_t n : {1, 2, 255, 256, 257, 1000, 70000}) {
      std::vector<Entry> entries = Entries<Entry>(kind, n);
      std::vector<Entry> want = entries;
      std::sort(want.begin(), want.end());
      std::vector<Entry> other(entries.size());
      kernels::Pacer unpaced;
      const Entry* got = SortEntries(entries.data(), other.data(), n, unpaced);
      for (size_t i = 0; i < want.size(); ++i) {
        ASSERT_TRUE(Same(got[i], want[i])) << "kind " << kind << ", n " << n << ", at " << i;
      }
    }
  }
}

TEST(SortEntries, AgreesWithTheStandardLibrary) {
  CheckSort<NarrowEntry>();
  CheckSort<WideEntry>();
}

template <class Entry>
void CheckSelect() {
  for (int kind = 0; kind < 5; ++kind) {
    for (int64_t n : {1, 10, 300, 5000}) {
      for (int64_t k : {1, 2, 10, 200, 4000}) {
        std::vector<Entry> want = Entries<Entry>(kind, n);
        std::vector<Entry> room(static_cast<size_t>(SelectLeast<Entry>::Capacity(k)));
        SelectLeast<Entry> least(room.data(), k);
        for (const Entry& entry : want) least.Add(entry);
        std::sort(want.begin(), want.end());
        const std::span<const Entry> got = least.Finish();
        ASSERT_EQ(got.size(), static_cast<size_t>(std::min(k, n)));
        for (size_t i = 0; i < got.size(); ++i) {
          ASSERT_TRUE(Same(got[i], want[i])) << "kind " << kind << ", n " << n << ", k " << k;
        }
      }
    }
  }
}

TEST(SelectLeast, KeepsTheLeastInOrder) {
  CheckSelect<NarrowEntry>();
  CheckSelect<WideEntry>();
}

template <class T>
void CheckKeys(const std::vector<T>& ascending) {
  for (size_t i = 0; i + 1 < ascending.size(); ++i) {
    EXPECT_LT(SortKey(ascending[i]), SortKey(ascending[i + 1])) << ascending[i];
  }
}

template <class T>
void CheckFloatKeys() {
  using L = std::numeric_limits<T>;
  CheckKeys<T>({-L::infinity(), L::lowest(), T(-1), -L::min(), -L::denorm_min(), T(0),
                L::denorm_min(), L::min(), T(1), L::max(), L::infinity(), L::quiet_NaN()});
  EXPECT_EQ(SortKey(T(-0.0)), SortKey(T(0)));
  EXPECT_EQ(SortKey(-L::quiet_NaN()), SortKey(L::quiet_NaN()));
}

TEST(SortKey, OrdersAllNumbers) {
  CheckFloatKeys<float>();
  CheckFloatKeys<double>();
  CheckKeys<int32_t>({INT32_MIN, -1, 0, 1, INT32_MAX});
  CheckKeys<int64_t>({INT64_MIN, -1, 0, 1, INT64_MAX});
  CheckKeys<uint32_t>({0, 1, UINT32_MAX});
  CheckKeys<uint64_t>({0, 1, UINT64_MAX});
}

// ---- The ops ------------------------------------------------------------------------------------

std::vector<TestTensor> RunOn(const std::string& op, TestTensor& x, ir::AttrDict attrs) {
  auto made = OpCase::Create(op, {{x.spec()}}, std::move(attrs));
  EXPECT_TRUE(made.ok()) << made.status().ToString();
  if (!made.ok()) return {};
  std::vector<TestTensor> operands = {x};
  auto run = (*made)->Run(operands, CpuLevel::kV3);
  EXPECT_TRUE(run.ok()) << run.status().ToString();
  if (!run.ok()) return {};
  for (const TestTensor& result : *run) EXPECT_TRUE(result.GuardsIntact());
  return *std::move(run);
}

TEST(Topk, IsTheHeadOfTheSortedRow) {
  std::mt19937_64 random(7);
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kI64, DType::kU8}) {
    TestTensor x(testing::Strided(dtype, {3, 5000}, {1, 3}));
    for (int64_t i = 0; i < 15000; ++i) {
      x.Set(i, *ir::Scalar::FromDouble(dtype, static_cast<double>(random() % 200)));
    }
    for (bool largest : {true, false}) {
      // Attributes that are their defaults are not written in the text.
      ir::AttrDict order;
      if (largest) order.emplace_back("descending", true);
      std::vector<TestTensor> sorted = RunOn("sort", x, order);
      for (int64_t k : {2, 10, 1249, 1250, 5000}) {
        ir::AttrDict attrs = {{"k", ir::Expr(k)}};
        if (!largest) attrs.emplace_back("largest", false);
        std::vector<TestTensor> top = RunOn("topk", x, attrs);
        ASSERT_EQ(top.size(), 2u);
        for (size_t r = 0; r < 2; ++r) {
          for (int64_t i = 0; i < 3 * k; ++i) {
            ASSERT_EQ(top[r].Get(i), sorted[r].Get(i / k * 5000 + i % k))
                << NameOf(dtype) << " k " << k << " at " << i;
          }
        }
      }
    }
  }
}

TEST(Sort, RejectsWhatDoesNotFit) {
  auto fails = [](const std::string& op, std::vector<int64_t> sizes, ir::AttrDict attrs) {
    auto made = OpCase::Create(op, {{testing::Spec(DType::kF32, std::move(sizes))}}, attrs);
    return made.ok() ? std::string("ok") : made.status().ToString();
  };
  EXPECT_NE(fails("sort", {}, {}).find("E508"), std::string::npos);
  EXPECT_NE(fails("sort", {3}, {{"dim", ir::Expr(1)}}).find("E508"), std::string::npos);
  EXPECT_NE(fails("topk", {3}, {{"k", ir::Expr(4)}}).find("k is 4"), std::string::npos);
  EXPECT_NE(fails("topk", {3}, {{"k", ir::Expr(-1)}}).find("E508"), std::string::npos);
  EXPECT_EQ(fails("topk", {3}, {{"k", ir::Expr(3)}}), "ok");
}

}  // namespace
}  // namespace gcomp
