// CommandBuffer: recorded work for a queue: copy, fill, dispatch, collective, barrier, host call.
//
// Recording only stores; a queue checks and runs. Between two barriers the commands of a buffer have no order and may
// overlap; a barrier lets nothing after it start before everything before it is done. A buffer may be submitted any
// number of times, also while an earlier submission runs. Memory may be named by *slot* instead of by buffer: each
// submission then brings its own Bindings, which is how a recorded graph is replayed on other data.
#pragma once

#include <phalanx/hal/buffer.h>
#include <phalanx/hal/executable.h>
#include <phalanx/hal/sim_time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace phx::hal {

// A place in memory: in a buffer, in the buffer a submission binds to a slot, or in ordinary host memory.
struct MemoryRef {
  std::shared_ptr<Buffer> buffer;
  std::optional<uint32_t> slot;
  void* host = nullptr;
  uint64_t offset = 0;  // bytes from the start of whichever it is
  // Host bytes that live as long as the command (staged sources); host points into them.
  std::shared_ptr<const std::vector<std::byte>> payload;

  static MemoryRef in(std::shared_ptr<Buffer> buffer, uint64_t offset = 0);
  static MemoryRef in_slot(uint32_t slot, uint64_t offset = 0);
  static MemoryRef on_host(void* host);
  static MemoryRef on_host(const void* host) { return on_host(const_cast<void*>(host)); }
  static MemoryRef staged(std::vector<std::byte> bytes);
};

// Up to three dimensions: `planes` planes of `rows` rows of `row_bytes` contiguous bytes.
struct Region {
  uint64_t row_bytes = 0;
  uint64_t rows = 1;
  uint64_t planes = 1;
  uint64_t destination_row_pitch = 0, destination_plane_pitch = 0;  // bytes; 0 = packed
  uint64_t source_row_pitch = 0, source_plane_pitch = 0;

  static Region bytes(uint64_t count) { return {count, 1, 1, 0, 0, 0, 0}; }
  uint64_t total_bytes() const { return row_bytes * rows * planes; }
};

// Any mix of host and device ends. Overlapping ends within one device range are invalid_argument.
struct Copy {
  MemoryRef destination, source;
  Region region;
};

// Repeats the pattern (1, 2, 4 or 8 bytes, dividing row_bytes) over a region of the destination.
struct Fill {
  MemoryRef destination;
  Region region;
  std::array<std::byte, 8> pattern{};
  uint32_t pattern_bytes = 1;
};

// Three-dimensional extents: x fastest.
struct Extent {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t{x} * y * z; }
  bool operator==(const Extent&) const = default;
};

// An address to be written into the argument block when the submission starts.
struct ArgumentPatch {
  uint32_t argument_offset = 0;  // 8 bytes there become the address
  MemoryRef memory;              // a buffer or a slot
};

// Starts an entry on the members of the queue's group.
struct Dispatch {
  // split: one logical grid; member i runs the i-th of size() contiguous runs of blocks (x fastest), earlier members
  //        getting one block more where it does not divide. replicate: every member runs the whole grid.
  enum class Spread { split, replicate };

  std::shared_ptr<Executable> executable;
  uint32_t entry = 0;
  Extent grid, block;
  uint64_t dynamic_shared = 0;
  std::vector<std::byte> arguments;  // laid out as EntryPoint says
  std::vector<ArgumentPatch> patches;
  Spread spread = Spread::split;
  bool cooperative = false;  // all blocks must be resident at once (grid barriers); out_of_resources if they do not fit
};

enum class ElementType { s8, u8, s32, u32, s64, u64, f16, bf16, f32, f64 };
uint32_t element_bytes(ElementType type);

// One call covers all members of the queue's group; ends are given per member, in member order.
struct Collective {
  enum class Kind {
    all_reduce,      // every member: destination = reduction of all sources; count elements each
    reduce,          // as all_reduce, but only member `root` gets the result
    broadcast,       // every member: destination = source of member `root`
    all_gather,      // member i's count elements end up at i * count in every destination
    reduce_scatter,  // sources have size() * count elements; member i gets the reduction of the i-th part
    all_to_all,      // element run j of member i (count each) ends up as run i of member j
  };
  enum class Reduction { sum, product, min, max };

  Kind kind = Kind::all_reduce;
  Reduction reduction = Reduction::sum;  // members are combined in order 0, 1, 2, ... so that bits repeat
  ElementType type = ElementType::f32;
  uint64_t count = 0;  // elements
  uint32_t root = 0;
  std::vector<MemoryRef> sources, destinations;
};

struct Barrier {};

// Runs on a host thread when everything before it is done. `now` is that moment. Must not wait on a semaphore.
struct HostCall {
  std::function<void(SimTime now)> call;
};

using Command = std::variant<Copy, Fill, Dispatch, Collective, Barrier, HostCall>;

class CommandBuffer {
 public:
  void copy(Copy command) { commands_.emplace_back(std::move(command)); }
  void fill(Fill command) { commands_.emplace_back(std::move(command)); }
  void dispatch(Dispatch command) { commands_.emplace_back(std::move(command)); }
  void collective(Collective command) { commands_.emplace_back(std::move(command)); }
  void barrier() { commands_.emplace_back(Barrier{}); }
  void host_call(std::function<void(SimTime)> call) { commands_.emplace_back(HostCall{std::move(call)}); }

  const std::vector<Command>& commands() const { return commands_; }
  // Number of binding slots a submission must bring: one more than the largest slot named.
  uint32_t slot_count() const;

 private:
  std::vector<Command> commands_;
};

// Slot i of a submission is bindings[i].
struct Binding {
  std::shared_ptr<Buffer> buffer;
  uint64_t offset = 0;
};
using Bindings = std::vector<Binding>;

// The rules every driver applies before it runs anything, so that all drivers refuse the same things with the same
// words: slots bound, ranges inside buffers, patterns and patches well formed, grids not empty, collective ends
// complete. `members` is the size of the queue's group.
Status validate(const CommandBuffer& commands, const Bindings& bindings, uint32_t members);

// The buffer and offset a reference means under some bindings; buffer is null for host memory. Valid references only.
Binding resolve(const MemoryRef& memory, const Bindings& bindings);

}  // namespace phx::hal
