#include "frontends/weights/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/format.h"
#include "frontends/weights/file.h"
#include "frontends/weights/weight_table.h"

static_assert(std::endian::native == std::endian::little, "weights are read as they lie");

namespace gcomp {
namespace {

using ir::DType;
using Json = nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the format's own library

struct DTypeName {
  std::string_view name;
  DType dtype;
};

constexpr DTypeName kDTypeNames[] = {
    {"BOOL", DType::kBool},      {"U8", DType::kU8},     {"I8", DType::kI8},
    {"I16", DType::kI16},        {"U16", DType::kU16},   {"I32", DType::kI32},
    {"U32", DType::kU32},        {"I64", DType::kI64},   {"U64", DType::kU64},
    {"F16", DType::kF16},        {"BF16", DType::kBF16}, {"F32", DType::kF32},
    {"F64", DType::kF64},        {"C64", DType::kC64},   {"F8_E4M3", DType::kF8E4M3FN},
    {"F8_E5M2", DType::kF8E5M2},
};

std::optional<DType> DTypeOf(std::string_view name) {
  for (const DTypeName& row : kDTypeNames) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::string_view SafetensorsName(DType dtype) {
  for (const DTypeName& row : kDTypeNames) {
    if (row.dtype == dtype) return row.name;
  }
  return {};
}

// One tensor as the header tells it. Offsets count from the end of the header.
struct Entry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> sizes;
  std::vector<uint64_t> offsets;  // begin, end
};

// Reads the header as a stream of events, so that its nesting is bounded by the states below, and
// names that come twice are seen. Callbacks return false to stop.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  Status TakeStatus() { return std::move(status_); }

  std::vector<Entry>& entries() { return entries_; }

  bool start_object(size_t) override {
    if (state_ == State::kStart) {
      state_ = State::kTop;
      return true;
    }
    if (state_ != State::kTop) return Unexpected("an object");
    if (key_ == "__metadata__") {
      state_ = State::kMetadata;
      return true;
    }
    entries_.emplace_back();
    entries_.back().name = key_;
    has_dtype_ = has_shape_ = has_offsets_ = false;
    state_ = State::kEntry;
    return true;
  }

  bool key(string_t& name) override {
    if (state_ == State::kTop) {
      key_ = name;
      return names_.insert(name).second || Fail("the name comes twice");
    }
    if (state_ == State::kMetadata) return true;
    bool* seen = name == "dtype"          ? &has_dtype_
                 : name == "shape"        ? &has_shape_
                 : name == "data_offsets" ? &has_offsets_
                                          : nullptr;
    if (seen == nullptr) return Fail(Format("unknown field '{}'", name));
    if (*seen) return Fail(Format("the field '{}' comes twice", name));
    *seen = true;
    field_ = name;
    return true;
  }

  bool start_array(size_t) override {
    if (state_ != State::kEntry || field_ == "dtype") return Unexpected("a list");
    state_ = field_ == "shape" ? State::kShape : State::kOffsets;
    return true;
  }

  bool end_array() override {
    if (state_ == State::kOffsets && entries_.back().offsets.size() != 2) {
      return Fail(
          Format("data_offsets has {} numbers, must have 2", entries_.back().offsets.size()));
    }
    state_ = State::kEntry;
    return true;
  }

  bool end_object() override {
    if (state_ == State::kEntry && !(has_dtype_ && has_shape_ && has_offsets_)) {
      return Fail("one of the fields dtype, shape, data_offsets is missing");
    }
    state_ = state_ == State::kTop ? State::kEnd : State::kTop;
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::kMetadata) return true;
    if (state_ != State::kEntry || field_ != "dtype") return Unexpected("a string");
    entries_.back().dtype = value;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::kShape) {
      std::vector<int64_t>& sizes = entries_.back().sizes;
      if (sizes.size() == kMaxRank) {
        return Fail(Format("it has more than {} dims", kMaxRank), ErrorId::E802);
      }
      if (value > static_cast<uint64_t>(INT64_MAX)) return Fail(Format("the size {}", value));
      sizes.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (state_ == State::kOffsets) {
      if (entries_.back().offsets.size() == 2) return Fail("data_offsets has more than 2 numbers");
      entries_.back().offsets.push_back(value);
      return true;
    }
    return Unexpected("a number");
  }

  bool number_integer(number_integer_t) override { return Unexpected("a negative number"); }

  bool number_float(number_float_t, const string_t&) override { return Unexpected("a fraction"); }

  bool null() override { return Unexpected("null"); }

  bool boolean(bool) override { return Unexpected("a boolean"); }

