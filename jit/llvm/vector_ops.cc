#include "jit/llvm/vector_ops.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>

#include <cmath>

namespace gcomp::codegen {
namespace {

using ir::DType;
using ir::Prim;
using llvm::Intrinsic::ID;

unsigned ScalarBits(llvm::Value* value) {
  return value->getType()->getScalarSizeInBits();
}

}  // namespace

llvm::Type* VectorOps::Vector(llvm::Type* scalar) const {
  return lanes_ == 1 ? scalar : llvm::FixedVectorType::get(scalar, static_cast<unsigned>(lanes_));
}

llvm::Type* VectorOps::TypeOf(DType compute) const {
  switch (compute) {
    case DType::kBool:
      return Vector(builder_.getInt1Ty());
    case DType::kF32:
      return Vector(builder_.getFloatTy());
    case DType::kF64:
      return Vector(builder_.getDoubleTy());
    default:
      return Vector(builder_.getIntNTy(static_cast<unsigned>(ir::BitsOf(compute))));
  }
}

llvm::Value* VectorOps::Constant(const ir::Scalar& value) const {
  llvm::Type* type = TypeOf(value.dtype);
  llvm::Type* scalar = type->getScalarType();
  llvm::APInt bits(scalar->getScalarSizeInBits(), value.bits);
  if (!scalar->isFloatingPointTy()) return llvm::ConstantInt::get(type, bits);
  return llvm::ConstantFP::get(type, llvm::APFloat(scalar->getFltSemantics(), bits));
}

llvm::Value* VectorOps::Splat(llvm::Value* scalar) const {
  return lanes_ == 1 ? scalar : builder_.CreateVectorSplat(static_cast<unsigned>(lanes_), scalar);
}

llvm::Value* VectorOps::Apply(const ir::ScalarGraph::Node& node, DType arg_type,
                              std::span<llvm::Value* const> args) {
  switch (node.prim) {
    case Prim::kEq:
    case Prim::kNe:
    case Prim::kLt:
    case Prim::kLe:
      return Compare(node.prim, arg_type, args[0], args[1]);
    case Prim::kSelect:
      return builder_.CreateSelect(args[0], args[1], args[2]);
    case Prim::kBitcast:
      return builder_.CreateBitCast(args[0], TypeOf(node.type));
    case Prim::kConvert:
      return Convert(args[0], arg_type, node.type);
    default:
      return ir::IsFloat(arg_type) ? ApplyFloat(node.prim, args)
                                   : ApplyInteger(node.prim, arg_type, args);
  }
}

llvm::Value* VectorOps::ApplyFloat(Prim prim, std::span<llvm::Value* const> args) {
  llvm::Value* a = args[0];
  switch (prim) {
    case Prim::kAdd:
      return builder_.CreateFAdd(a, args[1]);
    case Prim::kSub:
      return builder_.CreateFSub(a, args[1]);
    case Prim::kMul:
      return builder_.CreateFMul(a, args[1]);
    case Prim::kDiv:
      return builder_.CreateFDiv(a, args[1]);
    case Prim::kFmod:
      return builder_.CreateFRem(a, args[1]);  // a call of fmod or fmodf per lane
    case Prim::kNeg:
      return builder_.CreateFNeg(a);
    case Prim::kAbs:
      return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a);
    case Prim::kSqrt:
      return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a);
    case Prim::kRoundEven:
      return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::roundeven, a);
    case Prim::kFma:
      return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, args[1], args[2]});
    case Prim::kMin:
    case Prim::kMax:
      return FloatMinMax(prim == Prim::kMin, a, args[1]);
    default:
      return nullptr;  // no primitive of floats
  }
}

