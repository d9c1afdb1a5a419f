// A .cu source passes through clang twice. The device side becomes bitcode with LLVM's passes off, because the compiler
// library runs its own pipeline on the linked program; the host side embeds the resulting bundle, and clang adds the
// module constructor that registers it with the runtime.
#include "runtime/tools/phxcc/build.h"

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/tools/phxcc/device_code.h"
#include "runtime/tools/phxcc/interruption.h"
#include "runtime/tools/phxcc/process.h"
#include "runtime/tools/phxcc/temporary_directory.h"

namespace phx::phxcc {
namespace {
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

void append(Words& to, const Words& from) { to.insert(to.end(), from.begin(), from.end()); }

// What a file is, by its language option or its ending.
enum class Kind { cuda, c, cxx, linkable };

Kind kind_of(const Input& input) {
  switch (input.language) {
    case Language::cuda:
      return Kind::cuda;
    case Language::c:
      return Kind::c;
    case Language::cxx:
      return Kind::cxx;
    case Language::automatic:
      break;
  }
  const std::string ending = fs::path(input.path).extension().string();
  if (ending == ".cu") return Kind::cuda;
  if (ending == ".c") return Kind::c;
  if (ending == ".cpp" || ending == ".cc" || ending == ".cxx" || ending == ".C" || ending == ".c++") return Kind::cxx;
  return Kind::linkable;
}

class Build {
 public:
  Build(const CommandLine& line, const Installation& installation, const std::string& temporary)
      : line_(line), installation_(installation), temporary_(temporary) {}

  int run();

 private:
  // Runs one step of `source`; 0 or the exit status, after reporting.
  int step(const std::string& source, const char* what, const Words& command) const;
  int fail(const std::string& source, const std::string& message) const;

  int translate(size_t index);  // one source, up to its object (or the goal's own output)
  int translate_cuda(size_t index, const std::string& object);
  int archive() const;
  int link() const;

  Words device_command(const Input& input) const;
  Words host_command(const Input& input, Kind kind) const;
  // A path for an intermediate file of this input: kept under its own name with --save-temps, else temporary.
  std::string intermediate(size_t index, const std::string& ending) const;
  std::string object_of(size_t index) const;