  bool binary(binary_t&) override { return Unexpected("binary data"); }

  bool parse_error(size_t position, const std::string&, const Json::exception& error) override {
    // The position counts characters read, so the one at fault is the one before.
    uint64_t at = kLengthBytes + (position == 0 ? 0 : position - 1);
    status_ =
        Status(ErrorId::E602, Format("at byte {}: the header is not JSON: {}", at, error.what()));
    return false;
  }

 private:
  enum class State : uint8_t { kStart, kTop, kMetadata, kEntry, kShape, kOffsets, kEnd };

  bool Fail(std::string why, ErrorId id = ErrorId::E602) {
    status_ = Status(id, Format("header, tensor '{}': {}", key_, why));
    return false;
  }

  bool Unexpected(std::string_view what) {
    if (state_ == State::kMetadata) return Fail(Format("{} where a string must stand", what));
    std::string_view want = state_ == State::kShape || state_ == State::kOffsets
                                ? "numbers of 0 or more"
                            : state_ == State::kEntry ? "a string dtype, or a list of numbers"
                                                      : "an object";
    return Fail(Format("{} where {} must stand", what, want));
  }

  State state_ = State::kStart;
  std::string key_;
  std::string field_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  std::unordered_set<std::string> names_;
  std::vector<Entry> entries_;
  Status status_;
};

// The data must be one tensor after the other, from 0 to the end of the file.
Status CheckOffsets(const std::vector<Entry>& entries, uint64_t data_bytes) {
  std::vector<const Entry*> order;
  order.reserve(entries.size());
  for (const Entry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  uint64_t expected = 0;
  for (const Entry* entry : order) {
    uint64_t begin = entry->offsets[0];
    uint64_t end = entry->offsets[1];
    auto fail = [&](std::string why) {
      return Status(ErrorId::E602, Format("header, tensor '{}': data_offsets [{}, {}]: {}",
                                          entry->name, begin, end, why));
    };
    if (begin > end) return fail("they run backwards");
    if (end > data_bytes) {
      return fail(Format("the file has only {} bytes of data (is it truncated?)", data_bytes));
    }
    if (begin < expected) return fail(Format("they overlap data that end at {}", expected));
    if (begin > expected) return fail(Format("there is a hole from {} on", expected));
    expected = end;
  }
  if (expected != data_bytes) {
    return Status(ErrorId::E602, Format("the header accounts for {} bytes of data, the file has {}",
                                        expected, data_bytes));
  }
  return {};
}

// The weight of an entry whose offsets are good. Requires a known dtype.
StatusOr<Weight> MakeWeight(Entry entry, DType dtype, std::span<const std::byte> data) {
  std::string where = Format("header, tensor '{}'", entry.name);
  uint64_t bytes = entry.offsets[1] - entry.offsets[0];
  GCOMP_ASSIGN_OR_RETURN(uint64_t needed, ByteCount(dtype, entry.sizes, where));
  if (needed != bytes) {
    return Status(ErrorId::E602, Format("{}: dtype and shape ask for {} bytes, data_offsets for {}",
                                        where, needed, bytes));
  }
  std::span<const std::byte> own = data.subspan(entry.offsets[0], bytes);
  if (dtype == DType::kBool) GCOMP_RETURN_IF_ERROR(CheckBools(own, where));
  return Weight{std::move(entry.name), dtype, std::move(entry.sizes), own.data()};
}

StatusOr<std::vector<Entry>> ParseHeader(std::string_view text) {
  HeaderReader reader;
  if (!Json::sax_parse(text.data(), text.data() + text.size(), &reader)) return reader.TakeStatus();
  return std::move(reader.entries());
}

StatusOr<std::vector<Entry>> ReadHeader(std::span<const std::byte> file, uint64_t& header_bytes) {
  if (file.size() < kLengthBytes) {
    return Status(ErrorId::E602, Format("the file has {} bytes, the length of its header alone "
                                        "takes {}",
                                        file.size(), kLengthBytes));
  }
  std::memcpy(&header_bytes, file.data(), kLengthBytes);
  uint64_t rest = file.size() - kLengthBytes;
  if (header_bytes > kMaxHeaderBytes) {
    return Status(ErrorId::E602, Format("at byte 0: a header of {} bytes, at most {} are allowed "
                                        "(is it a safetensors file?)",
                                        header_bytes, kMaxHeaderBytes));
  }
  if (header_bytes > rest) {
    return Status(ErrorId::E602, Format("at byte 0: a header of {} bytes, only {} bytes follow",
                                        header_bytes, rest));
  }
  const char* text = reinterpret_cast<const char*>(file.data() + kLengthBytes);
  if (header_bytes == 0 || *text != '{') {
    return Status(ErrorId::E602,
                  Format("at byte {}: the header must begin with '{{'", kLengthBytes));
  }
  return ParseHeader({text, header_bytes});
}

StatusOr<std::shared_ptr<const WeightStore>> Parse(std::span<const std::byte> file,
                                                   const std::string& name,
                                                   std::shared_ptr<const void> keeper) {
  uint64_t header_bytes = 0;
  GCOMP_ASSIGN_OR_RETURN(std::vector<Entry> entries, ReadHeader(file, header_bytes));
  std::span<const std::byte> data = file.subspan(kLengthBytes + header_bytes);
  GCOMP_RETURN_IF_ERROR(CheckOffsets(entries, data.size()));
  std::vector<Weight> weights;
  std::string left_out;
  for (Entry& entry : entries) {
    std::optional<DType> dtype = DTypeOf(entry.dtype);
    if (!dtype) {
      left_out += Format("{}'{}' of {}", left_out.empty() ? "" : ", ", entry.name, entry.dtype);
      continue;
    }
    GCOMP_ASSIGN_OR_RETURN(Weight weight, MakeWeight(std::move(entry), *dtype, data));
    weights.push_back(std::move(weight));
  }
  std::string description = name;
  if (!left_out.empty()) description += Format(" (dtypes that can't be read: {})", left_out);
  return WeightTable::Create(std::move(description), std::move(weights), std::move(keeper));
}

// As a string of JSON, if it is UTF-8.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      quoted += Format("\\u{:04x}", static_cast<unsigned>(c));
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string ListText(const std::vector<int64_t>& sizes) {
  std::string text;
  for (int64_t size : sizes) text += Format("{}{}", text.empty() ? "" : ",", size);
  return text;
}

StatusOr<std::shared_ptr<const WeightStore>> ParseNamed(std::span<const std::byte> file,
                                                        const std::string& name,
                                                        std::shared_ptr<const void> keeper) {
  StatusOr<std::shared_ptr<const WeightStore>> store = Parse(file, name, std::move(keeper));
  if (store.ok()) return store;
  return Status(store.status().id(), Format("{}: {}", name, store.status().message()));
}

}  // namespace

