#include <cstdio>

#include "device_sim/isa/legality.h"

// Bit positions of the first word, from the figure in isa.def §2.
namespace phx::isa {
namespace {
constexpr unsigned kExtBit = 10, kTypeBit = 11, kDstBit = 16, kABit = 24, kBBit = 32, kCBit = 40, kModBit = 48;
}

void encode(const Instruction& i, std::vector<uint64_t>& words) {
  auto at = [](uint64_t value, unsigned bit) { return value << bit; };
  words.push_back(at(static_cast<uint16_t>(i.op) & 0x3FFu, 0) | at(i.has_ext, kExtBit) |
                  at(static_cast<uint8_t>(i.type) & 0x1Fu, kTypeBit) | at(i.dst, kDstBit) | at(i.a, kABit) |
                  at(i.b, kBBit) | at(i.c, kCBit) | at(i.mod, kModBit));
  if (i.has_ext) words.push_back(i.ext);
}

Expected<Instruction> decode(std::span<const uint64_t> code, uint64_t index) {
  auto fail = [&](std::string message) { return error_at_offset(".text", index * 8, std::move(message)); };
  if (index >= code.size()) return fail("there is no instruction here, the code ends before it");
  uint64_t word = code[index];
  Instruction i;
  i.op = static_cast<Opcode>(word & 0x3FF);
  i.has_ext = word >> kExtBit & 1;
  i.type = static_cast<Type>(word >> kTypeBit & 0x1F);
  i.dst = static_cast<Operand>(word >> kDstBit);
  i.a = static_cast<Operand>(word >> kABit);
  i.b = static_cast<Operand>(word >> kBBit);
  i.c = static_cast<Operand>(word >> kCBit);
  i.mod = static_cast<uint16_t>(word >> kModBit);
  if (i.has_ext && row(i.op)) {
    if (index + 1 >= code.size()) return fail("the extension word of the last instruction is missing");
    i.ext = code[index + 1];
  }
  if (std::string why = why_illegal(i); !why.empty()) return fail("illegal encoding, " + why);
  return i;
}

}  // namespace phx::isa
