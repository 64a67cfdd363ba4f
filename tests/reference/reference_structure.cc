// Ops with regions, whose bodies are evaluated op by op; out_dtype, tokens.
//
// Each op of a body is computed from values rounded as its dtype has them. Where an op of a body
// has a tolerance, or is not known here, any result will do (Tensor::undetermined).
#include <algorithm>
#include <functional>
#include <utility>

#include "ir/op_def.h"
#include "tests/reference/call.h"
#include "tests/reference/machine.h"

namespace gcomp::reference {
namespace {

using ir::DType;

// Runs regions of one op; remembers whether all of it was exact.
class Body {
 public:
  explicit Body(const Call& call) : call_(call) {}

  // Region r on params.
  StatusOr<Tensors> Run(size_t r, const Tensors& params) {
    Machine own(nullptr);
    Machine& machine = call_.machine == nullptr ? own : *call_.machine;
    const int64_t before = machine.inexact_ops();
    StatusOr<Tensors> yields =
        machine.RunRegion(call_.function, call_.op.regions[r], params, call_.symbols);
    if (machine.inexact_ops() != before) exact_ = false;
    if (!yields.ok()) return yields;
    for (Tensor& yield : *yields) {
      if (!yield.undetermined.empty()) exact_ = false;
      yield.undetermined.clear();
    }
    return yields;
  }

  // `results`, where they are not known to the last bit as ones that stand for any.
  StatusOr<Tensors> Finish(StatusOr<Tensors> results) const {
    if (!results.ok() || exact_) return results;
    for (Tensor& result : *results) result.undetermined.assign(result.data.size(), true);
    return results;
  }

 private:
  const Call& call_;
  bool exact_ = true;
};

Tensors Operands(const Call& call, size_t first, size_t count) {
  const auto part = call.operands.subspan(first, count);
  return Tensors(part.begin(), part.end());
}

Tensors Group(const Call& call, size_t g) {
  const size_t first = call.op.group_begin[g];
  return Operands(call, first, call.op.group_begin[g + 1] - first);
}

void Append(Tensors& to, const Tensors& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// ---- One region, once ---------------------------------------------------------------------------

StatusOr<Tensors> Once(const Call& call) {
  Body body(call);
  return body.Finish(body.Run(0, Tensors(call.operands.begin(), call.operands.end())));
}

StatusOr<Tensors> Cond(const Call& call) {
  Body body(call);
  const Number p = call.operand(0).data[0];
  return body.Finish(body.Run(p != 0 ? 0 : 1, Operands(call, 1, call.operands.size() - 1)));
}

StatusOr<Tensors> Switch(const Call& call) {
  Body body(call);
  const auto last = static_cast<Number>(call.op.regions.size() - 1);
  const Number r = std::min(std::max<Number>(call.operand(0).data[0], 0), last);
  return body.Finish(body.Run(static_cast<size_t>(r), Operands(call, 1, call.operands.size() - 1)));
}

// ---- Loops --------------------------------------------------------------------------------------

StatusOr<Tensors> While(const Call& call) {
  Body body(call);
  Tensors carry = Group(call, 0);
  auto loop = [&]() -> StatusOr<Tensors> {
    while (true) {
      Tensors params = carry;
      Append(params, Group(call, 1));
      GCOMP_ASSIGN_OR_RETURN(Tensors go, body.Run(0, params));
      if (go[0].data[0] == 0) return carry;
      GCOMP_ASSIGN_OR_RETURN(carry, body.Run(1, params));
    }
  };
  return body.Finish(loop());
}

// x at place k of an axis, without the axis.
Tensor SliceAt(const Tensor& x, size_t axis, int64_t k) {
  Sizes sizes = x.sizes;
  sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(axis));
  return Generate(x.dtype, sizes, [&](const Sizes& index) {
    Sizes at = index;
    at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), k);
    return At(x, at);
  });
}

