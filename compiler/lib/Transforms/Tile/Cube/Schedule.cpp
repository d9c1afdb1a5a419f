// Chooses how a matmul is cut, by trying every tile and core split and estimating the busiest core's time.
//
// The estimate is the steady state of the timing model: a K step costs the slowest of MTE2, MTE1 and M, an output tile
// one exposed fixpipe unless L0C has two copies. All rates, sizes and heads come from the machine description.
#include <algorithm>
#include <cmath>

#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Cube/Contraction.h"
#include "lib/Transforms/Tile/Tile.h"

namespace phx::compiler {
namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t up(int64_t a, int64_t b) { return ceilDiv(a, b) * b; }
constexpr int64_t kFractal = 16;  // rows or columns of a fractal

struct Shape {
  int64_t b, m, n, k, size, c0;
  bool transA, transB;
};
Shape shapeOf(const Contraction& c) {
  int64_t size = std::max<int64_t>(1, c.element.getIntOrFloatBitWidth() / 8);
  return {c.b, c.m, c.n, c.k, size, 32 / size, c.a.trans, c.rhs.trans};
}

struct Choice {
  int64_t bm = 16, bn = 16, bk = 16, step = 1, cm = 1, cn = 1, sk = 1;
  bool nOuter = false;
  int64_t l1 = 2, l0 = 2, l0c = 1;
};

std::string typeName(mlir::Type type) {
  if (type.isF16()) return "f16";
  if (type.isBF16()) return "bf16";
  return type.isF32() ? "f32" : "s8";
}

class Estimate {
 public:
  Estimate(const Shape& shape, const machine::Machine& machine, double macs)
      : s_(shape), chip_(machine.chip), macs_(macs) {}

  // Cycles of one row of `bytes` through MTE2 on an L2 hit.
  double row(double bytes) const {
    double packets = std::ceil(bytes / static_cast<double>(chip_.dma.packet_bytes));
    return std::max(packets * chip_.dma.request_cycles, bytes / chip_.dma.bytes_per_cycle);
  }

  double operator()(const Choice& c) const {
    const int64_t mt = ceilDiv(s_.m, c.bm), nt = ceilDiv(s_.n, c.bn), k = ceilDiv(s_.k, c.sk);
    const int64_t cb = std::clamp<int64_t>(chip_.aic / (c.cm * c.cn * c.sk), 1, s_.b);
    const auto tiles = static_cast<double>(ceilDiv(mt, c.cm) * ceilDiv(nt, c.cn) * ceilDiv(s_.b, cb));
    const auto m = static_cast<double>(std::min(c.bm, up(s_.m, kFractal))),
               n = static_cast<double>(std::min(c.bn, up(s_.n, kFractal)));
    const auto K = static_cast<double>(up(k, s_.c0)), size = static_cast<double>(s_.size);
    const double cube = std::ceil(K / static_cast<double>(c.bk)) * chip_.cube.head_cycles + m * n * K / macs_;
    const double mte1 =
        (m * K * size / chip_.mte1.l0a_bytes_per_cycle + n * K * size / chip_.mte1.l0b_bytes_per_cycle) /
        chip_.mte1.efficiency;
    const double step = static_cast<double>(std::min(c.bk * c.step, k));
    const double steps = std::ceil(static_cast<double>(k) / step);
    const double loadA = s_.transA ? step * row(m * size) : m * row(step * size);
    const double loadB = s_.transB ? n * row(step * size) : step * row(n * size);
    const double mte2 = steps * (loadA + loadB + 2 * chip_.dma.issue_cycles);
    const double fix = chip_.fixpipe.head_cycles + m * n * 4 / chip_.fixpipe.bytes_per_cycle;
    const double slowest = std::max({cube, mte1, mte2});
    const double tile = c.l0c > 1 ? std::max(slowest, fix) : slowest + fix;
    double total = tiles * tile + loadA + loadB + chip_.hbm.miss_latency_cycles + (c.l0c > 1 ? fix : 0);
    // All cores together read through the L2.
    const double bytes = static_cast<double>(mt * nt * s_.b * c.sk) * K * (m + n) * size;
    total = std::max(total, bytes / chip_.l2.read_bytes_per_second * chip_.clock_hz);
    if (c.sk > 1)  // the partial results are added by a second kernel
      total += chip_.launch.base_ns * 1e-9 * chip_.clock_hz + static_cast<double>(s_.b * s_.m * s_.n * 4 * (c.sk + 1)) /
                                                                  chip_.l2.read_bytes_per_second * chip_.clock_hz;
    return total;
  }

