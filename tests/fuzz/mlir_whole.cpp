#include "device_sim/machine/machine.h"
#include "phalanx/compiler/tensor.h"
#include "tests/fuzz/mlir_subject.h"

namespace phx::fuzz {

MlirVerdict compile_mlir(const std::string& text, const std::string& file) {
  static const Expected<machine::Machine> machine = machine::load("ascend-910b1");
  if (!machine) return {false, false, machine.diagnostic()};
  compiler::TensorCompileOptions options;
  options.machine = *machine;
  const auto bytes = std::as_bytes(std::span(text));
  auto compiled = compiler::compileTensorProgram(bytes, file, options);
  if (compiled) return {true, true};
  options.stop_after = compiler::tensorPhases().front();
  const bool parsed = compiler::compileTensorProgram(bytes, file, options).ok();
  return {false, parsed, compiled.diagnostic()};
}

}  // namespace phx::fuzz
