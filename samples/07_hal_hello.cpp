// The HAL without CUDA names: opens a machine, loads an executable, runs a kernel on a group of devices as one grid,
// and checks the answer. Everything a program needs is in <phalanx/hal/...>.
//
//   07_hal_hello EXECUTABLE [MACHINE [DEVICES]]
//
// EXECUTABLE is what `phx as samples/07_hal_hello.asm -o hello.phx` writes; MACHINE defaults to cloudmatrix-384,
// DEVICES to 4.
#include <phalanx/hal/instance.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <phalanx/hal/drivers/sim.h>

using namespace phx::hal;

namespace {

[[noreturn]] void give_up(const Status& status) {
  std::fprintf(stderr, "07_hal_hello: %s\n", status.str().c_str());
  std::exit(1);
}

void check(const Status& status) {
  if (!status) give_up(status);
}

template <class T>
T check(StatusOr<T> value) {
  if (!value) give_up(value.status());
  return std::move(*value);
}

std::vector<std::byte> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) give_up(Status(Code::not_found, std::string("cannot read ") + path));
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  auto* first = reinterpret_cast<const std::byte*>(bytes.data());
  return {first, first + bytes.size()};
}

// What the driver tells us on the way: here only how long kernels took.
struct Listener : Telemetry {
  void kernel(const KernelRecord& record) override {
    std::printf("%s ran on %zu devices from %.2f to %.2f us", record.kernel.c_str(), record.devices.size(),
                seconds(record.start) * 1e6, seconds(record.end) * 1e6);
    if (record.cycles) std::printf(", %llu cycles", static_cast<unsigned long long>(*record.cycles));
    std::printf("\n");
  }
  void fault(const FaultRecord& record) override { std::fprintf(stderr, "fault: %s\n", record.message.c_str()); }
};

// y[i] = a * x[i] + y[i] for i < n: the argument block of the kernel in 07_hal_hello.asm.
struct Arguments {
  uint64_t x = 0, y = 0;
  float a = 0;
  uint32_t n = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: 07_hal_hello EXECUTABLE [MACHINE [DEVICES]]\n");
    return 2;
  }
  Listener listener;
  Instance instance;
  check(instance.add(sim::driver_kind()));
  Config config = {{"machine", argc > 2 ? argv[2] : "cloudmatrix-384"}, {"devices", argc > 3 ? argv[3] : "4"}};
  std::shared_ptr<Driver> driver = check(instance.open("sim", config, &listener));

  // All devices are one group; a single device would be a group of one, and nothing below would change.
  Group group = check(driver->devices());
  std::printf("%s: %u devices in %u packages, %lld cores each\n", driver->facts().name.c_str(), group.size(),
              group.topology().unit_count(0), static_cast<long long>(check(group.device(0).integer("cores"))));
  if (group.size() > 1) {
    Path path = group.topology().path(0, group.size() - 1);
    std::printf("from the first to the last: over the %s, %.2f us\n", path.level->name.c_str(),
                seconds(path.latency) * 1e6);
  }

  constexpr uint32_t kCount = 1 << 16;
  std::vector<float> x(kCount), y(kCount, 1.0f);
  for (uint32_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(i);

  // Pages of both buffers take turns on the members, so every device holds a part of the data.
  auto x_buffer = check(group.allocate({kCount * 4, 256, Placement::interleaved(), "x"}));
  auto y_buffer = check(group.allocate({kCount * 4, 256, Placement::interleaved(), "y"}));
  auto executable = check(group.load(read_file(argv[1]), "hello"));

  Arguments arguments{x_buffer->address(), y_buffer->address(), 2.0f, kCount};
  Dispatch saxpy;
  saxpy.executable = executable;
  saxpy.entry = check(executable->find("saxpy"));
  saxpy.block = {256, 1, 1};
  saxpy.grid = {(kCount + 255) / 256, 1, 1};
  saxpy.arguments.resize(sizeof arguments);
  std::memcpy(saxpy.arguments.data(), &arguments, sizeof arguments);

  // One recording, ordered by barriers: both copies, then the kernel, then the copy back.
  auto commands = std::make_shared<CommandBuffer>();
  commands->copy({MemoryRef::in(x_buffer), MemoryRef::on_host(x.data()), Region::bytes(kCount * 4)});
  commands->copy({MemoryRef::in(y_buffer), MemoryRef::on_host(y.data()), Region::bytes(kCount * 4)});
  commands->barrier();
  commands->dispatch(std::move(saxpy));
  commands->barrier();
  commands->copy({MemoryRef::on_host(y.data()), MemoryRef::in(y_buffer), Region::bytes(kCount * 4)});

  auto queue = check(group.create_queue(EngineKind::compute));
  auto done = group.create_semaphore();
  Submission submission;
  submission.commands = commands;
  submission.signals = {{done, 1}};
  check(queue->submit(std::move(submission)));
  SimTime end = check(done->wait(1));
  std::printf("all done at %.2f us of simulated time\n", seconds(end) * 1e6);

  for (uint32_t i = 0; i < kCount; ++i) {
    float expected = 2.0f * static_cast<float>(i) + 1.0f;
    if (y[i] == expected) continue;
    std::printf("FAILED: y[%u] is %g, expected %g\n", i, static_cast<double>(y[i]), static_cast<double>(expected));
    return 1;
  }
  std::printf("PASSED: %u elements\n", kCount);
  return 0;
}
