#include "device_sim/timing/counters.h"

#include "device_sim/isa/fields.h"
#include "device_sim/timing/work.h"

namespace phx::sim::timing {
namespace {

constexpr const char* kPipeNames[] = {"s", "v", "m", "mte1", "mte2", "mte3", "fix"};
// msprof's names of them.
constexpr const char* kUnitNames[] = {"scalar", "vec", "mac", "mte1", "mte2", "mte3", "fixpipe"};
constexpr unsigned kScalar = 0, kVector = 1, kCube = 2;

uint64_t cycles(uint64_t ticks) { return whole_cycles(static_cast<Ticks>(ticks)); }

// "fp16", "fp32", "int8", … as msprof splits the work of the cube and the vector unit.
std::string precision(isa::Type type) {
  const isa::TypeInfo& info = isa::info(type);
  switch (info.group) {
    case isa::TypeGroup::f16:
    case isa::TypeGroup::f32:
    case isa::TypeGroup::f64:
      return "fp" + std::to_string(type == isa::Type::F16X2 || type == isa::Type::BF16X2 ? 16 : info.bits);
    default:
      return "int" + std::to_string(info.bits);
  }
}

// What an instruction waited for, in words: a flag is named by its pipes, a queue by the pipe that it feeds.
std::string cause_of(Stall cause, const isa::Instruction& instruction) {
  switch (cause) {
    case Stall::wait_v:
    case Stall::wait_m:
    case Stall::wait_mte1:
    case Stall::wait_mte2:
    case Stall::wait_mte3:
    case Stall::wait_fix:
    case Stall::flag:
      if (instruction.op == isa::Opcode::WaitFlag)
        return std::string(kPipeNames[static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % 7]) + "->" +
               kPipeNames[static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % 7];
      return instruction.op == isa::Opcode::CrossWait ? "cross" : "barrier";
    case Stall::queue:
      if (instruction.op == isa::Opcode::SetFlag)
        return std::string("queue ") + kPipeNames[static_cast<unsigned>(isa::field::Flag::get_src(instruction)) % 7];
      if (instruction.op == isa::Opcode::WaitFlag)
        return std::string("queue ") + kPipeNames[static_cast<unsigned>(isa::field::Flag::get_to(instruction)) % 7];
      if (const isa::RowInfo* row = isa::row(instruction.op))
        return std::string("queue ") + kPipeNames[static_cast<unsigned>(row->pipe) % 7];
      return "queue";
    default:
      return kStallNames[static_cast<unsigned>(cause)];
  }
}

// The lines, and what follows from instructions one by one: work by precision.
void count_instructions(Replay& replay, const TimingEngine::Code& code, bool simt, LaunchCounters& counters) {
  int64_t issues = 0, lanes = 0;
  for (size_t i = 0; i + 1 < replay.lines.size(); ++i) {
    const LineTally& tally = replay.lines[i];
    issues += tally.issues;
    lanes += tally.lanes;
    const StallTable::Causes* causes = replay.stalls.of(i);
    if (issues == 0) continue;
    LaunchCounters::Line& line = counters.lines.emplace_back();
    line.word = i < code.words.size() ? code.words[i] : static_cast<uint32_t>(i);
    line.issues = static_cast<uint64_t>(issues);
    line.lanes = static_cast<uint64_t>(lanes);
    if (i >= code.instructions.size()) continue;
    const isa::Instruction& instruction = code.instructions[i];
    uint64_t stalled = 0;
    for (unsigned cause = 0; causes && cause < kStalls; ++cause)
      if (const uint64_t ticks = (*causes)[cause]) {
        stalled += ticks;
        if (cycles(ticks)) line.stalls.emplace_back(cause_of(static_cast<Stall>(cause), instruction), cycles(ticks));
      }
    line.stall_cycles = cycles(stalled);
    const isa::RowInfo* row = isa::row(instruction.op);
    if (!row) continue;
    const bool on_pipe = !simt && tally.busy;
    const auto pipe = on_pipe ? static_cast<unsigned>(row->pipe) % 7 : simt ? kVector : kScalar;
    line.pipe = kPipeNames[pipe];
    line.busy_cycles =
        cycles(on_pipe ? tally.busy : line.issues * (replay.table.busy_before[i + 1] - replay.table.busy_before[i]));
    auto add = [&](const std::string& name, uint64_t amount) {
      if (amount) counters.profile[name] += amount;
    };
    if (simt) {
      add("aiv_simt_fops", operations_per_element(instruction) * line.lanes);
    } else if (on_pipe && pipe == kCube) {
      add("aic_mac_" + precision(instruction.type) + "_cycles", line.busy_cycles);
      add("aic_cube_fops", 2 * tally.work);
      add("aic_cube_" + std::string(isa::info(instruction.type).name) + "_fops", 2 * tally.work);
    } else if (on_pipe && pipe == kVector) {
      const unsigned operations = operations_per_element(instruction);
      const std::string fops = precision(instruction.type);
      const bool arithmetic = operations || fops.starts_with("int");
      add("aiv_vec_" + (arithmetic ? fops : std::string("misc")) + "_cycles", line.busy_cycles);
      add("aiv_vec_fops", operations * elements_per_repeat(instruction) * tally.work);
      add("aiv_vec_" + fops + "_fops", operations * elements_per_repeat(instruction) * tally.work);
    }
  }
}

// Cycles and instructions of the pipes by core kind.
void count_units(const Tally& tally, bool simt, LaunchCounters& counters) {
  for (size_t kind = 0; kind < 2; ++kind) {
    const std::string core = kind == 0 ? "aic_" : "aiv_";
    auto put = [&](const std::string& name, uint64_t value) {
      if (value) counters.profile[core + name] = value;
    };
    put("cores", tally.cores[kind]);
    put("total_cycles", cycles(tally.core_ticks[kind]));
    for (size_t pipe = 0; pipe < tally.kind_busy[kind].size(); ++pipe) {
      put(kUnitNames[pipe] + std::string("_cycles"), cycles(tally.kind_busy[kind][pipe]));
      put(kUnitNames[pipe] + std::string("_instructions"), tally.kind_instructions[kind][pipe]);
    }
    if (simt && kind == 1) put("simt_cycles", cycles(tally.pipe_busy[kVector]));
  }
  auto put = [&](const char* name, uint64_t value) {
    if (value) counters.profile[name] = value;
  };
  const MemoryTally& memory = tally.memory;
  put("read_cache_hit", memory.l2_hits - memory.l2_write_hits);
  put("read_cache_miss", memory.l2_misses - memory.l2_write_misses);
  put("write_cache_hit", memory.l2_write_hits);
  put("write_cache_miss", memory.l2_write_misses);
}

}  // namespace

void count(Replay& replay, const TimingEngine::Code& code, bool simt, LaunchCounters& counters) {
  const Tally& tally = replay.tally;
  for (size_t pipe = 0; pipe < tally.pipe_busy.size(); ++pipe)
    if (tally.pipe_busy[pipe]) counters.pipe_busy_cycles[kPipeNames[pipe]] = cycles(tally.pipe_busy[pipe]);
  for (size_t pipe = 0; pipe < tally.pipe_busy.size(); ++pipe) {
    if (tally.pipe_busy_most[pipe])
      counters.pipe_busy_most_cycles[kPipeNames[pipe]] = cycles(tally.pipe_busy_most[pipe]);
    if (tally.pipe_instructions[pipe]) counters.pipe_instructions[kPipeNames[pipe]] = tally.pipe_instructions[pipe];
  }
  for (unsigned reason = 0; reason < kStalls; ++reason)
    if (tally.stalls[reason]) counters.stall_cycles[kStallNames[reason]] = cycles(tally.stalls[reason]);

  auto put = [](std::map<std::string, uint64_t>& to, const char* name, uint64_t value) {
    if (value) to[name] = value;
  };
  put(counters.bytes, "l2_read", tally.memory.l2_read);
  put(counters.bytes, "l2_write", tally.memory.l2_write);
  put(counters.bytes, "hbm_read", tally.memory.hbm_read);
  put(counters.bytes, "hbm_write", tally.memory.hbm_write);
  put(counters.bytes, "dcache_hit", tally.cache_hit_bytes);
  put(counters.bytes, "ub", tally.ub_bytes);
  put(counters.bytes, "remote_read", tally.remote_read);
  put(counters.bytes, "remote_write", tally.remote_write);
  put(counters.bytes, "host_read", tally.host_read);
  put(counters.bytes, "host_write", tally.host_write);
  for (size_t path = 0; path < tally.path_bytes.size(); ++path)
    put(counters.bytes, kPathNames[path], tally.path_bytes[path]);
  for (size_t type = 0; type < tally.macs.size(); ++type) {
    if (tally.macs[type] == 0) continue;
    counters.events["macs"] += tally.macs[type];
    counters.events["macs." + std::string(isa::info(static_cast<isa::Type>(type)).name)] = tally.macs[type];
  }
  put(counters.events, "vector_repeats", tally.repeats);
  put(counters.events, "warp_instructions", tally.warp_instructions);
  put(counters.events, "lane_instructions", tally.lane_instructions);
  put(counters.events, "dcache_hits", tally.cache_hits);
  put(counters.events, "dcache_misses", tally.cache_misses);
  put(counters.events, "l2_hits", tally.memory.l2_hits);
  put(counters.events, "l2_misses", tally.memory.l2_misses);
  put(counters.events, "ub_conflict_cycles", cycles(tally.ub_conflict_ticks));
  put(counters.events, "barriers", tally.barriers);
  put(counters.events, "ordered_operations", tally.ordered);
  put(counters.events, "atomics", tally.atomics);
  put(counters.events, "blocks", tally.blocks);
  put(counters.events, "unresolved_waits", tally.unresolved);

  count_units(tally, simt, counters);
  count_instructions(replay, code, simt, counters);
  for (const Fabric::Activity& link : replay.fabric.activity())
    counters.links.push_back({link.level + ": " + std::to_string(link.from) + " -> " + std::to_string(link.to),
                              link.bytes, whole_cycles(link.busy)});
}

}  // namespace phx::sim::timing
