// One vector core running SIMT warps: warp schedulers, scoreboards, shared memory, the data cache and its misses.
//
// A core runs ahead of the others as far as nothing outside could change what it does: inside, its schedulers and its
// load/store unit take turns in order of the core's own time; what leaves the core (misses, stores, atomics) goes
// through the global event queue. It waits for global time where it depends on the outside: a load's return, an ordered
// operation, a grid barrier, a block that may still be given to it, events that have not been fed. A scheduler likewise
// issues arithmetic ahead of its neighbours. So arithmetic, shared memory and cache hits cost no global event, and
// every shared resource sees its users in order of time.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "device_sim/timing/data_cache.h"
#include "device_sim/timing/replay.h"

namespace phx::sim::timing {

struct Warp {
  SimtCore* core = nullptr;
  BlockReplay* block = nullptr;
  Stream* stream = nullptr;
  uint64_t life = 0;  // changes when the slot gets another block's warp
  uint32_t slot = 0, scheduler = 0;
  uint32_t place = 0;  // among the entries of its scheduler

  uint32_t index = 0, left = 0;  // next instruction, and how many are left of the run
  uint32_t last = 0;             // instruction issued last
  bool after_control = false;    // it was the end of a run and may have jumped
  Ticks last_issue = 0;
  Ticks floor = 0;              // not before: order of issue, waits that ended
  Stall reason = Stall::issue;  // what the next instruction waits for
  bool waiting = false;         // for another warp; see resume()
  Stall waiting_for = Stall::barrier;
  uint32_t waiting_generation = kNone;
  bool ending = false;  // no more instructions; loads or stores under way
  bool over = false;
  uint32_t under_way = 0;  // loads and atomics with a result
  Ticks last_return = 0;   // of those that are back

  bool queued = false;  // its slot in the load/store queue is taken
  Ticks slot_free = 0;
  Ticks stores_done = 0;
  uint32_t last_operation = kNone;
  Ticks last_served = 0, last_data = 0;
  AccessKind access = AccessKind::none;  // of the queued access
  uint32_t turns = 1, serial_lanes = 0;
  uint32_t access_bytes = 0;  // moved
  uint32_t access_operation = kNone;
  uint8_t access_flags = 0;
  Ticks access_time = 0;
  std::vector<uint64_t> access_lines;

  // The scoreboard, by slot: when the register can be used, and whether its last writer was a load.
  std::vector<Ticks> ready;
  std::vector<uint8_t> loaded;
};

class SimtCore {
 public:
  SimtCore(Replay& replay, uint32_t member, uint32_t core, int64_t cache_bytes);

  void start_block(BlockReplay& block, Ticks at);
  void end_block(BlockReplay& block);

  void run(Ticks event_time);  // an event of Agent::core

  // The warp's wait for others ended: it goes on at `at`.
  void resume(Warp& warp, Ticks at);
  void retire_if_done(Warp& warp);
  // What the warp waits for in memory has come nearer: its operation is done, or has a later bound.
  void told(Warp& warp);
  // A request of this core is answered.
  void answered(uint32_t number, const Request& request, Ticks data);

  uint32_t member() const { return member_; }
  uint32_t number() const { return core_; }
  uint16_t device() const { return replay_.members[member_]; }
  Ticks next_issue(Warp& warp);  // for clock(): what is known of it

 private:
  // What is known of a warp's next instruction. Memory tells a warp when that changes, so nobody asks again and again.
  enum class Next : uint8_t {
    known,    // exactly when it can go
    told,     // not before an operation is back; see told()
    queued,   // not before the load/store unit has passed its last access, nor before `earliest`
    starved,  // needs events that have not been fed
    fresh,    // nobody has looked yet
    never,    // waits for another warp, or has no next instruction
  };
  static constexpr unsigned kNexts = 6;
  // All that choosing a warp needs, side by side for one quick look at all of them.
  struct Entry {
    Ticks earliest = 0;  // of the next instruction; a lower bound while not known
    Warp* warp = nullptr;
    Next next = Next::fresh;
    uint8_t unit = 0;
  };
  struct Scheduler {
    std::vector<Entry> entries;  // oldest first
    Warp* current = nullptr;
    Warp* chosen = nullptr;  // by the last look, to issue at `key`; nullptr once anything has changed
    Ticks port = 0;          // when it can issue again
    Ticks key = kForever;    // when it has something to do
    bool outside = false;    // what it then does depends on the outside
    bool told = false;       // and the outside will tell: no event is needed
    unsigned waiting = 0;    // warps that wait for a block barrier
    bool retired = false;    // `entries` holds warps that are over
    std::array<Ticks, kMaxUnits> unit{};

