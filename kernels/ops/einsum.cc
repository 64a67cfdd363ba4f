// einsum: sums of products by index letters, as a chain of transposes, sums and matrix products.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/decompose.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/einsum_equation.h"
#include "kernels/pointwise.h"

namespace gcomp::kernels {
namespace {

using ir::Dims;
using ir::Expr;
using ir::InferCtx;
using ir::Term;
using ir::Type;

bool Contains(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// ---- Types --------------------------------------------------------------------------------------

std::string NameOf(Label label) {
  if (label < kFirstEllipsisLabel) return Format("letter '{}'", static_cast<char>(label));
  return Format("axis {} of \"...\", counted from the last,", label - kFirstEllipsisLabel);
}

// The size of each label; dims of "..." broadcast.
class LabelSizes {
 public:
  Status Add(const InferCtx& ctx, size_t operand, const Labels& labels) {
    const Type& type = ctx.operand(operand);
    for (size_t d = 0; d < labels.size(); ++d) {
      const Label label = labels[d];
      const Expr& size = type.dims()[d];
      Expr* known = Find(label);
      if (known == nullptr) {
        sizes_.push_back({label, size, operand});
        continue;
      }
      if (ctx.SameSize(*known, size)) continue;
      const bool broadcasts = label >= kFirstEllipsisLabel;
      if (broadcasts && size.IsConst(1)) continue;
      if (broadcasts && known->IsConst(1)) {
        *known = size;
        continue;
      }
      return ctx.Fail(
          Format("{} is {} in axis {} of operand {} {}, but {} before, in operands "
                 "such as {}",
                 NameOf(label), ctx.Show(size), d, operand, ctx.Show(type), ctx.Show(*known),
                 ctx.Show(ctx.operand(FirstOperand(label)))));
    }
    return {};
  }

  Expr Of(Label label) {
    Expr* size = Find(label);
    return size == nullptr ? Expr(1) : *size;
  }

 private:
  struct Entry {
    Label label;
    Expr size;
    size_t operand;  // where it came up first
  };

  Entry* FindEntry(Label label) {
    auto it = std::find_if(sizes_.begin(), sizes_.end(),
                           [label](const Entry& entry) { return entry.label == label; });
    return it == sizes_.end() ? nullptr : &*it;
  }

  Expr* Find(Label label) {
    Entry* entry = FindEntry(label);
    return entry == nullptr ? nullptr : &entry->size;
  }

  size_t FirstOperand(Label label) { return FindEntry(label)->operand; }

  std::vector<Entry> sizes_;
};

Status InferEinsum(InferCtx& ctx) {
  if (ctx.num_operands() == 0) return ctx.Fail("needs at least one operand");
  for (size_t i = 1; i < ctx.num_operands(); ++i) {
    if (ctx.operand(i).dtype() != ctx.operand(0).dtype()) {
      return ctx.Fail(Format("operands must have one dtype, found {} and {}",
                             ctx.Show(ctx.operand(0)), ctx.Show(ctx.operand(i))));
    }
  }
  std::vector<size_t> ranks;
  for (size_t i = 0; i < ctx.num_operands(); ++i) ranks.push_back(ctx.operand(i).dims().size());
  GCOMP_ASSIGN_OR_RETURN(const Contraction contraction,
                         ParseEinsum(ctx.attrs().String("equation"), ranks));
  LabelSizes sizes;
  for (size_t i = 0; i < contraction.inputs.size(); ++i) {
    GCOMP_RETURN_IF_ERROR(sizes.Add(ctx, i, contraction.inputs[i]));
  }
  Dims dims;
  for (Label label : contraction.output) dims.push_back(sizes.Of(label));
  GCOMP_ASSIGN_OR_RETURN(ir::Device device, DeviceOfOperands(ctx));
  ctx.Return(Type::Tensor(ctx.operand(0).dtype(), std::move(dims), {}, std::move(device)));
  return {};
}

// ---- Formula ------------------------------------------------------------------------------------

// A value whose dims have labels, each once.
struct Labeled {
  Term value;
  Labels labels;
};

class EinsumWriter {
 public:
  explicit EinsumWriter(ir::DecomposeCtx& ctx) : ctx_(ctx) {}

  // The value of the whole equation, contiguous.
  Term Write(const Contraction& contraction) {
    Labeled left = Distinct(ctx_.Widened(ctx_.operands(0)[0]), contraction.inputs[0]);
    for (size_t i = 1; i < contraction.inputs.size(); ++i) {
      Labels later = contraction.output;
      for (size_t j = i + 1; j < contraction.inputs.size(); ++j) {
        later.insert(later.end(), contraction.inputs[j].begin(), contraction.inputs[j].end());
      }
      left = Contract(std::move(left),
                      Distinct(ctx_.Widened(ctx_.operands(0)[i]), contraction.inputs[i]), later);
    }
    left = SumAllBut(std::move(left), contraction.output);
    Term y = Arranged(left, contraction.output);
    if (!y.present()) return y;
    const bool is_operand = y.id() == ctx_.operands(0)[0].id();
    return is_operand || !y.type().is_contiguous() ? ctx_.Call("contiguous", {y}) : y;
  }

 private:
  // Repeated letters: the diagonal, whose dim comes last.
  Labeled Distinct(Term value, Labels labels) {
    for (size_t i = 0; i < labels.size();) {
      const auto first = labels.begin() + static_cast<std::ptrdiff_t>(i);
      const auto second = std::find(first + 1, labels.end(), labels[i]);
      if (second == labels.end()) {
        ++i;
        continue;
      }
      value = ctx_.Call("diagonal", {value},
                        {{"dim1", Expr(static_cast<int64_t>(i))},
                         {"dim2", Expr(static_cast<int64_t>(second - labels.begin()))}});
      const Label label = labels[i];
      labels.erase(second);
      labels.erase(first);
      labels.push_back(label);
    }
    return {value, std::move(labels)};
  }

  Labeled SumAllBut(Labeled x, const Labels& kept) {
    std::vector<int64_t> axes;
    Labels labels;
    for (size_t i = 0; i < x.labels.size(); ++i) {
      if (Contains(kept, x.labels[i])) {
        labels.push_back(x.labels[i]);
      } else {
        axes.push_back(static_cast<int64_t>(i));
      }
    }
    return {ctx_.ReduceSum(x.value, axes, false), std::move(labels)};
  }

  // The dims in the order of `labels`, which are those of x.
  Term Arranged(const Labeled& x, const Labels& labels) {
    if (x.labels == labels) return x.value;
    std::vector<int64_t> order;
    for (Label label : labels) {
      order.push_back(std::find(x.labels.begin(), x.labels.end(), label) - x.labels.begin());
    }
    return ctx_.Call("transpose", {x.value}, {{"dims", ir::IntsAttr(order)}});
  }

  static Expr SizeOf(const Labeled& x, Label label) {
    const auto at = std::find(x.labels.begin(), x.labels.end(), label);
    return at == x.labels.end() ? Expr(1) : x.value.size(static_cast<int>(at - x.labels.begin()));
  }

  // The product of a and b, summed over the labels that are not in `later`.
  Labeled Contract(Labeled a, Labeled b, const Labels& later) {
    Labels of_a = later;
    of_a.insert(of_a.end(), b.labels.begin(), b.labels.end());
    Labels of_b = later;
    of_b.insert(of_b.end(), a.labels.begin(), a.labels.end());
    a = SumAllBut(std::move(a), of_a);
    b = SumAllBut(std::move(b), of_b);
    if (!a.value.present() || !b.value.present()) return {};
    Labels batch, rows, columns, summed;
    for (Label label : a.labels) {
      if (!Contains(b.labels, label)) {
        rows.push_back(label);
      } else {
        (Contains(later, label) ? batch : summed).push_back(label);
      }
    }
    for (Label label : b.labels) {
      if (!Contains(a.labels, label)) columns.push_back(label);
    }
    Labels labels = batch;
    labels.insert(labels.end(), rows.begin(), rows.end());
    labels.insert(labels.end(), columns.begin(), columns.end());
    Dims sizes;
    for (Label label : labels) {
      const Expr of_one = SizeOf(a, label);
      sizes.push_back(of_one.IsConst(1) ? SizeOf(b, label) : of_one);
    }
    const Term left = Grouped(a, batch, rows, summed);
    const Term right = Grouped(b, batch, summed, columns);
    // Without a sum, a product of elements is exact to one rounding.
    const Term product = summed.empty() ? left * right : ctx_.Call("matmul", {left, right});
    return {ctx_.Reshape(product, sizes), std::move(labels)};
  }

  // x as matrices: [batch..., product of rows, product of columns].
  Term Grouped(const Labeled& x, const Labels& batch, const Labels& rows, const Labels& columns) {
    Labels order = batch;
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), columns.begin(), columns.end());
    Dims sizes;
    for (Label label : batch) sizes.push_back(SizeOf(x, label));
    for (const Labels* side : {&rows, &columns}) {
      Expr size = 1;
      for (Label label : *side) size = Expr::Mul(size, SizeOf(x, label));
      sizes.push_back(size);
    }
    return ctx_.Reshape(Arranged(x, order), sizes);
  }

