// Every arithmetic instruction, in every form that a specialised handler exists for, on every level of the host's
// instruction set: the same bits as evaluating it lane by lane.
#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <random>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"
#include "device_sim/isa/legality.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"

using namespace phx;
using namespace phx::sim;

namespace {

void stop(const Decoded*, Frame*) {}

// Values that are special for some type, and arbitrary ones.
uint64_t value(std::mt19937_64& random) {
  static const uint64_t special[] = {0,
                                     1,
                                     2,
                                     31,
                                     32,
                                     33,
                                     63,
                                     64,
                                     65,
                                     ~uint64_t{0},
                                     0x80000000u,
                                     0x7fffffffu,
                                     0x8000000000000000u,
                                     0x7fffffffffffffffu,
                                     0x3f800000u,
                                     0xbf800000u,
                                     0x7f800000u,
                                     0xff800000u,
                                     0x7fc00000u,
                                     0xffc00001u,
                                     0x7f800001u,
                                     0x00000001u,
                                     0x807fffffu,
                                     0x4f000000u,
                                     0xcf000000u,
                                     0x5f000000u,
                                     0x3ff0000000000000u,
                                     0x7ff0000000000000u,
                                     0xfff0000000000000u,
                                     0x7ff8000000000000u,
                                     0xfff8000000000001u,
                                     0x7ff0000000000001u,
                                     0x41dfffffffc00000u,
                                     0xc1e0000000000000u,
                                     0x43e0000000000000u,
                                     0x0000000000000001u,
                                     0x3c003c00u,
                                     0x7e007c00u};
  switch (random() % 4) {
    case 0:
      return special[random() % std::size(special)];
    case 1:
      return static_cast<uint64_t>(static_cast<int64_t>(random() % 200) - 100);
    case 2: {
      const float f = static_cast<float>(static_cast<int64_t>(random() % 20001) - 10000) / 16.0f;
      const double g = f;
      return random() % 2 ? std::bit_cast<uint32_t>(f) : std::bit_cast<uint64_t>(g);
    }
    default:
      return random();
  }
}

struct Level {
  const char* name;
  Handler (*select)(const HandlerRequest&);
  bool available;
};

const Level kLevels[] = {
    {"baseline", lane_handler_baseline, true},
    {"v3", lane_handler_v3, static_cast<bool>(__builtin_cpu_supports("x86-64-v3"))},
    {"v4", lane_handler_v4, static_cast<bool>(__builtin_cpu_supports("x86-64-v4"))},
};

// Registers: a in r8 (or s8), b in r16, c in r24, destination r32; each pair wide.
struct Machine {
  alignas(128) uint32_t r[64 * 32];
  uint64_t s[kScalarFile];
  uint32_t p[kPredicateFile];
  Frame frame;
};

unsigned checked = 0;

void check(const isa::Instruction& i, std::mt19937_64& random) {
  const Evaluate evaluate = scalar_operation(i).evaluate;
  if (!evaluate) return;
  const auto slots = isa::slots(i);
  const bool predicate = slots[0].kind == isa::OperandClass::P;
  Decoded code[2];
  Decoded& d = code[0];
  code[1].run = stop;
  d.op = static_cast<uint16_t>(i.op);
  d.type = static_cast<uint8_t>(i.type);
  d.mod = i.mod;
  for (unsigned form = 0; form < 8; ++form) {
    if ((form & 2 && slots[2].kind == isa::OperandClass::None) ||
        (form & 4 && slots[3].kind == isa::OperandClass::None))
      continue;
    const bool selects = slots[3].kind == isa::OperandClass::Q;
    if (selects && form & 4) continue;
    d.lanes = static_cast<uint8_t>(kLaneDst | form << 1);
    d.dst = predicate ? 5 : 32;
    d.a = 8;
    d.b = 16;
    d.c = selects ? 3 : 24;
    for (const Level& level : kLevels) {
      if (!level.available) continue;
      const Handler handler = level.select({d.op, d.type, d.mod, d.lanes, d.flags});
      if (!handler) continue;
      static Machine m;
      for (uint32_t& word : m.r) word = static_cast<uint32_t>(value(random));
      for (unsigned reg : {8u, 16u, 24u})
        for (unsigned lane = 0; lane < 32; ++lane) {
          const uint64_t v = value(random);
          m.r[reg * 32 + lane] = static_cast<uint32_t>(v);
          m.r[reg * 32 + 32 + lane] = static_cast<uint32_t>(v >> 32);
        }
      for (uint64_t& s : m.s) s = value(random);
      for (uint32_t& p : m.p) p = static_cast<uint32_t>(random());
      m.frame.r = m.r;
      m.frame.s = m.s;
      m.frame.p = m.p;
      set_mask(&m.frame, random() % 2 ? kAllLanes : static_cast<uint32_t>(random()) | 1u);
      static Machine before;
      std::memcpy(before.r, m.r, sizeof m.r);
      std::memcpy(before.p, m.p, sizeof m.p);
      handler(&d, &m.frame);
      ++checked;
      auto operand = [&](unsigned slot, unsigned reg, unsigned lane) -> uint64_t {
        if (slots[slot].kind == isa::OperandClass::None) return 0;
        if (!(form >> (slot - 1) & 1)) return m.s[reg];
        const uint64_t low = before.r[reg * 32 + lane];
        return slots[slot].width == 64 ? low | static_cast<uint64_t>(before.r[reg * 32 + 32 + lane]) << 32 : low;
      };
      bool good = true;
      for (unsigned lane = 0; lane < 32 && good; ++lane) {
        const bool active = m.frame.mask >> lane & 1;
        const uint64_t a = operand(1, 8, lane), b = operand(2, 16, lane);
        const uint64_t c = selects ? before.p[3] >> lane & 1 : operand(3, 24, lane);
        const uint64_t expected = evaluate(&d, a, b, c);
        uint64_t got, old;
        if (predicate) {
          got = m.p[5] >> lane & 1;
          old = before.p[5] >> lane & 1;
        } else {
          const bool wide = slots[0].width == 64;
          got = m.r[32 * 32 + lane] | (wide ? static_cast<uint64_t>(m.r[33 * 32 + lane]) << 32 : 0);
          old = before.r[32 * 32 + lane] | (wide ? static_cast<uint64_t>(before.r[33 * 32 + lane]) << 32 : 0);
        }
        if (got == (active ? expected : old)) continue;
        good = false;
        char text[256];
        std::snprintf(text, sizeof text, "%s form %u level %s lane %u%s: a %llx b %llx c %llx -> %llx, expected %llx",
                      isa::disassemble(i).c_str(), form, level.name, lane, active ? "" : " (inactive)",
                      (unsigned long long)a, (unsigned long long)b, (unsigned long long)c, (unsigned long long)got,
                      (unsigned long long)(active ? expected : old));
        FAIL_CHECK(text);
      }
    }
  }
}

}  // namespace

