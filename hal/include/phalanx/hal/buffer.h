// Buffer: a range of addresses with a placement over the devices of a group.
//
// All buffers of a driver share one synthetic 64-bit address range, so an address alone identifies a byte on any
// device and a kernel on one member can read memory that lives on another, at a price. The addresses are
// non-canonical: a host dereference faults, as on real systems. Nobody may derive an owner from address bits; the
// driver's page table knows. Imported host memory is the exception: its address is the host's own.
//
// Releasing the last reference frees the buffer; its addresses are not handed out again soon, so that a use after
// free is a fault and not somebody else's data. A submission keeps the buffers it names alive.
#pragma once

#include <phalanx/hal/device.h>

#include <cstdint>
#include <string>

namespace phx::hal {

// An address in the driver's synthetic range, or a host address that was imported. 0 is never valid.
using Address = uint64_t;

// Where the pages of a buffer live. The granule is a multiple of the "memory.page" property.
struct Placement {
  enum class Kind {
    on,           // all pages on one member
    blocked,      // member i holds the i-th of size() equal runs of granules
    interleaved,  // granule k lives on member k mod size()
    replicated,   // every member has a copy; loads are local, a store faults unless `broadcast` is set
    host,         // host memory made visible to the devices (Group::import_host makes these)
  };
  Kind kind = Kind::on;
  uint32_t member = 0;     // on: position in the group
  uint64_t granule = 0;    // blocked, interleaved: bytes; 0 = one page
  bool broadcast = false;  // replicated: stores go to every copy

  static Placement on(uint32_t member) { return {Kind::on, member, 0, false}; }
  static Placement blocked(uint64_t granule = 0) { return {Kind::blocked, 0, granule, false}; }
  static Placement interleaved(uint64_t granule = 0) { return {Kind::interleaved, 0, granule, false}; }
  static Placement replicated(bool broadcast = false) { return {Kind::replicated, 0, 0, broadcast}; }
};

struct BufferSpec {
  uint64_t size = 0;         // bytes, at least 1
  uint64_t alignment = 256;  // a power of two
  Placement placement;
  std::string label;  // shown in faults as the nearest buffer: "cudaMalloc #12", "weights"
};

class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual Address address() const = 0;
  virtual uint64_t size() const = 0;
  virtual const Placement& placement() const = 0;
  virtual const std::string& label() const = 0;
};

}  // namespace phx::hal
