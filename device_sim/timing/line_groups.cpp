#include "device_sim/timing/line_groups.h"

namespace phx::sim::timing {

size_t LineGroups::slot_of(const Rows& rows) const {
  uint64_t hash = rows.line * 0x9E3779B97F4A7C15ull;
  hash = (hash ^ hash >> 29 ^ rows.bytes) * 0xBF58476D1CE4E5B9ull;
  hash = (hash ^ hash >> 32 ^ rows.count << 32 ^ rows.pitch) * 0x94D049BB133111EBull;
  return (hash >> 32) & (by_rows_.size() - 1);
}

const LineGroups::Group* LineGroups::again(const Rows& rows, bool write) {
  if (by_rows_.empty()) return nullptr;
  const uint32_t number = by_rows_[slot_of(rows)];
  const Group& group = groups_[number];
  if (!group.whole || (write && !group.dirty) || !(group.rows == rows)) return nullptr;
  ages_[number] = next_;
  next_ += group.lines;
  return &group;
}

// A new group even if there is one of these rows already: its lines keep their ages until they come into the new one.
void LineGroups::begin(const Rows& rows) {
  if (free_.empty()) {
    if (groups_.size() == kMostGroups) return;
    free_.push_back(static_cast<uint32_t>(groups_.size()));
    groups_.emplace_back();
    ages_.push_back(0);
    if (groups_.size() > by_rows_.size() / 2) grow();
  }
  open_ = free_.back();
  free_.pop_back();
  groups_[open_] = {.rows = rows};
  ages_[open_] = next_;
}

void LineGroups::end(uint64_t lines, bool dirty, Ticks filled) {
  if (open_ == 0) return;
  Group& group = groups_[open_];
  group.lines = lines;
  group.whole = group.members == lines;
  group.dirty = dirty;
  group.filled = filled;
  if (group.whole) by_rows_[slot_of(group.rows)] = open_;
  if (group.members == 0) free_.push_back(open_);
  open_ = 0;
}

void LineGroups::leave_group(uint32_t number) {
  Group& group = groups_[number];
  group.whole = false;
  if (--group.members == 0 && number != open_) free_.push_back(number);
}

void LineGroups::grow() {
  by_rows_.assign(std::max<size_t>(256, by_rows_.size() * 4), 0);
  for (uint32_t number = 1; number < groups_.size(); ++number)
    if (groups_[number].whole) by_rows_[slot_of(groups_[number].rows)] = number;
}

void LineGroups::clear() { *this = LineGroups(); }

}  // namespace phx::sim::timing
