// Safetensors files: 8 bytes of header length, a JSON header, then the tensors' bytes.
// Format: https://huggingface.co/docs/safetensors (the header is at most 100 MB, offsets count from
// its end, the data have no holes and no overlaps, names are unique).
//
// Reading copies nothing: weights point into the mapped file. All of the header is checked before
// anything of it is used; a file is rejected as a whole.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "runtime/weights.h"

namespace gcomp {

// Fails with E601 (no such file), E602 (malformed; the message has the place) and E802 (a limit). A
// tensor of a dtype that gcomp does not have is left out, and `description` of the store says so.
// Cost: time linear in the header (and in the bytes of bool tensors), no memory for the data.
StatusOr<std::shared_ptr<const WeightStore>> OpenSafetensors(const std::string& path);

// The same for a file in memory, which outlives the store; `name` stands for the path.
StatusOr<std::shared_ptr<const WeightStore>> ParseSafetensors(std::span<const std::byte> file,
                                                              const std::string& name);

// Writes the weights, the widest dtypes first so that all are aligned. Fails with E605, E604 (a
// dtype that the format has no name for) and E701 (names that are not UTF-8, come twice or are the
// format's own).
Status WriteSafetensors(const std::string& path, std::span<const Weight> weights);

}  // namespace gcomp
