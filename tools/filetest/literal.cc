#include "tools/filetest/literal.h"

#include <cctype>
#include <charconv>
#include <utility>

#include "base/format.h"
#include "tools/filetest/random_data.h"

namespace gcomp::filetest {
namespace {

using ir::Number;

constexpr int kMaxDepth = 16;

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-';
}

// The digits of `text` in base 10 or, after 0x, 16.
bool ParseUnsigned(std::string_view text, uint64_t& value) {
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void LiteralReader::SkipBlanks() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
}

bool LiteralReader::Take(std::string_view token) {
  SkipBlanks();
  if (!text_.substr(at_).starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view LiteralReader::TakeWord() {
  SkipBlanks();
  size_t begin = at_;
  while (at_ < text_.size() && IsWordChar(text_[at_])) {
    // A sign belongs to a number's exponent or stands in a name, not before one.
    if (text_[at_] == '-' && at_ == begin) break;
    ++at_;
  }
  if (at_ < text_.size() && text_[at_] == '+' && at_ > begin && text_[at_ - 1] == 'e') {
    ++at_;
    while (at_ < text_.size() && IsWordChar(text_[at_])) ++at_;
  }
  return text_.substr(begin, at_ - begin);
}

bool LiteralReader::AtEnd() {
  SkipBlanks();
  return at_ == text_.size();
}

std::string_view LiteralReader::Rest() {
  SkipBlanks();
  return text_.substr(at_);
}

Status LiteralReader::Fail(std::string_view what) {
  return {ErrorId::E501, Format("{} at `{}`", what, text_.substr(at_, 30))};
}

StatusOr<Literal> LiteralReader::Read() {
  SkipBlanks();
  if (at_ < text_.size() && text_[at_] == '[') return ReadList(0);
  size_t before = at_;
  std::string_view word = TakeWord();
  if (word == "empty" || word == "iota" || word == "splat" || word == "random") {
    return ReadMade(word);
  }
  at_ = before;
  Literal literal;
  GCOMP_ASSIGN_OR_RETURN(literal.number, ReadNumber());
  return literal;
}

StatusOr<Literal> LiteralReader::ReadList(int depth) {
  if (depth == kMaxDepth) return Fail("lists are nested too deeply");
  Literal list;
  list.kind = Literal::Kind::kList;
  if (!Take("[")) return Fail("expected `[`");
  if (Take("]")) return Fail("an empty list has no sizes: write empty[0, 3]; found");
  do {
    SkipBlanks();
    bool nested = at_ < text_.size() && text_[at_] == '[';
    if (nested) {
      GCOMP_ASSIGN_OR_RETURN(Literal item, ReadList(depth + 1));
      list.items.push_back(std::move(item));
    } else {
      Literal item;
      GCOMP_ASSIGN_OR_RETURN(item.number, ReadNumber());
      list.items.push_back(std::move(item));
    }
  } while (Take(","));
  if (!Take("]")) return Fail("expected `,` or `]`");
  return list;
}

StatusOr<Literal> LiteralReader::ReadMade(std::string_view word) {
  Literal literal;
  if (word == "splat") {
    literal.kind = Literal::Kind::kSplat;
    if (!Take("(")) return Fail("splat needs its number: splat(0.5)");
    GCOMP_ASSIGN_OR_RETURN(literal.number, ReadNumber());
    if (!Take(")")) return Fail("expected `)`");
  } else if (word == "random") {
    literal.kind = Literal::Kind::kRandom;
    if (!Take("(") || !ParseUnsigned(TakeWord(), literal.seed) || !Take(")")) {
      return Fail("random needs its seed: random(7)");
    }
  } else {
    literal.kind = word == "iota" ? Literal::Kind::kIota : Literal::Kind::kEmpty;
  }
  SkipBlanks();
  if (at_ < text_.size() && text_[at_] == '[') {
    GCOMP_ASSIGN_OR_RETURN(literal.sizes, ReadSizes());
  }
  return literal;
}

StatusOr<std::vector<int64_t>> LiteralReader::ReadSizes() {
  std::vector<int64_t> sizes;
  if (!Take("[")) return Fail("expected `[`");
  if (Take("]")) return sizes;
  do {
    GCOMP_ASSIGN_OR_RETURN(uint64_t size, ReadUnsigned());
    sizes.push_back(static_cast<int64_t>(size));
  } while (Take(","));
  if (!Take("]")) return Fail("expected `,` or `]`");
  return sizes;
}

StatusOr<uint64_t> LiteralReader::ReadUnsigned() {
  constexpr uint64_t kMost = uint64_t{1} << 40;
  uint64_t value = 0;
  if (!ParseUnsigned(TakeWord(), value) || value > kMost) return Fail("expected a whole number");
  return value;
}

StatusOr<Number> LiteralReader::ReadNumber() {
  Number number;
  number.negative = Take("-");
  size_t before = at_;
  std::string_view word = TakeWord();
  if (word == "true" || word == "false") {
    number.kind = Number::Kind::kBool;
    number.magnitude = word == "true" ? 1 : 0;
  } else if (word == "inf") {
    number.kind = Number::Kind::kInfinity;
  } else if (word == "nan") {
    number.kind = Number::Kind::kNan;
  } else if (word == "bits") {
    number.kind = Number::Kind::kBits;
    if (!Take("(") || !ParseUnsigned(TakeWord(), number.magnitude) || !Take(")")) {
      return Fail("bits needs a number: bits(0x7fc00001)");
    }
  } else if (ParseUnsigned(word, number.magnitude)) {
    number.kind = Number::Kind::kInt;
  } else {
    double value = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    bool whole = end == word.data() + word.size() && !word.empty();
    if (!whole || error == std::errc::invalid_argument) {
      at_ = before;
      return Fail("expected a number");
    }
    number.kind = Number::Kind::kFloat;
    number.text = word;
  }
  return number;
}

namespace {

Status Disagree(std::string what) {
  return {ErrorId::E504, std::move(what)};
}

// The sizes of nested lists, taken from the first row of each; all rows must agree.
Status ListSizes(const Literal& literal, size_t depth, bool first, std::vector<int64_t>& sizes) {
  if (literal.kind != Literal::Kind::kList) {
    if (depth == sizes.size()) return {};
    return Disagree("the rows of the literal have different ranks");
  }
  auto n = static_cast<int64_t>(literal.items.size());
  if (first) {
    sizes.push_back(n);
  } else if (depth >= sizes.size()) {
    return Disagree("the rows of the literal have different ranks");
  } else if (sizes[depth] != n) {
    return Disagree(Format("a row of the literal has {} elements, another {}", n, sizes[depth]));
  }
  for (const Literal& item : literal.items) {
    GCOMP_RETURN_IF_ERROR(ListSizes(item, depth + 1, first && &item == &literal.items[0], sizes));
  }
  return {};
}

void Flatten(const Literal& literal, std::vector<const Number*>& numbers) {
  if (literal.kind == Literal::Kind::kNumber) numbers.push_back(&literal.number);
  for (const Literal& item : literal.items) Flatten(item, numbers);
}

std::string ShowSizes(const std::vector<int64_t>& sizes) {
  std::string text;
  for (int64_t size : sizes) text += Format("{}{}", text.empty() ? "" : ", ", size);
  return Format("[{}]", text);
}

// Makes `dim` equal to `size`, by giving a value to the symbol that it is, if it has none.
Status Bind(const ir::Expr& dim, int64_t size, SymbolValues& symbols) {
  if (dim.kind() == ir::Expr::Kind::kSymbol) {
    std::optional<int64_t>& value = symbols[dim.symbol().index()];
    if (!value) value = size;
    if (*value == size) return {};
    return Disagree(Format("a size is {} here, but its symbol is already {}", size, *value));
  }
  if (dim.is_const() && dim.value() != size) {
    return Disagree(Format("a size is {}, but the type says {}", size, dim.value()));
  }
  return {};  // an expression: the runtime checks it
}

StatusOr<std::vector<int64_t>> LiteralSizes(const Literal& literal, const ir::Type& type,
                                            const SymbolValues& symbols) {
  if (literal.sizes) return *literal.sizes;
  std::vector<int64_t> sizes;
  if (literal.kind == Literal::Kind::kList || literal.kind == Literal::Kind::kNumber) {
    GCOMP_RETURN_IF_ERROR(ListSizes(literal, 0, true, sizes));
    return sizes;
  }
  return SizesOf(type, symbols);
}

Status FillNumbers(const Literal& literal, Tensor& tensor) {
  std::vector<const Number*> numbers;
  Flatten(literal, numbers);
  int64_t bytes = ir::BytesOf(tensor.dtype());
  auto* data = static_cast<char*>(tensor.data());
  for (size_t i = 0; i < numbers.size(); ++i) {
    GCOMP_ASSIGN_OR_RETURN(ir::Scalar scalar, ir::ScalarOf(*numbers[i], tensor.dtype()));
    scalar.Store(data + static_cast<int64_t>(i) * bytes);
  }
  return {};
}

Status Fill(const Literal& literal, Tensor& tensor) {
  int64_t n = tensor.NumElements();
  int64_t bytes = ir::BytesOf(tensor.dtype());
  auto* data = static_cast<char*>(tensor.data());
  switch (literal.kind) {
    case Literal::Kind::kNumber:
    case Literal::Kind::kList:
      return FillNumbers(literal, tensor);
    case Literal::Kind::kEmpty:
      if (n == 0) return {};
      return Disagree(Format("empty, but {} has {} elements", tensor.TypeString(), n));
    case Literal::Kind::kSplat: {
      GCOMP_ASSIGN_OR_RETURN(ir::Scalar scalar, ir::ScalarOf(literal.number, tensor.dtype()));
      for (int64_t i = 0; i < n; ++i) scalar.Store(data + i * bytes);
      return {};
    }
    case Literal::Kind::kIota:
      for (int64_t i = 0; i < n; ++i) {
        std::optional<ir::Scalar> scalar = ir::Scalar::FromInt(tensor.dtype(), i);
        if (!scalar) return Disagree(Format("iota: {} does not fit {}", i, tensor.TypeString()));
        scalar->Store(data + i * bytes);
      }
      return {};
    case Literal::Kind::kRandom:
      FillRandom(RandomKind::kTypical, literal.seed, tensor.dtype(), n, data);
      return {};
  }
  return {};
}

// The dtype and dims in which a tensor stands for a value of this type.
StatusOr<ir::Type> TensorType(const ir::Type& type) {
  using Kind = ir::Type::Kind;
  if (type.is_tensor()) return ir::Type::Tensor(type.dtype(), type.dims());
  if (type.kind() == Kind::kInt) return ir::Type::Tensor(ir::DType::kI64, {});
  if (type.kind() == Kind::kFloat) return ir::Type::Tensor(ir::DType::kF64, {});
  if (type.kind() == Kind::kFlag) return ir::Type::Tensor(ir::DType::kBool, {});
  if (type.kind() == Kind::kRng) return ir::Type::Tensor(ir::DType::kU64, {ir::Expr(2)});
  return Disagree("a value of this type can't be written");
}

}  // namespace

StatusOr<std::vector<int64_t>> SizesOf(const ir::Type& type, const SymbolValues& symbols) {
  std::vector<int64_t> sizes;
  for (const ir::Expr& dim : type.dims()) {
    bool known = true;
    dim.ForEachSymbol([&](ir::SymId id) { known = known && symbols[id.index()].has_value(); });
    std::vector<int64_t> values;
    for (const std::optional<int64_t>& value : symbols) values.push_back(value.value_or(0));
    std::optional<int64_t> size = known ? dim.Evaluate(values) : std::nullopt;
    if (!size || *size < 0) {
      return Status(ErrorId::E503, "a size is not known: write sizes, as in random(7)[2, 3]");
    }
    sizes.push_back(*size);
  }
  return sizes;
}

StatusOr<Tensor> MakeTensor(const Literal& literal, const ir::Type& type, SymbolValues& symbols) {
  GCOMP_ASSIGN_OR_RETURN(ir::Type as_tensor, TensorType(type));
  GCOMP_ASSIGN_OR_RETURN(std::vector<int64_t> sizes, LiteralSizes(literal, as_tensor, symbols));
  if (sizes.size() != as_tensor.dims().size()) {
    return Disagree(Format("the literal has sizes {}, but the type has rank {}", ShowSizes(sizes),
                           as_tensor.rank()));
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    GCOMP_RETURN_IF_ERROR(Bind(as_tensor.dims()[i], sizes[i], symbols));
  }
  GCOMP_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Empty(as_tensor.dtype(), std::move(sizes)));
  GCOMP_RETURN_IF_ERROR(Fill(literal, tensor));
  return tensor;
}

}  // namespace gcomp::filetest
