// mmad: every type, ragged shapes, both orientations of both operands, starts, faults; the same bits on every level of
// the host's instruction set.
#include "device_sim/core/host_level.h"
#include "device_sim/core/matrix_kernels.h"
#include "tests/unit/core/matrices.h"

using namespace phx::sim;
using namespace phx::sim::test;
using phx::isa::Type;

namespace {

constexpr Type kTypes[] = {Type::S8, Type::F8E4M3, Type::F8E5M2, Type::F16, Type::BF16, Type::F32};
constexpr uint64_t kL1B = 256 * 1024;  // where b lies in l1

std::string accumulators_of(Type type) { return type == Type::S8 ? "s32" : "f32"; }

struct Product {
  Type type;
  uint64_t m, n, k;
  bool a_transposed = false, b_transposed = false;
  bool special = false;
};

void check_product(const Product& p) {
  CAPTURE(name_of(p.type));
  CAPTURE(p.m);
  CAPTURE(p.n);
  CAPTURE(p.k);
  std::mt19937 random(static_cast<unsigned>(p.m * 31 + p.n * 7 + p.k));
  const uint64_t gap = 3 * bytes_of(p.type);
  Matrix a(p.type, p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k, gap);
  Matrix b(p.type, p.b_transposed ? p.k : p.n, p.b_transposed ? p.n : p.k, gap);
  fill(a, random, p.special);
  fill(b, random, p.special);
  CubeProgram program;
  load_operand(program, "s2", a, true, p.a_transposed, 0, 0);
  load_operand(program, "s4", b, false, p.b_transposed, kL1B, 0);
  program("mmad." + name_of(p.type) + " zero, zero, zero, {}", {mmad_shape(p.m, p.k, p.n, true)});
  program("fixpipe.gm." + accumulators_of(p.type) + "." + accumulators_of(p.type) + " s8, zero, {}, {}",
          {fixpipe_shape(p.m, p.n, up(p.m, 16)), p.n * 4});
  Rig rig(bound(program.end(), test_machine()));
  const uint64_t c = rig.buffer(std::vector<uint32_t>(p.m * p.n), "c");
  rig.arguments(rig.buffer(a.bytes, "a"), rig.buffer(b.bytes, "b"), uint64_t{0}, c);
  rig.run_well();
  const auto got = rig.read<uint32_t>(c, p.m * p.n);
  for (uint64_t m = 0; m < p.m; ++m)
    for (uint64_t n = 0; n < p.n; ++n)
      if (const uint32_t want = product(a, p.a_transposed, b, p.b_transposed, m, n, 0, p.k, 0);
          got[m * p.n + n] != want) {
        CAPTURE(m);
        CAPTURE(n);
        CHECK(got[m * p.n + n] == want);
        return;
      }
}

std::optional<Fault> fault_of(const CubeProgram& body) {
  Rig rig(bound(body.end(), test_machine()));
  const uint64_t a = rig.buffer(std::vector<uint16_t>(16 * 16, 0x3c00), "a");
  rig.arguments(a, a, a, rig.buffer(std::vector<uint32_t>(16 * 1024), "c"));
  rig.run();
  return rig.fault;
}

}  // namespace

TEST_CASE("products of whole fractals") {
  for (Type type : kTypes)
    for (bool a : {false, true})
      for (bool b : {false, true}) check_product({type, 32, 48, 64, a, b});
}

TEST_CASE("ragged products") {
  for (Type type : kTypes)
    for (bool transposed : {false, true}) {
      check_product({type, 1, 1, 1, transposed, transposed});
      check_product({type, 17, 33, 19, transposed, !transposed});
      check_product({type, 23, 5, 40, transposed, transposed});
      check_product({type, 5, 70, 31, !transposed, transposed});
    }
}

TEST_CASE("products larger than a panel") {
  check_product({Type::F16, 144, 40, 96});
  check_product({Type::F16, 20, 24, 600, false, true});
  check_product({Type::S8, 17, 40, 1100, true});
  check_product({Type::F32, 130, 17, 70, false, true});
}

TEST_CASE("infinities, NaN, subnormals and zeros") {
  for (Type type : {Type::F8E4M3, Type::F8E5M2, Type::F16, Type::BF16, Type::F32})
    check_product({type, 40, 48, 33, false, true, true});
}

