// assoc_scan: running combinations along an axis, with a region that combines.
//
// The order is that of cumsum (docs/numerics.md, "Scans"): an associative region gives what any
// order gives but for rounding, and `add` gives the bits of cumsum.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "ir/kernel.h"
#include "ir/op_def.h"
#include "kernels/all_ops.h"
#include "kernels/region.h"
#include "kernels/scan.h"

namespace gcomp::kernels {
namespace {

using ir::InferCtx;
using ir::KernelArgs;
using ir::KernelCtx;
using ir::TensorSpec;
using ir::Type;
using ir::ValueId;

// ---- Types --------------------------------------------------------------------------------------

bool IsPointwise(const ir::AttrReader& attrs) {
  return attrs.String("mode") == "pointwise";
}

// The types that the region takes twice and yields once: one element, or one row-major slice, of
// each of xs.
StatusOr<std::vector<Type>> ElementTypes(const InferCtx& ctx) {
  std::vector<Type> types;
  const Type* first = nullptr;
  for (ValueId id : ctx.group(0)) {
    const Type& x = TypeOf(ctx, id);
    GCOMP_ASSIGN_OR_RETURN(size_t axis, SlicedAxis(ctx, ctx.attrs().Int("dim"), x));
    if (first == nullptr) first = &x;
    bool same = x.rank() == first->rank();
    for (size_t d = 0; same && d < x.dims().size(); ++d) {
      same = ctx.SameSize(x.dims()[d], first->dims()[d]);
    }
    if (!same) {
      return ctx.Fail(
          Format("xs must be of one shape, found {} and {}", ctx.Show(*first), ctx.Show(x)),
          ErrorId::E221);
    }
    types.push_back(IsPointwise(ctx.attrs()) ? Type::Tensor(x.dtype(), {}, {}, x.device())
                                             : RowMajor(SliceOf(x, axis)));
  }
  if (types.empty()) return ctx.Fail("needs at least one of xs", ErrorId::E221);
  return types;
}

Status InferAssocScan(InferCtx& ctx) {
  const std::string mode = ctx.attrs().String("mode");
  if (mode != "pointwise" && mode != "slice") {
    return ctx.Fail(Format("mode = \"{}\", but must be \"pointwise\" or \"slice\"", mode),
                    ErrorId::E508);
  }
  GCOMP_RETURN_IF_ERROR(CheckRegionCount(ctx, 1));
  GCOMP_ASSIGN_OR_RETURN(std::vector<Type> elements, ElementTypes(ctx));
  const ir::Block& combine = RegionOf(ctx, 0);
  const size_t n = elements.size();
  if (combine.params.size() != 2 * n || combine.yields.size() != n) {
    return ctx.Fail(
        Format("for {0} of xs the region takes {1} values and yields {0}, but takes {2} "
               "and yields {3}",
               n, 2 * n, combine.params.size(), combine.yields.size()),
        ErrorId::E225);
  }
  for (size_t i = 0; i < 2 * n; ++i) {
    const Type& found = TypeOf(ctx, combine.params[i]);
    if (found == elements[i % n]) continue;
    return ctx.Fail(Format("parameter {} of the region is {}, but {} is passed", i, ctx.Show(found),
                           ctx.Show(elements[i % n])),
                    ErrorId::E225);
  }
  for (size_t i = 0; i < n; ++i) {
    const Type& found = TypeOf(ctx, combine.yields[i]);
    if (RowMajor(found) != elements[i]) {
      return ctx.Fail(Format("the region yields {}, but must yield {} as it takes", ctx.Show(found),
                             ctx.Show(elements[i])),
                      ErrorId::E225);
    }
    ctx.Return(RowMajor(ctx.operand(i)));
  }
  return {};
}

// ---- Kernel -------------------------------------------------------------------------------------

// One of xs with its result.
struct Leaf {
  StridedCopy load;         // one element or slice, to row-major
  StridedCopy store;        // and back
  int64_t bytes = 0;        // of an element of the dtype
  int64_t from_stride = 0;  // in bytes, along the scanned axis
  int64_t to_stride = 0;
  std::vector<int64_t> from_strides;  // in bytes, along the axes of AssocScanKernel::points_
  std::vector<int64_t> to_strides;
  size_t at = 0;  // in a register
};

// Holds what is being combined in registers: row-major copies of one element (or slice) of each
// leaf, in scratch. Steps that cumsum takes with its identity are left out: it does not change the
// other operand.
class AssocScanKernel final : public ir::Kernel {
 public:
  static StatusOr<std::unique_ptr<ir::Kernel>> Make(const KernelCtx& ctx) {
    GCOMP_ENSURE(ctx.regions.size() == 1 && ctx.results.size() == ctx.operands.size(),
                 "a region, and one result for each of xs");
    GCOMP_RETURN_IF_ERROR(CheckRowMajorResults(ctx, 0));
    auto kernel = std::make_unique<AssocScanKernel>();
    const TensorSpec& x = ctx.operands[0];
    const int64_t dim = ctx.attrs.Int("dim");
    const auto axis = static_cast<size_t>(dim < 0 ? dim + x.rank() : dim);
    const bool pointwise = IsPointwise(ctx.attrs);
    kernel->reverse_ = ctx.attrs.Bool("reverse");
    kernel->count_ = x.sizes[axis];
    for (size_t d = 0; d < x.sizes.size(); ++d) {
      if (x.sizes[d] != 1) kernel->innermost_ = d == axis;
      if (pointwise && d != axis) kernel->points_.push_back(x.sizes[d]);
    }
    for (size_t i = 0; i < ctx.operands.size(); ++i) {
      GCOMP_ENSURE(ctx.operands[i].sizes == x.sizes && ctx.results[i].sizes == x.sizes,
                   "xs and results are of one shape");
      kernel->AddLeaf(ctx.operands[i], ctx.results[i], axis, pointwise);
    }
    ScratchPlan scratch;
    scratch.Take(3 * kernel->leaves_.size() * sizeof(void*));
    kernel->registers_at_ = scratch.Take(kRegisters * kernel->register_bytes_);
    kernel->scratch_bytes_ = scratch.bytes();
    return std::unique_ptr<ir::Kernel>(std::move(kernel));
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  Status Run(const KernelArgs& args) const override {
    int64_t points = 1;
    for (int64_t size : points_) points *= size;
    if (count_ == 0) return {};
    for (int64_t point = 0; point < points; ++point) {
      GCOMP_RETURN_IF_ERROR(innermost_ ? GroupedRow(args, point) : SequentialRow(args, point));
    }
    return {};
  }

 private:
  static constexpr size_t kGroup = static_cast<size_t>(kScanGroup);
  static constexpr size_t kRegisters = kGroup + 3;

  void AddLeaf(const TensorSpec& x, const TensorSpec& y, size_t axis, bool pointwise) {
    Leaf leaf;
    leaf.bytes = ir::BytesOf(x.dtype);
    leaf.from_stride = x.strides[axis] * leaf.bytes;
    leaf.to_stride = y.strides[axis] * leaf.bytes;
    std::vector<int64_t> sizes;
    std::vector<int64_t> from;
    std::vector<int64_t> to;
    for (size_t d = 0; d < x.sizes.size(); ++d) {
      if (d == axis) continue;
      if (pointwise) {
        leaf.from_strides.push_back(x.strides[d] * leaf.bytes);
        leaf.to_strides.push_back(y.strides[d] * leaf.bytes);
      } else {
        sizes.push_back(x.sizes[d]);
        from.push_back(x.strides[d]);
        to.push_back(y.strides[d]);
      }
    }
    const std::vector<int64_t> dense = ir::ContiguousStrides(sizes);
    leaf.load = StridedCopy::Make(sizes, from, dense, leaf.bytes);
    leaf.store = StridedCopy::Make(sizes, dense, to, leaf.bytes);
    leaf.at = register_bytes_;
    size_t elements = 1;
    for (int64_t size : sizes) elements *= static_cast<size_t>(size);
    register_bytes_ += (elements * static_cast<size_t>(leaf.bytes) + 63) / 64 * 64;
    leaves_.push_back(std::move(leaf));
  }

  // The offset of a point of `points_`.
  int64_t OffsetOf(int64_t point, const std::vector<int64_t>& strides) const {
    int64_t offset = 0;
    for (size_t d = points_.size(); d-- > 0;) {
      offset += point % points_[d] * strides[d];
      point /= points_[d];
    }
    return offset;
  }

  // ---- Registers --------------------------------------------------------------------------------

  char* At(const KernelArgs& args, size_t number, const Leaf& leaf) const {
    return static_cast<char*>(args.scratch) + registers_at_ + number * register_bytes_ + leaf.at;
  }

  int64_t PlaceOf(int64_t k) const { return reverse_ ? count_ - 1 - k : k; }

  void Load(const KernelArgs& args, int64_t point, int64_t k, size_t into) const {
    for (size_t l = 0; l < leaves_.size(); ++l) {
      const Leaf& leaf = leaves_[l];
      const char* x = args.operand<char>(l) + OffsetOf(point, leaf.from_strides);
      leaf.load.Run(x + PlaceOf(k) * leaf.from_stride, At(args, into, leaf));
    }
  }

  void Store(const KernelArgs& args, int64_t point, int64_t k, size_t from) const {
    for (size_t l = 0; l < leaves_.size(); ++l) {
      const Leaf& leaf = leaves_[l];
      char* y = args.result<char>(l) + OffsetOf(point, leaf.to_strides);
      leaf.store.Run(At(args, from, leaf), y + PlaceOf(k) * leaf.to_stride);
    }
  }

  // Register `into` = combine(register a, register b); `into` is neither.
  Status Combine(const KernelArgs& args, size_t a, size_t b, size_t into) const {
    void** pointers = static_cast<void**>(args.scratch);
    const size_t n = leaves_.size();
    for (size_t l = 0; l < n; ++l) {
      pointers[l] = At(args, a, leaves_[l]);
      pointers[n + l] = At(args, b, leaves_[l]);
      pointers[2 * n + l] = At(args, into, leaves_[l]);
    }
    return args.regions->RunRegion(0, std::span(pointers, 2 * n), std::span(pointers + 2 * n, n));
  }

  // ---- Form 1 -----------------------------------------------------------------------------------

  // What a row is at: the numbers of registers, which change places instead of contents.
  struct Row {
    int64_t point;
    std::array<size_t, kGroup> group;
    size_t spare;
    size_t carry;   // of the groups before, in this chunk
    size_t offset;  // of the chunks before
    bool has_carry = false;
    bool has_offset = false;
  };

  Status GroupedRow(const KernelArgs& args, int64_t point) const {
    Row row = {
        .point = point, .group = {}, .spare = kGroup, .carry = kGroup + 1, .offset = kGroup + 2};
    for (size_t i = 0; i < kGroup; ++i) row.group[i] = i;
    for (int64_t k = 0; k < count_; k += kScanGroup) {
      if (k > 0 && k % kScanChunk == 0) {
        if (row.has_offset) {
          GCOMP_RETURN_IF_ERROR(Combine(args, row.offset, row.carry, row.spare));
          std::swap(row.offset, row.spare);
        } else {
          std::swap(row.offset, row.carry);
        }
        row.has_offset = true;
        row.has_carry = false;
      }
      GCOMP_RETURN_IF_ERROR(Group(args, k, row));
    }
    return {};
  }

  // Elements [k, k + 16) of a row, or those that it has.
  Status Group(const KernelArgs& args, int64_t k, Row& row) const {
    const auto size = static_cast<size_t>(std::min(count_ - k, kScanGroup));
    for (size_t i = 0; i < size; ++i) {
      GCOMP_RETURN_IF_ERROR(args.regions->Poll());
      Load(args, row.point, k + static_cast<int64_t>(i), row.group[i]);
    }
    // All at once: from the last one on, nothing is read that has changed.
    for (size_t distance = 1; distance < kGroup; distance *= 2) {
      for (size_t i = size; i-- > distance;) {
        GCOMP_RETURN_IF_ERROR(Combine(args, row.group[i - distance], row.group[i], row.spare));
        std::swap(row.group[i], row.spare);
      }
    }
    for (size_t i = 0; i < size; ++i) {
      if (row.has_carry) {
        GCOMP_RETURN_IF_ERROR(Combine(args, row.carry, row.group[i], row.spare));
        std::swap(row.group[i], row.spare);
      }
      if (row.has_offset) {
        GCOMP_RETURN_IF_ERROR(Combine(args, row.offset, row.group[i], row.spare));
      }
      Store(args, row.point, k + static_cast<int64_t>(i),
            row.has_offset ? row.spare : row.group[i]);
    }
    std::swap(row.carry, row.group[size - 1]);
    row.has_carry = true;
    return {};
  }

  // ---- Form 2 -----------------------------------------------------------------------------------

  Status SequentialRow(const KernelArgs& args, int64_t point) const {
    size_t x = 0;
    size_t local = 1;   // of this chunk
    size_t offset = 2;  // of the chunks before
    size_t spare = 3;
    bool has_offset = false;
    for (int64_t k = 0; k < count_; ++k) {
      GCOMP_RETURN_IF_ERROR(args.regions->Poll());
      const bool first = k % kScanChunk == 0;
      if (first && k > 0) {
        if (has_offset) {
          GCOMP_RETURN_IF_ERROR(Combine(args, offset, local, spare));
          std::swap(offset, spare);
        } else {
          std::swap(offset, local);
        }
        has_offset = true;
      }
      Load(args, point, k, x);
      if (first) {
        std::swap(local, x);
      } else {
        GCOMP_RETURN_IF_ERROR(Combine(args, local, x, spare));
        std::swap(local, spare);
      }
      if (has_offset) GCOMP_RETURN_IF_ERROR(Combine(args, offset, local, spare));
      Store(args, point, k, has_offset ? spare : local);
    }
    return {};
  }

  std::vector<Leaf> leaves_;
  std::vector<int64_t> points_;  // sizes of the axes of points; none for slices
  int64_t count_ = 0;
  bool reverse_ = false;
  bool innermost_ = true;  // form 1 of docs/numerics.md
  size_t register_bytes_ = 0;
  size_t registers_at_ = 0;
  size_t scratch_bytes_ = 0;
};

// ---- Record -------------------------------------------------------------------------------------

constexpr ir::OperandSpec kOperands[] = {{.name = "xs", .kind = ir::OperandKind::kNamedGroup}};
constexpr ir::AttrSpec kAttrs[] = {
    ir::AxisOf(ir::AttrSpec::Axis::kOfOperand, ir::IntAttr("dim", 0, "the axis to go along")),
    ir::BoolAttr("reverse", false, "from the last element to the first"),
    ir::StringAttr(
        "mode", "pointwise",
        "what is combined: \"pointwise\" single elements, \"slice\" whole slices without "
        "the axis, row-major")};
constexpr ir::RegionSpec kRegions[] = {{.label = "combine", .refuses_writes = ErrorId::E224}};

constinit const ir::OpDef kAssocScan = {
    .name = "assoc_scan",
    .doc =
        "Running combinations along an axis: y[k] = combine(y[k - 1], x[k]), y[0] = x[0], in the "
        "order of cumsum (docs/numerics.md); with reverse from the last element, y[n - 1] = "
        "x[n - 1].\n"
        "Shapes: xs: [..., n, ...] each, of one shape; the region takes the left elements of all "
        "xs, then the right ones ([] each, or the slices without the axis), and yields as many; "
        "results as xs, row-major.\n"
        "Corners: that the region is associative is its author's promise: elements are combined "
        "in groups. n = 0 runs nothing; the region must not write its parameters.",
    .source =
        "docs/spec/higher_order_ops.md 1.11 and 3.7; W. Hillis, G. Steele, Data Parallel "
        "Algorithms, 1986",
    .operands = kOperands,
    .attrs = kAttrs,
    .regions = kRegions,
    .num_results = -1,
    .tolerance = kBodysOwn,
    .infer = InferAssocScan,
    .prepare = AssocScanKernel::Make,
    .lowering = {.kind = ir::Lowering::Kind::kStructure, .why = "a scan around a region"},
    .vjp = ir::NotYet(),
};

}  // namespace

GCOMP_DEFINE_OPS(assoc_scan, &kAssocScan)

}  // namespace gcomp::kernels
