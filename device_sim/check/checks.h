// Which checks of device code are on beside those that always are (bounds, alignment, lifetime, deadlock: `memcheck`).
// None changes a result or a time; docs/checks.md says what each finds and what it costs.
#pragma once

namespace phx::sim {

struct Checks {
  bool initcheck = false;  // reads of bytes that nobody wrote
  bool racecheck = false;  // accesses of two threads, cores or devices that nothing orders, at least one a store
  bool synccheck = false;  // tile programs: accesses of two pipes of a core that no flag orders
  bool hints = false;      // flags and barriers that no access needs; never a fault
  bool any() const { return initcheck || racecheck || synccheck || hints; }
};

}  // namespace phx::sim
