// The CUDA pipeline: phases of Phases.def from bitcode to an executable.
#include <filesystem>
#include <fstream>

#include "device_sim/isa/isa.h"
#include "lib/Frontend/Cuda/ImportModule.h"
#include "lib/Target/Visa/Emit.h"
#include "lib/Target/Visa/KernelLowering.h"
#include "lib/Target/Visa/MachineCode.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "phalanx/compiler/cuda.h"

namespace phx::compiler {

namespace {

#define PHX_PHASE(Pipeline, Enum, name, meaning) PHASE_OF_##Pipeline(Enum, name)
#define PHASE_OF_Tensor(Enum, name)
#define PHASE_OF_Cuda(Enum, name) Enum,
enum class Phase {
#include "Phases.def"
};
#undef PHASE_OF_Cuda
#define PHX_PHASE(Pipeline, Enum, name, meaning) PHASE_OF_##Pipeline(Enum, name)
#define PHASE_OF_Cuda(Enum, name) name,
constexpr const char* kPhaseNames[] = {
#include "Phases.def"
};
#undef PHASE_OF_Cuda
#undef PHASE_OF_Tensor

// 32-bit lane registers of a vector core: 128 KiB (ascend-950pr.toml, simt.register_file). Together with the most that
// an instruction may name on it, it decides which blocks a variant can run.
constexpr unsigned kCoreRegisters = 32 * 1024;
constexpr unsigned kMostRegisters = 126;
constexpr unsigned kUsualThreads = 1024, kMostThreads = 2048;  // of a block: without launch bounds, and with
constexpr unsigned kLeastRegisters = 16;

class Compilation {
 public:
  explicit Compilation(const CudaCompileOptions& options) : options_(options) {}

  Expected<CudaCompileResult> run(std::span<const std::vector<std::byte>> bitcode, std::span<const std::string> names) {
    if (auto bad = checkOptions(); !bad) return bad.diagnostic();
    auto machine = createDeviceTargetMachine();
    if (!machine)
      return error("the installed LLVM lacks the NVPTX target, which the CUDA front end takes its cost model from");
    auto loaded = loadDeviceModule(bitcode, names);
    if (!loaded) return loaded.diagnostic();
    DeviceModule& device = *loaded;
    if (auto done = reached(Phase::Link, device); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);

    if (auto ok = optimizeDeviceModule(device, *machine, options_); !ok) return ok.diagnostic();
    if (!options_.count_operations_in.empty())
      if (auto ok = countOperations(device, options_.count_operations_in); !ok) return ok.diagnostic();
    if (auto ok = describeDeviceModule(device); !ok) return ok.diagnostic();
    if (auto done = reached(Phase::Llvm, device); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);
    llvm::SmallVector<char, 0> bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::WriteBitcodeToFile(*device.module, stream);
    auto* first = reinterpret_cast<const std::byte*>(bytes.data());
    result_.bitcode.assign(first, first + bytes.size());
    result_.warnings = device.warnings;

    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    loadDialects(context);
    auto imported = importDeviceModule(device, context);
    if (!imported) return imported.diagnostic();
    mlir::ModuleOp module = **imported;
    if (auto done = reached(Phase::Import, module); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);
    if (auto ok = structureControlFlow(module); !ok) return ok.diagnostic();
    if (auto done = reached(Phase::Structure, module); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);
    if (auto ok = lowerToVisa(module); !ok) return ok.diagnostic();
    if (auto ok = cleanVisa(module); !ok) return ok.diagnostic();
    if (auto done = reached(Phase::Visa, module); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);
    if (auto ok = allocate(module, device); !ok) return ok.diagnostic();
    if (auto done = reached(Phase::Registers, module); !done) return done.diagnostic();
    if (stopped_) return std::move(result_);
    if (auto ok = emit(module, device); !ok) return ok.diagnostic();
    return std::move(result_);
  }

