#include "tools/reduce/directives.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/format.h"

namespace gcomp::reduce {
namespace {

using filetest::Directive;

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kSizes = "sizes=(";
constexpr std::string_view kSeeds = "seeds=";

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

// Where the bracket that is open at `begin` closes, or the end of the text.
size_t FindClosing(std::string_view text, size_t begin) {
  int open = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '(' || text[i] == '[') ++open;
    if ((text[i] == ')' || text[i] == ']') && --open == 0) return i;
  }
  return text.size();
}

// A text with a list in the middle: `@f(` `1, [2, 3]` `) == 4`.
struct ListText {
  std::string before;
  std::vector<std::string> items;
  std::string after;

  std::string Text() const {
    std::string text = before;
    for (size_t i = 0; i < items.size(); ++i) text.append(i == 0 ? "" : ", ").append(items[i]);
    return text + after;
  }
};

// The list of `text` from `begin` to `end`, at commas outside of brackets.
ListText SplitList(std::string_view text, size_t begin, size_t end) {
  ListText list;
  list.before = text.substr(0, begin);
  list.after = text.substr(end);
  int open = 0;
  size_t item = begin;
  for (size_t i = begin; i <= end; ++i) {
    if (i < end && (text[i] == '(' || text[i] == '[')) ++open;
    if (i < end && (text[i] == ')' || text[i] == ']')) --open;
    if (i < end && (text[i] != ',' || open != 0)) continue;
    list.items.push_back(Trimmed(text.substr(item, i - item)));
    item = i + 1;
  }
  if (list.items.size() == 1 && list.items[0].empty()) list.items.clear();
  return list;
}

ListText PassesOf(const Directive& directive) {
  return SplitList(directive.text, 0, directive.text.size());
}

// The sets of sizes of a `diff`; nullopt if it has none.
std::optional<ListText> SizeSetsOf(const Directive& directive) {
  if (directive.name != "diff") return std::nullopt;
  const size_t at = directive.text.find(kSizes);
  if (at == std::string::npos) return std::nullopt;
  const size_t open = at + kSizes.size() - 1;
  return SplitList(directive.text, open + 1, FindClosing(directive.text, open));
}

// The words of a set: `s0=1 s1=2`.
std::vector<std::string> WordsOf(std::string_view set) {
  std::vector<std::string> words;
  while (!(set = set.substr(std::min(set.find_first_not_of(kBlanks), set.size()))).empty()) {
    const size_t end = std::min(set.find_first_of(kBlanks), set.size());
    words.emplace_back(set.substr(0, end));
    set.remove_prefix(end);
  }
  return words;
}

std::string JoinWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text.append(text.empty() ? "" : " ").append(word);
  return text;
}

std::optional<int64_t> SizeOfWord(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  const char* end = word.data() + word.size();
  auto [last, error] = std::from_chars(word.data() + equals + 1, end, value);
  if (error != std::errc() || last != end) return std::nullopt;
  return value;
}

// True for the directives `name: @function...`.
bool IsAbout(const Directive& directive, std::string_view function) {
  const std::string_view text = directive.text;
  if (!text.starts_with('@')) return false;
  return text.substr(1, text.find_first_of("( \t") - 1) == function;
}

bool IsRun(const Directive& directive) {
  return directive.name == "run" || directive.name == "run-error";
}

Edit DropWhole(size_t index) {
  return [index](Draft& draft) { draft.directives[index].name.clear(); };
}

Edit DropPass(size_t index, size_t pass) {
  return [=](Draft& draft) {
    Directive& directive = draft.directives[index];
    ListText list = PassesOf(directive);
    if (pass >= list.items.size()) return;
    list.items[pass].clear();
    directive.text = list.Text();
  };
}

Edit DropSizeSet(size_t index, size_t set) {
  return [=](Draft& draft) {
    Directive& directive = draft.directives[index];
    std::optional<ListText> sets = SizeSetsOf(directive);
    if (!sets || set >= sets->items.size()) return;
    sets->items[set].clear();
    directive.text = sets->Text();
  };
}

Edit DropSeeds(size_t index) {
  return [index](Draft& draft) {
    std::string& text = draft.directives[index].text;
    const size_t at = text.find(kSeeds);
    if (at == std::string::npos) return;
    text.erase(at, text.find_first_of(kBlanks, at) - at);
    text = Trimmed(text);
  };
}

Edit SetSize(size_t index, size_t set, size_t word, int64_t value) {
  return [=](Draft& draft) {
    Directive& directive = draft.directives[index];
    std::optional<ListText> sets = SizeSetsOf(directive);
    if (!sets || set >= sets->items.size()) return;
    std::vector<std::string> words = WordsOf(sets->items[set]);
    if (word >= words.size()) return;
    words[word] = Format("{}={}", words[word].substr(0, words[word].find('=')), value);
    sets->items[set] = JoinWords(words);
    directive.text = sets->Text();
  };
}

