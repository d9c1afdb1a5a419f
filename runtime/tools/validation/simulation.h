// Runs cases: compiles the kernel once, simulates it on a machine as often as wanted.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"
#include "device_sim/system/system.h"
#include "runtime/tools/validation/case.h"

namespace phx::validation {

// What one run took. Times in seconds; those of pipes are of one core.
struct Measurement {
  double seconds = 0, overhead = 0, core = 0;
  double mix = 0;     // the part of the overhead that a launch over both core kinds adds
  double joules = 0;  // idle power included
  std::map<std::string, double> busy_mean, busy_most;  // by pipe ("mte2")
  uint64_t cycles = 0;
  double clock_hz = 0;
  unsigned launches = 0, cores = 0;  // cores: of the launch that uses most
};

// The measurement of a published number, in its unit; an error if the run has none (a copy has no pipes).
Expected<double> simulated(const Case& one, const Published& number, const Measurement& measurement);

// A case ready to run: its kernels compiled for one machine.
class Prepared {
 public:
  // `overrides` come after those of the case.
  static Expected<Prepared> make(const Case& one, const std::string& machine,
                                 const std::vector<std::string>& overrides);

  const Case& subject() const { return *case_; }
  const machine::Machine& machine() const { return machine_; }

  // Whether a number of the machine can change this case's time: not that of a unit that its kernels leave idle.
  bool depends_on(std::string_view key) const;

  // Simulates the compiled kernels on the machine they were compiled for, or on one that differs from it only in
  // numbers that say how long things take: the code is the same. Any thread; `threads` host threads.
  Expected<Measurement> run(const machine::Machine& machine, unsigned threads) const;

 private:
  Prepared() = default;
  Expected<Measurement> run_program(const machine::Machine& machine, unsigned threads, sim::Mode mode,
                                    bool& needs_data) const;

  const Case* case_ = nullptr;
  machine::Machine machine_;
  std::optional<image::Executable> program_;  // no copy
  std::optional<image::Executable> filler_;   // dirty start: writes more than the L2 holds
};

// The tag of the weakest number that can matter for this kind of workload.
machine::Tag weakest_number(const Case& one, const machine::Machine& machine);

}  // namespace phx::validation
