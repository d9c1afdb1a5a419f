// Session and Model on the HAL: one queue, launches in the order of the program description.
#include <phalanx/hal/drivers/sim.h>
#include <phalanx/hal/instance.h>
#include <phalanx/model.h>

#include <chrono>
#include <cstring>

#include "runtime/src/model/description.h"
#include "runtime/src/report/report.h"
#include "runtime/src/report/telemetry_log.h"

namespace phx::model {
namespace {

using hal::Code;
using hal::Status;
using hal::StatusOr;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// A fault as the message of a Status: who says it and the end of the line are the caller's.
std::string message_of(const hal::FaultRecord& fault) {
  constexpr std::string_view kSpeaker = "phalanx: ";
  std::string text = rt::fault_text(fault);
  if (text.starts_with(kSpeaker)) text.erase(0, kSpeaker.size());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// The log, with the user's wish to stop and the sums of one run.
class Sink final : public hal::Telemetry {
 public:
  explicit Sink(std::function<bool()> keep_going) : keep_going_(std::move(keep_going)) {}
  void kernel(const hal::KernelRecord& record) override {
    log.kernel(record);
    kernel_time += record.end - record.start;
    cycles += record.cycles.value_or(0);
  }
  void span(const hal::SpanRecord& record) override { log.span(record); }
  void counter(const hal::CounterRecord& record) override { log.counter(record); }
  void link(const hal::LinkRecord& record) override { log.link(record); }
  void memory(const hal::MemoryRecord& record) override { log.memory(record); }
  void fault(const hal::FaultRecord& record) override { log.fault(record); }
  void warning(const std::string& text) override { log.warning(text); }
  bool progress(const hal::ProgressRecord&) override { return !keep_going_ || keep_going_(); }

  rt::TelemetryLog log{false, /*print_faults=*/false};
  hal::SimTime kernel_time = 0;
  uint64_t cycles = 0;

 private:
  std::function<bool()> keep_going_;
};

struct Machine {
  std::unique_ptr<Sink> sink;  // outlives the driver
  std::shared_ptr<hal::Driver> driver;
  hal::Group group;
  std::unique_ptr<hal::Queue> queue;
  std::shared_ptr<hal::Semaphore> done;
  uint64_t submitted = 0;
  bool timed = true;
  hal::SimTime host = 0;  // simulated time at which the next submission is made
};

class LoadedModel final : public Model {
 public:
  static StatusOr<std::unique_ptr<Model>> create(std::shared_ptr<Machine> machine, std::span<const std::byte> program,
                                                 const std::string& label) {
    auto executable = machine->group.load(program, label);
    if (!executable) return executable.status();
    auto description = read_description((*executable)->description());
    if (!description) return Status(description.status().code(), label + ": " + description.status().message());
    std::unique_ptr<LoadedModel> model(new LoadedModel);
    model->machine_ = std::move(machine);
    model->executable_ = std::move(*executable);
    model->description_ = std::move(*description);
    if (Status status = model->prepare(label); !status) return status;
    return std::unique_ptr<Model>(std::move(model));
  }

  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }

  StatusOr<RunResult> run(std::span<const std::span<const std::byte>> inputs,
                          std::span<const std::span<std::byte>> outputs) override {
    if (Status status = check(inputs.size(), "inputs", inputs_, [&](size_t i) { return inputs[i].size(); }); !status)
      return status;
    if (Status status = check(outputs.size(), "outputs", outputs_, [&](size_t i) { return outputs[i].size(); });
        !status)
      return status;
    auto commands = std::make_shared<hal::CommandBuffer>();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].empty()) continue;
      commands->copy({place(description_.inputs[i].buffer),
                      hal::MemoryRef::on_host(static_cast<const void*>(inputs[i].data())),
                      hal::Region::bytes(inputs[i].size())});
    }
    commands->barrier();
    for (const hal::Dispatch& dispatch : dispatches_) {
      commands->dispatch(dispatch);
      commands->barrier();
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].empty()) continue;
      commands->copy({hal::MemoryRef::on_host(static_cast<void*>(outputs[i].data())),
                      place(description_.outputs[i].buffer), hal::Region::bytes(outputs[i].size())});
    }
    Machine& m = *machine_;
    const double begin = now();
    m.sink->kernel_time = 0;
    m.sink->cycles = 0;
    hal::Submission submission;
    submission.commands = std::move(commands);
    submission.signals = {{m.done, ++m.submitted}};
    submission.issued = m.host;
    submission.label = label_;
    if (Status status = m.queue->submit(std::move(submission)); !status) return status;
    auto end = m.done->wait(m.submitted);
    if (!end) {
      m.done = m.group.create_semaphore();  // a failed timeline stays failed
      m.submitted = 0;
      auto faults = m.sink->log.take_new_faults();
      if (!faults.empty()) return Status(end.status().code(), message_of(faults.front()));
      return end.status();
    }
    RunResult result;
    result.host_seconds = now() - begin;
    if (m.timed) {
      result.seconds = hal::seconds(*end - m.host);
      result.kernels = hal::seconds(m.sink->kernel_time);
      result.cycles = m.sink->cycles;
    }
    m.host = *end;
    return result;
  }

 private:
  LoadedModel() = default;

  template <class Size>
  static Status check(size_t given, const char* what, const std::vector<TensorInfo>& wanted, Size size) {
    if (given != wanted.size())
      return Status(Code::invalid_argument,
                    "the program has " + std::to_string(wanted.size()) + " " + what + ", got " + std::to_string(given));
    for (size_t i = 0; i < given; ++i)
      if (size(i) != wanted[i].bytes())
        return Status(Code::invalid_argument, "'" + wanted[i].name + "' takes " + std::to_string(wanted[i].bytes()) +
                                                  " bytes, got " + std::to_string(size(i)));
    return {};
  }

  hal::MemoryRef place(uint32_t buffer) const {
    return hal::MemoryRef::in(buffers_[buffer].buffer, buffers_[buffer].offset);
  }

  Status prepare(const std::string& label) {
    label_ = label;
    const Description& d = description_;
    for (const DescribedTensor& tensor : d.inputs) inputs_.push_back(tensor);
    for (const DescribedTensor& tensor : d.outputs) outputs_.push_back(tensor);
    std::shared_ptr<hal::Buffer> workspace;
    auto allocate = [&](uint64_t bytes, std::string name) {
      return machine_->group.allocate({std::max<uint64_t>(bytes, 1), 512, hal::Placement::on(0), std::move(name)});
    };
    if (d.workspace_bytes) {
      auto buffer = allocate(d.workspace_bytes, label + ": workspace");
      if (!buffer) return buffer.status();
      workspace = std::move(*buffer);
    }
    std::vector<std::string> names(d.buffers.size());
    for (const DescribedTensor& tensor : d.inputs) names[tensor.buffer] = tensor.name;
    for (const DescribedTensor& tensor : d.outputs) names[tensor.buffer] = tensor.name;
    for (size_t i = 0; i < d.buffers.size(); ++i) {
      const DescribedBuffer& wanted = d.buffers[i];
      hal::Binding binding;
      if (wanted.kind == DescribedBuffer::Kind::constant) {
        auto symbol = executable_->symbol(wanted.symbol);
        if (!symbol) return symbol.status();
        if (symbol->size < wanted.bytes)
          return Status(Code::data_corrupt, "constant '" + wanted.symbol + "' is smaller than the program says");
        binding = {symbol->buffer, symbol->offset};
      } else if (wanted.kind == DescribedBuffer::Kind::workspace) {
        binding = {workspace, wanted.offset};
      } else {
        auto buffer = allocate(wanted.bytes, label + ": " + names[i]);
        if (!buffer) return buffer.status();
        binding = {std::move(*buffer), 0};
      }
      buffers_.push_back(std::move(binding));
    }
    for (const DescribedLaunch& launch : d.launches) {
      auto entry = executable_->find(launch.kernel);
      if (!entry) return entry.status();
      const hal::EntryPoint& point = executable_->entries()[*entry];
      if (point.argument_bytes != launch.arguments.size() * 8)
        return Status(Code::data_corrupt,
                      "kernel '" + launch.kernel + "' takes " + std::to_string(point.argument_bytes) +
                          " bytes of arguments, the program gives " + std::to_string(launch.arguments.size() * 8));
      hal::Dispatch dispatch;
      dispatch.executable = executable_;
      dispatch.entry = *entry;
      dispatch.grid = {launch.grid, 1, 1};
      dispatch.block = {1, 1, 1};
      dispatch.arguments.resize(point.argument_bytes);
      for (size_t i = 0; i < launch.arguments.size(); ++i) {
        const hal::Binding& binding = buffers_[launch.arguments[i]];
        const uint64_t address = binding.buffer->address() + binding.offset;
        std::memcpy(dispatch.arguments.data() + i * 8, &address, 8);
      }
      dispatches_.push_back(std::move(dispatch));
    }
    return {};
  }

  std::shared_ptr<Machine> machine_;
  std::shared_ptr<hal::Executable> executable_;
  Description description_;
  std::string label_;
  std::vector<TensorInfo> inputs_, outputs_;
  std::vector<hal::Binding> buffers_;
  std::vector<hal::Dispatch> dispatches_;
};

