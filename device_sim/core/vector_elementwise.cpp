// Vector instructions that compute element by element, and reductions of rows: operands and loops over rows. What
// happens in a row is in vector_rows.h.
#include <algorithm>
#include <cstring>

#include "device_sim/core/vector_operands.h"
#include "device_sim/core/vector_rows.h"
#include "device_sim/isa/fields.h"
#include "device_sim/numerics/math.h"

namespace phx::sim {
namespace {

using isa::Opcode;
using isa::Type;

// What an opcode makes of its slots.
struct Form {
  bool value = false;     // b is a single value
  bool pair = false;      // b is a tile
  bool blocks = false;    // ablk and bblk exist
  bool compares = false;  // dst is a mask
  bool selects = false;   // reads the mask of set_cmpmask
};
Form form_of(Opcode op) {
  switch (op) {
    case Opcode::Vadds:
    case Opcode::Vmuls:
    case Opcode::Vmaxs:
    case Opcode::Vmins:
      return {.value = true};
    case Opcode::Vcmps:
      return {.value = true, .compares = true};
    case Opcode::Vsels:
      return {.value = true, .selects = true};
    case Opcode::Vcmp:
      return {.pair = true, .blocks = true, .compares = true};
    case Opcode::Vsel:
      return {.pair = true, .blocks = true, .selects = true};
    case Opcode::Vadd:
    case Opcode::Vsub:
    case Opcode::Vmul:
    case Opcode::Vdiv:
    case Opcode::Vmax:
    case Opcode::Vmin:
    case Opcode::Vand:
    case Opcode::Vor:
    case Opcode::Vxor:
    case Opcode::Vmath2:
      return {.pair = true, .blocks = true};
    default:
      return {};
  }
}

Type source_type(Opcode op, uint16_t mod) {
  return op == Opcode::Vconv ? static_cast<Type>(isa::bits(mod, 8, 5)) : Type::None;
}

unsigned detail_of(const Decoded* d) {
  switch (static_cast<Opcode>(d->op)) {
    case Opcode::Vconv:
      return bits_of(d, 0, 3);
    case Opcode::Vcmp:
    case Opcode::Vcmps:
      return relations_of(static_cast<isa::Comparison>(bits_of(d, 2, 4)));
    case Opcode::Vmath:
    case Opcode::Vmath2:
      return bits_of(d, 2, 8);
    case Opcode::Vexp:
      return static_cast<unsigned>(num::MathFn::Exp);
    case Opcode::Vln:
      return static_cast<unsigned>(num::MathFn::Log);
    default:
      return 0;
  }
}

// An operand as the rows see it. A block or a value stands repeated in a buffer, of which a row reads pieces.
constexpr uint64_t kPiece = 512;  // elements
struct Stream {
  unsigned char* data = nullptr;
  uint64_t pitch = 0;
  unsigned bits = 0;              // of an element
  uint64_t unit = 0;              // bytes that repeat, 0: none do
  unsigned char* copy = nullptr;  // of kPiece elements

