// fixpipe: conversions, layouts, atomic addition, faults. Accumulators get their values from the bias table.
#include "device_sim/system/system.h"
#include "tests/unit/core/matrices.h"

using namespace phx::sim;
using namespace phx::sim::test;
using phx::isa::Type;
namespace num = phx::num;

namespace {

constexpr uint64_t kM = 5;  // rows of the accumulators, all alike

// Accumulators of kM rows that hold `n` values of `bias` (f32 or s32).
CubeProgram accumulators(Type type, uint64_t n) {
  CubeProgram program;
  program("dma_gm_l1 zero, s6, {}, zero", {1 | up(n * 4, 32) << 16});
  program("l1_bt." + name_of(type) + " zero, zero, {}", {n});
  program(std::string("mmad.") + (type == Type::S32 ? "s8" : "f16") + " zero, zero, zero, {}",
          {mmad_shape(kM, 1, n, true, true)});
  return program;
}

struct Result {
  Matrix c;
  std::optional<Fault> fault;
};

Result run(const CubeProgram& program, std::vector<uint32_t> bias, Matrix c) {
  Rig rig(bound(program.end(), test_machine()));
  bias.resize(up(bias.size(), 8));
  const uint64_t out = rig.buffer(c.bytes, "c");
  rig.arguments(uint64_t{0}, uint64_t{0}, rig.buffer(bias, "bias"), out);
  rig.run();
  c.bytes = rig.read<unsigned char>(out, c.bytes.size());
  return {c, rig.fault};
}

// One element, from the definition.
uint32_t converted(Type from, Type to, uint32_t accumulator, bool relu, std::optional<float> scale) {
  if (to == Type::S32) return relu && static_cast<int32_t>(accumulator) < 0 ? 0 : accumulator;
  uint64_t x = accumulator;
  if (from == Type::S32) x = num::from_signed(num::Format::F32, static_cast<int32_t>(accumulator));
  if (scale) x = num::mul(num::Format::F32, x, num::bits(*scale), num::Round::Rn);
  if (relu && num::f32(x) <= 0) x = 0;
  if (to == Type::S8) return static_cast<uint8_t>(num::to_signed(num::Format::F32, x, 8, num::Round::Rn));
  const num::Format format = to == Type::F16    ? num::Format::F16
                             : to == Type::BF16 ? num::Format::BF16
                                                : num::Format::F32;
  return static_cast<uint32_t>(num::convert(format, num::Format::F32, x));
}

std::vector<uint32_t> f32_values() {
  std::vector<uint32_t> values;
  for (float x : {0.f,      1.f,       -1.f,       0.5f,        1.5f,        2.5f,           -0.5f,
                  -2.5f,    126.5f,    127.5f,     128.f,       -128.5f,     -129.f,         1e9f,
                  -1e9f,    65504.f,   65519.996f, 65520.f,     1e30f,       1.00048828125f, 1.00146484375f,
                  6.1e-5f,  5.96e-8f,  2.98e-8f,   2.9803e-8f,  8.94e-8f,    1e-40f,         -1e-40f,
                  INFINITY, -INFINITY, NAN,        1.00390625f, 1.01171875f, 3.3895314e38f})
    values.push_back(std::bit_cast<uint32_t>(x));
  std::mt19937 random(17);
  while (values.size() < 101) values.push_back(random());
  return values;
}
std::vector<uint32_t> s32_values() {
  std::vector<uint32_t> values;
  for (int64_t x :
       {0L, 1L, -1L, 127L, 128L, -128L, -129L, 255L, 16777217L, 16777219L, -16777217L, 2147483647L, -2147483648L})
    values.push_back(static_cast<uint32_t>(x));
  std::mt19937 random(18);
  while (values.size() < 77) values.push_back(random());
  return values;
}

}  // namespace