 private:
  Outcome checkOptions() {
    auto known = [](const std::string& name) { return llvm::is_contained(kPhaseNames, name); };
    for (const std::string& name : options_.dump)
      if (!known(name)) return error("unknown phase '" + name + "'; compiler/Phases.def lists them");
    if (!options_.stop_after.empty() && !known(options_.stop_after))
      return error("unknown phase '" + options_.stop_after + "'; compiler/Phases.def lists them");
    if (options_.max_lane_registers &&
        (options_.max_lane_registers < kLeastRegisters || options_.max_lane_registers > isa::kLaneRegisters))
      return error("max_lane_registers is " + std::to_string(options_.max_lane_registers) + ", must be from 16 to 128");
    return {};
  }

  // Dumps the IR after a phase and ends the run there, as the options say.
  template <class Printable>
  Outcome reached(Phase phase, Printable& ir) {
    std::string name = kPhaseNames[static_cast<int>(phase)];
    bool stop = options_.stop_after == name;
    bool dump = !options_.dump_dir.empty() && (options_.dump.empty() || llvm::is_contained(options_.dump, name));
    if (!stop && !dump) return {};
    std::string text;
    llvm::raw_string_ostream stream(text);
    if constexpr (std::is_same_v<Printable, DeviceModule>)
      ir.module->print(stream, nullptr);
    else
      ir.print(stream, mlir::OpPrintingFlags().enableDebugInfo(false));
    if (dump) {
      std::error_code ignored;
      std::filesystem::create_directories(options_.dump_dir, ignored);
      std::string path = options_.dump_dir + "/" + std::to_string(static_cast<int>(phase)) + "-" + name +
                         (phase <= Phase::Llvm ? ".ll" : ".mlir");
      std::ofstream file(path);
      if (!(file << text)) return error_at(path, 0, "cannot write the dump of phase '" + name + "'");
    }
    if (stop) result_.text = std::move(text), stopped_ = true;
    return {};
  }

  // Dead code and repeated computations that the lowering left.
  Outcome cleanVisa(mlir::ModuleOp module) {
    mlir::PassManager passes(module.getContext());
    passes.nest<visa::KernelOp>().addPass(mlir::createCSEPass());
    if (mlir::failed(passes.run(module))) return error("internal error: visa does not verify after clean-up");
    return {};
  }

  Outcome allocate(mlir::ModuleOp module, const DeviceModule& device) {
    for (const DeviceKernel& info : device.kernels) {
      auto kernel = module.lookupSymbol<visa::KernelOp>(info.name);
      auto flat = flatten(kernel);
      if (!flat) return flat.diagnostic();
      KernelStatistics statistics;
      statistics.name = info.name;
      statistics.llvm_instructions = info.llvm_instructions;
      statistics.divergent_regions = flat->regions;
      unsigned threads = info.max_threads ? std::min(info.max_threads, kMostThreads) : kUsualThreads;
      unsigned fair = std::clamp(kCoreRegisters / ((threads + 31) / 32 * 32), kLeastRegisters, kMostRegisters);
      unsigned limit = options_.max_lane_registers ? options_.max_lane_registers : fair;
      MachineCode small = *flat;
      if (auto ok = allocateRegisters(small, {limit}); !ok) return named(ok.diagnostic(), info);
      tidyControlFlow(small);
      // A block size that leaves room for more registers gets a variant of its own if this one had to use local memory.
      if (small.toLocal && !options_.max_lane_registers && limit < kMostRegisters) {
        MachineCode large = *flat;
        if (auto ok = allocateRegisters(large, {kMostRegisters}); !ok) return named(ok.diagnostic(), info);
        tidyControlFlow(large);
        unsigned fits = std::min(kCoreRegisters / std::max(large.used[0], 1u) / 32 * 32, kMostThreads);
        if (fits < threads) {
          mlir::OpBuilder b(kernel);
          auto variant =
              visa::KernelOp::create(b, kernel.getLoc(), info.name + ".wide", nullptr, nullptr, nullptr, nullptr);
          writeStage2(large, variant);
          wide_[info.name] = fits;
        }
      }
      statistics.spilled_values = small.toLocal;
      statistics.lane_registers = small.used[0], statistics.scalar_registers = small.used[1],
      statistics.predicates = small.used[2];
      writeStage2(small, kernel);
      result_.statistics.push_back(std::move(statistics));
    }
    std::string complaint;
    mlir::ScopedDiagnosticHandler handler(module.getContext(), [&](mlir::Diagnostic& diagnostic) {
      if (complaint.empty()) complaint = diagnostic.str();
      return mlir::success();
    });
    if (mlir::failed(mlir::verify(module))) return error("internal error: stage 2 does not verify: " + complaint);
    return {};
  }
  Outcome named(Diagnostic diagnostic, const DeviceKernel& kernel) {
    diagnostic.message = "kernel '" + kernel.name + "': " + diagnostic.message;
    return diagnostic;
  }

