// Phase tile, the driver: walks @main, gives every tensor a flat device buffer and every group to the tiler of its
// kind.
#include "lib/Transforms/Tile/Tile.h"

#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::RankedTensorType;
using mlir::Value;

mlir::MemRefType deviceBuffer(mlir::Type element, int64_t elements) {
  return mlir::MemRefType::get({elements}, element, mlir::MemRefLayoutAttrInterface{},
                               npu::SpaceAttr::get(element.getContext(), npu::Space::gm));
}

static std::string symbolOf(llvm::StringRef name) {
  constexpr size_t kMost = 80;  // characters; groups of many operations have long names
  std::string symbol;
  for (char c : name)
    if (llvm::isAlnum(c))
      symbol += c;
    else if (!symbol.empty() && symbol.back() != '_')
      symbol += '_';
  symbol.resize(std::min(symbol.size(), kMost));
  while (!symbol.empty() && symbol.back() == '_') symbol.pop_back();
  return symbol.empty() || llvm::isDigit(symbol.front()) ? "k" + symbol : symbol;
}

mlir::func::FuncOp TileContext::createKernel(llvm::StringRef name, npu::Core core, mlir::ValueRange arguments,
                                             mlir::Location location, mlir::OpBuilder& body) {
  mlir::SymbolTable symbols(module_);
  auto type = mlir::FunctionType::get(module_.getContext(), arguments.getTypes(), {});
  auto kernel = mlir::func::FuncOp::create(location, symbolOf(name), type);
  kernel.setPrivate();
  kernel->setAttr(npu::kCoreAttr, npu::CoreAttr::get(module_.getContext(), core));
  if (core == npu::Core::aiv) kernel->setAttr(npu::kConflictFreeAttr, mlir::UnitAttr::get(module_.getContext()));
  symbols.insert(kernel);  // renames on a clash
  mlir::Block* block = kernel.addEntryBlock();
  body.setInsertionPointToStart(block);
  mlir::func::ReturnOp::create(body, location);
  body.setInsertionPointToStart(block);
  return kernel;
}

Value TileContext::allocate(mlir::Type element, int64_t elements, mlir::Location location) {
  return mlir::memref::AllocOp::create(host_, location, deviceBuffer(element, elements));
}

Value TileContext::constant(mlir::DenseElementsAttr values, mlir::Location location) {
  mlir::MemRefType buffer = deviceBuffer(values.getElementType(), values.getNumElements());
  mlir::OpBuilder top = mlir::OpBuilder::atBlockBegin(module_.getBody());
  mlir::SymbolTable symbols(module_);
  auto global = mlir::memref::GlobalOp::create(top, location, "prepared", top.getStringAttr("private"), buffer, values,
                                               /*constant=*/true, /*alignment=*/nullptr);
  global->remove();
  symbols.insert(global, module_.getBody()->begin());  // renames on a clash
  return mlir::memref::GetGlobalOp::create(host_, location, buffer, global.getSymName());
}

mlir::DenseElementsAttr TileContext::constantOf(mlir::memref::GetGlobalOp buffer) {
  auto global = module_.lookupSymbol<mlir::memref::GlobalOp>(buffer.getName());
  if (!global || !global.getInitialValue()) return {};
  return llvm::dyn_cast<mlir::DenseElementsAttr>(*global.getInitialValue());
}

void TileContext::launch(mlir::func::FuncOp kernel, mlir::ValueRange arguments, int64_t grid, llvm::StringRef source,
                         mlir::func::FuncOp mix) {
  auto symbol = [](mlir::func::FuncOp function) { return mlir::FlatSymbolRefAttr::get(function.getSymNameAttr()); };
  if (mix) {
    kernel->setAttr(npu::kMixAttr, symbol(kernel));
    mix->setAttr(npu::kMixAttr, symbol(kernel));
  }
  npu::LaunchOp::create(host_, kernel.getLoc(), symbol(kernel), mix ? symbol(mix) : mlir::FlatSymbolRefAttr{},
                        arguments, host_.getI64IntegerAttr(grid), host_.getStringAttr(source));
}

namespace {

class Driver {
 public:
  Driver(mlir::ModuleOp module, const machine::Machine& machine)
      : module_(module), machine_(machine), host_(module.getContext()) {}

  Outcome run() {
    auto main = module_.lookupSymbol<mlir::func::FuncOp>("main");
    if (!main || !main.getBody().hasOneBlock())
      return errorAt(module_.getLoc(), "the module has no function @main of one block");
    mlir::Block& old = main.getBody().front();
    auto ret = llvm::cast<mlir::func::ReturnOp>(old.getTerminator());
    if (auto ok = openMain(main, ret); !ok) return ok;
    for (Operation& op : old.without_terminator())
      if (auto ok = convert(op); !ok) return ok;
    main.erase();
    main_.setSymName("main");
    dropUnusedConstants();
    return {};
  }

 private:
  static bool isReshape(Operation* op) {
    return llvm::isa_and_nonnull<mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp>(op);
  }
  static Value rootOf(Value value) {
    while (isReshape(value.getDefiningOp())) value = value.getDefiningOp()->getOperand(0);
    return value;
  }
  static mlir::MemRefType flat(mlir::Type type) {
    auto tensor = llvm::cast<RankedTensorType>(type);
    return deviceBuffer(tensor.getElementType(), tensor.getNumElements());
  }