TEST_CASE("every 8-bit float times one is what its format says") {
  constexpr uint64_t k = 32;
  for (Type type : {Type::F8E4M3, Type::F8E5M2}) {
    CAPTURE(name_of(type));
    const bool e4m3 = type == Type::F8E4M3;
    Matrix a(type, 256, k), identity(type, k, k);
    for (uint64_t m = 0; m < 256; ++m) a.set(m, 0, static_cast<uint32_t>(m));
    for (uint64_t i = 0; i < k; ++i) identity.set(i, i, e4m3 ? 0x38 : 0x3c);
    CubeProgram program;
    load_operand(program, "s2", a, true, false, 0, 0);
    load_operand(program, "s4", identity, false, false, kL1B, 0);
    program("mmad." + name_of(type) + " zero, zero, zero, {}", {mmad_shape(256, k, 1, true)});
    program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(256, 1, 256), 4});
    Rig rig(bound(program.end(), test_machine()));
    const uint64_t c = rig.buffer(std::vector<float>(256), "c");
    rig.arguments(rig.buffer(a.bytes, "a"), rig.buffer(identity.bytes, "b"), uint64_t{0}, c);
    rig.run_well();
    const auto got = rig.read<float>(c, 256);
    for (int x = 0; x < 256; ++x) {
      const int digits = e4m3 ? 3 : 2, bias = e4m3 ? 7 : 15, exponent = (x & 0x7f) >> digits,
                fraction = x & ((1 << digits) - 1);
      const double sign = x & 0x80 ? -1 : 1, one = 1 << digits;
      double want = sign * std::ldexp(exponent ? one + fraction : fraction, std::max(exponent, 1) - bias - digits);
      if (e4m3 ? (x & 0x7f) == 0x7f : exponent == 31) want = e4m3 || fraction ? NAN : sign * INFINITY;
      CAPTURE(x);
      CHECK((std::isnan(want) ? std::isnan(got[x]) : double(got[x]) == want));
    }
    CHECK(got[e4m3 ? 0x7e : 0x7b] == (e4m3 ? 448 : 57344));
  }
}

TEST_CASE("sums go on from the accumulators, and wrap for s8") {
  for (Type type : kTypes) {
    CAPTURE(name_of(type));
    std::mt19937 random(5);
    const uint64_t m = 19, n = 37, k = 64, c0 = 32 / bytes_of(type), split = 32;
    Matrix a(type, m, k), b(type, n, k);
    fill(a, random);
    fill(b, random);
    Matrix bias(type == Type::S8 ? Type::S32 : Type::F32, 1, n);
    fill(bias, random);
    if (type == Type::S8) bias.set(0, 0, 0x7fffff00);
    CubeProgram program;
    load_operand(program, "s2", a, true, false, 0, 0);
    load_operand(program, "s4", b, false, false, kL1B, 0);
    // The second half of k: b's fractals of it follow the first half's; a's rows of fractals are loaded once more.
    program("l1_l0a." + name_of(type) + " {}, {}, {}",
            {16384, split / c0 * (up(m, 16) + 16) * 32, 2 | (k - split) / c0 << 16 | (up(m, 16) + 16) << 32});
    program("l1_l0a." + name_of(type) + " zero, zero, {}", {2 | split / c0 << 16 | (up(m, 16) + 16) << 32});
    program("mov.b64 s10, {}", {up(n * 4, 32) << 16 | 1});
    program("dma_gm_l1 {}, s6, s10, zero", {kL1B + 128 * 1024});
    program("l1_bt." + accumulators_of(type) + " {}, {}, {}", {256, kL1B + 128 * 1024, n});
    program("mmad." + name_of(type) + " {}, zero, zero, {}", {1024, mmad_shape(m, split, n, true, true, 256)});
    program("mmad." + name_of(type) + " {}, {}, {}, {}",
            {1024, 16384, split / c0 * up(n, 16) / 16 * 512, mmad_shape(m, k - split, n, false)});
    program("fixpipe.gm." + accumulators_of(type) + "." + accumulators_of(type) + " s8, {}, {}, {}",
            {1024, fixpipe_shape(m, n, 32), n * 4});
    Rig rig(bound(program.end(), test_machine()));
    const uint64_t c = rig.buffer(std::vector<uint32_t>(m * n), "c");
    bias.bytes.resize(up(bias.bytes.size(), 32));
    rig.arguments(rig.buffer(a.bytes, "a"), rig.buffer(b.bytes, "b"), rig.buffer(bias.bytes, "bias"), c);
    rig.run_well();
    const auto got = rig.read<uint32_t>(c, m * n);
    unsigned wrong = 0;
    for (uint64_t i = 0; i < m; ++i)
      for (uint64_t j = 0; j < n; ++j)
        wrong += got[i * n + j] != product(a, false, b, false, i, j, 0, k, bias.bits(0, j));
    CHECK(wrong == 0);
  }
}

