// What the scalar unit of a tile program does with each instruction, found out once per launch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "device_sim/isa/isa.h"

namespace phx::sim::timing {

struct TileIssue {
  enum class Act : uint8_t { work, set_flag, wait_flag, barrier, cross_set, cross_wait };
  Act act = Act::work;
  uint8_t pipe = 0;          // isa::Pipe that it is queued at; isa::PipeField::PipeAll: drains all of them
  bool work_record = false;  // which records of the stream are its own (events.h)
  bool rows_record = false;
  bool event_record = false;  // the id of the flag is in the stream
  bool outside = false;       // others can see it: device memory, cross-core flags
  uint8_t event = 0;          // flags: id
};

std::vector<TileIssue> tile_issues(std::span<const isa::Instruction> code);

}  // namespace phx::sim::timing
