// Matrix products of published Ascend C tuning rows on the simulated Ascend 910B1, timing only: prints simulated and
// published times. With the argument `synccheck` the order between pipes is checked as well. The schedules are those
// that the rows state, written out as kernels for the cube cores.
#include <cstdio>
#include <string>

#include "tests/validation/tile_run.h"

using namespace phx;
using namespace phx::sim;

namespace {

struct Case {
  const char* name;
  uint32_t m, n, k;         // of the product, f16 in, f32 out
  uint32_t tm, tn, tk;      // base block
  uint32_t grid_m, grid_n;  // cores
  unsigned buffers;         // of L1 and L0; 1: load, L1 to L0 and mmad one after the other
  bool warm;                // operands are in the L2
  const char* clock;
  double published_us;
};
// A as [M, K], B as [K, N]; the 8192 cubed rows are of the Ascend C tutorial, the others of the matmul tuning cases.
constexpr Case kCases[] = {
    {"8192^3, 24 cores, one buffer, 128x256x64", 8192, 8192, 8192, 128, 256, 64, 4, 6, 1, false, "1.85GHz", 12284},
    {"8192^3, 24 cores, two buffers, 128x256x64", 8192, 8192, 8192, 128, 256, 64, 4, 6, 2, false, "1.85GHz", 5040},
    {"4096x5120x4096, 20 cores, 64x64x256", 4096, 4096, 5120, 64, 64, 256, 4, 5, 2, true, "1.8GHz", 2532},
    {"4096x5120x4096, 4 cores, 64x64x256", 4096, 4096, 5120, 64, 64, 256, 2, 2, 2, true, "1.8GHz", 12045},
};

std::string text(uint64_t value) { return std::to_string(value); }

// Contiguous runs of tiles for each core, rows outside, columns inside.
std::string kernel(const Case& c, const std::string& digest) {
  const uint64_t a_bytes = uint64_t{c.tm} * c.tk * 2, b_bytes = uint64_t{c.tn} * c.tk * 2;
  const uint64_t tiles_m = c.m / c.tm, tiles_n = c.n / c.tn, blocks_k = c.k / c.tk;
  const uint64_t rows = (tiles_m + c.grid_m - 1) / c.grid_m, columns = (tiles_n + c.grid_n - 1) / c.grid_n;
  std::string s = ".target aic \"" + digest + "\"\n.kernel gemm aic\n.param a 8 ptr\n.param b 8 ptr\n.param c 8 ptr\n";
  auto line = [&](const std::string& instruction) { s += " " + instruction + "\n"; };
  const std::string loads_wait_for = c.buffers > 1 ? "mte1" : "m";
  auto label = [&](const std::string& name) { s += name + ":\n"; };
  line("ld.param.b64 s0, [a]");
  line("ld.param.b64 s1, [b]");
  line("ld.param.b64 s2, [c]");
  line("rdsr.block_idx.u64 s3");
  line("div.u64 s4, s3, " + text(c.grid_n));
  line("rem.u64 s5, s3, " + text(c.grid_n));
  line("mul.u64 s6, s4, " + text(rows));     // first tile row
  line("mul.u64 s7, s5, " + text(columns));  // first tile column
  line("add.u64 s8, s6, " + text(rows));
  line("min.u64 s8, s8, " + text(tiles_m));
  line("add.u64 s9, s7, " + text(columns));
  line("min.u64 s9, s9, " + text(tiles_n));
  line("mov.b64 s20, " + text(c.tm | uint64_t{c.tk} << 16 | uint64_t{c.tm} << 32));  // a: rows, columns, pitch
  line("mov.b64 s21, " + text(c.tk | uint64_t{c.tn} << 16 | uint64_t{c.tk} << 32));  // b
  line("mov.b64 s22, " + text(uint64_t{c.k} * 2));
  line("mov.b64 s23, " + text(uint64_t{c.n} * 2));
  line("mov.b64 s24, " + text(c.tm / 16 | uint64_t{c.tk} / 16 << 16 | uint64_t{c.tm} << 32));
  line("mov.b64 s25, " + text(c.tn / 16 | uint64_t{c.tk} / 16 << 16 | uint64_t{c.tk} << 32));
  line("mov.b64 s26, " + text(c.tm | uint64_t{c.tk} << 12 | uint64_t{c.tn} << 24));
  line("mov.b64 s27, " + text(c.tm | uint64_t{c.tn} << 12 | uint64_t{c.tm} / 16 << 24));
  line("mov.b64 s28, " + text(uint64_t{c.n} * 4));
  for (unsigned event = 0; event < c.buffers; ++event) {
    line("set_flag." + loads_wait_for + ".mte2 " + text(event));
    line("set_flag.m.mte1 " + text(event));
  }
  line("set_flag.fix.m 0");
  label("row");
  line("mov.b64 s10, s7");
  label("column");
  line("mul.u64 s11, s6, " + text(uint64_t{c.tm} * c.k * 2));
  line("add.u64 s11, s11, s0");  // a
  line("mul.u64 s12, s10, " + text(uint64_t{c.tn} * 2));
  line("add.u64 s12, s12, s1");  // b
  line("mul.u64 s13, s6, " + text(uint64_t{c.tm} * c.n * 4));
  line("mad.u64 s13, s10, " + text(uint64_t{c.tn} * 4) + ", s13");
  line("add.u64 s13, s13, s2");  // c
  line("mov.b64 s14, zero");     // block
  line("mov.b64 s15, zero");     // buffer
  line("wait_flag.fix.m 0");
  label("deep");
  line("mul.u64 s16, s15, " + text(a_bytes));
  line("mul.u64 s17, s15, " + text(b_bytes));
  line("add.u64 s18, s17, " + text(2 * a_bytes));
  line("wait_flag." + loads_wait_for + ".mte2 s15");
  line("dma_nd2nz.f16 s16, s11, s20, s22");
  line("dma_nd2nz.f16 s18, s12, s21, s23");
  line("set_flag.mte2.mte1 s15");
  line("wait_flag.mte2.mte1 s15");
  line("wait_flag.m.mte1 s15");
  line("l1_l0a.f16 s16, s16, s24");
  line("l1_l0b.trans.f16 s17, s18, s25");
  if (c.buffers > 1) line("set_flag.mte1.mte2 s15");
  line("set_flag.mte1.m s15");
  line("wait_flag.mte1.m s15");
  line("setp.eq.u64 p0, s14, zero");
  line("sel.b64 s19, " + text(uint64_t{1} << 36) + ", zero, p0");
  line("or.b64 s19, s19, s26");
  line("mmad.f16 zero, s16, s17, s19");
  line("set_flag.m.mte1 s15");
  if (c.buffers == 1) line("set_flag.m.mte2 s15");
  line("add.u64 s11, s11, " + text(c.tk * 2));
  line("add.u64 s12, s12, " + text(uint64_t{c.tk} * c.n * 2));
  line("add.u64 s14, s14, 1");
  if (c.buffers > 1) line("xor.b64 s15, s15, 1");
  line("setp.lt.u64 p1, s14, " + text(blocks_k));
  line("bra deep, p1");
  line("set_flag.m.fix 0");
  line("wait_flag.m.fix 0");
  line("fixpipe.gm.f32.f32 s13, zero, s27, s28");
  line("set_flag.fix.m 0");
  line("add.u64 s10, s10, 1");
  line("setp.lt.u64 p1, s10, s9");
  line("bra column, p1");
  line("add.u64 s6, s6, 1");
  line("setp.lt.u64 p1, s6, s8");
  line("bra row, p1");
  line("exit");
  return s;
}

}  // namespace

int main(int count, char** arguments_given) {
  const bool check = count > 1 && std::string(arguments_given[1]) == "synccheck";
  for (const Case& c : kCases) {
    const uint32_t cores = c.grid_m * c.grid_n;
    const validation::Run run = validation::run(
        {std::string("chip.clock=") + c.clock}, [&](const std::string& digest) { return kernel(c, digest); },
        {uint64_t{c.m} * c.k * 2, uint64_t{c.k} * c.n * 2, uint64_t{c.m} * c.n * 4}, cores, c.warm, check);
    if (!run.error.empty()) return std::fprintf(stderr, "gemm_910b: %s: %s\n", c.name, run.error.c_str()), 1;
    validation::print(c.name, run, c.published_us, cores, {"m", "mte1", "mte2", "fix"});
  }
}
