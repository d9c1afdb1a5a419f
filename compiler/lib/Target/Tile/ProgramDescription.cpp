#include "lib/Target/Tile/ProgramDescription.h"

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Transforms/Phases.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace phx::compiler {

namespace memref = mlir::memref;
using mlir::Value;

uint64_t elementBytes(mlir::Type element) { return (element.getIntOrFloatBitWidth() + 7) / 8; }

std::string programTypeName(mlir::Type element) {
  if (element.isF32()) return "f32";
  if (element.isF64()) return "f64";
  if (element.isF16()) return "f16";
  if (element.isBF16()) return "bf16";
  if (llvm::isa<mlir::Float8E4M3FNType>(element)) return "f8e4m3";
  if (llvm::isa<mlir::Float8E5M2Type>(element)) return "f8e5m2";
  if (element.isInteger(1)) return "bool";
  return "s" + std::to_string(element.getIntOrFloatBitWidth());
}

namespace {

struct Buffer {
  llvm::StringRef kind;
  uint64_t bytes;
  std::string symbol;  // of a constant
  uint64_t offset = 0;
};

struct Tensor {
  std::string name, type;
  llvm::SmallVector<int64_t> shape;
  unsigned buffer;
};

struct Launch {
  std::string kernel, source;
  int64_t grid;
  bool mix;
  llvm::SmallVector<unsigned> arguments;
};

uint64_t bytesOf(Value buffer) {
  auto type = llvm::cast<mlir::MemRefType>(buffer.getType());
  return static_cast<uint64_t>(type.getNumElements()) * elementBytes(type.getElementType());
}

class Describer {
 public:
  explicit Describer(mlir::func::FuncOp main) : main_(main) {}

  Expected<std::string> run(const machine::Machine& machine) {
    for (mlir::BlockArgument argument : main_.getArguments()) describe(argument);
    for (mlir::Operation& op : main_.getBody().front().without_terminator()) {
      if (auto global = llvm::dyn_cast<memref::GetGlobalOp>(op)) {
        unsigned& index = constants_.try_emplace(global.getName(), ~0u).first->second;
        if (index == ~0u) index = add({"constant", bytesOf(global), global.getName().str()});
        indices_[global] = index;
      } else if (auto alloc = llvm::dyn_cast<memref::AllocOp>(op)) {
        auto planned = alloc->getAttrOfType<mlir::IntegerAttr>(npu::kAddressAttr);
        if (!planned) return errorAt(op.getLoc(), "an intermediate buffer has no place; phase plan comes first");
        const auto offset = static_cast<uint64_t>(planned.getInt());
        indices_[alloc] = add({"workspace", bytesOf(alloc), "", offset});
        workspace_ = std::max(workspace_, offset + bytesOf(alloc));
      } else if (auto launch = llvm::dyn_cast<npu::LaunchOp>(op)) {
        if (auto ok = describe(launch); !ok) return ok.diagnostic();
      } else if (!llvm::isa<memref::DeallocOp>(op)) {
        return errorAt(op.getLoc(), "'" + op.getName().getStringRef().str() + "' is no part of a program of launches");
      }
    }
    return write(machine);
  }

 private:
  unsigned add(Buffer buffer) {
    buffers_.push_back(std::move(buffer));
    return static_cast<unsigned>(buffers_.size()) - 1;
  }

  void describe(mlir::BlockArgument argument) {
    const unsigned n = argument.getArgNumber();
    const bool output = static_cast<bool>(main_.getArgAttr(n, "phx.output"));
    std::vector<Tensor>& list = output ? outputs_ : inputs_;
    Tensor tensor;
    if (auto name = main_.getArgAttrOfType<mlir::StringAttr>(n, "phx.name"))
      tensor.name = name.str();
    else
      tensor.name = (output ? "result" : "argument") + std::to_string(list.size());
    auto shape = llvm::cast<mlir::ShapedType>(argument.getType());
    if (auto original = main_.getArgAttrOfType<mlir::TypeAttr>(n, "phx.tensor"))
      shape = llvm::cast<mlir::ShapedType>(original.getValue());
    tensor.shape.assign(shape.getShape().begin(), shape.getShape().end());
    auto type = main_.getArgAttrOfType<mlir::StringAttr>(n, "phx.type");
    tensor.type = type ? type.str() : programTypeName(shape.getElementType());
    tensor.buffer = add({output ? "output" : "input", bytesOf(argument), ""});
    indices_[argument] = tensor.buffer;
    list.push_back(std::move(tensor));
  }

  Outcome describe(npu::LaunchOp op) {
    Launch launch{
        op.getKernel().str(), op.getSource().str(), static_cast<int64_t>(op.getGrid()), op.getMix().has_value(), {}};
    for (Value argument : op.getArguments()) {
      auto found = indices_.find(argument);
      if (found == indices_.end()) return errorAt(op.getLoc(), "an argument of a launch is no buffer of the program");
      launch.arguments.push_back(found->second);
    }
    launches_.push_back(std::move(launch));
    return {};
  }

  std::string write(const machine::Machine& machine) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::json::OStream json(stream);
    auto tensors = [&](llvm::StringRef name, const std::vector<Tensor>& list) {
      json.attributeArray(name, [&] {
        for (const Tensor& tensor : list)
          json.object([&] {
            json.attribute("name", llvm::json::fixUTF8(tensor.name));
            json.attribute("type", tensor.type);
            json.attributeArray("shape", [&] {
              for (int64_t size : tensor.shape) json.value(size);
            });
            json.attribute("buffer", tensor.buffer);
          });
      });
    };
    json.object([&] {
      json.attribute("version", 1);
      json.attribute("machine", machine.name);
      tensors("inputs", inputs_);
      tensors("outputs", outputs_);
      json.attributeArray("buffers", [&] {
        for (const Buffer& buffer : buffers_)
          json.object([&] {
            json.attribute("kind", buffer.kind);
            json.attribute("bytes", buffer.bytes);
            if (buffer.kind == "constant") json.attribute("symbol", buffer.symbol);
            if (buffer.kind == "workspace") json.attribute("offset", buffer.offset);
          });
      });
      json.attribute("workspace_bytes", workspace_);
      json.attributeArray("launches", [&] {
        for (const Launch& launch : launches_)
          json.object([&] {
            json.attribute("kernel", launch.kernel);
            json.attribute("grid", launch.grid);
            json.attribute("mix", launch.mix);
            json.attributeArray("arguments", [&] {
              for (unsigned argument : launch.arguments) json.value(argument);
            });
            json.attribute("source", llvm::json::fixUTF8(launch.source));
          });
      });
    });
    return text;
  }

  mlir::func::FuncOp main_;
  std::vector<Buffer> buffers_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<Launch> launches_;
  llvm::DenseMap<Value, unsigned> indices_;
  llvm::MapVector<llvm::StringRef, unsigned> constants_;
  uint64_t workspace_ = 0;
};

}  // namespace

Expected<std::string> describeProgram(mlir::ModuleOp module, const machine::Machine& machine) {
  auto main = module.lookupSymbol<mlir::func::FuncOp>("main");
  if (!main || !main.getBody().hasOneBlock()) return error("the module has no function @main of one block");
  return Describer(main).run(machine);
}

}  // namespace phx::compiler
