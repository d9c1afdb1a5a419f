// z = x + y of 8192 x 8192 halves, as the Ascend C tutorial tunes it on the Ascend 910B1: block size, double buffering,
// bank groups. Prints simulated and published times. With the argument `synccheck` the order between pipes is checked
// as well.
#include <cstdio>
#include <string>

#include "tests/validation/tile_run.h"

using namespace phx;
using namespace phx::sim;

namespace {

struct Case {
  const char* name;
  uint32_t cores, block_bytes;
  unsigned buffers;
  uint32_t apart;  // bytes between the bank groups of x and y
  double published_us;
};
constexpr Case kCases[] = {
    {"1 core, 8 KB blocks", 1, 8192, 1, 0, 6909.6},
    {"48 cores, 8 KB blocks", 48, 8192, 1, 0, 306.6},
    {"48 cores, 32 KB blocks", 48, 32768, 1, 0, 268.5},
    {"48 cores, 30.5 KB blocks, two buffers", 48, 31232, 2, 0, 264},
    {"the same, no bank conflicts", 48, 31232, 2, 256, 184.5},
};
constexpr uint64_t kBytes = uint64_t{8192} * 8192 * 2;

std::string text(uint64_t value) { return std::to_string(value); }

std::string kernel(const Case& c, const std::string& digest) {
  const uint64_t blocks = kBytes / c.block_bytes;  // what does not fill a block is left out
  const uint64_t z = c.block_bytes, y = 2 * uint64_t{c.block_bytes} + c.apart, set = y + c.block_bytes + 512 - c.apart;
  std::string s = ".target aiv \"" + digest + "\"\n.kernel add aiv\n.param x 8 ptr\n.param y 8 ptr\n.param z 8 ptr\n";
  auto line = [&](const std::string& instruction) { s += " " + instruction + "\n"; };
  line("ld.param.b64 s0, [x]");
  line("ld.param.b64 s1, [y]");
  line("ld.param.b64 s2, [z]");
  line("rdsr.block_idx.u64 s3");
  line("mov.b64 s4, zero");  // set of buffers
  line("mov.b64 s5, " + text(uint64_t{c.block_bytes} << 16 | 1));
  line("mov.b64 s6, " + text(c.block_bytes / 2 | 1 << 16));
  for (unsigned event = 0; event < c.buffers; ++event) {
    line("set_flag.v.mte2 " + text(event));
    line("set_flag.mte3.v " + text(event));
  }
  s += "next:\n";
  line("mul.u64 s7, s3, " + text(c.block_bytes));
  line("add.u64 s8, s0, s7");
  line("add.u64 s9, s1, s7");
  line("add.u64 s10, s2, s7");
  line("mul.u64 s11, s4, " + text(set));  // x
  line("add.u64 s12, s11, " + text(y));
  line("add.u64 s13, s11, " + text(z));
  line("wait_flag.v.mte2 s4");
  line("dma_gm_ub s11, s8, s5, zero");
  line("dma_gm_ub s12, s9, s5, zero");
  line("set_flag.mte2.v s4");
  line("wait_flag.mte2.v s4");
  line("wait_flag.mte3.v s4");
  line("vadd.f16 s13, s11, s12, s6");
  line("set_flag.v.mte2 s4");
  line("set_flag.v.mte3 s4");
  line("wait_flag.v.mte3 s4");
  line("dma_ub_gm s10, s13, s5, zero");
  line("set_flag.mte3.v s4");
  if (c.buffers > 1) line("xor.b64 s4, s4, 1");
  line("add.u64 s3, s3, " + text(c.cores));
  line("setp.lt.u64 p0, s3, " + text(blocks));
  line("bra next, p0");
  line("exit");
  return s;
}

}  // namespace

int main(int count, char** given) {
  const bool check = count > 1 && std::string(given[1]) == "synccheck";
  for (const Case& c : kCases) {
    const validation::Run run = validation::run(
        {}, [&](const std::string& digest) { return kernel(c, digest); }, {kBytes, kBytes, kBytes}, c.cores, true,
        check);
    if (!run.error.empty()) return std::fprintf(stderr, "vector_add_910b: %s: %s\n", c.name, run.error.c_str()), 1;
    validation::print(c.name, run, c.published_us, c.cores, {"v", "mte2", "mte3"});
  }
}
