// Addresses, loads, stores, stack variables and atomics.
#include "lib/Target/Visa/KernelLowering.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
using isa::Opcode;
using isa::Type;

namespace {

isa::Space isaSpace(unsigned addressSpace) {
  switch (addressSpace) {
    case space::kGlobal:
    case space::kConstant:
      return isa::Space::Gm;
    case space::kShared:
      return isa::Space::Ub;
    case space::kLocal:
      return isa::Space::Local;
    case space::kParam:
      return isa::Space::Param;
    default:
      return isa::Space::Generic;
  }
}

Type loadType(unsigned bytes) {
  return bytes == 1 ? Type::U8 : bytes == 2 ? Type::U16 : bytes == 4 ? Type::B32 : Type::B64;
}

}  // namespace

// --- Addresses

Address KernelLowering::addressOf(mlir::Value pointer) {
  if (auto it = addresses_.find(pointer); it != addresses_.end()) return it->second;
  Address address;
  address.space = isaSpace(llvm::cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace());
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(pointer);
  if (argument && argument.getOwner() == &function_.getBody().front() && argument.getArgNumber() < byValue_.size() &&
      byValue_[argument.getArgNumber()]) {
    address.space = isa::Space::Param;
    address.offset = paramOffsets_[argument.getArgNumber()];
    return address;
  }
  Operand value = one(pointer);
  if (address.narrow()) {
    if (value.constant())
      address.offset = static_cast<int64_t>(value.bits);
    else if (llvm::isa<visa::ScalarType>(value.value.getType()))
      address.base = value;
    else
      address.index = value, address.zeroExtendIndex = true;
  } else {
    address.base = value;
  }
  return address;
}