TEST_CASE("every conversion, with relu and quant, to ND and NZ") {
  for (Type from : {Type::F32, Type::S32}) {
    const std::vector<uint32_t> values = from == Type::F32 ? f32_values() : s32_values();
    const uint64_t n = values.size();
    for (Type to : {Type::S8, Type::S32, Type::F16, Type::BF16, Type::F32})
      for (unsigned options = 0; options < 8; ++options) {
        const bool nz = options & 1, relu = options & 2, quant = options & 4;
        if ((to == Type::S32) != (from == Type::S32 && !quant) || (to == Type::S8 && !quant)) continue;
        const std::string mnemonic = std::string("fixpipe.gm.") + name_of(from) + (nz ? ".nz" : "") +
                                     (relu ? ".relu" : "") + (quant ? ".quant." : ".") + name_of(to);
        CAPTURE(mnemonic);
        const std::optional<float> scale = quant ? std::optional(from == Type::F32 ? 0.5f : 0.003f) : std::nullopt;
        CubeProgram program = accumulators(from, n);
        if (quant) program("set_quant.f32 {}", {std::bit_cast<uint32_t>(*scale)});
        const uint64_t size = bytes_of(to), c0 = 32 / size, pitch = nz ? 7 : n * size + 3 * size;
        Matrix c(Type::S8, 1, 64 * 1024);
        std::fill(c.bytes.begin(), c.bytes.end(), 0xa5);
        program(mnemonic + " s8, zero, {}, {}", {fixpipe_shape(kM, n, 16), pitch});
        const Result result = run(program, values, c);
        if (result.fault) FAIL(result.fault->str());
        std::vector<unsigned char> want = c.bytes;
        for (uint64_t r = 0; r < kM; ++r)
          for (uint64_t i = 0; i < (nz ? up(n, c0) : n); ++i) {
            const uint32_t value = i < n ? converted(from, to, values[i], relu, scale) : 0;
            std::memcpy(&want[nz ? i / c0 * pitch * 32 + r * 32 + i % c0 * size : r * pitch + i * size], &value, size);
          }
        CHECK(result.c.bytes == want);
      }
  }
}

TEST_CASE("the scale of quant is 1 when a program starts") {
  CubeProgram program = accumulators(Type::F32, 16);
  program("fixpipe.gm.f32.quant.s8 s8, zero, {}, {}", {fixpipe_shape(1, 16, 16), 16});
  std::vector<uint32_t> values;
  for (int i = 0; i < 16; ++i) values.push_back(std::bit_cast<uint32_t>(static_cast<float>(i)));
  const Result result = run(program, values, Matrix(Type::S8, 1, 16));
  REQUIRE(!result.fault);
  for (unsigned i = 0; i < 16; ++i) CHECK(result.c.bits(0, i) == i);
}

TEST_CASE("results in l1 are operands of the next product") {
  // c = (a x b as f16) x b, by way of l1.
  std::mt19937 random(23);
  Matrix a(Type::F16, 20, 24), b(Type::F16, 24, 24);
  fill(a, random);
  fill(b, random);
  CubeProgram program;
  load_operand(program, "s2", a, true, false, 0, 0);
  load_operand(program, "s4", b, false, false, 128 * 1024, 0);
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(20, 24, 24, true)});
  program("fixpipe.l1.f32.nz.f16 {}, zero, {}, {}", {64 * 1024, fixpipe_shape(20, 24, 32), 48});
  program("l1_l0a.f16 zero, {}, {}", {64 * 1024, 2 | 2 << 16 | uint64_t{48} << 32});
  program("mmad.f16 {}, zero, zero, {}", {8192, mmad_shape(20, 24, 24, true)});
  program("fixpipe.gm.f32.f32 s8, {}, {}, {}", {8192, fixpipe_shape(20, 24, 32), 96});
  Rig rig(bound(program.end(), test_machine()));
  const uint64_t c = rig.buffer(std::vector<uint32_t>(20 * 24), "c");
  rig.arguments(rig.buffer(a.bytes), rig.buffer(b.bytes), uint64_t{0}, c);
  rig.run_well();
  Matrix middle(Type::F16, 20, 24);
  for (uint64_t i = 0; i < 20; ++i)
    for (uint64_t j = 0; j < 24; ++j)
      middle.set(i, j, num::f16_from(std::bit_cast<float>(product(a, false, b, false, i, j, 0, 24, 0))));
  const auto got = rig.read<uint32_t>(c, 20 * 24);
  for (uint64_t i = 0; i < 20; ++i)
    for (uint64_t j = 0; j < 24; ++j) CHECK(got[i * 24 + j] == product(middle, false, b, false, i, j, 0, 24, 0));
}