  Outcome emit(mlir::ModuleOp module, DeviceModule& device) {
    image::Executable& executable = result_.executable;
    executable.data = std::move(device.data);
    executable.objects = std::move(device.objects);
    executable.data_relocations = std::move(device.data_relocations);
    for (size_t k = 0; k < device.kernels.size(); ++k) {
      const DeviceKernel& info = device.kernels[k];
      image::Kernel record;
      record.name = info.name;
      record.display_name = info.display_name;
      record.ub_static_bytes = info.shared_bytes;
      record.param_bytes = info.param_bytes;
      record.params = info.params;
      record.file = info.file;
      record.line = info.line;
      if (auto it = wide_.find(info.name); it != wide_.end()) {
        image::Kernel variant = record;
        variant.max_threads = it->second;
        if (auto ok = emitKernel(module.lookupSymbol<visa::KernelOp>(info.name + ".wide"), device.object_index, variant,
                                 executable);
            !ok)
          return ok;
        executable.kernels.push_back(std::move(variant));
      }
      record.max_threads = info.max_threads ? std::min(info.max_threads, kMostThreads) : kUsualThreads;
      size_t before = executable.code.size();
      auto kernel = module.lookupSymbol<visa::KernelOp>(info.name);
      if (auto ok = emitKernel(kernel, device.object_index, record, executable); !ok) return ok;
      KernelStatistics& statistics = result_.statistics[k];
      statistics.code_words = executable.code.size() - before;
      kernel.walk([&](mlir::Operation* op) { statistics.instructions += llvm::isa<visa::CodeOp, visa::FlowOp>(op); });
      executable.kernels.push_back(std::move(record));
    }
    if (auto ok = image::verify(executable, "compiled device code"); !ok) {
      Diagnostic diagnostic = ok.diagnostic();
      diagnostic.message = "internal error: the compiler emitted an illegal executable: " + diagnostic.message;
      return diagnostic;
    }
    return {};
  }

  const CudaCompileOptions& options_;
  CudaCompileResult result_;
  std::map<std::string, unsigned> wide_;
  bool stopped_ = false;
};

}  // namespace

Expected<CudaCompileResult> compileCudaDeviceCode(std::span<const std::vector<std::byte>> bitcode,
                                                  std::span<const std::string> names,
                                                  const CudaCompileOptions& options) {
  return Compilation(options).run(bitcode, names);
}

Expected<CudaCompileResult> compileCudaDeviceCode(std::span<const std::string> files,
                                                  const CudaCompileOptions& options) {
  std::vector<std::vector<std::byte>> contents;
  for (const std::string& path : files) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return error_at(path, 0, "cannot open the bitcode file");
    std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    auto* first = reinterpret_cast<const std::byte*>(text.data());
    contents.emplace_back(first, first + text.size());
  }
  return compileCudaDeviceCode(contents, files, options);
}

}  // namespace phx::compiler