// Adds index * stride to an address that `pointer` stands for, keeping at most one lane index in it.
void KernelLowering::addTerm(Address& address, mlir::Value index, Operand value, uint64_t stride, mlir::Value pointer) {
  if (stride == 0) return;
  unsigned bits = index.getType().isIndex() ? 64 : index.getType().getIntOrFloatBitWidth();
  if (value.constant()) {
    int64_t number = static_cast<int64_t>(extend(value, bits, true).bits);
    if (bits <= 32) number = static_cast<int32_t>(number);
    address.offset += number * static_cast<int64_t>(stride);
    return;
  }
  // Constants added to, and constant factors of, a 64-bit index: exact modulo 2^64, as addresses are.
  if (bits == 64 && index.getDefiningOp()) {
    mlir::Operation* op = index.getDefiningOp();
    auto disjoint = llvm::dyn_cast<LLVM::OrOp>(op);
    if ((llvm::isa<LLVM::AddOp>(op) || (disjoint && disjoint.getIsDisjoint())) && one(op->getOperand(1)).constant()) {
      address.offset += static_cast<int64_t>(one(op->getOperand(1)).bits * stride);
      return addTerm(address, op->getOperand(0), one(op->getOperand(0)), stride, pointer);
    }
    if (llvm::isa<LLVM::ShlOp>(op) && one(op->getOperand(1)).constant() && one(op->getOperand(1)).bits < 32)
      return addTerm(address, op->getOperand(0), one(op->getOperand(0)), stride << one(op->getOperand(1)).bits,
                     pointer);
  }
  // The 32-bit value behind a 64-bit index, with constants taken out where its arithmetic cannot wrap.
  std::optional<Operand> narrow;
  bool isSigned = true;
  if (bits > 32) {
    mlir::Operation* extension = index.getDefiningOp();
    isSigned = !llvm::isa_and_nonnull<LLVM::ZExtOp>(extension);
    if (llvm::isa_and_nonnull<LLVM::ZExtOp, LLVM::SExtOp>(extension)) {
      mlir::Value inner = extension->getOperand(0);
      unsigned innerBits = inner.getType().getIntOrFloatBitWidth();
      if (innerBits == 32) {
        if (auto sum = inner.getDefiningOp<LLVM::AddOp>()) {
          auto flags = sum.getOverflowFlags();
          bool exact =
              bitEnumContainsAll(flags, isSigned ? LLVM::IntegerOverflowFlags::nsw : LLVM::IntegerOverflowFlags::nuw);
          Operand constant = one(sum.getRhs());
          if (exact && constant.constant()) {
            address.offset += (isSigned ? static_cast<int64_t>(static_cast<int32_t>(constant.bits))
                                        : static_cast<int64_t>(constant.bits)) *
                              static_cast<int64_t>(stride);
            inner = sum.getLhs();
          }
        }
        narrow = one(inner);
      } else if (innerBits > 1 && innerBits < 32) {
        narrow = extend(one(inner), innerBits, isSigned);
      }
    }
  } else {
    narrow = extend(value, bits, true);
  }

  auto shift = [](uint64_t n) { return static_cast<unsigned>(std::countr_zero(n)); };
  if (address.narrow()) {
    // 32-bit arithmetic modulo 2^32.
    Operand x = narrow ? *narrow : low32(index);
    if (x.constant()) {
      address.offset += static_cast<int64_t>(static_cast<int32_t>(x.bits)) * static_cast<int64_t>(stride);
      return;
    }
    auto times = [&](const Operand& factor, uint64_t by, const Operand& plus) {
      Operand sum = plus;
      sum.width = 32;
      return by == 1 ? v().add(factor, sum)
                     : v().emit(Opcode::Mad, Type::U32, 0, {factor, Operand::number(by, 32), sum}, 32);
    };
    if (x.uniform && llvm::isa<visa::ScalarType>(x.value.getType())) {
      address.base = times(x, stride, address.base);
      return;
    }
    unsigned scale = std::min(4u, shift(stride));
    if (!address.index) {
      Operand scaled =
          stride >> scale == 1 ? x : v().emit(Opcode::Mul, Type::U32, 0, {x, Operand::number(stride >> scale, 32)}, 32);
      address.index = scaled;
      address.scale = scale;
    } else if (scale >= address.scale) {
      address.index = times(x, stride >> address.scale, *address.index);
    } else {
      Operand old =
          v().emit(Opcode::Shl, Type::B32, 0, {*address.index, Operand::number(address.scale - scale, 32)}, 32);
      address.index = times(x, stride >> scale, old);
      address.scale = scale;
    }
    address.zeroExtendIndex = true;
    return;
  }

  if (address.symbol) {
    Address plain;
    plain.space = address.space;
    plain.symbol = address.symbol;
    address.base = v().addressValue(plain);
    address.symbol = {};
  }
  Type wide = isSigned ? Type::S64 : Type::U64;
  bool uniform = narrow ? narrow->constant() || llvm::isa<visa::ScalarType>(narrow->value.getType())
                        : llvm::isa<visa::ScalarType>(value.value.getType());
  bool scalable = std::has_single_bit(stride) && stride <= 16;
  if (narrow && !uniform && scalable && !address.index) {
    address.index = *narrow;
    address.scale = shift(stride);
    address.zeroExtendIndex = !isSigned;
    return;
  }
  if (!uniform && address.index) {
    // Two lane terms: the address so far becomes the base. It has a register already if it is a pointer of the program.
    Operand base;
    if (pointer) {
      base = one(pointer);
      address.offset -= addressOf(pointer).offset;  // which the pointer's own value holds
    } else {
      Address before = address;
      before.offset = 0;
      base = v().addressValue(before);
    }
    address.base = base;
    address.index.reset();
    if (narrow && scalable) {
      address.index = *narrow;
      address.scale = shift(stride);
      address.zeroExtendIndex = !isSigned;
      return;
    }
  }
  Operand by = Operand::number(stride, narrow ? 32 : 64);
  address.base = narrow        ? v().emit(Opcode::MadW, wide, 0, {*narrow, by, address.base}, 64)
                 : stride == 1 ? v().add(value, address.base)
                               : v().emit(Opcode::Mad, Type::U64, 0, {value, by, address.base}, 64);
}

