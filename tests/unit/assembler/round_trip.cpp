// assemble(disassemble(x)) == x: for every row × type × field value, for immediates, for whole files.
#include <doctest/doctest.h>

#include "device_sim/assembler/assembler.h"
#include "device_sim/assembler/instruction_text.h"
#include "device_sim/assembler/listing.h"
#include "device_sim/isa/immediate.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"
#include "tests/fuzz/any_instruction.h"

using namespace phx;

namespace {

Expected<isa::Instruction> parse(const std::string& text) {
  const std::string file = "line";
  assembler::Cursor cursor(text, file, 1);
  auto parsed = assembler::parse_instruction(cursor, nullptr);
  if (!parsed) return parsed.diagnostic();
  if (parsed->label) parsed->instruction.ext = std::stoull(parsed->label->name.substr(1));
  return parsed->instruction;
}

bool values_exist(const isa::RowInfo& row, uint16_t mod) {
  for (const isa::FieldInfo& field : isa::fields(row.layout))
    if (!isa::value_exists(field, isa::value_of(field, mod))) return false;
  return true;
}

constexpr const char* kProgram = R"asm(
// Objects
.global counter align 4
  .word 1, 0xffffffff, -1
.constant pointers align 8
  .quad @counter + 4, 7, @"odd name"
.data string fmt align 1
  .string "hello \"%d\"\n\x01\\"
.bss global grid 268435456 align 256
.data global "odd name" align 64 at 256
  .zero 40
  .byte 1, 'x', 255
  .half 65535
  .float 1.5, -inf
  .double 0.1
  .ascii "no end"
.data_bytes 400
.bss constant "zero table" 3 align 1
.bss string far 8 align 8 at 1099511627768

.kernel _Z5saxpyiPf simt
  .display "saxpy(int, float*)"
  .source "a.cu" 3
  .local 16
  .ub 1024
  .threads 256
  .param n 4
  .param y 8 ptr
  .param pad 1 at 20
  .param_bytes 32
  .loc "a.cu" 4 3 "f" in "a.cu" 9 1 "saxpy(int, float*)"
    rdsr.tid.x.u32  r0                 // comment
    ld.param.b32    s0, [n]
    setp.ge.s32     p0, r0, s0
    fork.k0         done
    bra             done, p0
  .noloc
    ld.param.b64    s2, [y]
    ld.gm.v2.b32    r2, [s2 + u(r0)*8 - 4]
    fma.rz.f32      r2, r2, r3, 1.5
    mov.b64         r4, @fmt + 1
    st.gm.b32       [s2 + r0*4], r2
  .loc "b.cu" 7
    atom.gm.add.f32 r2, [s2 + r0*4], r3
  done: also:
    join.k0
    bar.sync
    svc.printf      r2, r4, zero
    call            helper
    exit
  helper:
    ret
.kernel other
    exit
.kernel other
  .threads 32
    jmp back
  back:
    exit
)asm";

}  // namespace

