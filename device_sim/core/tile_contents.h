// Initcheck in the buffers of a tile core: which bytes of UB, L1, L0A, L0B, L0C and BT were written since the program
// started (internal to core). One bit for each byte of a buffer.
//
// What counts as a read is what the result of the instruction depends on (isa.def section 9). Loads from L1 to L0A, L0B
// and the bias table are copies: unwritten bytes stay unwritten at their new place, so the padding of a fractal may be
// moved around, and mmad, which looks at m x k and k x n elements alone, never meets it. Everything else that touches a
// byte reads or writes it.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "device_sim/check/finding.h"
#include "device_sim/core/decoded.h"

namespace phx::sim {

struct Frame;
struct TileRange;
enum class TileSpace : uint8_t;

class TileContents {
 public:
  explicit TileContents(const std::array<uint64_t, 6>& bytes);  // of the buffers, by TileSpace
  void start();                                                 // a new program on the core

  // All ranges lie in their buffer.
  void write(const TileRange& range);
  // A finding if some byte of the range was never written.
  void read(const Decoded* d, Frame* f, const TileRange& range);
  bool written(TileSpace space, uint64_t address, uint64_t bytes) const;
  // Whatever is known of one byte range becomes known of the other; addresses and size are multiples of 32.
  void copy(TileSpace from, uint64_t from_address, TileSpace to, uint64_t to_address, uint64_t bytes);
  void set(TileSpace space, uint64_t address, uint64_t bytes, bool written);

  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }

 private:
  std::array<std::vector<uint64_t>, 6> bits_;
  std::vector<Finding> findings_;
};

}  // namespace phx::sim
