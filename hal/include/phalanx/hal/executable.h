// Executable: opaque bytes made ready to run on a group, with a table of what can be started and what can be named.
//
// The HAL knows nothing about instruction sets. A driver checks the bytes it is given as hostile input (Code
// data_corrupt or incompatible, naming the offset), loads them once for all members of the group, and tells what
// they contain. Loading again gives independent globals.
#pragma once

#include <phalanx/hal/buffer.h>
#include <phalanx/hal/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace phx::hal {

// A kernel, as dispatches name it by its index in entries().
struct EntryPoint {
  struct Argument {
    uint32_t offset;  // into the argument block
    uint32_t size;
  };
  std::string name;                 // linker name
  uint32_t argument_bytes = 0;      // size of the argument block
  std::vector<Argument> arguments;  // in order; empty if the file has no layout
  uint32_t registers = 0;           // 32-bit registers per thread of the leanest variant
  uint32_t static_shared = 0;       // bytes per block
  uint32_t local = 0;               // private bytes per thread (spills, arrays)
  uint32_t max_block_threads = 0;   // 0: the device's limit
  uint64_t constant_bytes = 0;      // of the whole executable
  // What one place of the grid occupies: "simt" (a block shares a vector core), "aiv" or "aic" (one core), "mix" (a
  // cube core and its vector cores). All but the first run blocks of one thread.
  std::string core = "simt";
  uint32_t resident_grid = 0;  // largest grid of which a device holds all at once; 0: depends on the block
};

// A variable of the executable that the host can name.
struct Symbol {
  std::shared_ptr<Buffer> buffer;
  uint64_t offset = 0;
  uint64_t size = 0;
  bool constant = false;  // replicated and read-only to the devices
};

// What happens if an entry runs with a given block: how many blocks share a core, and what stops one more.
struct Occupancy {
  uint32_t blocks_per_core = 0;
  uint32_t registers = 0;  // per thread, of the variant that would run
  std::string limited_by;  // "threads", "registers", "shared", "blocks", "cores"
};

class Executable {
 public:
  virtual ~Executable() = default;
  virtual const std::vector<EntryPoint>& entries() const = 0;
  // Index into entries(); not_found lists up to a few names that exist.
  virtual StatusOr<uint32_t> find(std::string_view entry) const = 0;
  virtual StatusOr<Symbol> symbol(std::string_view name) const = 0;
  // Text that the executable's maker left for the host beside the code; empty without any. Compiled tensor programs
  // say here which kernels run on which buffers.
  virtual std::string_view description() const { return {}; }
  // out_of_resources, saying which, if not even one block fits on a core.
  virtual StatusOr<Occupancy> occupancy(uint32_t entry, uint32_t block_threads, uint64_t dynamic_shared) const = 0;
};

}  // namespace phx::hal
