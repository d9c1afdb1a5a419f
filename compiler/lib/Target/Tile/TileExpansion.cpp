#include "lib/Target/Tile/TileExpansion.h"

#include "device_sim/isa/fields.h"
#include "lib/Dialect/Visa/Visa.h"
#include "lib/Transforms/Memory/TileLayout.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler {

namespace arith = mlir::arith;
using mlir::Operation;
using mlir::Value;

std::optional<isa::Type> isaType(mlir::Type element) {
  if (element.isF32()) return isa::Type::F32;
  if (element.isF16()) return isa::Type::F16;
  if (element.isBF16()) return isa::Type::BF16;
  if (llvm::isa<mlir::Float8E4M3FNType>(element)) return isa::Type::F8E4M3;
  if (llvm::isa<mlir::Float8E5M2Type>(element)) return isa::Type::F8E5M2;
  if (element.isInteger(8)) return isa::Type::S8;
  if (element.isInteger(16)) return isa::Type::S16;
  if (element.isInteger(32)) return isa::Type::S32;
  return std::nullopt;
}

TileExpansion::TileExpansion(mlir::func::FuncOp kernel)
    : kernel_(kernel), b_(kernel.getContext()), location_(kernel.getLoc()) {}

Outcome TileExpansion::run() {
  llvm::SmallVector<Operation*> operations;
  kernel_.walk([&](Operation* op) {
    if (llvm::isa<npu::NpuDialect>(op->getDialect())) operations.push_back(op);
  });
  llvm::SmallVector<Operation*> slots;
  for (Operation* op : operations) {
    b_.setInsertionPoint(op);
    location_ = op->getLoc();
    if (llvm::isa<npu::SlotOp>(op)) {
      slots.push_back(op);
      continue;
    }
    if (op->getNumResults() && !llvm::isa<npu::BlockIdxOp>(op)) {
      fail(op, "'" + op->getName().getStringRef() + "' is in value form; phase buffer comes before phase isa");
      return *failure_;
    }
    llvm::TypeSwitch<Operation*>(op)
        .Case<npu::LoadOp, npu::StoreOp, npu::ExtractOp, npu::LoadBiasOp, npu::MmadOp, npu::FixpipeOp, npu::VecOp,
              npu::BlockIdxOp>([&](auto tile) { expand(tile); })
        .Case<npu::SetFlagOp>([&](npu::SetFlagOp set) {
          flag(op, isa::Opcode::SetFlag, set.getFrom(), set.getTo(), static_cast<int64_t>(set.getId()), set.getSlot());
        })
        .Case<npu::WaitFlagOp>([&](npu::WaitFlagOp wait) {
          flag(op, isa::Opcode::WaitFlag, wait.getFrom(), wait.getTo(), static_cast<int64_t>(wait.getId()),
               wait.getSlot());
        })
        .Case<npu::CrossSetOp>([&](npu::CrossSetOp set) {
          cross(op, isa::Opcode::CrossSet, static_cast<int64_t>(set.getMode()), set.getPipe(),
                static_cast<int64_t>(set.getId()));
        })
        .Case<npu::CrossWaitOp>([&](npu::CrossWaitOp wait) {
          cross(op, isa::Opcode::CrossWait, static_cast<int64_t>(wait.getMode()), wait.getPipe(),
                static_cast<int64_t>(wait.getId()));
        })
        .Case<npu::PipeBarrierOp>([&](npu::PipeBarrierOp pipes) { barrier(pipes); })
        .Default(
            [&](Operation* other) { fail(other, "'" + other->getName().getStringRef() + "' is no kernel operation"); });
    if (failure_) return *failure_;
    op->erase();
  }
  for (Operation* op : llvm::reverse(slots)) {
    if (!op->use_empty()) {
      fail(*op->getUsers().begin(), "takes a slot of a buffer and has no instruction");
      return *failure_;
    }
    op->erase();
  }
  kernel_.walk([&](Operation* op) {
    if (llvm::isa<mlir::memref::AllocOp>(op) && op->use_empty()) op->erase();
  });
  return {};
}

// --- Tiles

TileExpansion::Tile TileExpansion::tileOf(Value value) {
  auto type = llvm::cast<mlir::ShapedType>(value.getType());
  const int64_t rank = type.getRank();
  return {rank > 1 ? type.getDimSize(rank - 2) : 1, rank > 0 ? type.getDimSize(rank - 1) : 1,
          static_cast<int64_t>(type.getElementTypeBitWidth()) / 8, type.getElementType()};
}

Value TileExpansion::address(Value tile) {
  Operation* from = tile.getDefiningOp();
  if (auto alloc = llvm::dyn_cast_or_null<mlir::memref::AllocOp>(from)) {
    if (auto planned = alloc->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr))
      return number(planned.getValue().getSExtValue());
    fail(alloc, "a tile has no address; phase plan comes first");
    return number(0);
  }
  if (auto slot = llvm::dyn_cast_or_null<npu::SlotOp>(from)) {
    auto buffer = llvm::cast<mlir::MemRefType>(slot.getBuffer().getType());
    const int64_t copies = buffer.getDimSize(0);
    Value turn = b_.createOrFold<arith::RemUIOp>(location_, slot.getCounter(), number(copies));
    return add(address(slot.getBuffer()), multiply(turn, tileBytes(buffer)));
  }
  fail(from ? from : kernel_.getOperation(), "a tile comes from neither memref.alloc nor npu.slot");
  return number(0);
}

