#include "lib/Passes.h"
#include "lib/ReadTensorProgram.h"
#include "lib/Reference/RunModule.h"
#include "lib/Target/Tile/ProgramDescription.h"
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "phalanx/compiler/reference.h"

namespace phx::compiler {

namespace {

class Reference {
 public:
  explicit Reference(const TensorCompileOptions& options)
      : options_(options), context_(dialects(), mlir::MLIRContext::Threading::DISABLED) {
    context_.loadAllAvailableDialects();
  }

  Outcome read(std::span<const std::byte> program, const std::string& file) {
    const std::string& after = options_.start_after;
    const bool grouped = after == "graph" || after == "schedule";
    if (!grouped && !after.empty() && after != "input")
      return error("the reference runs programs on tensors, which there are none of after phase '" + after + "'");
    std::optional<Diagnostic> complaint;
    mlir::ScopedDiagnosticHandler handler(&context_, [&](mlir::Diagnostic& said) {
      if (!complaint && said.getSeverity() == mlir::DiagnosticSeverity::Error)
        complaint = errorAt(said.getLocation(), said.str());
      return mlir::success();
    });
    auto parsed = readTensorProgram(program, file, context_, options_);
    if (!parsed) return complaint ? *complaint : parsed.diagnostic();
    module_ = std::move(*parsed);
    if (grouped)
      if (auto ok = inlineGroups(*module_); !ok) return ok;
    main_ = module_->lookupSymbol<mlir::func::FuncOp>("main");
    if (!main_) return error_at(file, 0, "the module has no function @main");
    return {};
  }

  std::vector<TensorValue> inputs() {
    std::vector<TensorValue> list;
    for (unsigned n = 0; n < main_.getNumArguments(); ++n)
      list.push_back(describe(main_.getArgumentTypes()[n], main_.getArgAttrDict(n), "argument", n));
    return list;
  }

  Expected<std::vector<TensorValue>> run(const std::vector<TensorValue>& inputs) {
    std::vector<HostBytes> given;
    for (const TensorValue& input : inputs) given.push_back(input.bytes);
    auto computed = runModule(*module_, given);
    if (!computed) return computed.diagnostic();
    std::vector<TensorValue> list;
    for (unsigned n = 0; n < main_.getNumResults(); ++n) {
      list.push_back(describe(main_.getResultTypes()[n], main_.getResultAttrDict(n), "result", n));
      list.back().bytes = std::move((*computed)[n]);
    }
    return list;
  }

 private:
  static mlir::DialectRegistry dialects() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  // Names and types as program descriptions have them.
  TensorValue describe(mlir::Type type, mlir::DictionaryAttr attributes, const std::string& kind, unsigned n) {
    auto shaped = llvm::cast<mlir::ShapedType>(type);
    if (auto original = attributes ? attributes.getAs<mlir::TypeAttr>("phx.tensor") : mlir::TypeAttr())
      shaped = llvm::cast<mlir::ShapedType>(original.getValue());
    TensorValue value;
    value.name = kind + std::to_string(n);
    value.type = programTypeName(shaped.getElementType());
    value.shape.assign(shaped.getShape().begin(), shaped.getShape().end());
    if (attributes) {
      if (auto name = attributes.getAs<mlir::StringAttr>("phx.name")) value.name = name.str();
      if (auto written = attributes.getAs<mlir::StringAttr>("phx.type")) value.type = written.str();
    }
    return value;
  }

  const TensorCompileOptions& options_;
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp main_;
};

}  // namespace

Expected<std::vector<TensorValue>> referenceInputs(std::span<const std::byte> program, const std::string& file,
                                                   const TensorCompileOptions& options) {
  Reference reference(options);
  if (auto ok = reference.read(program, file); !ok) return ok.diagnostic();
  return reference.inputs();
}

Expected<std::vector<TensorValue>> runReference(std::span<const std::byte> program, const std::string& file,
                                                const TensorCompileOptions& options,
                                                const std::vector<TensorValue>& inputs) {
  Reference reference(options);
  if (auto ok = reference.read(program, file); !ok) return ok.diagnostic();
  const auto wanted = reference.inputs();
  if (wanted.size() != inputs.size())
    return error("the program has " + std::to_string(wanted.size()) + " inputs, " + std::to_string(inputs.size()) +
                 " are given");
  return reference.run(inputs);
}

}  // namespace phx::compiler
