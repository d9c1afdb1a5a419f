// phxcc's option language: what it acts on, what it passes on, what it accepts in silence, what it refuses.
#include "runtime/tools/phxcc/command_line.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace phx::phxcc;
using Words = std::vector<std::string>;

namespace {
CommandLine parsed(const Words& words) {
  auto line = parse_command_line(words);
  REQUIRE_MESSAGE(line.ok(), (line.ok() ? "" : line.diagnostic().message));
  return *line;
}
std::string refused(const Words& words) {
  auto line = parse_command_line(words);
  REQUIRE_FALSE(line.ok());
  return line.diagnostic().message;
}
Words flags(const std::vector<LinkItem>& items) {
  Words words;
  for (const LinkItem& item : items) words.push_back(item.is_input ? "#" + std::to_string(item.input) : item.flag);
  return words;
}
}  // namespace

TEST_CASE("an nvcc command line as build files write it") {
  const CommandLine line =
      parsed({"-O3",        "-std=c++14",     "-arch=sm_70", "-gencode",  "arch=compute_80,code=sm_80",
              "-lineinfo",  "-I../include",   "-I",          "/opt/x",    "-DN=4",
              "-Xcompiler", "-Wall,-fopenmp", "main.cu",     "kernel.cu", "-o",
              "app",        "-L/lib/x",       "-lm",         "-lcudart",  "-lcudadevrt"});
  CHECK(line.goal == Goal::link);
  CHECK(line.host_opt_level == 3);
  CHECK(line.standard == "c++14");
  CHECK(line.preprocessor == Words{"-I../include", "-I/opt/x", "-DN=4"});
  CHECK(line.host == Words{"-Wall", "-fopenmp"});
  CHECK(flags(line.link) == Words{"-fopenmp", "#0", "#1", "-L/lib/x", "-lm"});
  CHECK(line.output == "app");
  CHECK(line.inputs.size() == 2);
  CHECK(line.ignored ==
        Words{"-arch sm_70", "-gencode arch=compute_80,code=sm_80", "-lineinfo", "-lcudart", "-lcudadevrt"});
}

TEST_CASE("long forms take a word or an equals sign, and lists split at commas") {
  const CommandLine line = parsed({"--compile", "--output-file=x.o", "--include-path", "a,b", "--define-macro=A=1,B",
                                   "--std", "c++20", "--threads", "3", "--maxrregcount=64", "x.cu"});
  CHECK(line.goal == Goal::compile);
  CHECK(line.output == "x.o");
  CHECK(line.preprocessor == Words{"-Ia", "-Ib", "-DA=1", "-DB"});
  CHECK(line.standard == "c++20");
  CHECK(line.threads == 3);
  CHECK(line.max_registers == 64);
}

TEST_CASE("-x holds for the files behind it") {
  const CommandLine line = parsed({"a.cpp", "-x", "cu", "b.cpp", "-x=c++", "c.txt", "-x", "none", "d.cu"});
  CHECK(line.inputs[0].language == Language::automatic);
  CHECK(line.inputs[1].language == Language::cuda);
  CHECK(line.inputs[2].language == Language::cxx);
  CHECK(line.inputs[3].language == Language::automatic);
}

TEST_CASE("device options reach the device side only") {
  const CommandLine line =
      parsed({"-use_fast_math", "-fmad=false", "-Xptxas", "-v,-O3", "-Werror", "all-warnings", "x.cu"});
  CHECK(line.device == Words{"-fgpu-approx-transcendentals", "-D__USE_FAST_MATH__=1", "-ffp-contract=off"});
  CHECK(line.resource_usage);
  CHECK(line.host.empty());
}

TEST_CASE("what makes no sense is refused by name") {
  CHECK(refused({"--zzz", "x.cu"}).find("--zzz") != std::string::npos);
  CHECK(refused({"-c"}).find("no input files") != std::string::npos);
  CHECK(refused({"x.cu", "-o"}).find("-o") != std::string::npos);
  CHECK(refused({"-c", "-E", "x.cu"}).find("-E") != std::string::npos);
  CHECK(refused({"-c", "a.cu", "b.cu", "-o", "c.o"}).find("-o") != std::string::npos);
  CHECK(refused({"-ptx", "x.cu"}).find("-ptx") != std::string::npos);
  CHECK(refused({"-dlink", "x.o"}).find("-dlink") != std::string::npos);
  CHECK(refused({"-maxrregcount", "many", "x.cu"}).find("many") != std::string::npos);
  CHECK(refused({"-default-stream", "per-thread", "x.cu"}).find("per-thread") != std::string::npos);
  CHECK(refused({"-x", "fortran", "x.f"}).find("fortran") != std::string::npos);
  CHECK(refused({"@/no/such/file"}).size() > 0);
}

TEST_CASE("options files stand for their words") {
  const std::string path = (std::filesystem::temp_directory_path() / "phxcc_options_test").string();
  std::ofstream(path) << "-c -DX=2\n-I inc\n";
  const CommandLine line = parsed({"@" + path, "--options-file", path, "x.cu"});
  CHECK(line.goal == Goal::compile);
  CHECK(line.preprocessor == Words{"-DX=2", "-Iinc", "-DX=2", "-Iinc"});
  std::filesystem::remove(path);
}