TEST_CASE("every row, type and field value survives text") {
  fuzz::Random random(3);
  uint64_t total = 0;
  for (const isa::RowInfo& row : isa::rows()) {
    uint16_t mask = fuzz::mod_mask(row.layout);
    for (const isa::TypeInfo& type : isa::types()) {
      if (!(row.types & isa::type_bit(type.type))) continue;
      uint16_t mod = 0;
      do {
        isa::Instruction wanted;
        wanted.op = row.op;
        wanted.type = type.type;
        wanted.mod = mod;
        auto i = values_exist(row, mod) ? fuzz::with_operands(random, wanted) : std::nullopt;
        if (i) {
          ++total;
          std::string text = isa::disassemble(*i);
          auto back = parse(text);
          if (!back || !(*back == *i)) {
            CAPTURE(text);
            REQUIRE_MESSAGE(back.ok(), back.diagnostic().str());
            CAPTURE(isa::disassemble(*back));
            REQUIRE(*back == *i);
          }
        }
        mod = static_cast<uint16_t>((mod - mask) & mask);
      } while (mod);
    }
  }
  CHECK(total > 10'000);
}

TEST_CASE("random operands survive text") {
  fuzz::Random random(4);
  for (const isa::RowInfo& row : isa::rows())
    for (unsigned n = 0; n < 200; ++n) {
      auto i = fuzz::any_instruction(random, row);
      REQUIRE(i.has_value());
      std::string text = isa::disassemble(*i);
      CAPTURE(text);
      auto back = parse(text);
      REQUIRE_MESSAGE(back.ok(), back.diagnostic().str());
      REQUIRE(*back == *i);
    }
}

TEST_CASE("immediates") {
  fuzz::Random random(5);
  for (const isa::TypeInfo& type : isa::types())
    for (unsigned n = 0; n < 2000; ++n) {
      unsigned width = type.bits > 32 ? 64 : 32;
      uint64_t bits = random.next() >> random.below(64);
      if (width == 32) bits &= 0xFFFF'FFFF;
      std::string text = isa::immediate_text(bits, type.type, width);
      auto back = isa::parse_immediate(text, type.type, width);
      CAPTURE(text);
      REQUIRE(back.ok());
      REQUIRE(*back == bits);
    }
  auto value = [](const char* text, isa::Type type, unsigned width = 32) {
    auto parsed = isa::parse_immediate(text, type, width);
    CAPTURE(text);
    REQUIRE(parsed.ok());
    return *parsed;
  };
  CHECK(value("1.0", isa::Type::F32) == 0x3F80'0000);
  CHECK(value("1.0", isa::Type::B32) == 0x3F80'0000);
  CHECK(value("1.0", isa::Type::F64, 64) == 0x3FF0'0000'0000'0000);
  CHECK(value("1.0", isa::Type::F16) == 0x3C00);
  CHECK(value("-2.5", isa::Type::F16) == 0xC100);
  CHECK(value("65504.0", isa::Type::F16) == 0x7BFF);
  CHECK(value("5.9604644775390625e-08", isa::Type::F16) == 0x0001);
  CHECK(value("6.103515625e-05", isa::Type::F16) == 0x0400);
  CHECK(value("-0.0", isa::Type::F16) == 0x8000);
  CHECK(value("inf", isa::Type::F16) == 0x7C00);
  CHECK(value("1.0", isa::Type::BF16) == 0x3F80);
  CHECK(value("-1", isa::Type::U32) == 0xFFFF'FFFF);
  CHECK(value("'a'", isa::Type::B32) == 'a');
  CHECK(value("0b101", isa::Type::B32) == 5);
  CHECK(!isa::parse_immediate("0.1", isa::Type::F16, 32));
  CHECK(!isa::parse_immediate("65520.0", isa::Type::F16, 32));
  CHECK(!isa::parse_immediate("1", isa::Type::F32, 32));
  CHECK(!isa::parse_immediate("4294967296", isa::Type::U32, 32));
  CHECK(!isa::parse_immediate("-2147483649", isa::Type::S32, 32));
  CHECK(!isa::parse_immediate("1e999", isa::Type::F64, 64));
  CHECK(!isa::parse_immediate("0x1ffffffffffffffff", isa::Type::B64, 64));
  CHECK(!isa::parse_immediate("12x", isa::Type::U32, 32));
}

TEST_CASE("whole files") {
  auto first = assembler::assemble(kProgram, "program.s");
  REQUIRE_MESSAGE(first.ok(), first.diagnostic().str());
  CHECK(first->kernels.size() == 3);
  CHECK(first->kernels[0].params[2].offset == 20);
  CHECK(first->kernels[0].param_bytes == 32);
  CHECK(first->kernels[2].entry == first->code.size() - 3);
  CHECK(first->objects[3].zero);
  CHECK(first->objects[4].offset == 256);
  CHECK(first->data.size() == 400);
  CHECK(first->code_relocations.size() == 1);
  CHECK(first->data_relocations.size() == 2);
  CHECK(first->lines.size() == 3);
  CHECK(first->source(2).size() == 2);
  std::string text = assembler::listing(*first);
  auto second = assembler::assemble(text, "listing");
  CAPTURE(text);
  REQUIRE_MESSAGE(second.ok(), second.diagnostic().str());
  CHECK(*first == *second);
  CHECK(assembler::listing(*second) == text);

  // Kernels that are not in the order of their entries.
  std::swap(first->kernels[0], first->kernels[2]);
  auto third = assembler::assemble(assembler::listing(*first), "listing");
  REQUIRE_MESSAGE(third.ok(), third.diagnostic().str());
  CHECK(*first == *third);

  std::string one = assembler::listing(*first, first->kernels[2]);
  CHECK(one.find("// a.cu:4 (f), inlined at a.cu:9 (saxpy(int, float*))") != one.npos);
  CHECK(one.find("jmp") == one.npos);
}

TEST_CASE("tile programs") {
  auto program = assembler::assemble(
      ".target aiv \"sha256:1234\"\n.kernel copy\n dma_gm_ub s0, s1, s2, 0\n set_flag.mte2.mte3.id3 0\n "
      "wait_flag.mte2.mte3.id3 0\n"
      " pipe_barrier.all\n dma_ub_gm s1, s0, s2, zero\n exit\n.kernel cube aic\n cross_set.mode0.fix.id10\n exit");
  REQUIRE_MESSAGE(program.ok(), program.diagnostic().str());
  CHECK(program->kernels[1].core == image::CoreKind::aic);
  auto again = assembler::assemble(assembler::listing(*program));
  REQUIRE_MESSAGE(again.ok(), again.diagnostic().str());
  CHECK(*again == *program);
}
