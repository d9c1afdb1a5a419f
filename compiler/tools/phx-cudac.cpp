// phx-cudac: LLVM bitcode of CUDA device code in, executable of the virtual device out. What phxcc does behind the
// scenes; on its own it serves compiler work: --emit=<phase> prints the IR after any phase of compiler/Phases.def.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "device_sim/isa/isa.h"
#include "phalanx/compiler/cuda.h"

int main(int argc, char** argv) {
  CLI::App app("Compiles CUDA device bitcode to an executable of the virtual device");
  std::vector<std::string> inputs;
  std::string output, emit = "image";
  bool statistics = false, listing = false;
  phx::compiler::CudaCompileOptions options;
  app.add_option("inputs", inputs, "bitcode files of one program")->required();
  app.add_option("-o,--output", output, "file to write (default: standard output, nothing for an executable)");
  app.add_option("--emit,--to", emit, "phase to stop after (compiler/Phases.def)");
  app.add_option("--dump-dir", options.dump_dir, "folder for the IR after each phase");
  app.add_option("--dump", options.dump, "phases to dump (default: all)")->delimiter(',');
  app.add_option("-O", options.opt_level, "optimisation level");
  app.add_option("--max-lane-registers", options.max_lane_registers, "lane registers a kernel may use");
  app.add_flag("--stats", statistics, "print what was counted in each kernel");
  app.add_flag("-S", listing, "print the code as assembly");
  CLI11_PARSE(app, argc, argv);
  if (emit != "image") options.stop_after = emit;
  auto result = phx::compiler::compileCudaDeviceCode(inputs, options);
  if (!result) {
    std::fprintf(stderr, "phx-cudac: error: %s\n", result.diagnostic().str().c_str());
    return 1;
  }
  for (const std::string& warning : result->warnings) std::fprintf(stderr, "phx-cudac: warning: %s\n", warning.c_str());
  const phx::image::Executable& executable = result->executable;
  if (emit != "image") {
    if (output.empty())
      std::fputs(result->text.c_str(), stdout);
    else
      std::ofstream(output) << result->text;
    return 0;
  }
  if (listing) {
    for (uint32_t word = 0; word < executable.code.size();) {
      for (const auto& kernel : executable.kernels)
        if (kernel.entry == word)
          std::printf("%s:  // r%u s%u p%u, local %u, ub %u, threads %u\n", kernel.name.c_str(), kernel.lane_registers,
                      kernel.scalar_registers, kernel.predicates, kernel.local_bytes, kernel.ub_static_bytes,
                      kernel.max_threads);
      auto instruction = phx::isa::decode(executable.code, word);
      if (!instruction) break;
      auto frames = executable.source(word);
      std::string place =
          frames.empty() ? ""
                         : frames[0].file.substr(frames[0].file.rfind('/') + 1) + ":" + std::to_string(frames[0].line);
      std::printf("L%-5u  %-50s // %s\n", word, phx::isa::disassemble(*instruction).c_str(), place.c_str());
      word += instruction->words();
    }
  }
  if (statistics)
    for (const auto& k : result->statistics)
      std::printf("%s: llvm %llu, instructions %llu, words %llu, r %u, s %u, p %u, spilled %u, divergent regions %u\n",
                  k.name.c_str(), (unsigned long long)k.llvm_instructions, (unsigned long long)k.instructions,
                  (unsigned long long)k.code_words, k.lane_registers, k.scalar_registers, k.predicates,
                  k.spilled_values, k.divergent_regions);
  if (!output.empty()) {
    auto bytes = phx::image::write(executable);
    std::ofstream file(output, std::ios::binary);
    if (!file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
      std::fprintf(stderr, "phx-cudac: error: %s: cannot write the executable\n", output.c_str());
      return 1;
    }
  }
  return 0;
}
