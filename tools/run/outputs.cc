#include "tools/run/outputs.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/npy.h"
#include "frontends/weights/npz.h"
#include "frontends/weights/safetensors.h"
#include "ir/scalar_value.h"

namespace gcomp::tools {
namespace {

using ir::Scalar;

bool HoldsMany(std::string_view destination) {
  return destination.ends_with(".npz") || destination.ends_with(".safetensors");
}

Status WriteToStdout(const Tensor& tensor) {
  GCOMP_ASSIGN_OR_RETURN(std::vector<std::byte> file, SerializeNpy(tensor));
  if (std::fwrite(file.data(), 1, file.size(), stdout) != file.size() || std::fflush(stdout) != 0) {
    return Status(ErrorId::E605, "standard output can't be written");
  }
  return {};
}

Status WriteAll(const std::string& path, const std::vector<std::string>& names,
                const std::vector<Tensor>& results) {
  if (path.ends_with(".npz")) {
    std::vector<NamedTensor> tensors;
    for (size_t i = 0; i < results.size(); ++i) tensors.push_back({names[i], results[i]});
    return WriteNpz(path, tensors);
  }
  std::vector<Weight> weights;
  for (size_t i = 0; i < results.size(); ++i) {
    weights.push_back({names[i], results[i].dtype(), results[i].sizes(), results[i].data()});
  }
  return WriteSafetensors(path, weights);
}

Scalar ElementAt(const Tensor& tensor, int64_t index) {
  return Scalar::Load(tensor.dtype(), static_cast<const std::byte*>(tensor.data()) +
                                          index * ir::BytesOf(tensor.dtype()));
}

// Writes the elements [begin, begin + count of dims [dim, rank)) of a row-major tensor.
void ShowDim(const Tensor& tensor, int dim, int64_t begin, bool shorten, std::string& out) {
  constexpr int64_t kEnds = 3;
  if (dim == tensor.rank()) {
    out += ElementAt(tensor, begin).ToString();
    return;
  }
  int64_t size = tensor.sizes()[dim];
  int64_t step = 1;
  for (int d = dim + 1; d < tensor.rank(); ++d) step *= tensor.sizes()[d];
  bool innermost = dim + 1 == tensor.rank();
  std::string between = innermost ? ", " : ",\n" + std::string(static_cast<size_t>(dim) + 1, ' ');
  out += "[";
  for (int64_t i = 0; i < size; ++i) {
    if (i > 0) out += between;
    if (shorten && size > 2 * kEnds + 1 && i == kEnds) {
      out += "..." + between;
      i = size - kEnds;
    }
    ShowDim(tensor, dim + 1, begin + i * step, shorten, out);
  }
  out += "]";
}

// "[1, 0, 3]"
std::string IndexText(const Tensor& tensor, int64_t index) {
  std::string text;
  for (int d = tensor.rank() - 1; d >= 0; --d) {
    int64_t size = tensor.sizes()[d];
    text = Format("{}{}{}", index % size, text.empty() ? "" : ", ", text);
    index /= size;
  }
  return "[" + text + "]";
}

}  // namespace

std::vector<std::string> DistinctNames(const std::vector<std::string>& names) {
  std::set<std::string> taken(names.begin(), names.end());
  std::set<std::string> used;
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    std::string candidate = name;
    for (int n = 1; used.count(candidate) != 0 || (n > 1 && taken.count(candidate) != 0); ++n) {
      candidate = Format("{}_{}", name, n);
    }
    used.insert(candidate);
    distinct.push_back(candidate);
  }
  return distinct;
}

Status CheckDestinations(const std::vector<std::string>& destinations, size_t num_results) {
  size_t single = 0;
  for (const std::string& destination : destinations) {
    bool file =
        destination.starts_with('@') && (destination.ends_with(".npy") || HoldsMany(destination));
    if (destination != "-" && !file) {
      return Status(ErrorId::E701, Format("--output={}: it may be -, @FILE.npy, @FILE.npz or "
                                          "@FILE.safetensors",
                                          destination));
    }
    if (!HoldsMany(destination) && ++single > num_results) {
      return Status(ErrorId::E701, Format("--output={}: the function has only {} results",
                                          destination, num_results));
    }
  }
  return {};
}

Status WriteOutputs(const std::vector<std::string>& destinations,
                    const std::vector<std::string>& names, const std::vector<Tensor>& results) {
  size_t next = 0;
  for (const std::string& destination : destinations) {
    if (HoldsMany(destination)) {
      GCOMP_RETURN_IF_ERROR(WriteAll(destination.substr(1), names, results));
    } else if (destination == "-") {
      GCOMP_RETURN_IF_ERROR(WriteToStdout(results[next++]));
    } else {
      GCOMP_RETURN_IF_ERROR(WriteNpy(destination.substr(1), results[next++]));
    }
  }
  return {};
}

std::string ShowElements(const Tensor& tensor) {
  constexpr int64_t kShowAll = 200;
  std::string text;
  ShowDim(tensor, 0, 0, tensor.NumElements() > kShowAll, text);
  return text;
}

Comparison CompareTensors(std::string name, const Tensor& got, const Tensor& want, double rtol,
                          double atol) {
  constexpr uint64_t kMaxShown = 10;
  Comparison result;
  result.name = std::move(name);
  result.elements = got.NumElements();
  if (got.dtype() != want.dtype() || got.sizes() != want.sizes()) {
    result.text = Format("  it is {}, expected {}\n", got.TypeString(), want.TypeString());
    return result;
  }
  bool is_float = ir::IsFloat(got.dtype());
  for (int64_t i = 0; i < result.elements; ++i) {
    Scalar a = ElementAt(got, i);
    Scalar b = ElementAt(want, i);
    bool agree = a == b;
    if (!agree && is_float) {
      double x = a.ToDouble();
      double y = b.ToDouble();
      double error = std::fabs(x - y);
      agree = x == y || (std::isnan(x) && std::isnan(y)) ||
              (std::isfinite(y) && error <= atol + rtol * std::fabs(y));
      if (std::isfinite(error)) {
        result.max_abs_error = std::max(result.max_abs_error, error);
        if (y != 0) result.max_rel_error = std::max(result.max_rel_error, error / std::fabs(y));
      }
    } else if (!agree) {
      result.max_abs_error = std::max(result.max_abs_error, std::fabs(a.ToDouble() - b.ToDouble()));
    }
    if (agree) continue;
    if (++result.mismatches <= kMaxShown) {
      result.text +=
          Format("  {}: {}, expected {}\n", IndexText(got, i), a.ToString(), b.ToString());
    }
  }
  if (result.mismatches > kMaxShown) {
    result.text += Format("  and {} more\n", result.mismatches - kMaxShown);
  }
  result.equal = result.mismatches == 0;
  return result;
}

}  // namespace gcomp::tools
