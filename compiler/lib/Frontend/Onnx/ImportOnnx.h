// importOnnx: an ONNX model as a module of linalg on tensors.
//
// The module has one public function
//   func.func @main(%x: tensor<2x3xf32> {phx.name = "x"}, ...) -> (tensor<2x4xf32> {phx.name = "y"}, ...)
// with static shapes and no control flow. Its body holds linalg.generic (parallel and reduction loops, operands indexed
// by projected permutations, or a copy that counts down: a slice with a negative step), linalg matmul, batch_matmul,
// conv_2d_nchw_fchw, conv_2d_ngchw_gfchw, pooling_nchw_max and _sum, transpose, broadcast, fill; tensor empty, pad,
// extract_slice, insert_slice, concat, collapse_shape, expand_shape; arith.constant; and arith, math and linalg.index
// inside of loop bodies. Integers are signless; a function argument or result of an unsigned type has {phx.type = "u8"}
// (u16, u32, u64) beside its name. Bools are i1.
//
// Initializers are constants, and whatever can be computed from constants is: shape computations leave no trace. Every
// operation is located at "name (Operator)" and at line "node number + 1" of the model's file.
//
// Anything that cannot be imported is one Diagnostic, e.g.
//   model.onnx: node 'nms_1' (NonMaxSuppression, opset 14): operator is not supported
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compiler/lib/Frontend/Onnx/ConstantTensor.h"
#include "device_sim/diagnostic/diagnostic.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace phx::compiler::onnx {

struct OnnxImportOptions {
  // Values that graph inputs will have, by name. One that is needed to find a shape becomes a constant and is no
  // argument of
  // @main; the others stay arguments.
  std::map<std::string, ConstantTensor> known_inputs;
  // Shapes for graph inputs, by name, where the model leaves dimensions open.
  std::map<std::string, std::vector<int64_t>> input_shapes;
  // Sizes of named dimensions ("batch" -> 1).
  std::map<std::string, int64_t> dimensions;
  // Where external data is; the model's own folder when empty.
  std::string folder;
};

// `file_name` is used in messages and locations, and to find external data.
Expected<mlir::OwningOpRef<mlir::ModuleOp>> importOnnx(std::span<const std::byte> model, const std::string& file_name,
                                                       mlir::MLIRContext& context,
                                                       const OnnxImportOptions& options = {});

// The dialects that an imported module is made of.
void registerOnnxDialects(mlir::MLIRContext& context);

// The newest operator set that the operators are written for.
inline constexpr int64_t kNewestOpset = 21;

}  // namespace phx::compiler::onnx
