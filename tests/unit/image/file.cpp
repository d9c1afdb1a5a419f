// Executables survive their file; every kind of damage is refused with a place.
#include <doctest/doctest.h>

#include <cstring>

#include "device_sim/assembler/assembler.h"
#include "device_sim/image/elf.h"
#include "device_sim/image/image.h"

using namespace phx;
using image::Executable;

namespace {

Executable sample() {
  auto executable = assembler::assemble(R"asm(
.global counter align 4
  .word 1, 2
.constant table align 8
  .quad @counter + 4, 7
.data string fmt align 1
  .string "hello"
.bss global grid 268435456 align 256
.bss constant zeros 6 align 2
.kernel first simt
  .display "first(int*)"
  .source "a.cu" 3
  .ub 64
  .param n 4
  .param out 8 ptr
  .loc "a.cu" 4 3 "inner()" in "a.cu" 9 1 "first(int*)"
  ld.param.b64 s0, [out]
  mov.b64 r2, @table + 8
  .loc "a.cu" 5
  rdsr.laneid.u32 r0
  st.gm.b32 [s0 + r0*4], r2
  exit
.kernel first simt
  .threads 128
  mov.b64 r2, @fmt
  exit
)asm");
  REQUIRE_MESSAGE(executable.ok(), executable.diagnostic().str());
  return *executable;
}

// Message of verify() after a change; empty if it still passes.
template <class Change>
std::string refused(Change change) {
  Executable executable = sample();
  change(executable);
  Outcome verified = image::verify(executable, "f");
  // read() must say the same of the file.
  auto again = image::read(image::write(executable), "f");
  CHECK(again.ok() == verified.ok());
  return verified ? "" : verified.diagnostic().message;
}

// The section header of a file.
image::elf::SectionHeader* header(std::vector<std::byte>& file, image::elf::Section section) {
  image::elf::Header elf;
  std::memcpy(&elf, file.data(), sizeof elf);
  return reinterpret_cast<image::elf::SectionHeader*>(file.data() + elf.shoff) + section + 1;
}

}  // namespace

TEST_CASE("what is written is read") {
  Executable executable = sample();
  auto file = image::write(executable);
  auto again = image::read(file);
  REQUIRE_MESSAGE(again.ok(), again.diagnostic().str());
  CHECK(*again == executable);
  CHECK(image::write(*again) == file);
  auto frames = again->source(0);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].function == "inner()");
  CHECK(again->source(5)[0].line == 5);
  Executable empty;
  auto nothing = image::read(image::write(empty));
  REQUIRE_MESSAGE(nothing.ok(), nothing.diagnostic().str());
  CHECK(*nothing == empty);
  CHECK(empty.source(0).empty());
}

TEST_CASE("objects that begin as zeros take no space") {
  Executable executable = sample();
  REQUIRE(executable.objects[3].zero);
  CHECK(executable.objects[3].size == uint64_t{1} << 28);
  CHECK(executable.objects[4].offset == uint64_t{1} << 28);
  CHECK(image::write(executable).size() < 8192);
}

TEST_CASE("tile images") {
  auto tile = assembler::assemble(".target aic \"digest of a machine\"\n.kernel k\n exit");
  REQUIRE(tile.ok());
  auto again = image::read(image::write(*tile));
  REQUIRE(again.ok());
  CHECK(*again == *tile);
  tile->machine_digest.clear();
  CHECK(!image::verify(*tile));
  tile->machine_digest = "x";
  tile->kernels[0].core = image::CoreKind::simt;
  CHECK(!image::verify(*tile));
}

