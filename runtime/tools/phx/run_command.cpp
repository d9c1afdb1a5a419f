// phx run FILE --input x=file.npy: compiles if need be, runs on the simulator, says what came out and what it took.
#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/src/profile/profile_html.h"
#include "runtime/tools/phx/commands.h"
#include "runtime/tools/phx/npy.h"
#include "runtime/tools/phx/random_array.h"
#include "runtime/tools/phx/tensor_program.h"

namespace phx::tools {
namespace {

struct Options : TensorProgramOptions {
  std::vector<std::string> inputs;
  std::optional<uint64_t> random;
  std::string output_dir, report, trace, mode = "timed", check;
  unsigned threads = 0, repeat = 1;
  bool quiet = false;
};

std::atomic<bool> interrupted{false};

int fail(const std::string& message) {
  std::fprintf(stderr, "phx: error: %s\n", message.c_str());
  return 1;
}

Expected<std::vector<Array>> gather_inputs(const Options& options, const std::vector<model::TensorInfo>& wanted) {
  std::vector<Array> arrays(wanted.size());
  std::vector<bool> given(wanted.size());
  for (const std::string& text : options.inputs) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    size_t index = 0;
    while (index < wanted.size() && wanted[index].name != name) ++index;
    if (equals == std::string::npos) return error("--input '" + text + "' is not of the form name=file.npy");
    if (index == wanted.size()) {
      std::string names;
      for (const model::TensorInfo& info : wanted) names += (names.empty() ? "" : ", ") + info.name;
      return error("the program has no input '" + name + "'; it has: " + names);
    }
    auto array = read_npy(text.substr(equals + 1));
    if (!array) return array.diagnostic();
    // .npy files have no such types: the bits come as integers.
    using enum model::ElementType;
    const auto type = wanted[index].type;
    if ((array->type == u16 && type == bf16) || (array->type == u8 && (type == f8e4m3 || type == f8e5m2)))
      array->type = type;
    if (array->type != wanted[index].type || array->shape != wanted[index].shape)
      return error("input '" + name + "' is " + describe(wanted[index].type, wanted[index].shape) +
                   ", the file holds " + describe(array->type, array->shape));
    arrays[index] = std::move(*array);
    given[index] = true;
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (given[i]) continue;
    if (!options.random)
      return error("input '" + wanted[i].name + "' (" + describe(wanted[i].type, wanted[i].shape) +
                   ") is not given; use --input " + wanted[i].name + "=file.npy or --random SEED");
    arrays[i] = random_array(wanted[i], *options.random + i);
  }
  return arrays;
}

// What a person wants to see at once; the report has the rest.
void summarise(const std::string& report, const model::RunResult& result) {
  const auto json = nlohmann::json::parse(report, nullptr, false);
  if (json.is_discarded()) return;
  if (result.seconds > 0)
    std::printf("simulated %.2f us, of it %.2f us in kernels (%llu cycles) on %s\n", result.seconds * 1e6,
                result.kernels * 1e6, static_cast<unsigned long long>(result.cycles),
                json["machine"].get<std::string>().c_str());
  else
    std::printf("values only (mode functional): no times\n");
  std::printf("host %.3f s\n", result.host_seconds);
  if (result.seconds <= 0) return;
  std::printf("%-40s %8s %10s   busy time per pipe, us (all cores)\n", "kernel", "launches", "us");
  const double clock = json["clock_hz"].get<double>();
  for (const auto& kernel : json["kernels"]) {
    std::printf("%-40.40s %8llu %10.2f  ", kernel["name"].get<std::string>().c_str(),
                static_cast<unsigned long long>(kernel["launches"].get<uint64_t>()),
                kernel["seconds"].is_number() ? kernel["seconds"].get<double>() * 1e6 : 0.0);
    for (const auto& [pipe, cycles] : kernel["busy"].items())
      if (cycles.is_number() && cycles.get<double>() > 0 && clock > 0)
        std::printf(" %s %.2f", pipe.c_str(), cycles.get<double>() / clock * 1e6);
    std::printf("\n");
  }
}

int run(const Options& options) {
  auto program = make_tensor_program(options);
  if (!program) return fail(program.diagnostic().str());
  model::SessionOptions wanted;
  wanted.machine = program->machine;
  wanted.options["mode"] = options.mode;
  if (!options.check.empty()) wanted.options["check"] = options.check;
  if (!options.trace.empty()) wanted.options["trace"] = options.trace;
  if (options.threads) wanted.options["threads"] = std::to_string(options.threads);
  std::string overrides;
  for (const std::string& one : options.overrides) overrides += (overrides.empty() ? "" : ";") + one;
  if (!overrides.empty()) wanted.options["override"] = overrides;
  wanted.keep_going = [] { return !interrupted.load(std::memory_order_relaxed); };
  std::signal(SIGINT, [](int) { interrupted = true; });

  auto session = model::Session::open(std::move(wanted));
  if (!session) return fail(session.status().message());
  auto model = (*session)->load(program->executable, options.file);
  if (!model) return fail(model.status().message());
  auto inputs = gather_inputs(options, (*model)->inputs());
  if (!inputs) return fail(inputs.diagnostic().str());
  std::vector<Array> outputs;
  for (const model::TensorInfo& info : (*model)->outputs())
    outputs.push_back({info.type, info.shape, std::vector<std::byte>(info.bytes())});
  std::vector<std::span<const std::byte>> in;
  std::vector<std::span<std::byte>> out;
  for (const Array& array : *inputs) in.emplace_back(array.bytes);
  for (Array& array : outputs) out.emplace_back(array.bytes);

  int status = 0;
  model::RunResult last;
  for (unsigned i = 0; i < options.repeat && status == 0; ++i) {
    auto result = (*model)->run(in, out);
    if (!result)
      status = interrupted ? fail("interrupted") : fail(result.status().message());
    else
      last = *result;
  }
  const std::string report = (*session)->report();
  if (!options.report.empty()) {
    const std::string text = rt::is_page_name(options.report) ? rt::profile_html(report) : report;
    if (auto written = write_bytes(options.report, text.data(), text.size()); !written)
      status = fail(written.diagnostic().str());
  }
  if (status) return status;
  if (!options.output_dir.empty()) {
    std::error_code bad;
    std::filesystem::create_directories(options.output_dir, bad);
    for (size_t i = 0; i < outputs.size(); ++i) {
      std::string name = (*model)->outputs()[i].name;
      std::replace(name.begin(), name.end(), '/', '_');
      if (auto written = write_npy(options.output_dir + "/" + name + ".npy", outputs[i]); !written)
        return fail(written.diagnostic().str());
    }
  }
  if (options.quiet) return 0;
  for (size_t i = 0; i < outputs.size(); ++i)
    std::printf("%s: %s%s\n", (*model)->outputs()[i].name.c_str(), describe(outputs[i].type, outputs[i].shape).c_str(),
                glance(outputs[i]).c_str());
  summarise(report, last);
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("run", "Run an ONNX model, linalg text or a compiled program on the simulator");
  options->add_to(*command);
  command->add_option("--input", options->inputs, "name=file.npy; may be repeated");
  command->add_option("--random", options->random,
                      "Seed: inputs that are not given are random (floats: standard normal)");
  command->add_option("--output-dir", options->output_dir, "Writes every output there as name.npy");
  command->add_option("--report", options->report, "Report (docs/report.md): JSON, or a page if the name ends in .html")
      ->envname("PHX_REPORT");
  command->add_option("--trace", options->trace, "Trace for https://ui.perfetto.dev")->envname("PHX_TRACE");
  command->add_option("--mode", options->mode, "timed, functional or timing-only");
  command->add_option("--check", options->check, "Extra checks: initcheck, racecheck, synccheck, all, hints");
  command->add_option("--threads", options->threads, "Host threads; results do not depend on it");
  command->add_option("--repeat", options->repeat, "Runs the program so many times: later runs find a warm L2")
      ->check(CLI::Range(1, 1000000));
  command->add_flag("--quiet", options->quiet, "Prints nothing but errors");
  command->callback([&status, options] { status = run(*options); });
}

}  // namespace phx::tools
