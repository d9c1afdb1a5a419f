#include "runtime/tools/phxcc/command_line.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

namespace phx::phxcc {
namespace {

// The spellings of one option that takes a value. nvcc accepts "-opt value", "-opt=value" and, for the short
// preprocessor and linker options, "-Ovalue".
struct ValueOption {
  std::vector<std::string> names;
  bool joined;                                                           // "-Ipath" is allowed
  std::function<Outcome(CommandLine&, const std::string& value)> apply;  // null: accepted without effect
};

std::vector<std::string> split(const std::string& list, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(list);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

void append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

Outcome unsigned_value(const std::string& option, const std::string& text, unsigned& out) {
  size_t used = 0;
  unsigned long value = 0;
  const bool digits =
      !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (digits && text.size() < 10) value = std::stoul(text, &used);
  if (!digits || used != text.size()) return error("option '" + option + "' needs a number, not '" + text + "'");
  out = static_cast<unsigned>(value);
  return {};
}

Outcome set_goal(CommandLine& line, Goal goal, const std::string& option) {
  if (line.goal != Goal::link && line.goal != goal) return error("option '" + option + "' contradicts an earlier one");
  line.goal = goal;
  return {};
}

// Libraries of the vendor's SDK that phxcc's own runtime stands in for.
bool is_runtime_library(const std::string& name) {
  return name == "cudart" || name == "cudart_static" || name == "cudadevrt";
}

Outcome set_language(const std::string& name, Language& current) {
  static const std::map<std::string, Language> languages = {{"cu", Language::cuda},
                                                            {"cuda", Language::cuda},
                                                            {"c", Language::c},
                                                            {"c++", Language::cxx},
                                                            {"none", Language::automatic}};
  const auto found = languages.find(name);
  if (found == languages.end()) return error("unknown language '" + name + "'; -x takes cu, c, c++ or none");
  current = found->second;
  return {};
}

const std::vector<ValueOption>& value_options() {
  const auto preprocessor = [](const char* flag, bool separate) {
    return [flag, separate](CommandLine& line, const std::string& value) -> Outcome {
      if (separate) {
        append(line.preprocessor, {flag, value});
      } else {
        line.preprocessor.push_back(flag + value);
      }
      return {};
    };
  };
  // Long include and define options take comma-separated lists.
  const auto preprocessor_list = [](const char* flag) {
    return [flag](CommandLine& line, const std::string& value) -> Outcome {
      for (const std::string& part : split(value, ',')) line.preprocessor.push_back(flag + part);
      return {};
    };
  };
  const auto dependency = [](const char* flag) {
    return [flag](CommandLine& line, const std::string& value) -> Outcome {
      append(line.dependencies, {flag, value});
      return {};
    };
  };
  static const std::vector<ValueOption> options = {
      {{"-o", "--output-file"},
       true,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.output = v;
         return {};
       }},
      {{"-I"}, true, preprocessor("-I", false)},
      {{"--include-path"}, false, preprocessor_list("-I")},
      {{"-D"}, true, preprocessor("-D", false)},
      {{"--define-macro"}, false, preprocessor_list("-D")},
      {{"-U"}, true, preprocessor("-U", false)},
      {{"--undefine-macro"}, false, preprocessor_list("-U")},
      {{"-isystem", "--system-include"}, false, preprocessor("-isystem", true)},
      {{"-iquote"}, false, preprocessor("-iquote", true)},
      {{"-idirafter"}, false, preprocessor("-idirafter", true)},
      {{"-include", "--pre-include"}, false, preprocessor("-include", true)},
      {{"-MF", "--dependency-output"}, false, dependency("-MF")},
      {{"-MT", "--dependency-target-name"}, false, dependency("-MT")},
      {{"-MQ"}, false, dependency("-MQ")},
      {{"-L"},
       true,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.link.push_back("-L" + v);
         return {};
       }},
      {{"--library-path"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         for (const std::string& part : split(v, ',')) line.link.push_back("-L" + part);
         return {};
       }},
      {{"-l", "--library"},
       true,
       [](CommandLine& line, const std::string& v) -> Outcome {
         for (const std::string& part : split(v, ',')) {
           if (is_runtime_library(part)) {
             line.ignored.push_back("-l" + part);
           } else {
             line.link.push_back("-l" + part);
           }
         }
         return {};
       }},
      {{"-Xcompiler", "--compiler-options"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         const auto parts = split(v, ',');
         append(line.host, parts);
         // nvcc gives these to the linking compiler as well; that is how -fopenmp and -pthread reach it.
         for (const std::string& part : parts) {
           if (part.rfind("-f", 0) == 0 || part.rfind("-m", 0) == 0 || part.rfind("-Wl", 0) == 0 ||
               part == "-pthread") {
             line.link.push_back(part);
           }
         }
         return {};
       }},
      {{"-Xlinker", "--linker-options"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         for (const std::string& part : split(v, ',')) {
           line.link.push_back("-Xlinker");
           line.link.push_back(part);
         }
         return {};
       }},
      {{"-Xptxas", "--ptxas-options"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         for (const std::string& part : split(v, ',')) {
           if (part == "-v" || part == "--verbose") {
             line.resource_usage = true;
           } else {
             line.ignored.push_back("-Xptxas " + part);
           }
         }
         return {};
       }},
      {{"-Xclang-device"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.device.push_back(v);
         return {};
       }},
      {{"-std", "--std"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.standard = v;
         return {};
       }},
      {{"-count-llvm-operations", "--count-llvm-operations"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.count_operations_in = v;
         return {};
       }},
      {{"-maxrregcount", "--maxrregcount"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         return unsigned_value("-maxrregcount", v, line.max_registers);
       }},
      {{"-keep-dir", "--keep-dir"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         line.keep_dir = v;
         return {};
       }},
      {{"-t", "--threads", "-j"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         Outcome outcome = unsigned_value("--threads", v, line.threads);
         if (line.threads == 0) line.threads = std::max(1u, std::thread::hardware_concurrency());
         return outcome;
       }},
      {{"-cudart", "--cudart"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         if (v != "static" && v != "shared" && v != "none") {
           return error("option '-cudart' takes static, shared or none, not '" + v + "'");
         }
         line.runtime = v != "none";
         return {};
       }},
      {{"-fmad", "--fmad"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         if (v != "true" && v != "false") return error("option '-fmad' takes true or false, not '" + v + "'");
         line.device.push_back(v == "true" ? "-ffp-contract=fast" : "-ffp-contract=off");
         return {};
       }},
      {{"-rdc", "--relocatable-device-code"},
       false,
       [](CommandLine& line, const std::string& v) -> Outcome {
         if (v != "true" && v != "false") return error("option '-rdc' takes true or false, not '" + v + "'");
         // Every source is a whole device program here; a call into another source is reported when it is compiled.
         line.ignored.push_back("-rdc=" + v);
         return {};
       }},
      {{"-default-stream", "--default-stream"},
       false,
       [](CommandLine&, const std::string& v) -> Outcome {
         if (v != "legacy") return error("only '-default-stream legacy' is supported, not '" + v + "'");
         return {};
       }},
      // No effect: there is one device architecture, arithmetic is always precise, and the host compiler is clang.
      {{"-arch", "--gpu-architecture"}, false, nullptr},
      {{"-code", "--gpu-code"}, false, nullptr},
      {{"-gencode", "--generate-code"}, false, nullptr},
      {{"-ccbin", "--compiler-bindir"}, false, nullptr},
      {{"-allow-unsupported-compiler"}, false, nullptr},
      {{"-ftz", "--ftz"}, false, nullptr},
      {{"-prec-div", "--prec-div"}, false, nullptr},
      {{"-prec-sqrt", "--prec-sqrt"}, false, nullptr},
      {{"-Xnvlink", "--nvlink-options"}, false, nullptr},
      {{"-Xarchive", "--archive-options"}, false, nullptr},
      {{"-Xcudafe", "-Xfatbin", "--fatbin-options"}, false, nullptr},
      {{"-diag-suppress", "--diag-suppress", "-diag-warn", "--diag-warn", "-diag-error", "--diag-error"},
       false,
       nullptr},
      {{"-split-compile", "--split-compile", "-Ofc", "--Ofast-compile"}, false, nullptr},
      {{"-m", "--machine"}, false, nullptr},
  };
  return options;
}

// Options without a value that phxcc acts on.
const std::map<std::string, std::function<Outcome(CommandLine&)>>& flags() {
  const auto goal = [](Goal g, const char* name) {
    return [g, name](CommandLine& line) { return set_goal(line, g, name); };
  };
  const auto set = [](bool CommandLine::* field) {
    return [field](CommandLine& line) -> Outcome {
      line.*field = true;
      return {};
    };
  };
  static const std::map<std::string, std::function<Outcome(CommandLine&)>> table = {
      {"-c", goal(Goal::compile, "-c")},
      {"--compile", goal(Goal::compile, "--compile")},
      {"-dc", goal(Goal::compile, "-dc")},
      {"--device-c", goal(Goal::compile, "--device-c")},
      {"-E", goal(Goal::preprocess, "-E")},
      {"--preprocess", goal(Goal::preprocess, "--preprocess")},
      {"-fatbin", goal(Goal::bundle, "-fatbin")},
      {"--fatbin", goal(Goal::bundle, "--fatbin")},
      {"-lib", goal(Goal::archive, "-lib")},
      {"--lib", goal(Goal::archive, "--lib")},
      {"--version", goal(Goal::version, "--version")},
      {"-V", goal(Goal::version, "-V")},
      {"--help", goal(Goal::help, "--help")},
      {"-h", goal(Goal::help, "-h")},
      {"-g", set(&CommandLine::host_debug)},
      {"--debug", set(&CommandLine::host_debug)},
      {"-v", set(&CommandLine::verbose)},
      {"--verbose", set(&CommandLine::verbose)},
      {"-dryrun", set(&CommandLine::dry_run)},
      {"--dryrun", set(&CommandLine::dry_run)},
      {"-keep", set(&CommandLine::keep)},
      {"--keep", set(&CommandLine::keep)},
      {"-save-temps", set(&CommandLine::keep)},
      {"--save-temps", set(&CommandLine::keep)},
      {"-res-usage", set(&CommandLine::resource_usage)},
      {"--resource-usage", set(&CommandLine::resource_usage)},
      {"-shared", set(&CommandLine::shared)},
      {"--shared", set(&CommandLine::shared)},
      {"-use_fast_math",
       [](CommandLine& line) -> Outcome {
         append(line.device, {"-fgpu-approx-transcendentals", "-D__USE_FAST_MATH__=1"});
         return {};
       }},
  };
  return table;
}

// Options of nvcc without a value and without effect here.
const std::set<std::string>& ignored_flags() {
  static const std::set<std::string> names = {"-lineinfo",
                                              "--generate-line-info",  // device code always carries line tables
                                              "-G",
                                              "--device-debug",
                                              "-extended-lambda",
                                              "--extended-lambda",
                                              "--expt-extended-lambda",
                                              "-expt-extended-lambda",
                                              "--expt-relaxed-constexpr",
                                              "-expt-relaxed-constexpr",
                                              "-m64",
                                              "--no-align-double",
                                              "-restrict",
                                              "--restrict",
                                              "-forward-unknown-to-host-compiler",
                                              "--forward-unknown-to-host-compiler",
                                              "-forward-unknown-opts",
                                              "-noprof",
                                              "-extra-device-vectorization",
                                              "--extra-device-vectorization",
                                              "-disable-warnings",
                                              "-src-in-ptx",
                                              "--source-in-ptx",
                                              "-dlto",
                                              "--dlink-time-opt",
                                              "-compress-all",
                                              "-no-compress",
                                              "--no-compress",
                                              "-clean",
                                              "-nodlink",
                                              "--no-device-link",
                                              "-allow-unsupported-compiler",
                                              "--allow-unsupported-compiler",
                                              "-objtemp"};
  return names;
}

bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

Outcome expand_files(const std::vector<std::string>& arguments, std::vector<std::string>& out, int depth) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string file;
    if (arguments[i].size() > 1 && arguments[i][0] == '@') {
      file = arguments[i].substr(1);
    } else if (arguments[i] == "--options-file" || arguments[i] == "-optf") {
      if (++i == arguments.size()) return error("option '--options-file' needs a file");
      file = arguments[i];
    } else {
      out.push_back(arguments[i]);
      continue;
    }
    std::ifstream stream(file);
    if (!stream) return error_at(file, 0, "this options file cannot be read");
    if (depth > 8) return error_at(file, 0, "options files are nested more than 8 deep");
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    if (Outcome outcome = expand_files(words, out, depth + 1); !outcome) return outcome;
  }
  return {};
}

}  // namespace