TEST_CASE("programs that do not make sense are refused") {
  using std::string;
  auto has = [](const string& message, const char* part) {
    INFO(message);
    CHECK(message.find(part) != string::npos);
  };
  CHECK(refused([](Executable&) {}) == "");
  has(refused([](Executable& e) { e.code[0] = 0x3FF; }), "illegal encoding");
  has(refused([](Executable& e) { e.code.push_back(0x3FF); }), "illegal encoding");
  has(refused([](Executable& e) { e.machine_digest = "m"; }), "not bound to a machine");
  has(refused([](Executable& e) { e.kernels[0].entry = 1; }), "not the start of an instruction");
  has(refused([](Executable& e) { e.kernels[0].entry = 0xFFFF'FFFF; }), "not the start of an instruction");
  has(refused([](Executable& e) { e.kernels[0].lane_registers = 2; }), "declares 2");
  has(refused([](Executable& e) { e.kernels[0].lane_registers = 129; }), "more registers than exist");
  has(refused([](Executable& e) { e.kernels[0].name = ""; }), "no name");
  has(refused([](Executable& e) { e.kernels[0].name = "a\nb"; }), "no name");
  has(refused([](Executable& e) { e.kernels[0].max_threads = 0; }), "max_threads is 0");
  has(refused([](Executable& e) { e.kernels[0].max_threads = 2049; }), "max_threads is 2049");
  has(refused([](Executable& e) { e.kernels[0].local_bytes = ~0u; }), "local memory");
  has(refused([](Executable& e) { e.kernels[0].ub_static_bytes = ~0u; }), "unified buffer");
  has(refused([](Executable& e) { e.kernels[0].param_bytes = 8; }), "parameters overlap");
  has(refused([](Executable& e) { e.kernels[0].params[0].size = 12; }), "parameters overlap");
  has(refused([](Executable& e) { e.kernels[0].params[1].size = 4; }), "not 8 aligned bytes");
  has(refused([](Executable& e) { e.kernels[0].flags = 0x80; }), "unknown flags");
  has(refused([](Executable& e) { e.kernels[0].core = image::CoreKind::aiv; }), "core kind");
  has(refused([](Executable& e) { e.objects[1].alignment = 3; }), "power of two");
  has(refused([](Executable& e) { e.objects[1].offset = 4; }), "misaligned");
  has(refused([](Executable& e) { e.objects[1].offset = 0; }), "overlaps");
  has(refused([](Executable& e) { e.objects[2].size = 100; }), "outside .data");
  has(refused([](Executable& e) { e.objects[2].size = ~uint64_t{0}; }), "outside .data");
  has(refused([](Executable& e) { e.objects[2].size = 3; }), "not zero");
  has(refused([](Executable& e) { e.objects[0].size = 0; }), "empty");
  has(refused([](Executable& e) { e.objects[2].name = "table"; }), "two objects");
  has(refused([](Executable& e) { e.code_relocations[0].place = 0; }), "not at a 64-bit immediate");
  has(refused([](Executable& e) { e.code_relocations[1].place = 1u << 20; }), "not at a 64-bit immediate");
  has(refused([](Executable& e) { e.code_relocations[1].object = 3; }), "");
  has(refused([](Executable& e) { e.code_relocations[1].object = 5; }), "");
  has(refused([](Executable& e) { e.objects[3].size += 1; }), "overlaps");
  has(refused([](Executable& e) { e.objects[3].zero = false; }), "overlaps");
  has(refused([](Executable& e) { e.objects[1].zero = true; }), "");
  has(refused([](Executable& e) { e.objects[4].offset += 1; }), "misaligned");
  has(refused([](Executable& e) { e.objects[4].size = 0; }), "empty");
  has(refused([](Executable& e) { e.objects[4].size = image::kMaxBssBytes; }), "more than 1099511627776");
  has(refused([](Executable& e) { e.objects[4].size = ~uint64_t{0}; }), "more than 1099511627776");
  has(refused([](Executable& e) { e.objects[4].offset = ~uint64_t{1}; }), "more than 1099511627776");
  has(refused([](Executable& e) { e.code_relocations[0].addend = 17; }), "outside the object");
  has(refused([](Executable& e) { e.code_relocations[0].addend = -1; }), "outside the object");
  has(refused([](Executable& e) { std::swap(e.code_relocations[0], e.code_relocations[1]); }), "do not ascend");
  has(refused([](Executable& e) { e.code[e.code_relocations[0].place] = 8; }), "but not zero");
  has(refused([](Executable& e) { e.data_relocations[0].place = 12; }), "8 aligned bytes");
  has(refused([](Executable& e) { e.data_relocations[0].place = 24; }), "8 aligned bytes");
  has(refused([](Executable& e) { e.data_relocations[0].place = 16; }), "but not zero");
  has(refused([](Executable& e) { e.lines[1].word = 0; }), "do not ascend");
  has(refused([](Executable& e) { e.lines[1].word = 1; }), "start of an instruction");
  has(refused([](Executable& e) { e.lines[1].word = 1000; }), "inside the code");
  has(refused([](Executable& e) { e.lines[0].frames.resize(300); }), "");
}

TEST_CASE("damaged files are refused") {
  const auto good = image::write(sample());
  auto reads = [](const std::vector<std::byte>& file) { return image::read(file, "f").ok(); };
  REQUIRE(reads(good));
  for (size_t size = 0; size < good.size(); size += 7)
    CHECK(!reads({good.begin(), good.begin() + static_cast<ptrdiff_t>(size)}));
  auto damaged = [&](auto change) {
    auto file = good;
    change(file);
    return !reads(file);
  };
  using namespace image::elf;
  for (uint32_t s = 0; s < kSectionCount; ++s) {
    auto section = static_cast<Section>(s);
    CAPTURE(kSections[s].name);
    CHECK(damaged([&](auto& f) { header(f, section)->offset = ~uint64_t{0}; }));
    CHECK(damaged([&](auto& f) { header(f, section)->size = ~uint64_t{0}; }));
    CHECK(damaged([&](auto& f) { header(f, section)->size += uint64_t{1} << 32; }));
    CHECK(damaged([&](auto& f) { header(f, section)->type = 99; }));
    CHECK(damaged([&](auto& f) { header(f, section)->name += 1; }));
    CHECK(damaged([&](auto& f) { header(f, section)->link += 1; }));
    CHECK(damaged([&](auto& f) { header(f, section)->info += 1; }));
    CHECK(damaged([&](auto& f) { header(f, section)->flags ^= 1; }));
    CHECK(damaged([&](auto& f) { header(f, section)->addr = 8; }));
    CHECK(damaged([&](auto& f) { header(f, section)->entsize += 1; }));
    if (kSections[s].type != kNobits && header(const_cast<std::vector<std::byte>&>(good), section)->size)
      CHECK(damaged([&](auto& f) { header(f, section)->offset = 0; }));
  }
  CHECK(damaged([](auto& f) { header(f, kBss)->size -= 1; }));
  CHECK(damaged([](auto& f) { header(f, kBss)->type = kProgbits; }));
  CHECK(damaged([](auto& f) { header(f, kData)->type = kNobits; }));
  CHECK(damaged([](auto& f) { header(f, kSectionNames)->type = kNobits; }));
  CHECK(damaged([](auto& f) { header(f, kKernels)->name = header(f, kParams)->name; }));
  for (size_t at : {0, 4, 5, 6, 16, 18, 20, 24, 32, 48, 52, 54, 56, 58, 60, 62})
    CHECK_MESSAGE(damaged([&](auto& f) { f[at] ^= std::byte{0x10}; }), at);
}

TEST_CASE("the halves of a mix are two kernels of one name") {
  auto executable = assembler::assemble(R"asm(
.target aic "0123456789abcdef"
.kernel both aic
.flags mix
.param x 8 ptr
  exit
.kernel both aiv
.flags mix
.param x 8 ptr
  exit
.kernel alone aiv
  exit
)asm");
  REQUIRE_MESSAGE(executable.ok(), executable.diagnostic().str());
  CHECK(image::partner(executable->kernels, 0) == 1u);
  CHECK(image::partner(executable->kernels, 1) == 0u);
  CHECK(!image::partner(executable->kernels, 2));
  auto refusal = [&](auto change) {
    Executable changed = *executable;
    change(changed);
    Outcome verified = image::verify(changed, "f");
    return verified ? "" : verified.diagnostic().message;
  };
  CHECK(refusal([](Executable& e) { e.kernels[1].core = image::CoreKind::aic; }) ==
        "kernel both: a mix needs exactly two kernels of this name, one for aic and one for aiv");
  CHECK(refusal([](Executable& e) { e.kernels[2].name = "both"; }) ==
        "kernel both: a mix needs exactly two kernels of this name, one for aic and one for aiv");
  CHECK(refusal([](Executable& e) { e.kernels[1].flags = 0; }) ==
        "kernel both: both halves of a mix need the flag mix");
  CHECK(refusal([](Executable& e) { e.kernels[0].params.clear(); }) ==
        "kernel both: the halves of a mix must have the same parameters");
  CHECK(refusal([](Executable& e) { e.kernels[2].flags = 32; }) == "kernel alone: unknown flags");
}
