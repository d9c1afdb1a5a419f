// phx conformance onnx --data DIR --json out.json: how much of ONNX's own test suite runs, and whether it is right.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "runtime/tools/phx/commands.h"
#include "runtime/tools/phx/conformance.h"
#include "runtime/tools/phx/tensor_program.h"

namespace phx::tools {
namespace {

struct Options {
  std::string data, json, machine = "ascend-910b1", mode = "functional", filter;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  unsigned limit = 120;  // s
  bool verbose = false;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "phx: error: %s\n", message.c_str());
  return 1;
}

int run(const Options& options) {
  std::regex filter;
  try {
    filter = std::regex(options.filter);
  } catch (const std::regex_error&) {
    return fail("--filter '" + options.filter + "' is not a regular expression");
  }
  auto machine = machine::load(options.machine);
  if (!machine) return fail(machine.diagnostic().str());
  auto cases = find_cases(options.data, filter);
  if (!cases) return fail(cases.diagnostic().str());
  if (cases->empty()) return fail(options.data + ": no test case is found there");

  size_t ended = 0, counts[3] = {};
  const bool terminal = isatty(STDERR_FILENO);
  auto done = [&](size_t index, const CaseResult& result) {
    ++ended, ++counts[static_cast<size_t>(result.verdict)];
    if (terminal && ended == cases->size())
      std::fprintf(stderr, "\r\033[K");
    else if (terminal)
      std::fprintf(stderr, "\r%zu of %zu\033[K", ended, cases->size());
    if (result.verdict == Verdict::fail || (options.verbose && result.verdict == Verdict::unsupported))
      std::printf("%s%s: %s: %s\n", terminal ? "\r\033[K" : "", name_of(result.verdict), (*cases)[index].name.c_str(),
                  result.reason.c_str());
  };
  auto results = run_cases(
      *cases, options.threads, std::chrono::seconds(options.limit),
      [&] { return CaseRunner(options.machine, *machine, options.mode); }, done);

  if (!options.json.empty()) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (size_t i = 0; i < results.size(); ++i)
      list.push_back(
          {{"name", (*cases)[i].name}, {"status", name_of(results[i].verdict)}, {"reason", results[i].reason}});
    const std::string text =
        nlohmann::ordered_json{{"cases", list}}.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (auto written = write_bytes(options.json, text.data(), text.size()); !written)
      return fail(written.diagnostic().str());
  }
  std::printf("%zu cases on %s: %zu pass, %zu fail, %zu unsupported\n", results.size(), options.machine.c_str(),
              counts[0], counts[1], counts[2]);
  return counts[static_cast<size_t>(Verdict::fail)] ? 1 : 0;
}

}  // namespace

void add_conformance_command(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand("conformance", "Run the tests of a format's standard on the simulator");
  command->require_subcommand(1);
  auto options = std::make_shared<Options>();
  CLI::App* onnx = command->add_subcommand("onnx", "ONNX's test cases: exit status 1 if any of them is wrong");
  onnx->add_option("--data", options->data, "Folder of the cases, as in Debian's libonnx-testdata")->required();
  onnx->add_option("--json", options->json, "Writes name, status and reason of every case");
  onnx->add_option("--machine", options->machine, "Machine name or file; 'phx machine list' shows the names");
  onnx->add_option("--mode", options->mode, "functional or timed")->check(CLI::IsMember({"functional", "timed"}));
  onnx->add_option("--filter", options->filter, "Only cases in whose name this regular expression is found");
  onnx->add_option("--threads", options->threads, "Processes; results do not depend on it")->check(CLI::Range(1, 256));
  onnx->add_option("--limit", options->limit, "Seconds that one case may take")->check(CLI::Range(1, 3600));
  onnx->add_flag("--verbose", options->verbose, "Prints the cases that are not supported, too");
  onnx->callback([&status, options] { status = run(*options); });
}

}  // namespace phx::tools
