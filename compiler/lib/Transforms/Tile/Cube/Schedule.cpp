// Chooses how a matmul is cut, by trying every tile and core split and estimating the busiest core's time.
//
// The estimate is the steady state of the timing model: a K step costs the slowest of MTE2, MTE1 and M, an output tile
// one exposed fixpipe unless L0C has two copies. All rates, sizes and heads come from the machine description.
#include <algorithm>
#include <cmath>

#include "lib/Transforms/Tile/Cube/CubeSchedule.h"

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

class Estimate {
 public:
  Estimate(const Shape& shape, const machine::Machine& machine, double macs)
      : s_(shape), chip_(machine.chip), macs_(macs) {}

  // Cycles of one row of `bytes` through MTE2 on an L2 hit.
  double row(double bytes) const { return chip_.dma.request_cycles + bytes / chip_.dma.bytes_per_cycle; }

  // Of the busiest core, in cycles.
  double operator()(const CubeSchedule& c) const {
    const int64_t mt = ceilDiv(s_.m, c.base_m), nt = ceilDiv(s_.n, c.base_n), k = ceilDiv(s_.k, c.split_k);
    const int64_t cb = std::clamp<int64_t>(chip_.aic / c.cores(), 1, s_.b);
    const int64_t share =
        c.deal ? ceilDiv(mt * nt, c.cores_m * c.cores_n) : ceilDiv(mt, c.cores_m) * ceilDiv(nt, c.cores_n);
    const auto tiles = static_cast<double>(share * ceilDiv(s_.b, cb));
    const auto m = static_cast<double>(std::min(c.base_m, up(s_.m, kFractal))),
               n = static_cast<double>(std::min(c.base_n, up(s_.n, kFractal)));
    const auto K = static_cast<double>(up(k, s_.c0)), size = static_cast<double>(s_.size);
    const double mmads = std::ceil(K / static_cast<double>(c.base_k));
    const double cube = mmads * chip_.cube.head_cycles + m * n * K / macs_;
    const double mte1 =
        (m * K * size / chip_.mte1.l0a_bytes_per_cycle + n * K * size / chip_.mte1.l0b_bytes_per_cycle) /
        chip_.mte1.efficiency;
    const double loadA = load(c, m, std::min(c.base_k * c.step_ka, k), s_.transA),
                 loadB = load(c, n, std::min(c.base_k * c.step_kb, k), !s_.transB);
    const double mte2 = std::ceil(static_cast<double>(k) / static_cast<double>(c.base_k * c.step_ka)) * loadA +
                        std::ceil(static_cast<double>(k) / static_cast<double>(c.base_k * c.step_kb)) * loadB;
    const double fix = chip_.fixpipe.head_cycles + m * n * 4 / chip_.fixpipe.bytes_per_cycle;
    const double slowest = c.overlap ? std::max({cube, mte1, mte2}) : cube + mte1 + mte2;
    double tile = slowest + fix, last = 0;  // what is left of fixpipe after the last tile
    if (c.l0c_buffers > 1) {
      tile = std::max(slowest, fix), last = fix;
    } else if (c.unit_flag) {  // fixpipe starts with the last mmad and lets the next one in when a part is out
      const double release =
          chip_.fixpipe.head_cycles + chip_.fixpipe.release_share * m * n * 4 / chip_.fixpipe.bytes_per_cycle;
      tile = std::max(fix, slowest + std::max(0.0, release - cube / mmads));
      last = std::max(0.0, fix - cube / mmads);
    }
    double total = tiles * tile + loadA + loadB + chip_.hbm.miss_latency_cycles + last;
    // All cores together read through the L2.
    const double bytes = static_cast<double>(mt * nt * s_.b * c.split_k) * K * (m + n) * size;
    total = std::max(total, bytes / chip_.l2.read_bytes_per_second * chip_.clock_hz);
    if (c.split_k > 1)  // the partial results are added by a second kernel
      total +=
          chip_.launch.base_ns * 1e-9 * chip_.clock_hz + static_cast<double>(s_.b * s_.m * s_.n * 4 * (c.split_k + 1)) /
                                                             chip_.l2.read_bytes_per_second * chip_.clock_hz;
    return total;
  }