llvm::Value* VectorOps::ApplyInteger(Prim prim, DType type, std::span<llvm::Value* const> args) {
  bool is_signed = ir::IsSigned(type);
  llvm::Value* a = args[0];
  switch (prim) {
    case Prim::kAdd:
      return builder_.CreateAdd(a, args[1]);
    case Prim::kSub:
      return builder_.CreateSub(a, args[1]);
    case Prim::kMul:
      return builder_.CreateMul(a, args[1]);
    case Prim::kDiv:
      return Divide(is_signed, a, args[1]);
    case Prim::kNeg:
      return builder_.CreateNeg(a);
    case Prim::kAbs:
      // MIN stays MIN.
      return is_signed
                 ? builder_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, a, builder_.getFalse())
                 : a;
    case Prim::kMin: {
      ID id = is_signed ? llvm::Intrinsic::smin : llvm::Intrinsic::umin;
      return builder_.CreateBinaryIntrinsic(id, a, args[1]);
    }
    case Prim::kMax: {
      ID id = is_signed ? llvm::Intrinsic::smax : llvm::Intrinsic::umax;
      return builder_.CreateBinaryIntrinsic(id, a, args[1]);
    }
    case Prim::kAnd:
      return builder_.CreateAnd(a, args[1]);
    case Prim::kOr:
      return builder_.CreateOr(a, args[1]);
    case Prim::kXor:
      return builder_.CreateXor(a, args[1]);
    case Prim::kNot:
      return builder_.CreateNot(a);
    case Prim::kShl:
    case Prim::kShr:
      return Shift(prim, is_signed, a, args[1]);
    case Prim::kMulHigh:
      return MulHigh(a, args[1]);
    default:
      return nullptr;  // no primitive of integers
  }
}

llvm::Value* VectorOps::Compare(Prim prim, DType type, llvm::Value* a, llvm::Value* b) {
  bool is_float = ir::IsFloat(type);
  bool is_signed = ir::IsSigned(type);
  auto integer = [&](llvm::CmpInst::Predicate s, llvm::CmpInst::Predicate u) {
    return builder_.CreateICmp(is_signed ? s : u, a, b);
  };
  switch (prim) {
    case Prim::kEq:
      return is_float ? builder_.CreateFCmpOEQ(a, b) : builder_.CreateICmpEQ(a, b);
    case Prim::kNe:
      return is_float ? builder_.CreateFCmpUNE(a, b) : builder_.CreateICmpNE(a, b);
    case Prim::kLt:
      return is_float ? builder_.CreateFCmpOLT(a, b)
                      : integer(llvm::CmpInst::ICMP_SLT, llvm::CmpInst::ICMP_ULT);
    default:
      return is_float ? builder_.CreateFCmpOLE(a, b)
                      : integer(llvm::CmpInst::ICMP_SLE, llvm::CmpInst::ICMP_ULE);
  }
}

// The processor's minimum of (a, b) is b where they are unordered or both zero. Taken in both
// orders, the bits differ there alone: -0 | +0 = -0, and a NaN with more bits set is a NaN.
// The maximum wants -0 & +0 = +0, which would make numbers of NaNs: those are put in last.
llvm::Value* VectorOps::FloatMinMax(bool min, llvm::Value* a, llvm::Value* b) {
  auto one_way = [&](llvm::Value* x, llvm::Value* y) {
    llvm::Value* first = min ? builder_.CreateFCmpOLT(x, y) : builder_.CreateFCmpOGT(x, y);
    return builder_.CreateSelect(first, x, y);
  };
  llvm::Type* type = a->getType();
  llvm::Type* bits = type->getWithNewType(builder_.getIntNTy(ScalarBits(a)));
  llvm::Value* ab = builder_.CreateBitCast(one_way(a, b), bits);
  llvm::Value* ba = builder_.CreateBitCast(one_way(b, a), bits);
  if (min) return builder_.CreateBitCast(builder_.CreateOr(ab, ba), type);
  llvm::Value* max = builder_.CreateBitCast(builder_.CreateAnd(ab, ba), type);
  return builder_.CreateSelect(builder_.CreateFCmpUNO(a, b), llvm::ConstantFP::getNaN(type), max);
}

llvm::Value* VectorOps::Divide(bool is_signed, llvm::Value* a, llvm::Value* b) {
  llvm::Type* type = a->getType();
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  // Divisors 0 and -1 are answered apart, and divide by 1 instead.
  llvm::Value* by_zero = builder_.CreateICmpEQ(b, zero);
  llvm::Value* special = by_zero;
  llvm::Value* answer = zero;
  if (is_signed) {
    llvm::Value* by_minus_one = builder_.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(type));
    special = builder_.CreateOr(by_zero, by_minus_one);
    answer = builder_.CreateSelect(by_zero, zero, builder_.CreateNeg(a));
  }
  llvm::Value* divisor = builder_.CreateSelect(special, llvm::ConstantInt::get(type, 1), b);
  llvm::Value* quotient;
  if (lanes_ > 1 && ScalarBits(a) == 32 && !llvm::isa<llvm::Constant>(divisor)) {
    // Processors divide no vectors of integers. A quotient of doubles is off by at most 2^-53 of
    // itself, and at least 1 / divisor from the next integer: truncated, it is exact.
    llvm::Type* wide = Vector(builder_.getDoubleTy());
    auto to_double = [&](llvm::Value* x) {
      return is_signed ? builder_.CreateSIToFP(x, wide) : builder_.CreateUIToFP(x, wide);
    };
    llvm::Value* exact = builder_.CreateFDiv(to_double(a), to_double(divisor));
    quotient = is_signed ? builder_.CreateFPToSI(exact, type) : builder_.CreateFPToUI(exact, type);
  } else {
    // By a constant it is a multiplication, else one division per lane.
    quotient = is_signed ? builder_.CreateSDiv(a, divisor) : builder_.CreateUDiv(a, divisor);
  }
  return builder_.CreateSelect(special, answer, quotient);
}

