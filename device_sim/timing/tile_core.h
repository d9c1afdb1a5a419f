// One core running a tile program: the scalar unit feeds the queues of the other pipes, which run in order and meet in
// flags.
//
// A pipe is a queue of finite depth. What it does with an instruction is in perform(): another pipe's instructions
// (cube, FIX, vector) are another case there. Every step that can be seen from outside is an event at its own time.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <vector>

#include "device_sim/timing/replay.h"

namespace phx::sim::timing {

class TileCore;

// Flags between cores: the k-th wait of a core ends after every core that raises the flag has done so k times.
class CrossFlags {
 public:
  struct Key {  // who raises it
    uint32_t mode, id;
    bool cube;
    uint64_t group;  // 0 in mode 0
    auto operator<=>(const Key&) const = default;
  };
  void set(const Key& key, size_t round, Ticks at);
  // When that round of `raisers` cores is complete, or -1: not known yet.
  Ticks complete(const Key& key, size_t round, uint64_t raisers);
  std::vector<TileCore*> waiting;

 private:
  struct Round {
    uint64_t sets = 0;
    Ticks last = 0;
  };
  std::map<Key, std::vector<Round>> flags_;
};

class TileCore {
 public:
  // What the core is in its launch.
  struct Seat {
    bool cube = false;      // an AIC
    uint32_t group = 1;     // cores of a group: 1, or an AIC and its AIVs
    uint64_t programs = 1;  // of the grid for cores of this kind
  };
  TileCore(Replay& replay, std::span<const isa::Instruction> code, CrossFlags& cross, uint32_t member, uint32_t core,
           Seat seat);

  void start_block(BlockReplay& block, Ticks at);
  void run(Ticks event_time);  // an event of Agent::pipe
  void wake_at(Ticks at);
  bool give_up();  // after a fault: ends the block if it waits for something; false if there is none

 private:
  static constexpr unsigned kPipes = 7;
  enum class Act : uint8_t { dma, set_flag, wait_flag, barrier, cross_set, cross_wait };
  struct Step {
    Act act = Act::dma;
    Ticks issued = 0;
    uint32_t instruction = 0;
    std::vector<uint64_t> rows;  // DMA: row records
    uint32_t row_count = 0;
  };
  struct Pipe {
    std::deque<Step> queue;
    size_t depth = 32;
    Ticks free = 0;        // may take the next instruction
    Ticks done = 0;        // everything taken so far is done
    bool blocked = false;  // its head waits for a flag
  };

  void step_scalar();
  bool step_pipe(unsigned number);  // false: its head waits
  bool perform(unsigned number, Step& step);
  void move(unsigned number, const Step& step, bool in);
  std::deque<Ticks>& flag(unsigned from, unsigned to, unsigned id) { return flags_[(from * kPipes + to) * 8 + id]; }
  void unblock();
  bool next_run();

  Replay& replay_;
  std::span<const isa::Instruction> code_;
  CrossFlags& cross_;
  uint32_t member_, core_;
  Seat seat_;
  size_t raised_[3][16] = {}, crossed_[3][16] = {};  // cross-core flags set and waited for, [mode][id]
  BlockReplay* block_ = nullptr;
  std::array<Pipe, kPipes> pipes_;
  std::vector<std::deque<Ticks>> flags_;
  std::array<Ticks, kScoreboardSlots> ready_{};
  uint32_t index_ = 0, left_ = 0, last_ = 0;
  Ticks scalar_ = 0;  // when the scalar unit may issue again
  bool scalar_blocked_ = false, ending_ = false, starved_ = false;
  Ticks key_ = kForever;
  std::vector<DeviceMemory::Part> parts_;
};

}  // namespace phx::sim::timing
