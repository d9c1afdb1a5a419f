// Identical work is timed once: the same cycles, counters and values as with PHX_REUSE=off, launch by launch.
#include <doctest/doctest.h>

#include <cstring>
#include <random>

#include "device_sim/assembler/assembler.h"
#include "device_sim/system/system.h"

using namespace phx;
using namespace phx::sim;

namespace {

// Every program copies n tiles of 4 KiB, tile i by program i modulo the programs. `stream` may be moved; `tangled`
// computes its address in a way nobody proves anything about; `guided` reads from memory which tile comes next;
// `sum` adds y to x as well, so that what it does depends on two buffers; `raised` meets all programs in between.
const char* const kBody = R"(
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 ld.param.b64 s4, [n]
 rdsr.block_idx.u64 s5
 rdsr.block_num.u64 s6
ENTRY
 jmp test
next:
 shl.b64 s7, s5, 12
 add.u64 s8, s2, s7
 add.u64 s9, s3, s7
INDEX
 dma_gm_ub zero, s8, 0x10000001, zero
 set_flag.mte2.mte3 0
 wait_flag.mte2.mte3 0
 dma_ub_gm s9, zero, 0x10000001, zero
 set_flag.mte3.mte2 1
 wait_flag.mte3.mte2 1
 add.u64 s5, s5, s6
test:
 setp.lt.u64 p0, s5, s4
 bra next, p0
LEAVE
 exit
)";

std::string program(const std::string& name, std::string entry, std::string index, std::string leave) {
  std::string text = ".kernel " + name + " aiv\n.param x 8 ptr\n.param y 8 ptr\n.param n 8\n" + kBody;
  const std::pair<const char*, std::string> parts[] = {{"ENTRY", entry}, {"INDEX", index}, {"LEAVE", leave}};
  for (const auto& [key, value] : parts) text.replace(text.find(key), std::strlen(key), value);
  for (const char* label : {"test", "next"})  // labels of a file differ
    for (size_t at = 0; (at = text.find(label, at)) != std::string::npos; at += name.size() + 5)
      text.insert(at, name + "_");
  return text;
}

constexpr const char* kKernels[] = {"stream", "tangled", "guided", "met"};

std::string assembly(const machine::Machine& machine) {
  return ".target aiv \"" + machine::digest(machine) + "\"\n" + program("stream", "", "", "") +
         program("tangled", " xor.b64 s2, s2, zero", "", "") +
         program("guided", "", " ld.gm.b32 s10, [s2]\n shr.u32 s10, s10, 24\n add.u64 s8, s8, s10", "") +
         program("met", " cross_set.mode0.mte3.id3", "", " cross_wait.mode0.mte3.id3");
}

struct Machine {
  std::unique_ptr<System> system;
  std::vector<std::shared_ptr<Program>> programs;  // by device
  std::vector<std::vector<uint64_t>> buffers;      // by device
  std::vector<double> end;                         // of the last launch on the device

  Machine(SystemOptions options, const char* name, unsigned buffers_each, uint64_t bytes) {
    auto machine = machine::load(name);
    if (!machine) FAIL(machine.diagnostic().str());
    auto created = System::create(std::move(*machine), options);
    if (!created) FAIL(created.diagnostic().str());
    system = std::move(*created);
    auto executable = assembler::assemble(assembly(system->machine()), "test.s");
    if (!executable) FAIL(executable.diagnostic().str());
    for (uint16_t device = 0; device < options.devices; ++device) {
      auto loaded = system->load(image::write(*executable), std::span(&device, 1), "test");
      if (!loaded) FAIL(loaded.diagnostic().str());
      programs.push_back(*loaded);
      auto& mine = buffers.emplace_back();
      for (unsigned i = 0; i < buffers_each; ++i) {
        auto address = system->memory().allocate(bytes, Placement::on, std::span(&device, 1), "buffer");
        if (!address) FAIL(address.diagnostic().str());
        mine.push_back(*address);
        CHECK(!system->fill(*address, device * 100 + i, 4, bytes).fault);
      }
    }
    end.resize(options.devices);
  }

