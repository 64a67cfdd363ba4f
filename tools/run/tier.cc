#include "tools/run/tier.h"

#include <optional>

#include "base/format.h"

namespace gcomp::tools {

StatusOr<Tier> ParseTier(const std::string& text) {
  std::optional<Tier> tier = TierOf(text);
  if (tier) return *tier;
  return Status(ErrorId::E701, Format("--tier={}: it may be auto, interp or compiled", text));
}

}  // namespace gcomp::tools
