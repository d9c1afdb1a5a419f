// CommandLine: what the user asked of phxcc, in nvcc's option language.
//
// Options fall into three kinds: those phxcc acts on (fields below), those it hands to clang (preprocessor, host, link
// lists), and those of nvcc that mean nothing here and are accepted in silence (`ignored` keeps them for -v).
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::phxcc {

enum class Goal {
  link,          // the default: an executable, or a shared library with -shared
  compile,       // -c, -dc: one object per source
  preprocess,    // -E
  dependencies,  // -M, -MM: make rules only
  bundle,        // -fatbin: the device images alone
  archive,       // -lib: a static library
  version,
  help,
};

enum class Language { automatic, cuda, c, cxx };

struct Input {
  std::string path;
  Language language = Language::automatic;  // of -x; automatic = by the file's ending
};

// One word of the link command: a flag as it is, or what an input becomes (its own path, or its object).
struct LinkItem {
  LinkItem(std::string word) : flag(std::move(word)) {}
  LinkItem(const char* word) : flag(word) {}
  explicit LinkItem(size_t index) : input(index), is_input(true) {}
  std::string flag;
  size_t input = 0;
  bool is_input = false;
};

struct CommandLine {
  Goal goal = Goal::link;
  std::vector<Input> inputs;
  std::string output;                     // -o; empty = derived from the input
  std::vector<std::string> preprocessor;  // -I -D -U -include ..., for both sides
  std::vector<std::string> host;          // -Xcompiler, -W, -f, -m ..., for host compilation
  std::vector<std::string> device;        // device front end only
  std::vector<std::string> dependencies;  // -MD -MF ...: given to host compilation
  std::vector<LinkItem> link;             // -L -l -Wl ... and the inputs, in order
  std::vector<std::string> ignored;       // accepted without effect
  std::string standard;                   // of -std=; empty = c++17 for CUDA, clang's default otherwise
  int host_opt_level = -1;                // of -O; -1 = not given
  bool host_debug = false;                // -g
  unsigned max_registers = 0;             // -maxrregcount; 0 = not given
  std::string count_operations_in;        // -count-llvm-operations; empty = not given
  bool resource_usage = false;            // -res-usage, -Xptxas -v: print registers and sizes per kernel
  bool runtime = true;                    // false with -cudart none
  bool shared = false;                    // -shared
  bool verbose = false, dry_run = false;
  bool keep = false;     // --save-temps, -keep
  std::string keep_dir;  // -keep-dir; empty = the current directory
  unsigned threads = 1;  // --threads, -j; sources translated at a time
};

// Arguments without the program's name. An unknown option, a missing value or contradictory goals is an error that
// names the option. "@file" and --options-file are expanded.
Expected<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

// The text of --help.
std::string usage();

}  // namespace phx::phxcc
