// The pipes of a tile core against the formulas of docs/timing.md.

#include <algorithm>

#include "tests/unit/timing/event_streams.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

const isa::Operand kS = isa::operand::s(0);

isa::Instruction tile(isa::Opcode op, isa::Type type = isa::Type::F16) {
  return {.op = op, .type = type, .dst = kS, .a = kS, .b = kS, .c = kS};
}
isa::Instruction fixpipe(bool unit) {
  isa::Instruction i = tile(isa::Opcode::Fixpipe, isa::Type::F32);
  isa::field::Fixpipe::set_to(i, isa::FixTarget::FixGm);
  isa::field::Fixpipe::set_from(i, isa::Type::F32);
  isa::field::Fixpipe::set_unit(i, unit);
  return i;
}
isa::Instruction flag(bool set, isa::PipeField from, isa::PipeField to, isa::Operand id) {
  isa::Instruction i{.op = set ? isa::Opcode::SetFlag : isa::Opcode::WaitFlag, .a = id};
  isa::field::Flag::set_src(i, from);
  isa::field::Flag::set_to(i, to);
  return i;
}
uint64_t shape(unsigned m, unsigned n, unsigned k, bool unit = false, uint64_t place = 0) {
  return m | uint64_t{k} << 12 | uint64_t{n} << 24 | uint64_t{unit} << 38 | place << 48;
}
void record(WarpScript& script, uint64_t work, uint64_t shape) {
  script.events.accesses.push_back(uint64_t(AccessKind::tile) | uint64_t(1) << 16 | work << 32);
  script.events.accesses.push_back(shape);
}
void rows(WarpScript& script, uint32_t bytes, uint32_t count, uint64_t pitch, uint64_t line) {
  script.events.accesses.push_back(uint64_t(AccessKind::dma) | uint64_t(1) << 16);
  script.events.accesses.push_back(bytes | uint64_t{count - 1} << 32);
  script.events.accesses.push_back(0xF | line << 4);
  if (count > 1) script.events.accesses.push_back(pitch);
}
machine::Machine simple() { return machine_with({"chip.clock=1GHz"}); }
LaunchCounters replay(std::vector<isa::Instruction> code, WarpScript script, image::CoreKind core,
                      machine::Machine machine = simple()) {
  LaunchScript launch{.machine = std::move(machine), .code = std::move(code), .core = core};
  script.end();
  launch.blocks = {{script}};
  return launch.replay();
}

}  // namespace

TEST_CASE("mmads are busy for exactly head + blocks, and idle_start where the cube was idle") {
  const machine::Machine machine = simple();
  const auto head = static_cast<uint64_t>(machine.chip.cube.head_cycles);
  const auto idle = static_cast<uint64_t>(machine.chip.cube.idle_start_cycles);
  const unsigned count = 20;
  auto busy = [&](isa::Type type, uint64_t shape) {
    WarpScript script;
    script.run(0, count);
    for (unsigned i = 0; i < count; ++i) record(script, 0, shape);
    return replay(std::vector<isa::Instruction>(count, tile(isa::Opcode::Mmad, type)), script, image::CoreKind::aic);
  };
  LaunchCounters counters = busy(isa::Type::F16, shape(128, 256, 64));
  CHECK(counters.pipe_busy_cycles.at("m") == idle + count * (head + 8 * 16 * 4));
  CHECK(counters.pipe_busy_most_cycles.at("m") == counters.pipe_busy_cycles.at("m"));
  CHECK(counters.pipe_instructions.at("m") == count);
  CHECK(counters.events.at("macs") == uint64_t{count} * 128 * 256 * 64);
  // Parts of a block cost a block; 32 s8 or 8 f32 are one block deep, and f32 takes four times as long a MAC.
  CHECK(busy(isa::Type::F16, shape(1, 17, 65)).pipe_busy_cycles.at("m") == idle + count * (head + 1 * 2 * 5));
  CHECK(busy(isa::Type::S8, shape(16, 16, 64)).pipe_busy_cycles.at("m") == idle + count * (head + 2));
  CHECK(busy(isa::Type::F32, shape(16, 16, 64)).pipe_busy_cycles.at("m") == idle + count * (head + 8 * 2));
}

