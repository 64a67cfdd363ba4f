#include "tools/reduce/search.h"

#include <algorithm>
#include <utility>

#include "ir/text.h"

namespace gcomp::reduce {

Status Search::Run(TestCase test_case) {
  for (Piece& piece : test_case.pieces) {
    GCOMP_ASSIGN_OR_RETURN(Draft draft, ReadDraft(piece, ops_, test_case.path));
    piece.module = ir::Print(draft.module);
  }
  best_ = std::move(test_case);
  GCOMP_RETURN_IF_ERROR(interest_.Begin(Print(best_, weights_folder_)));
  GCOMP_RETURN_IF_ERROR(DropPieces());
  for (size_t i = 0; i < best_.pieces.size(); ++i) {
    for (bool changed = true; changed;) {
      GCOMP_ASSIGN_OR_RETURN(changed, ReducePiece(i));
    }
    GCOMP_RETURN_IF_ERROR(Rename(i));
  }
  return {};
}

// The text of the case with another piece in the place of one.
std::string Search::TextWith(size_t index, const Piece& piece) const {
  TestCase test_case = best_;
  test_case.pieces[index] = piece;
  return Print(test_case, weights_folder_);
}

// Most files hold one module; of several, each is dropped that is not needed.
Status Search::DropPieces() {
  for (size_t i = best_.pieces.size(); i > 0 && best_.pieces.size() > 1; --i) {
    TestCase fewer = best_;
    fewer.pieces.erase(fewer.pieces.begin() + static_cast<std::ptrdiff_t>(i - 1));
    const std::string text = Print(fewer, weights_folder_);
    GCOMP_ASSIGN_OR_RETURN(std::optional<size_t> found, interest_.FindFirst(std::span(&text, 1)));
    if (!found) continue;
    best_ = std::move(fewer);
    GCOMP_RETURN_IF_ERROR(progress_(best_, "drop modules"));
  }
  return {};
}

// One round. True if anything changed.
StatusOr<bool> Search::ReducePiece(size_t index) {
  bool changed = false;
  for (const Reduction& reduction : AllReductions()) {
    for (size_t group = 0;; ++group) {
      GCOMP_ASSIGN_OR_RETURN(Draft draft, ReadDraft(best_.pieces[index], ops_));
      if (group >= reduction.list(draft).size()) break;
      bool again = true;
      while (again) {
        GCOMP_ASSIGN_OR_RETURN(again, Minimize(index, reduction, group));
        changed |= again;
        again &= reduction.alternatives;
      }
    }
  }
  return changed;
}

// True if some edit of the group was accepted. Of alternatives at most one is.
StatusOr<bool> Search::Minimize(size_t index, const Reduction& reduction, size_t group) {
  const Piece base = best_.pieces[index];
  GCOMP_ASSIGN_OR_RETURN(Draft draft, ReadDraft(base, ops_));
  complexity_ = ComplexityOf(draft, base);
  EditGroups groups = reduction.list(draft);
  if (group >= groups.size() || groups[group].empty()) return false;
  const std::vector<Edit>& edits = groups[group];
  std::vector<bool> made(edits.size());
  if (reduction.alternatives) return TryChunks(index, reduction, edits, base, 1, made);
  bool changed = false;
  for (size_t chunk = edits.size();; chunk = (chunk + 1) / 2) {
    GCOMP_ASSIGN_OR_RETURN(bool some, TryChunks(index, reduction, edits, base, chunk, made));
    changed |= some;
    if (chunk == 1) return changed;
  }
}

// Tries each run of `chunk` edits on top of those that are made already.
StatusOr<bool> Search::TryChunks(size_t index, const Reduction& reduction,
                                 const std::vector<Edit>& edits, const Piece& base, size_t chunk,
                                 std::vector<bool>& made) {
  bool changed = false;
  std::vector<Candidate> candidates;
  for (size_t start = 0; start < edits.size() || !candidates.empty();) {
    if (start < edits.size()) {
      const size_t end = std::min(start + chunk, edits.size());
      std::vector<bool> wanted = made;
      std::fill(wanted.begin() + static_cast<std::ptrdiff_t>(start),
                wanted.begin() + static_cast<std::ptrdiff_t>(end), true);
      start = end;
      std::optional<Candidate> candidate;
      if (wanted != made) candidate = MakeCandidate(index, edits, base, std::move(wanted));
      if (candidate) {
        candidate->next = start;
        candidates.push_back(*std::move(candidate));
      }
      if (candidates.size() < interest_.jobs() && start < edits.size()) continue;
    }
    GCOMP_ASSIGN_OR_RETURN(std::optional<size_t> found, Test(candidates));
    if (found) {
      Candidate& candidate = candidates[*found];
      made = candidate.made;
      start = candidate.next;
      changed = true;
      GCOMP_RETURN_IF_ERROR(Accept(index, std::move(candidate), reduction.name));
      if (reduction.alternatives) return true;
    }
    candidates.clear();
  }
  return changed;
}

// Nothing where the edits give no module, or one that is not simpler or known to be dull. So do
// candidates that a test would find wrong in themselves, which is another failure than the one that
// is looked for: nothing left to check, a size that no parameter tells.
std::optional<Search::Candidate> Search::MakeCandidate(size_t index, const std::vector<Edit>& edits,
                                                       const Piece& base, std::vector<bool> made) {
  StatusOr<Draft> draft = ReadDraft(base, ops_);
  if (!draft.ok()) return std::nullopt;
  const bool told = ParamsTellSymbols(draft->module);
  for (size_t i = 0; i < edits.size(); ++i) {
    if (made[i]) edits[i](*draft);
  }
  std::optional<Piece> piece = Finish(*std::move(draft), ops_);
  if (!piece) return std::nullopt;
  if (HasStatement(base.directives) && !HasStatement(piece->directives)) return std::nullopt;
  StatusOr<Draft> finished = ReadDraft(*piece, ops_);
  if (!finished.ok() || (told && !ParamsTellSymbols(finished->module))) return std::nullopt;
  Candidate candidate;
  candidate.complexity = ComplexityOf(*finished, *piece);
  if (candidate.complexity >= complexity_) return std::nullopt;
  candidate.text = TextWith(index, *piece);
  if (dull_texts_.contains(candidate.text)) return std::nullopt;
  candidate.piece = *std::move(piece);
  candidate.made = std::move(made);
  return candidate;
}

StatusOr<std::optional<size_t>> Search::Test(const std::vector<Candidate>& candidates) {
  std::vector<std::string> texts;
  for (const Candidate& candidate : candidates) texts.push_back(candidate.text);
  GCOMP_ASSIGN_OR_RETURN(std::optional<size_t> found, interest_.FindFirst(texts));
  for (size_t i = 0; i < found.value_or(texts.size()); ++i) {
    dull_texts_.insert(std::move(texts[i]));
  }
  return found;
}

Status Search::Accept(size_t index, Candidate candidate, std::string_view what) {
  best_.pieces[index] = std::move(candidate.piece);
  complexity_ = std::move(candidate.complexity);
  return progress_(best_, what);
}

// Short names at the end: not simpler by any measure, but easier to read.
Status Search::Rename(size_t index) {
  GCOMP_ASSIGN_OR_RETURN(Draft draft, ReadDraft(best_.pieces[index], ops_));
  ShortenNames(draft);
  std::optional<Piece> piece = Finish(std::move(draft), ops_);
  if (!piece || piece->module == best_.pieces[index].module) return {};
  const std::string text = TextWith(index, *piece);
  GCOMP_ASSIGN_OR_RETURN(std::optional<size_t> found, interest_.FindFirst(std::span(&text, 1)));
  if (!found) return {};
  best_.pieces[index] = *std::move(piece);
  return progress_(best_, "shorten names");
}

}  // namespace gcomp::reduce
