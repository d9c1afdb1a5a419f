// Faults: what real hardware leaves undefined or reports without a place is an error with a place here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/image/image.h"

namespace phx::sim {

// PHX_FAULT(Enum, "name", "what it means")
#define PHX_FAULTS(PHX_FAULT)                                                                                       \
  PHX_FAULT(out_of_bounds, "out of bounds", "the access leaves the buffer it starts in, or hits no buffer at all")  \
  PHX_FAULT(misaligned, "misaligned address", "the address is no multiple of the access size")                      \
  PHX_FAULT(host_pointer, "host pointer on the device",                                                             \
            "the address is host memory that is neither managed nor pinned")                                        \
  PHX_FAULT(use_after_free, "use after free", "the buffer was freed before the access")                             \
  PHX_FAULT(read_only_store, "store to read-only memory", "a store into constant or replicated memory")             \
  PHX_FAULT(ub_out_of_bounds, "shared memory out of bounds", "the offset lies beyond the block's unified buffer")   \
  PHX_FAULT(buffer_out_of_bounds, "on-chip buffer out of bounds", "the range leaves a buffer of the cube core")     \
  PHX_FAULT(local_out_of_bounds, "local memory out of bounds", "the offset lies beyond the lane's local memory")    \
  PHX_FAULT(param_out_of_bounds, "parameter read out of bounds", "the offset lies beyond the kernel's arguments")   \
  PHX_FAULT(uninitialised_read, "uninitialised read", "the bytes were never written (initcheck)")                   \
  PHX_FAULT(race, "data race", "two unordered accesses, at least one a store (racecheck)")                          \
  PHX_FAULT(missing_flag, "missing flag between pipes", "a pipe reads or overwrites data another has not finished") \
  PHX_FAULT(surplus_flag, "surplus flag", "a flag is set that nobody waits for")                                    \
  PHX_FAULT(divergent_barrier, "divergent barrier", "lanes of one block wait at different barriers")                \
  PHX_FAULT(divergent_scalar, "divergent scalar", "a scalar operation whose sources differ between active lanes")   \
  PHX_FAULT(deadlock, "deadlock", "every live thread waits for another")                                            \
  PHX_FAULT(watchdog, "watchdog", "the kernel ran longer than the limit of instructions")                           \
  PHX_FAULT(cancelled, "cancelled", "the user asked to stop")                                                       \
  PHX_FAULT(trap, "trap", "the program executed a trap")                                                            \
  PHX_FAULT(assertion, "assertion failed", "a device assert() failed")                                              \
  PHX_FAULT(call_depth, "call depth", "more nested calls than the device has room for")                             \
  PHX_FAULT(unsupported, "unsupported on this machine", "the machine description lacks what the instruction needs") \
  PHX_FAULT(illegal_instruction, "illegal instruction", "an encoding or operand that has no meaning")

enum class FaultKind : uint8_t {
#define PHX_FAULT(name, text, meaning) name,
  PHX_FAULTS(PHX_FAULT)
#undef PHX_FAULT
};
std::string_view name_of(FaultKind kind);
std::string_view meaning_of(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::trap;
  std::string kernel;                      // demangled
  std::vector<image::SourceFrame> source;  // innermost first; empty if the image has no lines
  uint32_t word = 0;                       // code word of the instruction
  std::string instruction;                 // disassembled
  uint16_t device = 0;
  uint32_t core = 0;  // core the block was resident on (functional slot)
  std::array<uint32_t, 3> block{}, thread{};
  uint64_t address = 0;  // for memory faults
  uint32_t bytes = 0;    // access size
  bool has_address = false, is_store = false;
  std::string nearest;  // "12 bytes past the end of cudaMalloc #2 (4096 bytes at 0x0d…)"
  std::string detail;   // anything else: wait graph, assertion text

  // Several lines for people: kind, place, thread, address, nearest buffer, detail.
  std::string str() const;
};

}  // namespace phx::sim
