#include "frontends/weights/npy.h"

#include <cstring>
#include <memory>
#include <utility>

#include "base/format.h"
#include "base/guarded.h"
#include "frontends/weights/file.h"
#include "frontends/weights/npy_header.h"
#include "frontends/weights/weight_table.h"
#include "runtime/specialization.h"

namespace gcomp {
namespace {

// The layout of `sizes` in Fortran order: the first dim is the innermost one.
ir::TensorSpec ColumnMajor(ir::DType dtype, const std::vector<int64_t>& sizes) {
  ir::TensorSpec spec;
  spec.dtype = dtype;
  spec.sizes = sizes;
  int64_t stride = 1;
  for (int64_t size : sizes) {
    spec.strides.push_back(stride);
    stride *= size == 0 ? 1 : size;
  }
  return spec;
}

StatusOr<Tensor> Parse(std::span<const std::byte> file) {
  GCOMP_ASSIGN_OR_RETURN(NpyHeader header, ParseNpyHeader(file));
  std::span<const std::byte> data = file.subspan(header.header_bytes);
  if (data.size() != header.data_bytes) {
    return Status(ErrorId::E602, Format("at byte {}: the array takes {} bytes, the file has {}{}",
                                        header.header_bytes, header.data_bytes, data.size(),
                                        data.size() < header.data_bytes ? " (truncated?)" : ""));
  }
  if (header.dtype == ir::DType::kBool) GCOMP_RETURN_IF_ERROR(CheckBools(data, "the array"));
  if (!header.fortran_order) return Tensor::Copy(header.dtype, header.sizes, data.data());
  // The file's bytes may lie at any address; a copy of them is aligned.
  GCOMP_ASSIGN_OR_RETURN(Tensor columns, Tensor::Copy(header.dtype, header.sizes, data.data()));
  GCOMP_ASSIGN_OR_RETURN(Tensor rows, Tensor::Empty(header.dtype, header.sizes));
  CopyElements(ColumnMajor(header.dtype, header.sizes), columns.data(), rows.spec(), rows.data());
  return rows;
}

}  // namespace

StatusOr<Tensor> ReadNpy(const std::string& path) {
  return Guarded([&path]() -> StatusOr<Tensor> {
    GCOMP_ASSIGN_OR_RETURN(std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
    return ParseNpy(file->bytes(), path);
  });
}

StatusOr<Tensor> ParseNpy(std::span<const std::byte> file, const std::string& name) {
  StatusOr<Tensor> tensor = Parse(file);
  if (tensor.ok()) return tensor;
  return Status(tensor.status().id(), Format("{}: {}", name, tensor.status().message()));
}

StatusOr<std::vector<std::byte>> SerializeNpy(const Tensor& tensor) {
  GCOMP_ASSIGN_OR_RETURN(std::string header, PrintNpyHeader(tensor.dtype(), tensor.sizes()));
  auto data_bytes = static_cast<size_t>(tensor.NumElements() * ir::BytesOf(tensor.dtype()));
  std::vector<std::byte> file(header.size() + data_bytes);
  std::memcpy(file.data(), header.data(), header.size());
  ir::TensorSpec row_major = tensor.spec();
  row_major.strides = ir::ContiguousStrides(row_major.sizes);
  CopyElements(tensor.spec(), tensor.data(), row_major, file.data() + header.size());
  return file;
}

Status WriteNpy(const std::string& path, const Tensor& tensor) {
  StatusOr<std::vector<std::byte>> file = SerializeNpy(tensor);
  if (!file.ok()) {
    return Status(file.status().id(), Format("{}: {}", path, file.status().message()));
  }
  std::span<const std::byte> pieces[] = {*file};
  return WriteFile(path, pieces);
}

}  // namespace gcomp
