#include "lib/Frontend/Cuda/DeviceModule.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

namespace phx::compiler {

Diagnostic errorAt(const llvm::Instruction& instruction, std::string message) {
  message += " in kernel or function '" + instruction.getFunction()->getName().str() + "'";
  if (const llvm::DILocation* place = instruction.getDebugLoc())
    return error_at(place->getFilename().str(), place->getLine(), std::move(message), place->getColumn());
  return error(std::move(message));
}

namespace {

// Keeps the linker's complaint instead of printing it.
struct LinkComplaint : llvm::DiagnosticHandler {
  std::string& text;
  explicit LinkComplaint(std::string& text) : text(text) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() == llvm::DS_Error && text.empty()) {
      llvm::raw_string_ostream stream(text);
      llvm::DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    return true;
  }
};

bool visibleToHost(const llvm::GlobalValue& value) {
  if (const auto* function = llvm::dyn_cast<llvm::Function>(&value))
    return function->getCallingConv() == llvm::CallingConv::PTX_Kernel;
  const auto* variable = llvm::dyn_cast<llvm::GlobalVariable>(&value);
  return variable && !variable->hasLocalLinkage() && variable->isExternallyInitialized();
}

}  // namespace

Expected<DeviceModule> loadDeviceModule(std::span<const std::vector<std::byte>> bitcode,
                                        std::span<const std::string> names) {
  DeviceModule device;
  device.context = std::make_unique<llvm::LLVMContext>();
  std::string complaint;
  device.context->setDiagnosticHandler(std::make_unique<LinkComplaint>(complaint));
  for (size_t i = 0; i < bitcode.size(); ++i) {
    llvm::StringRef bytes(reinterpret_cast<const char*>(bitcode[i].data()), bitcode[i].size());
    auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bytes, names[i]), *device.context);
    if (!parsed) return error_at(names[i], 0, "not LLVM 22 bitcode: " + llvm::toString(parsed.takeError()));
    if ((*parsed)->getTargetTriple().getArch() != llvm::Triple::nvptx64)
      return error_at(
          names[i], 0,
          "bitcode is for '" + (*parsed)->getTargetTriple().str() + "', expected CUDA device code (nvptx64)");
    std::string broken;
    llvm::raw_string_ostream brokenStream(broken);
    if (llvm::verifyModule(**parsed, &brokenStream)) return error_at(names[i], 0, "bitcode is malformed: " + broken);
    if (!device.module) {
      device.module = std::move(*parsed);
      continue;
    }
    if (llvm::Linker::linkModules(*device.module, std::move(*parsed)))
      return error_at(names[i], 0,
                      "linking device code failed: " + (complaint.empty() ? "unknown conflict" : complaint));
  }
  if (!device.module) return error("no bitcode files given");
  llvm::Module& module = *device.module;
  device.context->setDiagnosticHandler(std::make_unique<llvm::DiagnosticHandler>());

  // What is listed in llvm.used without a host-visible declaration is reached by nobody.
  for (const char* list : {"llvm.used", "llvm.compiler.used"})
    if (auto* used = module.getNamedGlobal(list)) used->eraseFromParent();
  if (auto* constructors = module.getNamedGlobal("llvm.global_ctors"))
    if (constructors->hasInitializer() && !constructors->getInitializer()->isNullValue())
      return error("device variables with dynamic initialisation are not supported; give them constant initialisers");

  for (llvm::GlobalValue& value : module.global_values()) {
    if (value.isDeclaration()) continue;
    if (visibleToHost(value)) {
      // Template instances are discardable for a linker of one file; the host refers to them by name.
      if (value.hasLinkOnceLinkage() || value.hasWeakLinkage()) {
        if (auto* object = llvm::dyn_cast<llvm::GlobalObject>(&value)) object->setComdat(nullptr);
        value.setLinkage(llvm::GlobalValue::ExternalLinkage);
      }
      continue;
    }
    if (auto* object = llvm::dyn_cast<llvm::GlobalObject>(&value)) object->setComdat(nullptr);
    value.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  llvm::stripNonLineTableDebugInfo(module);
  return device;
}

}  // namespace phx::compiler