namespace {

// Block i adds scale^i times the accumulators, so that the order shows in the bits.
std::string adding(Type to, bool nz, uint64_t n) {
  CubeProgram program = accumulators(Type::F32, n);
  program("rdsr.block_idx.u32 s40");
  program("cvt.u32.f32 s41, s40");
  program("fma.f32 s41, s41, 0x3e9e0419, {}", {0x3f800000});
  program("set_quant.f32 s41");
  program(std::string("fixpipe.gm.f32") + (nz ? ".nz" : "") + ".quant.add." + name_of(to) + " s8, zero, {}, {}",
          {fixpipe_shape(kM, n, 16), nz ? 6 : n * bytes_of(to)});
  return bound(program.end(), test_machine());
}

}  // namespace

TEST_CASE("additions of several cores come in the order of the blocks, for any number of host threads") {
  const uint64_t n = 39;
  std::mt19937 random(29);
  std::normal_distribution<float> normal;
  std::vector<uint32_t> bias;
  for (uint64_t i = 0; i < up(n, 8); ++i) bias.push_back(std::bit_cast<uint32_t>(normal(random)));
  constexpr uint32_t kBlocks = 7;
  for (Type to : {Type::F16, Type::BF16, Type::F32})
    for (bool nz : {false, true}) {
      CAPTURE(name_of(to));
      CAPTURE(nz);
      const num::Format format = to == Type::F16    ? num::Format::F16
                                 : to == Type::BF16 ? num::Format::BF16
                                                    : num::Format::F32;
      const uint64_t size = bytes_of(to), c0 = 32 / size;
      auto place = [&](uint64_t r, uint64_t i) {
        return nz ? i / c0 * 6 * 32 + r * 32 + i % c0 * size : r * n * size + i * size;
      };
      std::vector<unsigned char> start(8192), want;
      Matrix old(to, 1, start.size() / size);
      fill(old, random);
      std::memcpy(start.data(), old.bytes.data(), old.bytes.size());
      want = start;
      for (uint32_t block = 0; block < kBlocks; ++block) {
        const float scale = std::fma(static_cast<float>(block), std::bit_cast<float>(0x3e9e0419), 1.f);
        for (uint64_t r = 0; r < kM; ++r)
          for (uint64_t i = 0; i < n; ++i) {
            uint32_t sum = 0;
            std::memcpy(&sum, &want[place(r, i)], size);
            sum = static_cast<uint32_t>(
                num::add(format, sum, converted(Type::F32, to, bias[i], false, scale), num::Round::Rn));
            std::memcpy(&want[place(r, i)], &sum, size);
          }
      }
      for (unsigned threads : {1u, 2u}) {
        CAPTURE(threads);
        SystemOptions options;
        options.threads = threads;
        options.shuffle = threads == 2 ? 5 : 0;
        auto system = System::create(test_machine(), options);
        REQUIRE(system);
        const uint16_t member = 0;
        auto executable = phx::assembler::assemble(adding(to, nz, n), "test.s");
        if (!executable) FAIL(executable.diagnostic().str());
        auto program = (*system)->load(phx::image::write(*executable), {&member, 1}, "test");
        if (!program) FAIL(program.diagnostic().str());
        AddressSpace& memory = (*system)->memory();
        uint64_t arguments[4] = {};
        arguments[2] = *memory.allocate(bias.size() * 4, Placement::on, {&member, 1}, "bias");
        arguments[3] = *memory.allocate(start.size(), Placement::on, {&member, 1}, "c");
        std::memcpy(memory.translate(arguments[2], bias.size() * 4), bias.data(), bias.size() * 4);
        std::memcpy(memory.translate(arguments[3], start.size()), start.data(), start.size());
        LaunchRequest request;
        request.program = *program;
        request.grid = {kBlocks, 1, 1};
        request.arguments = std::as_bytes(std::span(arguments));
        request.members = {member};
        const LaunchResult result = (*system)->launch(request);
        if (result.refused) FAIL(result.refused->str());
        if (result.fault) FAIL(result.fault->str());
        CHECK(std::memcmp(memory.translate(arguments[3], want.size()), want.data(), want.size()) == 0);
      }
    }
}