void TidySizeSets(Directive& directive) {
  std::optional<ListText> sets = SizeSetsOf(directive);
  if (!sets) return;
  std::vector<std::string> kept;
  for (const std::string& set : sets->items) {
    if (set.empty() || std::find(kept.begin(), kept.end(), set) != kept.end()) continue;
    kept.push_back(set);
  }
  sets->items = std::move(kept);
  if (sets->items.empty()) {
    sets->before.resize(sets->before.size() - kSizes.size());
    if (!sets->after.empty()) sets->after.erase(0, 1);
    directive.text = JoinWords(WordsOf(sets->before + sets->after));
  } else {
    directive.text = sets->Text();
  }
}

}  // namespace

std::vector<Edit> DropDirectives(const Draft& draft) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < draft.directives.size(); ++i) {
    const Directive& directive = draft.directives[i];
    if (directive.name == "note") continue;
    if (directive.name == "passes") {
      for (size_t pass = 0; pass < PassesOf(directive).items.size(); ++pass) {
        edits.push_back(DropPass(i, pass));
      }
      continue;
    }
    if (std::optional<ListText> sets = SizeSetsOf(directive)) {
      // The first set is the smallest more often than not, and one has to stay.
      for (size_t set = sets->items.size(); set > 0; --set) {
        edits.push_back(DropSizeSet(i, set - 1));
      }
    }
    if (directive.name == "diff" && directive.text.find(kSeeds) != std::string::npos) {
      edits.push_back(DropSeeds(i));
    }
    edits.push_back(DropWhole(i));
  }
  return edits;
}

std::vector<Edit> ShrinkDirectiveSizes(const Draft& draft, int64_t value) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < draft.directives.size(); ++i) {
    std::optional<ListText> sets = SizeSetsOf(draft.directives[i]);
    if (!sets) continue;
    for (size_t set = 0; set < sets->items.size(); ++set) {
      const std::vector<std::string> words = WordsOf(sets->items[set]);
      for (size_t word = 0; word < words.size(); ++word) {
        const std::optional<int64_t> size = SizeOfWord(words[word]);
        if (size.has_value() && *size > value) edits.push_back(SetSize(i, set, word, value));
      }
    }
  }
  return edits;
}

void DropArgument(Directives& directives, std::string_view function, size_t index) {
  for (Directive& directive : directives) {
    if (!IsRun(directive) || !IsAbout(directive, function)) continue;
    const size_t open = directive.text.find('(');
    if (open == std::string::npos) continue;
    ListText list = SplitList(directive.text, open + 1, FindClosing(directive.text, open));
    if (index >= list.items.size()) continue;
    list.items.erase(list.items.begin() + static_cast<std::ptrdiff_t>(index));
    directive.text = list.Text();
  }
}

void DropExpectedResult(Directives& directives, std::string_view function, size_t index) {
  constexpr std::string_view kEquals = "==";
  for (Directive& directive : directives) {
    if (directive.name != "run" || !IsAbout(directive, function)) continue;
    const size_t equals = directive.text.find(kEquals);
    if (equals == std::string::npos) continue;
    size_t end = directive.text.size();
    for (std::string_view option : {" atol=", " rtol=", " ulp="}) {
      end = std::min(end, directive.text.find(option, equals));
    }
    ListText list = SplitList(directive.text, equals + kEquals.size(), end);
    if (index >= list.items.size()) continue;
    list.items.erase(list.items.begin() + static_cast<std::ptrdiff_t>(index));
    list.before += ' ';
    directive.text = list.Text();
    if (list.items.empty()) directive.name.clear();
  }
}

void DropSize(Directives& directives, std::string_view function, std::string_view symbol) {
  for (Directive& directive : directives) {
    std::optional<ListText> sets = SizeSetsOf(directive);
    if (!sets || !IsAbout(directive, function)) continue;
    for (std::string& set : sets->items) {
      std::vector<std::string> words = WordsOf(set);
      std::erase_if(words, [symbol](std::string_view word) {
        return word.substr(0, word.find('=')) == symbol;
      });
      set = JoinWords(words);
    }
    directive.text = sets->Text();
  }
}

std::vector<int64_t> DirectiveSizes(const Directives& directives) {
  std::vector<int64_t> sizes;
  for (const Directive& directive : directives) {
    std::optional<ListText> sets = SizeSetsOf(directive);
    if (!sets) continue;
    for (const std::string& set : sets->items) {
      for (const std::string& word : WordsOf(set)) {
        if (std::optional<int64_t> size = SizeOfWord(word)) sizes.push_back(*size);
      }
    }
  }
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

void TidyDirectives(Directives& directives) {
  for (Directive& directive : directives) {
    TidySizeSets(directive);
    if (directive.name != "passes") continue;
    ListText passes = PassesOf(directive);
    std::erase(passes.items, std::string());
    directive.text = passes.Text();
    if (passes.items.empty()) directive.name.clear();
  }
  std::erase_if(directives, [](const Directive& directive) { return directive.name.empty(); });
}

}  // namespace gcomp::reduce