  // The new @main: device buffers of the inputs, then of the outputs.
  Outcome openMain(mlir::func::FuncOp main, mlir::func::ReturnOp ret) {
    llvm::SmallVector<mlir::Type> types;
    for (mlir::Type type : llvm::concat<const mlir::Type>(main.getArgumentTypes(), main.getResultTypes())) {
      auto tensor = llvm::dyn_cast<RankedTensorType>(type);
      if (!tensor || !tensor.hasStaticShape())
        return errorAt(main.getLoc(), "arguments and results of @main are tensors of static shape");
      types.push_back(flat(type));
    }
    host_.setInsertionPoint(main);
    main_ = mlir::func::FuncOp::create(host_, main.getLoc(), "main.tiled", host_.getFunctionType(types, {}));
    mlir::Block* block = main_.addEntryBlock();
    const unsigned inputs = main.getNumArguments();
    auto describe = [&](unsigned argument, mlir::Type type, mlir::DictionaryAttr attributes, bool output) {
      if (attributes)
        for (mlir::NamedAttribute attribute : attributes)
          main_.setArgAttr(argument, attribute.getName(), attribute.getValue());
      // Phase graph names the type that the caller knows where it changed it.
      if (!main_.getArgAttr(argument, "phx.tensor"))
        main_.setArgAttr(argument, "phx.tensor", mlir::TypeAttr::get(type));
      if (output) main_.setArgAttr(argument, "phx.output", host_.getUnitAttr());
    };
    for (unsigned i = 0; i < inputs; ++i) {
      describe(i, main.getArgumentTypes()[i], main.getArgAttrDict(i), false);
      buffers_[main.getArgument(i)] = block->getArgument(i);
    }
    for (unsigned i = 0; i < ret.getNumOperands(); ++i) {
      describe(inputs + i, main.getResultTypes()[i], main.getResultAttrDict(i), true);
      Value root = rootOf(ret.getOperand(i));
      if (!root.getDefiningOp<npu::GroupOp>() || buffers_.count(root))
        return errorAt(ret.getLoc(),
                       "result " + std::to_string(i) + " of @main is not the result of a group of its own");
      buffers_[root] = block->getArgument(inputs + i);
    }
    host_.setInsertionPointToEnd(block);
    auto end = mlir::func::ReturnOp::create(host_, ret.getLoc());
    host_.setInsertionPoint(end);
    return {};
  }

  Outcome convert(Operation& op) {
    if (auto constant = llvm::dyn_cast<mlir::arith::ConstantOp>(op)) return convertConstant(constant);
    if (isReshape(&op)) {
      buffers_[op.getResult(0)] = buffers_.lookup(op.getOperand(0));
      return {};
    }
    auto group = llvm::dyn_cast<npu::GroupOp>(op);
    if (!group)
      return errorAt(op.getLoc(), "operation '" + op.getName().getStringRef().str() + "' is left outside of groups");
    TileContext context(machine_, module_, host_);
    for (Value input : group.getInputs()) context.inputs.push_back(buffers_.lookup(input));
    for (Value result : group.getResults()) {
      Value& buffer = buffers_[result];
      if (!buffer) buffer = mlir::memref::AllocOp::create(host_, op.getLoc(), flat(result.getType()));
      context.results.push_back(buffer);
    }
    switch (group.getKind()) {
      case npu::GroupKind::vector:
        return tileVectorGroup(group, context);
      case npu::GroupKind::cube:
        return tileCubeGroup(group, context);
      case npu::GroupKind::copy:
        return tileCopyGroup(group, context);
    }
    return {};
  }

  // A tiler may have put another in the place of one.
  void dropUnusedConstants() {
    llvm::SmallVector<mlir::memref::GetGlobalOp> unused;
    main_.walk([&](mlir::memref::GetGlobalOp get) {
      if (get->use_empty()) unused.push_back(get);
    });
    for (mlir::memref::GetGlobalOp get : unused) {
      Operation* global = module_.lookupSymbol(get.getName());
      get.erase();
      if (global && mlir::SymbolTable::symbolKnownUseEmpty(global, module_)) global->erase();
    }
  }

  // Dense tensors become globals; each symbol is an object of the executable.
  Outcome convertConstant(mlir::arith::ConstantOp constant) {
    auto type = llvm::dyn_cast<RankedTensorType>(constant.getType());
    if (!type) return {};  // scalars were cloned into the groups that use them
    mlir::Attribute value = constant.getValue();
    auto shape = RankedTensorType::get({type.getNumElements()}, type.getElementType());
    if (auto resource = llvm::dyn_cast<mlir::DenseResourceElementsAttr>(value)) {
      mlir::AsmResourceBlob* blob = resource.getRawHandle().getBlob();
      if (!blob) return errorAt(constant.getLoc(), "a constant's data is missing");
      value = mlir::DenseElementsAttr::getFromRawBuffer(type, blob->getData());
    }
    auto dense = llvm::dyn_cast<mlir::DenseElementsAttr>(value);
    if (!dense) return errorAt(constant.getLoc(), "a constant is not dense");
    mlir::MemRefType buffer = flat(type);
    std::string name = "constant_" + std::to_string(constants_++);
    mlir::OpBuilder top = mlir::OpBuilder::atBlockBegin(module_.getBody());
    mlir::memref::GlobalOp::create(top, constant.getLoc(), name, top.getStringAttr("private"), buffer,
                                   dense.reshape(shape), /*constant=*/true, /*alignment=*/nullptr);
    buffers_[constant.getResult()] = mlir::memref::GetGlobalOp::create(host_, constant.getLoc(), buffer, name);
    return {};
  }

  mlir::ModuleOp module_;
  const machine::Machine& machine_;
  mlir::OpBuilder host_;
  mlir::func::FuncOp main_;
  llvm::DenseMap<Value, Value> buffers_;  // tensor -> device buffer
  unsigned constants_ = 0;
};

}  // namespace

Outcome tileGroups(mlir::ModuleOp module, const machine::Machine& machine) { return Driver(module, machine).run(); }

}  // namespace phx::compiler
