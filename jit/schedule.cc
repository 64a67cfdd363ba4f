#include "jit/schedule.h"

#include <algorithm>

namespace gcomp::codegen {
namespace {

// Primitives that are cheaper to compute again than to keep.
constexpr int kCheap = 4;
// Primitives of a loop over a row from which it is split from combining.
constexpr int kLongChain = 24;

// The most values that live at the same time, if nodes are computed in order, constants apart.
int MaxLive(const FusedKernel& kernel) {
  std::vector<size_t> last(kernel.nodes.size(), 0);
  for (size_t n = 0; n < kernel.nodes.size(); ++n) {
    for (int a = 0; a < kernel.nodes[n].arity(); ++a) last[kernel.nodes[n].args[a]] = n;
  }
  for (const Store& store : kernel.stores) last[store.node] = kernel.nodes.size();
  std::vector<int> dies(kernel.nodes.size() + 1, 0);
  int live = 0;
  int most = 0;
  for (size_t n = 0; n < kernel.nodes.size(); ++n) {
    const Node& node = kernel.nodes[n];
    if (node.kind == Node::Kind::kPrim && node.prim == ir::Prim::kConst) continue;
    ++live;
    ++dies[std::max(last[n], n)];
    most = std::max(most, live);
    live -= dies[n];
  }
  return most;
}

// Primitives along the row below each node, loads not counted; shared ones count for each user.
std::vector<int> Costs(const FusedKernel& kernel) {
  std::vector<int> costs(kernel.nodes.size(), 0);
  for (size_t n = 0; n < costs.size(); ++n) {
    const Node& node = kernel.nodes[n];
    if (!node.along_row || node.arity() == 0) continue;
    costs[n] = 1;
    for (int a = 0; a < node.arity(); ++a) {
      costs[n] = std::min(1000, costs[n] + costs[node.args[a]]);
    }
  }
  return costs;
}

uint32_t Levels(const FusedKernel& kernel) {
  uint32_t levels = 0;
  for (const Node& node : kernel.nodes) levels = std::max(levels, node.level);
  return levels + 1;
}

// Decides what the loops over a row by lanes keep: what a later loop reads again, if it is not
// cheap, and what is computed apart from being combined.
void ChooseKept(const FusedKernel& kernel, Schedule& schedule) {
  schedule.kept.assign(kernel.nodes.size(), false);
  schedule.apart.assign(Levels(kernel), false);
  if (!kernel.has_row || kernel.order != ir::Stage::Order::kLanes) return;
  const std::vector<int> costs = Costs(kernel);
  std::vector<bool> computed(kernel.nodes.size());
  for (uint32_t level = 0; level < schedule.apart.size(); ++level) {
    std::vector<bool> wanted(kernel.nodes.size());
    std::vector<uint32_t> combined;
    for (const Node& node : kernel.nodes) {
      if (node.kind != Node::Kind::kReduce || node.level != level + 1) continue;
      wanted[node.args[0]] = true;
      combined.push_back(node.args[0]);
    }
    for (const Store& store : kernel.stores) {
      const Node& node = kernel.nodes[store.node];
      if (node.along_row && node.level == level) wanted[store.node] = true;
    }
    // From the results down to where an earlier loop has the value.
    int work = 0;
    for (size_t n = kernel.nodes.size(); n-- > 0;) {
      const Node& node = kernel.nodes[n];
      if (!wanted[n] || !node.along_row) continue;
      if (computed[n] && costs[n] > kCheap) {
        schedule.kept[n] = true;
        continue;
      }
      computed[n] = true;
      work += node.arity() > 0 ? 1 : 0;
      for (int a = 0; a < node.arity(); ++a) wanted[node.args[a]] = true;
    }
    if (combined.empty() || work < kLongChain) continue;
    schedule.apart[level] = true;
    for (uint32_t n : combined) schedule.kept[n] = kernel.nodes[n].along_row;
  }
}

int64_t Align(int64_t bytes) {
  return (bytes + 63) / 64 * 64;
}

}  // namespace

Schedule MakeSchedule(const FusedKernel& kernel, CpuLevel cpu, int lanes) {
  Schedule schedule;
  schedule.lanes = lanes;
  const int registers = cpu == CpuLevel::kV4 ? 32 : 16;
  // Registers of one value: vectors of 16 floats are two registers of AVX2.
  int width = 1;
  for (const Node& node : kernel.nodes) {
    const int bytes = static_cast<int>(ir::BytesOf(node.type)) * lanes;
    width = std::max(width, bytes / (cpu == CpuLevel::kV4 ? 64 : 32));
  }
  // Spills cost less than waiting: up to some twice the registers.
  const int room = 5 * registers / (2 * std::max(1, MaxLive(kernel) * width));
  schedule.interleave = room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
  ChooseKept(kernel, schedule);
  return schedule;
}

ScratchLayout LayOutScratch(const FusedKernel& kernel, const Schedule& schedule) {
  ScratchLayout layout;
  const bool lanes = kernel.order == ir::Stage::Order::kLanes;
  const int64_t pieces = lanes ? (kernel.row + kChunk - 1) / kChunk
                               : (kernel.row + kBlock - 1) / kBlock * schedule.interleave;
  for (size_t r = 0; r < kernel.reductions.size(); ++r) {
    layout.partials.push_back(layout.bytes);
    layout.bytes = Align(layout.bytes + pieces * 8 * (lanes ? 1 : schedule.lanes));
  }
  for (size_t n = 0; n < kernel.nodes.size(); ++n) {
    layout.kept.push_back(layout.bytes);
    if (n >= schedule.kept.size() || !schedule.kept[n]) continue;
    const int64_t padded = (kernel.row + 127) / 128 * 128;
    layout.bytes = Align(layout.bytes + padded * ir::BytesOf(kernel.nodes[n].type));
  }
  return layout;
}

WorkItems CountWork(const FusedKernel& kernel, const Schedule& schedule) {
  WorkItems work;
  if (kernel.has_row && kernel.order == ir::Stage::Order::kLanes) {
    work.count = kernel.Points();
    work.elements_per_item = kernel.row;
    return work;
  }
  const int64_t inner = kernel.axes.empty() ? 1 : kernel.axes.back();
  const int64_t outer = kernel.Points() / inner;
  if (!kernel.has_row) {
    if (kernel.axes.size() > 1) return {outer, 1, inner};
    return {inner, int64_t{schedule.lanes} * schedule.interleave, 1};
  }
  const int64_t columns = int64_t{schedule.lanes} * schedule.interleave;
  return {outer * ((inner + columns - 1) / columns), 1, columns * kernel.row};
}

}  // namespace gcomp::codegen
