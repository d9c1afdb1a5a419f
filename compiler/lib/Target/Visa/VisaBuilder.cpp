#include "lib/Target/Visa/VisaBuilder.h"

#include "device_sim/isa/table.h"

namespace phx::compiler {

namespace mod {
namespace {
template <class F>
uint16_t with(F&& set) {
  isa::Instruction i;
  set(i);
  return i.mod;
}
}  // namespace
uint16_t round(isa::Rounding r) {
  return with([&](auto& i) { isa::field::Round::set_rnd(i, r); });
}
uint16_t compare(isa::Comparison c) {
  return with([&](auto& i) { isa::field::Compare::set_cmp(i, c); });
}
uint16_t convert(isa::Type from, isa::Rounding r, bool integral) {
  return with([&](auto& i) {
    isa::field::Convert::set_from(i, from);
    isa::field::Convert::set_rnd(i, r);
    isa::field::Convert::set_int(i, integral);
  });
}
uint16_t special(isa::SpecialReg which) {
  return with([&](auto& i) { isa::field::Special::set_sr(i, which); });
}
uint16_t lut(unsigned table) {
  return with([&](auto& i) { isa::field::Lut::set_lut(i, table); });
}
uint16_t math(llvm::StringRef function) {
  for (const isa::MathFunction& entry : isa::math_functions())
    if (entry.name == std::string_view(function.data(), function.size()))
      return with([&](auto& i) { isa::field::Math::set_fn(i, entry.code); });
  return 0xffff;
}
uint16_t service(isa::ServiceFn f) {
  return with([&](auto& i) { isa::field::Service::set_fn(i, f); });
}
uint16_t fence(isa::Scope s) {
  return with([&](auto& i) { isa::field::Fence::set_scope(i, s); });
}
uint16_t barrier(isa::BarrierKind kind, unsigned id) {
  return with([&](auto& i) {
    isa::field::Barrier::set_kind(i, kind);
    isa::field::Barrier::set_id(i, id);
  });
}
uint16_t vote(isa::VoteMode m) {
  return with([&](auto& i) { isa::field::Vote::set_mode(i, m); });
}
uint16_t match(isa::MatchMode m) {
  return with([&](auto& i) { isa::field::Match::set_mode(i, m); });
}
uint16_t reduce(isa::AtomicFn f) {
  return with([&](auto& i) { isa::field::Reduce::set_fn(i, f); });
}
uint16_t shuffle(isa::ShuffleMode mode, unsigned seg, unsigned clamp) {
  return with([&](auto& i) {
    isa::field::Shuffle::set_mode(i, mode);
    isa::field::Shuffle::set_seg(i, seg);
    isa::field::Shuffle::set_clamp(i, clamp);
  });
}
}  // namespace mod

using isa::Opcode;
using isa::Type;
using visa::Slot;

VisaBuilder::VisaBuilder(mlir::MLIRContext* context, mlir::Block* entry)
    : b_(context),
      entry_(entry),
      location_(mlir::UnknownLoc::get(context)),
      scalar_(visa::ScalarType::get(context)),
      predicate_(visa::PredicateType::get(context)) {
  b_.setInsertionPointToEnd(entry);
}

mlir::Type VisaBuilder::laneType(unsigned width) const {
  return visa::LaneType::get(b_.getContext(), width == 64 ? 2 : 1);
}

mlir::Type VisaBuilder::typeFor(unsigned width, bool uniform) const {
  return width == 1 ? predicate_ : uniform ? scalar_ : laneType(width);
}

Operand VisaBuilder::wrap(mlir::Value value, unsigned width, bool uniform) {
  Operand o;
  o.value = value;
  o.width = width;
  o.uniform = uniform;
  return o;
}

mlir::Operation* VisaBuilder::create(Opcode op, Type type, uint16_t mod, const Sources& sources,
                                     mlir::TypeRange results, mlir::FlatSymbolRefAttr symbol) {
  return visa::InstOp::create(
      b_, location_, results, sources.values, b_.getI32IntegerAttr(static_cast<int>(op)),
      b_.getI32IntegerAttr(static_cast<int>(type)), b_.getI32IntegerAttr(mod), b_.getDenseI8ArrayAttr(sources.slots),
      sources.ext ? b_.getI64IntegerAttr(static_cast<int64_t>(*sources.ext)) : mlir::IntegerAttr(), symbol);
}

Operand VisaBuilder::materialize(const Operand& constant) {
  mlir::Value& cached = constants_[{constant.bits, constant.width}];
  if (!cached) {
    cached = atEntry([&] {
      Sources sources;
      bool wide = constant.bits >> 32;
      if (constant.bits == 0) {
        sources.slots[0] = static_cast<int8_t>(Slot::zero);
      } else {
        sources.slots[0] = static_cast<int8_t>(Slot::imm);
        sources.ext = constant.bits;
      }
      return create(Opcode::Mov, wide ? Type::B64 : Type::B32, 0, sources, scalar_)->getResult(0);
    });
  }
  return wrap(cached, constant.width, true);
}

void VisaBuilder::place(Sources& sources, unsigned slot, isa::OperandClass kind, Operand operand, bool extTaken) {
  using isa::OperandClass;
  auto& word = sources.slots[slot];
  if (operand.constant()) {
    bool predicate = kind == OperandClass::Q;
    uint64_t all = predicate ? 1 : kind == OperandClass::W || operand.width == 32 ? 0xffff'ffffu : ~0ull;
    if (operand.bits == 0 && kind != OperandClass::R) {
      word = static_cast<int8_t>(Slot::zero);
      return;
    }
    bool free = kind == OperandClass::V || kind == OperandClass::W;
    if (operand.bits == all && (free || predicate)) {
      word = static_cast<int8_t>(Slot::ones);
      return;
    }
    if ((free || kind == OperandClass::S) && !extTaken && !sources.ext) {
      word = static_cast<int8_t>(Slot::imm);
      sources.ext = operand.bits;
      return;
    }
    operand = materialize(operand);
  }
  if (kind == OperandClass::R) operand = toLane(operand);
  word = static_cast<int8_t>(Slot::value);
  sources.values.push_back(operand.value);
  sources.scalar &= operand.uniform && (operand.width == 1 || llvm::isa<visa::ScalarType>(operand.value.getType()));
}

Operand VisaBuilder::emit(Opcode op, Type type, uint16_t mod, llvm::ArrayRef<Operand> given, unsigned width,
                          bool lane) {
  const isa::RowInfo* row = isa::row(op);
  const isa::OperandClass classes[] = {row->a, row->b, row->c};
  Sources sources;
  for (unsigned i = 0; i < given.size(); ++i)
    if (classes[i] != isa::OperandClass::None) place(sources, i, classes[i], given[i], false);
  bool scalar = sources.scalar && !lane && row->dst != isa::OperandClass::R;
  mlir::Type result = width == 1 ? predicate_ : scalar ? scalar_ : laneType(width);
  return wrap(create(op, type, mod, sources, result)->getResult(0), width, scalar);
}

void VisaBuilder::effect(Opcode op, Type type, uint16_t mod, llvm::ArrayRef<Operand> given) {
  const auto classes = visa::sourceClasses(*isa::row(op));
  Sources sources;
  sources.slots.resize(classes.size());
  for (unsigned i = 0; i < given.size(); ++i)
    if (classes[i] != isa::OperandClass::None) place(sources, i, classes[i], given[i], false);
  create(op, type, mod, sources, {});
}

// --- Memory

// The object's address in a scalar register, once for the whole kernel.
Operand VisaBuilder::withSymbol(const Address& address) {
  mlir::Value& cached = symbols_[address.symbol];
  if (!cached) {
    cached = atEntry([&] {
      Sources sources;
      sources.slots[0] = static_cast<int8_t>(Slot::imm);
      sources.ext = 0;
      return create(Opcode::Mov, Type::B64, 0, sources, scalar_, address.symbol)->getResult(0);
    });
  }
  return wrap(cached, 64, true);
}

namespace {
uint16_t addressMod(const Address& address, unsigned count = 1, isa::CachePolicy policy = isa::CachePolicy::Default) {
  isa::Instruction i;
  isa::field::Mem::set_space(i, address.space);
  isa::field::Mem::set_scale(i, address.index ? address.scale : 0);
  isa::field::Mem::set_iu(i, address.index ? address.zeroExtendIndex : 0);
  isa::field::Mem::set_vec(i, count == 4 ? isa::Vector::V4 : count == 2 ? isa::Vector::V2 : isa::Vector::V1);
  isa::field::Mem::set_policy(i, policy);
  return i.mod;
}
}  // namespace

void VisaBuilder::placeAddress(Sources& sources, const Address& address) {
  Operand base = address.symbol ? withSymbol(address) : address.base;
  int64_t offset = address.offset;
  if (base.constant() && address.narrow()) {
    offset += static_cast<int64_t>(base.bits);
    base = Operand::number(0, 64);
  }
  if (address.narrow()) {
    offset = static_cast<int32_t>(offset);  // these spaces count modulo 2^32
  } else if (offset != static_cast<int32_t>(offset)) {
    base = add(base, Operand::number(static_cast<uint64_t>(offset), 64));
    offset = 0;
  }
  place(sources, 0, isa::OperandClass::A, base, true);
  if (address.index)
    place(sources, 1, isa::OperandClass::I, *address.index, true);
  else
    sources.slots[1] = static_cast<int8_t>(Slot::zero);
  if (offset) sources.ext = static_cast<uint32_t>(offset);
}

llvm::SmallVector<Operand, 4> VisaBuilder::load(const Address& address, Type type, unsigned count,
                                                isa::CachePolicy policy, bool lane) {
  Sources sources;
  placeAddress(sources, address);
  bool scalar = sources.scalar && !lane && address.space != isa::Space::Local;
  unsigned width = isa::info(type).bits > 32 ? 64 : 32;
  llvm::SmallVector<Operand, 4> loaded;
  if (scalar && count > 1) {
    // Vector registers are lane registers; a uniform vector is read element by element.
    for (unsigned i = 0; i < count; ++i) {
      Address element = address;
      element.offset += i * (isa::info(type).bits / 8);
      loaded.push_back(load(element, type, 1, policy, false)[0]);
    }
    return loaded;
  }
  llvm::SmallVector<mlir::Type, 4> results(count, scalar ? scalar_ : laneType(width));
  mlir::Operation* op = create(Opcode::Ld, type, addressMod(address, count, policy), sources, results);
  for (mlir::Value result : op->getResults()) loaded.push_back(wrap(result, width, scalar));
  return loaded;
}

void VisaBuilder::store(const Address& address, Type type, llvm::ArrayRef<Operand> values, isa::CachePolicy policy) {
  Sources sources;
  placeAddress(sources, address);
  Operand data = values[0];
  if (values.size() > 1) {
    llvm::SmallVector<mlir::Value, 4> parts;
    for (const Operand& value : values) parts.push_back(toLane(value).value);
    unsigned words = static_cast<unsigned>(values.size()) * (values[0].width == 64 ? 2 : 1);
    data = wrap(visa::PackOp::create(b_, location_, visa::LaneType::get(b_.getContext(), words), parts), 32, false);
  }
  place(sources, 2, isa::OperandClass::X, data, true);
  create(Opcode::St, type, addressMod(address, static_cast<unsigned>(values.size()), policy), sources, {});
}

std::optional<Operand> VisaBuilder::atomic(const Address& address, Type type, isa::AtomicFn fn, isa::Scope scope,
                                           llvm::ArrayRef<Operand> values, bool wanted) {
  Sources sources;
  placeAddress(sources, address);
  unsigned width = isa::info(type).bits > 32 ? 64 : 32;
  Operand data = values[0];
  if (values.size() > 1) {
    llvm::SmallVector<mlir::Value, 2> parts{toLane(values[0]).value, toLane(values[1]).value};
    data =
        wrap(visa::PackOp::create(b_, location_, visa::LaneType::get(b_.getContext(), width / 16), parts), 32, false);
  }
  place(sources, 2, isa::OperandClass::X, data, true);
  isa::Instruction i;
  isa::field::Atom::set_space(i, address.space);
  isa::field::Atom::set_scale(i, address.index ? address.scale : 0);
  isa::field::Atom::set_iu(i, address.index ? address.zeroExtendIndex : 0);
  isa::field::Atom::set_fn(i, fn);
  isa::field::Atom::set_scope(i, scope);
  if (!wanted) {
    create(Opcode::Red, type, i.mod, sources, {});
    return std::nullopt;
  }
  return wrap(create(Opcode::Atom, type, i.mod, sources, laneType(width))->getResult(0), width, false);
}

Operand VisaBuilder::addressValue(const Address& address) {
  if (!address.narrow()) {
    Operand base = address.symbol ? withSymbol(address) : address.base;
    if (!address.index) return add(base, Operand::number(static_cast<uint64_t>(address.offset), 64));
    Sources sources;
    Address plain = address;
    plain.symbol = {};
    plain.base = base;
    placeAddress(sources, plain);
    mlir::Type result = sources.scalar ? scalar_ : laneType(64);
    plain.space = isa::Space::Gm;
    return wrap(create(Opcode::Lea, Type::B64, addressMod(plain), sources, result)->getResult(0), 64, sources.scalar);
  }
  Operand base = address.base;
  base.width = 32;
  Operand sum = add(base, Operand::number(static_cast<uint64_t>(address.offset), 32));
  if (!address.index) return sum;
  if (address.scale == 0) return add(*address.index, sum);
  return emit(Opcode::Mad, Type::U32, 0, {*address.index, Operand::number(1ull << address.scale, 32), sum}, 32);
}

Operand VisaBuilder::genericAddress(const Address& address) {
  if (!address.narrow()) return addressValue(address);
  if (address.base.constant() && !address.index) {
    uint64_t window = address.space == isa::Space::Ub ? isa::kUbWindow : isa::kLocalWindow;
    return Operand::number(window + static_cast<uint32_t>(address.base.bits + static_cast<uint64_t>(address.offset)),
                           64);
  }
  Sources sources;
  placeAddress(sources, address);
  mlir::Type result = sources.scalar ? scalar_ : laneType(64);
  return wrap(create(Opcode::Lea, Type::B64, addressMod(address), sources, result)->getResult(0), 64, sources.scalar);
}

// --- Small arithmetic

Operand VisaBuilder::add(const Operand& a, const Operand& b) {
  if (a.is(0)) return b;
  if (b.is(0)) return a;
  if (a.constant() && b.constant()) return Operand::number(a.bits + b.bits, a.width);
  return emit(Opcode::Add, a.width == 64 ? Type::U64 : Type::U32, 0, {a, b}, a.width);
}

Operand VisaBuilder::invert(const Operand& predicate) {
  if (predicate.constant()) return Operand::number(!predicate.bits, 1);
  // The inverse of a comparison is a comparison.
  if (auto test = predicate.value.getDefiningOp<visa::InstOp>();
      test && static_cast<Opcode>(test.getOpcode()) == Opcode::Setp) {
    using C = isa::Comparison;
    static constexpr C kInverse[] = {C::Neu, C::Equ, C::Geu, C::Gtu, C::Leu, C::Ltu, C::Ne,
                                     C::Eq,  C::Ge,  C::Gt,  C::Le,  C::Lt,  C::Nan, C::Num};
    static constexpr C kIntegerInverse[] = {C::Ne, C::Eq, C::Ge, C::Gt, C::Le, C::Lt};
    unsigned code = isa::bits(static_cast<uint16_t>(test.getMod()), 0, 4);
    bool floating = isa::info(static_cast<Type>(test.getElement())).group >= isa::TypeGroup::f16;
    C inverse = floating ? kInverse[code] : kIntegerInverse[code];
    auto copy = llvm::cast<visa::InstOp>(b_.clone(*test));
    copy.setMod(mod::compare(inverse));
    return wrap(copy->getResult(0), 1, predicate.uniform);
  }
  return emit(Opcode::Pxor, Type::None, 0, {predicate, Operand::number(1, 1)}, 1);
}

Operand VisaBuilder::select(const Operand& condition, const Operand& yes, const Operand& no) {
  if (condition.constant()) return condition.bits ? yes : no;
  if (yes.width == 1) {
    if (yes.is(1)) return emit(Opcode::Por, Type::None, 0, {condition, no}, 1);
    if (no.is(0)) return emit(Opcode::Pand, Type::None, 0, {condition, yes}, 1);
    Operand left = emit(Opcode::Pand, Type::None, 0, {condition, yes}, 1);
    Operand right = emit(Opcode::Pand, Type::None, 0, {invert(condition), no}, 1);
    return emit(Opcode::Por, Type::None, 0, {left, right}, 1);
  }
  Operand chosen = emit(Opcode::Sel, yes.width == 64 ? Type::B64 : Type::B32, 0, {yes, no, condition}, yes.width);
  if (yes.above == no.above) chosen.above = yes.above;
  return chosen;
}

Operand VisaBuilder::half(const Operand& wide, unsigned index) {
  if (wide.constant()) return Operand::number(wide.bits >> (32 * index), 32);
  if (llvm::isa<visa::LaneType>(wide.value.getType())) {
    auto part = visa::PartOp::create(b_, location_, laneType(32), wide.value, index);
    return wrap(part, 32, false);
  }
  if (index) return emit(Opcode::Shr, Type::U64, 0, {wide, Operand::number(32, 32)}, 32);
  return emit(Opcode::Mov, Type::B32, 0, {wide}, 32);
}

Operand VisaBuilder::join(const Operand& low, const Operand& high) {
  if (low.constant() && high.constant()) return Operand::number(low.bits | high.bits << 32, 64);
  bool scalar = low.uniform && high.uniform;
  if (!scalar) {
    llvm::SmallVector<mlir::Value, 2> parts{toLane(low).value, toLane(high).value};
    return wrap(visa::PackOp::create(b_, location_, laneType(64), parts), 64, false);
  }
  Operand shifted = emit(Opcode::Shl, Type::B64, 0, {widen(high, false), Operand::number(32, 32)}, 64);
  return emit(Opcode::Or, Type::B64, 0, {shifted, widen(low, false)}, 64);
}

Operand VisaBuilder::widen(const Operand& value, bool isSigned) {
  if (value.constant())
    return Operand::number(
        isSigned ? static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value.bits))) : value.bits, 64);
  if (!isSigned && llvm::isa<visa::ScalarType>(value.value.getType())) return wrap(value.value, 64, true);
  return emit(Opcode::Cvt, isSigned ? Type::S64 : Type::U64, mod::convert(isSigned ? Type::S32 : Type::U32), {value},
              64);
}

