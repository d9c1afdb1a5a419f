// phx-opt: reads MLIR, runs passes (ours and MLIR's general ones) or phases of the tensor pipeline, prints MLIR. The
// tool for tests and for looking at one phase. Everything of mlir-opt works, --load-pass-plugin too.
//
//   phx-opt x.mlir --phx-sync                            one phase as a pass
//   phx-opt x.mlir --to=plan --machine=ascend-910b1      the phases of compiler/Phases.def up to plan
//   phx-opt planned.mlir --from=plan --to=isa            those after plan, up to isa
//   phx-opt x.mlir --to=emit --dump=tile,sync --dump-dir=ir
#include "lib/Passes.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"
#include "phalanx/compiler/tensor.h"

namespace {

namespace cl = llvm::cl;
cl::OptionCategory phases("Phases of the tensor pipeline");
cl::opt<std::string> to("to", cl::desc("run the phases up to this one"), cl::cat(phases));
cl::opt<std::string> from("from", cl::desc("the input is the IR after this phase"), cl::cat(phases));
cl::list<std::string> dump("dump", cl::desc("phases whose IR is written to --dump-dir"), cl::CommaSeparated,
                           cl::cat(phases));
cl::opt<std::string> dumpDir("dump-dir", cl::desc("folder of dumps"), cl::init("."), cl::cat(phases));
cl::opt<std::string> machineName("machine", cl::desc("machine of the phases, by name or file"),
                                 cl::init("ascend-910b1"), cl::cat(phases));
cl::opt<std::string> schedule("schedule", cl::desc("replaces what is chosen for matrix products: base_m=128,split_k=2"),
                              cl::cat(phases));
cl::opt<bool> noSync("no-sync", cl::desc("leave the flags between pipes out"), cl::cat(phases));

int fail(const std::string& message) {
  llvm::errs() << "phx-opt: error: " << message << '\n';
  return 1;
}

int runPhases(llvm::StringRef input, llvm::StringRef output) {
  std::string complaint;
  auto file = mlir::openInputFile(input, &complaint);
  if (!file) return fail(complaint);
  auto machine = phx::machine::load(machineName.getValue());
  if (!machine) return fail(machine.diagnostic().str());
  phx::compiler::TensorCompileOptions options;
  options.machine = std::move(*machine);
  options.schedule = schedule;
  options.start_after = from;
  options.insert_sync = !noSync;
  options.dump.assign(dump.begin(), dump.end());
  if (!options.dump.empty()) options.dump_dir = dumpDir;
  const bool text = to != "emit";
  if (text && !to.empty()) options.stop_after = to;
  const std::span bytes(reinterpret_cast<const std::byte*>(file->getBufferStart()), file->getBufferSize());
  auto result = phx::compiler::compileTensorProgram(bytes, file->getBufferIdentifier().str(), options);
  if (!result) return fail(result.diagnostic().str());
  for (const std::string& warning : result->warnings) llvm::errs() << "phx-opt: warning: " << warning << '\n';
  auto out = mlir::openOutputFile(output, &complaint);
  if (!out) return fail(complaint);
  if (!result->text.empty()) {
    out->os() << result->text;
  } else if (output != "-") {
    for (std::byte b : phx::image::write(result->executable)) out->os() << static_cast<char>(b);
  } else {
    for (const auto& kernel : result->kernels)
      out->os() << kernel.name << ": " << (kernel.core == phx::image::CoreKind::aic ? "aic" : "aiv") << ", "
                << kernel.instructions << " instructions, " << kernel.code_words << " words, "
                << kernel.scalar_registers << " scalars, " << kernel.predicates << " predicates (" << kernel.source
                << ")\n";
  }
  out->keep();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  mlir::DialectRegistry registry;
  phx::compiler::registerDialects(registry);
  phx::compiler::registerPasses();
  mlir::registerTransformsPasses();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "Phalanx optimiser driver\n", registry);
  if (to.getNumOccurrences() || from.getNumOccurrences() || dump.getNumOccurrences()) return runPhases(input, output);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
}
