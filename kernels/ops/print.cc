// Text from inside a graph: io.print, io.token.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "ir/scalar_value.h"
#include "kernels/all_ops.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;

// ---- fmt ----------------------------------------------------------------------------------------

// The texts around the `{}` of fmt, one more than there are; empty if a brace stands alone.
std::vector<std::string> PiecesOf(std::string_view fmt) {
  std::vector<std::string> pieces(1);
  for (size_t i = 0; i < fmt.size(); ++i) {
    const char c = fmt[i];
    if (c != '{' && c != '}') {
      pieces.back() += c;
      continue;
    }
    const char next = i + 1 < fmt.size() ? fmt[i + 1] : '\0';
    if (next == c) {
      pieces.back() += c;
    } else if (c == '{' && next == '}') {
      pieces.emplace_back();
    } else {
      return {};
    }
    ++i;
  }
  return pieces;
}

bool HasToken(const InferCtx& ctx) {
  return ctx.num_operands() > 0 && ctx.operand(0).kind() == Type::Kind::kToken;
}

Status InferPrint(InferCtx& ctx) {
  const size_t first = HasToken(ctx) ? 1 : 0;
  for (size_t i = first; i < ctx.num_operands(); ++i) {
    const Type::Kind kind = ctx.operand(i).kind();
    if (kind != Type::Kind::kToken && kind != Type::Kind::kRng) continue;
    return ctx.Fail(Format("value {} must be a tensor, int, float or flag, found {}", i - first,
                           ctx.Show(ctx.operand(i))));
  }
  const std::string fmt = ctx.attrs().String("fmt");
  const std::vector<std::string> pieces = PiecesOf(fmt);
  if (pieces.empty()) {
    return ctx.Fail(Format("fmt = \"{}\" has a brace that is neither {{}}, {{{{ nor }}}}", fmt),
                    ErrorId::E508);
  }
  if (pieces.size() - 1 != ctx.num_operands() - first) {
    return ctx.Fail(Format("fmt = \"{}\" has {} places for {} values", fmt, pieces.size() - 1,
                           ctx.num_operands() - first),
                    ErrorId::E508);
  }
  if (first == 1) ctx.Return(Type::Of(Type::Kind::kToken));
  return {};
}

// ---- Text ---------------------------------------------------------------------------------------

// Elements of one value that are shown.
constexpr int64_t kMaxShown = 1000;
// Characters of one number: -2.2250738585072014e-308 is as long as they get.
constexpr size_t kMaxNumber = 24;

// Appends to memory of a fixed size; what does not fit is left out.
class TextWriter {
 public:
  TextWriter(char* memory, size_t capacity) : memory_(memory), capacity_(capacity) {}

  void Append(std::string_view text) {
    const size_t count = std::min(text.size(), capacity_ - size_);
    if (count != 0) std::memcpy(memory_ + size_, text.data(), count);
    size_ += count;
  }

  std::string_view text() const { return {memory_, size_}; }

 private:
  char* memory_;
  size_t capacity_;
  size_t size_ = 0;
};

void AppendNumber(ir::DType dtype, const void* data, TextWriter& out) {
  const ir::Scalar value = ir::Scalar::Load(dtype, data);
  char text[kMaxNumber + 2];
  char* end = text;
  if (ir::IsInteger(dtype)) {
    end = (ir::IsSigned(dtype) ? std::to_chars(text, text + kMaxNumber, value.ToInt())
                               : std::to_chars(text, text + kMaxNumber, value.bits))
              .ptr;
  } else if (ir::IsFloat(dtype) && std::isnan(value.ToDouble())) {
    return out.Append("nan");
  } else if (dtype == ir::DType::kF64) {
    end = std::to_chars(text, text + kMaxNumber, value.ToDouble()).ptr;
    // As the text of a graph has it: a float shows that it is one.
    if (std::string_view(text, end).find_first_of(".en") == std::string_view::npos) {
      *end++ = '.';
      *end++ = '0';
    }
  } else {
    return out.Append(value.ToString());  // so short that it needs no memory
  }
  out.Append({text, end});
}

// One value as nested lists.
class ValueWriter {
 public:
  ValueWriter(const TensorSpec& spec, TextWriter& out) : spec_(spec), out_(out) {}

  void Write(const char* data) { List(0, data); }

  // Enough for what Write appends.
  static size_t Capacity(const TensorSpec& spec) {
    int64_t shown = 1;
    for (int64_t size : spec.sizes) {
      shown = std::min(kMaxShown, shown * std::min(kMaxShown, std::max<int64_t>(size, 1)));
    }
    const size_t rank = spec.sizes.size();
    return static_cast<size_t>(shown) * (kMaxNumber + 2 + 2 * rank) + 8 * rank + 8;
  }

