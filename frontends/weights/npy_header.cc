#include "frontends/weights/npy_header.h"

#include <optional>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "frontends/weights/weight_table.h"

namespace gcomp {
namespace {

using ir::DType;

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint64_t kMaxDictBytes = 1 << 20;  // of versions 2 and 3; version 1 has 2 bytes for it

struct TypeCode {
  std::string_view code;  // without the byte order
  DType dtype;
};

constexpr TypeCode kTypeCodes[] = {
    {"b1", DType::kBool}, {"i1", DType::kI8},  {"i2", DType::kI16}, {"i4", DType::kI32},
    {"i8", DType::kI64},  {"u1", DType::kU8},  {"u2", DType::kU16}, {"u4", DType::kU32},
    {"u8", DType::kU64},  {"f2", DType::kF16}, {"f4", DType::kF32}, {"f8", DType::kF64},
};

// Reads the one dictionary that the header is: {'descr': '<f4', 'fortran_order': False,
// 'shape': (2, 3), }. `base` is its offset in the file, for messages.
class DictParser {
 public:
  DictParser(std::string_view text, uint64_t base) : text_(text), base_(base) {}

  Status Parse(NpyHeader& header) {
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    if (!Accept('{')) return Fail("expected '{'");
    while (!Accept('}')) {
      std::string_view key;
      GCOMP_RETURN_IF_ERROR(ParseString(key));
      bool* seen = key == "descr"           ? &has_descr
                   : key == "fortran_order" ? &has_order
                   : key == "shape"         ? &has_shape
                                            : nullptr;
      if (seen == nullptr) return Fail(Format("unknown key '{}'", key));
      if (std::exchange(*seen, true)) return Fail(Format("the key '{}' comes twice", key));
      if (!Accept(':')) return Fail("expected ':'");
      if (seen == &has_descr) {
        GCOMP_RETURN_IF_ERROR(ParseDescr(header.dtype));
      } else if (seen == &has_order) {
        GCOMP_RETURN_IF_ERROR(ParseBool(header.fortran_order));
      } else {
        GCOMP_RETURN_IF_ERROR(ParseShape(header.sizes));
      }
      if (Accept(',')) continue;
      if (!Accept('}')) return Fail("expected ',' or '}'");
      break;
    }
    if (!has_descr || !has_order || !has_shape) {
      return Fail("one of the keys descr, fortran_order, shape is missing");
    }
    SkipSpace();
    return at_ == text_.size() ? Status() : Fail("characters after the dictionary");
  }