 private:
  // One load of `outer` rows or columns and `depth` of k. In NZ a column block is one burst.
  double load(const CubeSchedule& c, double outer, int64_t depth, bool depthFirst) const {
    const auto deep = static_cast<double>(depth), size = static_cast<double>(s_.size);
    if (!c.nd2nz) return chip_.dma.issue_cycles + deep / static_cast<double>(s_.c0) * row(outer * 32);
    return chip_.dma.issue_cycles + (depthFirst ? deep * row(outer * size) : outer * row(deep * size));
  }

  const Shape& s_;
  const machine::Chip& chip_;
  double macs_;
};

// Fills in base_k and the steps, where the fields leave them open, for a tile; false if it does not fit.
bool fit(CubeSchedule& c, const ScheduleFields& fields, const Shape& s, const machine::Buffers& buffers) {
  if (c.base_m * c.base_n * 4 * c.l0c_buffers > buffers.l0c_bytes) return false;
  const int64_t unit = std::max<int64_t>(s.c0, kFractal), k = ceilDiv(s.k, c.split_k);
  const auto step = fields.find("step_k");
  const auto ka = fields.find("step_ka") ? fields.find("step_ka") : step,
             kb = fields.find("step_kb") ? fields.find("step_kb") : step;
  const int64_t bias = ka && kb ? 0 : 2 * up(c.base_n * 4, 512);  // steps that were asked for know whether there is one
  const int64_t l1 = (buffers.l1_bytes - bias) / c.l1_buffers;
  auto bytesOfStep = [&](int64_t a, int64_t b) { return (c.base_m * a + c.base_n * b) * s.size; };
  auto within = [&](int64_t rows, int64_t bytes) { return bytes / (c.l0_buffers * rows * s.size) / unit * unit; };
  const int64_t most = std::min({within(c.base_m, buffers.l0a_bytes), within(c.base_n, buffers.l0b_bytes),
                                 l1 / std::max<int64_t>(1, bytesOfStep(ka.value_or(1), kb.value_or(1))) / unit * unit});
  c.base_k = fields.get("base_k", std::min({most, up(k, unit), int64_t{256}}));
  if (c.base_k < unit || c.base_k > most) return false;
  // Rows of 512 bytes and more cost no extra requests.
  int64_t steps = std::min(ceilDiv(512 / s.size, c.base_k), ceilDiv(k, c.base_k));
  while (steps > 1 && bytesOfStep(ka.value_or(steps), kb.value_or(steps)) * c.base_k > l1) --steps;
  c.step_ka = ka.value_or(steps), c.step_kb = kb.value_or(steps);
  if (ka && !kb && *ka % c.step_kb) c.step_kb = *ka;
  if (kb && !ka && *kb % c.step_ka) c.step_ka = *kb;
  return c.step_ka >= 1 && c.step_kb >= 1 && bytesOfStep(c.step_ka, c.step_kb) * c.base_k <= l1;
}

// The values that a field is tried with: the one that was asked for, or these.
llvm::SmallVector<int64_t> among(const ScheduleFields& fields, llvm::StringRef field,
                                 llvm::SmallVector<int64_t> otherwise) {
  if (auto forced = fields.find(field)) return {*forced};
  return otherwise;
}

// Multiples of `unit` from 256 down, none that is a whole one more than there is.
llvm::SmallVector<int64_t> tilesOf(int64_t size, int64_t unit) {
  llvm::SmallVector<int64_t> tiles;
  for (int64_t tile = 256; tile >= unit; tile -= unit)
    if (tile - unit < size) tiles.push_back(tile);
  return tiles;
}

}  // namespace

