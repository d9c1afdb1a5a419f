// The one address space of all devices of an instance: allocations, their placement, registered host memory.
//
// Device addresses come from one synthetic range (isa::kGmBase) in pages of kPageBytes. A page table maps each page to
// its buffer and, through the buffer's placement, to the device that is its home; nobody derives an owner from address
// bits. Every buffer starts on a page of its own and is followed by an unmapped one. Address ranges are never reused,
// so a freed buffer is remembered and a use after free is told from an access that was never valid. Frames are sparse:
// host memory backs a page when it is first touched. Bytes of a new allocation read as zero; with initcheck each byte
// has a bit beside it that says whether somebody wrote it.
//
// Managed and pinned memory are host addresses registered here; any other host address faults on the device.
//
// Thread safety: allocate/free/register are exclusive with launches (the System serialises them); translate() is const
// and may run from any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::sim {

inline constexpr uint64_t kPageBytes = 64 * 1024;
inline constexpr uint16_t kHostHome = 0xFFFF;  // home of registered host memory

enum class Placement : uint8_t {
  on,           // all pages on members[0]
  blocked,      // members.size() equal runs of pages
  interleaved,  // page i on members[i % members.size()]
  replicated,   // a copy on every member: loads are local, a device store faults
};

struct Buffer {
  uint32_t id = 0;
  uint64_t address = 0;
  uint64_t size = 0;           // bytes asked for; accesses beyond fault
  std::byte* bytes = nullptr;  // host backing; nullptr after free
  Placement placement = Placement::on;
  std::vector<uint16_t> members;  // device ordinals
  std::string name;               // "cudaMalloc #3", "__device__ counters", …
  bool freed = false;
  bool host = false;       // registered host memory
  bool read_only = false;  // a device store faults
  // Initcheck: a bit for each byte that was written, as sparse as the bytes; null where every byte counts as written
  // (without the check, host memory, variables of programs).
  uint64_t* written = nullptr;

  // The device that serves the byte at `address`; for replicated buffers, `reader`.
  uint16_t home(uint64_t at, uint16_t reader) const;
};

class AddressSpace {
 public:
  // `capacity`: bytes of HBM per device. `track_writes`: allocations remember which bytes were written.
  AddressSpace(unsigned devices, uint64_t capacity, bool track_writes = false);
  ~AddressSpace();
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  // Zero-filled. `bytes` 0 is refused; more than the members' free capacity is refused with the numbers. Alignment is a
  // page.
  Expected<uint64_t> allocate(uint64_t bytes, Placement placement, std::span<const uint16_t> members, std::string name);
  // `address` must be the start of a live allocation.
  Outcome free(uint64_t address);

  Outcome register_host(void* address, uint64_t bytes, std::string name);
  Outcome unregister_host(void* address);

  // The live or freed buffer that holds the address (its page), or nullptr. O(1) for device addresses.
  const Buffer* find(uint64_t address) const;
  // Makes device stores to the allocation fault (constants, strings); the host API may still write it.
  void make_read_only(uint64_t address);

  // The live buffer nearest to the address, for fault messages; nullptr if there is none.
  const Buffer* nearest(uint64_t address) const;

  // Initcheck, for ranges inside one live buffer; nothing happens and everything is written where no bits are kept.
  void mark_written(uint64_t address, uint64_t bytes);
  // The destination's bytes are as written as the source's.
  void copy_written(uint64_t to, uint64_t from, uint64_t bytes);
  // The first byte of the range that nobody wrote, or its end.
  uint64_t first_unwritten(uint64_t address, uint64_t bytes) const;
  // Every byte of the allocation counts as written from now on.
  void stop_tracking(uint64_t address);

  // Host pointer for [address, address + bytes) inside one live buffer, else nullptr.
  std::byte* translate(uint64_t address, uint64_t bytes) const;

  // Changes whenever a buffer is freed or unregistered: cached Buffer pointers must be looked up again.
  uint64_t generation() const { return generation_; }

  uint64_t capacity() const { return capacity_; }  // per device
  uint64_t used(uint16_t device) const;            // bytes, replicated counted on each member
  uint64_t peak(uint16_t device) const;            // the most that was ever used
  std::span<const std::unique_ptr<Buffer>> buffers() const { return buffers_; }

 private:
  struct Index;
  unsigned devices_;
  uint64_t capacity_;
  bool track_writes_;
  uint64_t generation_ = 0;
  std::vector<uint64_t> used_, peak_;
  std::vector<std::unique_ptr<Buffer>> buffers_;  // in order of creation, freed ones included
  std::unique_ptr<Index> index_;
};

}  // namespace phx::sim
