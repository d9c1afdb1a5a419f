// Phase tile: what the driver (Tile.cpp) gives the tilers, one per kind of group.
//
// A tiler turns one npu.group into one or more kernel functions in value form and launches them. It sees flat device
// buffers: element i of the row-major tensor is element i of the buffer.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/machine/machine.h"
#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Tile/ScheduleFields.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace phx::compiler {

class TileContext {
 public:
  TileContext(const machine::Machine& machine, mlir::ModuleOp module, mlir::OpBuilder host)
      : machine(machine), module_(module), host_(host) {}

  const machine::Machine& machine;
  llvm::SmallVector<mlir::Value> inputs, results;  // device buffers of the group's inputs and results, in order

  // A new private kernel function whose arguments are flat device buffers of the types of `arguments`; `body` is set to
  // its start. The name becomes a unique symbol: what is neither letter nor digit is one underscore.
  mlir::func::FuncOp createKernel(llvm::StringRef name, npu::Core core, mlir::ValueRange arguments,
                                  mlir::Location location, mlir::OpBuilder& body);
  // A device buffer for intermediate values of the group.
  mlir::Value allocate(mlir::Type element, int64_t elements, mlir::Location location);
  // A device buffer with these values, and the values of one: null for a constant that is no dense one.
  mlir::Value constant(mlir::DenseElementsAttr values, mlir::Location location);
  mlir::DenseElementsAttr constantOf(mlir::memref::GetGlobalOp buffer);
  // Starts the kernel on `grid` cores (groups of cores with `mix`). `source` is the group's name, for reports.
  void launch(mlir::func::FuncOp kernel, mlir::ValueRange arguments, int64_t grid, llvm::StringRef source,
              mlir::func::FuncOp mix = {});

 private:
  mlir::ModuleOp module_;
  mlir::OpBuilder host_;
};

// The type of a flat device buffer.
mlir::MemRefType deviceBuffer(mlir::Type element, int64_t elements);

// Phase schedule: the group's schedule attribute, chosen from the machine's numbers where neither the attribute nor a
// field says otherwise.
Outcome scheduleVectorGroup(npu::GroupOp group, const machine::Machine& machine, const ScheduleFields& fields);
Outcome scheduleCubeGroup(npu::GroupOp group, const machine::Machine& machine, const ScheduleFields& fields);

Outcome tileVectorGroup(npu::GroupOp group, TileContext& context);  // Tile/Vector
Outcome tileCubeGroup(npu::GroupOp group, TileContext& context);    // Tile/Cube
Outcome tileCopyGroup(npu::GroupOp group, TileContext& context);    // Tile/Copy

}  // namespace phx::compiler
