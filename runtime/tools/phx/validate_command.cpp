// phx validate: published measurements beside simulated ones (docs/validation.md).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "runtime/tools/phx/commands.h"
#include "runtime/tools/phx/tensor_program.h"
#include "runtime/tools/validation/case_file.h"
#include "runtime/tools/validation/output.h"

namespace phx::tools {
namespace {

struct Options {
  std::vector<std::string> files, filters, families, machine_files, overrides, schedule, without;
  bool list = false, quick = false, frozen = false, include_excluded = false;
  unsigned jobs = 1, threads = 1;
  std::string json, plot;
  std::optional<double> max_mean, max_error;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "phx: error: %s\n", message.c_str());
  return 1;
}

bool matches(const validation::Case& one, const Options& options) {
  auto any = [](const std::vector<std::string>& wanted, const std::string& text) {
    return wanted.empty() || std::any_of(wanted.begin(), wanted.end(),
                                         [&](const std::string& w) { return text.find(w) != std::string::npos; });
  };
  if (!any(options.filters, one.id) || !any(options.families, one.family)) return false;
  if (options.quick && one.slow) return false;
  return !options.frozen || std::any_of(one.published.begin(), one.published.end(),
                                        [](const validation::Published& p) { return p.frozen; });
}

int validate(const Options& options) {
  auto all = validation::read_case_files(options.files);
  if (!all) return fail(all.diagnostic().str());
  std::vector<validation::Case> cases;
  for (validation::Case& one : *all)
    if (matches(one, options)) cases.push_back(std::move(one));
  if (options.include_excluded)
    for (validation::Case& one : cases) one.excluded.clear();
  for (const std::string& text : options.schedule) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return fail("--schedule '" + text + "' is not of the form field=value");
    for (validation::Case& one : cases)
      if (auto field = one.schedule.find(text.substr(0, equals)); field != one.schedule.end())
        field->second.value = text.substr(equals + 1);
  }
  for (const std::string& name : options.without)
    for (validation::Case& one : cases) one.schedule.erase(name);
  if (options.list) {
    for (const validation::Case& one : cases)
      std::printf("%-40s %-16s %-16s %s%s\n", one.id.c_str(), one.family.c_str(), one.machine.c_str(),
                  one.workload_kind.c_str(), one.excluded.empty() ? "" : (", excluded: " + one.excluded).c_str());
    return 0;
  }
  validation::RunOptions run;
  run.jobs = options.jobs;
  run.threads = options.threads;
  run.overrides = options.overrides;
  for (const std::string& text : options.machine_files) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return fail("--machine-file '" + text + "' is not of the form name=file.toml");
    run.machines.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  const std::vector<validation::Result> results = validation::run_cases(cases, run);
  std::fputs(validation::table(results).c_str(), stdout);
  auto write = [](const std::string& path, const std::string& text) {
    return path.empty() ? Outcome() : write_bytes(path, text.data(), text.size());
  };
  if (Outcome ok = write(options.json, validation::json(results)); !ok) return fail(ok.diagnostic().str());
  if (Outcome ok = write(options.plot, validation::plot(results)); !ok) return fail(ok.diagnostic().str());
  const bool failed =
      std::any_of(results.begin(), results.end(), [](const validation::Result& r) { return r.failed.has_value(); });
  if (failed) return fail("not every case ran");
  const validation::Errors errors = validation::errors_of(
      results, [](const validation::Case&, const validation::Published& p) { return validation::counts(p); });
  if (options.max_mean && 100 * errors.mean > *options.max_mean) return fail("the mean error exceeds --max-mean");
  if (options.max_error && 100 * std::abs(errors.worst) > *options.max_error)
    return fail("the error of " + errors.worst_case + " exceeds --max-error");
  return 0;
}

}  // namespace

void add_validate_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("validate", "Simulate published measurements and show both");
  command->add_option("--cases", options->files, "Case files (docs/validation.md)")->required();
  command->add_option("--filter", options->filters, "Only cases whose id contains this; may be repeated");
  command->add_option("--family", options->families,
                      "Only cases of families whose name contains this; may be repeated");
  command->add_option("--machine-file", options->machine_files,
                      "name=file.toml: cases of this machine use this file instead");
  command->add_option("--override", options->overrides,
                      "key=value: changes one number of every machine; may be repeated");
  command->add_option("--schedule", options->schedule,
                      "field=value: replaces this field where a case has it; may be repeated");
  command->add_option("--without", options->without, "Schedule fields to leave to the compiler")->delimiter(',');
  command->add_flag("--list", options->list, "Lists the cases and stops");
  command->add_flag("--quick", options->quick, "Leaves out the cases marked slow");
  command->add_flag("--frozen", options->frozen, "Only cases with numbers of the frozen list");
  command->add_flag("--include-excluded", options->include_excluded, "Runs cases that are excluded as well");
  command->add_option("--json", options->json, "Writes the results there");
  command->add_option("--plot", options->plot, "Writes a scatter plot there, as SVG");
  command->add_option("--max-mean", options->max_mean, "Fails if the mean absolute error exceeds this, in percent");
  command->add_option("--max-error", options->max_error, "Fails if an error exceeds this, in percent");
  command->add_option("-j,--jobs", options->jobs, "Cases at a time")->check(CLI::Range(1, 256));
  command->add_option("--threads", options->threads, "Host threads of one simulation")->check(CLI::Range(1, 256));
  command->callback([&status, options] { status = validate(*options); });
}

}  // namespace phx::tools
