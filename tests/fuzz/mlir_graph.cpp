#include "compiler/lib/Dialect/Npu/Npu.h"
#include "compiler/lib/ReadTensorProgram.h"
#include "compiler/lib/Transforms/Graph/Graph.h"
#include "compiler/lib/Transforms/Phases.h"
#include "device_sim/machine/machine.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "tests/fuzz/mlir_subject.h"

namespace phx::fuzz {

MlirVerdict compile_mlir(const std::string& text, const std::string& file) {
  static const Expected<machine::Machine> machine = machine::load("ascend-910b1");
  if (!machine) return {false, false, machine.diagnostic()};
  mlir::DialectRegistry registry;
  registry.insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                  mlir::math::MathDialect, mlir::memref::MemRefDialect, mlir::scf::SCFDialect,
                  mlir::tensor::TensorDialect, compiler::npu::NpuDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::optional<Diagnostic> said;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic& diagnostic) {
    if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error && !said)
      said = compiler::errorAt(diagnostic.getLocation(), diagnostic.str());
    return mlir::success();
  });
  auto refuse = [&](bool parsed, Diagnostic why) {
    if (why.file.empty()) why.file = file;  // as the facade does
    return MlirVerdict{false, parsed, std::move(why)};
  };
  compiler::TensorCompileOptions options;
  options.machine = *machine;
  auto module = compiler::readTensorProgram(std::as_bytes(std::span(text)), file, context, options);
  if (!module) return refuse(false, said ? *said : module.diagnostic());
  said.reset();
  if (auto ok = compiler::formGroups(**module, *machine); !ok) return refuse(true, ok.diagnostic());
  if (auto ok = compiler::verifyAfterGraph(**module); !ok) return refuse(true, ok.diagnostic());
  return {true, true};
}

}  // namespace phx::fuzz