TEST_CASE("specialised handlers give the bits of the definition on every level") {
  std::mt19937_64 random(1);
  for (const isa::RowInfo& row : isa::rows()) {
    if (row.family != isa::Family::alu || isa::has_address(row)) continue;
    for (unsigned type = 0; type < 32; ++type) {
      if (!(row.types >> type & 1)) continue;
      for (unsigned mod = 0; mod < 0x2000; ++mod) {
        if (row.layout == isa::Layout::Lut && mod > 255) break;
        if (row.layout == isa::Layout::None && mod > 0) break;
        if (row.layout == isa::Layout::Special || row.layout == isa::Layout::Math) break;
        isa::Instruction i;
        i.op = row.op;
        i.type = static_cast<isa::Type>(type);
        i.mod = static_cast<uint16_t>(mod);
        i.dst = row.dst == isa::OperandClass::P ? isa::operand::p(5) : isa::operand::r(32);
        i.a = row.a == isa::OperandClass::None ? 0
              : row.a == isa::OperandClass::Q  ? isa::operand::p(1)
                                               : isa::operand::r(8);
        i.b = row.b == isa::OperandClass::None ? 0
              : row.b == isa::OperandClass::Q  ? isa::operand::p(2)
                                               : isa::operand::r(16);
        i.c = row.c == isa::OperandClass::None ? 0
              : row.c == isa::OperandClass::Q  ? isa::operand::p(3)
                                               : isa::operand::r(24);
        std::vector<uint64_t> words;
        isa::encode(i, words);
        if (!isa::decode(words, 0)) continue;  // this combination has no meaning
        for (unsigned repeat = 0; repeat < (mod ? 4 : 20); ++repeat) check(i, random);
      }
    }
  }
  CHECK(checked > 10000);
}
