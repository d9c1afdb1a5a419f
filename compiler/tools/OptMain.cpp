// phx-opt: reads MLIR, runs passes (ours and MLIR's general ones) or phases of the tensor pipeline, prints MLIR. The
// tool for tests and for looking at one phase. Everything of mlir-opt works, --load-pass-plugin too.
//
//   phx-opt x.mlir --phx-sync                            one phase as a pass
//   phx-opt x.mlir --to=plan --machine=ascend-910b1      the phases of compiler/Phases.def up to plan
//   phx-opt planned.mlir --from=plan --to=isa            those after plan, up to isa
//   phx-opt x.mlir --to=emit --dump=tile,sync --dump-dir=ir
//   phx-opt planned.mlir --from=sync --run               the rest of the phases, then the simulator
//   phx-opt x.mlir --run=compare --seed=7                and MLIR's own lowering on the host beside it
#include "tools/OptMain.h"

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
#include "tools/CompareTensors.h"

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
cl::opt<std::string> schedule(
    "schedule", cl::desc("replaces what is chosen for products and vector kernels: base_m=128,split_k=2,block=8192"),
    cl::cat(phases));
cl::opt<std::string> runOn(
    "run",
    cl::desc("execute the program: on the simulator (nothing or sim), on the host by MLIR's own lowering (reference), "
             "or on both (compare)"),
    cl::ValueOptional, cl::cat(phases));
cl::list<std::string> inputs("input", cl::desc("values of an input: name=file.npy; the others are random"),
                             cl::cat(phases));
cl::opt<uint64_t> seed("seed", cl::desc("of random inputs"), cl::init(0), cl::cat(phases));
cl::opt<std::string> saveDir("save", cl::desc("folder for the outputs as .npy files"), cl::cat(phases));
cl::opt<double> tolerance("tolerance",
                          cl::desc("largest difference that --run=compare takes, relative to max(1, |value|)"),
                          cl::init(1e-3), cl::cat(phases));
cl::opt<bool> noSync("no-sync", cl::desc("leave the flags between pipes out"), cl::cat(phases));

int fail(const std::string& message) {
  llvm::errs() << "phx-opt: error: " << message << '\n';
  return 1;
}

using phx::compiler::TensorValue;

struct Program {
  std::unique_ptr<llvm::MemoryBuffer> file;
  phx::compiler::TensorCompileOptions options;
  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(file->getBufferStart()), file->getBufferSize()};
  }
  std::string name() const { return file->getBufferIdentifier().str(); }
};

phx::Expected<Program> readProgram(llvm::StringRef input) {
  Program program;
  std::string complaint;
  program.file = mlir::openInputFile(input, &complaint);
  if (!program.file) return phx::error(complaint);
  auto machine = phx::machine::load(machineName.getValue());
  if (!machine) return machine.diagnostic();
  program.options.machine = std::move(*machine);
  program.options.schedule = schedule;
  program.options.start_after = from;
  program.options.insert_sync = !noSync;
  program.options.dump.assign(dump.begin(), dump.end());
  if (!program.options.dump.empty()) program.options.dump_dir = dumpDir;
  return program;
}

phx::Expected<phx::compiler::TensorCompileResult> compile(const Program& program) {
  auto result = phx::compiler::compileTensorProgram(program.bytes(), program.name(), program.options);
  if (result)
    for (const std::string& warning : result->warnings) llvm::errs() << "phx-opt: warning: " << warning << '\n';
  return result;
}

int printPhases(Program program, llvm::StringRef output) {
  if (to != "emit") program.options.stop_after = to;
  auto result = compile(program);
  if (!result) return fail(result.diagnostic().str());
  std::string complaint;
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

int execute(const Program& program, phx::compiler::Executor& executor) {
  const bool simulate = runOn != "reference", interpret = runOn == "reference" || runOn == "compare";
  if (!runOn.empty() && runOn != "sim" && !interpret)
    return fail("--run is sim, reference or compare, not '" + runOn + "'");
  phx::image::Executable executable;
  if (simulate) {
    auto result = compile(program);
    if (!result) return fail(result.diagnostic().str());
    executable = std::move(result->executable);
  }
  auto values = simulate ? executor.inputsOf(executable)
                         : phx::compiler::referenceInputs(program.bytes(), program.name(), program.options);
  if (!values) return fail(values.diagnostic().str());
  const std::vector<std::string> files(inputs.begin(), inputs.end());
  if (auto ok = executor.fill(*values, files, seed); !ok) return fail(ok.diagnostic().str());

  std::vector<TensorValue> outputs;
  if (simulate) {
    auto execution = executor.run(executable, machineName, *values);
    if (!execution) return fail(execution.diagnostic().str());
    outputs = std::move(execution->outputs);
    llvm::outs() << "cycles: " << execution->cycles << "\n";
  }
  int status = 0;
  if (interpret) {
    auto reference = phx::compiler::runReference(program.bytes(), program.name(), program.options, *values);
    if (!reference) return fail(reference.diagnostic().str());
    if (!simulate)
      outputs = std::move(*reference);
    else
      for (size_t n = 0; n < outputs.size() && n < reference->size(); ++n) {
        const auto difference = phx::compiler::compareTensors(outputs[n], (*reference)[n], tolerance);
        llvm::outs() << outputs[n].name << ": " << difference.text << '\n';
        if (!difference.agree) status = 1;
      }
  }
  if (runOn != "compare")
    for (const TensorValue& output : outputs) llvm::outs() << output.name << ": " << executor.glance(output) << '\n';
  if (!saveDir.empty())
    if (auto ok = executor.save(outputs, saveDir); !ok) return fail(ok.diagnostic().str());
  return status;
}

}  // namespace

namespace phx::compiler {

int optMain(int argc, char** argv, Executor& executor) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  registerPasses();
  mlir::registerTransformsPasses();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "Phalanx optimiser driver\n", registry);
  const bool runs = runOn.getNumOccurrences();
  if (!runs && !to.getNumOccurrences() && !from.getNumOccurrences() && !dump.getNumOccurrences())
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  auto program = readProgram(input);
  if (!program) return fail(program.diagnostic().str());
  return runs ? execute(*program, executor) : printPhases(std::move(*program), output);
}

}  // namespace phx::compiler
