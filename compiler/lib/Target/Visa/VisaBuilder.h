// Emits visa.inst operations: chooses the register file of each result, places constants, and converts between files.
#pragma once

#include <optional>

#include "device_sim/isa/fields.h"
#include "lib/Dialect/Visa/Visa.h"
#include "llvm/ADT/DenseMap.h"

namespace phx::compiler {

// A value on its way through the lowering: an SSA value of visa, or a constant that has no register yet.
struct Operand {
  mlir::Value value;    // null: constant
  uint64_t bits = 0;    // the constant
  unsigned width = 32;  // 1 (predicate), 32 or 64
  bool uniform = true;  // the same in all active lanes
  // For integers narrower than 32 bits: what is known of the bits above. Otherwise they may hold anything.
  enum Above : uint8_t { unknown, zeros, signs } above = unknown;

  bool constant() const { return !value; }
  bool is(uint64_t number) const { return constant() && bits == number; }
  static Operand number(uint64_t bits, unsigned width) {
    Operand o;
    o.bits = width == 64 ? bits : width == 32 ? bits & 0xffff'ffffu : bits & 1;
    o.width = width;
    return o;
  }
};

// Modifier fields as a number, for instructions of one layout.
namespace mod {
uint16_t round(isa::Rounding rounding);
uint16_t compare(isa::Comparison comparison);
uint16_t convert(isa::Type from, isa::Rounding rounding = isa::Rounding::Rn, bool integral = false);
uint16_t special(isa::SpecialReg which);
uint16_t lut(unsigned table);
uint16_t math(llvm::StringRef function);
uint16_t service(isa::ServiceFn function);
uint16_t fence(isa::Scope scope);
uint16_t barrier(isa::BarrierKind kind, unsigned id);
uint16_t vote(isa::VoteMode mode);
uint16_t match(isa::MatchMode mode);
uint16_t reduce(isa::AtomicFn fn);
uint16_t shuffle(isa::ShuffleMode mode, unsigned seg, unsigned clamp);
}  // namespace mod

// Where an access goes, as the ISA forms addresses (isa.def §5).
struct Address {
  isa::Space space = isa::Space::Generic;
  Operand base = Operand::number(0, 64);  // scalar or 64-bit lane value; constant 0: `zero`
  std::optional<Operand> index;           // 32 bit
  unsigned scale = 0;                     // log2
  bool zeroExtendIndex = false;
  int64_t offset = 0;
  mlir::FlatSymbolRefAttr symbol;  // base is this object's address (base is then constant 0)
  bool narrow() const { return space == isa::Space::Ub || space == isa::Space::Local || space == isa::Space::Param; }
};

class VisaBuilder {
 public:
  VisaBuilder(mlir::MLIRContext* context, mlir::Block* entry);

  mlir::OpBuilder& ops() { return b_; }
  void setLocation(mlir::Location location) { location_ = location; }
  mlir::Location location() const { return location_; }

  mlir::Type laneType(unsigned width) const;
  mlir::Type scalarType() const { return scalar_; }
  mlir::Type predicateType() const { return predicate_; }
  // Type of a value of this width in the file that suits it.
  mlir::Type typeFor(unsigned width, bool uniform) const;

  // An instruction with a value result. The result is scalar if every source is and `lane` is false.
  Operand emit(isa::Opcode op, isa::Type type, uint16_t mod, llvm::ArrayRef<Operand> sources, unsigned width,
               bool lane = false);
  // An instruction without result. Sources in the order of its slots: of tile rows dst comes first.
  void effect(isa::Opcode op, isa::Type type, uint16_t mod, llvm::ArrayRef<Operand> sources);

  // Loads `count` values of `type` from consecutive addresses (1, 2 or 4).
  llvm::SmallVector<Operand, 4> load(const Address& address, isa::Type type, unsigned count, isa::CachePolicy policy,
                                     bool lane);
  void store(const Address& address, isa::Type type, llvm::ArrayRef<Operand> values, isa::CachePolicy policy);
  // Read-modify-write; `values` is the operand, or the expected and the new value of a compare-and-swap.
  std::optional<Operand> atomic(const Address& address, isa::Type type, isa::AtomicFn fn, isa::Scope scope,
                                llvm::ArrayRef<Operand> values, bool wanted);
  // The address as a number: an offset for narrow spaces, else 64 bit.
  Operand addressValue(const Address& address);
  // The address as a generic pointer.
  Operand genericAddress(const Address& address);

  Operand add(const Operand& a, const Operand& b);
  Operand select(const Operand& condition, const Operand& yes, const Operand& no);
  Operand invert(const Operand& predicate);
  // 32-bit low or high half of a 64-bit value, and back.
  Operand half(const Operand& wide, unsigned index);
  Operand join(const Operand& low, const Operand& high);
  // 64-bit extension of a 32-bit value.
  Operand widen(const Operand& value, bool isSigned);

  // The value in lane registers, in a scalar register (all active lanes must agree), or as the given type.
  Operand toLane(const Operand& operand);
  Operand toScalar(const Operand& operand);
  mlir::Value as(const Operand& operand, mlir::Type type);
  static Operand wrap(mlir::Value value, unsigned width, bool uniform);

  // Emits at the start of the kernel, before everything emitted so far that is not itself there.
  template <class F>
  auto atEntry(F&& emitter) {
    mlir::OpBuilder::InsertionGuard guard(b_);
    if (lastEntry_)
      b_.setInsertionPointAfter(lastEntry_);
    else
      b_.setInsertionPointToStart(entry_);
    auto result = emitter();
    mlir::Operation* last = b_.getInsertionPoint() == entry_->begin() ? nullptr : &*std::prev(b_.getInsertionPoint());
    if (last) lastEntry_ = last;
    return result;
  }

 private:
  // Adds a source to the slot lists of an instruction.
  struct Sources {
    llvm::SmallVector<mlir::Value, 4> values;
    llvm::SmallVector<int8_t, 4> slots{0, 0, 0};
    std::optional<uint64_t> ext;
    bool scalar = true;
  };
  void place(Sources& sources, unsigned slot, isa::OperandClass kind, Operand operand, bool extTaken);
  void placeAddress(Sources& sources, const Address& address);
  mlir::Operation* create(isa::Opcode op, isa::Type type, uint16_t mod, const Sources& sources, mlir::TypeRange results,
                          mlir::FlatSymbolRefAttr symbol = {});
  Operand materialize(const Operand& constant);
  Operand withSymbol(const Address& address);

  mlir::OpBuilder b_;
  mlir::Block* entry_;
  mlir::Operation* lastEntry_ = nullptr;
  mlir::Location location_;
  mlir::Type scalar_, predicate_;
  llvm::DenseMap<std::pair<uint64_t, unsigned>, mlir::Value> constants_;
  llvm::DenseMap<mlir::Attribute, mlir::Value> symbols_;
};

}  // namespace phx::compiler
