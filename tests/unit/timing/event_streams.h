// Hand-made event streams: a kernel's instructions and what its warps did, for tests that compute the expected cycles.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "device_sim/isa/fields.h"
#include "device_sim/timing/engine.h"

namespace phx::sim::test {

// Cores of these tests start at once.
inline machine::Machine machine_with(std::vector<std::string> overrides, const char* name = "ascend-910b1") {
  overrides.insert(overrides.begin(), "launch.core_start=0us");
  Expected<machine::Machine> loaded = machine::load(name, overrides);
  if (!loaded) FAIL(loaded.diagnostic().str());
  return *loaded;
}

inline isa::Instruction add(unsigned dst, unsigned a, unsigned b) {
  return {.op = isa::Opcode::Add,
          .type = isa::Type::S32,
          .dst = isa::operand::r(dst),
          .a = isa::operand::r(a),
          .b = isa::operand::r(b)};
}
inline isa::Instruction memory(isa::Opcode op, isa::Space space, unsigned reg) {
  isa::Instruction i{.op = op,
                     .type = op == isa::Opcode::Atom || op == isa::Opcode::Red ? isa::Type::U32 : isa::Type::B32,
                     .dst = isa::operand::kZero,
                     .a = isa::operand::s(0),
                     .b = isa::operand::kZero,
                     .c = isa::operand::kZero};
  if (op == isa::Opcode::Atom || op == isa::Opcode::Red)
    isa::field::Atom::set_space(i, space);
  else
    isa::field::Mem::set_space(i, space);
  if (op == isa::Opcode::Ld || op == isa::Opcode::Atom) i.dst = isa::operand::r(reg);
  if (op == isa::Opcode::Ld) i.c = 0;
  if (op != isa::Opcode::Ld) i.c = isa::operand::r(op == isa::Opcode::St ? reg : 100);
  return i;
}
inline isa::Instruction load(unsigned reg, isa::Space space = isa::Space::Gm) {
  return memory(isa::Opcode::Ld, space, reg);
}
inline isa::Instruction store(unsigned reg, isa::Space space = isa::Space::Gm) {
  return memory(isa::Opcode::St, space, reg);
}
inline isa::Instruction atom(unsigned reg) { return memory(isa::Opcode::Atom, isa::Space::Gm, reg); }
inline isa::Instruction red() { return memory(isa::Opcode::Red, isa::Space::Gm, 0); }
inline isa::Instruction bar() { return {.op = isa::Opcode::Bar, .dst = isa::operand::kZero, .a = isa::operand::kZero}; }

// Appends events of one warp.
struct WarpScript {
  WarpEvents events;

  WarpScript& run(uint32_t first, uint32_t count, unsigned lanes = 32) {
    events.words.push_back(uint32_t(EventKind::run) | (lanes - 1) << 4 | count << 9);
    events.words.push_back(first);
    return *this;
  }
  WarpScript& arrive(uint32_t generation) { return word(EventKind::arrive, generation); }
  WarpScript& barrier(uint32_t generation) { return word(EventKind::barrier, generation); }
  WarpScript& ordered(uint32_t sequence) {
    events.words.push_back(uint32_t(EventKind::ordered));
    events.words.push_back(sequence);
    return *this;
  }
  WarpScript& end() { return word(EventKind::end, 0); }
  // Whole 128-byte lines from `line` on.
  WarpScript& access(AccessKind kind, uint64_t line, unsigned lines = 1, uint16_t home = 0, unsigned degree = 1,
                     uint32_t bytes = 0, unsigned sectors = 0xF) {
    events.accesses.push_back(uint64_t(kind) | uint64_t(degree) << 8 | uint64_t(lines) << 16 |
                              uint64_t(bytes ? bytes : lines * 128) << 32);
    for (unsigned i = 0; i < lines; ++i) events.accesses.push_back(sectors | (line + i) << 4 | uint64_t(home) << 48);
    return *this;
  }
  WarpScript& ub(AccessKind kind, unsigned degree) {
    events.accesses.push_back(uint64_t(kind) | uint64_t(degree) << 8 | uint64_t(128) << 32);
    return *this;
  }

 private:
  WarpScript& word(EventKind kind, uint32_t value) {
    events.words.push_back(uint32_t(kind) | value << 4);
    return *this;
  }
};

struct LaunchScript {
  machine::Machine machine{};
  std::vector<isa::Instruction> code{};
  uint32_t threads = 32, blocks_per_core = 1;
  std::vector<uint16_t> members{0};
  std::vector<uint64_t> first_block{0};
  std::vector<std::vector<WarpScript>> blocks{};  // by block, by warp
  std::vector<std::vector<uint32_t>> arrivals{};  // by block, by generation
  std::vector<OrderedRecord> ordered{};
  std::vector<DeviceTiming*> devices{};  // own ones if empty
  image::CoreKind core = image::CoreKind::simt;
  uint64_t start = 0;  // cycle

