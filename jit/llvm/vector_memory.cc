// Loads and stores of VectorOps.
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>

#include <vector>

#include "jit/llvm/vector_ops.h"

namespace gcomp::codegen {
namespace {

using ir::DType;

llvm::Align AlignOf(DType dtype) {
  return llvm::Align(static_cast<uint64_t>(ir::BytesOf(dtype)));
}

// Of the shape of `value`, with elements of type `scalar`.
llvm::Type* WithElements(llvm::Value* value, llvm::Type* scalar) {
  return value->getType()->getWithNewType(scalar);
}

}  // namespace

llvm::Type* VectorOps::MemoryType(DType dtype) const {
  if (dtype == DType::kF32) return builder_.getFloatTy();
  if (dtype == DType::kF64) return builder_.getDoubleTy();
  return builder_.getIntNTy(static_cast<unsigned>(ir::BitsOf(dtype)));
}

llvm::Value* VectorOps::FromMemory(DType dtype, llvm::Value* raw) {
  switch (dtype) {
    case DType::kBool:
      return builder_.CreateICmpNE(raw, llvm::Constant::getNullValue(raw->getType()));
    case DType::kI8:
    case DType::kI16:
      return builder_.CreateSExt(raw, WithElements(raw, builder_.getInt32Ty()));
    case DType::kU8:
    case DType::kU16:
      return builder_.CreateZExt(raw, WithElements(raw, builder_.getInt32Ty()));
    case DType::kF16: {
      llvm::Value* half = builder_.CreateBitCast(raw, WithElements(raw, builder_.getHalfTy()));
      return builder_.CreateFPExt(half, WithElements(raw, builder_.getFloatTy()));
    }
    case DType::kBF16: {
      llvm::Value* bits = builder_.CreateZExt(raw, WithElements(raw, builder_.getInt32Ty()));
      return builder_.CreateBitCast(builder_.CreateShl(bits, 16),
                                    WithElements(raw, builder_.getFloatTy()));
    }
    default:
      return raw;
  }
}

llvm::Value* VectorOps::ToMemory(DType dtype, llvm::Value* value) {
  llvm::Type* type = WithElements(value, MemoryType(dtype));
  switch (dtype) {
    case DType::kBool:
      return builder_.CreateZExt(value, type);
    case DType::kI8:
    case DType::kI16:
    case DType::kU8:
    case DType::kU16:
      return builder_.CreateTrunc(value, type);
    case DType::kF16: {
      llvm::Value* half = builder_.CreateFPTrunc(value, WithElements(value, builder_.getHalfTy()));
      return builder_.CreateBitCast(half, type);
    }
    case DType::kBF16: {
      // Half of the last kept bit, less one where that bit is even; a NaN's payload must not carry.
      llvm::Type* wide = WithElements(value, builder_.getInt32Ty());
      llvm::Value* bits = builder_.CreateBitCast(value, wide);
      llvm::Value* odd = builder_.CreateAnd(builder_.CreateLShr(bits, 16), 1);
      llvm::Value* half = builder_.CreateAdd(odd, llvm::ConstantInt::get(wide, 0x7fff));
      llvm::Value* rounded = builder_.CreateAdd(bits, half);
      llvm::Value* is_nan = builder_.CreateFCmpUNO(value, value);
      llvm::Value* kept =
          builder_.CreateSelect(is_nan, llvm::ConstantInt::get(wide, 0x7fc00000), rounded);
      return builder_.CreateTrunc(builder_.CreateLShr(kept, 16), type);
    }
    default:
      return value;
  }
}

llvm::Value* VectorOps::AsVector(llvm::Value* value) {
  if (lanes_ > 1) return value;
  llvm::Type* type = llvm::FixedVectorType::get(value->getType(), 1);
  return builder_.CreateInsertElement(llvm::PoisonValue::get(type), value, uint64_t{0});
}

llvm::Value* VectorOps::Load(DType dtype, llvm::Value* address, llvm::Value* mask) {
  llvm::Type* element = MemoryType(dtype);
  if (mask == nullptr) {
    return FromMemory(dtype, builder_.CreateAlignedLoad(Vector(element), address, AlignOf(dtype)));
  }
  llvm::Type* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes_));
  llvm::Value* raw = builder_.CreateMaskedLoad(type, address, AlignOf(dtype), AsVector(mask),
                                               llvm::Constant::getNullValue(type));
  if (lanes_ == 1) raw = builder_.CreateExtractElement(raw, uint64_t{0});
  return FromMemory(dtype, raw);
}

