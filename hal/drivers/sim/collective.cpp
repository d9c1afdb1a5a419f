#include "hal/drivers/sim/collective.h"

#include <cmath>
#include <cstring>

#include "device_sim/numerics/soft_float.h"

namespace phx::hal::sim {
namespace {

using Reduction = Collective::Reduction;

template <class T>
T combined_integers(Reduction how, T a, T b) {
  using Unsigned = std::make_unsigned_t<T>;
  switch (how) {
    case Reduction::sum:
      return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
    case Reduction::product:
      return static_cast<T>(uint64_t(static_cast<Unsigned>(a)) * static_cast<Unsigned>(b));
    case Reduction::min:
      return b < a ? b : a;
    case Reduction::max:
      return a < b ? b : a;
  }
  return a;
}

uint64_t combined_floats(num::Format format, Reduction how, uint64_t a, uint64_t b) {
  switch (how) {
    case Reduction::sum:
      return num::add(format, a, b, num::Round::Rn);
    case Reduction::product:
      return num::mul(format, a, b, num::Round::Rn);
    case Reduction::min:
      return num::min(format, a, b);
    case Reduction::max:
      return num::max(format, a, b);
  }
  return a;
}

template <class T>
void combine_integers(Reduction how, std::byte* into, const std::byte* from, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    T a, b;
    std::memcpy(&a, into + i * sizeof(T), sizeof(T));
    std::memcpy(&b, from + i * sizeof(T), sizeof(T));
    a = combined_integers<T>(how, a, b);
    std::memcpy(into + i * sizeof(T), &a, sizeof(T));
  }
}

void combine_floats(num::Format format, uint32_t width, Reduction how, std::byte* into, const std::byte* from,
                    uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t a = 0, b = 0;
    std::memcpy(&a, into + i * width, width);
    std::memcpy(&b, from + i * width, width);
    a = combined_floats(format, how, a, b);
    std::memcpy(into + i * width, &a, width);
  }
}

void combine(ElementType type, Reduction how, std::byte* into, const std::byte* from, uint64_t count) {
  switch (type) {
    case ElementType::s8:
      return combine_integers<int8_t>(how, into, from, count);
    case ElementType::u8:
      return combine_integers<uint8_t>(how, into, from, count);
    case ElementType::s32:
      return combine_integers<int32_t>(how, into, from, count);
    case ElementType::u32:
      return combine_integers<uint32_t>(how, into, from, count);
    case ElementType::s64:
      return combine_integers<int64_t>(how, into, from, count);
    case ElementType::u64:
      return combine_integers<uint64_t>(how, into, from, count);
    case ElementType::f16:
      return combine_floats(num::Format::F16, 2, how, into, from, count);
    case ElementType::bf16:
      return combine_floats(num::Format::BF16, 2, how, into, from, count);
    case ElementType::f32:
      return combine_floats(num::Format::F32, 4, how, into, from, count);
    case ElementType::f64:
      return combine_floats(num::Format::F64, 8, how, into, from, count);
  }
}

// Where an end lies on the device; 0 for host memory, all of which counts as written.
uint64_t device_address(const MemoryRef& memory, const Bindings& bindings) {
  if (memory.host) return 0;
  Binding place = resolve(memory, bindings);
  return place.buffer->address() + place.offset;
}

// Host view of an end, or null if its memory is gone.
std::byte* view(MachineState& machine, const MemoryRef& memory, const Bindings& bindings, uint64_t bytes) {
  if (memory.host) return static_cast<std::byte*>(memory.host) + memory.offset;
  Binding place = resolve(memory, bindings);
  return machine.system->memory().translate(place.buffer->address() + place.offset, bytes);
}

}  // namespace

