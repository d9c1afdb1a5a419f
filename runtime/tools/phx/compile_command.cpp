// phx compile FILE -o program.phx: a tensor program to an executable for one machine.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "runtime/tools/phx/commands.h"
#include "runtime/tools/phx/tensor_program.h"

namespace phx::tools {
namespace {

struct Options : TensorProgramOptions {
  std::string output;
};

int compile(const Options& options) {
  auto fail = [](const Diagnostic& diagnostic) {
    std::fprintf(stderr, "phx: %s\n", diagnostic.str().c_str());
    return 1;
  };
  auto program = make_tensor_program(options);
  if (!program) return fail(program.diagnostic());
  if (!options.to.empty() && options.output.empty()) {
    std::fputs(program->text.c_str(), stdout);
    return 0;
  }
  const std::string output =
      options.output.empty() ? options.file.substr(0, options.file.rfind('.')) + ".phx" : options.output;
  auto written = options.to.empty() ? write_bytes(output, program->executable.data(), program->executable.size())
                                    : write_bytes(output, program->text.data(), program->text.size());
  return written ? 0 : fail(written.diagnostic());
}

}  // namespace

void add_compile_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("compile", "Compile an ONNX model or linalg text for a machine");
  options->add_to(*command);
  command->add_option("-o", options->output, "Executable, or IR with --to; the input's name with .phx if not given");
  command->add_option("--to", options->to, "Stop after this phase and print its IR");
  command->callback([&status, options] { status = compile(*options); });
}

}  // namespace phx::tools
