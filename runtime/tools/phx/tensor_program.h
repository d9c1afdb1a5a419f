// From what the user names on the command line to a compiled tensor program: shared by `phx compile` and `phx run`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "phalanx/compiler/tensor.h"

namespace phx::tools {

struct TensorProgramOptions {
  std::string file;     // .onnx, .mlir (text or bytecode), or a compiled .phx
  std::string machine;  // empty: what the compiled program names, else the default machine
  std::vector<std::string> overrides;
  std::string schedule, from, to, dump_dir;
  std::vector<std::string> dump;
  std::vector<std::string> shapes, dims;  // "x=1,3,224,224", "batch=1"
  bool no_sync = false;

  void add_to(CLI::App& command);
};

struct TensorProgram {
  std::vector<std::byte> executable;  // the file's bytes
  std::string machine;                // name or file to open
  std::string text;                   // with --to: IR, and no executable
};

// Compiles the file, or reads it if it is compiled already. Warnings go to stderr.
Expected<TensorProgram> make_tensor_program(const TensorProgramOptions& options);

Expected<std::vector<std::byte>> read_bytes(const std::string& path);
Outcome write_bytes(const std::string& path, const void* data, size_t bytes);

}  // namespace phx::tools