// --- Register files

Operand VisaBuilder::toLane(const Operand& operand) {
  if (!operand.constant() && llvm::isa<visa::LaneType>(operand.value.getType())) return operand;
  Operand moved =
      emit(Opcode::Mov, operand.width == 64 ? Type::B64 : Type::B32, 0, {operand}, operand.width, /*lane=*/true);
  moved.above = operand.above;
  return moved;
}

Operand VisaBuilder::toScalar(const Operand& operand) {
  if (operand.constant()) return materialize(operand);
  if (!llvm::isa<visa::LaneType>(operand.value.getType())) return operand;
  Sources sources;
  place(sources, 0, isa::OperandClass::R, operand, false);
  auto* op = create(Opcode::First, operand.width == 64 ? Type::B64 : Type::B32, 0, sources, scalar_);
  return wrap(op->getResult(0), operand.width, true);
}

mlir::Value VisaBuilder::as(const Operand& operand, mlir::Type type) {
  if (llvm::isa<visa::PredicateType>(type)) {
    if (!operand.constant()) return operand.value;
    return emit(Opcode::Por, Type::None, 0, {operand, operand}, 1).value;
  }
  if (llvm::isa<visa::ScalarType>(type)) return toScalar(operand).value;
  return toLane(operand).value;
}

}  // namespace phx::compiler
