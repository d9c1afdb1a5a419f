#include "runtime/tools/validation/simulation.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "device_sim/system/system.h"
#include "phalanx/compiler/tensor.h"
#include "runtime/src/model/description.h"
#include "runtime/tools/validation/tensor_text.h"
#include "runtime/tools/validation/units.h"

namespace phx::validation {
namespace {

constexpr int64_t kFillColumns = 4096;

Diagnostic in_case(const Case& one, const Diagnostic& found) {
  return one.objection("case '" + one.id + "': " + found.str());
}

Expected<std::vector<std::byte>> program_of(const Case& one) {
  std::string text;
  if (const auto* program = std::get_if<Program>(&one.workload)) {
    std::ifstream file(program->file, std::ios::binary);
    if (file) text.assign(std::istreambuf_iterator<char>(file), {});
    if (!file || file.bad()) return error_at(program->file, 0, "cannot be read");
  } else {
    auto made = tensor_text(one.workload);
    if (!made) return made.diagnostic();
    text = std::move(*made);
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return std::vector<std::byte>(bytes, bytes + text.size());
}

Expected<image::Executable> compile(std::span<const std::byte> program, const std::string& name,
                                    compiler::TensorCompileOptions options) {
  auto compiled = compiler::compileTensorProgram(program, name, options);
  if (!compiled) return compiled.diagnostic();
  return std::move(compiled->executable);
}

// A compiled program on one System: its buffers, and its launches one after the other.
class Loaded {
 public:
  static Expected<Loaded> load(sim::System& system, image::Executable executable, const std::string& name) {
    Loaded loaded(system);
    executable.machine_digest = machine::digest(system.machine());
    std::string description;
    for (const image::Object& object : executable.objects)
      if (object.name == image::kProgramObject && !object.zero)
        description.assign(reinterpret_cast<const char*>(executable.data.data() + object.offset), object.size);
    auto read = model::read_description(description);
    if (!read) return error(name + ": " + read.status().message());
    loaded.description_ = std::move(*read);
    const uint16_t members[] = {0};
    auto program = system.load(image::write(executable), members, name);
    if (!program) return program.diagnostic();
    loaded.program_ = std::move(*program);
    if (Outcome ok = loaded.place(); !ok) return ok.diagnostic();
    return loaded;
  }

  // From `start` on; adds to `measurement` if there is one. `needs_data`: refused because times depend on values.
  Expected<double> run(double start, Measurement* measurement, bool& needs_data) const {
    for (const model::DescribedLaunch& launch : description_.launches) {
      std::vector<std::byte> arguments(8 * launch.arguments.size());
      for (size_t i = 0; i < launch.arguments.size(); ++i)
        std::memcpy(&arguments[8 * i], &addresses_[launch.arguments[i]], 8);
      sim::LaunchRequest request;
      request.program = program_;
      auto kernel = sim::System::select_variant(*program_, launch.kernel, 1);
      if (!kernel) return error("there is no kernel '" + launch.kernel + "'");
      request.kernel = *kernel;
      request.grid = {launch.grid, 1, 1};
      request.arguments = arguments;
      request.members = {0};
      request.start_seconds = start;
      const sim::LaunchResult result = system_->launch(request);
      needs_data |= result.refused && result.unsupported;
      if (result.refused) return *result.refused;
      if (result.fault) return error(result.fault->str());
      start = result.end_seconds;
      if (measurement) add(result, *measurement);
    }
    return start;
  }

 private:
  explicit Loaded(sim::System& system) : system_(&system) {}

  Outcome place() {
    uint64_t workspace = 0;
    const uint16_t members[] = {0};
    auto allocate = [&](uint64_t bytes) {
      return system_->memory().allocate(std::max<uint64_t>(bytes, 1), sim::Placement::on, members, "operand");
    };
    if (description_.workspace_bytes) {
      auto address = allocate(description_.workspace_bytes);
      if (!address) return address.diagnostic();
      workspace = *address;
    }
    for (const model::DescribedBuffer& buffer : description_.buffers) {
      if (buffer.kind == model::DescribedBuffer::Kind::workspace) {
        addresses_.push_back(workspace + buffer.offset);
      } else if (buffer.kind == model::DescribedBuffer::Kind::constant) {
        addresses_.push_back(program_->symbol(buffer.symbol).address);
      } else {
        auto address = allocate(buffer.bytes);
        if (!address) return address.diagnostic();
        addresses_.push_back(*address);
      }
    }
    return {};
  }

  // Means are over the cores of the kind that a pipe belongs to; MTE2 and the scalar unit, which both kinds have, over
  // the cube cores of a launch that uses them.
  void add(const sim::LaunchResult& result, Measurement& m) const {
    const double clock = system_->machine().chip.clock_hz;
    const sim::LaunchCounters& counters = result.counters;
    auto profile = [&](const std::string& name) {
      auto found = counters.profile.find(name);
      return found == counters.profile.end() ? 0.0 : static_cast<double>(found->second);
    };
    const double aic = profile("aic_cores"), aiv = profile("aiv_cores");
    const std::string main = aic > 0 ? "aic_" : "aiv_";
    m.cycles += counters.cycles;
    m.seconds += static_cast<double>(counters.cycles) / clock;
    m.overhead += static_cast<double>(counters.overhead_cycles) / clock;
    const machine::Launch& launching = system_->machine().chip.launch;
    if (aic > 0 && aiv > 0) m.mix += (launching.mix_base_ns + launching.mix_per_core_ns * aic) * 1e-9;
    for (const auto& [part, joules] : sim::energy_of(counters, 1, system_->machine())) m.joules += joules;
    if (aic + aiv > 0) m.core += profile(main + "total_cycles") / clock / (aic > 0 ? aic : aiv);
    for (const auto& [pipe, cycles] : counters.pipe_busy_cycles) {
      const bool of_aiv = aic == 0 || pipe == "v" || pipe == "mte3";
      const double cores = of_aiv ? aiv : aic;
      const std::string unit = pipe == "s" ? "scalar" : pipe;
      const bool both = pipe == "s" || pipe == "mte2";
      const double busy = both ? profile(main + unit + "_cycles") : static_cast<double>(cycles);
      if (cores > 0) m.busy_mean[pipe] += busy / clock / cores;
    }
    for (const auto& [pipe, cycles] : counters.pipe_busy_most_cycles)
      m.busy_most[pipe] += static_cast<double>(cycles) / clock;
    m.launches += 1;
    m.cores = std::max(m.cores, static_cast<unsigned>(aic > 0 ? aic : aiv));
  }

  sim::System* system_;
  std::shared_ptr<sim::Program> program_;
  model::Description description_;
  std::vector<uint64_t> addresses_;  // by buffer
};

// One copy on an otherwise idle machine, by the copy engine of the side that issues it.
Expected<double> copy_time(const Copy& copy, const machine::Machine& machine) {
  sim::SystemOptions options;
  options.devices = static_cast<unsigned>(std::max<int64_t>({copy.from, copy.to, 0}) + 1);
  auto system = sim::System::create(machine, options);
  if (!system) return system.diagnostic();
  auto allocate = [&](int64_t device) {
    const uint16_t members[] = {static_cast<uint16_t>(device)};
    return (*system)->memory().allocate(copy.bytes, sim::Placement::on, members, "copy");
  };
  std::vector<std::byte> host(copy.from < 0 || copy.to < 0 ? copy.bytes : 0);
  uint64_t from = 0, to = 0;
  for (auto [device, address] : {std::pair(copy.from, &from), std::pair(copy.to, &to)}) {
    if (device < 0) continue;
    auto allocated = allocate(device);
    if (!allocated) return allocated.diagnostic();
    *address = *allocated;
  }
  sim::System::Transfer transfer;
  if (copy.from < 0)
    transfer = (*system)->write(to, host.data(), copy.bytes);
  else if (copy.to < 0)
    transfer = (*system)->read(host.data(), from, copy.bytes);
  else
    transfer = (*system)->copy(to, from, copy.bytes, static_cast<uint16_t>(copy.read ? copy.to : copy.from));
  if (transfer.fault) return error(transfer.fault->str());
  return transfer.seconds;
}

}  // namespace

Expected<double> simulated(const Case& one, const Published& number, const Measurement& m) {
  const double factor = factor_of(number.unit, m.clock_hz);
  if (number.quantity == "time") return (m.seconds + one.prologue) / factor;
  if (number.quantity == "rate") {
    const double amount = counts_operations(number.unit) ? operations(one) : bytes_moved(one);
    if (amount <= 0) return error("the case does not say how much is done, so there is no rate");
    return amount / (m.seconds + one.prologue) / factor;
  }
  if (number.quantity == "overhead") return m.overhead / factor;
  if (number.quantity == "core_time") {
    if (m.core <= 0) return error("the run has no time of single cores");
    const double busiest = m.seconds - m.overhead + m.mix;
    return ((number.busiest ? busiest : m.core) + one.prologue) / factor;
  }
  if (number.quantity == "power") {
    if (m.joules <= 0) return error("the run has no energy");
    return m.joules / m.seconds / factor;
  }
  const auto& busy = number.busiest ? m.busy_most : m.busy_mean;
  auto found = busy.find(pipe_of(number.quantity));
  if (found == busy.end()) return error("pipe " + pipe_of(number.quantity) + " does nothing in this case");
  return found->second / factor;
}

Expected<Prepared> Prepared::make(const Case& one, const std::string& machine_name,
                                  const std::vector<std::string>& overrides) {
  Prepared prepared;
  prepared.case_ = &one;
  std::vector<std::string> all = one.overrides;
  all.insert(all.end(), overrides.begin(), overrides.end());
  auto machine = machine::load(machine_name, all);
  if (!machine) return in_case(one, machine.diagnostic());
  prepared.machine_ = std::move(*machine);
  if (std::holds_alternative<Copy>(one.workload)) {
    if (!one.schedule.empty()) return one.objection("case '" + one.id + "': a copy has no schedule");
    return prepared;
  }
  auto bytes = program_of(one);
  if (!bytes) return in_case(one, bytes.diagnostic());
  compiler::TensorCompileOptions options;
  options.machine = prepared.machine_;
  options.schedule = one.schedule_text();
  std::string name = one.id;
  if (const auto* program = std::get_if<Program>(&one.workload)) {
    options.input_shapes = program->shapes;
    options.dimensions = program->dimensions;
    name = program->file;
  }
  auto compiled = compile(*bytes, name, options);
  if (!compiled) return in_case(one, compiled.diagnostic());
  prepared.program_ = std::move(*compiled);
  if (one.l2 == CacheState::dirty) {
    const int64_t rows = 2 * prepared.machine_.chip.l2.size_bytes / (4 * kFillColumns) + 1;
    const std::string text = fill_text(rows, kFillColumns);
    options = {};
    options.machine = prepared.machine_;
    auto filler = compile({reinterpret_cast<const std::byte*>(text.data()), text.size()}, "fill", options);
    if (!filler) return in_case(one, filler.diagnostic());
    prepared.filler_ = std::move(*filler);
  }
  return prepared;
}

bool Prepared::depends_on(std::string_view key) const {
  auto of = [&](std::initializer_list<std::string_view> sections) {
    return std::any_of(sections.begin(), sections.end(), [&](std::string_view s) { return key.starts_with(s); });
  };
  if (!program_) return of({"system.", "host.", "chip.clock", "memory.hbm."});
  if (of({"system.", "host.", "power.", "energy."})) return false;
  bool cube = false, vector = false, mix = false;
  for (const image::Kernel& kernel : program_->kernels) {
    cube |= kernel.core == image::CoreKind::aic;
    vector |= kernel.core == image::CoreKind::aiv;
    mix |= (kernel.flags & image::kMix) != 0;
  }
  if (of({"cube.", "fixpipe.", "mte1."})) return cube;
  if (of({"vector.", "timing.vector."})) return vector;
  if (of({"launch.mix"})) return mix;
  return true;
}

Expected<Measurement> Prepared::run(const machine::Machine& machine, unsigned threads) const {
  Measurement measurement;
  measurement.clock_hz = machine.chip.clock_hz;
  if (const auto* copy = std::get_if<Copy>(&case_->workload)) {
    auto seconds = copy_time(*copy, machine);
    if (!seconds) return in_case(*case_, seconds.diagnostic());
    measurement.seconds = *seconds;
    measurement.cycles = static_cast<uint64_t>(*seconds * machine.chip.clock_hz + 0.5);
    return measurement;
  }
  bool needs_data = false;
  auto measured = run_program(machine, threads, sim::Mode::timing_only, needs_data);
  if (!measured && needs_data) measured = run_program(machine, threads, sim::Mode::timed, needs_data);
  if (!measured) return in_case(*case_, measured.diagnostic());
  return measured;
}

Expected<Measurement> Prepared::run_program(const machine::Machine& machine, unsigned threads, sim::Mode mode,
                                            bool& needs_data) const {
  Measurement measurement;
  measurement.clock_hz = machine.chip.clock_hz;
  sim::SystemOptions options;
  options.mode = mode;
  options.threads = threads;
  auto system = sim::System::create(machine, options);
  if (!system) return system.diagnostic();
  double now = 0;
  if (filler_) {
    auto filler = Loaded::load(**system, *filler_, "fill");
    if (!filler) return filler.diagnostic();
    auto end = filler->run(now, nullptr, needs_data);
    if (!end) return end.diagnostic();
    now = *end;
  }
  auto loaded = Loaded::load(**system, *program_, case_->id);
  if (!loaded) return loaded.diagnostic();
  if (case_->l2 == CacheState::warm) {
    auto end = loaded->run(now, nullptr, needs_data);
    if (!end) return end.diagnostic();
    now = *end;
  }
  auto end = loaded->run(now, &measurement, needs_data);
  if (!end) return end.diagnostic();
  return measurement;
}

machine::Tag weakest_number(const Case& one, const machine::Machine& machine) {
  using Prefixes = std::vector<std::string_view>;
  Prefixes prefixes = {"chip.", "memory.l2.", "memory.hbm.", "dma.", "launch.base", "launch.per_core", "sync.flag"};
  auto add = [&](const Prefixes& more) { prefixes.insert(prefixes.end(), more.begin(), more.end()); };
  if (std::holds_alternative<Gemm>(one.workload)) add({"cube.head", "cube.idle_start", "mte1.", "fixpipe."});
  if (std::holds_alternative<Elementwise>(one.workload) || std::holds_alternative<Reduction>(one.workload))
    add({"vector."});
  if (std::holds_alternative<Program>(one.workload)) prefixes = {};
  if (const auto* copy = std::get_if<Copy>(&one.workload))
    prefixes = copy->from < 0 || copy->to < 0 ? Prefixes{"host.link."} : Prefixes{"system."};
  return machine::weakest_tag(machine, prefixes);
}

}  // namespace phx::validation