  struct Work {
    unsigned kernel = 0;
    uint32_t grid = 1;
    uint64_t x = 0, y = 0, n = 1;
    double gap = 0;  // after the last launch of the device; negative: overlaps it
  };
  LaunchResult launch(uint16_t device, const Work& work) {
    const uint64_t words[] = {work.x, work.y, work.n};
    LaunchRequest request;
    request.program = programs[device];
    request.kernel = *System::select_variant(*programs[device], kKernels[work.kernel], 1);
    request.grid = {work.grid, 1, 1};
    request.arguments = std::as_bytes(std::span(words));
    request.members = {device};
    request.start_seconds = std::max(0.0, end[device] + work.gap);
    LaunchResult result = system->launch(request);
    if (result.refused) FAIL(result.refused->str());
    if (result.fault) FAIL(result.fault->str());
    end[device] = std::max(end[device], result.end_seconds);
    return result;
  }
};

void check_same(const LaunchCounters& a, const LaunchCounters& b) {
  CHECK(a.cycles == b.cycles);
  CHECK(a.overhead_cycles == b.overhead_cycles);
  CHECK(a.pipe_busy_cycles == b.pipe_busy_cycles);
  CHECK(a.pipe_busy_most_cycles == b.pipe_busy_most_cycles);
  CHECK(a.pipe_instructions == b.pipe_instructions);
  CHECK(a.stall_cycles == b.stall_cycles);
  CHECK(a.bytes == b.bytes);
  CHECK(a.events == b.events);
  CHECK(a.lines.size() == b.lines.size());
}

SystemOptions options(Mode mode, bool reuse, unsigned devices, unsigned threads = 1, uint64_t shuffle = 0) {
  SystemOptions options;
  options.mode = mode;
  options.reuse = reuse;
  options.devices = devices;
  options.threads = threads;
  options.shuffle = shuffle;
  return options;
}

// The same random launches with and without reuse; how many were reused.
unsigned compare(Mode mode, uint64_t seed, unsigned devices, unsigned threads, unsigned launches) {
  // Small enough that lines leave the L2: 910B keeps 192 MB, so the cache is made 2 MB.
  constexpr uint64_t kBytes = 1 << 20, kTiles = kBytes / 4096;
  Machine with(options(mode, true, devices, threads, seed), "cloudmatrix-384", 4, kBytes);
  Machine without(options(mode, false, devices), "cloudmatrix-384", 4, kBytes);
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return random() % n; };
  std::vector<Machine::Work> likely;  // launches that come again and again
  for (int i = 0; i < 3; ++i)
    likely.push_back({static_cast<unsigned>(below(mode == Mode::timed ? 4 : 2)), static_cast<uint32_t>(1 + below(20)),
                      below(4), below(4), 1 + below(kTiles), below(3) ? 0 : 1e-6 * static_cast<double>(below(5))});
  unsigned reused = 0;
  for (unsigned i = 0; i < launches; ++i) {
    const auto device = static_cast<uint16_t>(below(devices));
    Machine::Work work = likely[below(likely.size())];
    if (below(6) == 0) work.n = 1 + below(kTiles);
    if (below(8) == 0) work.gap = -2e-6;
    if (work.x == work.y) work.y = (work.y + 1) % 4;
    const auto source = static_cast<uint16_t>(below(10) == 0 ? below(devices) : device);  // some read from elsewhere
    Machine::Work here = work;
    here.x = with.buffers[source][work.x];
    here.y = with.buffers[device][work.y];
    CHECK(here.x == without.buffers[source][work.x]);
    if (below(12) == 0) {  // a copy between launches
      CHECK(!with.system->copy(here.y, here.x, kBytes / 2).fault);
      CHECK(!without.system->copy(here.y, here.x, kBytes / 2).fault);
    }
    const LaunchResult a = with.launch(device, here), b = without.launch(device, here);
    CHECK(!b.reused);
    reused += a.reused;
    check_same(a.counters, b.counters);
    if (a.counters.cycles != b.counters.cycles) FAIL("launch " << i << " of seed " << seed);
    CHECK(a.end_seconds == b.end_seconds);
  }
  if (mode == Mode::timed)
    for (unsigned device = 0; device < devices; ++device)
      for (uint64_t buffer : with.buffers[device]) {
        std::vector<uint32_t> a(kBytes / 4), b(kBytes / 4);
        CHECK(!with.system->read(a.data(), buffer, kBytes).fault);
        CHECK(!without.system->read(b.data(), buffer, kBytes).fault);
        CHECK(a == b);
      }
  return reused;
}

}  // namespace