void KernelLowering::lowerAddress(LLVM::GEPOp op) {
  Address address = addressOf(op.getBase());
  mlir::Type type = op.getElemType();
  struct Term {
    mlir::Value index;
    uint64_t stride;
  };
  llvm::SmallVector<Term, 4> terms;
  bool first = true;
  for (auto index : op.getIndices()) {
    uint64_t stride;
    if (first) {
      stride = storeSizeOf(type);
      if (alignmentOf(type) > 1) stride = (stride + alignmentOf(type) - 1) / alignmentOf(type) * alignmentOf(type);
      first = false;
    } else if (auto record = llvm::dyn_cast<LLVM::LLVMStructType>(type)) {
      auto number = llvm::cast<mlir::IntegerAttr>(index).getInt();
      uint64_t place = 0;
      for (int64_t i = 0; i <= number; ++i) {
        mlir::Type field = record.getBody()[static_cast<size_t>(i)];
        if (!record.isPacked()) place = (place + alignmentOf(field) - 1) / alignmentOf(field) * alignmentOf(field);
        if (i < number) place += storeSizeOf(field);
      }
      address.offset += static_cast<int64_t>(place);
      type = record.getBody()[static_cast<size_t>(number)];
      continue;
    } else if (auto array = llvm::dyn_cast<LLVM::LLVMArrayType>(type)) {
      type = array.getElementType();
      stride = storeSizeOf(type);
    } else if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) {
      type = vector.getElementType();
      stride = storeSizeOf(type);
    } else {
      return fail(op, "this address computation is not supported");
    }
    if (auto number = llvm::dyn_cast<mlir::IntegerAttr>(index))
      address.offset += number.getInt() * static_cast<int64_t>(stride);
    else
      terms.push_back({llvm::cast<mlir::Value>(index), stride});
  }
  // Uniform terms first: they go to the scalar base, and a lane term can stay an index.
  llvm::stable_sort(terms, [&](const Term& x, const Term& y) {
    return !uniformity_.divergent(x.index) && uniformity_.divergent(y.index);
  });
  bool single = terms.size() == 1;
  for (const Term& term : terms)
    addTerm(address, term.index, one(term.index), term.stride, single ? op.getBase() : mlir::Value());
  addresses_[op] = address;
  set(op, v().addressValue(address));
}

// --- Loads and stores

Operand KernelLowering::loadBytes(const Address& address, unsigned bytes, unsigned alignment, isa::CachePolicy policy,
                                  bool lane) {
  if (alignment >= bytes) {
    Operand loaded = v().load(address, loadType(bytes), 1, policy, lane)[0];
    if (bytes < 4) loaded.above = Operand::zeros;
    return loaded;
  }
  // Below its natural alignment: in pieces.
  Operand whole;
  for (unsigned at = 0; at < bytes; at += alignment) {
    Address piece = address;
    piece.offset += at;
    Operand part = v().load(piece, loadType(alignment), 1, policy, lane)[0];
    if (bytes == 8) part = v().widen(part, false);
    if (at) {
      part =
          v().emit(Opcode::Shl, bytes == 8 ? Type::B64 : Type::B32, 0, {part, Operand::number(8 * at, 32)}, part.width);
      whole = v().emit(Opcode::Or, bytes == 8 ? Type::B64 : Type::B32, 0, {whole, part}, part.width);
    } else {
      whole = part;
    }
  }
  if (bytes < 4) whole.above = Operand::zeros;
  return whole;
}

void KernelLowering::storeBytes(const Address& address, Operand value, unsigned bytes, unsigned alignment,
                                isa::CachePolicy policy) {
  Type type = bytes == 1 ? Type::U8 : bytes == 2 ? Type::U16 : bytes == 4 ? Type::B32 : Type::B64;
  if (alignment >= bytes) return v().store(address, type, {value}, policy);
  for (unsigned at = 0; at < bytes; at += alignment) {
    Address piece = address;
    piece.offset += at;
    Operand part = value;
    if (at)
      part = v().emit(Opcode::Shr, bytes == 8 ? Type::U64 : Type::U32, 0, {value, Operand::number(8 * at, 32)},
                      value.width);
    if (bytes == 8) part = v().half(part, 0);
    storeBytes(piece, part, alignment, alignment, policy);
  }
}

