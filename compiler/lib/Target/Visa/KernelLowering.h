// One kernel from structured LLVM-dialect MLIR to visa stage 1.
//
// Every value of the input becomes a list of operands, one per scalar component: a number or pointer is one, a vector
// or struct one per element. Integers narrower than 32 bits live in 32-bit registers and are extended where their upper
// bits matter. Pointers into shared, local and parameter space are 32-bit offsets.
#pragma once

#include <optional>

#include "device_sim/diagnostic/diagnostic.h"
#include "lib/Analysis/Uniformity.h"
#include "lib/Target/Visa/VisaBuilder.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler {

using Operands = llvm::SmallVector<Operand, 2>;

class KernelLowering {
 public:
  explicit KernelLowering(mlir::func::FuncOp function);

  // Creates the visa.kernel beside the function. Unsupported constructs: a Diagnostic with the source line.
  Outcome run();

 private:
  // Structure
  void lowerBlock(mlir::Block& block);
  void lower(mlir::Operation* op);
  void lowerIf(mlir::scf::IfOp op);
  void lowerWhile(mlir::scf::WhileOp op);
  void lowerSwitch(mlir::scf::IndexSwitchOp op, unsigned from);
  void yieldInto(visa::IfOp op, mlir::Region& region, mlir::Block* from);
  llvm::SmallVector<mlir::Type> componentTypes(mlir::Value value, bool uniform);
  void bindRegisters(mlir::Value value, mlir::ValueRange registers, bool uniform);

  // Values
  Operands get(mlir::Value value);
  Operand one(mlir::Value value) { return get(value).front(); }
  void set(mlir::Value value, Operands operands) { values_[value] = std::move(operands); }
  void set(mlir::Value value, Operand operand) { values_[value] = {operand}; }
  Operands constant(mlir::Attribute attribute, mlir::Type type);
  Operand argument(mlir::BlockArgument argument, unsigned component, unsigned bits, unsigned offset);

  // Groups of operations; each returns false if the operation is not of its group.
  bool lowerInteger(mlir::Operation* op);
  bool lowerFloat(mlir::Operation* op);
  bool lowerConversion(mlir::Operation* op);
  bool lowerAggregate(mlir::Operation* op);
  bool lowerMemory(mlir::Operation* op);
  bool lowerSpecial(mlir::Operation* op);
  bool lowerCall(mlir::Operation* op);
  bool lowerIntrinsic(mlir::LLVM::CallIntrinsicOp op);
  bool lowerInlineAssembly(mlir::LLVM::InlineAsmOp op);

  // Integers
  Operand integerBinary(mlir::Operation* op, llvm::StringRef name, unsigned bits, Operand a, Operand b);
  Operand divideByConstant(Operand x, uint64_t divisor, bool isSigned, unsigned width);
  Operand low32(mlir::Value value, unsigned depth = 0);
  Operands wideInteger(mlir::Operation* op, llvm::StringRef name, const Operands& a, const Operands& b);
  Operand extend(Operand value, unsigned bits,
                 bool isSigned);  // bits above `bits` become zeros or signs, in its register
  Operand compare(mlir::LLVM::ICmpPredicate predicate, Operand a, Operand b, unsigned bits);
  std::optional<Operand> narrowFactor(mlir::Value value, bool isSigned);  // the 32-bit value that this i64 extends

  // Floats
  Operand floatBinary(mlir::Operation* op, isa::Opcode opcode, isa::Type type, Operand a, Operand b);
  std::optional<std::pair<mlir::Value, mlir::Value>> contractible(mlir::Value value);
  Operand roundToIntegral(Operand value, isa::Type type, isa::Rounding rounding);
  Operand math(llvm::StringRef function, llvm::ArrayRef<Operand> arguments, isa::Type type);
  Operand classify(Operand value, isa::Type type, unsigned classes);

  // Memory
  Address addressOf(mlir::Value pointer);
  void lowerAddress(mlir::LLVM::GEPOp op);
  void addTerm(Address& address, mlir::Value index, Operand value, uint64_t stride, mlir::Value pointer);
  Operands loadComponents(Address address, llvm::ArrayRef<unsigned> bits, llvm::ArrayRef<unsigned> offsets,
                          unsigned alignment, isa::CachePolicy policy, bool lane);
  void storeComponents(Address address, llvm::ArrayRef<Operand> values, llvm::ArrayRef<unsigned> bits,
                       llvm::ArrayRef<unsigned> offsets, unsigned alignment, isa::CachePolicy policy);
  Operand loadBytes(const Address& address, unsigned bytes, unsigned alignment, isa::CachePolicy policy, bool lane);
  void storeBytes(const Address& address, Operand value, unsigned bytes, unsigned alignment, isa::CachePolicy policy);
  void lowerAtomic(mlir::LLVM::AtomicRMWOp op);
  void lowerCompareExchange(mlir::LLVM::AtomicCmpXchgOp op);

  // Calls
  Operand isaCall(llvm::StringRef mnemonic, llvm::ArrayRef<Operand> arguments, mlir::Operation* op);
  void lowerShuffle(mlir::LLVM::CallIntrinsicOp op, llvm::StringRef name);

  void fail(mlir::Operation* op, const llvm::Twine& message);

  mlir::func::FuncOp function_;
  Uniformity uniformity_;
  visa::KernelOp kernel_;
  std::optional<VisaBuilder> builder_;
  VisaBuilder& v() { return *builder_; }
  llvm::DenseMap<mlir::Value, Operands> values_;
  llvm::DenseMap<mlir::Value, Address> addresses_;
  llvm::ArrayRef<int32_t> paramOffsets_, byValue_;
  mlir::DictionaryAttr shared_;
  uint64_t localBytes_ = 0;
  std::optional<Diagnostic> failure_;
};

// Scalar components of a type: bits of each (pointers into narrow spaces have 32), and byte offsets in memory if
// wanted. False for a type that has no components here.
bool componentsOf(mlir::Type type, llvm::SmallVectorImpl<unsigned>& bits,
                  llvm::SmallVectorImpl<unsigned>* offsets = nullptr);
uint64_t storeSizeOf(mlir::Type type);
uint64_t alignmentOf(mlir::Type type);
inline unsigned registerWidth(unsigned bits) { return bits == 1 ? 1 : bits <= 32 ? 32 : 64; }

// Place of an operation: the innermost file, line and column of its location.
Diagnostic errorAt(mlir::Location location, const std::string& message);

// Lowers every kernel of the module to a visa.kernel.
Outcome lowerToVisa(mlir::ModuleOp module);

}  // namespace phx::compiler
