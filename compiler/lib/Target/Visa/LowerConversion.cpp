// Conversions between number types, casts of bits and pointers, and aggregates.
#include "lib/Target/Visa/KernelLowering.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
using isa::Opcode;
using isa::Type;

namespace {

mlir::Type elementOf(mlir::Type type) {
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) return vector.getElementType();
  return type;
}

unsigned integerBits(mlir::Type type) {
  type = elementOf(type);
  return type.isIndex() ? 64 : type.isInteger() ? type.getIntOrFloatBitWidth() : 64;
}

Type floatType(mlir::Type type) {
  type = elementOf(type);
  return type.isF16() ? Type::F16 : type.isBF16() ? Type::BF16 : type.isF32() ? Type::F32 : Type::F64;
}

unsigned widthOf(Type type) { return isa::info(type).bits > 32 ? 64 : 32; }

// Index of the first component of a position inside an aggregate.
unsigned componentIndex(mlir::Type type, llvm::ArrayRef<int64_t> position) {
  unsigned index = 0;
  for (int64_t step : position) {
    auto count = [](mlir::Type t) {
      llvm::SmallVector<unsigned> bits;
      componentsOf(t, bits);
      return static_cast<unsigned>(bits.size());
    };
    if (auto record = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
      for (int64_t i = 0; i < step; ++i) index += count(record.getBody()[static_cast<size_t>(i)]);
      type = record.getBody()[static_cast<size_t>(step)];
    } else if (auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(type)) {
      index += static_cast<unsigned>(step) * count(array.getElementType());
      type = array.getElementType();
    }
  }
  return index;
}

}  // namespace

