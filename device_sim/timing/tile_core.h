// One core running a tile program: the scalar unit feeds the queues of the other pipes, which run in order and meet in
// flags.
//
// A pipe is a queue of finite depth; what it does with an instruction is in perform(). An instruction starts when its
// pipe is free, and every step that can be seen from outside is an event at its own time.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "device_sim/timing/cross_flags.h"
#include "device_sim/timing/replay.h"
#include "device_sim/trace/trace.h"

namespace phx::sim::timing {

class TileCore {
 public:
  static constexpr unsigned kPipes = 7;
  // What the core is in its launch.
  struct Seat {
    bool cube = false;      // an AIC
    uint32_t group = 1;     // cores of a group: 1, or an AIC and its AIVs
    uint64_t programs = 1;  // of the grid for cores of this kind
    std::string name = {};  // for people: "AIC 3"
  };
  TileCore(Replay& replay, std::span<const isa::Instruction> code, CrossFlags& cross, uint32_t member, uint32_t core,
           Seat seat);

  void start_block(BlockReplay& block, Ticks at);
  void run(Ticks event_time);  // an event of Agent::pipe
  void wake_at(Ticks at);
  bool give_up();  // after a fault: ends the block if it waits for something; false if there is none
  const std::array<uint64_t, kPipes>& busy() const { return busy_; }  // ticks, by pipe
  const std::array<uint64_t, kPipes>& instructions() const { return instructions_; }
  bool is_cube() const { return seat_.cube; }

 private:
  enum class Act : uint8_t { work, set_flag, wait_flag, barrier, cross_set, cross_wait };
  enum class Progress : uint8_t { done, later, blocked };  // later: again when the pipe is free
  struct Step {
    Act act = Act::work;
    bool seen = false;  // it has been the head of its free queue
    uint32_t instruction = 0;
    uint32_t event = 0;  // flags: id
    Ticks issued = 0;
    Ticks since = 0;  // seen for the first time
    uint64_t work = 0, shape = 0;
    std::vector<uint64_t> rows;  // row records in gm
  };
  struct Pipe {
    std::deque<Step> queue;
    size_t depth = 32;
    Ticks free = 0;        // may take the next instruction
    Ticks done = 0;        // everything taken so far is done
    bool blocked = false;  // its head waits for a flag
  };
  // Rows in gm by the device they lie on.
  struct Traffic {
    std::map<uint16_t, std::vector<DeviceMemory::Part>> by_home;
    uint64_t bytes = 0;
    double request_cycles = 0;  // a read's packets, one after the other
  };
  // Accumulators at an address in L0C between the last mmad of a tile and the fixpipe that both have `unit`.
  struct Unit {
    bool waits = false;  // for its fixpipe
    Ticks end = 0;       // of the mmad
    Ticks release = 0;   // when the next mmad there may start
  };

  void step_scalar();
  bool take_records(Step& step, const isa::Instruction& instruction);
  bool step_pipe(unsigned number);  // false: its head waits
  Progress perform(unsigned number, Step& step);
  Progress multiply(Step& step);
  Progress drain(Step& step);
  bool queued_unit(unsigned number, uint32_t place) const;
  void load_rows(unsigned number, Step& step);
  void store_rows(unsigned number, const Step& step, const Traffic& traffic, Ticks through, uint64_t& moved_on_path);
  Traffic traffic_of(const Step& step) const;
  // The pipe works on the step from `begin` and may take the next one at `free`.
  void occupy(unsigned number, const Step& step, Ticks begin, Ticks free, Ticks done);
  void note_span(unsigned number, const Step& step, Ticks begin, Ticks end);
  void note_arrow(unsigned from, Ticks set, unsigned to, Ticks at);
  TraceSink::Lane lane_of(unsigned number);
  std::deque<Ticks>& flag(const isa::Instruction& instruction, uint32_t event);
  void unblock();
  void block_scalar(Stall reason);
  void resume_scalar();
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
  std::map<uint32_t, Unit> units_;  // by address in L0C / 64
  Ticks cube_end_ = -1;             // of the last mmad
  std::array<uint64_t, kPipes> busy_{}, instructions_{};
  std::array<Ticks, kScoreboardSlots> ready_{};
  uint32_t index_ = 0, left_ = 0, last_ = 0;
  Ticks scalar_ = 0;  // when the scalar unit may issue again
  bool scalar_blocked_ = false, ending_ = false, starved_ = false;
  Stall scalar_waits_for_ = Stall::queue;
  Ticks key_ = kForever;
  std::vector<DeviceMemory::Part> parts_;
  std::array<TraceSink::Lane, kPipes> lanes_{};
  bool has_lanes_ = false;
};

}  // namespace phx::sim::timing
