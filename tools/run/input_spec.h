// TensorRequest: one --input or --expected-output of the command line, and what it stands for.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/tensor.h"
#include "runtime/weights.h"

namespace gcomp::tools {

// "2x3xf32"
struct TensorType {
  DType dtype = DType::kF32;
  std::vector<int64_t> sizes;
};

std::optional<TensorType> ParseTensorType(std::string_view text);

// [NAME=][TYPE=]BODY; the bodies are told by `gcomp-run --help`.
struct TensorRequest {
  enum class Source : uint8_t { kText, kFile, kStdin, kRandom, kIota };
  std::string text;  // as written, for messages
  std::string name;  // empty = by position
  std::optional<TensorType> type;
  Source source = Source::kText;
  std::string payload;  // kText: elements; kFile: path
  std::string key;      // kFile: which array; may be empty
  std::optional<uint64_t> seed;

  // The seed for all inputs that are not told.
  bool IsDefaultSeed() const { return source == Source::kRandom && name.empty() && !type; }

  // All arrays of a file, by name.
  bool IsWholeFile() const {
    return source == Source::kFile && name.empty() && key.empty() && !payload.ends_with(".npy");
  }

  // Dims and dtype come with the request; the others need those of the function.
  bool HasOwnType() const { return type || source == Source::kFile || source == Source::kStdin; }
};

// Fails with E701.
StatusOr<TensorRequest> ParseTensorRequest(const std::string& text);

// "random" and "random:7"; nullopt = it is something else. Fails with E701 for a bad seed.
StatusOr<std::optional<uint64_t>> ParseRandom(std::string_view text);

// Files that were opened, so that a file of many arrays is read once.
class TensorFiles {
 public:
  // Fails as OpenWeights does.
  StatusOr<std::shared_ptr<const WeightStore>> Open(const std::string& path);
  // An array of a .npy file, or the array `key` of another one.
  StatusOr<Tensor> Read(const std::string& path, const std::string& key);

 private:
  std::map<std::string, std::shared_ptr<const WeightStore>> stores_;
};

// The tensor of a request. `name` stands for the key where none is written, `type` for a type where
// none is written, `seed` for the seed. Fails with E701 (request and type don't go together), and
// as the files do.
StatusOr<Tensor> MakeTensor(const TensorRequest& request, const std::string& name,
                            const TensorType& type, uint64_t seed, TensorFiles& files);

}  // namespace gcomp::tools