TEST_CASE("a cube that waits for its loads is idle before each mmad") {
  const machine::Machine machine = simple();
  const auto mte1 = isa::PipeField::PipeMte1, m = isa::PipeField::PipeM;
  WarpScript script;
  const unsigned count = 5;
  std::vector<isa::Instruction> code;
  for (unsigned i = 0; i < count; ++i) {
    for (isa::Instruction next :
         {flag(false, m, mte1, isa::operand::kZero), tile(isa::Opcode::L1L0b), flag(true, mte1, m, isa::operand::kZero),
          flag(false, mte1, m, isa::operand::kZero), tile(isa::Opcode::Mmad), flag(true, m, mte1, isa::operand::kZero)})
      code.push_back(next);
  }
  code.insert(code.begin(), flag(true, m, mte1, isa::operand::kZero));
  script.run(0, static_cast<uint32_t>(code.size()));
  for (unsigned i = 0; i < count; ++i) {
    record(script, 64 * 256 * 2, 0);
    record(script, 0, shape(16, 256, 64));
  }
  LaunchCounters counters = replay(code, script, image::CoreKind::aic);
  const double mmad = machine.chip.cube.head_cycles + machine.chip.cube.idle_start_cycles + 16 * 4;
  const double load = 64 * 256 * 2 / (machine.chip.mte1.efficiency * machine.chip.mte1.l0b_bytes_per_cycle);
  CHECK(counters.pipe_busy_cycles.at("m") == static_cast<uint64_t>(count * mmad));
  CHECK(double(counters.pipe_busy_cycles.at("mte1")) == doctest::Approx(count * load).epsilon(0.001));
  CHECK(counters.bytes.at("l1->l0b") == count * 64 * 256 * 2);
  const double serial = count * (mmad + load + 2 * machine.chip.sync.flag_cycles);
  CHECK(double(counters.cycles - counters.overhead_cycles) == doctest::Approx(serial).epsilon(0.03));
  CHECK(double(counters.stall_cycles.at("wait_m")) > 4 * load);
}

TEST_CASE("a fixpipe drains accumulators and writes rows; with unit flags it overlaps and lets go early") {
  const machine::Machine machine = simple();
  const machine::Fixpipe& fix = machine.chip.fixpipe;
  const double drain = fix.head_cycles + 128 * 256 * 4 / fix.bytes_per_cycle;
  auto run = [&](bool unit) {
    std::vector<isa::Instruction> code;
    WarpScript script;
    const auto m = isa::PipeField::PipeM, f = isa::PipeField::PipeFix;
    for (unsigned tile_number = 0; tile_number < 3; ++tile_number) {
      if (tile_number && !unit) code.push_back(flag(false, f, m, isa::operand::kZero));
      code.push_back(tile(isa::Opcode::Mmad));
      record(script, 0, shape(128, 256, 256));
      code.push_back(tile(isa::Opcode::Mmad));
      record(script, 0, shape(128, 256, 256, unit));
      if (!unit) {
        code.push_back(flag(true, m, f, isa::operand::kZero));
        code.push_back(flag(false, m, f, isa::operand::kZero));
      }
      code.push_back(fixpipe(unit));
      record(script, 128 * 256, 0);
      rows(script, 512, 128, 8192, 1000 + 16 * tile_number);
      if (!unit) code.push_back(flag(true, f, m, isa::operand::kZero));
    }
    script.run(0, static_cast<uint32_t>(code.size()));
    return replay(code, script, image::CoreKind::aic);
  };
  const double mmad = machine.chip.cube.head_cycles + 8 * 16 * 16;
  LaunchCounters apart = run(false), overlapping = run(true);
  const double serial = 3 * (2 * mmad + drain);
  CHECK(double(apart.cycles - apart.overhead_cycles) == doctest::Approx(serial).epsilon(0.05));
  // The drain starts with the last mmad, and the next tile waits for a part of it at most.
  const double released = fix.head_cycles + fix.release_share * (drain - fix.head_cycles);
  const double tile_time = mmad + std::max(mmad, released);
  CHECK(double(overlapping.cycles - overlapping.overhead_cycles) ==
        doctest::Approx(2 * tile_time + mmad + std::max(mmad, drain)).epsilon(0.05));
  CHECK(apart.bytes.at("l0c->gm") == 3 * 128 * 512);
  CHECK(apart.pipe_busy_cycles.at("fix") >= static_cast<uint64_t>(3 * drain));
  CHECK(overlapping.events.count("unresolved_waits") == 0);
}

