// The tensor pipeline: phases of Phases.def from linalg on tensors to an executable.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "device_sim/isa/isa.h"
#include "lib/Passes.h"
#include "lib/ReadTensorProgram.h"
#include "lib/Transforms/Graph/Graph.h"
#include "lib/Transforms/Memory/MemoryPhases.h"
#include "lib/Transforms/Phases.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "phalanx/compiler/tensor.h"

namespace phx::compiler {

namespace {

#define PHX_PHASE(Pipeline, Enum, name, meaning) PHASE_OF_##Pipeline(Enum, name)
#define PHASE_OF_Cuda(Enum, name)
#define PHASE_OF_Tensor(Enum, name) Enum,
enum class Phase : size_t {
#include "Phases.def"
};
#undef PHASE_OF_Tensor
#define PHX_PHASE(Pipeline, Enum, name, meaning) PHASE_OF_##Pipeline(Enum, name)
#define PHASE_OF_Tensor(Enum, name) name,
constexpr const char* kPhaseNames[] = {
#include "Phases.def"
};
#undef PHASE_OF_Tensor
#undef PHASE_OF_Cuda
constexpr size_t kPhases = std::size(kPhaseNames);

std::optional<Phase> phaseNamed(const std::string& name) {
  for (size_t n = 0; n < kPhases; ++n)
    if (name == kPhaseNames[n]) return static_cast<Phase>(n);
  return std::nullopt;
}

std::string onePhaseOf() {
  std::string list;
  for (const char* name : kPhaseNames) list += (list.empty() ? "" : ", ") + std::string(name);
  return list;
}

class Compilation {
 public:
  explicit Compilation(const TensorCompileOptions& options)
      : options_(options), context_(registry(), mlir::MLIRContext::Threading::DISABLED) {
    context_.loadAllAvailableDialects();
  }

  Expected<TensorCompileResult> run(std::span<const std::byte> program, const std::string& file) {
    if (auto bad = checkOptions(); !bad) return bad.diagnostic();
    // Everything MLIR has to say becomes a warning of the result or, if a phase fails, its error.
    mlir::ScopedDiagnosticHandler handler(&context_, [&](mlir::Diagnostic& said) { return note(said); });
    if (auto ok = read(program, file); !ok) return placed(ok.diagnostic(), file);
    for (auto phase = start_; phase != Phase::Emit; phase = static_cast<Phase>(static_cast<size_t>(phase) + 1)) {
      if (phase != start_) {
        complaint_.reset();
        if (auto ok = runPhase(phase); !ok) return placed(ok.diagnostic(), file);
        if (auto ok = check(phase); !ok) return placed(ok.diagnostic(), file);
      }
      if (auto ok = reached(phase); !ok) return ok.diagnostic();
      if (stop_ == phase) return std::move(result_);
    }
    auto executable = emitProgram(*module_, options_.machine);
    if (!executable) return placed(executable.diagnostic(), file);
    result_.executable = std::move(*executable);
    // What is left in the module is visa stage 2: the program as it was encoded.
    if (auto ok = reached(Phase::Emit); !ok) return ok.diagnostic();
    count();
    return std::move(result_);
  }

 private:
  static mlir::DialectRegistry registry() {
    mlir::DialectRegistry dialects;
    registerDialects(dialects);
    return dialects;
  }

  // MLIR has operations without a location: the file at least is known.
  static Diagnostic placed(Diagnostic diagnostic, const std::string& file) {
    if (diagnostic.file.empty()) diagnostic.file = file;
    return diagnostic;
  }

  Outcome checkOptions() {
    auto named = [&](const std::string& name, auto&& set) -> Outcome {
      auto phase = phaseNamed(name);
      if (!phase) return error("there is no tensor phase '" + name + "'; phases are " + onePhaseOf());
      set(*phase);
      return {};
    };
    if (!options_.start_after.empty())
      if (auto ok = named(options_.start_after, [&](Phase p) { start_ = p; }); !ok) return ok;
    if (!options_.stop_after.empty())
      if (auto ok = named(options_.stop_after, [&](Phase p) { stop_ = p; }); !ok) return ok;
    for (const std::string& name : options_.dump)
      if (auto ok = named(name, [](Phase) {}); !ok) return ok;
    if (start_ == Phase::Emit) return error("nothing comes after phase emit");
    if (stop_ && *stop_ < start_)
      return error("phase '" + options_.stop_after + "' is before phase '" + options_.start_after +
                   "', after which the input is");
    return {};
  }

  mlir::LogicalResult note(mlir::Diagnostic& said) {
    if (said.getSeverity() == mlir::DiagnosticSeverity::Error) {
      if (!complaint_) complaint_ = errorAt(said.getLocation(), said.str());
    } else if (said.getSeverity() == mlir::DiagnosticSeverity::Warning) {
      result_.warnings.push_back(errorAt(said.getLocation(), said.str()).str());
    }
    return mlir::success();
  }

  Outcome read(std::span<const std::byte> program, const std::string& file) {
    auto parsed = readTensorProgram(program, file, context_, options_);
    if (!parsed) return complaint_ ? *complaint_ : parsed.diagnostic();
    module_ = std::move(*parsed);
    return {};
  }

