// Random work for as long as one likes, and a look at the memory: what a long-lived process must not do is grow.
//
//   soak MINUTES [SEED] [MODEL.phx ...]
//
// Turn after turn it opens a machine with random options (devices, one by one or as a supernode, mode, host threads,
// checks, reuse), and allocates, copies, fills, launches SIMT and tile kernels on several streams, and frees, in random
// order; or it opens a session, loads a compiled model and runs it a few times. Values are checked where they are
// known. Prints the resident memory every tenth of the time; fails if it grows after the first third.
#include <phalanx/model.h>
#include <phalanx/phalanx.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"

namespace {

constexpr const char* kMachine = "cloudmatrix-384";
constexpr uint32_t kThreads = 128;

// x[i] += 1 and one count a thread; x has a word for each thread.
constexpr const char* kLanes = R"(
.kernel lanes simt
.param x 8 ptr
.param count 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [count]
 rdsr.ctaid.x.u32 s4
 rdsr.tid.x.u32 r0
 mov.b32 r1, s4
 mad.s32 r1, r1, 128, r0
 ld.gm.b32 r2, [s2 + r1*4]
 add.s32 r2, r2, 1
 st.gm.b32 [s2 + r1*4], r2
 mov.b32 r3, 1
 red.gm.add.u32 [s3], r3
 exit
)";
// y = x, a block of 4 KiB a program.
constexpr const char* kTiles = R"(
.kernel tiles aiv
.param x 8 ptr
.param y 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 rdsr.block_idx.u64 s4
 shl.b64 s4, s4, 12
 add.u64 s2, s2, s4
 add.u64 s3, s3, s4
 dma_gm_ub zero, s2, 0x10000001, zero
 set_flag.mte2.mte3 0
 wait_flag.mte2.mte3 0
 dma_ub_gm s3, zero, 0x10000001, zero
 exit
)";

using Random = std::mt19937_64;
uint64_t below(Random& random, uint64_t n) { return random() % n; }

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "soak: %s\n", why.c_str());
  std::exit(1);
}
void need(phxResult result, const char* what) {
  if (result != phxSuccess) give_up(std::string(what) + ": " + phxLastMessage());
}

std::vector<std::byte> assembled(const std::string& text) {
  auto executable = phx::assembler::assemble(text, "soak.s");
  if (!executable) give_up(executable.diagnostic().str());
  return phx::image::write(*executable);
}

struct Code {
  std::vector<std::byte> lanes, tiles;
  std::vector<std::vector<std::byte>> models;
};

// One runtime from opening to closing.
void work(Random& random, const Code& code) {
  const bool supernode = below(random, 3) == 0, timing_only = below(random, 4) == 0;
  const std::string devices = std::to_string(1 + below(random, 4)), threads = std::to_string(1 + below(random, 2));
  std::vector<phxOption> options{{"machine", kMachine},
                                 {"devices", devices.c_str()},
                                 {"threads", threads.c_str()},
                                 {"visible", supernode ? "supernode" : "flat"},
                                 {"mode", timing_only             ? "timing-only"
                                          : below(random, 3) == 0 ? "functional"
                                                                  : "timed"},
                                 {"reuse", below(random, 2) ? "on" : "off"}};
  if (below(random, 4) == 0) options.push_back({"check", "all"});
  phxRuntime runtime;
  need(phxRuntimeOpen(options.data(), options.size(), &runtime), "open");
  int visible = 0;
  need(phxDeviceCount(runtime, &visible), "count");
  struct Device {
    phxModule lanes, tiles;
    phxKernel lanes_kernel, tiles_kernel;
    std::vector<phxStream> streams;
    void *x, *y, *count;
    uint32_t steps = 0;
    bool copied = false;
  };
  constexpr uint32_t kBlocks = 24;
  constexpr uint64_t kBytes = kBlocks * 4096;
  std::vector<Device> all(static_cast<size_t>(visible));
  for (int d = 0; d < visible; ++d) {
    Device& device = all[static_cast<size_t>(d)];
    need(phxModuleLoad(runtime, d, code.lanes.data(), code.lanes.size(), &device.lanes), "load");
    need(phxModuleLoad(runtime, d, code.tiles.data(), code.tiles.size(), &device.tiles), "load");
    need(phxModuleKernel(device.lanes, "lanes", &device.lanes_kernel), "kernel");
    need(phxModuleKernel(device.tiles, "tiles", &device.tiles_kernel), "kernel");
    for (void** buffer : {&device.x, &device.y, &device.count}) {
      need(phxMalloc(runtime, d, kBytes, buffer), "malloc");
      need(phxMemset(runtime, d, *buffer, 0, kBytes, nullptr), "fill");
    }
    device.streams.resize(2);
    for (phxStream& stream : device.streams) need(phxStreamCreate(runtime, d, &stream), "stream");
  }
  for (uint64_t step = 5 + below(random, 60); step > 0; --step) {
    const int d = static_cast<int>(below(random, static_cast<uint64_t>(visible)));
    Device& device = all[static_cast<size_t>(d)];
    phxStream stream = device.streams[0];  // in order, so that values are known
    switch (below(random, 6)) {
      case 0:
      case 1:
        if (timing_only) break;
        {
          void* arguments[] = {device.x, device.count};
          need(
              phxLaunch(device.lanes_kernel, {kBlocks, 1, 1}, {kThreads, 1, 1}, 0, arguments, sizeof arguments, stream),
              "launch");
          ++device.steps;
          device.copied = false;
        }
        break;
      case 2:
      case 3: {
        void* arguments[] = {device.x, device.y};
        need(phxLaunch(device.tiles_kernel, {kBlocks, 1, 1}, {1, 1, 1}, 0, arguments, sizeof arguments, stream),
             "launch");
        device.copied = true;
        break;
      }
      case 4: {
        void* passing;
        const uint64_t bytes = 1 + below(random, 1 << 20);
        need(phxMalloc(runtime, d, bytes, &passing), "malloc");
        need(phxMemset(runtime, d, passing, 7, bytes, device.streams[1]), "fill");
        need(phxFree(runtime, passing), "free");
        break;
      }
      default:
        need(phxStreamSynchronize(stream), "wait");
        if (timing_only || !device.copied) break;
        std::vector<uint32_t> values(kBlocks * kThreads);
        need(phxMemcpy(runtime, d, values.data(), device.y, values.size() * 4, nullptr), "copy");
        for (uint32_t value : values)
          if (value != device.steps)
            give_up("a kernel gave " + std::to_string(value) + ", not " + std::to_string(device.steps));
    }
  }
  for (int d = 0; d < visible; ++d) need(phxDeviceSynchronize(runtime, d), "wait");
  size_t bytes = 0;
  (void)phxReport(runtime, nullptr, 0, &bytes);
  std::string report(bytes + 256, 0);  // host seconds have more digits the next time
  need(phxReport(runtime, report.data(), report.size(), &bytes), "report");
  need(phxRuntimeClose(runtime), "close");
}

