// What fuzz_mlir drives: the tensor compiler as far as the build has it.
#pragma once

#include <string>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::fuzz {

struct MlirVerdict {
  bool accepted = false, parsed = false;
  Diagnostic why = {};  // of a refusal
};
// Reads and compiles the text for ascend-910b1: mlir_whole.cpp through the facade to an executable, mlir_graph.cpp (the
// asan preset, which instruments no more than that) through the graph phase and its verifier.
MlirVerdict compile_mlir(const std::string& text, const std::string& file);

}  // namespace phx::fuzz
