#include <phalanx/hal/command_buffer.h>

#include <algorithm>

namespace phx::hal {

MemoryRef MemoryRef::in(std::shared_ptr<Buffer> buffer, uint64_t offset) {
  MemoryRef memory;
  memory.buffer = std::move(buffer);
  memory.offset = offset;
  return memory;
}

MemoryRef MemoryRef::in_slot(uint32_t slot, uint64_t offset) {
  MemoryRef memory;
  memory.slot = slot;
  memory.offset = offset;
  return memory;
}

MemoryRef MemoryRef::on_host(void* host) {
  MemoryRef memory;
  memory.host = host;
  return memory;
}

MemoryRef MemoryRef::staged(std::vector<std::byte> bytes) {
  auto payload = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  MemoryRef memory = on_host(payload->data());
  memory.payload = std::move(payload);
  return memory;
}

uint32_t element_bytes(ElementType type) {
  switch (type) {
    case ElementType::s8:
    case ElementType::u8:
      return 1;
    case ElementType::f16:
    case ElementType::bf16:
      return 2;
    case ElementType::s32:
    case ElementType::u32:
    case ElementType::f32:
      return 4;
    case ElementType::s64:
    case ElementType::u64:
    case ElementType::f64:
      return 8;
  }
  return 0;
}

namespace {

// Calls `visit` with every memory reference of a command.
template <class Visit>
void each_memory(const Command& command, Visit visit) {
  if (auto* copy = std::get_if<Copy>(&command)) {
    visit(copy->destination);
    visit(copy->source);
  } else if (auto* fill = std::get_if<Fill>(&command)) {
    visit(fill->destination);
  } else if (auto* dispatch = std::get_if<Dispatch>(&command)) {
    for (const ArgumentPatch& patch : dispatch->patches) visit(patch.memory);
  } else if (auto* collective = std::get_if<Collective>(&command)) {
    for (const MemoryRef& memory : collective->sources) visit(memory);
    for (const MemoryRef& memory : collective->destinations) visit(memory);
  }
}

Status bad(std::string message) { return Status(Code::invalid_argument, std::move(message)); }

// Bytes from the first to the last byte a region touches on one side.
StatusOr<uint64_t> span_of(const Region& region, uint64_t row_pitch, uint64_t plane_pitch) {
  if (region.row_bytes == 0 || region.rows == 0 || region.planes == 0) return uint64_t{0};
  if (row_pitch == 0) row_pitch = region.row_bytes;
  if (row_pitch < region.row_bytes) return bad("a row pitch is smaller than the row");
  uint64_t rows = 0, plane = 0, planes = 0, total = 0;
  if (__builtin_mul_overflow(row_pitch, region.rows - 1, &rows) ||
      __builtin_add_overflow(rows, region.row_bytes, &plane))
    return bad("a region overflows the address space");
  if (plane_pitch == 0 && __builtin_mul_overflow(row_pitch, region.rows, &plane_pitch))
    return bad("a region overflows the address space");
  if (region.planes > 1 && plane_pitch < plane) return bad("a plane pitch is smaller than the plane");
  if (__builtin_mul_overflow(plane_pitch, region.planes - 1, &planes) || __builtin_add_overflow(planes, plane, &total))
    return bad("a region overflows the address space");
  return total;
}

class Checker {
 public:
  Checker(const Bindings& bindings, uint32_t members) : bindings_(bindings), members_(members) {}

  Status operator()(const Copy& copy) const {
    const Region& r = copy.region;
    auto destination = span_of(r, r.destination_row_pitch, r.destination_plane_pitch);
    if (!destination) return destination.status();
    auto source = span_of(r, r.source_row_pitch, r.source_plane_pitch);
    if (!source) return source.status();
    if (auto status = memory(copy.destination, *destination, "copy destination"); !status) return status;
    if (auto status = memory(copy.source, *source, "copy source"); !status) return status;
    Binding to = resolve(copy.destination, bindings_), from = resolve(copy.source, bindings_);
    bool overlap = to.buffer && to.buffer == from.buffer && to.offset < from.offset + *source &&
                   from.offset < to.offset + *destination && r.total_bytes() > 0;
    bool same_pitch = r.destination_row_pitch == r.source_row_pitch && to.offset == from.offset;
    bool interleaved_rows = r.rows > 1 || r.planes > 1;  // disjoint columns of one image are fine
    if (overlap && !same_pitch && !interleaved_rows) return bad("the ends of a copy overlap");
    return {};
  }

  Status operator()(const Fill& fill) const {
    uint32_t width = fill.pattern_bytes;
    if (width != 1 && width != 2 && width != 4 && width != 8) return bad("a fill pattern has 1, 2, 4 or 8 bytes");
    if (fill.region.row_bytes % width != 0) return bad("a fill's row is not a whole number of patterns");
    auto span = span_of(fill.region, fill.region.destination_row_pitch, fill.region.destination_plane_pitch);
    if (!span) return span.status();
    return memory(fill.destination, *span, "fill destination");
  }