bool KernelLowering::lowerConversion(mlir::Operation* op) {
  llvm::StringRef name = op->getName().getStringRef();
  if (op->getNumOperands() != 1 || op->getNumResults() != 1) return false;
  mlir::Value source = op->getOperand(0), result = op->getResult(0);
  auto each = [&](auto&& emitter) {
    Operands results;
    for (const Operand& operand : get(source)) results.push_back(emitter(operand));
    set(result, results);
    return true;
  };
  auto resize = [&](unsigned from, unsigned to, bool isSigned) {
    // 128-bit integers are pairs of components.
    if (to > 64 || from > 64) {
      Operands x = get(source);
      if (from > 64) {
        Operand low = x[0];
        if (to > 64)
          set(result, x);
        else if (to == 64)
          set(result, low);
        else if (to == 1)
          set(result, v().emit(Opcode::Setp, Type::U32, mod::compare(isa::Comparison::Ne),
                               {v().emit(Opcode::And, Type::B32, 0, {v().half(low, 0), Operand::number(1, 32)}, 32),
                                Operand::number(0, 32)},
                               1));
        else
          set(result, v().half(low, 0));
        return true;
      }
      Operand low = x[0];
      if (from == 1)
        low = v().select(low, Operand::number(isSigned ? ~0u : 1, 32), Operand::number(0, 32));
      else
        low = extend(low, from, isSigned);
      if (low.width == 32) low = v().widen(low, isSigned);
      Operand high =
          isSigned ? v().emit(Opcode::Shr, Type::S64, 0, {low, Operand::number(63, 32)}, 64) : Operand::number(0, 64);
      set(result, Operands{low, high});
      return true;
    }
    return each([&](Operand x) {
      if (to == 1) {
        if (from > 32) x = v().half(x, 0);
        Operand bit = v().emit(Opcode::And, Type::B32, 0, {x, Operand::number(1, 32)}, 32);
        return v().emit(Opcode::Setp, Type::U32, mod::compare(isa::Comparison::Ne), {bit, Operand::number(0, 32)}, 1);
      }
      if (from == 1) {
        unsigned width = registerWidth(to);
        Operand chosen = v().select(x, Operand::number(isSigned ? ~0ull : 1, width), Operand::number(0, width));
        chosen.above = isSigned ? Operand::signs : Operand::zeros;
        return chosen;
      }
      if (to < from) {
        Operand low = from > 32 && to <= 32 ? v().half(x, 0) : x;
        low.above = to == 32 || to == 64 ? low.above : Operand::unknown;
        return low;
      }
      Operand wide = extend(x, from, isSigned);
      if (to > 32 && from <= 32) wide = v().widen(wide, isSigned);
      // Between two narrow widths, zeros above stay zeros; signs stay signs.
      wide.above = to < 32 ? (isSigned ? Operand::signs : Operand::zeros) : Operand::unknown;
      return wide;
    });
  };
  if (name == "llvm.zext" || name == "arith.extui" || name == "arith.index_castui")
    return integerBits(source.getType()) > integerBits(result.getType())
               ? resize(integerBits(source.getType()), integerBits(result.getType()), false)
           : integerBits(source.getType()) == integerBits(result.getType())
               ? (set(result, get(source)), true)
               : resize(integerBits(source.getType()), integerBits(result.getType()), false);
  if (name == "llvm.sext" || name == "arith.extsi" || name == "arith.index_cast") {
    if (integerBits(source.getType()) == integerBits(result.getType())) return set(result, get(source)), true;
    return resize(integerBits(source.getType()), integerBits(result.getType()), true);
  }
  if (name == "llvm.trunc" || name == "arith.trunci")
    return resize(integerBits(source.getType()), integerBits(result.getType()), false);
  if (name == "llvm.freeze") return set(result, get(source)), true;

  if (name == "llvm.sitofp" || name == "llvm.uitofp") {
    bool isSigned = name == "llvm.sitofp";
    unsigned bits = integerBits(source.getType());
    if (bits > 64) return false;
    Type to = floatType(result.getType());
    return each([&](Operand x) {
      if (bits == 1)
        x = v().select(x, Operand::number(isSigned ? ~0u : 1, 32), Operand::number(0, 32));
      else
        x = extend(x, bits, isSigned);
      Type from = x.width == 64 ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
      return v().emit(Opcode::Cvt, to, mod::convert(from), {x}, widthOf(to));
    });
  }
  if (name == "llvm.fptosi" || name == "llvm.fptoui" || name == "llvm.intr.fptosi.sat" ||
      name == "llvm.intr.fptoui.sat") {
    bool isSigned = name.contains("fptosi");
    unsigned bits = integerBits(result.getType());
    if (bits > 64) return false;
    Type from = floatType(source.getType());
    bool narrow = bits == 8 || bits == 16;
    Type to = bits > 32 ? (isSigned ? Type::S64 : Type::U64) : (isSigned ? Type::S32 : Type::U32);
    if (narrow && name.ends_with(".sat"))
      to = bits == 8 ? (isSigned ? Type::S8 : Type::U8) : (isSigned ? Type::S16 : Type::U16);
    return each([&](Operand x) {
      Operand number = v().emit(Opcode::Cvt, to, mod::convert(from, isa::Rounding::Rz), {x}, widthOf(to));
      if (bits != 1) return number;
      return v().emit(Opcode::Setp, Type::U32, mod::compare(isa::Comparison::Ne), {number, Operand::number(0, 32)}, 1);
    });
  }
  if (name == "llvm.fpext" || name == "llvm.fptrunc") {
    Type from = floatType(source.getType()), to = floatType(result.getType());
    return each([&](Operand x) { return v().emit(Opcode::Cvt, to, mod::convert(from), {x}, widthOf(to)); });
  }
  if (name == "llvm.ptrtoint") {
    unsigned to = integerBits(result.getType());
    return each([&](Operand x) {
      if (to > 32 && x.width == 32) return v().widen(x, false);
      return to <= 32 && x.width == 64 ? v().half(x, 0) : x;
    });
  }
  if (name == "llvm.inttoptr") {
    llvm::SmallVector<unsigned> bits;
    componentsOf(result.getType(), bits);
    unsigned from = integerBits(source.getType());
    return each([&](Operand x) {
      x = extend(x, from, false);
      if (bits[0] == 64 && x.width == 32) return v().widen(x, false);
      return bits[0] == 32 && x.width == 64 ? v().half(x, 0) : x;
    });
  }
  if (name == "llvm.bitcast") {
    llvm::SmallVector<unsigned> from, to;
    componentsOf(source.getType(), from);
    componentsOf(result.getType(), to);
    Operands parts = get(source), results;
    if (from == to) {
      for (Operand& part : parts) part.above = Operand::unknown;
      set(result, parts);
      return true;
    }
    // Through 32-bit words: narrow parts are gathered, wide ones split.
    Operands words;
    if (from[0] == 64) {
      for (const Operand& part : parts) words.append({v().half(part, 0), v().half(part, 1)});
    } else if (from[0] == 32) {
      words = parts;
    } else if (from[0] == 8 || from[0] == 16) {
      unsigned per = 32 / from[0];
      for (size_t i = 0; i < parts.size(); i += per) {
        Operand word;
        for (unsigned k = 0; k < per && i + k < parts.size(); ++k) {
          Operand low = extend(parts[i + k], from[0], false);
          if (k) low = v().emit(Opcode::Shl, Type::B32, 0, {low, Operand::number(k * from[0], 32)}, 32);
          word = k ? v().emit(Opcode::Or, Type::B32, 0, {word, low}, 32) : low;
        }
        words.push_back(word);
      }
    } else if (from[0] == 1 && to.size() == 1 && from.size() <= 32) {
      // A vector of predicates as a bit mask.
      Operand word = Operand::number(0, 32);
      for (size_t i = 0; i < parts.size(); ++i) {
        Operand bit = v().select(parts[i], Operand::number(1ull << i, 32), Operand::number(0, 32));
        word = i ? v().emit(Opcode::Or, Type::B32, 0, {word, bit}, 32) : bit;
      }
      words.push_back(word);
    } else {
      fail(op, "this reinterpretation of bits is not supported");
      return true;
    }
    if (to[0] == 64) {
      for (size_t i = 0; i + 1 < words.size(); i += 2) results.push_back(v().join(words[i], words[i + 1]));
    } else if (to[0] == 32 || to.size() == 1) {
      results = words;
    } else if (to[0] == 8 || to[0] == 16) {
      for (const Operand& word : words)
        for (unsigned at = 0; at < 32 && results.size() < to.size(); at += to[0])
          results.push_back(at ? v().emit(Opcode::Shr, Type::U32, 0, {word, Operand::number(at, 32)}, 32) : word);
      for (Operand& part : results) part.above = Operand::unknown;
    } else {
      fail(op, "this reinterpretation of bits is not supported");
      return true;
    }
    set(result, results);
    return true;
  }
  if (auto cast = llvm::dyn_cast<LLVM::AddrSpaceCastOp>(op)) {
    unsigned to = llvm::cast<LLVM::LLVMPointerType>(result.getType()).getAddressSpace();
    unsigned from = llvm::cast<LLVM::LLVMPointerType>(source.getType()).getAddressSpace();
    Address address = addressOf(source);
    auto narrow = [](unsigned s) { return s == space::kShared || s == space::kLocal || s == space::kParam; };
    // A cast to a specific space tells what a generic pointer is; a cast to generic forgets nothing.
    if (address.space == isa::Space::Generic && (to == space::kGlobal || to == space::kConstant))
      address.space = isa::Space::Gm;
    addresses_[result] = address;
    if (narrow(from) && !narrow(to)) {
      if (from == space::kParam) {
        for (mlir::Operation* user : op->getUsers())
          if (!llvm::isa<LLVM::LoadOp, LLVM::GEPOp, LLVM::AddrSpaceCastOp>(user))
            fail(op, "taking the address of a kernel parameter is not supported");
        set(result, Operand::number(0, 64));
      } else {
        set(result, v().genericAddress(address));
      }
    } else if (!narrow(from) && narrow(to)) {
      // The windows' low halves are offsets. A by-value argument or stack variable knows its place already.
      set(result, address.narrow() ? v().addressValue(address) : v().half(one(source), 0));
      if (!address.narrow()) addresses_.erase(result);
    } else {
      set(result, get(source));
    }
    return true;
  }
  return false;
}

