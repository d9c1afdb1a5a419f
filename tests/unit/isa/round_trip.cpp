// Every row × type × field value: what can be encoded decodes to the same, and nothing else decodes.
#include <doctest/doctest.h>

#include <map>

#include "device_sim/isa/isa.h"
#include "device_sim/isa/legality.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"
#include "tests/fuzz/any_instruction.h"

using namespace phx;
using isa::Instruction;

namespace {

std::vector<uint64_t> encoded(const Instruction& i) {
  std::vector<uint64_t> words;
  isa::encode(i, words);
  return words;
}

bool values_exist(const isa::RowInfo& row, uint16_t mod) {
  for (const isa::FieldInfo& field : isa::fields(row.layout))
    if (!isa::value_exists(field, isa::value_of(field, mod))) return false;
  return true;
}

}  // namespace

TEST_CASE("every row, type and field value survives encoding") {
  fuzz::Random random(1);
  for (const isa::RowInfo& row : isa::rows()) {
    CAPTURE(row.mnemonic);
    uint16_t mask = fuzz::mod_mask(row.layout);
    uint64_t legal = 0, failed = 0;
    std::map<isa::Type, uint64_t> legal_of_type;
    std::map<std::pair<std::string_view, unsigned>, uint64_t> legal_of_value;
    for (const isa::TypeInfo& type : isa::types()) {
      if (!(row.types & isa::type_bit(type.type))) continue;
      uint16_t mod = 0;
      do {  // every subset of the mask
        if (values_exist(row, mod)) {
          Instruction wanted;
          wanted.op = row.op;
          wanted.type = type.type;
          wanted.mod = mod;
          if (auto i = fuzz::with_operands(random, wanted)) {
            ++legal;
            ++legal_of_type[type.type];
            for (const isa::FieldInfo& field : isa::fields(row.layout))
              ++legal_of_value[{field.name, isa::value_of(field, mod)}];
            auto words = encoded(*i);
            auto back = isa::decode(words, 0);
            failed += words.size() != i->words() || !back || !(*back == *i);
          }
        }
        mod = static_cast<uint16_t>((mod - mask) & mask);
      } while (mod);
    }
    CHECK(legal > 0);
    CHECK(failed == 0);
    // Every type and every value of every field must have been seen in a legal instruction, unless a limit forbids it.
    for (const isa::TypeInfo& type : isa::types())
      if (row.types & isa::type_bit(type.type)) CHECK_MESSAGE(legal_of_type[type.type] > 0, type.name);
  }
}

TEST_CASE("words that decode encode to themselves; flipped bits are seen") {
  fuzz::Random random(2);
  uint64_t accepted = 0, wrong = 0;
  for (const isa::RowInfo& row : isa::rows())
    for (unsigned n = 0; n < 40; ++n) {
      auto i = fuzz::any_instruction(random, row);
      REQUIRE(i.has_value());
      auto words = encoded(*i);
      for (unsigned bit = 0; bit < 64; ++bit) {
        auto flipped = words;
        flipped[0] ^= uint64_t{1} << bit;
        flipped.push_back(0);  // in case the flip asks for an extension word
        auto other = isa::decode(flipped, 0);
        if (!other) continue;
        ++accepted;
        auto again = encoded(*other);
        wrong += *other == *i || again[0] != flipped[0];
      }
    }
  for (unsigned n = 0; n < 200'000; ++n) {
    uint64_t words[2] = {random.next() & random.next(), random.below(2) ? random.next() : random.below(100)};
    auto i = isa::decode(words, 0);
    if (!i) continue;
    ++accepted;
    auto again = encoded(*i);
    wrong += again[0] != words[0] || (i->has_ext && again[1] != words[1]);
  }
  CHECK(accepted > 1000);
  CHECK(wrong == 0);
}

TEST_CASE("unused bits, operands and extension words are checked") {
  using namespace isa::operand;
  auto why = [](Instruction i) { return isa::why_illegal(i); };
  Instruction add{.op = isa::Opcode::Add, .type = isa::Type::S32, .dst = r(1), .a = r(2), .b = r(3)};
  CHECK(why(add) == "");
  auto with = [](Instruction i, auto change) {
    change(i);
    return i;
  };
  CHECK(why(with(add, [](auto& i) { i.c = r(1); })) == "add: c is r1, expected an unused slot (0)");
  CHECK(why(with(add, [](auto& i) {
          i.type = isa::Type::U8;
        })).starts_with("add: type u8 is not one of the row's types: s32, u32"));
  CHECK(why(with(add, [](auto& i) { i.mod = 1; })) == "add: field rnd = rz does not go with type s32");
  CHECK(why(with(add, [](auto& i) { i.mod = 0x8000; })) == "add: unused mod bits 0x8000 are not zero");
  CHECK(why(with(add, [](auto& i) { i.a = kImm; })) == "add: the immediate's extension word is missing");
  CHECK(why(with(add, [](auto& i) { i.has_ext = true; })) == "add: there is an extension word that nothing uses");
  CHECK(why(with(add, [](auto& i) { i.a = i.b = kImm, i.has_ext = true; })) ==
        "add: more than one operand is imm, but there is one extension word");
  CHECK(why(with(add, [](auto& i) { i.a = kImm, i.has_ext = true, i.ext = uint64_t{1} << 32; })) ==
        "add: the upper half of the extension word is not zero: 0x100000000");
  CHECK(why(with(add, [](auto& i) { i.dst = s(1); })) == "add: a is the lane register r2, but dst s1 is scalar");
  CHECK(why(with(add, [](auto& i) { i.dst = s(1), i.a = s(2), i.b = kOnes; })) == "");
  CHECK(why(with(add, [](auto& i) { i.type = isa::Type::U64; })) ==
        "add: dst is the odd register r1, a 64-bit value needs an even pair");
  CHECK(why(with(add, [](auto& i) { i.dst = 0xD0; })) == "add: dst is operand byte 0xd0, expected r or s");

  std::vector<uint64_t> words = encoded(with(add, [](auto& i) { i.a = kImm, i.has_ext = true, i.ext = 5; }));
  auto cut = isa::decode(std::span(words).first(1), 0);
  REQUIRE(!cut);
  CHECK(cut.diagnostic().str() == ".text+0x0: the extension word of the last instruction is missing");
  words.push_back(0x3FF);
  auto unknown = isa::decode(words, 2);
  REQUIRE(!unknown);
  CHECK(unknown.diagnostic().str() == ".text+0x10: illegal encoding, opcode 0x3ff is not assigned");
  CHECK(!isa::decode(words, 3));
}