TEST_CASE("what fixpipe must not do") {
  struct Case {
    const char* instruction;
    uint64_t from, shape, pitch;
    FaultKind kind;
    std::string why;
  };
  const Case cases[] = {
      {"fixpipe.gm.f32.f32 s8, {}, {}, {}", 32, fixpipe_shape(4, 16, 16), 64, FaultKind::misaligned,
       "L0C addresses are multiples of 64"},
      {"fixpipe.gm.f32.f32 s8, {}, {}, {}", 0, fixpipe_shape(4, 16, 16), 60, FaultKind::illegal_instruction,
       "rows of 64 bytes at a pitch of 60 overlap in the destination"},
      {"fixpipe.gm.f32.f32 s8, {}, {}, {}", 0, fixpipe_shape(4, 16, 16), 66, FaultKind::misaligned,
       "addresses and pitches in device memory are multiples of the element's 4 bytes"},
      {"fixpipe.gm.f32.f32 s8, {}, {}, {}", 0, fixpipe_shape(5, 16, 16), 64, FaultKind::out_of_bounds,
       "0 bytes past the end"},
      {"fixpipe.gm.f32.add.f32 s8, {}, {}, {}", 0, fixpipe_shape(5, 16, 16), 64, FaultKind::out_of_bounds,
       "0 bytes past the end"},
      {"fixpipe.gm.f32.nz.f16 s8, {}, {}, {}", 0, fixpipe_shape(4, 32, 16), 3, FaultKind::illegal_instruction,
       "rows of 128 bytes at a pitch of 96 overlap in the destination"},
      {"fixpipe.gm.f32.f32 s8, {}, {}, {}", 256 * 1024 - 128, fixpipe_shape(4, 16, 16), 64,
       FaultKind::buffer_out_of_bounds, "bytes 262016 to 262272 of 262144 bytes of L0C"},
      {"fixpipe.l1.f32.nz.f16 s8, {}, {}, {}", 0, fixpipe_shape(4, 16, 16), 16, FaultKind::buffer_out_of_bounds,
       "of L1"},
      {"fixpipe.gm.f32.f32 s6, {}, {}, {}", 0, fixpipe_shape(1, 16, 16), 64, FaultKind::read_only_store, "bias"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.instruction);
    CubeProgram program;
    program(c.instruction, {c.from, c.shape, c.pitch});
    Rig rig(bound(program.end(), test_machine()));
    const uint64_t out = rig.buffer(std::vector<unsigned char>(256), "c");
    const uint64_t constant = rig.buffer(std::vector<unsigned char>(256), "bias");
    rig.memory.make_read_only(constant);
    rig.arguments(uint64_t{0}, uint64_t{0}, constant, out);
    rig.run();
    REQUIRE(rig.fault);
    CAPTURE(rig.fault->str());
    CHECK(rig.fault->kind == c.kind);
    CHECK(rig.fault->nearest.find(c.why) != std::string::npos);
    CHECK(rig.read<unsigned char>(out, 256) == std::vector<unsigned char>(256));
  }
}