TEST_CASE("elements outside m x n keep what they held, and a size of 0 does nothing") {
  CubeProgram program;
  Matrix ones(Type::F16, 16, 16);
  load_operand(program, "s2", ones, true, false, 0, 0);
  load_operand(program, "s4", ones, false, false, kL1B, 0);
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(16, 16, 16, true)});
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(5, 16, 3, false)});
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(0, 16, 16, true)});
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(16, 0, 16, true)});
  program("mmad.f16 {}, zero, zero, {}", {1, mmad_shape(16, 16, 0, true)});
  program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(16, 16, 16), 64});
  Rig rig(bound(program.end(), test_machine()));
  const uint64_t a = rig.buffer(std::vector<uint16_t>(256, 0x3c00)), c = rig.buffer(std::vector<float>(256));
  rig.arguments(a, a, a, c);
  rig.run_well();
  const auto got = rig.read<float>(c, 256);
  for (unsigned i = 0; i < 256; ++i) CHECK(got[i] == (i / 16 < 5 && i % 16 < 3 ? 32.f : 16.f));
}

TEST_CASE("every level of the host gives the same bits") {
  std::vector<const MatrixKernels*> levels{&matrix_kernels_baseline()};
#if defined(__x86_64__)
  if (host_level() >= HostLevel::v3) levels.push_back(&matrix_kernels_v3());
  if (host_level() >= HostLevel::v4) levels.push_back(&matrix_kernels_v4());
#endif
  std::mt19937 random(11);
  constexpr uint32_t m = 29, n = 41, k = 50;
  for (Type type : kTypes) {
    CAPTURE(name_of(type));
    // Any bits: NaN, infinities and subnormals of all kinds among them.
    std::vector<unsigned char> a(64 * 1024), b(64 * 1024), start(64 * 1024);
    for (auto* bytes : {&a, &b, &start})
      for (auto& byte : *bytes) byte = static_cast<unsigned char>(random());
    std::vector<std::vector<unsigned char>> results;
    for (const MatrixKernels* level : levels) {
      std::vector<unsigned char> c = start;
      level->multiply({type, a.data(), b.data(), c.data(), nullptr, false, m, k, n});
      results.push_back(c);
    }
    CHECK(results[0] != start);
    for (const auto& result : results) CHECK(result == results[0]);
    results.clear();
    const Type from = type == Type::S8 ? Type::S32 : Type::F32;
    for (Type to : {Type::S8, Type::F16, Type::BF16, Type::F32, Type::S32})
      for (unsigned options = 0; options < 16; ++options) {
        const bool nz = options & 1, relu = options & 2, quant = options & 4, add = options & 8;
        if ((to == Type::S32) != (from == Type::S32 && !quant) || (to == Type::S8 && (add || !quant))) continue;
        results.clear();
        for (const MatrixKernels* level : levels) {
          std::vector<unsigned char> out = b;
          level->drain(
              {from, to, start.data(), 32 * 64, out.data(), nz ? 32u * 32 : 256u, m, n, nz, relu, quant, add, 0.37f});
          results.push_back(out);
        }
        CHECK(results[0] != b);
        for (const auto& result : results) CHECK(result == results[0]);
      }
  }
}