class SimSession final : public Session {
 public:
  explicit SimSession(std::shared_ptr<Machine> machine) : machine_(std::move(machine)) {}
  StatusOr<std::unique_ptr<Model>> load(std::span<const std::byte> program, const std::string& label) override {
    return LoadedModel::create(machine_, program, label);
  }
  std::string report() override {
    Machine& m = *machine_;
    m.sink->log.forget_totals();
    m.driver->summarize();
    rt::ReportFacts facts;
    facts.machine = m.driver->facts();
    facts.driver = "sim";
    facts.visible = "flat";
    facts.placement = "on";
    facts.devices = m.group.size();
    facts.packages = m.group.topology().unit_count(0);
    facts.host_seconds = now() - opened_;
    facts.host_end = m.host;
    if (auto clock = m.group.device(0).real("clock")) facts.clock_hz = *clock;
    return rt::report_json(facts, m.sink->log.contents());
  }
  const hal::MachineFacts& facts() const override { return machine_->driver->facts(); }

 private:
  std::shared_ptr<Machine> machine_;
  double opened_ = now();
};

}  // namespace

StatusOr<std::unique_ptr<Session>> Session::open(SessionOptions options) {
  hal::Instance instance;
  if (Status status = instance.add(hal::sim::driver_kind()); !status) return status;
  hal::Config config = std::move(options.options);
  if (auto devices = config.find("devices"); devices != config.end() && devices->second != "1")
    return Status(Code::invalid_argument, "option 'devices' is '" + devices->second +
                                              "', but a session runs its programs on one device; the C API and CUDA "
                                              "programs use several (PHX_DEVICES)");
  config["machine"] = options.machine;
  auto sink = std::make_unique<Sink>(std::move(options.keep_going));
  auto driver = instance.open("sim", config, sink.get());
  if (!driver) return driver.status();
  auto group = (*driver)->devices();
  if (!group) return group.status();
  auto queue = group->create_queue(hal::EngineKind::compute);
  if (!queue) return queue.status();
  auto done = group->create_semaphore();
  const bool timed = (*driver)->facts().mode != "functional";
  auto machine = std::make_shared<Machine>(
      Machine{std::move(sink), std::move(*driver), *group, std::move(*queue), std::move(done), 0, timed, 0});
  return std::unique_ptr<Session>(new SimSession(std::move(machine)));
}

}  // namespace phx::model