TEST_CASE("vector instructions: head and tail for each 255 repeats, and sources that share no bank group") {
  const machine::Machine machine = simple();
  const machine::VectorTiming& vadd = machine.chip.vector.timing.at("vadd");
  const double overhead = vadd.head_cycles + vadd.tail_cycles;
  auto busy = [&](isa::Opcode op, uint64_t repeats, uint64_t places) {
    WarpScript script;
    script.run(0, 1);
    record(script, repeats, places);
    return double(replay({tile(op)}, script, image::CoreKind::aiv).pipe_busy_cycles.at("v"));
  };
  auto places = [](uint64_t a, uint64_t b) { return a / 32 | b / 32 << 20 | uint64_t{1} << 63; };
  CHECK(busy(isa::Opcode::Vadd, 100, 0) == overhead + 100 * vadd.slope_cycles);
  CHECK(busy(isa::Opcode::Vadd, 255, 0) == overhead + 255 * vadd.slope_cycles);
  CHECK(busy(isa::Opcode::Vadd, 256, 0) == 2 * overhead + 256 * vadd.slope_cycles);
  // 16 groups of 32 bytes: eight groups a repeat, so a distance of 256 bytes modulo 512 keeps two sources apart.
  CHECK(busy(isa::Opcode::Vadd, 100, places(0, 65536)) == overhead + 100 * vadd.slope_cycles);
  CHECK(busy(isa::Opcode::Vadd, 100, places(0, 65536 + 128)) == overhead + 100 * vadd.slope_cycles);
  CHECK(busy(isa::Opcode::Vadd, 100, places(512, 65536 + 256)) == overhead + 100);
  CHECK(busy(isa::Opcode::Vadd, 100, places(65536 + 256, 512)) == overhead + 100);
  const machine::VectorTiming& vexp = machine.chip.vector.timing.at("vexp.f16");
  CHECK(busy(isa::Opcode::Vexp, 10, 0) == vexp.head_cycles + vexp.tail_cycles + 10 * vexp.slope_cycles);
}

TEST_CASE("row reductions: a slope a row, and the folds of rows of several repeats") {
  auto busy = [&](const machine::Machine& machine, uint64_t repeats, uint64_t rows, isa::Type type) {
    WarpScript script;
    script.run(0, 1);
    record(script, repeats, uint64_t{1} << 62 | rows);
    return double(
        replay({tile(isa::Opcode::Vcadd, type)}, script, image::CoreKind::aiv, machine).pipe_busy_cycles.at("v"));
  };
  const machine::Machine machine = simple();
  const auto& timing = machine.chip.vector.timing;
  const machine::VectorTiming &sum = timing.at("vcadd"), &add = timing.at("vadd");
  const double head = sum.head_cycles + sum.tail_cycles, fold = add.head_cycles + add.tail_cycles;
  CHECK(busy(machine, 64, 64, isa::Type::F32) == head + 64 * sum.slope_cycles);
  // Halves that are one repeat apart share no bank group.
  CHECK(busy(machine, 128, 64, isa::Type::F32) == head + 64 * sum.slope_cycles + fold + 64);
  CHECK(busy(machine, 256, 64, isa::Type::F32) ==
        head + 64 * sum.slope_cycles + 2 * fold + 128 * add.slope_cycles + 64);
  // What loops in registers folds without instructions of its own.
  const machine::Machine looping = machine_with({"chip.clock=1GHz"}, "ascend-950pr");
  const machine::VectorTiming &a5 = looping.chip.vector.timing.at("vcadd"),
                              &a5_add = looping.chip.vector.timing.at("vadd");
  CHECK(busy(looping, 600, 300, isa::Type::F32) ==
        doctest::Approx(a5.head_cycles + a5.tail_cycles + 300 * (a5.slope_cycles + a5_add.slope_cycles)).epsilon(0.01));
}

