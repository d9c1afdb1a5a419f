// phx calibrate: fits numbers of a machine to published measurements (docs/validation.md).
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "runtime/tools/phx/commands.h"
#include "runtime/tools/phx/tensor_program.h"
#include "runtime/tools/validation/case_file.h"
#include "runtime/tools/validation/fit.h"

namespace phx::tools {
namespace {

struct Options {
  std::string machine, output;
  std::vector<std::string> files, parameters, families, filters, without;
  unsigned jobs = 1, rounds = 4;
  bool slow = false, in_sample_only = false;
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
  return any(options.filters, one.id) && any(options.families, one.family) && (options.slow || !one.slow);
}

int calibrate(const Options& options) {
  auto all = validation::read_case_files(options.files);
  if (!all) return fail(all.diagnostic().str());
  std::vector<validation::Case> cases;
  for (validation::Case& one : *all)
    if (matches(one, options)) cases.push_back(std::move(one));
  for (const std::string& name : options.without)
    for (validation::Case& one : cases) one.schedule.erase(name);
  auto machine = machine::load(options.machine);
  if (!machine) return fail(machine.diagnostic().str());
  validation::FitOptions wanted;
  wanted.machine = options.machine;
  wanted.parameters = options.parameters;
  wanted.jobs = options.jobs;
  wanted.rounds = options.rounds;
  wanted.leave_out = !options.in_sample_only;
  wanted.say = [](const std::string& text) { std::fprintf(stderr, "phx calibrate: %s\n", text.c_str()); };
  auto fitted = validation::fit(cases, wanted);
  if (!fitted) return fail(fitted.diagnostic().str());
  std::fputs(validation::fit_table(*fitted).c_str(), stdout);
  const std::string file = options.output.empty() ? machine->name + ".fit.toml" : options.output;
  const std::string text = validation::fit_file(*fitted, options.machine, *machine);
  if (Outcome ok = write_bytes(file, text.data(), text.size()); !ok) return fail(ok.diagnostic().str());
  std::printf("\n%zu cases, %u simulations; wrote %s\n", fitted->cases.size(), fitted->simulations, file.c_str());
  return 0;
}

}  // namespace

void add_calibrate_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("calibrate", "Fit numbers of a machine to published measurements");
  command->add_option("--machine", options->machine, "Machine to fit; machines that inherit from it take part")
      ->required();
  command->add_option("--cases", options->files, "Case files (docs/validation.md)")->required();
  command
      ->add_option("--parameters", options->parameters,
                   "Keys to fit, as in dma.rate,dma.request; else those tagged fitted")
      ->delimiter(',');
  command->add_option("--family", options->families,
                      "Only cases of families whose name contains this; may be repeated");
  command->add_option("--filter", options->filters, "Only cases whose id contains this; may be repeated");
  command->add_option("--without", options->without, "Schedule fields to leave to the compiler")->delimiter(',');
  command->add_option("--output", options->output, "File to write; else <machine>.fit.toml");
  command->add_option("--rounds", options->rounds, "Linearisations, at most")->check(CLI::Range(1, 100));
  command->add_flag("--slow", options->slow, "Uses the cases marked slow as well");
  command->add_flag("--in-sample-only", options->in_sample_only, "Leaves out the fits without each family");
  command->add_option("-j,--jobs", options->jobs, "Cases at a time")->check(CLI::Range(1, 256));
  command->callback([&status, options] { status = calibrate(*options); });
}

}  // namespace phx::tools