CubeSchedule chooseSchedule(const Contraction& contraction, const machine::Machine& machine,
                            const ScheduleFields& fields) {
  const Shape shape = shapeOf(contraction);
  Estimate estimate(shape, machine, cubeRate(contraction.element, machine).value_or(1024));
  const int64_t cores = machine.chip.aic;

  CubeSchedule start;
#define PHX_CUBE_FIELD(name, Getter, otherwise, least, most) start.name = fields.get(#name, start.name);
#include "lib/Transforms/Tile/Cube/CubeSchedule.def"
  start.step_ka = fields.get("step_ka", fields.get("step_k", start.step_ka));
  start.step_kb = fields.get("step_kb", fields.get("step_k", start.step_kb));
  // What does not fit is told by checkSchedule(); here numbers have to make sense to compute with.
  for (int64_t value :
       {start.base_m, start.base_n, start.base_k, start.step_ka, start.step_kb, start.cores_m, start.cores_n,
        start.split_k, start.l1_buffers, start.l0_buffers, start.l0c_buffers, fields.get("step_k", 1)})
    if (value < 1 || value > 4095) return start;
  // Walk along the operand that is dearer to load again.
  start.n_outer = fields.get("n_outer", shape.n > shape.m ? 1 : 0);

  CubeSchedule best = start;
  double least = HUGE_VAL;
  auto tryCores = [&](CubeSchedule c) {
    const int64_t mt = ceilDiv(shape.m, c.base_m), nt = ceilDiv(shape.n, c.base_n);
    const auto forcedM = fields.find("cores_m"), forcedN = fields.find("cores_n");
    const int64_t most = cores / c.split_k;
    auto consider = [&] {
      c.cores_n = forcedN.value_or(std::max<int64_t>(1, std::min(nt, most / c.cores_m)));
      if (c.cores() > cores) return;
      const double time = estimate(c);
      if (time < least * (1 - 1e-9)) least = time, best = c;
    };
    if (forcedM) {
      c.cores_m = *forcedM;
      return consider();
    }
    for (c.cores_m = 1; c.cores_m <= std::min(mt, std::max<int64_t>(1, most / forcedN.value_or(1))); ++c.cores_m)
      consider();
  };
  auto tryTiles = [&](CubeSchedule c) {
    // Tiles of prepared operands begin with a column block.
    const int64_t block = std::max(shape.c0, kFractal);
    const int64_t unitM = !c.nd2nz && shape.transA ? block : kFractal,
                  unitN = !c.nd2nz && !shape.transB ? block : kFractal;
    // Two accumulators, or one that is handed over by the unit flag; one without it where nothing else is to overlap.
    const bool asked = fields.find("l0c_buffers") || fields.find("unit_flag");
    for (auto [l0c, unit] : {std::pair<int64_t, int64_t>{2, 0}, {1, 1}, {1, 0}, {2, 1}}) {
      if (fields.get("l0c_buffers", l0c) != l0c || fields.get("unit_flag", unit) != unit) continue;
      if (!asked && (c.overlap ? l0c + unit != 2 : l0c + unit != 1)) continue;
      for (int64_t sk : among(fields, "split_k", {1, 2, 4, 8}))
        for (int64_t bm : among(fields, "base_m", tilesOf(shape.m, unitM)))
          for (int64_t bn : among(fields, "base_n", tilesOf(shape.n, unitN))) {
            c.base_m = bm, c.base_n = bn, c.split_k = sk, c.l0c_buffers = l0c, c.unit_flag = unit;
            if (sk > 1 && !fields.find("split_k") && (shape.k / sk < 512 || sk > cores)) continue;
            if (fit(c, fields, shape, machine.chip.buffers)) tryCores(c);
          }
    }
  };
  // Two copies in L1 and L0 as long as they fit.
  for (int64_t l0 :
       among(fields, "l0_buffers", start.overlap ? llvm::SmallVector<int64_t>{2, 1} : llvm::SmallVector<int64_t>{1}))
    for (int64_t l1 : among(fields, "l1_buffers",
                            start.overlap ? llvm::SmallVector<int64_t>{2, 1} : llvm::SmallVector<int64_t>{1})) {
      if (least < HUGE_VAL) break;
      CubeSchedule c = start;
      c.l0_buffers = l0, c.l1_buffers = l1;
      tryTiles(c);
    }
  return best;
}

}  // namespace phx::compiler