  const CommandLine& line_;
  const Installation& installation_;
  const std::string temporary_;
};

int Build::fail(const std::string& source, const std::string& message) const {
  std::fprintf(stderr, "phxcc: error: %s%s%s\n", source.c_str(), source.empty() ? "" : ": ", message.c_str());
  return 1;
}

int Build::step(const std::string& source, const char* what, const Words& command) const {
  if (line_.verbose || line_.dry_run) std::fprintf(stderr, "#$ %s\n", quoted(command).c_str());
  if (line_.dry_run) return 0;
  const Expected<int> status = run_process(command);
  if (!status) return fail(source, status.diagnostic().message);
  if (*status) fail(source, std::string(what) + " (" + command[0] + ") ended with status " + std::to_string(*status));
  return *status;
}

std::string Build::intermediate(size_t index, const std::string& ending) const {
  const std::string stem = fs::path(line_.inputs[index].path).stem().string();
  if (line_.keep) return (fs::path(line_.keep_dir) / (stem + ending)).string();
  return temporary_ + "/" + std::to_string(index) + "-" + stem + ending;  // two sources may share a stem
}

std::string Build::object_of(size_t index) const {
  if (line_.goal != Goal::compile) return intermediate(index, ".o");
  if (!line_.output.empty()) return line_.output;
  return fs::path(line_.inputs[index].path).stem().string() + ".o";
}

// Both sides agree on the language, the headers and the level of the launch interface.
Words cuda_front_end(const CommandLine& line, const Installation& installation) {
  Words command = {installation.clang,         "-x",         "cuda",
                   "--cuda-path=/nonexistent", "-nocudainc", "-nocudalib",
                   "--cuda-gpu-arch=sm_80",    "-Xclang",    "-target-sdk-version=12.8"};
  command.push_back("-std=" + (line.standard.empty() ? std::string("c++17") : line.standard));
  // nvcc tolerates these; sources rely on it.
  append(command,
         {"-Wno-register", "-Wno-c++11-narrowing", "-Wno-unknown-cuda-version", "-Wno-unused-command-line-argument"});
  append(command, {"-isystem", installation.headers, "-include", "cuda_runtime.h"});
  append(command, line.preprocessor);
  return command;
}

Words Build::device_command(const Input& input) const {
  Words command = cuda_front_end(line_, installation_);
  // Warnings come from the host side, which parses the same text.
  // A loop that never ends must hang, so that the watchdog can name it, and not be assumed away.
  append(command, {"--cuda-device-only", "--cuda-feature=+ptx87", "-O2", "-fno-finite-loops", "-Xclang",
                   "-disable-llvm-passes", "-gline-tables-only", "-emit-llvm", "-w"});
  // Headers that are part of the tool chain get names that tell: profiles and faults skip frames in <...>.
  append(command, {"-fdebug-prefix-map=" PHXCC_CLANG_HEADERS "=<clang>",
                   "-fdebug-prefix-map=" + installation_.headers + "=<cuda>"});
  append(command, line_.device);
  append(command, {"-c", input.path});
  return command;
}

Words Build::host_command(const Input& input, Kind kind) const {
  Words command;
  if (kind == Kind::cuda) {
    command = cuda_front_end(line_, installation_);
    command.push_back("--cuda-host-only");
  } else {
    command = {kind == Kind::c ? installation_.clang_c : installation_.clang, "-x", kind == Kind::c ? "c" : "c++"};
    const bool c_standard = line_.standard.rfind("c++", 0) != 0 && line_.standard.rfind("gnu++", 0) != 0;
    if (!line_.standard.empty() && c_standard == (kind == Kind::c)) command.push_back("-std=" + line_.standard);
    append(command, {"-isystem", installation_.headers});
    append(command, line_.preprocessor);
  }
  if (line_.host_opt_level >= 0) command.push_back("-O" + std::to_string(line_.host_opt_level));
  if (line_.host_debug) command.push_back("-g");
  if (line_.shared) command.push_back("-fPIC");
  append(command, line_.host);
  append(command, line_.dependencies);
  command.push_back(input.path);
  return command;
}

int Build::translate_cuda(size_t index, const std::string& object) {
  const Input& input = line_.inputs[index];
  DeviceFiles files;
  files.bitcode = intermediate(index, ".device.bc");
  files.bundle = intermediate(index, ".phxb");
  if (line_.goal == Goal::bundle) {
    files.bundle = line_.output.empty() ? fs::path(input.path).stem().string() + ".phxb" : line_.output;
  }
  if (line_.keep) files.executable = intermediate(index, ".device.elf");

  Words device = device_command(input);
  append(device, {"-o", files.bitcode});
  if (const int status = step(input.path, "the device front end", device)) return status;

  if (line_.verbose || line_.dry_run)
    std::fprintf(stderr, "#$ [compile] %s -> %s\n", files.bitcode.c_str(), files.bundle.c_str());
  if (!line_.dry_run) {
    if (const Outcome outcome = build_device_code(files, line_); !outcome) {
      const Diagnostic& diagnostic = outcome.diagnostic();
      // The source line, where the compiler knows one, already names the file.
      return fail(diagnostic.file.empty() ? input.path : "", diagnostic.str());
    }
  }
  if (line_.goal == Goal::bundle) return 0;

  Words host = host_command(input, Kind::cuda);
  append(host, {"-Xclang", "-fcuda-include-gpubinary", "-Xclang", files.bundle, "-c", "-o", object});
  return step(input.path, "the host compiler", host);
}

int Build::translate(size_t index) {
  const Input& input = line_.inputs[index];
  const Kind kind = kind_of(input);
  std::error_code failed;
  if (!fs::exists(input.path, failed)) return fail(input.path, "no such file");
  if (line_.goal == Goal::preprocess || line_.goal == Goal::dependencies) {
    if (kind == Kind::linkable) return fail(input.path, "this ending names no source; use -x to say what it is");
    Words command = host_command(input, kind);
    if (line_.goal == Goal::preprocess) command.push_back("-E");
    if (!line_.output.empty()) append(command, {"-o", line_.output});
    return step(input.path, "the preprocessor", command);
  }
  if (line_.goal == Goal::bundle && kind != Kind::cuda) return fail(input.path, "only CUDA sources have device code");
  if (kind == Kind::linkable) {
    if (line_.goal == Goal::compile) return fail(input.path, "this ending names no source; use -x to say what it is");
    return 0;
  }
  if (kind == Kind::cuda) return translate_cuda(index, object_of(index));
  Words command = host_command(input, kind);
  append(command, {"-c", "-o", object_of(index)});
  return step(input.path, "the host compiler", command);
}

int Build::archive() const {
  if (line_.output.empty()) return fail("", "-lib needs -o");
  Words command = {"ar", "rcs", line_.output};
  for (size_t i = 0; i < line_.inputs.size(); ++i) {
    command.push_back(kind_of(line_.inputs[i]) == Kind::linkable ? line_.inputs[i].path : object_of(i));
  }
  return step(line_.output, "the archiver", command);
}

int Build::link() const {
  const std::string output = line_.output.empty() ? "a.out" : line_.output;
  Words command = {installation_.clang, "-o", output};
  if (line_.shared) command.push_back("-shared");
  if (line_.host_debug) command.push_back("-g");
  for (const LinkItem& item : line_.link) {
    if (!item.is_input) {
      command.push_back(item.flag);
    } else {
      const Input& input = line_.inputs[item.input];
      command.push_back(kind_of(input) == Kind::linkable ? input.path : object_of(item.input));
    }
  }
  if (line_.runtime) {
    append(command, {"-L" + installation_.library_dir, "-Wl,-rpath," + installation_.library_dir, "-lphx_cudart"});
  }
  return step(output, "the linker", command);
}

int Build::run() {
  // Each worker takes the next source; after a failure the remaining ones are not started.
  std::atomic<size_t> next = 0;
  std::atomic<int> status = 0;
  const auto work = [&] {
    for (size_t index; !status && (index = next++) < line_.inputs.size();) {
      if (const int failed = translate(index)) {
        int none = 0;
        status.compare_exchange_strong(none, failed);
      }
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < line_.threads && i < line_.inputs.size(); ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  if (status) return status;
  if (line_.goal == Goal::archive) return archive();
  if (line_.goal == Goal::link) return link();
  return 0;
}

}  // namespace

int build(const CommandLine& line, const Installation& installation) {
  const Expected<TemporaryDirectory> temporary = TemporaryDirectory::create();
  if (!temporary) {
    std::fprintf(stderr, "phxcc: error: %s\n", temporary.diagnostic().str().c_str());
    return 1;
  }
  if (line.keep && !line.keep_dir.empty()) {
    std::error_code failed;
    fs::create_directories(line.keep_dir, failed);
  }
  if (line.verbose) {
    for (const std::string& word : line.ignored) std::fprintf(stderr, "#$ [no effect here] %s\n", word.c_str());
  }
  remove_on_interruption(temporary->path());
  const int status = Build(line, installation, temporary->path()).run();
  remove_on_interruption("");
  return status;
}

}  // namespace phx::phxcc