Operands KernelLowering::loadComponents(Address address, llvm::ArrayRef<unsigned> bits,
                                        llvm::ArrayRef<unsigned> offsets, unsigned alignment, isa::CachePolicy policy,
                                        bool lane) {
  Operands results;
  size_t n = bits.size();
  auto bytesOf = [](unsigned b) { return b <= 8 ? 1u : b <= 16 ? 2u : b <= 32 ? 4u : 8u; };
  bool same = llvm::all_equal(bits) && bits[0] != 1;
  unsigned bytes = bytesOf(bits[0]);
  unsigned total = static_cast<unsigned>(n) * bytes;
  // Narrow elements that fill words: whole words, then their parts.
  if (same && n > 1 && (bits[0] == 8 || bits[0] == 16) && total % 4 == 0 && alignment >= 4 &&
      offsets[n - 1] == total - bytes) {
    llvm::SmallVector<unsigned> wordBits(total / 4, 32), wordOffsets;
    for (unsigned i = 0; i < total / 4; ++i) wordOffsets.push_back(4 * i);
    for (const Operand& word : loadComponents(address, wordBits, wordOffsets, alignment, policy, lane))
      for (unsigned at = 0; at < 32; at += bits[0])
        results.push_back(at ? v().emit(Opcode::Shr, Type::U32, 0, {word, Operand::number(at, 32)}, 32) : word);
    return results;
  }
  for (size_t i = 0; i < n;) {
    Address element = address;
    element.offset += offsets[i];
    // The largest aligned vector of equal elements from here on.
    unsigned count = 1;
    if (same && (bits[0] == 32 || bits[0] == 64))
      for (unsigned k : {4u, 2u})
        if (i + k <= n && k * bytes <= 16 && alignment >= k * bytes && offsets[i] % (k * bytes) == 0 &&
            offsets[i + k - 1] == offsets[i] + (k - 1) * bytes) {
          count = k;
          break;
        }
    if (count > 1) {
      results.append(v().load(element, loadType(bytes), count, policy, lane));
    } else {
      unsigned size = bytesOf(bits[i]);
      unsigned aligned = offsets[i] ? std::min(alignment, 1u << std::countr_zero(offsets[i])) : alignment;
      Operand loaded = loadBytes(element, size, aligned, policy, lane);
      if (bits[i] == 1) {
        Operand bit = v().emit(Opcode::And, Type::B32, 0, {loaded, Operand::number(1, 32)}, 32);
        loaded = v().emit(Opcode::Setp, Type::U32, mod::compare(isa::Comparison::Ne), {bit, Operand::number(0, 32)}, 1);
      } else if (bits[i] != 8 && bits[i] != 16) {
        loaded.above = Operand::unknown;
      }
      results.push_back(loaded);
    }
    i += count;
  }
  return results;
}

void KernelLowering::storeComponents(Address address, llvm::ArrayRef<Operand> values, llvm::ArrayRef<unsigned> bits,
                                     llvm::ArrayRef<unsigned> offsets, unsigned alignment, isa::CachePolicy policy) {
  size_t n = bits.size();
  auto bytesOf = [](unsigned b) { return b <= 8 ? 1u : b <= 16 ? 2u : b <= 32 ? 4u : 8u; };
  bool same = llvm::all_equal(bits) && bits[0] != 1;
  unsigned bytes = bytesOf(bits[0]);
  unsigned total = static_cast<unsigned>(n) * bytes;
  if (same && n > 1 && (bits[0] == 8 || bits[0] == 16) && total % 4 == 0 && alignment >= 4 &&
      offsets[n - 1] == total - bytes) {
    Operands words;
    llvm::SmallVector<unsigned> wordBits(total / 4, 32), wordOffsets;
    auto merge = [&](const Operand& a, const Operand& b, unsigned how) {
      return v().emit(Opcode::Prmt, Type::B32, 0, {a, b, Operand::number(how, 32)}, 32);
    };
    for (unsigned i = 0; i < total / 4; ++i) {
      wordOffsets.push_back(4 * i);
      if (bits[0] == 16) {
        words.push_back(merge(values[2 * i], values[2 * i + 1], 0x5410));
      } else {
        Operand low = merge(values[4 * i], values[4 * i + 1], 0x0040),
                high = merge(values[4 * i + 2], values[4 * i + 3], 0x0040);
        words.push_back(merge(low, high, 0x5410));
      }
    }
    return storeComponents(address, words, wordBits, wordOffsets, alignment, policy);
  }
  for (size_t i = 0; i < n;) {
    Address element = address;
    element.offset += offsets[i];
    unsigned count = 1;
    if (same && (bits[0] == 32 || bits[0] == 64))
      for (unsigned k : {4u, 2u})
        if (i + k <= n && k * bytes <= 16 && alignment >= k * bytes && offsets[i] % (k * bytes) == 0 &&
            offsets[i + k - 1] == offsets[i] + (k - 1) * bytes) {
          count = k;
          break;
        }
    if (count > 1) {
      v().store(element, bytes == 4 ? Type::B32 : Type::B64, values.slice(i, count), policy);
    } else {
      Operand value = values[i];
      if (bits[i] == 1)
        value = v().select(value, Operand::number(1, 32), Operand::number(0, 32));
      else if (bits[i] != 8 && bits[i] != 16)
        value = extend(value, bits[i], false);
      unsigned aligned = offsets[i] ? std::min(alignment, 1u << std::countr_zero(offsets[i])) : alignment;
      storeBytes(element, value, bytesOf(bits[i]), aligned, policy);
    }
    i += count;
  }
}

