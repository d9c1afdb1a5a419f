// The same kernel on same-shaped shards of many devices, as a user of the C API writes it.
//
//   devices FILE KERNEL GRID SIZE[,SIZE...] OPENED ACTIVE LAUNCHES [KEY=VALUE...]
//
// Opens OPENED devices one by one (visible=flat); each of the first ACTIVE loads the executable, allocates a buffer of
// each SIZE, and launches the kernel LAUNCHES times; then all are waited for. KEY=VALUE are options of the runtime.
// Prints one JSON object: wall seconds of everything and of its parts, and what the report says of the kernel.
#include <phalanx/phalanx.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

void need(phxResult result, const char* what) {
  if (result == phxSuccess) return;
  std::fprintf(stderr, "devices: %s: %s\n", what, phxLastMessage());
  std::exit(1);
}

// The number behind the first "key": in the report; the report's own kernels list has one entry.
double number(const std::string& report, const char* key) {
  const size_t at = report.find(std::string("\"") + key + "\":");
  return at == std::string::npos ? -1 : std::atof(report.c_str() + at + std::strlen(key) + 3);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) {
    std::fprintf(stderr, "usage: devices FILE KERNEL GRID SIZE[,SIZE...] OPENED ACTIVE LAUNCHES [KEY=VALUE...]\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string code{std::istreambuf_iterator<char>(file), {}};
  const std::string name = argv[2];
  const auto grid = static_cast<uint32_t>(std::atoi(argv[3]));
  std::vector<uint64_t> sizes;
  for (char* part = std::strtok(argv[4], ","); part; part = std::strtok(nullptr, ","))
    sizes.push_back(std::strtoull(part, nullptr, 10));
  const int active = std::atoi(argv[6]), launches = std::atoi(argv[7]);
  std::vector<phxOption> options{{"devices", argv[5]}, {"visible", "flat"}, {"mode", "timing-only"}};
  for (int i = 8; i < argc; ++i) {
    char* equals = std::strchr(argv[i], '=');
    if (!equals) continue;
    *equals = 0;
    options.push_back({argv[i], equals + 1});
  }

  const double begin = now();
  phxRuntime runtime;
  need(phxRuntimeOpen(options.data(), options.size(), &runtime), "open");
  const double opened = now();
  struct Device {
    phxKernel kernel;
    std::vector<void*> arguments;
  };
  std::vector<Device> devices(static_cast<size_t>(active));
  for (int d = 0; d < active; ++d) {
    Device& device = devices[static_cast<size_t>(d)];
    phxModule module;
    need(phxModuleLoad(runtime, d, code.data(), code.size(), &module), "load");
    need(phxModuleKernel(module, name.c_str(), &device.kernel), "kernel");
    for (uint64_t size : sizes) need(phxMalloc(runtime, d, size, &device.arguments.emplace_back()), "malloc");
  }
  const double prepared = now();
  for (int turn = 0; turn < launches; ++turn)
    for (Device& device : devices)
      need(phxLaunch(device.kernel, {grid, 1, 1}, {1, 1, 1}, 0, device.arguments.data(),
                     device.arguments.size() * sizeof(void*), nullptr),
           "launch");
  for (int d = 0; d < active; ++d) need(phxDeviceSynchronize(runtime, d), "wait");
  const double done = now();
  size_t bytes = 0;
  (void)phxReport(runtime, nullptr, 0, &bytes);
  std::string report(bytes + 256, 0);  // host seconds have more digits the next time
  need(phxReport(runtime, report.data(), report.size(), &bytes), "report");
  need(phxRuntimeClose(runtime), "close");
  const double end = now();
  std::printf(
      "{\"seconds\": %.6f, \"open\": %.6f, \"prepare\": %.6f, \"run\": %.6f, \"close\": %.6f, \"cycles\": %.0f, "
      "\"launches\": %.0f, \"reused\": %.0f}\n",
      end - begin, opened - begin, prepared - opened, done - prepared, end - done, number(report, "cycles"),
      number(report, "launches"), number(report, "reused"));
  return 0;
}
