// Weight files of any bytes: no crash, no undefined behavior, and all that is accepted lies within
// the file. The first bytes tell the format as in OpenWeights.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "frontends/weights/npy.h"
#include "frontends/weights/npz.h"
#include "frontends/weights/safetensors.h"

namespace {

// Touches every byte, so that the address sanitizer sees what points outside.
uint64_t Sum(const void* data, int64_t bytes) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < bytes; ++i) sum += static_cast<const unsigned char*>(data)[i];
  return sum;
}

uint64_t SumAll(const gcomp::WeightStore& store) {
  uint64_t sum = 0;
  for (const gcomp::Weight& weight : store.weights()) {
    int64_t bytes = gcomp::ir::BytesOf(weight.dtype);
    for (int64_t size : weight.sizes) bytes *= size;
    sum += Sum(weight.data, bytes);
    if (store.Find(weight.name) != &weight) std::abort();
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::span<const std::byte> file(reinterpret_cast<const std::byte*>(data), size);
  volatile uint64_t sum = 0;
  if (auto store = gcomp::ParseSafetensors(file, "f"); store.ok()) sum = SumAll(**store);
  if (size > 0 && data[0] == 'P') {
    // As much memory as the fuzzer may use.
    auto store = gcomp::ParseNpz(file, "f", {.max_total_bytes = 256 << 20});
    if (store.ok()) sum = SumAll(**store);
  }
  if (auto tensor = gcomp::ParseNpy(file, "f"); tensor.ok()) {
    sum = Sum(tensor->data(), tensor->NumElements() * gcomp::ir::BytesOf(tensor->dtype()));
    // What was read can be written, and is the same again.
    auto written = gcomp::SerializeNpy(*tensor);
    if (!written.ok()) std::abort();
    auto again = gcomp::ParseNpy(*written, "g");
    if (!again.ok() || again->TypeString() != tensor->TypeString()) std::abort();
  }
  (void)sum;
  return 0;
}