bool KernelLowering::lowerMemory(mlir::Operation* op) {
  if (auto gep = llvm::dyn_cast<LLVM::GEPOp>(op)) {
    if (llvm::isa<mlir::VectorType>(gep.getType()))
      fail(op, "vectors of pointers are not supported");
    else
      lowerAddress(gep);
    return true;
  }
  if (auto variable = llvm::dyn_cast<LLVM::AllocaOp>(op)) {
    Operand count = one(variable.getArraySize());
    if (!count.constant()) return fail(op, "stack variables of variable size (alloca) are not supported"), true;
    uint64_t alignment = std::max<uint64_t>(variable.getAlignment().value_or(1), alignmentOf(variable.getElemType()));
    alignment = std::max<uint64_t>(alignment, 4);
    localBytes_ = (localBytes_ + alignment - 1) / alignment * alignment;
    Address address;
    address.space = isa::Space::Local;
    address.offset = static_cast<int64_t>(localBytes_);
    localBytes_ += count.bits * storeSizeOf(variable.getElemType());
    if (localBytes_ > (1u << 20)) return fail(op, "the kernel needs more than 1 MiB of local memory per thread"), true;
    addresses_[variable] = address;
    unsigned s = llvm::cast<LLVM::LLVMPointerType>(variable.getType()).getAddressSpace();
    set(variable, s == space::kLocal ? v().addressValue(address) : v().genericAddress(address));
    return true;
  }
  if (auto symbol = llvm::dyn_cast<LLVM::AddressOfOp>(op)) {
    Address address;
    unsigned s = llvm::cast<LLVM::LLVMPointerType>(symbol.getType()).getAddressSpace();
    address.space = isaSpace(s);
    if (s == space::kShared) {
      if (auto offset = shared_ ? shared_.getAs<mlir::IntegerAttr>(symbol.getGlobalName()) : mlir::IntegerAttr())
        address.offset = offset.getInt();
      else  // extern __shared__: behind the static part
        address.base = v().atEntry(
            [&] { return v().emit(Opcode::Rdsr, Type::U32, mod::special(isa::SpecialReg::UbDynamic), {}, 32); });
    } else {
      if (address.space == isa::Space::Generic) address.space = isa::Space::Gm;
      address.symbol = mlir::FlatSymbolRefAttr::get(op->getContext(), symbol.getGlobalName());
    }
    addresses_[symbol] = address;
    set(symbol, v().addressValue(address));
    return true;
  }
  if (auto load = llvm::dyn_cast<LLVM::LoadOp>(op)) {
    llvm::SmallVector<unsigned> bits, offsets;
    if (!componentsOf(load.getType(), bits, &offsets)) return false;
    Address address = addressOf(load.getAddr());
    bool ordered = load.getVolatile_() || load.getOrdering() != LLVM::AtomicOrdering::not_atomic;
    bool readOnly = load.getInvariant() ||
                    llvm::cast<LLVM::LLVMPointerType>(load.getAddr().getType()).getAddressSpace() == space::kConstant;
    auto policy = ordered    ? isa::CachePolicy::Volatile
                  : readOnly ? isa::CachePolicy::ReadOnly
                             : isa::CachePolicy::Default;
    if (address.space != isa::Space::Gm && address.space != isa::Space::Generic && !ordered)
      policy = isa::CachePolicy::Default;
    if (address.space == isa::Space::Generic && !ordered) policy = isa::CachePolicy::Default;
    unsigned alignment = static_cast<unsigned>(load.getAlignment().value_or(alignmentOf(load.getType())));
    // Narrow pointers are stored as 64-bit numbers; their low half is the offset.
    set(load,
        loadComponents(address, bits, offsets, alignment, policy, ordered || uniformity_.divergent(load.getResult())));
    return true;
  }
  if (auto store = llvm::dyn_cast<LLVM::StoreOp>(op)) {
    llvm::SmallVector<unsigned> bits, offsets;
    mlir::Type type = store.getValue().getType();
    if (!componentsOf(type, bits, &offsets)) return false;
    bool ordered = store.getVolatile_() || store.getOrdering() != LLVM::AtomicOrdering::not_atomic;
    unsigned alignment = static_cast<unsigned>(store.getAlignment().value_or(alignmentOf(type)));
    Operands values = get(store.getValue());
    if (llvm::isa<LLVM::LLVMPointerType>(type) && bits[0] == 32) values[0] = v().widen(values[0], false), bits[0] = 64;
    storeComponents(addressOf(store.getAddr()), values, bits, offsets, alignment,
                    ordered ? isa::CachePolicy::Volatile : isa::CachePolicy::Default);
    return true;
  }
  // Vector accesses with holes, which the vectoriser makes with constant masks: one access per run of wanted elements.
  llvm::StringRef name = op->getName().getStringRef();
  if (name == "llvm.intr.masked.load" || name == "llvm.intr.masked.store") {
    bool load = name == "llvm.intr.masked.load";
    mlir::Value pointer = op->getOperand(load ? 0 : 1), mask = op->getOperand(load ? 1 : 2);
    mlir::Type type = load ? op->getResult(0).getType() : op->getOperand(0).getType();
    llvm::SmallVector<unsigned> bits, offsets;
    componentsOf(type, bits, &offsets);
    Operands wanted = get(mask),
             values = load ? (op->getNumOperands() > 2 ? get(op->getOperand(2)) : Operands(bits.size()))
                           : get(op->getOperand(0));
    unsigned alignment = static_cast<unsigned>(op->getAttrOfType<mlir::IntegerAttr>("alignment").getInt());
    for (size_t i = 0; i < bits.size();) {
      if (!wanted[i].constant()) return fail(op, "vector accesses with a computed mask are not supported"), true;
      if (!wanted[i].bits) {
        if (load && !values[i].value) values[i] = Operand::number(values[i].bits, registerWidth(bits[i]));
        ++i;
        continue;
      }
      size_t end = i;
      while (end < bits.size() && wanted[end].is(1)) ++end;
      llvm::SmallVector<unsigned> runBits(bits.begin() + i, bits.begin() + end), runOffsets;
      for (size_t k = i; k < end; ++k) runOffsets.push_back(offsets[k] - offsets[i]);
      Address address = addressOf(pointer);
      address.offset += offsets[i];
      unsigned aligned = offsets[i] ? std::min(alignment, 1u << std::countr_zero(offsets[i])) : alignment;
      if (load) {
        Operands run = loadComponents(address, runBits, runOffsets, aligned, isa::CachePolicy::Default,
                                      uniformity_.divergent(op->getResult(0)));
        std::copy(run.begin(), run.end(), values.begin() + static_cast<long>(i));
      } else {
        storeComponents(address, llvm::ArrayRef<Operand>(values).slice(i, end - i), runBits, runOffsets, aligned,
                        isa::CachePolicy::Default);
      }
      i = end;
    }
    if (load) set(op->getResult(0), values);
    return true;
  }
  if (auto update = llvm::dyn_cast<LLVM::AtomicRMWOp>(op)) return lowerAtomic(update), true;
  if (auto exchange = llvm::dyn_cast<LLVM::AtomicCmpXchgOp>(op)) return lowerCompareExchange(exchange), true;
  if (auto fence = llvm::dyn_cast<LLVM::FenceOp>(op)) {
    llvm::StringRef scope = fence.getSyncscope().value_or("");
    auto level = scope == "block" || scope == "cta"    ? isa::Scope::Block
                 : scope == "device" || scope == "gpu" ? isa::Scope::Device
                                                       : isa::Scope::System;
    v().effect(Opcode::Fence, Type::None, mod::fence(level), {});
    return true;
  }
  return false;
}

