#include "frontends/trace/pieces.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "ir/structure.h"

namespace gcomp::internal {

ir::Module CopyOf(const ir::Module& module) {
  ir::Module copy;
  copy.name = module.name;
  for (const auto& function : module.functions) {
    copy.AddFunction(function->name) = *function;
  }
  return copy;
}

namespace {

// Graphs of pieces that one function keeps; the one not used for longest goes first.
constexpr size_t kMaxGraphs = 64;

std::string KeyOf(const Flattener& in) {
  std::string key = in.tree.structure;
  for (const Array* array : in.arrays) {
    const Tensor* tensor = TensorOf(*array);
    key += ' ';
    key += tensor != nullptr ? tensor->TypeString() : "none";
  }
  return key;
}

class RecordedCall final : public PieceCall, public SegmentRunner {
 public:
  RecordedCall(Pieces& pieces, Pieces::Kind& kind, std::shared_ptr<Engine> engine, bool may_make,
               JitStats& stats)
      : pieces_(pieces),
        kind_(kind),
        engine_(std::move(engine)),
        may_make_(may_make),
        stats_(stats),
        tracer_(engine_, "piece") {
    tracer_.RunInSegments(this);
    if (kind_.drops_wraps) tracer_.DropWraps();
  }

  Status End(Flattener& out) override {
    GCOMP_RETURN_IF_ERROR(std::move(out.status));
    for (Array* array : out.arrays) {
      // Numbers too become tensors, as they are results of a graph.
      if (!array->absent() && !array->concrete()) *array = tracer_.Traced(*array);
    }
    return tracer_.EndSegment("the end");
  }

  StatusOr<std::vector<Tensor>> Run(Finished segment) override {
    return pieces_.Run(std::move(segment), engine_, may_make_, stats_);
  }

  void OnBreak() override {
    if (!kind_.broken) ++stats_.fallbacks["graph break"];
    kind_.broken = true;
  }

  WrapMode ModeOf(size_t wrap) const override {
    auto known = kind_.wraps.find(wrap);
    return known != kind_.wraps.end() ? known->second : WrapMode::kRegion;
  }

  WrapMode OnFailure(size_t wrap, const Status& failure) override {
    if (failure.id() == ErrorId::E107) {
      ++stats_.fallbacks["unsafe side effect"];
      kind_.drops_wraps = true;  // from the next call on
      return kind_.wraps[wrap] = WrapMode::kInline;
    }
    if (!Pieces::CanCut(failure)) return WrapMode::kRegion;
    OnBreak();
    return kind_.wraps[wrap] = WrapMode::kEager;
  }

 private:
  Pieces& pieces_;
  Pieces::Kind& kind_;
  std::shared_ptr<Engine> engine_;
  bool may_make_;
  JitStats& stats_;
  Tracer tracer_;
};

}  // namespace

bool Pieces::CanCut(const Status& failure) {
  if (failure.id() != ErrorId::E105 && failure.id() != ErrorId::E402) return false;
  for (const std::string& note : failure.notes()) {
    for (std::string_view op :
         {"invoke", "cond", "switch", "map", "while", "scan", "assoc_scan", "strict"}) {
      if (note.find(Format("/ {} ", op)) != std::string::npos) return false;
    }
  }
  return true;
}

Pieces::Kind* Pieces::Find(const Flattener& in) {
  auto known = kinds_.find(KeyOf(in));
  return known != kinds_.end() ? &known->second : nullptr;
}

StatusOr<std::unique_ptr<PieceCall>> Pieces::Begin(const Flattener& in,
                                                   std::shared_ptr<Engine> engine,
                                                   bool error_on_recompile, JitStats& stats) {
  Kind& kind = kinds_[KeyOf(in)];
  const bool may_make = !error_on_recompile || kind.calls == 0;
  ++kind.calls;
  return std::unique_ptr<PieceCall>(
      std::make_unique<RecordedCall>(*this, kind, std::move(engine), may_make, stats));
}

StatusOr<std::vector<Tensor>> Pieces::Run(Finished segment, const std::shared_ptr<Engine>& engine,
                                          bool may_make, JitStats& stats) {
  const ir::Function& main = *segment.module.Find("main");
  // Nothing that anybody holds was computed.
  if (main.block(main.body).ops.empty()) return std::vector<Tensor>();
  ++stats.segments;
  GCOMP_ASSIGN_OR_RETURN(Graph * graph,
                         GraphOf(std::move(segment.module), engine, may_make, stats));
  std::vector<Tensor> outputs;
  GCOMP_RETURN_IF_ERROR(graph->context->Run(segment.captured, outputs));
  return outputs;
}

StatusOr<Pieces::Graph*> Pieces::GraphOf(ir::Module module, const std::shared_ptr<Engine>& engine,
                                         bool may_make, JitStats& stats) {
  const Hash128 hash = ir::HashOf(module);
  for (const std::unique_ptr<Graph>& graph : graphs_) {
    if (!(graph->hash == hash) || !ir::Equal(graph->module, module)) continue;
    graph->last_use = ++uses_;
    return graph.get();
  }
  if (!may_make) {
    return Status(ErrorId::E403, "a piece of the function differs from those of its first call");
  }
  auto made = std::make_unique<Graph>();
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                         Session::Load(engine, CopyOf(module), nullptr, {.tier = tier_}));
  GCOMP_ASSIGN_OR_RETURN(made->context, Context::Create(session, "main"));
  made->hash = hash;
  made->module = std::move(module);
  made->last_use = ++uses_;
  ++stats.captures;
  if (graphs_.size() >= kMaxGraphs) {
    graphs_.erase(
        std::min_element(graphs_.begin(), graphs_.end(),
                         [](const auto& a, const auto& b) { return a->last_use < b->last_use; }));
  }
  graphs_.push_back(std::move(made));
  return graphs_.back().get();
}

std::vector<const ir::Module*> Pieces::graphs() const {
  std::vector<const ir::Module*> modules;
  for (const std::unique_ptr<Graph>& graph : graphs_) modules.push_back(&graph->module);
  return modules;
}

}  // namespace gcomp::internal
