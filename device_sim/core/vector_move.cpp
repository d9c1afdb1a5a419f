// Vector instructions that move or make elements without computing with them.
#include <algorithm>
#include <bit>
#include <cstring>

#include "device_sim/core/vector_operands.h"
#include "device_sim/numerics/soft_float.h"

namespace phx::sim {
namespace {

using isa::Opcode;
using isa::Type;

uint64_t size_of(const Decoded* d) { return isa::info(static_cast<Type>(d->type)).bits / 8; }

bool copy(const Decoded* d, Frame* f) {
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.empty()) return record_work(f, 0), true;
  const uint64_t bytes = c.count * size_of(d);
  auto dst = vector_destination(scalar_value(d, f, d->dst), bytes, c.rows, c.dst_pitch);
  auto a = vector_source(scalar_value(d, f, d->a), bytes, c.rows, c.a_pitch);
  if (!touch_operands(d, f, dst, {&a})) return false;
  record_work(f, vector_repeats(c.rows, bytes));
  if (!moves_values(f) || dst.data == a.data) return true;
  for (uint64_t row = 0; row < c.rows; ++row) std::memcpy(dst.row(row), a.row(row), bytes);
  return true;
}

// --- Values: the first row is made, the others are copies
template <void (*Fill)(const Decoded*, uint64_t value, unsigned char* row, uint64_t count)>
bool make(const Decoded* d, Frame* f) {
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.empty()) return record_work(f, 0), true;
  const uint64_t bytes = c.count * size_of(d);
  auto dst = vector_destination(scalar_value(d, f, d->dst), bytes, c.rows, c.dst_pitch);
  if (!touch_operands(d, f, dst, {})) return false;
  record_work(f, vector_repeats(c.rows, bytes));
  if (!moves_values(f)) return true;
  Fill(d, scalar_value(d, f, d->b), dst.data, c.count);
  for (uint64_t row = 1; row < c.rows; ++row) std::memcpy(dst.row(row), dst.data, bytes);
  return true;
}
void fill(unsigned char* to, const unsigned char* element, uint64_t size, uint64_t count) {
  const uint64_t bytes = count * size;
  std::memcpy(to, element, size);
  for (uint64_t done = size; done < bytes; done *= 2) std::memcpy(to + done, to, std::min(done, bytes - done));
}
void same_value(const Decoded* d, uint64_t value, unsigned char* row, uint64_t count) {
  unsigned char element[sizeof value];
  std::memcpy(element, &value, sizeof value);
  fill(row, element, size_of(d), count);
}
template <class T, class Element>
void put_all(unsigned char* row, uint64_t count, Element element) {
  for (uint64_t i = 0; i < count; ++i) {
    const T x = element(i);
    std::memcpy(row + i * sizeof x, &x, sizeof x);
  }
}
void ascending(const Decoded* d, uint64_t value, unsigned char* row, uint64_t count) {
  switch (static_cast<Type>(d->type)) {
    case Type::F16: {  // the sum is exact in f64
      const double first = num::f32_from_f16(static_cast<uint16_t>(value));
      return put_all<uint16_t>(row, count, [&](uint64_t i) { return num::f16_from(first + static_cast<double>(i)); });
    }
    case Type::F32: {
      const auto first = std::bit_cast<float>(static_cast<uint32_t>(value));
      return put_all<float>(row, count, [&](uint64_t i) { return num::canonical(first + static_cast<float>(i)); });
    }
    case Type::S16:
      return put_all<uint16_t>(row, count, [&](uint64_t i) { return static_cast<uint16_t>(value + i); });
    default:
      return put_all<uint32_t>(row, count, [&](uint64_t i) { return static_cast<uint32_t>(value + i); });
  }
}

bool broadcast_to_blocks(const Decoded* d, Frame* f) {
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.count) {
    raise(f, d, FaultKind::illegal_instruction, 0,
          "the count of vbrcb is 0, not " + std::to_string(c.count) + ": a block is its row");
    return false;
  }
  if (c.rows == 0) return record_work(f, 0), true;
  const uint64_t size = size_of(d);
  auto dst = vector_destination(scalar_value(d, f, d->dst), kVectorBlock, c.rows, c.dst_pitch);
  auto a = vector_source(scalar_value(d, f, d->a), c.rows * size, 1, 0);
  if (!touch_operands(d, f, dst, {&a}, false)) return false;
  record_work(f, (c.rows + 7) / 8);
  if (!moves_values(f)) return true;
  for (uint64_t row = 0; row < c.rows; ++row) fill(dst.row(row), a.data + row * size, size, kVectorBlock / size);
  return true;
}

