#include "kernels/all_ops.h"

#include <deque>
#include <string>
#include <vector>

#include "base/format.h"
#include "kernels/in_place.h"

namespace gcomp::kernels {

#define GCOMP_OPS(file) std::span<const ir::OpDef* const> OpsOf_##file();
#include "all_ops.inc"
#undef GCOMP_OPS

namespace {

// The records that are made of others, and what they refer to.
struct InPlaceForms {
  std::deque<std::string> texts;
  std::deque<ir::OpDef> records;

  const ir::OpDef* Add(const ir::OpDef& functional) {
    const std::string& name = texts.emplace_back(Format("{}_", functional.name));
    const std::string& doc = texts.emplace_back(
        functional.is_view()
            ? Format(
                  "{0} as another handle of x: the result is the tensor from then on, and x must "
                  "not be used. See {0}.",
                  functional.name)
            : Format("{0} in place: operand 0 becomes the value of {0}, and is the result. Its own "
                     "elements must not share memory. See {0}.",
                     functional.name));
    return &records.emplace_back(InPlaceForm(functional, name, doc));
  }
};

}  // namespace

std::span<const ir::OpDef* const> AllOps() {
  static InPlaceForms forms;
  static const std::vector<const ir::OpDef*> kAll = [] {
    std::vector<const ir::OpDef*> all;
    for (std::span<const ir::OpDef* const> ops : {
#define GCOMP_OPS(file) OpsOf_##file(),
#include "all_ops.inc"
#undef GCOMP_OPS
         }) {
      all.insert(all.end(), ops.begin(), ops.end());
    }
    const size_t made_by_hand = all.size();
    for (size_t i = 0; i < made_by_hand; ++i) {
      if (all[i]->in_place_form) all.push_back(forms.Add(*all[i]));
    }
    return all;
  }();
  return kAll;
}

}  // namespace gcomp::kernels