Status run_collective(MachineState& machine, const Collective& collective, const Bindings& bindings) {
  using Kind = Collective::Kind;
  const size_t members = collective.sources.size();
  const uint64_t part = collective.count * element_bytes(collective.type);
  if (part == 0) return {};
  bool wide_source = collective.kind == Kind::reduce_scatter || collective.kind == Kind::all_to_all;
  bool wide_destination = collective.kind == Kind::all_gather || collective.kind == Kind::all_to_all;
  const uint64_t source_bytes = wide_source ? part * members : part;
  const uint64_t destination_bytes = wide_destination ? part * members : part;

  // All sources are read before anything is written: destinations may be the sources.
  std::vector<std::vector<std::byte>> sources(members);
  for (size_t i = 0; i < members; ++i) {
    std::byte* bytes = view(machine, collective.sources[i], bindings, source_bytes);
    if (!bytes) return Status(Code::device_fault, "a collective's source on member " + std::to_string(i) + " is gone");
    sources[i].assign(bytes, bytes + source_bytes);
  }
  bool reduces =
      collective.kind == Kind::all_reduce || collective.kind == Kind::reduce || collective.kind == Kind::reduce_scatter;
  std::vector<std::byte> total;
  if (reduces) {
    total = sources[0];
    for (size_t i = 1; i < members; ++i)
      combine(collective.type, collective.reduction, total.data(), sources[i].data(),
              source_bytes / element_bytes(collective.type));
  }
  for (size_t i = 0; i < members; ++i) {
    if (collective.kind == Kind::reduce && i != collective.root) continue;
    std::byte* to = view(machine, collective.destinations[i], bindings, destination_bytes);
    if (!to)
      return Status(Code::device_fault, "a collective's destination on member " + std::to_string(i) + " is gone");
    // What was copied is as written as it was; sums count as written.
    phx::sim::AddressSpace& memory = machine.system->memory();
    const uint64_t target = device_address(collective.destinations[i], bindings);
    auto came_from = [&](uint64_t offset, size_t source, uint64_t source_offset) {
      const uint64_t from = device_address(collective.sources[source], bindings);
      if (target) memory.copy_written(target + offset, from ? from + source_offset : 0, part);
    };
    if (reduces && target) memory.mark_written(target, part);
    switch (collective.kind) {
      case Kind::all_reduce:
      case Kind::reduce:
        std::memcpy(to, total.data(), part);
        break;
      case Kind::broadcast:
        std::memcpy(to, sources[collective.root].data(), part);
        came_from(0, collective.root, 0);
        break;
      case Kind::reduce_scatter:
        std::memcpy(to, total.data() + i * part, part);
        break;
      case Kind::all_gather:
        for (size_t j = 0; j < members; ++j) {
          std::memcpy(to + j * part, sources[j].data(), part);
          came_from(j * part, j, 0);
        }
        break;
      case Kind::all_to_all:
        for (size_t j = 0; j < members; ++j) {
          std::memcpy(to + j * part, sources[j].data() + i * part, part);
          came_from(j * part, j, i * part);
        }
        break;
    }
  }
  return {};
}

SimTime collective_time(const Collective& collective, const Topology& topology) {
  using Kind = Collective::Kind;
  const uint32_t n = topology.size();
  if (n < 2) return 0;
  SimTime latency = 0;
  double bandwidth = 0;
  for (uint32_t i = 0; i < n; ++i) {
    Path hop = topology.path(i, (i + 1) % n);
    latency = std::max(latency, hop.latency);
    bandwidth = bandwidth == 0 ? hop.write_bandwidth : std::min(bandwidth, hop.write_bandwidth);
  }
  const double part = static_cast<double>(collective.count) * element_bytes(collective.type);
  double steps = n - 1, bytes = part;
  switch (collective.kind) {
    case Kind::all_reduce:
      steps = 2.0 * (n - 1), bytes = part / n;
      break;
    case Kind::all_gather:
    case Kind::reduce_scatter:
    case Kind::all_to_all:
      break;
    case Kind::broadcast:
    case Kind::reduce:
      bytes = part / steps;
      break;  // cut so that the hops overlap: latency of all, bytes of one
  }
  double seconds = bandwidth > 0 ? bytes / bandwidth : 0;
  return static_cast<SimTime>(std::llround(steps * (static_cast<double>(latency) + seconds * kPicosecondsPerSecond)));
}

}  // namespace phx::hal::sim