 private:
  Status Fail(std::string_view why, ErrorId id = ErrorId::E602) const {
    return Status(id, Format("at byte {}: {}", base_ + at_, why));
  }

  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool Accept(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool AcceptWord(std::string_view word) {
    SkipSpace();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Status ParseString(std::string_view& out) {
    SkipSpace();
    char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') return Fail("expected a string");
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return Fail("the string does not end");
    out = text_.substr(at_ + 1, end - at_ - 1);
    if (out.find('\\') != std::string_view::npos) return Fail("escapes are not read");
    at_ = end + 1;
    return {};
  }

  Status ParseDescr(DType& out) {
    SkipSpace();
    if (at_ < text_.size() && text_[at_] == '[') {
      return Fail("arrays of records are not read", ErrorId::E604);
    }
    std::string_view descr;
    GCOMP_RETURN_IF_ERROR(ParseString(descr));
    std::string_view code = descr.empty() ? descr : descr.substr(1);
    for (const TypeCode& row : kTypeCodes) {
      if (row.code != code) continue;
      bool one_byte = ir::BytesOf(row.dtype) == 1;
      if (descr[0] == '<' || descr[0] == '=' ||
          (one_byte && (descr[0] == '|' || descr[0] == '>'))) {
        out = row.dtype;
        return {};
      }
    }
    return Fail(Format("dtype '{}' is not read; little-endian b1, i1 to i8, u1 to u8, f2, f4, f8 "
                       "are",
                       descr),
                ErrorId::E604);
  }

  Status ParseBool(bool& out) {
    out = AcceptWord("True");
    if (out || AcceptWord("False")) return {};
    return Fail("expected True or False");
  }

  Status ParseSize(int64_t& out) {
    SkipSpace();
    size_t begin = at_;
    out = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      if (__builtin_mul_overflow(out, 10, &out) ||
          __builtin_add_overflow(out, text_[at_] - '0', &out)) {
        return Fail("the size exceeds 2^63");
      }
      ++at_;
    }
    return at_ == begin ? Fail("expected a size of 0 or more") : Status();
  }

  Status ParseShape(std::vector<int64_t>& out) {
    if (!Accept('(')) return Fail("expected '('");
    while (!Accept(')')) {
      if (out.size() == kMaxRank) {
        return Fail(Format("more than {} dims", kMaxRank), ErrorId::E802);
      }
      int64_t size = 0;
      GCOMP_RETURN_IF_ERROR(ParseSize(size));
      out.push_back(size);
      if (Accept(',')) continue;
      // (3) is a number in Python, (3,) is the tuple.
      if (out.size() == 1) return Fail("expected ','");
      if (!Accept(')')) return Fail("expected ',' or ')'");
      break;
    }
    return {};
  }

  std::string_view text_;
  uint64_t base_;
  size_t at_ = 0;
};

}  // namespace

StatusOr<NpyHeader> ParseNpyHeader(std::span<const std::byte> file) {
  constexpr size_t kVersionEnd = kMagic.size() + 2;
  std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.substr(0, kMagic.size()) != kMagic) {
    return Status(ErrorId::E602, "at byte 0: it does not begin with \\x93NUMPY");
  }
  if (text.size() < kVersionEnd) {
    return Status(ErrorId::E602, Format("it ends at byte {}, within the header", text.size()));
  }
  int major = static_cast<unsigned char>(text[kMagic.size()]);
  int minor = static_cast<unsigned char>(text[kMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    return Status(ErrorId::E604, Format("at byte {}: version {}.{} of the format; 1.0, 2.0 and 3.0 "
                                        "are read",
                                        kMagic.size(), major, minor));
  }
  size_t length_bytes = major == 1 ? 2 : 4;
  size_t begin = kVersionEnd + length_bytes;
  if (text.size() < begin) {
    return Status(ErrorId::E602, Format("it ends at byte {}, within the header", text.size()));
  }
  uint64_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= uint64_t{static_cast<unsigned char>(text[kVersionEnd + i])} << (8 * i);
  }
  if (length > kMaxDictBytes) {
    return Status(ErrorId::E802, Format("at byte {}: a header of {} bytes, at most {} are read",
                                        kVersionEnd, length, kMaxDictBytes));
  }
  if (length > text.size() - begin) {
    return Status(ErrorId::E602, Format("at byte {}: a header of {} bytes, only {} bytes follow",
                                        kVersionEnd, length, text.size() - begin));
  }
  NpyHeader header;
  header.header_bytes = begin + length;
  GCOMP_RETURN_IF_ERROR(DictParser(text.substr(begin, length), begin).Parse(header));
  GCOMP_ASSIGN_OR_RETURN(header.data_bytes, ByteCount(header.dtype, header.sizes, "the shape"));
  return header;
}

StatusOr<std::string> PrintNpyHeader(ir::DType dtype, std::span<const int64_t> sizes) {
  std::string_view code;
  for (const TypeCode& row : kTypeCodes) {
    if (row.dtype == dtype) code = row.code;
  }
  if (code.empty()) {
    return Status(ErrorId::E604, Format("NumPy has no dtype for {}", ir::NameOf(dtype)));
  }
  std::string dict = Format("{{'descr': '{}{}', 'fortran_order': False, 'shape': (",
                            ir::BytesOf(dtype) == 1 ? '|' : '<', code);
  for (size_t i = 0; i < sizes.size(); ++i) dict += Format("{}{}", i == 0 ? "" : ", ", sizes[i]);
  dict += sizes.size() == 1 ? ",), }" : "), }";
  constexpr size_t kAlignment = 64;
  constexpr size_t kPrefix = kMagic.size() + 4;
  size_t total = (kPrefix + dict.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  dict.resize(total - kPrefix - 1, ' ');
  dict += '\n';
  if (dict.size() > UINT16_MAX) {
    return Status(ErrorId::E802,
                  Format("a tensor of {} dims does not fit a .npy header", sizes.size()));
  }
  std::string header(kMagic);
  header +=
      {'\x01', '\x00', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

}  // namespace gcomp