  Outcome runPhase(Phase phase) {
    mlir::ModuleOp module = *module_;
    const machine::Machine& machine = options_.machine;
    switch (phase) {
      case Phase::Graph:
        return formGroups(module, machine);
      case Phase::Schedule:
        return chooseSchedules(module, machine, {.schedule = options_.schedule});
      case Phase::Tile:
        return tileGroups(module, machine);
      case Phase::Place:
        return placeTiles(module);
      case Phase::Buffer:
        return bufferizeKernels(module);
      case Phase::Pipeline:
        return pipelineBuffers(module);
      case Phase::Plan:
        return planMemory(module, machine);
      case Phase::Sync:
        return options_.insert_sync ? insertFlags(module, machine) : Outcome();
      case Phase::Isa:
        return lowerKernels(module, machine);
      case Phase::Input:
      case Phase::Emit:
        break;
    }
    return {};
  }

  Outcome check(Phase phase) {
    if (!options_.verify) return {};
    const std::string name = kPhaseNames[static_cast<size_t>(phase)];
    auto internal = [&](Diagnostic diagnostic) {
      diagnostic.message = "internal error: phase " + name + " left IR that does not verify: " + diagnostic.message;
      return diagnostic;
    };
    complaint_.reset();
    if (mlir::failed(mlir::verify(*module_))) return internal(complaint_.value_or(error("no reason given")));
    if (phase == Phase::Sync && !options_.insert_sync) return {};
    if (auto ok = verifyAfter(name, *module_, options_.machine); !ok) return internal(ok.diagnostic());
    return {};
  }

  // Dumps the IR after a phase and keeps it as text where the run ends, as the options say.
  Outcome reached(Phase phase) {
    const std::string name = kPhaseNames[static_cast<size_t>(phase)];
    const bool stop = stop_ == phase;
    const bool dump =
        !options_.dump_dir.empty() &&
        (options_.dump.empty() || std::find(options_.dump.begin(), options_.dump.end(), name) != options_.dump.end());
    if (!stop && !dump) return {};
    std::string text;
    llvm::raw_string_ostream stream(text);
    mlir::OpPrintingFlags flags;
    if (options_.elide_constants) flags.elideLargeElementsAttrs(16).elideLargeResourceString(16);
    module_->print(stream, flags);
    stream << '\n';
    if (dump) {
      std::error_code ignored;
      std::filesystem::create_directories(options_.dump_dir, ignored);
      const std::string number = std::to_string(static_cast<size_t>(phase));
      const std::string path = options_.dump_dir + "/" + (number.size() < 2 ? "0" : "") + number + "-" + name + ".mlir";
      std::ofstream file(path);
      if (!(file << text)) return error_at(path, 0, "cannot write the dump of phase '" + name + "'");
    }
    if (stop) result_.text = std::move(text);
    return {};
  }

  void count() {
    const image::Executable& executable = result_.executable;
    for (size_t k = 0; k < executable.kernels.size(); ++k) {
      const image::Kernel& kernel = executable.kernels[k];
      TensorKernelStatistics statistics;
      statistics.name = kernel.name, statistics.source = kernel.display_name, statistics.core = kernel.core;
      statistics.scalar_registers = kernel.scalar_registers, statistics.predicates = kernel.predicates;
      const size_t end = k + 1 < executable.kernels.size() ? executable.kernels[k + 1].entry : executable.code.size();
      statistics.code_words = end - kernel.entry;
      for (size_t word = kernel.entry; word < end; ++statistics.instructions) {
        auto decoded = isa::decode(executable.code, word);
        word += decoded && decoded->has_ext ? 2 : 1;
      }
      result_.kernels.push_back(std::move(statistics));
    }
  }

  const TensorCompileOptions& options_;
  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  Phase start_ = Phase::Input;
  std::optional<Phase> stop_;
  std::optional<Diagnostic> complaint_;
  TensorCompileResult result_;
};

}  // namespace

Outcome verifyAfter(const std::string& phase, mlir::ModuleOp module, const machine::Machine& machine) {
  const auto known = phaseNamed(phase);
  if (!known) return error("there is no tensor phase '" + phase + "'; phases are " + onePhaseOf());
  switch (*known) {
    case Phase::Graph:
    case Phase::Schedule:
      return verifyAfterGraph(module);
    case Phase::Place:
      return verifyPlaced(module);
    case Phase::Buffer:
    case Phase::Pipeline:
      return verifyBuffered(module);
    case Phase::Plan:
      return verifyPlanned(module, machine);
    case Phase::Sync:
      return verifySynced(module, machine);
    // The operations' own verifiers say all there is to say.
    case Phase::Input:
    case Phase::Tile:
    case Phase::Isa:
    case Phase::Emit:
      return {};
  }
  return {};
}

Expected<TensorCompileResult> compileTensorProgram(std::span<const std::byte> program, const std::string& file,
                                                   const TensorCompileOptions& options) {
  return Compilation(options).run(program, file);
}

std::span<const char* const> tensorPhases() { return kPhaseNames; }

}  // namespace phx::compiler
