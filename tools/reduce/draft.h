// Draft: a module that is being edited, and what becomes of it once the edits are made.
//
// A candidate is made from text: it is parsed, edited in place, its types are inferred again, and
// it is printed, parsed and verified. So an edit may leave a module that does not verify (an
// operand whose op is gone, two values of one name): such a candidate is never tested. Ids of the
// parsed module stay as they are while it is edited, so that edits listed for one text can be made
// in any combination.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "ir/module.h"
#include "ir/op_def.h"
#include "tools/reduce/test_case.h"

namespace gcomp::reduce {

struct Draft {
  ir::Module module;
  Directives directives;
};

// One change. What it is about may be gone when it is made after others: then it does nothing.
using Edit = std::function<void(Draft&)>;

// Parses and verifies. The error carries the first diagnostic's place in `path`.
StatusOr<Draft> ReadDraft(const Piece& piece, const ir::OpRegistry& ops, std::string path = {});

// The text of an edited draft, or nothing where it does not verify.
std::optional<Piece> Finish(Draft draft, const ir::OpRegistry& ops);

// How complex a draft is, most important measure first: functions and globals, ops, results,
// symbols, parameters and operands, attributes, how late the operands are defined, dtypes, sizes,
// directives, text. A candidate must be less complex than what it came from, which ends the search.
using Complexity = std::vector<int64_t>;
Complexity ComplexityOf(const Draft& draft, const Piece& piece);

// True if each size symbol of each function stands in the type of a parameter: else no run can tell
// how large it is.
bool ParamsTellSymbols(const ir::Module& module);

// The number of ops, regions included.
int64_t CountOps(const ir::Module& module);

}  // namespace gcomp::reduce