Expected<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  if (Outcome outcome = expand_files(arguments, words, 0); !outcome) return outcome.diagnostic();

  CommandLine line;
  Language language = Language::automatic;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      line.inputs.push_back({word, language});
      line.link.push_back(LinkItem(line.inputs.size() - 1));
      continue;
    }

    if (word == "-x" || word == "--x" || starts_with(word, "-x=") || starts_with(word, "--x=")) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos && ++i == words.size()) return error("option '-x' needs a language");
      if (Outcome o = set_language(equals == std::string::npos ? words[i] : word.substr(equals + 1), language); !o) {
        return o.diagnostic();
      }
      continue;
    }
    if (const auto flag = flags().find(word); flag != flags().end()) {
      if (Outcome outcome = flag->second(line); !outcome) return outcome.diagnostic();
      continue;
    }
    if (word == "--use_fast_math") {
      (void)flags().at("-use_fast_math")(line);
      continue;
    }
    if (ignored_flags().count(word)) {
      line.ignored.push_back(word);
      continue;
    }
    if (word == "-M" || word == "-MM" || word == "--generate-dependencies") {
      if (Outcome outcome = set_goal(line, Goal::dependencies, word); !outcome) return outcome.diagnostic();
      line.dependencies.push_back(word == "-MM" ? "-MM" : "-M");
      continue;
    }
    if (word == "-MD" || word == "-MMD" || word == "-MP" || word == "--generate-dependencies-with-compile") {
      line.dependencies.push_back(word[1] == '-' ? "-MD" : word);
      continue;
    }
    if (starts_with(word, "-O") && word.size() == 3 && word[2] >= '0' && word[2] <= '3') {
      line.host_opt_level = word[2] - '0';
      continue;
    }
    if (word == "-O" || word == "--optimize" || starts_with(word, "--optimize=")) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos && i + 1 == words.size()) return error("option '" + word + "' needs a level");
      const std::string level = equals == std::string::npos ? words[++i] : word.substr(equals + 1);
      unsigned value = 0;
      if (Outcome outcome = unsigned_value(word, level, value); !outcome) return outcome.diagnostic();
      line.host_opt_level = static_cast<int>(std::min(value, 3u));
      continue;
    }
    if (word == "-Werror") {
      // nvcc's form takes a kind of warning as the next word.
      static const std::set<std::string> kinds = {"all-warnings",
                                                  "cross-execution-space-call",
                                                  "reorder",
                                                  "default-stream-launch",
                                                  "deprecated-declarations",
                                                  "missing-launch-bounds",
                                                  "ext-lambda-captures-this"};
      if (i + 1 < words.size() && kinds.count(words[i + 1])) {
        line.ignored.push_back("-Werror " + words[++i]);
      } else {
        line.host.push_back(word);
      }
      continue;
    }

    // "-opt value", "-opt=value", "-optvalue".
    bool matched = false;
    for (const ValueOption& option : value_options()) {
      for (const std::string& name : option.names) {
        std::string value;
        if (word == name) {
          if (i + 1 == words.size()) return error("option '" + name + "' needs a value");
          value = words[++i];
        } else if (starts_with(word, name + "=")) {
          value = word.substr(name.size() + 1);
        } else if (option.joined && name.size() == 2 && starts_with(word, name)) {
          value = word.substr(2);
        } else {
          continue;
        }
        if (!option.apply) {
          line.ignored.push_back(name + " " + value);
        } else if (Outcome outcome = option.apply(line, value); !outcome) {
          return outcome.diagnostic();
        }
        matched = true;
        break;
      }
      if (matched) break;
    }
    if (matched) continue;

    if (word == "-ptx" || word == "--ptx" || word == "-cubin" || word == "--cubin") {
      return error("option '" + word +
                   "' asks for a vendor format that this compiler does not write; -fatbin writes the "
                   "device images");
    }
    if (word == "-dlink" || word == "--device-link") {
      return error("option '" + word + "' needs separate device compilation, which is not supported");
    }
    if (starts_with(word, "-Wl,") || word == "-pthread" || word == "-static-libstdc++" || word == "-static-libgcc" ||
        word == "-rdynamic" || word == "-no-pie" || word == "-pie" || word == "-s") {
      line.link.push_back(word);
      if (word == "-pthread") line.host.push_back(word);
      continue;
    }
    if (starts_with(word, "-W") || starts_with(word, "-f") || starts_with(word, "-m") || word == "-w" ||
        word == "-pedantic" || starts_with(word, "-g") || starts_with(word, "-stdlib=") || word == "-pg") {
      line.host.push_back(word);
      if (starts_with(word, "-fsanitize") || starts_with(word, "-fopenmp") || starts_with(word, "-stdlib=")) {
        line.link.push_back(word);
      }
      continue;
    }
    return error("unknown option '" + word + "'; phxcc --help lists the options");
  }

  const bool informative = line.goal == Goal::version || line.goal == Goal::help;
  if (!informative && line.inputs.empty()) return error("no input files");
  const bool one_output = line.goal == Goal::compile || line.goal == Goal::bundle;
  if (one_output && !line.output.empty() && line.inputs.size() > 1) {
    return error("'-o' names one file, but " + std::to_string(line.inputs.size()) + " sources each make their own");
  }
  return line;
}

