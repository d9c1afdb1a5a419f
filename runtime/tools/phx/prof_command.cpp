// phx prof: what a run did, as text and as a page. Reads a report, or runs a program and reads the report it leaves.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "runtime/src/profile/profile_html.h"
#include "runtime/src/profile/profile_text.h"
#include "runtime/src/profile/trace_lanes.h"
#include "runtime/tools/phx/commands.h"

extern char** environ;

namespace phx::tools {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> what;  // a report, or a program and its arguments
  std::string html, trace;
  rt::ProfileTextOptions text;
  bool quiet = false;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "phx: error: %s\n", message.c_str());
  return 1;
}

bool read_file(const std::string& path, std::string& text) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  text.assign(std::istreambuf_iterator<char>(file), {});
  return !file.bad();
}

// A folder of its own for the files of one run, gone at the end.
class Scratch {
 public:
  Scratch() {
    std::string pattern = (fs::temp_directory_path() / "phx-prof-XXXXXX").string();
    if (mkdtemp(pattern.data())) path_ = pattern;
  }
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Models and compiled programs are what `phx run` runs.
bool is_model(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  return extension == ".onnx" || extension == ".mlir" || extension == ".phx";
}

// The program's exit status; -1 if it could not be started, with errno.
int run_program(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int bad = posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ)) {
    errno = bad;
    return -1;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int show(const Options& options, const std::string& report, const std::string& trace) {
  std::string json;
  if (!read_file(report, json)) return fail("cannot read the report '" + report + "': " + std::strerror(errno));
  const std::string text = rt::profile_text(json, options.text);
  if (text.empty()) return fail("'" + report + "' is not a report (docs/report.md)");
  if (!options.html.empty()) {
    std::string lanes;
    if (!trace.empty()) {
      std::ifstream file(trace);
      if (!file) return fail("cannot read the trace '" + trace + "': " + std::strerror(errno));
      lanes = rt::trace_lanes(file);
    }
    std::ofstream page(options.html, std::ios::binary);
    page << rt::profile_html(json, lanes);
    if (!page.flush()) return fail("cannot write '" + options.html + "': " + std::strerror(errno));
  }
  if (!options.quiet) std::fputs(text.c_str(), stdout);
  return 0;
}

int profile(const Options& options) {
  if (options.what.size() == 1 && fs::path(options.what[0]).extension() == ".json")
    return show(options, options.what[0], options.trace);
  Scratch scratch;
  if (scratch.path().empty()) return fail(std::string("no temporary folder: ") + std::strerror(errno));
  const std::string report = scratch.path() + "/report.json";
  const std::string trace = !options.trace.empty() ? options.trace
                            : options.html.empty() ? ""
                                                   : scratch.path() + "/trace.json";
  setenv("PHX_REPORT", report.c_str(), 1);
  if (!trace.empty()) setenv("PHX_TRACE", trace.c_str(), 1);
  std::vector<std::string> words = options.what;
  if (is_model(words[0])) {
    std::error_code bad;
    const fs::path self = fs::read_symlink("/proc/self/exe", bad);
    words.insert(words.begin(), {bad ? std::string("phx") : self.string(), "run"});
    if (options.what.size() == 1) words.insert(words.end(), {"--random", "1", "--quiet"});
  }
  const int status = run_program(words);
  if (status < 0) return fail("cannot run '" + words[0] + "': " + std::strerror(errno));
  std::fflush(stdout);
  if (!fs::exists(report))
    return status ? status : fail("'" + words[0] + "' wrote no report: it does not use a runtime of Phalanx");
  const int shown = show(options, report, trace);
  return status ? status : shown;
}

}  // namespace

void add_prof_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "prof", "What a run did: of a report (phx prof report.json), or of a program (phx prof -- ./program 1 2)");
  command
      ->add_option("what", options->what,
                   "A report; or a program with its arguments, behind --; or a model, which runs on random inputs")
      ->required();
  command->add_option("--html", options->html, "Also writes a page with timeline and roofline there");
  command->add_option("--trace", options->trace,
                      "The trace that the page's timeline shows; of a program: where its trace is kept");
  command->add_option("--kernels", options->text.kernels, "Most kernels in the text");
  command->add_option("--lines", options->text.lines, "Most source lines in the text");
  command->add_flag("--quiet", options->quiet, "Prints nothing but errors");
  command->callback([&status, options] { status = profile(*options); });
}

}  // namespace phx::tools
