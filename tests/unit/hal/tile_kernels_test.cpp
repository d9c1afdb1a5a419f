// Tile kernels through the HAL of the simulated device: what entries say, dispatches of groups, modes and checks.
#include <doctest/doctest.h>
#include <phalanx/hal/drivers/sim.h>
#include <phalanx/hal/instance.h>

#include <cstring>

#include "device_sim/assembler/assembler.h"
#include "device_sim/machine/machine.h"

using namespace phx::hal;

namespace {

const char* const kProgram = R"(
.kernel both aic
.flags mix
.param x 8 ptr
 cross_set.mode2.s.id1
 exit
.kernel both aiv
.flags mix
.param x 8 ptr
 ld.param.b64 s2, [x]
 rdsr.block_idx.u64 s4
 shl.b64 s5, s4, 2
 add.u64 s2, s2, s5
 cross_wait.mode2.s.id1
 st.gm.b32 [s2], s4
 exit
.kernel cube aic
.param x 8 ptr
 exit
.kernel unordered aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 mov.b64 s5, 0x10010
 dma_gm_ub zero, s2, 0x400001, zero
 vexp.f32 zero, zero, s5
 exit
.kernel branches aiv
.param x 8 ptr
 ld.param.b64 s2, [x]
 ld.gm.b32 s5, [s2]
 setp.eq.s32 p0, s5, zero
 bra out, p0
out:
 exit
)";

struct Opened : Telemetry {
  explicit Opened(Config config) {
    auto machine = phx::machine::load("ascend-910b1");
    REQUIRE(machine.ok());
    config["machine"] = "ascend-910b1";
    auto assembled =
        phx::assembler::assemble(".target aic \"" + phx::machine::digest(*machine) + "\"" + kProgram, "test");
    REQUIRE_MESSAGE(assembled.ok(), assembled.diagnostic().str());
    REQUIRE(instance.add(sim::driver_kind()).ok());
    driver = *instance.open("sim", config, this);
    group.emplace(*driver->devices());
    executable = *group->load(phx::image::write(*assembled), "test");
    buffer = *group->allocate({4096, 256, Placement::on(0), "x"});
  }
  Status run(const char* kernel, uint32_t grid, uint32_t threads = 1) {
    Dispatch dispatch;
    dispatch.executable = executable;
    dispatch.entry = *executable->find(kernel);
    dispatch.grid = {grid, 1, 1};
    dispatch.block = {threads, 1, 1};
    dispatch.arguments.resize(8);
    const Address address = buffer->address();
    std::memcpy(dispatch.arguments.data(), &address, 8);
    auto commands = std::make_shared<CommandBuffer>();
    commands->dispatch(std::move(dispatch));
    Submission submission;
    submission.commands = commands;
    auto done = group->create_semaphore();
    submission.signals = {{done, 1}};
    auto queue = *group->create_queue(EngineKind::compute);
    if (Status status = queue->submit(std::move(submission)); !status) return status;
    return done->wait(1, 60).status();
  }
  const EntryPoint& entry(const char* name) { return executable->entries()[*executable->find(name)]; }
  void kernel(const KernelRecord& record) override { kernels.push_back(record); }
  void fault(const FaultRecord& record) override { faults.push_back(record); }

  Instance instance;
  std::shared_ptr<Driver> driver;
  std::optional<Group> group;
  std::shared_ptr<Executable> executable;
  std::shared_ptr<Buffer> buffer;
  std::vector<KernelRecord> kernels;
  std::vector<FaultRecord> faults;
};

std::string refusal(Config config) {
  Instance instance;
  REQUIRE(instance.add(sim::driver_kind()).ok());
  return instance.open("sim", config).status().message();
}

}  // namespace

TEST_CASE("an entry says which cores it takes and how many of its grid are resident") {
  Opened opened({});
  CHECK(opened.executable->entries().size() == 4);
  CHECK(opened.entry("both").core == "mix");
  CHECK(opened.entry("both").resident_grid == 24);
  CHECK(opened.entry("cube").core == "aic");
  CHECK(opened.entry("cube").resident_grid == 24);
  CHECK(opened.entry("unordered").core == "aiv");
  CHECK(opened.entry("unordered").resident_grid == 48);
  CHECK(opened.executable->occupancy(*opened.executable->find("cube"), 1, 0)->blocks_per_core == 1);
  CHECK(opened.executable->occupancy(*opened.executable->find("cube"), 32, 0).status().code() ==
        Code::out_of_resources);
}

TEST_CASE("a dispatch of a mix counts groups") {
  Opened opened({});
  REQUIRE(opened.run("both", 3).ok());
  REQUIRE(opened.kernels.size() == 1);
  CHECK(opened.kernels[0].grid.x == 3);
  CHECK(opened.kernels[0].cycles.has_value());
  CHECK(!opened.kernels[0].instructions.empty());
  CHECK(opened.run("both", 3, 32).code() == Code::out_of_resources);
}

TEST_CASE("kernels of the two core kinds run side by side") {
  Opened opened({});
  REQUIRE(opened.run("cube", 24).ok());
  REQUIRE(opened.run("unordered", 48).ok());
  REQUIRE(opened.run("both", 1).ok());
  CHECK(opened.kernels[1].start == opened.kernels[0].start);
  CHECK(opened.kernels[2].start >= opened.kernels[1].end);
}

TEST_CASE("synccheck tells what it found, a line each") {
  Opened opened({{"check", "synccheck"}});
  CHECK(opened.run("unordered", 2).code() == Code::device_fault);
  REQUIRE(opened.faults.size() == 1);
  CHECK(opened.faults[0].kind == FaultKind::missing_flag);
  REQUIRE(opened.faults[0].notes.size() == 1);
  CHECK(opened.faults[0].notes[0].find("v reads the unified buffer [0, 64) while mte2 may still write it") == 0);
  Opened unchecked({});
  CHECK(unchecked.run("unordered", 2).ok());
}

TEST_CASE("timing-only mode runs what does not depend on data") {
  Opened opened({{"mode", "timing-only"}});
  CHECK(opened.driver->facts().mode == "timing-only");
  CHECK(opened.run("unordered", 2).ok());
  CHECK(opened.kernels[0].cycles.has_value());
  const Status refused = opened.run("branches", 2);
  CHECK(refused.code() == Code::unsupported);
  CHECK(refused.message().find("branches: timing-only mode needs times that do not depend on data") == 0);
}

TEST_CASE("checks that are not there are refused with those that are") {
  CHECK(refusal({{"check", "memcheck,leakcheck"}}) ==
        "option 'check' is 'leakcheck'; expected a list of: memcheck, initcheck, racecheck, synccheck, all, hints "
        "(memcheck is "
        "always on, and so are its parts bounds, alignment, lifetime, deadlock)");
  CHECK(refusal({{"mode", "fast"}}) == "option 'mode' is 'fast'; expected timed, functional or timing-only");
}