    // Places of entries by Next, a bit each, and the least `earliest` of each such set. A stale one is only a lower
    // bound: whoever had it has changed.
    std::vector<std::array<uint64_t, kNexts>> places;
    std::array<Ticks, kNexts> least{kForever, kForever, kForever, kForever, kForever, kForever};
    uint8_t stale = 0;

    void add(Warp* warp, Ticks earliest);
    void forget_retired();
    void set(uint32_t place, Next next, Ticks earliest);
    Ticks least_of(Next next);
    // Calls `body(entry)` in order of age for those of which `next` is known, until it returns false.
    template <class Body>
    void for_each(Next next, Body body) const;
  };
  // The first that can go among the known, and lower bounds of the others.
  struct Outlook {
    Ticks known, told, queued, starved, fresh;
    Warp* oldest;  // of the known that can go first
  };
  struct Turn {
    Ticks at = kForever;
    Scheduler* who = nullptr;  // nullptr: the load/store unit
    bool outside = false, told = false;
  };
  struct Return {  // of missing lines
    Ticks at;
    uint32_t lines;
    bool operator<(const Return& other) const { return at > other.at; }  // the first is the top of a heap
  };

  void wake_at(Ticks at);  // a global event
  Ticks limit() const;     // what happens from here on may depend on the outside
  bool feed_starved(Ticks until, bool& fed);
  Scheduler& scheduler_of(const Warp& warp) { return schedulers_[warp.scheduler]; }
  Entry& entry(const Warp& warp) { return schedulers_[warp.scheduler].entries[warp.place]; }
  Turn next_turn();
  void run(Scheduler& scheduler);
  static void wake_at(Scheduler& scheduler, Ticks at);
  Outlook outlook(Scheduler& scheduler) const;
  void sleep(Scheduler& scheduler, const Outlook& outlook);
  Warp* pick(Scheduler& scheduler, Ticks& at);
  void issue(Scheduler& scheduler, Warp& warp, Ticks at);
  void refresh(Warp& warp);
  bool next_run(Warp& warp);  // false: the warp has no next instruction now
  void wait(Warp& warp, Stall reason, uint32_t generation = kNone);

  void issue_memory(Warp& warp, const Cost& cost, Ticks at);
  void serve_load_store(Ticks at);
  bool has_room(Warp& warp, Ticks at, Ticks& retry);
  void pass(Warp& warp, Ticks at);
  uint64_t tag_of(const Warp& warp, uint64_t line) const;
  unsigned fetched(unsigned missing) const;

  Replay& replay_;
  uint32_t member_, core_;
  DataCache cache_;
  Server port_, write_port_;  // to and from the L2; `write_port_` unless they share one
  bool own_write_port_ = false;
  Ticks atomic_free_ = 0;  // of the core's atomics whose lanes meet in a word
  std::vector<Scheduler> schedulers_;
  std::vector<std::unique_ptr<Warp>> warps_;
  std::vector<uint32_t> free_slots_;  // descending
  std::deque<Warp*> queue_;           // load/store unit, oldest first
  Ticks load_store_free_ = 0, load_store_key_ = kForever;
  bool load_store_outside_ = false;
  uint32_t front_misses_ = kNone;  // lines that the queue's first access lacks; kNone: not counted yet
  Ticks key_ = kForever;           // the core's event in the global queue
  Ticks local_ = 0;                // the core's own time
  bool running_ = false;
  unsigned waiting_outside_ = 0;  // warps that wait for ordered operations or the grid
  unsigned ending_ = 0;           // warps that only wait for their last accesses
  std::vector<Ticks> ended_;      // ends of blocks that the dispatcher does not know yet
  std::vector<Warp*> starved_;
  Ticks block_barrier_ = kCycle;
  // Lines under way: those of requests without an answer and those whose time of return is known. `missing_lines_`
  // also counts returned ones that nobody has looked at since.
  std::vector<uint32_t> unanswered_;
  std::vector<Return> returning_;  // a heap
  uint32_t missing_lines_ = 0, miss_limit_ = 64;
  Ticks ub_free_ = 0, ub_atomic_ = kCycle, ub_conflict_ = kCycle, issue_interval_ = kCycle;
  Ticks load_line_ = kCycle, store_line_ = kCycle, least_access_ = kCycle, atomic_lane_ = 0;
  uint32_t pass_bytes_ = 0, fetch_sectors_ = 1;
  uint32_t requests_made_ = 0;
  std::vector<uint32_t> opened_;  // requests of the access that passes now
};

}  // namespace phx::sim::timing
