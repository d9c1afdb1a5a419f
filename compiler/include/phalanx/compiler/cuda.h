// compileCudaDeviceCode: from LLVM bitcode of CUDA device code to an executable of the virtual device.
//
// This header is the compiler's C++ facade for CUDA and names no LLVM or MLIR type. docs/compiler.md has the phases and
// the ABI (arguments, shared and local memory, globals, services).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/image/image.h"

namespace phx::compiler {

struct CudaCompileOptions {
  int opt_level = 2;  // 0..3; 0 still inlines and promotes to registers, 3 is the same as 2
  unsigned max_lane_registers =
      0;                 // lane registers a kernel may use, 16..128; 0: chosen from launch bounds, with variants
  std::string dump_dir;  // writes the IR after the phases of `dump` here; empty: nothing is written
  std::vector<std::string> dump;    // phase names of compiler/Phases.def; empty with dump_dir set: every phase
  std::string stop_after;           // ends after this phase: `text` holds its IR and the executable is empty
  std::string count_operations_in;  // a __device__ unsigned long long that counts executed LLVM IR operations, lane by
                                    // lane; empty: none
  unsigned inline_limit = 400'000;  // IR instructions in one kernel after inlining, above which the compiler gives up
};

// What the compiler counted in one kernel.
struct KernelStatistics {
  std::string name;                // mangled
  uint64_t llvm_instructions = 0;  // LLVM IR instructions after the optimiser
  uint64_t instructions = 0;       // virtual instructions emitted
  uint64_t code_words = 0;         // 64-bit words emitted
  uint32_t lane_registers = 0, scalar_registers = 0, predicates = 0;
  uint32_t spilled_values = 0;     // values that did not fit and went to local memory or another register file
  uint32_t divergent_regions = 0;  // fork/join pairs
};

struct CudaCompileResult {
  image::Executable executable;       // passed image::verify
  std::vector<std::byte> bitcode;     // linked and optimised LLVM bitcode, kept in the bundle
  std::vector<std::string> warnings;  // "file:line: text"
  std::vector<KernelStatistics> statistics;
  std::string text;  // with stop_after: the IR of that phase
};

// Links the bitcode files (nvptx64, optimiser not yet run) of one program and compiles every kernel in them. An
// unsupported construct, a link conflict or malformed bitcode is one Diagnostic with the source line where there is
// one. Thread-safe.
Expected<CudaCompileResult> compileCudaDeviceCode(std::span<const std::string> bitcode_files,
                                                  const CudaCompileOptions& options);

// The same with the bitcode in memory; `names` name the buffers in diagnostics.
Expected<CudaCompileResult> compileCudaDeviceCode(std::span<const std::vector<std::byte>> bitcode,
                                                  std::span<const std::string> names,
                                                  const CudaCompileOptions& options);

}  // namespace phx::compiler