  unsigned char* at(uint64_t row, uint64_t element) const {
    return unit ? copy : data + row * pitch + element * bits / 8;
  }
  void repeat(const unsigned char* from, uint64_t elements) const {
    const uint64_t bytes = elements * bits / 8;
    std::memcpy(copy, from, std::min(unit, bytes));
    for (uint64_t done = unit; done < bytes; done *= 2) std::memcpy(copy + done, copy, std::min(done, bytes - done));
  }
};

void run_rows(RowKernel kernel, unsigned detail, uint64_t rows, uint64_t count, const Stream& dst, const Stream& a,
              const Stream& b, const Stream& mask) {
  const Stream* streams[] = {&dst, &a, &b, &mask};
  // Rows that follow one another everywhere are one long row.
  if (rows > 1 && std::all_of(std::begin(streams), std::end(streams), [&](const Stream* s) {
        return s->bits == 0 || (s->unit ? s->pitch == 0 && s->unit * 8 == s->bits : s->pitch * 8 == count * s->bits);
      })) {
    count *= rows;
    rows = 1;
  }
  const uint64_t piece = a.unit || b.unit ? std::min(kPiece, count) : count;
  for (uint64_t row = 0; row < rows; ++row) {
    for (const Stream* s : {&a, &b})
      if (s->unit && (row == 0 || s->pitch)) s->repeat(s->data + row * s->pitch, piece);
    for (uint64_t i = 0; i < count; i += piece)
      kernel({dst.at(row, i), a.at(row, i), b.bits ? b.at(row, i) : nullptr, mask.bits ? mask.at(row, i) : nullptr,
              std::min(piece, count - i), detail});
  }
}

bool execute(const Decoded* d, Frame* f) {
  const auto op = static_cast<Opcode>(d->op);
  const auto type = static_cast<Type>(d->type), from = source_type(op, d->mod);
  const Form form = form_of(op);
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  const CompareMask& compare_mask = f->machinery->compare_mask;
  if (form.selects && !compare_mask.set) {
    raise(f, d, FaultKind::illegal_instruction, 0, "no set_cmpmask of this program said where the mask is");
    return false;
  }
  if (c.empty()) return record_work(f, 0), true;

  alignas(64) unsigned char a_copy[kPiece * 4], b_copy[kPiece * 4];
  const unsigned width = isa::info(type).bits;
  Stream dst{nullptr, c.dst_pitch, form.compares ? 1 : width};
  Stream a{nullptr, c.a_pitch, from == Type::None ? width : isa::info(from).bits};
  Stream b{nullptr, c.b_pitch, form.value || form.pair ? width : 0};
  Stream mask{nullptr, compare_mask.pitch, form.selects ? 1u : 0u};
  a.copy = a_copy;
  b.copy = b_copy;
  auto bytes_of = [&](const Stream& s) { return (c.count * s.bits + 7) / 8; };
  // A row of at most one block has nothing to repeat.
  if (form.blocks && bits_of(d, 0, 1) && bytes_of(a) > kVectorBlock) a.unit = kVectorBlock;
  if (form.blocks && bits_of(d, 1, 1) && bytes_of(b) > kVectorBlock) b.unit = kVectorBlock;
  auto source = [&](uint64_t address, const Stream& s) {
    return vector_source(address, s.bits == 0 ? 0 : s.unit ? s.unit : bytes_of(s), c.rows, s.pitch);
  };
  auto dst_operand = vector_destination(scalar_value(d, f, d->dst), bytes_of(dst), c.rows, c.dst_pitch);
  auto a_operand = source(scalar_value(d, f, d->a), a);
  auto b_operand = source(scalar_value(d, f, d->b), b);
  auto mask_operand = source(compare_mask.address, mask);
  const uint64_t value = scalar_value(d, f, d->b);
  if (form.value) b_operand.range.bytes = 0;
  if (!touch_operands(d, f, dst_operand, {&a_operand, &b_operand, &mask_operand})) return false;
  record_work(f, vector_repeats(c.rows, std::max(bytes_of(dst), bytes_of(a))),
              form.pair ? source_places(a_operand.range.address, b_operand.range.address) : 0);
  if (!moves_values(f)) return true;

  dst.data = dst_operand.data;
  a.data = a_operand.data;
  b.data = b_operand.data;
  mask.data = mask_operand.data;
  unsigned char value_bytes[sizeof value];
  std::memcpy(value_bytes, &value, sizeof value);
  if (form.value) b = {value_bytes, 0, width, width / 8, b_copy};
  run_rows(vector_row(op, type, from), detail_of(d), c.rows, c.count, dst, a, b, mask);
  return true;
}

bool reduce(const Decoded* d, Frame* f) {
  const auto type = static_cast<Type>(d->type);
  const uint64_t size = isa::info(type).bits / 8;
  VectorConfiguration c;
  if (!read_configuration(d, f, c)) return false;
  if (c.empty()) return record_work(f, 0), true;
  // The pitch of the results counts elements.
  const uint64_t pitch = c.dst_pitch / kVectorBlock * size;
  const uint64_t to = scalar_value(d, f, d->dst);
  auto dst = pitch ? vector_destination(to, size, c.rows, pitch) : vector_destination(to, size * c.rows, 1, 0);
  dst.range.elements = true;
  auto a = vector_source(scalar_value(d, f, d->a), c.count * size, c.rows, c.a_pitch);
  if (!touch_operands(d, f, dst, {&a})) return false;
  record_work(f, vector_repeats(c.rows, c.count * size), reduced_rows(c.rows));
  if (!moves_values(f)) return true;
  const RowKernel kernel = vector_row(static_cast<Opcode>(d->op), type);
  for (uint64_t row = 0; row < c.rows; ++row)
    kernel({dst.data + row * (pitch ? pitch : size), a.row(row), nullptr, nullptr, c.count, 0});
  return true;
}

}  // namespace

RelationSet relations_of(isa::Comparison comparison) {
  using isa::Comparison;
  switch (comparison) {
    case Comparison::Eq:
      return kEqual;
    case Comparison::Ne:
      return kLess | kGreater;
    case Comparison::Lt:
      return kLess;
    case Comparison::Le:
      return kLess | kEqual;
    case Comparison::Gt:
      return kGreater;
    case Comparison::Ge:
      return kGreater | kEqual;
    case Comparison::Equ:
      return kEqual | kUnordered;
    case Comparison::Neu:
      return kLess | kGreater | kUnordered;
    case Comparison::Ltu:
      return kLess | kUnordered;
    case Comparison::Leu:
      return kLess | kEqual | kUnordered;
    case Comparison::Gtu:
      return kGreater | kUnordered;
    case Comparison::Geu:
      return kGreater | kEqual | kUnordered;
    case Comparison::Num:
      return kLess | kEqual | kGreater;
    case Comparison::Nan:
      return kUnordered;
  }
  return 0;
}

Handler elementwise_handler(const isa::Instruction& i) {
  if (!vector_row(i.op, i.type, source_type(i.op, i.mod))) return nullptr;
  const bool reduction = i.op == Opcode::Vcadd || i.op == Opcode::Vcmax || i.op == Opcode::Vcmin;
  return reduction ? vector_instruction<reduce> : vector_instruction<execute>;
}

}  // namespace phx::sim