 private:
  const Shape& s_;
  const machine::Chip& chip_;
  double macs_;
};

// Fills in base_k and step_k for a tile; false if it does not fit.
bool fit(Choice& c, const Shape& s, const machine::Buffers& buffers) {
  if (up(c.bm, kFractal) * up(c.bn, kFractal) * 4 * c.l0c > buffers.l0c_bytes) return false;
  const int64_t unit = std::max<int64_t>(s.c0, kFractal);
  auto within = [&](int64_t rows, int64_t bytes) { return bytes / (c.l0 * rows * s.size) / unit * unit; };
  c.bk = std::min(
      {within(c.bm, buffers.l0a_bytes), within(c.bn, buffers.l0b_bytes), up(ceilDiv(s.k, c.sk), unit), int64_t{256}});
  if (c.bk < unit) return false;
  const int64_t l1 = buffers.l1_bytes - 2 * up(c.bn * 4, 512);  // room for the bias row
  const int64_t most = l1 / (c.l1 * (c.bm + c.bn) * s.size) / c.bk;
  if (most < 1) return false;
  // Rows of 512 bytes and more cost no extra requests.
  c.step = std::clamp<int64_t>(ceilDiv(512 / s.size, c.bk), 1, std::min(most, ceilDiv(ceilDiv(s.k, c.sk), c.bk)));
  return true;
}

}  // namespace

npu::ScheduleAttr chooseSchedule(const Contraction& contraction, const machine::Machine& machine,
                                 mlir::MLIRContext* context) {
  const Shape shape = shapeOf(contraction);
  auto rate = machine.chip.cube.macs_per_cycle.find(typeName(contraction.element));
  const double macs = rate == machine.chip.cube.macs_per_cycle.end() ? 1024 : rate->second;
  Estimate estimate(shape, machine, macs);
  Choice best;
  double least = HUGE_VAL;
  const int64_t cores = machine.chip.aic;
  for (int64_t l0c : {2, 1})
    for (int64_t sk : {1, 2, 4, 8})
      for (int64_t bm = 256; bm >= kFractal; bm -= kFractal) {
        if (bm - kFractal >= shape.m) continue;
        for (int64_t bn = 256; bn >= kFractal; bn -= kFractal) {
          if (bn - kFractal >= shape.n) continue;
          Choice c;
          c.bm = bm, c.bn = bn, c.sk = sk, c.l0c = l0c;
          if (sk > 1 && (shape.k / sk < 512 || sk > cores)) continue;
          if (!fit(c, shape, machine.chip.buffers)) continue;
          const int64_t mt = ceilDiv(shape.m, bm), nt = ceilDiv(shape.n, bn);
          for (c.cm = 1; c.cm <= std::min(mt, cores / sk); ++c.cm) {
            c.cn = std::min(nt, cores / sk / c.cm);
            double time = estimate(c);
            if (time < least * (1 - 1e-9)) least = time, best = c;
          }
        }
      }
  // Walk along the operand that is dearer to load again.
  best.nOuter = shape.n > shape.m;
  return npu::ScheduleAttr::get(context, best.bm, best.bn, best.bk, best.step, best.cm, best.cn, best.sk, best.nOuter,
                                best.l1, best.l0, best.l0c, /*unit_flag=*/false, /*nd2nz=*/true);
}

int64_t depthOfPart(const Contraction& contraction, int64_t parts) {
  const int64_t unit = std::max<int64_t>(kFractal, 256 / contraction.element.getIntOrFloatBitWidth());
  return up(ceilDiv(contraction.k, parts), unit);
}

