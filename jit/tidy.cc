#include "jit/tidy.h"

#include <algorithm>
#include <utility>

namespace gcomp::codegen {
namespace {

class Tidier {
 public:
  explicit Tidier(FusedKernel& kernel) : kernel_(kernel) {}

  void Run() {
    OrderAxes();
    MergeAxes();
    DropUnused();
  }

 private:
  template <class Visit>
  void ForEachOffset(const Visit& visit) {
    for (Access& access : kernel_.accesses) {
      visit(access.offset);
      for (Bound& bound : access.bounds) visit(bound.index);
    }
    for (Store& store : kernel_.stores) visit(store.offset);
  }

  // Parallel axes in the order in which the first result (or operand) lies in memory.
  void OrderAxes() {
    const size_t rank = kernel_.axes.size();
    std::vector<size_t> order(rank);
    for (size_t i = 0; i < rank; ++i) order[i] = i;
    auto whole = std::find_if(kernel_.stores.begin(), kernel_.stores.end(), [&](const Store& s) {
      return std::all_of(s.offset.coefs.begin(),
                         s.offset.coefs.begin() + static_cast<std::ptrdiff_t>(rank),
                         [](int64_t c) { return c != 0; });
    });
    if (whole == kernel_.stores.end()) return;
    const std::vector<int64_t> coefs = whole->offset.coefs;
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return coefs[a] > coefs[b]; });
    auto permute = [&](std::vector<int64_t>& list) {
      const std::vector<int64_t> old = list;
      for (size_t i = 0; i < rank; ++i) list[i] = old[order[i]];
    };
    permute(kernel_.axes);
    ForEachOffset([&](Offset& offset) { permute(offset.coefs); });
  }

  // Neighboring parallel axes that everything walks as one become one.
  void MergeAxes() {
    for (size_t i = kernel_.axes.size(); i-- > 1;) {
      bool merge = true;
      ForEachOffset([&](Offset& offset) {
        merge = merge && offset.coefs[i - 1] == offset.coefs[i] * kernel_.axes[i];
      });
      if (!merge) continue;
      kernel_.axes[i] *= kernel_.axes[i - 1];
      kernel_.axes.erase(kernel_.axes.begin() + static_cast<std::ptrdiff_t>(i - 1));
      ForEachOffset([&](Offset& offset) {
        offset.coefs.erase(offset.coefs.begin() + static_cast<std::ptrdiff_t>(i - 1));
      });
    }
  }

  // Leaves out the nodes that no store needs, and puts buffers that are read first.
  void DropUnused() {
    std::vector<bool> used(kernel_.nodes.size());
    for (const Store& store : kernel_.stores) used[store.node] = true;
    for (size_t n = used.size(); n-- > 0;) {
      if (used[n]) ForEachArg(kernel_.nodes[n], [&](uint32_t& arg) { used[arg] = true; });
    }
    std::vector<uint32_t> to(used.size());
    std::vector<Node> nodes;
    for (size_t n = 0; n < used.size(); ++n) {
      if (!used[n]) continue;
      Node node = kernel_.nodes[n];
      ForEachArg(node, [&](uint32_t& arg) { arg = to[arg]; });
      to[n] = static_cast<uint32_t>(nodes.size());
      nodes.push_back(node);
    }
    kernel_.nodes = std::move(nodes);
    for (Store& store : kernel_.stores) store.node = to[store.node];
    DropUnusedTables();
  }

  template <class Visit>
  static void ForEachArg(Node& node, const Visit& visit) {
    for (int a = 0; a < node.arity(); ++a) visit(node.args[a]);
  }

  void DropUnusedTables() {
    std::vector<Access> accesses;
    std::vector<Reduction> reductions;
    for (Node& node : kernel_.nodes) {
      if (node.kind == Node::Kind::kLoad || node.kind == Node::Kind::kIndex) {
        accesses.push_back(kernel_.accesses[node.detail]);
        node.detail = static_cast<uint32_t>(accesses.size() - 1);
      } else if (node.kind == Node::Kind::kReduce) {
        reductions.push_back(std::move(kernel_.reductions[node.detail]));
        node.detail = static_cast<uint32_t>(reductions.size() - 1);
      }
    }
    kernel_.accesses = std::move(accesses);
    kernel_.reductions = std::move(reductions);
    std::vector<bool> read(kernel_.buffers.size());
    for (const Node& node : kernel_.nodes) {
      if (node.kind == Node::Kind::kLoad) read[kernel_.accesses[node.detail].buffer] = true;
    }
    std::vector<uint32_t> to(kernel_.buffers.size());
    std::vector<Buffer> buffers;
    for (bool written : {false, true}) {
      for (size_t b = 0; b < kernel_.buffers.size(); ++b) {
        if (kernel_.buffers[b].written != written || (!written && !read[b])) continue;
        to[b] = static_cast<uint32_t>(buffers.size());
        buffers.push_back(kernel_.buffers[b]);
      }
    }
    kernel_.buffers = std::move(buffers);
    for (const Node& node : kernel_.nodes) {
      if (node.kind != Node::Kind::kLoad) continue;
      Access& access = kernel_.accesses[node.detail];
      access.buffer = to[access.buffer];
    }
    for (Store& store : kernel_.stores) store.buffer = to[store.buffer];
  }

  FusedKernel& kernel_;
};

}  // namespace

void Tidy(FusedKernel& kernel) {
  Tidier(kernel).Run();
}

}  // namespace gcomp::codegen
