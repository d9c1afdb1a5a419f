// What a check found in a launch: told after its end, all of one kind as one fault (system/launch.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace phx::sim {

enum class FindingKind : uint8_t { uninitialised_read, race, missing_flag, surplus_flag };

// One for each pair of instructions and space: the first in order of blocks.
struct Finding {
  FindingKind kind = FindingKind::missing_flag;
  uint32_t earlier = 0, later = 0;  // instruction indices; the same for a finding about one
  unsigned space = 0;               // the check's own numbering
  std::string text = {};            // one line
  // Where the later one ran; `place` says whether it is known.
  bool place = false;
  uint64_t address = 0;
  uint32_t bytes = 0;
  bool is_store = false;
  std::array<uint32_t, 3> block{}, thread{};
  uint16_t device = 0;  // member number

  bool like(const Finding& other) const {
    return kind == other.kind && space == other.space &&
           ((earlier == other.earlier && later == other.later) ||
            (kind == FindingKind::race && earlier == other.later && later == other.earlier));
  }
};

inline constexpr size_t kMostFindings = 100;  // of a block, and of a launch

}  // namespace phx::sim