std::string usage() {
  return R"(phxcc: compiles CUDA programs for the virtual devices of Phalanx; used like nvcc.

  phxcc [options] file...      .cu is CUDA; .cpp .cc .cxx .c go to the host compiler; .o .a .so are linked

Goals
  -o FILE                 output (default a.out)
  -c, -dc                 objects only
  -E, -M, -MM             preprocess, print make dependencies
  -fatbin                 the device images alone (.phxb)
  -lib, -shared           a static or a shared library

Sources
  -I -D -U -include -isystem    preprocessor, host and device
  -std=c++11..c++23             default c++17
  -x cu|c|c++                   language of the files that follow
  -O0..-O3, -g                  host code; device code is always optimised and always carries source lines
  -W... -f... -m..., -Xcompiler LIST     host compiler

Device code
  -maxrregcount N         registers a thread may use
  -fmad=false             keep multiplications and additions apart
  -use_fast_math          approximate transcendental functions
  -res-usage, -Xptxas -v  print registers and sizes of every kernel
  -count-llvm-operations VARIABLE    kernels add the LLVM IR operations they execute, lane by lane, to this
                          __device__ unsigned long long

Linking
  -L -l -Xlinker LIST -Wl,...   -cudart none links without the runtime

Running
  -v, -dryrun             show the steps; -dryrun does not take them
  --save-temps, -keep-dir DIR   keep bitcode, device executable and images
  --threads N, -j N       sources translated at a time (0: one per processor)

Accepted without effect: -arch -gencode -code -lineinfo -G -rdc -ccbin -extended-lambda -ftz -prec-div -prec-sqrt ...
PHXCC_CLANG names another clang.
)";
}

}  // namespace phx::phxcc