  // Feeds everything in pieces chosen by the seed (0: at once).
  LaunchCounters replay(unsigned seed = 0) {
    std::vector<uint32_t> words(code.size());
    for (uint32_t i = 0; i < words.size(); ++i) words[i] = i;
    image::Kernel kernel;
    kernel.display_name = "kernel";
    kernel.core = core;
    TimingEngine::Shape shape{.threads_per_block = threads,
                              .blocks_per_core = blocks_per_core,
                              .blocks = blocks.size(),
                              .first_block = first_block,
                              .members = members};
    std::vector<std::unique_ptr<DeviceTiming>> own;
    std::vector<DeviceTiming*> used = devices;
    if (used.empty())
      for (size_t i = 0; i < members.size(); ++i) {
        own.push_back(std::make_unique<DeviceTiming>(machine));
        used.push_back(own.back().get());
      }
    TimingEngine engine(machine, TimingEngine::Code{code, words, &kernel}, shape, used, start, nullptr);
    if (seed == 0) {
      engine.feed(whole());
    } else {
      for (RoundEvents& round : pieces(seed)) engine.feed(std::move(round));
    }
    return engine.finish();
  }

 private:
  // Access records of an instruction, and the words of one.
  static unsigned records_of(const isa::Instruction& instruction) {
    switch (isa::row(instruction.op)->family) {
      case isa::Family::mem:
      case isa::Family::dma:
      case isa::Family::cube:
      case isa::Family::vec:
        return 1;
      case isa::Family::fix:
        return instruction.op == isa::Opcode::Fixpipe &&
                       isa::field::Fixpipe::get_to(instruction) == isa::FixTarget::FixGm
                   ? 2
                   : 1;
      default:
        return instruction.op == isa::Opcode::SetFlag || instruction.op == isa::Opcode::WaitFlag
                   ? instruction.a != isa::operand::kZero
                   : 0;
    }
  }
  static size_t record_words(const std::vector<uint64_t>& accesses, size_t at) {
    const auto kind = AccessKind(accesses[at] & 0xFF);
    const size_t lines = accesses[at] >> 16 & 0xFFFF;
    if (kind == AccessKind::ub_load || kind == AccessKind::ub_store || kind == AccessKind::ub_atomic) return 1;
    if (kind != AccessKind::dma) return 1 + lines;
    size_t words = 1;
    for (size_t row = 0; row < lines; ++row) words += accesses[at + words] >> 32 ? 3 : 2;
    return words;
  }
  BlockEvents shell(size_t block) const {
    BlockEvents events;
    events.block = block;
    for (size_t m = 0; m < first_block.size(); ++m)
      if (block >= first_block[m]) events.device = static_cast<uint16_t>(m);
    events.warps.resize(blocks[block].size());
    return events;
  }
  RoundEvents whole() const {
    RoundEvents round;
    round.ordered = ordered;
    for (size_t b = 0; b < blocks.size(); ++b) {
      BlockEvents events = shell(b);
      events.finished = true;
      for (size_t w = 0; w < blocks[b].size(); ++w) events.warps[w] = blocks[b][w].events;
      if (b < arrivals.size()) events.arrivals = arrivals[b];
      round.blocks.push_back(std::move(events));
    }
    return round;
  }
  // Cuts every warp's stream at event borders into random pieces. Arrivals and ordered records come with the first
  // round, which is not later than the real engine gives them. A block is fed with an index order of its own.
  std::vector<RoundEvents> pieces(unsigned seed) const {
    std::mt19937 random(seed);
    std::vector<RoundEvents> rounds;
    std::vector<std::vector<std::pair<size_t, size_t>>> at(blocks.size());
    for (size_t b = 0; b < blocks.size(); ++b) at[b].resize(blocks[b].size());
    std::vector<bool> finished(blocks.size());
    bool more = true;
    while (more) {
      more = false;
      RoundEvents round;
      if (rounds.empty()) round.ordered = ordered;
      for (size_t b = 0; b < blocks.size(); ++b) {
        if (finished[b]) continue;
        BlockEvents events = shell(b);
        if (rounds.empty() && b < arrivals.size()) events.arrivals = arrivals[b];
        bool done = true;
        for (size_t w = 0; w < blocks[b].size(); ++w) {
          const WarpEvents& all = blocks[b][w].events;
          auto& [word, access] = at[b][w];
          for (unsigned left = random() % 4; left > 0 && word < all.words.size(); --left) {
            EventKind kind = EventKind(all.words[word] & 0xF);
            bool two = kind == EventKind::run || kind == EventKind::ordered || kind == EventKind::sleep;
            if (kind == EventKind::run) {
              uint32_t first = all.words[word + 1], count = all.words[word] >> 9;
              for (uint32_t i = first; i < first + count; ++i) {
                for (unsigned records = records_of(code[i]); records > 0; --records) {
                  const size_t length = record_words(all.accesses, access);
                  auto from = all.accesses.begin() + ptrdiff_t(access);
                  events.warps[w].accesses.insert(events.warps[w].accesses.end(), from, from + ptrdiff_t(length));
                  access += length;
                }
              }
            }
            for (unsigned i = 0; i < (two ? 2u : 1u); ++i) events.warps[w].words.push_back(all.words[word++]);
          }
          done &= word == all.words.size();
        }
        finished[b] = events.finished = done;
        more |= !done;
        round.blocks.push_back(std::move(events));
      }
      rounds.push_back(std::move(round));
    }
    return rounds;
  }
};

}  // namespace phx::sim::test