StatusOr<std::shared_ptr<const WeightStore>> OpenSafetensors(const std::string& path) {
  GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  std::span<const std::byte> bytes = file->bytes();
  return ParseNamed(bytes, path, std::move(file));
}

StatusOr<std::shared_ptr<const WeightStore>> ParseSafetensors(std::span<const std::byte> file,
                                                              const std::string& name) {
  return ParseNamed(file, name, nullptr);
}

Status WriteSafetensors(const std::string& path, std::span<const Weight> weights) {
  std::vector<const Weight*> order;
  for (const Weight& weight : weights) order.push_back(&weight);
  std::stable_sort(order.begin(), order.end(), [](const Weight* a, const Weight* b) {
    return ir::BytesOf(a->dtype) > ir::BytesOf(b->dtype);
  });
  std::vector<std::span<const std::byte>> pieces(2);
  std::string header = "{";
  uint64_t offset = 0;
  for (const Weight* weight : order) {
    std::string_view dtype = SafetensorsName(weight->dtype);
    if (dtype.empty()) {
      return Status(ErrorId::E604, Format("{}: safetensors has no dtype for '{}' of {}", path,
                                          weight->name, ir::NameOf(weight->dtype)));
    }
    GCOMP_ASSIGN_OR_RETURN(uint64_t bytes, ByteCount(weight->dtype, weight->sizes, weight->name));
    header += Format(R"({}{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                     header.size() == 1 ? "" : ",", Quoted(weight->name), dtype,
                     ListText(weight->sizes), offset, offset + bytes);
    pieces.push_back({static_cast<const std::byte*>(weight->data), bytes});
    offset += bytes;
  }
  header += "}";
  // Names are any bytes here, and distinct UTF-8 there: what can be read back can be written.
  Status readable = ParseHeader(header).status();
  if (!readable.ok()) {
    return Status(ErrorId::E701,
                  Format("{}: names that safetensors can't hold: {}", path, readable.message()));
  }
  header.resize((header.size() + 7) / 8 * 8, ' ');  // so that the data begin aligned
  uint64_t length = header.size();
  pieces[0] = std::as_bytes(std::span(&length, 1));
  pieces[1] = std::as_bytes(std::span(header));
  return WriteFile(path, pieces);
}

}  // namespace gcomp