Value TileExpansion::device(Value buffer) {
  auto argument = llvm::dyn_cast<mlir::BlockArgument>(buffer);
  if (!argument || argument.getOwner() != &kernel_.getBody().front()) {
    fail(buffer.getDefiningOp() ? buffer.getDefiningOp() : kernel_.getOperation(),
         "a device buffer is no argument of the kernel");
    return number(0);
  }
  Value& loaded = parameters_[buffer];
  if (!loaded) {
    mlir::OpBuilder::InsertionGuard guard(b_);
    b_.setInsertionPointToStart(&kernel_.getBody().front());
    isa::Instruction load;
    isa::field::Mem::set_space(load, isa::Space::Param);
    const int8_t zero = static_cast<int8_t>(visa::Slot::zero);
    const int64_t offset = 8 * static_cast<int64_t>(argument.getArgNumber());
    loaded = scalarResult(isa::Opcode::Ld, isa::Type::B64, load.mod, {zero, zero, 0},
                          offset ? std::optional(offset) : std::nullopt);
  }
  return loaded;
}

Value TileExpansion::elementAddress(Value buffer, Value offset) {
  const int64_t bits = llvm::cast<mlir::MemRefType>(buffer.getType()).getElementTypeBitWidth();
  return add(device(buffer), multiply(offset, bits / 8));
}

// --- Numbers

Value TileExpansion::number(int64_t value) { return arith::ConstantIndexOp::create(b_, location_, value); }
Value TileExpansion::add(Value a, Value b) { return b_.createOrFold<arith::AddIOp>(location_, a, b); }
Value TileExpansion::multiply(Value a, int64_t factor) {
  return b_.createOrFold<arith::MulIOp>(location_, a, number(factor));
}
Value TileExpansion::shiftLeft(Value a, int64_t bits) {
  return bits ? b_.createOrFold<arith::ShLIOp>(location_, a, number(bits)) : a;
}
Value TileExpansion::shiftRight(Value a, int64_t bits) {
  return bits ? b_.createOrFold<arith::ShRUIOp>(location_, a, number(bits)) : a;
}
Value TileExpansion::unite(Value a, Value b) { return b_.createOrFold<arith::OrIOp>(location_, a, b); }
Value TileExpansion::ceilDivide(Value a, int64_t powerOf2) {
  return shiftRight(add(a, number(powerOf2 - 1)), llvm::Log2_64(static_cast<uint64_t>(powerOf2)));
}

Value TileExpansion::bitsOf(Value scalar) {
  mlir::Type type = scalar.getType();
  if (type.isIndex()) return scalar;
  if (llvm::isa<mlir::FloatType>(type))
    scalar = b_.createOrFold<arith::BitcastOp>(location_, b_.getIntegerType(type.getIntOrFloatBitWidth()), scalar);
  return b_.createOrFold<arith::IndexCastUIOp>(location_, b_.getIndexType(), scalar);
}

std::optional<int64_t> TileExpansion::constantOf(Value value) {
  llvm::APInt constant;
  if (value && mlir::matchPattern(value, mlir::m_ConstantInt(&constant))) return constant.getSExtValue();
  return std::nullopt;
}

// --- Instructions

void TileExpansion::instruction(isa::Opcode opcode, isa::Type type, uint16_t mod, llvm::ArrayRef<Value> sources) {
  llvm::SmallVector<Value, 4> values;
  llvm::SmallVector<int8_t, 4> slots;
  for (Value source : sources) {
    slots.push_back(static_cast<int8_t>(source ? visa::Slot::value : visa::Slot::none));
    if (!source) continue;
    auto cast = mlir::UnrealizedConversionCastOp::create(
        b_, location_, mlir::TypeRange(visa::ScalarType::get(b_.getContext())), source);
    values.push_back(cast.getResult(0));
  }
  visa::InstOp::create(b_, location_, mlir::TypeRange(), values, b_.getI32IntegerAttr(static_cast<int>(opcode)),
                       b_.getI32IntegerAttr(static_cast<int>(type)), b_.getI32IntegerAttr(mod),
                       b_.getDenseI8ArrayAttr(slots), mlir::IntegerAttr(), mlir::FlatSymbolRefAttr());
}

Value TileExpansion::scalarResult(isa::Opcode opcode, isa::Type type, uint16_t mod, llvm::ArrayRef<int8_t> slots,
                                  std::optional<int64_t> ext) {
  auto inst =
      visa::InstOp::create(b_, location_, mlir::TypeRange(visa::ScalarType::get(b_.getContext())), mlir::ValueRange(),
                           b_.getI32IntegerAttr(static_cast<int>(opcode)), b_.getI32IntegerAttr(static_cast<int>(type)),
                           b_.getI32IntegerAttr(mod), b_.getDenseI8ArrayAttr(slots),
                           ext ? b_.getI64IntegerAttr(*ext) : mlir::IntegerAttr(), mlir::FlatSymbolRefAttr());
  return mlir::UnrealizedConversionCastOp::create(b_, location_, mlir::TypeRange(b_.getIndexType()), inst->getResult(0))
      .getResult(0);
}

void TileExpansion::fail(Operation* op, const llvm::Twine& message) {
  if (failure_) return;
  failure_ = errorAt(op->getLoc(), (message + " (in kernel '" + kernel_.getName() + "')").str());
}

bool TileExpansion::limited(Operation* op, int64_t value, int64_t most, const char* what) {
  if (value >= 0 && value <= most) return true;
  fail(op, llvm::Twine(what) + " is " + llvm::Twine(value) + ", the instruction holds at most " + llvm::Twine(most));
  return false;
}

}  // namespace phx::compiler