Outcome checkSchedule(npu::ScheduleAttr s, const Contraction& contraction, const machine::Machine& machine,
                      mlir::Location location) {
  const Shape shape = shapeOf(contraction);
  const machine::Buffers& buffers = machine.chip.buffers;
  auto fail = [&](const std::string& why) { return errorAt(location, "schedule: " + why); };
  auto positive = [](int64_t value) { return value > 0 && value <= 4095; };
  if (!positive(s.getBaseM()) || !positive(s.getBaseN()) || !positive(s.getBaseK()) || s.getBaseM() % kFractal ||
      s.getBaseN() % kFractal || s.getBaseK() % std::max(shape.c0, kFractal))
    return fail("base_m and base_n are multiples of 16, base_k of " + std::to_string(std::max(shape.c0, kFractal)) +
                ", from there to 4095");
  for (int64_t buffered : {s.getL1Buffers(), s.getL0Buffers(), s.getL0cBuffers()})
    if (buffered != 1 && buffered != 2) return fail("l1_buffers, l0_buffers and l0c_buffers are 1 or 2");
  if (s.getUnitFlag()) return fail("unit_flag is not supported yet");
  if (!s.getNd2nz()) return fail("nd2nz=false is not supported yet: operands lie row-major");
  if (s.getStepK() < 1 || s.getCoresM() < 1 || s.getCoresN() < 1 || s.getSplitK() < 1)
    return fail("step_k, cores_m, cores_n and split_k are at least 1");
  if (s.getCoresM() * s.getCoresN() * s.getSplitK() > machine.chip.aic)
    return fail("cores_m * cores_n * split_k is more than the " + std::to_string(machine.chip.aic) + " cube cores");
  if ((s.getSplitK() - 1) * depthOfPart(contraction, s.getSplitK()) >= contraction.k)
    return fail("split_k leaves parts of k = " + std::to_string(contraction.k) + " empty");
  auto need = [&](const char* name, int64_t bytes, int64_t room) {
    return fail(std::string(name) + " would need " + std::to_string(bytes) + " bytes of " + std::to_string(room));
  };
  const int64_t l0a = s.getL0Buffers() * s.getBaseM() * s.getBaseK() * shape.size;
  if (l0a > buffers.l0a_bytes) return need("L0A", l0a, buffers.l0a_bytes);
  const int64_t l0b = s.getL0Buffers() * s.getBaseN() * s.getBaseK() * shape.size;
  if (l0b > buffers.l0b_bytes) return need("L0B", l0b, buffers.l0b_bytes);
  const int64_t l0c = s.getL0cBuffers() * s.getBaseM() * s.getBaseN() * 4;
  if (l0c > buffers.l0c_bytes) return need("L0C", l0c, buffers.l0c_bytes);
  const int64_t l1 = s.getL1Buffers() * (s.getBaseM() + s.getBaseN()) * s.getBaseK() * s.getStepK() * shape.size;
  if (l1 > buffers.l1_bytes) return need("L1", l1, buffers.l1_bytes);
  return {};
}

llvm::ArrayRef<llvm::StringLiteral> cubeScheduleFields() {
  static constexpr llvm::StringLiteral kFields[] = {"base_m",      "base_n",    "base_k",  "step_k",     "cores_m",
                                                    "cores_n",     "split_k",   "n_outer", "l1_buffers", "l0_buffers",
                                                    "l0c_buffers", "unit_flag", "nd2nz"};
  return kFields;
}

Outcome scheduleCubeGroup(npu::GroupOp group, const machine::Machine& machine, const ScheduleFields& fields) {
  auto contraction = analyseContraction(group);
  if (!contraction) return contraction.diagnostic();
  npu::ScheduleAttr s = group.getScheduleAttr();
  if (!s) s = chooseSchedule(*contraction, machine, group.getContext());
  auto get = [&](const char* name, int64_t chosen) { return fields.get(name, chosen); };
  // Of a short k there are fewer parts: a field holds for every product of a program.
  int64_t parts = get("split_k", s.getSplitK());
  if (parts > 1) parts = ceilDiv(contraction->k, depthOfPart(*contraction, parts));
  s = npu::ScheduleAttr::get(
      group.getContext(), get("base_m", s.getBaseM()), get("base_n", s.getBaseN()), get("base_k", s.getBaseK()),
      get("step_k", s.getStepK()), get("cores_m", s.getCoresM()), get("cores_n", s.getCoresN()), parts,
      get("n_outer", s.getNOuter()) != 0, get("l1_buffers", s.getL1Buffers()), get("l0_buffers", s.getL0Buffers()),
      get("l0c_buffers", s.getL0cBuffers()), get("unit_flag", s.getUnitFlag()) != 0, get("nd2nz", s.getNd2nz()) != 0);
  auto outcome = checkSchedule(s, *contraction, machine, group.getLoc());
  group.setScheduleAttr(s);
  return outcome;
}

}  // namespace phx::compiler
