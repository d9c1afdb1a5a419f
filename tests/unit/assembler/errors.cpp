// Messages: file, line, column, what was expected, and a suggestion where a word is misspelt.
#include <doctest/doctest.h>

#include "device_sim/assembler/assembler.h"

using namespace phx;

namespace {

std::string error_of(const std::string& text) {
  auto executable = assembler::assemble(text, "k.s");
  return executable ? "" : executable.diagnostic().str();
}

}  // namespace

TEST_CASE("instructions") {
  auto in_kernel = [](const std::string& line) { return error_of(".kernel k\n  " + line + "\n  exit\n"); };
  CHECK(in_kernel("ad.s32 r0, r1, r2") == "k.s:2:3: unknown instruction 'ad' (did you mean 'add'?)");
  CHECK(in_kernel("add.s31 r0, r1, r2") ==
        "k.s:2:6: expected a type of add (s32, u32, s64, u64, f16, bf16, f32, f64, f16x2, bf16x2), got 's31' (did you "
        "mean 's32'?)");
  CHECK(in_kernel("add r0, r1, r2").starts_with("k.s:2:6: expected a type of add"));
  CHECK(in_kernel("setp.s32 p0, r1, r2").starts_with("k.s:2:7: after setp expected .cmp (eq, ne, lt"));
  CHECK(in_kernel("add.s32.f r0, r1, r2") == "k.s:2:10: '.f' does not belong to add");
  CHECK(in_kernel("add.s32 r0 r1") == "k.s:2:14: expected ',', got 'r1'");
  CHECK(in_kernel("add.s32 r0, r1") == "k.s:2:17: expected ',', got the end of the line");
  CHECK(in_kernel("add.s32 r0, r1, r128") == "k.s:2:19: there is no register r128; the file has r0 to r127");
  CHECK(in_kernel("add.s32 r0, 1, 2") == "k.s:2:18: an instruction has room for one immediate only");
  CHECK(in_kernel("add.s32 r0, r1, foo") ==
        "k.s:2:19: expected an operand (register, zero, ones, number or @object), got 'foo'");
  CHECK(in_kernel("add.f32 r0, r1, 1") == "k.s:2:19: '1' could be a number or its bits; write '1.0' or hexadecimal");
  CHECK(in_kernel("add.s32 r0, r1, 1.5") == "k.s:2:19: the number '1.5' is not an integer, but the type is s32");
  CHECK(in_kernel("add.s32 r0, r1, r2, r3") == "k.s:2:21: expected the end of the line, got ','");
  CHECK(in_kernel("mov.b32 r0, @x") == "k.s:2:15: an address has 64 bits, but the operand has 32");
  CHECK(in_kernel("mov.b64 r0, @x") == "k.s:2:16: the object 'x' is not defined");
  CHECK(in_kernel("jmp awya\n away: exit") == "k.s:2:7: the label 'awya' is not defined (did you mean 'away'?)");
  CHECK(in_kernel("fork.k64 a") == "k.s:2:8: 'k64' is too large, the field has 6 bits");
  CHECK(in_kernel("ld.gm.b32 r0, [r2 + r3*3]") == "k.s:2:23: the scale of an index is 1, 2, 4, 8 or 16");
  CHECK(in_kernel("ld.gm.b32 r0, [r2 + r3 + r4]") == "k.s:2:28: an address has one base and one index");
  CHECK(in_kernel("ld.gm.b32 r0, r2") == "k.s:2:17: expected an address in brackets, got 'r2'");
  CHECK(in_kernel("ld.gm.b32 r0, [4294967295]") == "k.s:2:18: the offset of an address has 32 bits");
  CHECK(in_kernel("add.s32 s0, r1, r2") == "k.s:2:3: add: a is the lane register r1, but dst s0 is scalar");
  CHECK(in_kernel("? r0") == "k.s:2:3: expected an instruction, a label or a directive");
}

TEST_CASE("verification errors name the line of the text") {
  CHECK(error_of(".kernel k\n\n  ret\n").starts_with("k.s:3: `ret`: the kernel itself"));
  CHECK(error_of(".kernel k\n.regs r=1\n.flags\n exit\n nop\n add.s32 r1, r0, r0\n exit\n") == "");
  CHECK(error_of(".kernel k\n.regs r=1\n.flags\n nop\n add.s32 r1, r0, r0\n exit\n")
            .starts_with("k.s:5: kernel k: `add.s32 r1, r0, r0`"));
  CHECK(error_of(".kernel k\n") == "k.s:1: the kernel has no code");
}

TEST_CASE("directives") {
  CHECK(error_of(".kernle k") == "k.s:1:1: unknown directive '.kernle' (did you mean '.kernel'?)");
  CHECK(error_of(".local 4") == "k.s:1:8: this directive belongs after .kernel");
  CHECK(error_of(".word 4") == "k.s:1:8: data belongs after .data, .global or .constant");
  CHECK(error_of(".global g\n.byte 256") == "k.s:2:7: the number '256' does not fit 1 bytes");
  CHECK(error_of(".global g\n.byte -129") == "k.s:2:7: the number '-129' does not fit 1 bytes");
  CHECK(error_of(".global g\n.string \"abc") == "k.s:2:13: the string does not end on this line");
  CHECK(error_of(".global g\n.string \"\\q\"").starts_with("k.s:2:11: unknown escape"));
  CHECK(error_of(".global g\n.zero 99999999999").find("outside 0 to") != std::string::npos);
  CHECK(error_of(".global g\n.word 1\n.global g\n.word 1").starts_with("k.s:3:9: the object 'g' is defined twice"));
  CHECK(error_of(".global g align 3\n.word 1").find("alignment 3 is not a power of two") != std::string::npos);
  CHECK(error_of("a: a: exit") == "k.s:1:4: the label 'a' is defined twice");
  CHECK(error_of(".kernel k simt extra") == "k.s:1:16: expected the end of the line, got 'extra'");
  CHECK(error_of(".kernel k\n.param n 4\n.param n 4").find("two parameters 'n'") != std::string::npos);
  CHECK(error_of(".target aiv") == "k.s:1:12: expected a quoted string, got the end of the line");
  CHECK(error_of("") == "");
}
