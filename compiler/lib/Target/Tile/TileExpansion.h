// The first half of phase isa: npu operations of one kernel become instructions of the ISA table.
//
// What is left is scf, arith on index values, and visa.inst whose operands are index values behind casts
// (builtin.unrealized_conversion_cast). So MLIR's own folding, CSE and loop-invariant code motion work on addresses and
// packed configuration words, and the second half (ScalarLowering.h) has plain scalar code to lower. Slots, buffers and
// device buffers become numbers: an address is a constant (npu.address), or that plus (counter mod copies) * bytes of a
// copy; a device buffer is the kernel parameter of its position.
#pragma once

#include <optional>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/isa/isa.h"
#include "lib/Dialect/Npu/Npu.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace phx::compiler {

class TileExpansion {
 public:
  explicit TileExpansion(mlir::func::FuncOp kernel);

  // Rewrites the kernel in place. What the instructions cannot say is a Diagnostic with the operation's place.
  Outcome run();

 private:
  using Value = mlir::Value;

  // Two-dimensional shape of a tile; one dimension is one row.
  struct Tile {
    int64_t rows, cols, elementBytes;
    mlir::Type element;
    int64_t rowBytes() const { return cols * elementBytes; }
  };
  Tile tileOf(Value value);

  // DMA (DmaInstructions.cpp)
  void expand(npu::LoadOp op);
  void expand(npu::StoreOp op);
  void expand(npu::ExtractOp op);
  void expand(npu::LoadBiasOp op);
  void bursts(mlir::Operation* op, isa::Opcode opcode, Value to, Value from, const Tile& tile, Value rows, Value cols,
              Value pitch, bool tileIsSource, bool stream);
  bool loadsBias(Value tile);  // a tile in L1 that the bias table is loaded from
  std::optional<isa::Type> fractalType(mlir::Operation* op, mlir::Type element);
  // Cube (CubeInstructions.cpp)
  void expand(npu::MmadOp op);
  void expand(npu::FixpipeOp op);
  // Vector (VectorInstructions.cpp)
  void expand(npu::VecOp op);
  // Flags (FlagInstructions.cpp)
  void expand(npu::BlockIdxOp op);
  void flag(mlir::Operation* op, isa::Opcode opcode, npu::Pipe from, npu::Pipe to, int64_t id, Value slot);
  void cross(mlir::Operation* op, isa::Opcode opcode, int64_t mode, npu::Pipe pipe, int64_t id);
  void barrier(npu::PipeBarrierOp op);

  // Numbers: index values, folded where they can be.
  Value number(int64_t value);
  Value add(Value a, Value b);
  Value multiply(Value a, int64_t factor);
  Value shiftLeft(Value a, int64_t bits);
  Value shiftRight(Value a, int64_t bits);
  Value unite(Value a, Value b);                // fields that do not overlap
  Value ceilDivide(Value a, int64_t powerOf2);  // a >= 0
  Value bitsOf(Value scalar);                   // the value of a float or integer in the low bits of a number
  static std::optional<int64_t> constantOf(Value value);

  Value address(Value tile);   // bytes in its space
  Value device(Value buffer);  // address of a device buffer
  Value elementAddress(Value buffer, Value offset);

  // A row of the table; sources in the order of its slots (dst first for tile rows), null where the row has none.
  void instruction(isa::Opcode opcode, isa::Type type, uint16_t mod, llvm::ArrayRef<Value> sources);
  Value scalarResult(isa::Opcode opcode, isa::Type type, uint16_t mod, llvm::ArrayRef<int8_t> slots,
                     std::optional<int64_t> ext);
  void fail(mlir::Operation* op, const llvm::Twine& message);
  bool limited(mlir::Operation* op, int64_t value, int64_t most, const char* what);

  mlir::func::FuncOp kernel_;
  mlir::OpBuilder b_;
  mlir::Location location_;
  llvm::DenseMap<Value, Value> parameters_;  // device buffer -> its address
  std::optional<Diagnostic> failure_;
};

// The ISA's type of an element: integers are signed.
std::optional<isa::Type> isaType(mlir::Type element);

}  // namespace phx::compiler
