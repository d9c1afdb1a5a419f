// A trace file (docs/trace.md), brought into the small form that the page's timeline draws.
#pragma once

#include <cstddef>
#include <istream>
#include <string>

namespace phx::rt {

// JSON: {"processes": [{"name", "lanes": [{"name", "spans": [[start µs, µs, name], …]}]}], "names": [text, …],
// "flows": [[lane, µs, lane, µs], …], "left_out": n}; lanes count through the processes. Of more than `most` spans the
// longest are kept. Empty if the text is no trace; what a crash cut off is ignored.
std::string trace_lanes(std::istream& trace, size_t most = 60'000);

}  // namespace phx::rt