TEST_CASE("random launches on one and on several devices take as long as without reuse") {
  for (Mode mode : {Mode::timed, Mode::timing_only}) {
    unsigned reused = 0;
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      CAPTURE(seed);
      reused += compare(mode, seed, 1, 1 + seed % 4, 30);
      reused += compare(mode, seed, 4, 1 + seed % 4, 40);
    }
    MESSAGE(reused << " launches reused");
    CHECK(reused > 60);
  }
}

TEST_CASE("shards on many devices are simulated once") {
  constexpr unsigned kDevices = 16;
  for (Mode mode : {Mode::timed, Mode::timing_only}) {
    Machine machine(options(mode, true, kDevices), "cloudmatrix-384", 2, 1 << 20);
    Machine every(options(mode, false, kDevices), "cloudmatrix-384", 2, 1 << 20);
    unsigned reused = 0;
    for (int turn = 0; turn < 3; ++turn)
      for (uint16_t device = 0; device < kDevices; ++device) {
        const Machine::Work work{0, 24, machine.buffers[device][0], machine.buffers[device][1], 256, 0};
        const LaunchResult a = machine.launch(device, work), b = every.launch(device, work);
        check_same(a.counters, b.counters);
        reused += a.reused;
      }
    CHECK(reused >= kDevices * 3 - 3);
  }
}

TEST_CASE("a shard that differs is simulated, and what it leaves in the cache counts") {
  constexpr unsigned kDevices = 4;
  Machine machine(options(Mode::timing_only, true, kDevices), "cloudmatrix-384", 2, 1 << 20);
  Machine every(options(Mode::timing_only, false, kDevices), "cloudmatrix-384", 2, 1 << 20);
  std::vector<unsigned> reused(kDevices);
  for (int turn = 0; turn < 2; ++turn)
    for (uint16_t device = 0; device < kDevices; ++device) {
      Machine::Work work{0, 24, machine.buffers[device][0], machine.buffers[device][1], 256, 0};
      if (turn == 0 && device == 2) work.n = 200;
      const LaunchResult a = machine.launch(device, work), b = every.launch(device, work);
      check_same(a.counters, b.counters);
      reused[device] += a.reused;
    }
  CHECK(reused == std::vector<unsigned>{0, 2, 0, 2});
}

TEST_CASE("nothing that crosses a link is reused") {
  constexpr unsigned kDevices = 4;
  Machine machine(options(Mode::timing_only, true, kDevices), "cloudmatrix-384", 2, 1 << 20);
  Machine every(options(Mode::timing_only, false, kDevices), "cloudmatrix-384", 2, 1 << 20);
  for (int turn = 0; turn < 3; ++turn)
    for (uint16_t device = 0; device < kDevices; ++device) {
      const Machine::Work work{0, 24, machine.buffers[0][0], machine.buffers[device][1], 256, -1e-5};
      const LaunchResult a = machine.launch(device, work), b = every.launch(device, work);
      check_same(a.counters, b.counters);
      if (device) CHECK(!a.reused);
    }
}

TEST_CASE("what is not proven to do the same elsewhere is reused at the same addresses only") {
  Machine machine(options(Mode::timing_only, true, 2), "cloudmatrix-384", 2, 1 << 20);
  auto reused = [&](uint16_t device, unsigned kernel) {
    return machine.launch(device, {kernel, 24, machine.buffers[device][0], machine.buffers[device][1], 64, 0}).reused;
  };
  CHECK(!reused(0, 1));
  CHECK(!reused(1, 1));
  for (int i = 0; i < 3; ++i) reused(0, 1);
  CHECK(reused(0, 1));
}

TEST_CASE("what depends on data is run and compared") {
  Machine machine(options(Mode::timed, true, 1), "cloudmatrix-384", 2, 1 << 20);
  Machine every(options(Mode::timed, false, 1), "cloudmatrix-384", 2, 1 << 20);
  std::vector<bool> reused;
  for (int i = 0; i < 12; ++i) {
    if (i == 8)  // other rows from now on
      for (Machine* one : {&machine, &every})
        CHECK(!one->system->fill(one->buffers[0][0], 0x80000000, 4, 1 << 20).fault);
    const Machine::Work work{2, 24, machine.buffers[0][0], machine.buffers[0][1], 64, 0};
    const LaunchResult a = machine.launch(0, work), b = every.launch(0, work);
    check_same(a.counters, b.counters);
    reused.push_back(a.reused);
  }
  CHECK(reused[7]);
  CHECK(!reused[8]);
}

