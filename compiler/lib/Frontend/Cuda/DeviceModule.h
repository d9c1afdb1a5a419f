// A CUDA program's device code as one optimised LLVM module, with what its kernels and variables need from the image.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device_sim/image/image.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "phalanx/compiler/cuda.h"

namespace llvm {
class TargetMachine;
}

namespace phx::compiler {

// One __global__ function.
struct DeviceKernel {
  std::string name, display_name;
  std::string file;  // of the definition
  uint32_t line = 0;
  std::vector<image::Param> params;  // offsets as CUDA lays arguments out: each at its natural alignment
  std::vector<bool> by_value;        // the parameter is an aggregate in the argument block, passed as a pointer into it
  uint32_t param_bytes = 0;
  uint32_t max_threads = 0;          // __launch_bounds__; 0 = not given
  llvm::StringMap<uint32_t> shared;  // static __shared__ variables the kernel reaches -> offset in the unified buffer
  uint32_t shared_bytes = 0;
  uint64_t llvm_instructions = 0;
};

struct DeviceModule {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::vector<DeviceKernel> kernels;
  llvm::StringMap<uint32_t> object_index;  // variable -> index in `objects`
  std::vector<image::Object> objects;
  std::vector<std::byte> data;
  std::vector<image::Relocation> data_relocations;
  std::vector<std::string> warnings;
};

// Parses and links the modules, and keeps only kernels, visible variables and what they reach.
Expected<DeviceModule> loadDeviceModule(std::span<const std::vector<std::byte>> bitcode,
                                        std::span<const std::string> names);

// The CUDA target that the optimiser asks for costs, divergence and address spaces. Shared by all compilations.
std::unique_ptr<llvm::TargetMachine> createDeviceTargetMachine();

// Turns libdevice calls (__nv_*) that are plain arithmetic into LLVM IR; transcendental ones stay calls, so that
// nothing of the host's libm is ever folded into device code.
void expandLibdevice(llvm::Module& module);

// Runs the optimiser: everything inlined, full unrolling only, address spaces inferred, vector accesses rebuilt, one
// return per kernel, no memory intrinsics, no vector arithmetic.
Outcome optimizeDeviceModule(DeviceModule& device, llvm::TargetMachine& machine, const CudaCompileOptions& options);

// Makes the optimised kernels count their LLVM IR operations in a 64-bit variable of the program.
Outcome countOperations(DeviceModule& device, const std::string& variable);

// Fills kernels, objects and data from the optimised module.
Outcome describeDeviceModule(DeviceModule& device);

// "file:line: message" of an instruction, through its inlined frames to the innermost place.
Diagnostic errorAt(const llvm::Instruction& instruction, std::string message);

}  // namespace phx::compiler