// --- Positions
constexpr uint64_t kSquare = 8;  // elements
// Interleaving row k with row k + 4, three times over, transposes eight rows of eight.
template <class T>
void transpose_square(unsigned char* to, uint64_t to_pitch, const unsigned char* from, uint64_t from_pitch) {
  using Row = T __attribute__((ext_vector_type(kSquare)));
  Row rows[kSquare], mixed[kSquare];
  for (uint64_t r = 0; r < kSquare; ++r) std::memcpy(&rows[r], from + r * from_pitch, sizeof(Row));
#pragma unroll
  for (unsigned stage = 0; stage < 3; ++stage) {
#pragma unroll
    for (uint64_t k = 0; k < kSquare / 2; ++k) {
      mixed[2 * k] = __builtin_shufflevector(rows[k], rows[k + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      mixed[2 * k + 1] = __builtin_shufflevector(rows[k], rows[k + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    std::copy(std::begin(mixed), std::end(mixed), rows);
  }
  for (uint64_t r = 0; r < kSquare; ++r) std::memcpy(to + r * to_pitch, &rows[r], sizeof(Row));
}

template <class T>
bool transpose(const Decoded* d, Frame* f) {
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.empty()) return record_work(f, 0), true;
  auto dst = vector_destination(scalar_value(d, f, d->dst), c.rows * sizeof(T), c.count, c.dst_pitch);
  auto a = vector_source(scalar_value(d, f, d->a), c.count * sizeof(T), c.rows, c.a_pitch);
  if (!touch_operands(d, f, dst, {&a}, false)) return false;
  record_work(f, vector_repeats(1, c.rows * c.count * sizeof(T)));
  if (!moves_values(f)) return true;
  const uint64_t whole_rows = c.rows / kSquare * kSquare, whole_columns = c.count / kSquare * kSquare;
  for (uint64_t row = 0; row < whole_rows; row += kSquare)
    for (uint64_t i = 0; i < whole_columns; i += kSquare)
      transpose_square<T>(dst.row(i) + row * sizeof(T), c.dst_pitch, a.row(row) + i * sizeof(T), c.a_pitch);
  for (uint64_t row = 0; row < c.rows; ++row)
    for (uint64_t i = row < whole_rows ? whole_columns : 0; i < c.count; ++i)
      std::memcpy(dst.row(i) + row * sizeof(T), a.row(row) + i * sizeof(T), sizeof(T));
  return true;
}

uint32_t offset_at(const VectorOperand& offsets, uint64_t row, uint64_t i) {
  uint32_t offset;
  std::memcpy(&offset, offsets.row(row) + i * sizeof offset, sizeof offset);
  return offset;
}

// Every offset is checked before the first element moves. The elements count as one range from the lowest to the
// highest, from block to block, for the order between pipes.
template <class T>
bool offsets_are_good(const Decoded* d, Frame* f, const VectorConfiguration& c, const VectorOperand& dst,
                      const VectorOperand& offsets, uint64_t base) {
  uint32_t lowest = ~0u, highest = 0, digits = 0;
  for (uint64_t row = 0; row < c.rows; ++row) {
    const unsigned char* of_row = offsets.row(row);
    for (uint64_t i = 0; i < c.count; ++i) {
      uint32_t offset;
      std::memcpy(&offset, of_row + i * sizeof offset, sizeof offset);
      lowest = std::min(lowest, offset);
      highest = std::max(highest, offset);
      digits |= offset;
    }
  }
  auto fail = [&](FaultKind kind, uint64_t offset, std::string detail) {
    raise_access(f, d, kind, 0, base + offset, sizeof(T), false, std::move(detail));
    return false;
  };
  if (digits % sizeof(T)) {
    for (uint64_t row = 0; row < c.rows; ++row)
      for (uint64_t i = 0; i < c.count; ++i)
        if (const uint32_t offset = offset_at(offsets, row, i); offset % sizeof(T))
          return fail(FaultKind::misaligned, offset,
                      "offset " + std::to_string(offset) + " of row " + std::to_string(row) + ", element " +
                          std::to_string(i) + " is no multiple of the element's " + std::to_string(sizeof(T)) +
                          " bytes");
  }
  const uint64_t from = (base + lowest) / kVectorBlock * kVectorBlock;
  TileRange elements = vector_source(from, base + highest + sizeof(T) - from, 1, 0).range;
  elements.told = true;
  if (!touch(d, f, elements)) return false;
  if (TileContents* contents = f->machinery->contents.get())
    for (uint64_t row = 0; row < c.rows; ++row)
      for (uint64_t i = 0; i < c.count; ++i)
        contents->read(d, f, vector_source(base + offset_at(offsets, row, i), sizeof(T), 1, 0).range);
  if (!overlap(dst.range, vector_source(base + lowest, uint64_t{highest} - lowest + sizeof(T), 1, 0).range))
    return true;
  for (uint64_t row = 0; row < c.rows; ++row)
    for (uint64_t i = 0; i < c.count; ++i)
      if (const uint64_t at = base + offset_at(offsets, row, i);
          overlap(dst.range, vector_source(at, sizeof(T), 1, 0).range))
        return fail(
            FaultKind::illegal_instruction, at - base,
            "row " + std::to_string(row) + ", element " + std::to_string(i) + " is gathered from the destination");
  return true;
}

template <class T>
bool gather(const Decoded* d, Frame* f) {
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.empty()) return record_work(f, 0), true;
  const uint64_t base = scalar_value(d, f, d->a);
  auto dst = vector_destination(scalar_value(d, f, d->dst), c.count * sizeof(T), c.rows, c.dst_pitch);
  auto offsets = vector_source(scalar_value(d, f, d->b), c.count * sizeof(uint32_t), c.rows, c.b_pitch);
  // Which elements are read is for the offsets to say, and those are unknown where no values move.
  const bool base_is_good = base % kVectorBlock == 0 && base < f->ub_bytes;
  TileRange first = vector_source(base, sizeof(T), 1, 0).range;
  first.told = true;
  if ((!base_is_good || !moves_values(f)) && !touch(d, f, first)) return false;
  if (!touch_operands(d, f, dst, {&offsets})) return false;
  if (moves_values(f) && !offsets_are_good<T>(d, f, c, dst, offsets, base)) return false;
  record_work(f, vector_repeats(c.rows, dst.range.bytes));
  if (!moves_values(f)) return true;
  const unsigned char* from = f->machinery->tile_buffers[static_cast<unsigned>(TileSpace::ub)].data + base;
  for (uint64_t row = 0; row < c.rows; ++row) {
    unsigned char* to = dst.row(row);
    for (uint64_t i = 0; i < c.count; ++i)
      std::memcpy(to + i * sizeof(T), from + offset_at(offsets, row, i), sizeof(T));
  }
  return true;
}

template <template <class> class Of>
Handler by_size(uint64_t size) {
  return size == 1 ? Of<uint8_t>::handler : size == 2 ? Of<uint16_t>::handler : Of<uint32_t>::handler;
}
template <class T>
struct Transpose {
  static constexpr Handler handler = vector_instruction<transpose<T>>;
};
template <class T>
struct Gather {
  static constexpr Handler handler = vector_instruction<gather<T>>;
};

}  // namespace

Handler move_handler(const isa::Instruction& i) {
  const uint64_t size = isa::info(i.type).bits / 8;
  switch (i.op) {
    case Opcode::Vcopy:
      return vector_instruction<copy>;
    case Opcode::Vdup:
      return vector_instruction<make<same_value>>;
    case Opcode::Vci:
      return vector_instruction<make<ascending>>;
    case Opcode::Vbrcb:
      return vector_instruction<broadcast_to_blocks>;
    case Opcode::Vtranspose:
      return by_size<Transpose>(size);
    case Opcode::Vgather:
      return by_size<Gather>(size);
    default:
      return nullptr;
  }
}

}  // namespace phx::sim