  ir::DecomposeCtx& ctx_;
};

void DecomposeEinsum(ir::DecomposeCtx& ctx) {
  std::vector<size_t> ranks;
  for (const Term& operand : ctx.operands(0)) ranks.push_back(operand.sizes().size());
  StatusOr<Contraction> contraction = ParseEinsum(ctx.attrs().String("equation"), ranks);
  if (!contraction.ok()) return ctx.Fail(std::move(contraction).status());
  ctx.Return(EinsumWriter(ctx).Write(*contraction));
}

constexpr ir::OperandSpec kOperands[] = {
    {.name = "xs", .kind = ir::OperandKind::kVariadic, .dtypes = ir::kNumericDTypes}};
constexpr ir::AttrSpec kAttrs[] = {ir::StringAttr(
    "equation", "",
    "the letters of each operand's dims, with commas between, and after \"->\" those "
    "of the result's; \"...\" stands for the dims that have no letter")};

constinit const ir::OpDef kEinsum = {
    .name = "einsum",
    .doc =
        "Sum of products by letters: y[output letters] = sum over all other letters of the product "
        "of the operands, each at its letters; \"bij,bjk->bik\" is a batched matrix product.\n"
        "Shapes: xs: any, a letter has one size wherever it stands -> y: the sizes of the output's "
        "letters. Dims of \"...\" come in the same order, aligned at the last, and broadcast. "
        "Without \"->\" the result has \"...\" and then the letters that occur once, in "
        "alphabetical order, capitals first.\n"
        "Corners: a letter twice in one operand takes the diagonal; blanks are ignored; operands "
        "are contracted pairwise from the left, letters of one operand alone are summed first; "
        "sums of nothing are 0; integers wrap; f16 and bf16 are computed in f32 and rounded once.",
    .source = "NumPy einsum",
    .operands = kOperands,
    .attrs = kAttrs,
    .numeric = ir::NumericClass::kPinned,
    .tolerance = {.ulp = 2,
                  .rtol = 2e-5,
                  .reason = "a chain of sums and of products as matmul gives them, each within "
                            "1e-5 of the largest magnitude summed; narrower results are rounded "
                            "once more"},
    .infer = InferEinsum,
    .lowering = {.kind = ir::Lowering::Kind::kDecompose, .decompose = DecomposeEinsum},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(einsum, &kEinsum)

}  // namespace gcomp::kernels
