#include "frontends/trace/trace.h"

#include <algorithm>

#include "base/format.h"
#include "frontends/trace/tracer.h"
#include "ir/structure.h"

namespace gcomp::internal {

using ir::Expr;
using ir::Type;

Status SameGraph(const ir::Module& a, const ir::Module& b) {
  if (ir::Equal(a, b)) return {};
  return Status(ErrorId::E705,
                "the function gives another graph when it is traced a second time: it depends on "
                "host state that it changes itself; keep that in a Cell or List");
}

TraceRun::TraceRun(const TraceOptions& options, bool cells) : options_(options), cells_(cells) {
  std::shared_ptr<Engine> engine = options.engine;
  if (engine == nullptr) {
    StatusOr<std::shared_ptr<Engine>> shared = DefaultEngine();
    if (!shared.ok()) {
      status_ = std::move(shared).status();
      return;
    }
    engine = *shared;
  }
  tracer_ = std::make_unique<Tracer>(std::move(engine), options.module_name);
  if (options.drop_wraps) tracer_->DropWraps();
}

TraceRun::~TraceRun() {
  if (tracer_ == nullptr) return;
  for (CellRecord& record : tracer_->cells()) {
    if (record.restore != nullptr) record.restore();
  }
}

Expr TraceRun::Symbol(const std::string& name, const DynamicDim& dim, int64_t size) {
  for (const auto& [known, symbol] : symbols_) {
    if (known == name) return symbol;
  }
  ir::Symbol symbol;
  symbol.low = dim.low.value_or(2);
  if (dim.high.has_value()) symbol.high = Expr(*dim.high);
  symbol.multiple = dim.multiple;
  symbol.range_written = true;
  std::string written = dim.name.empty() ? Format("s{}", symbols_.size()) : dim.name;
  Expr e = Expr::Symbol(tracer_->AddSymbol(std::move(written), std::move(symbol), size, true));
  symbols_.emplace_back(name, e);
  return e;
}

// The symbol of a size that stays open; nullopt = it is a number.
std::optional<Expr> TraceRun::SizeSymbol(const std::string& path, int dim, int64_t size) {
  for (const DynamicDim& wanted : options_.dynamic) {
    if (wanted.leaf != path || wanted.dim != dim) continue;
    if (size < 2 && !wanted.low.has_value()) return std::nullopt;
    return Symbol(wanted.name.empty() ? Format("{}, dim {}", path, dim) : wanted.name, wanted,
                  size);
  }
  if (!options_.all_dynamic || size < 2) return std::nullopt;
  Expr symbol = Symbol(Format("= {}", size), {}, size);
  tracer_->OpenSize(size, symbol);
  return symbol;
}

Type TraceRun::InputType(const Array& array, const std::string& path) {
  const Type type = array.type();
  ir::Dims dims = type.dims();
  for (size_t d = 0; d < dims.size(); ++d) {
    std::optional<Expr> symbol = SizeSymbol(path, static_cast<int>(d), dims[d].value());
    if (symbol.has_value()) dims[d] = *symbol;
  }
  return Type::Tensor(type.dtype(), std::move(dims));
}

Status TraceRun::Begin(Flattener& in) {
  GCOMP_RETURN_IF_ERROR(std::move(status_));
  GCOMP_RETURN_IF_ERROR(std::move(in.status));
  for (size_t i = 0; i < in.arrays.size(); ++i) {
    Array& array = *in.arrays[i];
    const std::string& path = in.array_paths[i];
    if (array.absent()) continue;
    if (array.kind() != Array::Kind::kConcrete && array.kind() != Array::Kind::kType) {
      StatusOr<Tensor> why = array.tensor();
      return Status(ErrorId::E204, Format("argument {} is no tensor and no example: {}", path,
                                          why.status().message()));
    }
    Type type = InputType(array, path);
    input_types_.push_back(type);
    StatusOr<Tensor> tensor = array.tensor();
    array = tracer_->AddInput(path, std::move(type), tensor.ok() ? &*tensor : nullptr);
  }
  for (size_t i = 0, leaf = 0; i < in.sizes.size(); ++i, ++leaf) {
    while (in.tree.leaves[leaf].kind != Tree::LeafKind::kSize) ++leaf;
    SymInt& size = *in.sizes[i];
    if (!options_.all_dynamic || !size.is_const() || size.expr().value() < 2) continue;
    const std::string& path = in.tree.leaves[leaf].path;
    size = SymInt(Symbol(Format("= {}", size.expr().value()), {}, size.expr().value()));
    input_types_.push_back(Type::Int(size.expr()));
    size_inputs_.push_back(i);
    tracer_->AddInput(path, Type::Int(size.expr()), nullptr);
  }
  in_ = std::move(in.tree);
  return {};
}

// The arrays that the function left in cells are results behind its own.
void TraceRun::CommitCells(std::vector<Array>* results, Traced* traced) {
  for (CellRecord& record : tracer_->cells()) {
    if (record.guard != nullptr) traced->cell_guards.push_back(record.guard);
    if (record.frame_id != CellRecord::kOutside || record.written_in.empty()) continue;
    std::vector<Array*> arrays = record.arrays();
    traced->commits.push_back({results->size(), arrays.size(), record.commit()});
    for (Array* array : arrays) results->push_back(*array);
  }
}

StatusOr<Traced> TraceRun::End(Flattener& out) {
  GCOMP_RETURN_IF_ERROR(std::move(out.status));
  std::vector<Array> results;
  for (const Array* array : out.arrays) {
    if (!array->absent()) results.push_back(*array);
  }
  Traced traced;
  for (const CellRecord& record : tracer_->cells()) {
    if (cells_ || record.written_in.empty() || record.frame_id != CellRecord::kOutside) continue;
    return Status(ErrorId::E107, Format("unsafe side effect: the function writes the host state "
                                        "`{}`, which a graph alone can't do; use jit",
                                        record.name));
  }
  CommitCells(&results, &traced);
  for (const SymInt* size : out.sizes) traced.size_results.push_back(size->expr());
  traced.bodies_traced = tracer_->bodies_traced();
  for (const Expr& guard : tracer_->facts().guards()) {
    traced.guards.push_back(tracer_->Show(guard));
  }
  GCOMP_ASSIGN_OR_RETURN(Finished finished,
                         tracer_->Finish(std::move(results), options_.captures_as_weights));
  traced.module = std::move(finished.module);
  traced.captured = std::move(finished.captured);
  traced.captured_names = std::move(finished.captured_names);
  traced.fetch = std::move(finished.fetch);
  traced.size_guards = std::move(finished.size_guards);
  traced.in = std::move(in_);
  traced.out = std::move(out.tree);
  traced.input_types = std::move(input_types_);
  traced.size_inputs = std::move(size_inputs_);
  return RenumberSizes(finished.symbols, &traced);
}

// The sizes that the function returned, in the symbols of @main.
StatusOr<Traced> TraceRun::RenumberSizes(const std::vector<ir::SymId>& kept, Traced* traced) {
  bool whole = true;
  for (Expr& size : traced->size_results) {
    size = size.Substitute([&](ir::SymId id) {
      auto at = std::find(kept.begin(), kept.end(), id);
      whole = whole && at != kept.end();
      return Expr::Symbol(ir::SymId(static_cast<size_t>(at - kept.begin())));
    });
  }
  if (!whole) {
    return Status(ErrorId::E105,
                  "the function returns a size that no tensor of its results has: "
                  "return it as an array");
  }
  return std::move(*traced);
}

}  // namespace gcomp::internal
