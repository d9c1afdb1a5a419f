// compileTensorProgram: from a tensor program (linalg on tensors as MLIR text or bytecode, or an ONNX model) to an
// executable for one machine.
//
// This header is the compiler's C++ facade for tensor programs and names no MLIR type. docs/compiler.md has the phases
// and the form of the IR after each, docs/executable.md the program description that the executable carries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"

namespace phx::compiler {

// A tensor with its values; the type as in program descriptions ("f32", "s8", "bool").
struct TensorValue {
  std::string name, type;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;  // row-major, a bool one byte
};

struct TensorCompileOptions {
  machine::Machine machine;  // the executable runs on this machine only
  std::string schedule;      // replaces what is chosen for products and vector kernels: "base_m=128,block=8192"
  bool insert_sync = true;   // false leaves the flags between pipes out, for programs that bring their own
  bool verify = true;        // checks the IR after every phase

  std::string start_after;        // the input is the IR after this phase of compiler/Phases.def; empty: "input"
  std::string stop_after;         // ends after this phase: `text` holds its IR and the executable is empty
  std::string dump_dir;           // writes the IR after the phases of `dump` here; empty: nothing is written
  std::vector<std::string> dump;  // phase names; empty with dump_dir set: every phase
  bool elide_constants = false;   // large constants are left out of dumps and text (which then cannot be read back)

  // ONNX models only.
  std::map<std::string, std::vector<int64_t>> input_shapes;  // of graph inputs with open dimensions, by name
  std::map<std::string, int64_t> dimensions;                 // sizes of named dimensions ("batch" -> 1)
  std::string folder;                                        // where external data is; empty: the file's own
  // Values that graph inputs will have. One that a shape depends on becomes a constant and is no input of the program;
  // of the others only the shapes count.
  std::vector<TensorValue> known_inputs;
};

// What the compiler counted in one kernel.
struct TensorKernelStatistics {
  std::string name, source;  // symbol; the operations it computes ("MatMul_3 (MatMul)")
  image::CoreKind core = image::CoreKind::aiv;
  uint64_t instructions = 0, code_words = 0;
  uint32_t scalar_registers = 0, predicates = 0;
};

struct TensorCompileResult {
  image::Executable executable;       // passed image::verify
  std::vector<std::string> warnings;  // "file:line: text"
  std::vector<TensorKernelStatistics> kernels;
  std::string text;  // with stop_after: the IR of that phase
};

// Compiles `program`, whose bytes say themselves what they are: MLIR bytecode, MLIR text, or an ONNX model. `file` is
// its name in messages and source locations. Whatever is wrong with it is one Diagnostic, with line and column where
// there are any. Nothing throws. Thread-safe.
Expected<TensorCompileResult> compileTensorProgram(std::span<const std::byte> program, const std::string& file,
                                                   const TensorCompileOptions& options);

// Names of the phases of this pipeline in order, as in compiler/Phases.def.
std::span<const char* const> tensorPhases();

}  // namespace phx::compiler