  Status operator()(const Dispatch& dispatch) const {
    if (!dispatch.executable) return bad("a dispatch names no executable");
    const auto& entries = dispatch.executable->entries();
    if (dispatch.entry >= entries.size())
      return bad("a dispatch names entry " + std::to_string(dispatch.entry) + " of an executable with " +
                 std::to_string(entries.size()));
    const EntryPoint& entry = entries[dispatch.entry];
    if (dispatch.grid.count() == 0 || dispatch.block.count() == 0)
      return bad("kernel '" + entry.name + "' has an empty grid or block");
    if (dispatch.arguments.size() != entry.argument_bytes)
      return bad("kernel '" + entry.name + "' takes " + std::to_string(entry.argument_bytes) +
                 " bytes of arguments, got " + std::to_string(dispatch.arguments.size()));
    for (const ArgumentPatch& patch : dispatch.patches) {
      if (uint64_t{patch.argument_offset} + 8 > dispatch.arguments.size())
        return bad("an argument patch lies outside the arguments of kernel '" + entry.name + "'");
      if (patch.memory.host) return bad("an argument patch names host memory; import it first");
      if (auto status = memory(patch.memory, 0, "argument patch"); !status) return status;
    }
    return {};
  }

  Status operator()(const Collective& collective) const {
    using Kind = Collective::Kind;
    if (collective.sources.size() != members_ || collective.destinations.size() != members_)
      return bad("a collective over " + std::to_string(members_) + " members needs as many sources and destinations");
    if (collective.root >= members_) return bad("the root of a collective is not a member");
    uint64_t run = 0, whole = 0;
    if (__builtin_mul_overflow(collective.count, element_bytes(collective.type), &run) ||
        __builtin_mul_overflow(run, members_, &whole))
      return bad("a collective overflows the address space");
    bool wide_source = collective.kind == Kind::reduce_scatter || collective.kind == Kind::all_to_all;
    bool wide_destination = collective.kind == Kind::all_gather || collective.kind == Kind::all_to_all;
    for (uint32_t i = 0; i < members_; ++i) {
      if (auto status = memory(collective.sources[i], wide_source ? whole : run, "collective source"); !status)
        return status;
      if (collective.kind == Kind::reduce && i != collective.root) continue;
      if (auto status = memory(collective.destinations[i], wide_destination ? whole : run, "collective destination");
          !status)
        return status;
    }
    return {};
  }

  Status operator()(const Barrier&) const { return {}; }
  Status operator()(const HostCall& host) const {
    return host.call ? Status() : bad("a host call has nothing to call");
  }

 private:
  Status memory(const MemoryRef& memory, uint64_t bytes, const char* what) const {
    int named = (memory.buffer ? 1 : 0) + (memory.slot ? 1 : 0) + (memory.host ? 1 : 0);
    if (named > 1) return bad(std::string(what) + " names more than one place");
    if (named == 0) return bytes == 0 && !memory.offset ? Status() : bad(std::string(what) + " names no memory");
    if (memory.slot && (*memory.slot >= bindings_.size() || !bindings_[*memory.slot].buffer))
      return bad(std::string(what) + " names slot " + std::to_string(*memory.slot) + ", which is not bound");
    Binding place = resolve(memory, bindings_);
    if (!place.buffer) return {};
    uint64_t size = place.buffer->size();
    if (place.offset > size || bytes > size - place.offset)
      return bad(std::string(what) + " of " + std::to_string(bytes) + " bytes at offset " +
                 std::to_string(place.offset) + " leaves buffer '" + place.buffer->label() + "' of " +
                 std::to_string(size) + " bytes");
    return {};
  }

  const Bindings& bindings_;
  uint32_t members_;
};

}  // namespace

uint32_t CommandBuffer::slot_count() const {
  uint32_t count = 0;
  for (const Command& command : commands_)
    each_memory(command, [&](const MemoryRef& memory) {
      if (memory.slot) count = std::max(count, *memory.slot + 1);
    });
  return count;
}

Binding resolve(const MemoryRef& memory, const Bindings& bindings) {
  if (memory.slot) {
    const Binding& bound = bindings[*memory.slot];
    return {bound.buffer, bound.offset + memory.offset};
  }
  return {memory.buffer, memory.offset};
}

Status validate(const CommandBuffer& commands, const Bindings& bindings, uint32_t members) {
  Checker check(bindings, members);
  for (const Command& command : commands.commands())
    if (Status status = std::visit(check, command); !status) return status;
  return {};
}

}  // namespace phx::hal