void VectorOps::Store(DType dtype, llvm::Value* value, llvm::Value* address, llvm::Value* mask,
                      bool streaming) {
  llvm::Value* raw = ToMemory(dtype, value);
  if (mask != nullptr) {
    builder_.CreateMaskedStore(AsVector(raw), address, AlignOf(dtype), AsVector(mask));
    return;
  }
  llvm::Align align = AlignOf(dtype);
  if (streaming) align = llvm::Align(align.value() * static_cast<uint64_t>(lanes_));
  llvm::StoreInst* store = builder_.CreateAlignedStore(raw, address, align);
  if (streaming) {
    llvm::Metadata* one = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
    store->setMetadata(llvm::LLVMContext::MD_nontemporal,
                       llvm::MDNode::get(builder_.getContext(), {one}));
  }
}

llvm::Value* VectorOps::VectorOfAddresses(DType dtype, llvm::Value* address, llvm::Value* stride) {
  auto lanes = static_cast<unsigned>(lanes_);
  std::vector<llvm::Constant*> lane;
  for (unsigned l = 0; l < lanes; ++l) lane.push_back(builder_.getInt64(l));
  llvm::Value* offsets = builder_.CreateMul(builder_.CreateVectorSplat(lanes, stride),
                                            llvm::ConstantVector::get(lane));
  return builder_.CreateGEP(MemoryType(dtype), address, offsets);
}

// Four lanes share a base: the other three are reached by the processor's addressing.
std::vector<llvm::Value*> VectorOps::LaneAddresses(DType dtype, llvm::Value* address,
                                                   llvm::Value* stride) {
  llvm::Type* element = MemoryType(dtype);
  llvm::Value* four = builder_.CreateShl(stride, 2);
  std::vector<llvm::Value*> addresses;
  for (int base = 0; base < lanes_; base += 4) {
    for (uint64_t l = 0; l < 4; ++l) {
      addresses.push_back(
          builder_.CreateGEP(element, address, builder_.CreateMul(stride, builder_.getInt64(l))));
    }
    address = builder_.CreateGEP(element, address, four);
  }
  return addresses;
}

// All lanes: loads of elements, put together. Gathers know no elements under 32 bits; those of AVX2
// were measured to take 1.6 times as long, those of AVX-512 as long (at stride 2 half).
llvm::Value* VectorOps::LoadStrided(DType dtype, llvm::Value* address, llvm::Value* stride_elements,
                                    llvm::Value* mask) {
  if (lanes_ == 1) return Load(dtype, address, mask);
  llvm::Type* element = MemoryType(dtype);
  llvm::Type* type = Vector(element);
  if (mask != nullptr) {
    llvm::Value* raw =
        builder_.CreateMaskedGather(type, VectorOfAddresses(dtype, address, stride_elements),
                                    AlignOf(dtype), mask, llvm::Constant::getNullValue(type));
    return FromMemory(dtype, raw);
  }
  llvm::Value* raw = llvm::PoisonValue::get(type);
  std::vector<llvm::Value*> addresses = LaneAddresses(dtype, address, stride_elements);
  for (size_t l = 0; l < addresses.size(); ++l) {
    raw = builder_.CreateInsertElement(
        raw, builder_.CreateAlignedLoad(element, addresses[l], AlignOf(dtype)), l);
  }
  return FromMemory(dtype, raw);
}

llvm::Value* VectorOps::LoadSplat(DType dtype, llvm::Value* address) {
  llvm::Value* raw = builder_.CreateAlignedLoad(MemoryType(dtype), address, AlignOf(dtype));
  return Splat(FromMemory(dtype, raw));
}

void VectorOps::StoreStrided(DType dtype, llvm::Value* value, llvm::Value* address,
                             llvm::Value* stride_elements, llvm::Value* mask) {
  if (lanes_ == 1) return Store(dtype, value, address, mask);
  llvm::Value* raw = ToMemory(dtype, value);
  if (mask != nullptr) {
    builder_.CreateMaskedScatter(raw, VectorOfAddresses(dtype, address, stride_elements),
                                 AlignOf(dtype), mask);
    return;
  }
  std::vector<llvm::Value*> addresses = LaneAddresses(dtype, address, stride_elements);
  for (size_t l = 0; l < addresses.size(); ++l) {
    builder_.CreateAlignedStore(builder_.CreateExtractElement(raw, l), addresses[l],
                                AlignOf(dtype));
  }
}

}  // namespace gcomp::codegen