// --- Atomics

namespace {
isa::Scope scopeOf(std::optional<llvm::StringRef> name) {
  return name && (*name == "block" || *name == "cta") ? isa::Scope::Block : isa::Scope::Device;
}
}  // namespace

void KernelLowering::lowerAtomic(LLVM::AtomicRMWOp op) {
  using K = LLVM::AtomicBinOp;
  Address address = addressOf(op.getPtr());
  Operands values = get(op.getVal());
  mlir::Type type = op.getVal().getType();
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  bool wide = bits == 64;
  Type isSigned = wide ? Type::S64 : Type::S32, isUnsigned = wide ? Type::U64 : Type::U32,
       plain = wide ? Type::B64 : Type::B32;
  Type floating = type.isF16() ? Type::F16 : type.isBF16() ? Type::BF16 : type.isF32() ? Type::F32 : Type::F64;
  Operand value = values[0];
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type)) {
    if (vector.getNumElements() != 2 || vector.getElementType().getIntOrFloatBitWidth() != 16)
      return fail(op, "atomics on this vector type are not supported");
    floating = vector.getElementType().isBF16() ? Type::BF16X2 : Type::F16X2;
    value = v().emit(Opcode::Prmt, Type::B32, 0, {values[0], values[1], Operand::number(0x5410, 32)}, 32);
  } else if (bits != 32 && bits != 64 && !type.isF16() && !type.isBF16()) {
    return fail(op, "atomics on integers narrower than 32 bits are not supported");
  }
  isa::AtomicFn fn;
  Type element = isUnsigned;
  auto negate = [&] {
    Type t = type.isFloat() || llvm::isa<mlir::VectorType>(type) ? floating : isSigned;
    return value.constant() && !type.isFloat() ? Operand::number(0 - value.bits, value.width)
                                               : v().emit(Opcode::Neg, t, 0, {value}, value.width);
  };
  switch (op.getBinOp()) {
    case K::xchg:
      fn = isa::AtomicFn::Exch;
      element = plain;
      break;
    case K::add:
      fn = isa::AtomicFn::Add;
      break;
    case K::sub:
      fn = isa::AtomicFn::Add;
      value = negate();
      break;
    case K::_and:
      fn = isa::AtomicFn::And;
      element = plain;
      break;
    case K::_or:
      fn = isa::AtomicFn::Or;
      element = plain;
      break;
    case K::_xor:
      fn = isa::AtomicFn::Xor;
      element = plain;
      break;
    case K::max:
      fn = isa::AtomicFn::Max;
      element = isSigned;
      break;
    case K::min:
      fn = isa::AtomicFn::Min;
      element = isSigned;
      break;
    case K::umax:
      fn = isa::AtomicFn::Max;
      break;
    case K::umin:
      fn = isa::AtomicFn::Min;
      break;
    case K::fadd:
      fn = isa::AtomicFn::Add;
      element = floating;
      break;
    case K::fsub:
      fn = isa::AtomicFn::Add;
      element = floating;
      value = negate();
      break;
    case K::fmax:
      fn = isa::AtomicFn::Max;
      element = floating;
      break;
    case K::fmin:
      fn = isa::AtomicFn::Min;
      element = floating;
      break;
    case K::uinc_wrap:
      fn = isa::AtomicFn::Inc;
      break;
    case K::udec_wrap:
      fn = isa::AtomicFn::Dec;
      break;
    default:
      return fail(op, "this kind of atomic update is not supported");
  }
  auto old = v().atomic(address, element, fn, scopeOf(op.getSyncscope()), {value}, !op.getResult().use_empty());
  if (!old) return set(op, Operands(values.size(), Operand::number(0, registerWidth(std::min(bits, 64u)))));
  if (values.size() == 2) {
    Operand high = v().emit(Opcode::Shr, Type::U32, 0, {*old, Operand::number(16, 32)}, 32);
    return set(op, Operands{*old, high});
  }
  set(op, *old);
}

void KernelLowering::lowerCompareExchange(LLVM::AtomicCmpXchgOp op) {
  Operand expected = one(op.getCmp()), replacement = one(op.getVal());
  if (op.getVal().getType().isIntOrFloat() && op.getVal().getType().getIntOrFloatBitWidth() < 32)
    return fail(op, "compare-and-swap on integers narrower than 32 bits is not supported");
  bool wide = replacement.width == 64;
  auto old = v().atomic(addressOf(op.getPtr()), wide ? Type::B64 : Type::B32, isa::AtomicFn::Cas,
                        scopeOf(op.getSyncscope()), {expected, replacement}, true);
  Operand done =
      v().emit(Opcode::Setp, wide ? Type::U64 : Type::U32, mod::compare(isa::Comparison::Eq), {*old, expected}, 1);
  set(op.getRes(), Operands{*old, done});
}

}  // namespace phx::compiler
