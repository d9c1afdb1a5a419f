// DMA rows of the cube core. What lies in l1 is seen through a product with the identity.
#include "tests/unit/core/matrices.h"

using namespace phx::sim;
using namespace phx::sim::test;
using phx::isa::Type;

namespace {

// Loads a rows x columns matrix of f16 in NZ from l1 address 0 and leaves it as f32 in c.
void show_l1(CubeProgram& program, uint64_t rows, uint64_t columns, uint64_t pitch) {
  Matrix identity(Type::F16, columns, columns);
  program("l1_l0a.f16 zero, zero, {}", {up(rows, 16) / 16 | up(columns, 16) / 16 << 16 | pitch << 32});
  load_operand(program, "s4", identity, false, false, 256 * 1024, 0);
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(rows, columns, columns, true)});
  program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(rows, columns, up(rows, 16)), columns * 4});
}

std::vector<float> run(const CubeProgram& program, const Matrix& a, uint64_t rows, uint64_t columns) {
  Rig rig(bound(program.end(), test_machine()));
  Matrix identity(Type::F16, columns, columns);
  for (uint64_t i = 0; i < columns; ++i) identity.set(i, i, 0x3c00);
  const uint64_t c = rig.buffer(std::vector<float>(rows * columns), "c");
  rig.arguments(rig.buffer(a.bytes, "a"), rig.buffer(identity.bytes, "b"), uint64_t{0}, c);
  rig.run_well();
  return rig.read<float>(c, rows * columns);
}

std::optional<Fault> fault_of(const CubeProgram& program) {
  Rig rig(bound(program.end(), test_machine()));
  const uint64_t a = rig.buffer(std::vector<unsigned char>(1024), "a");
  const uint64_t gone = rig.buffer(std::vector<unsigned char>(1024), "gone");
  REQUIRE(rig.memory.free(gone).ok());
  rig.arguments(a, gone, reinterpret_cast<uint64_t>(&rig), a);
  rig.run();
  return rig.fault;
}

}  // namespace

TEST_CASE("an ND matrix becomes NZ with its last column block filled up") {
  std::mt19937 random(3);
  Matrix a(Type::F16, 21, 37, 6);
  fill(a, random);
  CubeProgram program;
  // A larger matrix first: the zeros of the smaller one must replace it, rows beyond it stay.
  program("dma_nd2nz.f16 zero, s2, {}, {}", {20 | uint64_t{37} << 16 | uint64_t{48} << 32, 0});
  program("dma_nd2nz.f16 zero, s2, {}, {}", {18 | uint64_t{35} << 16 | uint64_t{48} << 32, a.pitch});
  show_l1(program, 20, 40, 48);
  const auto got = run(program, a, 20, 40);
  for (uint64_t r = 0; r < 20; ++r)
    for (uint64_t c = 0; c < 40; ++c) {
      const float want = r < 18 ? (c < 35 ? a.real(r, c) : 0) : (c < 37 ? a.real(0, c) : 0);
      CHECK(got[r * 40 + c] == want);
    }
}

TEST_CASE("bursts to l1") {
  std::mt19937 random(4);
  Matrix a(Type::F16, 4, 64);  // 4 rows of 128 bytes
  fill(a, random);
  CubeProgram program;
  // Three bursts of 20 bytes, one per row; in l1 at rows 0, 2 and 4 of a column block, each filled up with zeros.
  program("dma_gm_l1.pad zero, s2, {}, {}", {3 | uint64_t{20} << 16, a.pitch | uint64_t{64} << 32});
  show_l1(program, 16, 16, 16);
  const auto got = run(program, a, 16, 16);
  for (uint64_t r = 0; r < 16; ++r)
    for (uint64_t c = 0; c < 16; ++c) CHECK(got[r * 16 + c] == (r < 6 && r % 2 == 0 && c < 10 ? a.real(r / 2, c) : 0));
}

TEST_CASE("a bias of f16 becomes f32") {
  std::mt19937 random(6);
  Matrix bias(Type::F16, 1, 48);
  fill(bias, random);
  CubeProgram program;
  program("dma_gm_l1 zero, s2, {}, zero", {1 | uint64_t{96} << 16});
  program("l1_bt.f16 {}, zero, {}", {64, 45});
  program("mmad.f16 zero, zero, zero, {}", {mmad_shape(2, 1, 48, true, true, 64)});
  program("fixpipe.gm.f32.f32 s8, zero, {}, {}", {fixpipe_shape(2, 48, 16), 192});
  const auto got = run(program, bias, 2, 48);
  for (uint64_t i = 0; i < 96; ++i) CHECK(got[i] == (i % 48 < 45 ? bias.real(0, i % 48) : 0));
}

