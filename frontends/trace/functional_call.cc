#include "frontends/trace/functional_call.h"

#include <algorithm>
#include <set>

#include "base/format.h"

namespace gcomp::internal {

Status Bind(const std::vector<Bindings>& bindings, Flattener& leaves) {
  if (!leaves.status.ok()) return Status(leaves.status.id(), leaves.status.message());
  const std::vector<std::string>& paths = leaves.array_paths;
  std::set<std::string_view> bound;
  for (const Bindings& map : bindings) {
    for (const auto& [name, array] : map) {
      const auto leaf = std::find(paths.begin(), paths.end(), name);
      if (leaf == paths.end()) {
        std::string known;
        for (const std::string& path : paths) known += (known.empty() ? "" : ", ") + path;
        return Status(ErrorId::E701,
                      Format("functional_call: the module has no tensor {}; it has {}", name,
                             known.empty() ? "none" : known));
      }
      if (!bound.insert(name).second) {
        return Status(ErrorId::E701, Format("functional_call: {} is bound twice", name));
      }
      *leaves.arrays[static_cast<size_t>(leaf - paths.begin())] = array;
    }
  }
  return {};
}

}  // namespace gcomp::internal