bool KernelLowering::lowerAggregate(mlir::Operation* op) {
  if (auto extract = llvm::dyn_cast<LLVM::ExtractValueOp>(op)) {
    Operands whole = get(extract.getContainer());
    llvm::SmallVector<unsigned> bits;
    componentsOf(extract.getType(), bits);
    unsigned at = componentIndex(extract.getContainer().getType(), extract.getPosition());
    set(extract, Operands(whole.begin() + at, whole.begin() + at + static_cast<long>(bits.size())));
    return true;
  }
  if (auto insert = llvm::dyn_cast<LLVM::InsertValueOp>(op)) {
    Operands whole = get(insert.getContainer());
    unsigned at = componentIndex(insert.getContainer().getType(), insert.getPosition());
    for (const Operand& part : get(insert.getValue())) whole[at++] = part;
    set(insert, whole);
    return true;
  }
  // Vector positions that are only known at run time: a chain of selects.
  if (auto extract = llvm::dyn_cast<LLVM::ExtractElementOp>(op)) {
    Operands whole = get(extract.getVector());
    Operand position = one(extract.getPosition());
    if (position.constant()) {
      set(extract, whole[std::min<size_t>(position.bits, whole.size() - 1)]);
      return true;
    }
    Operand chosen = whole[0];
    for (size_t i = 1; i < whole.size(); ++i) {
      Operand hit = v().emit(Opcode::Setp, position.width == 64 ? Type::U64 : Type::U32,
                             mod::compare(isa::Comparison::Eq), {position, Operand::number(i, position.width)}, 1);
      chosen = v().select(hit, whole[i], chosen);
    }
    set(extract, chosen);
    return true;
  }
  if (auto insert = llvm::dyn_cast<LLVM::InsertElementOp>(op)) {
    Operands whole = get(insert.getVector());
    Operand position = one(insert.getPosition()), part = one(insert.getValue());
    for (size_t i = 0; i < whole.size(); ++i) {
      if (position.constant()) {
        if (position.bits == i) whole[i] = part;
        continue;
      }
      Operand hit = v().emit(Opcode::Setp, position.width == 64 ? Type::U64 : Type::U32,
                             mod::compare(isa::Comparison::Eq), {position, Operand::number(i, position.width)}, 1);
      whole[i] = v().select(hit, part, whole[i]);
    }
    set(insert, whole);
    return true;
  }
  if (auto shuffle = llvm::dyn_cast<LLVM::ShuffleVectorOp>(op)) {
    Operands both = get(shuffle.getV1()), chosen;
    both.append(get(shuffle.getV2()));
    for (int32_t index : shuffle.getMask()) chosen.push_back(both[index < 0 ? 0 : static_cast<size_t>(index)]);
    set(shuffle, chosen);
    return true;
  }
  return false;
}

}  // namespace phx::compiler
