// Links between devices during one launch: one server per direction of a pair, beside the ports of both devices.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device_sim/machine/machine.h"
#include "device_sim/timing/device_memory.h"
#include "device_sim/trace/trace.h"

namespace phx::sim::timing {

class Fabric {
 public:
  explicit Fabric(const machine::Machine& machine) : machine_(machine) {}

  struct Way {
    unsigned level = 0;  // index in machine.system.levels
    Ticks latency = 0;   // there and back
  };
  // The way between two different devices of the machine (ordinals); the outermost level if an ordinal is beyond it.
  const Way& way(uint16_t from, uint16_t to);

  // Moves bytes over the link and both ports; when the last one is there, the path's latency not counted.
  // `read`: the data answers a read, which the machine may rate differently.
  Ticks carry(uint16_t from, DeviceMemory& source, uint16_t to, DeviceMemory& target, bool read, Ticks at,
              uint64_t bytes);

  struct Activity {
    uint16_t from, to;
    std::string level;
    uint64_t bytes;
    Ticks busy;
  };
  std::vector<Activity> activity() const;  // ascending by (from, to)

  TraceSink* trace = nullptr;  // gets a span for everything that crosses a link
  double us_per_tick = 0;

 private:
  void note(uint16_t from, uint16_t to, bool read, Ticks begin, Ticks end, uint64_t bytes);

  struct Link {
    Server reads, writes;
    uint64_t bytes = 0;
    bool known = false;
  };
  const machine::Machine& machine_;
  std::map<uint32_t, Way> ways_;
  std::map<uint32_t, Link> links_;
};

}  // namespace phx::sim::timing