void infer(Random& random, const std::vector<std::byte>& program) {
  phx::model::SessionOptions options;
  options.machine = "ascend-910b1";
  options.options["mode"] = below(random, 2) ? "timed" : "timing-only";
  options.options["threads"] = std::to_string(1 + below(random, 2));
  auto session = phx::model::Session::open(std::move(options));
  if (!session) give_up(session.status().message());
  auto model = (*session)->load(program, "model");
  if (!model) give_up(model.status().message());
  std::vector<std::vector<std::byte>> inputs, outputs;
  for (const auto& info : (*model)->inputs()) inputs.emplace_back(info.bytes());
  for (const auto& info : (*model)->outputs()) outputs.emplace_back(info.bytes());
  for (uint64_t runs = 1 + below(random, 4); runs > 0; --runs) {
    std::vector<std::span<const std::byte>> in(inputs.begin(), inputs.end());
    std::vector<std::span<std::byte>> out(outputs.begin(), outputs.end());
    if (auto result = (*model)->run(in, out); !result) give_up(result.status().message());
  }
  (void)(*session)->report();
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double resident_mib() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("usage: soak MINUTES [SEED] [MODEL.phx ...]");
  const double seconds = std::atof(argv[1]) * 60;
  Random random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  auto machine = phx::machine::load(kMachine);
  if (!machine) give_up(machine.diagnostic().str());
  Code code{assembled(kLanes), assembled(".target aiv \"" + phx::machine::digest(*machine) + "\"\n" + kTiles), {}};
  for (int i = 3; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) give_up(std::string(argv[i]) + " cannot be read");
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    code.models.emplace_back(bytes, bytes + text.size());
  }

  const double begin = now();
  double told = begin;
  std::vector<double> before, after;  // resident after each turn of the second third, and of the last one
  uint64_t turns = 0;
  for (double passed = 0; passed < seconds; passed = now() - begin, ++turns) {
    if (!code.models.empty() && turns % 5 == 4)
      infer(random, code.models[below(random, code.models.size())]);
    else
      work(random, code);
    const double resident = resident_mib();
    if (passed > seconds / 3) (passed < seconds * 2 / 3 ? before : after).push_back(resident);
    if (now() - told >= seconds / 10) {
      told = now();
      std::printf("%6.0f s, %llu turns, %.1f MiB resident\n", told - begin, static_cast<unsigned long long>(turns + 1),
                  resident);
      std::fflush(stdout);
    }
  }
  // Turns differ in what they need, so the middle ones tell. A leak of a few pages a turn shows in minutes.
  auto middle = [](std::vector<double>& values) {
    if (values.empty()) return 0.0;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  };
  const double was = middle(before), is = middle(after);
  std::printf("%llu turns; %.1f MiB resident in the second third, %.1f MiB in the last\n",
              static_cast<unsigned long long>(turns), was, is);
  if (was > 0 && is > was * 1.05 + 4) give_up("the memory grows");
  return 0;
}
