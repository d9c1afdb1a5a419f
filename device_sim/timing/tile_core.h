// One core running a tile program: the scalar unit feeds the queues of the other pipes, which run in order and meet in
// flags.
//
// A pipe is a queue of finite depth; what it does with an instruction is in perform(). An instruction starts when its
// pipe is free. The steps of a core happen in the order of their times. Those that others could see - accesses to
// device memory, cross-core flags - are events of the launch at their own time; between them the core goes on by
// itself, ahead of the others, but while it waits for a flag of another core.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "device_sim/timing/cross_flags.h"
#include "device_sim/timing/replay.h"
#include "device_sim/timing/tile_issue.h"
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
    int order = 0;          // of its lanes in a trace
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
  using Act = TileIssue::Act;
  enum class Progress : uint8_t { done, later, blocked };  // later: again when the pipe is free
  struct HomedRows {
    uint16_t home = 0;
    uint32_t number = 0;  // of the record
    Rows rows;
  };
  // What an instruction does in device memory.
  struct Traffic {
    uint64_t bytes = 0;
    double request_cycles = 0;                     // a read's packets, one after the other
    HomedRows rows;                                // of the only record
    std::unique_ptr<std::vector<HomedRows>> more;  // all records, by ascending home, if there are several
  };
  struct Step {
    Act act = Act::work;
    bool seen = false;     // it has been the head of its free queue
    bool outside = false;  // others can see it
    uint32_t instruction = 0;
    uint32_t event = 0;  // flags: id
    Ticks issued = 0;
    Ticks since = 0;  // seen for the first time
    uint64_t work = 0, shape = 0;
    Traffic traffic;
  };
  // Steps in order, at most as many as the pipe's queue holds.
  class Queue {
   public:
    void set_depth(size_t depth) {
      depth_ = depth;
      size_t room = 1;
      while (room < depth) room *= 2;
      steps_.resize(room);
    }
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ >= depth_; }
    size_t size() const { return count_; }
    Step& front() { return steps_[first_]; }
    Step& operator[](size_t i) { return steps_[(first_ + i) & (steps_.size() - 1)]; }
    const Step& operator[](size_t i) const { return steps_[(first_ + i) & (steps_.size() - 1)]; }
    void push(Step&& step) { (*this)[count_++] = std::move(step); }
    void pop() {
      first_ = (first_ + 1) & (steps_.size() - 1);
      --count_;
    }
    void clear() { count_ = 0; }

   private:
    std::vector<Step> steps_;
    size_t first_ = 0, count_ = 0, depth_ = 1;
  };
  struct Pipe {
    Queue queue;
    Ticks free = 0;        // may take the next instruction
    Ticks done = 0;        // everything taken so far is done
    bool blocked = false;  // its head waits for a flag
  };
  // Times at which a flag was set and that nobody has waited for yet, first to last.
  struct FlagTimes {
    std::vector<Ticks> times;
    size_t first = 0;
    bool empty() const { return first == times.size(); }
    void push(Ticks at) { times.push_back(at); }
    Ticks pop() {
      const Ticks at = times[first++];
      if (empty()) clear();
      return at;
    }
    void clear() {
      times.clear();
      first = 0;
    }
  };
  // Accumulators at an address in L0C between the last mmad of a tile and the fixpipe that both have `unit`.
  struct Unit {
    bool waits = false;  // for its fixpipe
    Ticks end = 0;       // of the mmad
    Ticks release = 0;   // when the next mmad there may start
  };

  // The next time of a step of the pipes, and whose; kForever if none can do anything.
  Ticks next_step(unsigned& pipe) const;
  void step_scalar();
  bool take_records(Step& step, const TileIssue& issue);
  void take_rows(Traffic& traffic, const uint64_t* words, size_t count, bool converts);
  bool step_pipe(unsigned number);  // false: its head waits
  Progress perform(unsigned number, Step& step);
  Progress multiply(Step& step);
  Progress drain(Step& step);
  bool queued_unit(unsigned number, uint32_t place) const;
  void load_rows(unsigned number, Step& step);
  void store_rows(unsigned number, const Step& step, Ticks through, uint64_t& moved_on_path);
  // Calls `visit(home, rows)` for each home, ascending.
  template <class Visit>
  void each_home(const Traffic& traffic, Visit visit);
  // The pipe works on the step from `begin` and may take the next one at `free`.
  void occupy(unsigned number, const Step& step, Ticks begin, Ticks free, Ticks done);
  void note_span(unsigned number, const Step& step, Ticks begin, Ticks end);
  void note_arrow(const char* name, TraceSink::Lane from, Ticks set, unsigned to, Ticks at);
  TraceSink::Lane lane_of(unsigned number);
  FlagTimes& flag(const isa::Instruction& instruction, uint32_t event);
  void unblock();
  void block_scalar(Stall reason, unsigned pipe = kPipes);
  void resume_scalar();
  void popped(unsigned number);  // the scalar unit may have waited for room there, or for the queues to drain
  // Up to when steps that nobody outside can see may go ahead of the launch.
  Ticks horizon() const { return replay_.runs_ahead && waits_for_others_ == 0 ? kForever : replay_.now; }
  bool next_run();

  Replay& replay_;
  std::span<const isa::Instruction> code_;
  CrossFlags& cross_;
  uint32_t member_, core_;
  Seat seat_;
  std::span<const TileIssue> issues_;
  size_t raised_[3][16] = {}, crossed_[3][16] = {};  // cross-core flags set and waited for, [mode][id]
  BlockReplay* block_ = nullptr;
  std::array<Pipe, kPipes> pipes_;
  std::vector<FlagTimes> flags_;
  std::map<uint32_t, Unit> units_;  // by address in L0C / 64
  bool started_ = false;            // has had a block in this launch
  FairShare share_;                 // of device memory
  AccessLatency latency_;
  Ticks cube_end_ = -1;  // of the last mmad
  std::array<uint64_t, kPipes> busy_{}, instructions_{};
  std::array<Ticks, kScoreboardSlots> ready_{};
  uint32_t index_ = 0, left_ = 0, last_ = 0;
  Ticks now_ = 0;     // of the core's own steps; not before the launch's when something outside is seen
  Ticks scalar_ = 0;  // when the scalar unit may issue again
  unsigned scalar_waits_at_ = kPipes;  // for room in that queue
  unsigned waits_for_others_ = 0;      // pipes, as bits, that wait for a flag of another core
  bool scalar_blocked_ = false, scalar_outside_ = false, ending_ = false, starved_ = false;
  Stall scalar_waits_for_ = Stall::queue;
  Ticks key_ = kForever;
  std::vector<DeviceMemory::Part> parts_;
  std::vector<Rows> rows_;
  std::array<TraceSink::Lane, kPipes> lanes_{};
  bool has_lanes_ = false;
};

}  // namespace phx::sim::timing