TEST_CASE("events of products") {
  CubeProgram program;
  Matrix ones(Type::F16, 16, 16, 16);
  load_operand(program, "s2", ones, true, false, 0, 0);
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(16, 16, 16, true)});
  program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(16, 16, 16), 128});
  Rig rig(bound(program.end(), test_machine()));
  const uint64_t a = rig.buffer(std::vector<uint16_t>(1024)), c = rig.buffer(std::vector<float>(1024));
  rig.arguments(a, a, a, c);
  rig.run_well();
  std::vector<uint64_t> records;
  for (const auto& block : rig.events.blocks)
    records.insert(records.end(), block.warps[0].accesses.begin(), block.warps[0].accesses.end());
  auto header = [](AccessKind kind, uint64_t lines, uint64_t work) {
    return static_cast<uint64_t>(kind) | 1 << 8 | lines << 16 | work << 32;
  };
  REQUIRE(records.size() == 4 + 2 + 2 + 2 + 4);
  CHECK(records[0] == header(AccessKind::dma, 1, 512));
  CHECK(records[1] == (32 | uint64_t{15} << 32));
  CHECK(records[3] == 48);
  CHECK(records[4] == header(AccessKind::tile, 1, 512));
  CHECK(records[5] == 0);
  CHECK(records[6] == header(AccessKind::tile, 1, 0));
  CHECK(records[7] == mmad_shape(16, 16, 16, true));
  CHECK(records[8] == header(AccessKind::tile, 1, 256));
  CHECK(records[10] == header(AccessKind::dma, 1, 1024));
  CHECK(records[11] == (64 | uint64_t{15} << 32));
  CHECK(records[13] == 128);
}

TEST_CASE("timing-only mode checks and records, and moves nothing") {
  CubeProgram program;
  Matrix ones(Type::F16, 16, 16);
  load_operand(program, "s2", ones, true, false, 0, 0);
  load_operand(program, "s4", ones, false, false, kL1B, 0);
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(16, 16, 16, true)});
  program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(16, 16, 16), 64});
  Rig rig(bound(program.end(), test_machine()));
  rig.launch.values = false;
  const uint64_t a = rig.buffer(std::vector<uint16_t>(256, 0x3c00)), c = rig.buffer(std::vector<float>(256, 7));
  rig.arguments(a, a, a, c);
  rig.run_well();
  CHECK(rig.read<float>(c, 256) == std::vector<float>(256, 7));
  CHECK(rig.events.blocks[0].warps[0].accesses.size() > 16);
}

TEST_CASE("what mmad must not do") {
  auto fault = fault_of(CubeProgram()("mmad.f16 {}, zero, zero, {}", {32, mmad_shape(16, 16, 16, true)}));
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::misaligned);
  CHECK(fault->nearest == "L0C addresses are multiples of 64");
  fault = fault_of(CubeProgram()("mmad.f16 zero, {}, zero, {}", {256, mmad_shape(16, 16, 16, true)}));
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::misaligned);
  CHECK(fault->nearest == "L0A addresses are multiples of 512");
  fault = fault_of(CubeProgram()("mmad.f16 zero, zero, {}, {}", {65536 - 512, mmad_shape(16, 16, 17, true)}));
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::buffer_out_of_bounds);
  CHECK(fault->nearest == "bytes 65024 to 66048 of 65536 bytes of L0B");
  fault = fault_of(CubeProgram()("mmad.f16 {}, zero, zero, {}", {256 * 1024 - 1024, mmad_shape(17, 16, 16, true)}));
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::buffer_out_of_bounds);
  CHECK(fault->nearest == "bytes 261120 to 262208 of 262144 bytes of L0C");
  CHECK(fault->is_store);
  fault = fault_of(CubeProgram()("mmad.f16 zero, zero, zero, {}", {mmad_shape(16, 16, 32, true, true, 4096 - 64)}));
  REQUIRE(fault);
  CHECK(fault->kind == FaultKind::buffer_out_of_bounds);
  CHECK(fault->nearest == "bytes 4032 to 4160 of 4096 bytes of bias table");
}

TEST_CASE("a machine refuses the types that its cube lacks") {
  phx::machine::Machine machine = test_machine();
  machine.chip.cube.macs_per_cycle.erase("f32");
  CubeProgram program;
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(1, 1, 1, true)});
  program("mmad.f32 zero, zero, zero, {}", {mmad_shape(1, 1, 1, true)});
  Rig rig(bound(program.end(), test_machine()));
  rig.launch.machine = &machine;
  rig.arguments(uint64_t{0}, uint64_t{0}, uint64_t{0}, uint64_t{0});
  rig.run();
  REQUIRE(rig.fault);
  CHECK(rig.fault->kind == FaultKind::unsupported);
  CHECK(rig.fault->detail == "the cube of ascend-950pr does not multiply f32");
}
