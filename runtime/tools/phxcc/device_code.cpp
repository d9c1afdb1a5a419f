#include "runtime/tools/phxcc/device_code.h"

#include <phalanx/compiler/cuda.h>

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <span>
#include <vector>

#include "device_sim/image/bundle.h"
#include "device_sim/image/image.h"

namespace phx::phxcc {
namespace {

Outcome write_file(const std::string& path, const std::vector<std::byte>& bytes) {
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush()) return error_at(path, 0, "this file cannot be written");
  return {};
}

void print_usage(const compiler::CudaCompileResult& result) {
  for (const image::Kernel& kernel : result.executable.kernels) {
    uint32_t spilled = 0;
    for (const compiler::KernelStatistics& statistics : result.statistics) {
      if (statistics.name == kernel.name && statistics.lane_registers == kernel.lane_registers) {
        spilled = statistics.spilled_values;
      }
    }
    std::fprintf(stderr,
                 "phxcc: %s: %u lane registers, %u scalar registers, %u predicates, %u spilled values, %u bytes local, "
                 "%u bytes shared, %u bytes arguments, at most %u threads\n",
                 kernel.display_name.c_str(), kernel.lane_registers, kernel.scalar_registers, kernel.predicates,
                 spilled, kernel.local_bytes, kernel.ub_static_bytes, kernel.param_bytes, kernel.max_threads);
  }
}

}  // namespace

Outcome build_device_code(const DeviceFiles& files, const CommandLine& line) {
  compiler::CudaCompileOptions options;
  options.max_lane_registers = line.max_registers;
  options.count_operations_in = line.count_operations_in;
  const std::string sources[] = {files.bitcode};
  auto result = compiler::compileCudaDeviceCode(std::span<const std::string>(sources), options);
  if (!result) return result.diagnostic();
  for (const std::string& warning : result->warnings) std::fprintf(stderr, "phxcc: warning: %s\n", warning.c_str());
  if (line.resource_usage) print_usage(*result);

  std::vector<image::BundleEntry> entries(2);
  entries[0].kind = image::BundleKind::simt;
  entries[0].bytes = image::write(result->executable);
  entries[1].kind = image::BundleKind::bitcode;
  entries[1].bytes = std::move(result->bitcode);
  if (!files.executable.empty()) {
    if (Outcome outcome = write_file(files.executable, entries[0].bytes); !outcome) return outcome;
  }
  return write_file(files.bundle, image::write_bundle(entries));
}

}  // namespace phx::phxcc