// map and scan: carries and slices in, carries and rows out.
StatusOr<Tensors> Loop(const Call& call, Tensors carry, const Tensors& xs, const Tensors& extra,
                       int64_t dim, bool reverse) {
  Body body(call);
  const size_t num_carries = carry.size();
  Tensors results = carry;
  for (size_t i = num_carries; i < call.op.results.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(Sizes sizes, call.ResultSizes(i));
    const auto n = static_cast<size_t>(Count(sizes));
    results.push_back({call.result_dtype(i), std::move(sizes), std::vector<Number>(n, 0)});
  }
  std::vector<size_t> axes;
  for (const Tensor& x : xs) {
    GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(dim, x.sizes.size()));
    axes.push_back(axis);
  }
  auto loop = [&]() -> StatusOr<Tensors> {
    const int64_t n = xs.empty() ? 0 : xs[0].sizes[axes[0]];
    for (int64_t trip = 0; trip < n; ++trip) {
      const int64_t k = reverse ? n - 1 - trip : trip;
      Tensors params(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(num_carries));
      for (size_t i = 0; i < xs.size(); ++i) params.push_back(SliceAt(xs[i], axes[i], k));
      Append(params, extra);
      GCOMP_ASSIGN_OR_RETURN(Tensors made, body.Run(0, params));
      for (size_t i = 0; i < made.size(); ++i) {
        if (i < num_carries) {
          results[i] = made[i];
        } else {
          const auto row = static_cast<std::ptrdiff_t>(made[i].data.size());
          std::copy(made[i].data.begin(), made[i].data.end(), results[i].data.begin() + k * row);
        }
      }
    }
    return results;
  };
  return body.Finish(loop());
}

StatusOr<Tensors> Map(const Call& call) {
  const Tensors xs = Group(call, 0);
  if (!xs.empty() && xs[0].sizes[0] == 0) return call.Fail(ErrorId::E401, "no slices");
  return Loop(call, {}, xs, Group(call, 1), 0, false);
}

StatusOr<Tensors> Scan(const Call& call) {
  return Loop(call, Group(call, 0), Group(call, 1), Group(call, 2), call.attrs.Int("dim", 0),
              call.attrs.Bool("reverse", false));
}

// ---- assoc_scan ---------------------------------------------------------------------------------

using Combine = std::function<StatusOr<Tensors>(const Tensors&, const Tensors&)>;
using Elements = std::vector<Tensors>;

// left, combined with each element.
Status CombineAll(const Combine& combine, const Tensors& left, std::span<Tensors> elements) {
  for (Tensors& element : elements) {
    GCOMP_ASSIGN_OR_RETURN(element, combine(left, element));
  }
  return {};
}

// One chunk in the order of docs/numerics.md, "Scans".
Status ScanChunk(const Combine& combine, bool grouped, std::span<Tensors> chunk) {
  constexpr size_t kGroup = 16;
  if (!grouped) {
    for (size_t i = 1; i < chunk.size(); ++i) {
      GCOMP_RETURN_IF_ERROR(CombineAll(combine, chunk[i - 1], chunk.subspan(i, 1)));
    }
    return {};
  }
  for (size_t begin = 0; begin < chunk.size(); begin += kGroup) {
    std::span<Tensors> group = chunk.subspan(begin, std::min(kGroup, chunk.size() - begin));
    for (size_t d = 1; d < kGroup; d *= 2) {
      const Elements before(group.begin(), group.end());
      for (size_t i = d; i < group.size(); ++i) {
        GCOMP_RETURN_IF_ERROR(CombineAll(combine, before[i - d], group.subspan(i, 1)));
      }
    }
    if (begin > 0) GCOMP_RETURN_IF_ERROR(CombineAll(combine, chunk[begin - 1], group));
  }
  return {};
}

Status ScanElements(const Combine& combine, bool grouped, Elements& elements) {
  constexpr size_t kChunk = 4096;
  Tensors offset;
  for (size_t begin = 0; begin < elements.size(); begin += kChunk) {
    std::span<Tensors> chunk =
        std::span(elements).subspan(begin, std::min(kChunk, elements.size() - begin));
    GCOMP_RETURN_IF_ERROR(ScanChunk(combine, grouped, chunk));
    Tensors total = chunk.back();
    if (begin > 0) {
      GCOMP_RETURN_IF_ERROR(CombineAll(combine, offset, chunk));
      GCOMP_ASSIGN_OR_RETURN(total, combine(offset, total));
    }
    offset = std::move(total);
  }
  return {};
}

// The places of one line of an assoc_scan: those of single elements, or of whole slices.
struct Line {
  Sizes outer;  // the index of its first element
  size_t axis;
  bool slices;

  Elements Take(const Tensors& xs) const {
    Elements elements(static_cast<size_t>(xs[0].sizes[axis]));
    Sizes at = outer;
    for (size_t k = 0; k < elements.size(); ++k) {
      at[axis] = static_cast<int64_t>(k);
      for (const Tensor& x : xs) {
        elements[k].push_back(slices ? SliceAt(x, axis, at[axis])
                                     : Tensor{x.dtype, {}, {At(x, at)}});
      }
    }
    return elements;
  }