// Shifts of the width or more are poison in LLVM: they are never selected.
llvm::Value* VectorOps::Shift(Prim prim, bool is_signed, llvm::Value* a, llvm::Value* b) {
  llvm::Type* type = a->getType();
  unsigned bits = ScalarBits(a);
  if (prim == Prim::kShr && is_signed) {
    llvm::Value* most = llvm::ConstantInt::get(type, bits - 1);
    return builder_.CreateAShr(a, builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, b, most));
  }
  llvm::Value* shifted = prim == Prim::kShl ? builder_.CreateShl(a, b) : builder_.CreateLShr(a, b);
  llvm::Value* inside = builder_.CreateICmpULT(b, llvm::ConstantInt::get(type, bits));
  return builder_.CreateSelect(inside, shifted, llvm::Constant::getNullValue(type));
}

llvm::Value* VectorOps::MulHigh(llvm::Value* a, llvm::Value* b) {
  llvm::Type* wide = Vector(builder_.getInt64Ty());
  llvm::Value* product =
      builder_.CreateMul(builder_.CreateZExt(a, wide), builder_.CreateZExt(b, wide));
  return builder_.CreateTrunc(builder_.CreateLShr(product, 32), a->getType());
}

// LLVM's saturating conversions do the same, but vectors lane by lane.
llvm::Value* VectorOps::FloatToInteger(llvm::Value* a, bool is_signed, llvm::Type* type) {
  auto bits = static_cast<int>(type->getScalarSizeInBits());
  // The integers' range is [low, high), both exact as floats.
  llvm::Constant* low =
      llvm::ConstantFP::get(a->getType(), is_signed ? -std::ldexp(1.0, bits - 1) : 0.0);
  llvm::Constant* high =
      llvm::ConstantFP::get(a->getType(), std::ldexp(1.0, is_signed ? bits - 1 : bits));
  llvm::Constant* zero = llvm::Constant::getNullValue(type);
  llvm::Constant* most = llvm::ConstantInt::get(
      type, is_signed ? llvm::APInt::getSignedMaxValue(static_cast<unsigned>(bits))
                      : llvm::APInt::getMaxValue(static_cast<unsigned>(bits)));
  // NaN is `low` from here on: for unsigned types the 0 that it shall be.
  llvm::Value* above_low = builder_.CreateSelect(builder_.CreateFCmpOGT(a, low), a, low);
  llvm::Value* over = builder_.CreateFCmpOGE(above_low, high);
  llvm::Value* inside =
      builder_.CreateSelect(over, llvm::Constant::getNullValue(a->getType()), above_low);
  llvm::Value* whole =
      is_signed ? builder_.CreateFPToSI(inside, type) : builder_.CreateFPToUI(inside, type);
  llvm::Value* result = builder_.CreateSelect(over, most, whole);
  return is_signed ? builder_.CreateSelect(builder_.CreateFCmpUNO(a, a), zero, result) : result;
}

llvm::Value* VectorOps::Convert(llvm::Value* a, DType from, DType to) {
  llvm::Type* type = TypeOf(to);
  bool from_signed = ir::IsSigned(from);
  if (from == to) return a;
  if (to == DType::kBool) {
    llvm::Constant* zero = llvm::Constant::getNullValue(a->getType());
    return ir::IsFloat(from) ? builder_.CreateFCmpUNE(a, zero) : builder_.CreateICmpNE(a, zero);
  }
  if (ir::IsFloat(from) && ir::IsFloat(to)) return builder_.CreateFPCast(a, type);
  if (ir::IsFloat(from)) return FloatToInteger(a, ir::IsSigned(to), type);
  if (ir::IsFloat(to)) {
    return from_signed ? builder_.CreateSIToFP(a, type) : builder_.CreateUIToFP(a, type);
  }
  return builder_.CreateIntCast(a, type, from_signed);
}

}  // namespace gcomp::codegen