namespace {

// Adds x to y at a distance that x says, and counts the threads: loads, stores and atomics whose places depend on data.
const char* const kScatter = R"(
.kernel scatter simt
.param x 8 ptr
.param y 8 ptr
.param count 8 ptr
 ld.param.b64 s2, [x]
 ld.param.b64 s3, [y]
 ld.param.b64 s4, [count]
 rdsr.ctaid.x.u32 s5
 rdsr.tid.x.u32 r0
 mov.b32 r1, s5
 mad.s32 r1, r1, 128, r0
 ld.gm.b32 r2, [s2 + r1*4]
 add.s32 r3, r1, r2
 ld.gm.b32 r4, [s3 + r3*4]
 add.s32 r4, r4, 1
 st.gm.b32 [s3 + r3*4], r4
 mov.b32 r5, 1
 red.gm.add.u32 [s4], r5
 exit
)";

struct Lanes {
  std::unique_ptr<System> system;
  std::shared_ptr<Program> program;
  uint64_t x = 0, y = 0, count = 0;
  double end = 0;

  explicit Lanes(SystemOptions options) {
    auto machine = machine::load("ascend-950pr");
    if (!machine) FAIL(machine.diagnostic().str());
    auto created = System::create(std::move(*machine), options);
    if (!created) FAIL(created.diagnostic().str());
    system = std::move(*created);
    auto executable = assembler::assemble(kScatter, "scatter.s");
    if (!executable) FAIL(executable.diagnostic().str());
    const uint16_t device = 0;
    auto loaded = system->load(image::write(*executable), std::span(&device, 1), "scatter");
    if (!loaded) FAIL(loaded.diagnostic().str());
    program = *loaded;
    for (uint64_t* buffer : {&x, &y, &count}) {
      auto address = system->memory().allocate(1 << 20, Placement::on, std::span(&device, 1), "buffer");
      if (!address) FAIL(address.diagnostic().str());
      *buffer = *address;
    }
  }
  LaunchResult launch(uint32_t blocks, double gap) {
    const uint64_t words[] = {x, y, count};
    const uint16_t device = 0;
    LaunchRequest request;
    request.program = program;
    request.grid = {blocks, 1, 1};
    request.block = {128, 1, 1};
    request.arguments = std::as_bytes(std::span(words));
    request.members = {device};
    request.start_seconds = std::max(0.0, end + gap);
    LaunchResult result = system->launch(request);
    if (result.fault) FAIL(result.fault->str());
    end = result.end_seconds;
    return result;
  }
};

}  // namespace

TEST_CASE("a SIMT launch is reused if it does the same, which is known afterwards") {
  Lanes with(options(Mode::timed, true, 1, 2)), without(options(Mode::timed, false, 1));
  std::mt19937_64 random(7);
  unsigned reused = 0, changed = 0;
  for (int i = 0; i < 40; ++i) {
    if (i % 10 == 9) {  // other places from now on
      ++changed;
      for (Lanes* lanes : {&with, &without}) CHECK(!lanes->system->fill(lanes->x, changed * 3, 4, 1 << 19).fault);
    }
    const double gap = random() % 5 == 0 ? -1e-6 : 0;
    const auto blocks = static_cast<uint32_t>(8 + 8 * (random() % 2));
    const LaunchResult a = with.launch(blocks, gap), b = without.launch(blocks, gap);
    check_same(a.counters, b.counters);
    CHECK(!b.reused);
    reused += a.reused;
  }
  MESSAGE(reused << " launches reused");
  CHECK(reused >= 8);
  std::vector<uint32_t> a(1 << 18), b(1 << 18);
  for (uint64_t Lanes::* buffer : {&Lanes::y, &Lanes::count}) {
    CHECK(!with.system->read(a.data(), with.*buffer, 1 << 20).fault);
    CHECK(!without.system->read(b.data(), without.*buffer, 1 << 20).fault);
    CHECK(a == b);
  }
}