  void Put(const Elements& elements, Tensors& ys) const {
    for (size_t k = 0; k < elements.size(); ++k) {
      for (size_t l = 0; l < ys.size(); ++l) {
        size_t next = 0;
        Sizes kept = slices ? ys[l].sizes : Sizes(outer.size(), 1);
        kept[axis] = 1;
        ForEach(kept, [&](const Sizes& index) {
          Sizes at = slices ? index : outer;
          at[axis] = static_cast<int64_t>(k);
          ys[l].data[Position(ys[l].sizes, at)] = elements[k][l].data[next++];
        });
      }
    }
  }
};

StatusOr<Tensors> AssocScan(const Call& call) {
  Tensors ys(call.operands.begin(), call.operands.end());
  const Sizes sizes = ys[0].sizes;
  GCOMP_ASSIGN_OR_RETURN(size_t axis, call.Axis(call.attrs.Int("dim", 0), sizes.size()));
  bool grouped = true;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] != 1) grouped = d == axis;
  }
  const bool slices = call.attrs.String("mode", "pointwise") == "slice";
  const bool reverse = call.attrs.Bool("reverse", false);
  Body body(call);
  const Combine combine = [&](const Tensors& left, const Tensors& right) {
    Tensors params = left;
    Append(params, right);
    return body.Run(0, params);
  };
  Sizes lines = slices ? Sizes(sizes.size(), 1) : sizes;
  lines[axis] = 1;
  Status status;
  ForEach(lines, [&](const Sizes& outer) {
    const Line line = {outer, axis, slices};
    Elements elements = line.Take(ys);
    if (reverse) std::reverse(elements.begin(), elements.end());
    if (status.ok()) status = ScanElements(combine, grouped, elements);
    if (reverse) std::reverse(elements.begin(), elements.end());
    if (status.ok()) line.Put(elements, ys);
  });
  return body.Finish(status.ok() ? StatusOr<Tensors>(std::move(ys)) : std::move(status));
}

// ---- out_dtype ----------------------------------------------------------------------------------

StatusOr<Tensors> Mul(const Call& call) {
  const Tensor& a = call.operand(0);
  const Tensor& b = call.operand(1);
  const Sizes both[] = {a.sizes, b.sizes};
  GCOMP_ASSIGN_OR_RETURN(Sizes sizes, BroadcastSizes(call, both));
  return One(Generate(a.dtype, sizes, [&](const Sizes& index) {
    const Number x = AtBroadcast(a, index);
    const Number y = AtBroadcast(b, index);
    if (ir::IsInteger(a.dtype)) return Wrapped(a.dtype, WideOf(x) * WideOf(y));
    if (a.dtype != DType::kF64) return x * y;
    return static_cast<Number>(static_cast<double>(x) * static_cast<double>(y));
  }));
}

StatusOr<Tensors> OutDType(const Call& call) {
  const DType dtype = call.result_dtype();
  Tensors operands(call.operands.begin(), call.operands.end());
  for (Tensor& operand : operands) {
    for (Number& x : operand.data) x = Cast(operand.dtype, dtype, x);
    operand.dtype = dtype;
  }
  const Call inner = {call.function,
                      call.op,
                      operands,
                      call.symbols,
                      Attributes(call.op, call.symbols, ComputeDType(dtype)),
                      call.machine};
  const std::string name = call.attrs.String("op", "");
  if (name == "mul") return Mul(inner);
  for (std::span<const OpEntry> family : {LinalgOps(), WindowOps()}) {
    for (const OpEntry& entry : family) {
      if (entry.name == name) return entry.evaluate(inner);
    }
  }
  return call.Fail(ErrorId::E241, "another op");
}

// ---- Tokens -------------------------------------------------------------------------------------

StatusOr<Tensors> Token(const Call& call) {
  Tensors tokens;
  if (!call.op.results.empty()) tokens.push_back({DType::kU8, {0}, {}});
  return tokens;
}

constexpr OpEntry kOps[] = {
    {"wrap", Once},          {"checkpoint", Once}, {"hints", Once},           {"strict", Once},
    {"cond", Cond},          {"switch", Switch},   {"while", While},          {"map", Map},
    {"scan", Scan},          {"io.token", Token},  {"assoc_scan", AssocScan}, {"io.print", Token},
    {"out_dtype", OutDType},
};

}  // namespace

std::span<const OpEntry> StructureOps() {
  return kOps;
}

}  // namespace gcomp::reference
