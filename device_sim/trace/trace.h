// A trace of simulated time in the JSON form that Perfetto and chrome://tracing open.
//
// Lanes are processes (devices, links) and threads in them (queues, cores, pipes). Times are simulated microseconds.
// Events go straight to the file; nothing is kept but the names of the lanes. A trace has a bounded number of events:
// `detail` spans and counters are thinned once half of their budget, 7/8 of the whole, is used (then one in 2, 4, 8, …
// of them is written, doubling each time half of what is left is used); the rest is written until the whole budget is
// gone. The file's "otherData" says so and how many were left out. docs/trace.md lists what the simulator writes. Calls
// may come from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::sim {

class TraceSink {
 public:
  struct Options {
    uint64_t max_events = 2'000'000;  // about 150 bytes each
  };
  // The file is created or replaced at once.
  static Expected<std::unique_ptr<TraceSink>> open(const std::string& path, Options options);
  static Expected<std::unique_ptr<TraceSink>> open(const std::string& path) { return open(path, Options{}); }
  ~TraceSink();  // closes

  struct Lane {
    uint32_t process = 0, thread = 0;
  };
  // The same name gives the same number. Viewers show lanes by ascending `order`, without one as they came.
  uint32_t process(std::string_view name, int order = -1);
  Lane lane(uint32_t process, std::string_view name, int order = -1);
  // The lane of that name, or "name 2", "name 3", …: the first in which nothing asked for before is under way at the
  // start. Viewers cannot show spans of one lane that overlap.
  Lane free_lane(uint32_t process, std::string_view name, int order, double start_us, double end_us);
  // Orders that several writers keep to.
  static constexpr int kKernels = 0, kCopies = 20, kCubeCores = 100, kVectorCores = 10'000, kOfCore = 10;
  static constexpr int kDevices = 1, kLinks = 100'000, kTraffic = 100'001;

  // An argument shown with an event: a number, or a text if `text` is not empty.
  struct Argument {
    std::string_view name;
    double number = 0;
    std::string_view text = {};
  };
  enum class Importance : uint8_t { always, detail };
  void span(Lane lane, std::string_view name, double start_us, double duration_us,
            std::span<const Argument> arguments = {}, Importance importance = Importance::always);
  void counter(uint32_t process, std::string_view name, double at_us, double value);
  // An arrow from a span that covers (from, from_us) to one that covers (to, to_us); a detail.
  void flow(std::string_view name, Lane from, double from_us, Lane to, double to_us);

  // Ends the file; later calls are ignored. An error if any write failed.
  Outcome close();

 private:
  TraceSink();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace phx::sim
