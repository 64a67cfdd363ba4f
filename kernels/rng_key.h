// What the rng ops share: keys as operands, in memory, and as loads of a lowering.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "ir/loops.h"
#include "ir/op_def.h"
#include "kernels/philox.h"

namespace gcomp::kernels {

inline constexpr std::string_view kPhiloxPaper =
    "Salmon, Moraes, Dror, Shaw, Parallel random numbers: as easy as 1, 2, 3 (SC 2011): Philox "
    "4x32-10";
inline constexpr std::string_view kKeyHasNoDerivative =
    "a key has no derivative, and numbers come from it alone";

inline constexpr ir::OperandSpec kKeyOperand = {.name = "key", .tensor_only = false};

// E504 unless operand 0 is a key.
inline Status CheckKey(const ir::InferCtx& ctx) {
  const ir::Type& key = ctx.operand(0);
  if (key.kind() == ir::Type::Kind::kRng) return {};
  return ctx.Fail(Format("key must be an rng, as rng.key makes it, but is {}", ctx.Show(key)));
}

inline RngKey<uint64_t> ReadKey(const void* key) {
  RngKey<uint64_t> read;
  std::memcpy(&read.key, key, sizeof(uint64_t));
  std::memcpy(&read.counter, static_cast<const char*>(key) + sizeof(uint64_t), sizeof(uint64_t));
  return read;
}

// Element `element` of operand `buffer`, the same at every point of `axes` axes.
inline ir::Load LoadElement(size_t buffer, ir::DType dtype, int64_t element, size_t axes) {
  return {.buffer = buffer,
          .offset = {element, ir::Dims(axes, ir::Expr(0))},
          .guards = {},
          .otherwise = {dtype, 0}};
}

// The key operand 0, as parameters of the stage; its axes must be set.
inline RngKey<ir::Sym<uint64_t>> LoadKey(ir::Stage& stage) {
  const size_t first = stage.loads.size();
  for (int64_t element : {0, 1}) {
    stage.loads.push_back(LoadElement(0, ir::DType::kU64, element, stage.axes.size()));
  }
  const auto param = [&](size_t i) {
    return ir::Sym<uint64_t>(&stage.body, stage.body.Param(i, ir::DType::kU64));
  };
  return {param(first), param(first + 1)};
}

}  // namespace gcomp::kernels