TEST_CASE("halves have numbers of their own where they take another time") {
  const machine::Machine machine = simple();
  const auto& timing = machine.chip.vector.timing;
  auto busy = [&](isa::Type type) {
    WarpScript script;
    script.run(0, 1);
    record(script, 100, 0);
    return double(
        replay({tile(isa::Opcode::Vexp, type)}, script, image::CoreKind::aiv, machine).pipe_busy_cycles.at("v"));
  };
  auto expected = [](const machine::VectorTiming& t) { return t.head_cycles + t.tail_cycles + 100 * t.slope_cycles; };
  CHECK(busy(isa::Type::F32) == expected(timing.at("vexp")));
  CHECK(busy(isa::Type::F16) == expected(timing.at("vexp.f16")));
}

TEST_CASE("an event id from a register comes with the events") {
  const auto mte2 = isa::PipeField::PipeMte2, v = isa::PipeField::PipeV;
  std::vector<isa::Instruction> code = {tile(isa::Opcode::DmaGmUb),
                                        flag(true, mte2, v, kS),
                                        tile(isa::Opcode::DmaGmUb),
                                        flag(true, mte2, v, isa::operand::kZero),
                                        flag(false, mte2, v, kS),
                                        tile(isa::Opcode::Vexp),
                                        flag(false, mte2, v, isa::operand::kZero)};
  WarpScript script;
  script.run(0, static_cast<uint32_t>(code.size()));
  auto event = [&](uint64_t id) { script.events.accesses.push_back(uint64_t(AccessKind::tile) | id << 32); };
  rows(script, 1024, 1, 0, 0);
  event(5);
  rows(script, 1 << 20, 1, 0, 100);
  event(5);
  record(script, 1, 0);
  LaunchCounters counters = replay(code, script, image::CoreKind::aiv);
  CHECK(counters.events.count("unresolved_waits") == 0);
  CHECK(counters.pipe_instructions.at("v") == 1);
  CHECK(counters.bytes.at("gm->ub") == 1024 + (1 << 20));
}

TEST_CASE("cutting the events of two cores into rounds changes nothing") {
  const auto mte2 = isa::PipeField::PipeMte2, mte1 = isa::PipeField::PipeMte1, m = isa::PipeField::PipeM;
  std::vector<isa::Instruction> code;
  WarpScript script;
  for (unsigned i = 0; i < 6; ++i) {
    for (isa::Instruction next : {tile(isa::Opcode::DmaNd2Nz), flag(true, mte2, mte1, kS), flag(false, mte2, mte1, kS),
                                  tile(isa::Opcode::L1L0a), flag(true, mte1, m, isa::operand::kZero),
                                  flag(false, mte1, m, isa::operand::kZero), tile(isa::Opcode::Mmad)})
      code.push_back(next);
    script.run(7 * i, 3).run(7 * i + 3, 4);
    rows(script, 128, 128, 16384, 1000 * i);
    for (int event = 0; event < 2; ++event)
      script.events.accesses.push_back(uint64_t(AccessKind::tile) | uint64_t{i} << 32);
    record(script, 16384, 0);
    record(script, 0, shape(128, 256, 64, i % 2, 3));
    if (i % 2 == 0) continue;
    code.push_back(fixpipe(true));
    script.run(static_cast<uint32_t>(code.size()) - 1, 1);
    record(script, 128 * 256, 3);
    rows(script, 512, 128, 8192, 9000 * i);
    break;
  }
  script.end();
  LaunchScript launch{.machine = simple(), .code = code, .core = image::CoreKind::aic};
  launch.blocks = {{script}, {script}};
  const LaunchCounters whole = launch.replay();
  CHECK(whole.events.count("unresolved_waits") == 0);
  for (unsigned seed = 1; seed < 30; ++seed) {
    const LaunchCounters cut = launch.replay(seed);
    CHECK(cut.cycles == whole.cycles);
    CHECK(cut.pipe_busy_cycles == whole.pipe_busy_cycles);
    CHECK(cut.stall_cycles == whole.stall_cycles);
  }
}

TEST_CASE("every vector class of the instruction table has numbers on every machine") {
  for (const machine::MachineInfo& info : machine::list()) {
    const machine::Machine machine = machine_with({}, info.name.c_str());
    for (const isa::RowInfo& row : isa::rows())
      if (row.family == isa::Family::vec || row.op == isa::Opcode::SetQuant)
        CHECK_MESSAGE(machine.chip.vector.timing.contains(row.timing), info.name << ": " << row.timing);
  }
}