TEST_CASE("what loads must not do") {
  struct Case {
    const char* instruction;
    std::vector<uint64_t> values;
    FaultKind kind;
    std::string why;
  };
  auto shape = [](uint64_t rows, uint64_t columns, uint64_t pitch) { return rows | columns << 16 | pitch << 32; };
  const Case cases[] = {
      {"dma_nd2nz.f16 {}, s2, {}, {}",
       {16, shape(4, 4, 16), 8},
       FaultKind::misaligned,
       "L1 addresses are multiples of 32"},
      {"dma_nd2nz.f16 {}, s2, {}, {}",
       {0, shape(4, 4, 16), 7},
       FaultKind::misaligned,
       "addresses and pitches in device memory are multiples of the element's 2 bytes"},
      {"dma_nd2nz.f16 {}, s2, {}, {}",
       {0, shape(20, 32, 16), 4},
       FaultKind::illegal_instruction,
       "rows of 640 bytes at a pitch of 512 overlap in the destination"},
      {"dma_nd2nz.f16 {}, s2, {}, {}", {0, shape(4, 32, 16), 400}, FaultKind::out_of_bounds, "176 bytes past"},
      {"dma_nd2nz.f16 {}, s4, {}, {}", {0, shape(4, 4, 16), 8}, FaultKind::use_after_free, "which was freed"},
      {"dma_nd2nz.f16 {}, s6, {}, {}", {0, shape(4, 4, 16), 8}, FaultKind::host_pointer, ""},
      {"dma_gm_l1 {}, s2, {}, {}",
       {512 * 1024 - 32, 1 | 64 << 16, 0},
       FaultKind::buffer_out_of_bounds,
       "bytes 524256 to 524320 of 524288 bytes of L1"},
      {"dma_gm_l1 {}, s2, {}, {}",
       {0, 1 | 33 << 16, 0},
       FaultKind::misaligned,
       "bursts of 33 bytes are no multiple of 32"},
      {"dma_gm_l1 {}, s2, {}, {}",
       {0, 2 | 64 << 16, uint64_t{32} << 32},
       FaultKind::illegal_instruction,
       "rows of 64 bytes at a pitch of 32 overlap in the destination"},
      {"l1_l0a.f16 {}, {}, {}", {256, 0, shape(1, 1, 16)}, FaultKind::misaligned, "L0A addresses are multiples of 512"},
      {"l1_l0a.f16 {}, {}, {}",
       {0, 0, shape(16, 16, 16)},
       FaultKind::buffer_out_of_bounds,
       "bytes 0 to 131072 of 65536 bytes of L0A"},
      {"l1_l0b.trans.f16 {}, {}, {}",
       {0, 512 * 1024 - 512, shape(1, 2, 32)},
       FaultKind::buffer_out_of_bounds,
       "bytes 523776 to 524800 of 524288 bytes of L1"},
      {"l1_bt.f32 {}, {}, {}",
       {4096 - 64, 0, 17},
       FaultKind::buffer_out_of_bounds,
       "bytes 4032 to 4100 of 4096 bytes of bias table"},
      {"l1_bt.f32 {}, {}, {}", {4096 - 64, 0, uint64_t{1} << 62}, FaultKind::buffer_out_of_bounds, ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.instruction);
    CubeProgram program;
    REQUIRE(c.values.size() == 3);
    const auto fault = fault_of(program(c.instruction, {c.values[0], c.values[1], c.values[2]}));
    REQUIRE(fault);
    CAPTURE(fault->str());
    CHECK(fault->kind == c.kind);
    CHECK(fault->nearest.find(c.why) != std::string::npos);
  }
}

TEST_CASE("a size of 0 does nothing") {
  CubeProgram program;
  program("dma_nd2nz.f16 {}, {}, {}, {}", {1, 1, 4 | uint64_t{0} << 16, 1});
  program("dma_gm_l1 {}, {}, {}, zero", {1, 1, 5});
  program("l1_l0a.f16 {}, {}, {}", {1, 1, 4});
  program("l1_bt.f16 {}, {}, zero", {1, 1});
  program("fixpipe.gm.f32.f32 {}, {}, {}, zero", {1, 1, 4});
  CHECK(!fault_of(program));
}
