// Search: makes a test case smaller as long as it stays interesting.
//
// For each group of edits this is delta debugging (A. Zeller and R. Hildebrandt, "Simplifying and
// Isolating Failure-Inducing Input", IEEE Transactions on Software Engineering 28(2), 2002): all
// edits are tried at once, then each half, and so on down to single edits; edits that keep the case
// interesting stay made. The groups are gone through in rounds until a round changes nothing: then
// no single edit that is known makes the case smaller. Every accepted candidate is less complex
// than the one before (ComplexityOf), which ends the search.
//
// Deterministic: the same file and answers of the command give the same result, however many jobs
// there are.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "ir/op_def.h"
#include "tools/reduce/draft.h"
#include "tools/reduce/interest.h"
#include "tools/reduce/reductions.h"
#include "tools/reduce/test_case.h"

namespace gcomp::reduce {

// Thread safety: one thread.
class Search {
 public:
  // Told of each step: the case as it is now, and what was done.
  using Progress = std::function<Status(const TestCase&, std::string_view what)>;

  // Relative names of weight files are those of `weights_folder`.
  Search(Interest& interest, const ir::OpRegistry& ops, std::string weights_folder,
         Progress progress)
      : interest_(interest),
        ops_(ops),
        weights_folder_(std::move(weights_folder)),
        progress_(std::move(progress)) {}

  // Fails with E701 if the case is not interesting, and with what parsing and verifying say. After
  // another failure (E803: interrupted) best() is what was reached.
  Status Run(TestCase test_case);

  const TestCase& best() const { return best_; }

 private:
  struct Candidate {
    Piece piece;
    Complexity complexity;
    std::string text;
    std::vector<bool> made;  // which edits of the group
    size_t next = 0;         // the first edit to go on with
  };

  std::string TextWith(size_t index, const Piece& piece) const;
  Status DropPieces();
  StatusOr<bool> ReducePiece(size_t index);
  StatusOr<bool> Minimize(size_t index, const Reduction& reduction, size_t group);
  StatusOr<bool> TryChunks(size_t index, const Reduction& reduction, const std::vector<Edit>& edits,
                           const Piece& base, size_t chunk, std::vector<bool>& made);
  std::optional<Candidate> MakeCandidate(size_t index, const std::vector<Edit>& edits,
                                         const Piece& base, std::vector<bool> made);
  StatusOr<std::optional<size_t>> Test(const std::vector<Candidate>& candidates);
  Status Accept(size_t index, Candidate candidate, std::string_view what);
  Status Rename(size_t index);

  Interest& interest_;
  const ir::OpRegistry& ops_;
  std::string weights_folder_;
  Progress progress_;
  TestCase best_;
  Complexity complexity_;                       // of the piece that is reduced now
  std::unordered_set<std::string> dull_texts_;  // tested, not interesting
};

}  // namespace gcomp::reduce
