// Sizes: the values of a function's size symbols, as the command line and tensors tell them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "runtime/tensor.h"

namespace gcomp::tools {

class Sizes {
 public:
  explicit Sizes(const ir::Function& function)
      : function_(function),
        values_(function.symbols.size(), 0),
        known_(function.symbols.size(), false) {}

  // "s0=8", as in --size. Fails with E701: it is not of that form, the function has no such symbol,
  // or it is told twice.
  Status Tell(const std::string& text);

  // Dims that are a symbol alone, and host integers, tell its value.
  void LearnFrom(const ir::Type& type, const Tensor& tensor);

  // The least allowed value, at least 1, for those that are not known yet.
  void Complete();

  // By symbol of the function; 0 = not known.
  const std::vector<int64_t>& values() const { return values_; }

  // "s0 = 8, s1 = 2"
  std::string ToString() const;

 private:
  void Learn(const ir::Expr& dim, int64_t value);
  void Set(ir::SymId symbol, int64_t value);

  const ir::Function& function_;
  std::vector<int64_t> values_;
  std::vector<bool> known_;
};

// "a, b", or "none".
std::string JoinNames(const std::vector<std::string>& names);

}  // namespace gcomp::tools
