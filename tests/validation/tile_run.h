// One launch of an assembled tile kernel on a machine, timing only.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/system/system.h"

namespace phx::sim::validation {

struct Run {
  std::string error;  // empty: it ran
  LaunchResult result;
  double clock_hz = 0, host_seconds = 0;
  double us(uint64_t cycles) const { return static_cast<double>(cycles) / clock_hz * 1e6; }
};

// `kernel`: makes the text for a machine digest; its parameters are pointers to new memory of `bytes` each. `warm`: the
// second of two launches is told.
template <class Kernel>
Run run(const std::vector<std::string>& machine_keys, Kernel kernel, const std::vector<uint64_t>& bytes, uint32_t grid,
        bool warm, bool check_pipe_order) {
  Run run;
  auto refuse = [&](std::string why) {
    run.error = std::move(why);
    return run;
  };
  auto machine = machine::load("ascend-910b1", machine_keys);
  if (!machine) return refuse(machine.diagnostic().str());
  run.clock_hz = machine->chip.clock_hz;
  auto executable = assembler::assemble(kernel(machine::digest(*machine)), "kernel");
  if (!executable) return refuse(executable.diagnostic().str());
  SystemOptions options;
  options.mode = Mode::timing_only;
  options.checks.synccheck = check_pipe_order;
  auto system = System::create(std::move(*machine), options);
  if (!system) return refuse(system.diagnostic().str());
  LaunchRequest request;
  request.members = {0};
  auto program = (*system)->load(image::write(*executable), request.members, "kernel");
  if (!program) return refuse(program.diagnostic().str());
  std::vector<std::byte> arguments(8 * bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto address = (*system)->memory().allocate(bytes[i], Placement::on, request.members, "operand");
    if (!address) return refuse(address.diagnostic().str());
    const uint64_t value = *address;
    std::memcpy(&arguments[8 * i], &value, sizeof value);
  }
  request.program = *program;
  request.arguments = arguments;
  request.grid = {grid, 1, 1};
  for (int launch = warm ? 0 : 1; launch < 2; ++launch) {
    const auto began = std::chrono::steady_clock::now();
    run.result = (*system)->launch(request);
    run.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (run.result.refused) return refuse(run.result.refused->str());
    if (run.result.fault) return refuse(run.result.fault->str());
    request.start_seconds = run.result.end_seconds;
  }
  return run;
}

inline void print(const char* name, const Run& run, double published_us, uint32_t cores,
                  std::initializer_list<const char*> pipes) {
  const double simulated = run.us(run.result.counters.cycles);
  std::printf("%-42s simulated %9.1f us, published %9.1f us, %+5.1f %%;", name, simulated, published_us,
              100 * (simulated / published_us - 1));
  for (const char* pipe : pipes) {
    auto busy = run.result.counters.pipe_busy_cycles.find(pipe);
    std::printf(" %s %.4g", pipe,
                busy == run.result.counters.pipe_busy_cycles.end() ? 0 : run.us(busy->second) / cores);
  }
  std::printf(" us busy; %.1f s of host time\n", run.host_seconds);
}

}  // namespace phx::sim::validation
