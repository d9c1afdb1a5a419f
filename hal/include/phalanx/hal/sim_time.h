// SimTime: simulated time in whole picoseconds since the driver was opened.
//
// An integer, so that adding and comparing times is exact and a report repeats bit for bit. 64 bits reach 213 days.
// A driver of real hardware reports the device clock, moved to the same origin.
#pragma once

#include <cstdint>

namespace phx::hal {

using SimTime = uint64_t;

inline constexpr SimTime kPicosecondsPerNanosecond = 1'000;
inline constexpr SimTime kPicosecondsPerMicrosecond = 1'000'000;
inline constexpr double kPicosecondsPerSecond = 1e12;

inline double seconds(SimTime time) { return static_cast<double>(time) / kPicosecondsPerSecond; }

}  // namespace phx::hal
