#include "tools/run/input_spec.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/npy.h"
#include "frontends/weights/store.h"
#include "frontends/weights/weight_table.h"
#include "tools/common.h"
#include "tools/run/generate.h"

namespace gcomp::tools {
namespace {

using Source = TensorRequest::Source;

template <class T>
bool ParseNumber(std::string_view text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::string ShowType(DType dtype, const std::vector<int64_t>& sizes) {
  std::string text(ir::NameOf(dtype));
  text += "[";
  for (size_t i = 0; i < sizes.size(); ++i) text += Format("{}{}", i == 0 ? "" : ", ", sizes[i]);
  return text + "]";
}

// "file.npz:key": only where the part before the colon looks like a file of many arrays.
void SplitKey(TensorRequest& request) {
  size_t colon = request.payload.rfind(':');
  if (colon == std::string::npos) return;
  std::string_view path = std::string_view(request.payload).substr(0, colon);
  if (!path.ends_with(".npz") && !path.ends_with(".safetensors")) return;
  request.key = request.payload.substr(colon + 1);
  request.payload.resize(colon);
}

}  // namespace

std::optional<TensorType> ParseTensorType(std::string_view text) {
  TensorType type;
  size_t last = text.rfind('x');
  // No dtype has an x in its name.
  std::string_view name = last == std::string_view::npos ? text : text.substr(last + 1);
  std::optional<DType> dtype = ir::DTypeFromName(name);
  if (!dtype) return std::nullopt;
  type.dtype = *dtype;
  std::string_view dims = last == std::string_view::npos ? "" : text.substr(0, last);
  while (last != std::string_view::npos) {
    size_t end = std::min(dims.find('x'), dims.size());
    int64_t size = 0;
    if (!ParseNumber(dims.substr(0, end), size) || size < 0) return std::nullopt;
    type.sizes.push_back(size);
    if (end == dims.size()) break;
    dims.remove_prefix(end + 1);
  }
  return type;
}

StatusOr<std::optional<uint64_t>> ParseRandom(std::string_view text) {
  if (text == "random") return std::optional<uint64_t>(0);
  if (!text.starts_with("random:")) return std::optional<uint64_t>();
  uint64_t seed = 0;
  if (!ParseNumber(text.substr(7), seed)) {
    return Status(ErrorId::E701, Format("'{}': the seed must be a number of 0 or more", text));
  }
  return std::optional<uint64_t>(seed);
}

StatusOr<TensorRequest> ParseTensorRequest(const std::string& text) {
  TensorRequest request;
  request.text = text;
  std::string_view rest = text;
  // The names of files may hold '=' as well.
  size_t equals = rest.starts_with('@') ? std::string_view::npos : rest.find('=');
  if (equals != std::string_view::npos && !ParseTensorType(rest.substr(0, equals))) {
    request.name = rest.substr(0, equals);
    if (request.name.starts_with('%')) request.name.erase(0, 1);
    if (request.name.empty()) {
      return Status(ErrorId::E701, Format("'{}': there is no name before the '='", text));
    }
    rest.remove_prefix(equals + 1);
  }
  equals = rest.starts_with('@') ? std::string_view::npos : rest.find('=');
  if (equals != std::string_view::npos) {
    request.type = ParseTensorType(rest.substr(0, equals));
    if (!request.type) {
      return Status(ErrorId::E701,
                    Format("'{}': '{}' is not a type as in 2x3xf32", text, rest.substr(0, equals)));
    }
    rest.remove_prefix(equals + 1);
  }
  GCOMP_ASSIGN_OR_RETURN(request.seed, ParseRandom(rest));
  if (request.seed) {
    request.source = Source::kRandom;
    if (rest == "random") request.seed.reset();
  } else if (rest == "iota") {
    request.source = Source::kIota;
  } else if (rest == "-") {
    request.source = Source::kStdin;
  } else if (rest.starts_with('@')) {
    request.source = Source::kFile;
    request.payload = rest.substr(1);
    SplitKey(request);
  } else {
    request.payload = rest;
  }
  if (request.payload.empty() &&
      (request.source == Source::kText || request.source == Source::kFile)) {
    bool no_elements = request.source == Source::kText && request.type;
    if (!no_elements) {
      return Status(ErrorId::E701, Format("'{}': there is nothing behind it; see --help", text));
    }
  }
  return request;
}

StatusOr<std::shared_ptr<const WeightStore>> TensorFiles::Open(const std::string& path) {
  auto found = stores_.find(path);
  if (found != stores_.end()) return found->second;
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> store, OpenWeights(path));
  stores_.emplace(path, store);
  return store;
}

StatusOr<Tensor> TensorFiles::Read(const std::string& path, const std::string& key) {
  if (path.ends_with(".npy")) return ReadNpy(path);
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const WeightStore> store, Open(path));
  return TensorFrom(*store, key);
}

StatusOr<Tensor> MakeTensor(const TensorRequest& request, const std::string& name,
                            const TensorType& type, uint64_t seed, TensorFiles& files) {
  const TensorType& own = request.type ? *request.type : type;
  switch (request.source) {
    case Source::kText:
      return TensorFromText(own.dtype, own.sizes, request.payload);
    case Source::kRandom:
      return RandomTensor(own.dtype, own.sizes, request.seed.value_or(seed));
    case Source::kIota:
      return IotaTensor(own.dtype, own.sizes);
    case Source::kFile:
    case Source::kStdin:
      break;
  }
  StatusOr<Tensor> tensor = Status();
  if (request.source == Source::kFile) {
    tensor = files.Read(request.payload, request.key.empty() ? name : request.key);
  } else {
    GCOMP_ASSIGN_OR_RETURN(std::string bytes, ReadStdin());
    tensor = ParseNpy(std::as_bytes(std::span(bytes)), "<stdin>");
  }
  if (!tensor.ok() || !request.type) return tensor;
  if (tensor->dtype() != own.dtype || tensor->sizes() != own.sizes) {
    return Status(ErrorId::E701, Format("'{}': the array is {}, the spec says {}", request.text,
                                        tensor->TypeString(), ShowType(own.dtype, own.sizes)));
  }
  return tensor;
}

}  // namespace gcomp::tools