 private:
  void List(size_t dim, const char* data) {
    if (dim == spec_.sizes.size()) {
      ++shown_;
      return AppendNumber(spec_.dtype, data, out_);
    }
    out_.Append("[");
    if (spec_.sizes[dim] == 0) ++shown_;
    for (int64_t i = 0; i < spec_.sizes[dim]; ++i) {
      if (i > 0) out_.Append(", ");
      if (shown_ == kMaxShown) {
        out_.Append("...");
        break;
      }
      List(dim + 1, data + i * spec_.strides[dim] * ir::BytesOf(spec_.dtype));
    }
    out_.Append("]");
  }

  const TensorSpec& spec_;
  TextWriter& out_;
  int64_t shown_ = 0;  // elements and empty lists
};

class PrintKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx) {
    auto kernel = std::make_unique<PrintKernel>();
    kernel->pieces_ = PiecesOf(ctx.attrs.String("fmt"));
    kernel->first_ = ctx.results.size();  // a token gives a token
    kernel->specs_.assign(ctx.operands.begin() + static_cast<std::ptrdiff_t>(kernel->first_),
                          ctx.operands.end());
    GCOMP_ENSURE(kernel->pieces_.size() == kernel->specs_.size() + 1, "a place for each value");
    for (const std::string& piece : kernel->pieces_) kernel->capacity_ += piece.size();
    for (const TensorSpec& spec : kernel->specs_) {
      kernel->capacity_ += ValueWriter::Capacity(spec);
    }
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return capacity_; }

  Status Run(const KernelArgs& args) const override {
    TextWriter out(static_cast<char*>(args.scratch), capacity_);
    out.Append(pieces_[0]);
    for (size_t i = 0; i < specs_.size(); ++i) {
      ValueWriter(specs_[i], out).Write(args.operand<char>(first_ + i));
      out.Append(pieces_[i + 1]);
    }
    args.regions->Print(out.text());
    return {};
  }

 private:
  std::vector<std::string> pieces_;
  size_t first_ = 0;
  std::vector<TensorSpec> specs_;
  size_t capacity_ = 0;
};

// ---- io.token -----------------------------------------------------------------------------------

// A token has no data.
class TokenKernel final : public ir::Kernel {
 public:
  Status Run(const KernelArgs& /*args*/) const override { return {}; }
};

Status InferToken(InferCtx& ctx) {
  ctx.Return(Type::Of(Type::Kind::kToken));
  return {};
}

StatusOr<std::unique_ptr<ir::Kernel>> PrepareToken(const KernelCtx& /*ctx*/) {
  return std::unique_ptr<ir::Kernel>(std::make_unique<TokenKernel>());
}

// ---- Records ------------------------------------------------------------------------------------

constexpr ir::OperandSpec kArgs[] = {
    {.name = "args", .kind = ir::OperandKind::kVariadic, .tensor_only = false}};
constexpr ir::AttrSpec kAttrs[] = {
    {.name = "fmt",
     .kind = ir::AttrKind::kString,
     .doc = "the text, with {} where a value goes; {{ and }} are braces",
     .default_kind = ir::AttrSpec::Default::kRequired}};

constinit const ir::OpDef kPrint = {
    .name = "io.print",
    .doc =
        "Gives a line of text to the embedder's log, at level info, in the order of the program.\n"
        "Shapes: args: an optional token, then tensors, ints, floats and flags of any form, one "
        "for "
        "each {} of fmt; with a token the result is a token, else there is none.\n"
        "Corners: a tensor is shown as nested lists, as in the text of a graph, of at most 1000 "
        "elements, then \"...\"; every NaN is nan; a place too many or too few is E508.",
    .source = "docs/spec/higher_order_ops.md 3.14",
    .operands = kArgs,
    .attrs = kAttrs,
    .num_results = -1,
    .effects = {.ordered = ir::OrderedKind::kIo, .not_recordable = "prints on the host"},
    .tolerance = {.reason = "no arithmetic"},
    .infer = InferPrint,
    .prepare = PrintKernel::Make,
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = "calls the embedder"},
    .vjp = ir::NotDifferentiable("gives no number"),
};

constinit const ir::OpDef kToken = {
    .name = "io.token",
    .doc =
        "The first token of a chain: an op that takes a token and gives one runs after those that "
        "the token came from.\n"
        "Shapes: no operands -> a token.\n"
        "Corners: a token has no data; it only orders.",
    .source = "docs/spec/higher_order_ops.md 1.6 and 3.14",
    .tolerance = {.reason = "no arithmetic"},
    .infer = InferToken,
    .prepare = PrepareToken,
    .lowering = {.kind = ir::Lowering::Kind::kExternal, .why = "has no data"},
    .vjp = ir::NotDifferentiable("gives no number"),
};

}  // namespace

GCOMP_DEFINE_OPS(print, &kPrint, &kToken)

}  // namespace gcomp::kernels
