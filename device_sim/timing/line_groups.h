// Rows in device memory that are asked for again and again, so that each further time costs one step instead of one a
// line of the L2.
//
// The L2 replaces the line that nobody has asked for longest, so each of its lines has an age: the number of lines that
// had been asked for before it was asked for last. A group is what one access asked for: the age of a line in it is
// that of the group plus its place in the access. While all lines of the group are in the L2 and nothing else has asked
// for one of them, the same access again changes the group's age and nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "device_sim/timing/ticks.h"

namespace phx::sim::timing {

// Rows of equal size at equal distances, as a dma record gives them (events.h).
struct Rows {
  uint64_t line = 0;   // of the first row: address / 128 B
  uint64_t bytes = 0;  // of a row
  uint64_t count = 0;
  uint64_t pitch = 0;  // bytes from row to row
  bool operator==(const Rows&) const = default;
  uint64_t size() const { return bytes * count; }
};

class LineGroups {
 public:
  // [63:44] group, or 0; [43:0] place in the group, or without one the age itself. 0: never asked for.
  using Place = uint64_t;
  struct Group {
    Rows rows;
    Ticks filled = 0;      // when the last fill of its lines is there
    uint64_t lines = 0;    // asked for
    uint64_t members = 0;  // lines whose place is in this group
    bool whole = false;    // all of them
    bool dirty = false;
  };

  uint64_t age(Place place) const { return ages_[place >> kPlaceBits] + (place & kPlaceMask); }
  // The group of these rows if it is whole (and dirty, for a write); its lines have then been asked for.
  const Group* again(const Rows& rows, bool write);

  // An access line by line: begin(), then for each line leave() with its old place and enter() for the new one, end().
  // leave() also for lines that are replaced. Outside of begin() and end() lines have places without a group.
  void begin(const Rows& rows);
  void leave(Place place) {
    if (place > kPlaceMask) leave_group(static_cast<uint32_t>(place >> kPlaceBits));
  }
  Place enter() {
    if (open_ == 0) return next_++;
    ++groups_[open_].members;
    return uint64_t{open_} << kPlaceBits | (next_++ - ages_[open_]);
  }
  void end(uint64_t lines, bool dirty, Ticks filled);

  bool untouched() const { return next_ == 1; }
  void clear();  // all places are forgotten

 private:
  static constexpr unsigned kPlaceBits = 44;
  static constexpr uint64_t kPlaceMask = (uint64_t{1} << kPlaceBits) - 1;
  static constexpr size_t kMostGroups = size_t{1} << (64 - kPlaceBits);

  size_t slot_of(const Rows& rows) const;
  void leave_group(uint32_t number);
  void grow();

  uint64_t next_ = 1;              // age of the next line
  uint32_t open_ = 0;              // between begin() and end()
  std::vector<uint64_t> ages_{0};  // by group; [0]: of lines without one
  std::vector<Group> groups_{{}};
  std::vector<uint32_t> free_;
  std::vector<uint32_t> by_rows_;  // groups by a hash of their rows; a younger one takes an older one's place
};

}  // namespace phx::sim::timing
