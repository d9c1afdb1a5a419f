// Phase emit: registers, code, constants and the program description as one executable.
#include <map>

#include "lib/Dialect/Npu/Npu.h"
#include "lib/Target/Tile/ProgramDescription.h"
#include "lib/Target/Visa/Emit.h"
#include "lib/Target/Visa/MachineCode.h"
#include "lib/Transforms/Phases.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

namespace phx::compiler {

namespace {

constexpr uint64_t kConstantAlignment = 512;  // a line of L2 and the largest DMA packet begin on it
constexpr uint32_t kParameterBytes = 8;       // a device address

class ProgramEmitter {
 public:
  ProgramEmitter(mlir::ModuleOp module, const machine::Machine& machine) : module_(module), machine_(machine) {}

  Expected<image::Executable> run() {
    auto description = describeProgram(module_, machine_);
    if (!description) return description.diagnostic();
    executable_.machine_digest = machine::digest(machine_);
    for (auto main : module_.getOps<mlir::func::FuncOp>())
      main.walk([&](npu::LaunchOp launch) { launches_.emplace(launch.getKernel().str(), launch); });
    for (auto global : module_.getOps<mlir::memref::GlobalOp>())
      if (auto ok = constant(global); !ok) return ok.diagnostic();
    addObject({image::kProgramObject, image::ObjectKind::string}, description->data(), description->size(), 1);
    for (auto kernel : module_.getOps<visa::KernelOp>())
      if (auto ok = allocate(kernel); !ok) return ok.diagnostic();
    if (mlir::failed(mlir::verify(module_))) return error("internal error: stage 2 does not verify");
    for (auto kernel : module_.getOps<visa::KernelOp>())
      if (auto ok = emit(kernel); !ok) return ok.diagnostic();
    executable_.target = image::CoreKind::aiv;
    for (const image::Kernel& kernel : executable_.kernels)
      if (kernel.core == image::CoreKind::aic) executable_.target = image::CoreKind::aic;
    if (auto ok = image::verify(executable_, "compiled program"); !ok) {
      Diagnostic diagnostic = ok.diagnostic();
      diagnostic.message = "internal error: the compiler emitted an illegal executable: " + diagnostic.message;
      return diagnostic;
    }
    return std::move(executable_);
  }

 private:
  void addObject(image::Object object, const char* bytes, uint64_t size, uint64_t alignment) {
    object.size = size;
    object.alignment = static_cast<uint32_t>(alignment);
    object.offset = (executable_.data.size() + alignment - 1) / alignment * alignment;
    executable_.data.resize(object.offset + size);
    const auto* first = reinterpret_cast<const std::byte*>(bytes);
    std::copy(first, first + size, executable_.data.begin() + static_cast<ptrdiff_t>(object.offset));
    executable_.objects.push_back(std::move(object));
  }

  Outcome constant(mlir::memref::GlobalOp global) {
    auto dense = llvm::dyn_cast_or_null<mlir::DenseElementsAttr>(global.getInitialValueAttr());
    if (!dense || dense.getElementType().isInteger(1))
      return errorAt(global.getLoc(), "constant '" + global.getSymName().str() + "' is not dense numbers");
    const uint64_t size = static_cast<uint64_t>(dense.getNumElements()) * elementBytes(dense.getElementType());
    if (size == 0) return errorAt(global.getLoc(), "constant '" + global.getSymName().str() + "' is empty");
    image::Object object{global.getSymName().str(), image::ObjectKind::constant};
    llvm::ArrayRef<char> raw = dense.getRawData();
    if (!dense.isSplat()) {
      addObject(std::move(object), raw.data(), size, kConstantAlignment);
      return {};
    }
    if (llvm::all_of(raw, [](char byte) { return byte == 0; })) {
      object.zero = true;
      object.size = size;
      object.alignment = kConstantAlignment;
      object.offset = zeros_;
      zeros_ = (zeros_ + size + kConstantAlignment - 1) / kConstantAlignment * kConstantAlignment;
      executable_.objects.push_back(std::move(object));
      return {};
    }
    std::string bytes;
    bytes.reserve(size);
    while (bytes.size() < size) bytes.append(raw.data(), raw.size());
    addObject(std::move(object), bytes.data(), size, kConstantAlignment);
    return {};
  }

  // A tile program has 64 scalars and 16 predicates, and nowhere else to keep a value.
  Outcome allocate(visa::KernelOp kernel) {
    auto flat = flatten(kernel);
    if (!flat) return flat.diagnostic();
    auto ok = allocateRegisters(*flat, {.lane = 0});
    if (!ok || flat->used[0] || flat->localBytes)
      return errorAt(kernel.getLoc(), "kernel '" + kernel.getSymName().str() + "' needs more than the " +
                                          std::to_string(isa::kScalarRegisters) +
                                          " scalar registers of a tile program");
    tidyControlFlow(*flat);
    writeStage2(*flat, kernel);
    return {};
  }

  Outcome emit(visa::KernelOp kernel) {
    image::Kernel record;
    auto core = kernel->getAttrOfType<npu::CoreAttr>(npu::kCoreAttr);
    if (!core)
      return errorAt(kernel.getLoc(), "kernel '" + kernel.getSymName().str() + "' does not say which core it is for");
    record.core = core.getValue() == npu::Core::aic ? image::CoreKind::aic : image::CoreKind::aiv;
    record.name = kernel.getSymName().str();
    if (auto mix = kernel->getAttrOfType<mlir::FlatSymbolRefAttr>(npu::kMixAttr)) {
      record.name = mix.getValue().str();
      record.flags |= image::kMix;
    }
    auto launch = launches_.find(record.name);
    if (launch == launches_.end()) return {};  // nobody starts it
    record.display_name = launch->second.getSource().str();
    if (record.display_name.empty()) record.display_name = record.name;
    record.max_threads = 1;
    const auto arguments = static_cast<uint32_t>(launch->second.getArguments().size());
    for (uint32_t n = 0; n < arguments; ++n) record.params.push_back({n * kParameterBytes, kParameterBytes, true});
    record.param_bytes = arguments * kParameterBytes;
    if (auto frames = sourceFrames(kernel.getLoc()); !frames.empty())
      record.file = frames.front().file, record.line = frames.front().line;
    const size_t lines = executable_.lines.size();
    if (auto ok = emitKernel(kernel, {}, record, executable_); !ok) return ok;
    for (size_t n = lines; n < executable_.lines.size(); ++n)
      for (image::SourceFrame& frame : executable_.lines[n].frames)
        if (frame.function.empty()) frame.function = record.display_name;
    executable_.kernels.push_back(std::move(record));
    return {};
  }

  mlir::ModuleOp module_;
  const machine::Machine& machine_;
  image::Executable executable_;
  std::map<std::string, npu::LaunchOp> launches_;  // by kernel
  uint64_t zeros_ = 0;
};

}  // namespace

Expected<image::Executable> emitProgram(mlir::ModuleOp module, const machine::Machine& machine) {
  return ProgramEmitter(module, machine).run();
}

}  // namespace phx::compiler
