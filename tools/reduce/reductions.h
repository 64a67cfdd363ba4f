// Reductions: the kinds of edits, in the order in which a round tries them.
//
// Each lists edits of one draft, in groups. The edits of a group are tried together first, then in
// halves, down to single ones; of a group of alternatives one is made, and the others are listed
// anew. An edit need not keep the meaning of the module: what is kept is that it is interesting.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tools/reduce/draft.h"

namespace gcomp::reduce {

using EditGroups = std::vector<std::vector<Edit>>;

struct Reduction {
  std::string_view name;  // for the log: "drop functions"
  EditGroups (*list)(const Draft&);
  bool alternatives = false;
};

std::span<const Reduction> AllReductions();

// Gives values the names %x0, %x1 (parameters) and %v0, %v1 (results).
void ShortenNames(Draft& draft);

}  // namespace gcomp::reduce
