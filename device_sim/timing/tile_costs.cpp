#include "device_sim/timing/tile_costs.h"

#include "device_sim/isa/fields.h"
#include "device_sim/isa/table.h"

namespace phx::sim::timing {
namespace {

constexpr uint64_t kTwoSources = uint64_t{1} << 63, kReducesRows = uint64_t{1} << 62;
constexpr uint64_t kPlaceMask = (uint64_t{1} << 20) - 1;

uint64_t blocks(uint64_t x, uint64_t n) { return (x + n - 1) / n; }

std::string_view function_of(const isa::Instruction& instruction, const isa::RowInfo& row) {
  if (row.layout != isa::Layout::VecMath) return {};
  for (const isa::MathFunction& function : isa::math_functions())
    if (function.code == isa::field::VecMath::get_fn(instruction)) return function.name;
  return {};
}

std::string_view combiner_of(isa::Opcode op) {
  switch (op) {
    case isa::Opcode::Vcadd:
      return "vadd";
    case isa::Opcode::Vcmax:
      return "vmax";
    case isa::Opcode::Vcmin:
      return "vmin";
    default:
      return {};
  }
}

}  // namespace

TileCosts::TileCosts(const machine::Machine& machine, std::span<const isa::Instruction> code)
    : chip_(&machine.chip), vectors_(code.size()) {
  for (size_t i = 0; i < code.size(); ++i) {
    const isa::RowInfo* row = isa::row(code[i].op);
    if (!row || (row->family != isa::Family::vec && row->op != isa::Opcode::SetQuant)) continue;
    const machine::Vector& vector = machine.chip.vector;
    const std::string_view group = code[i].type == isa::Type::F16 ? "f16" : std::string_view();
    auto overhead = [](const machine::VectorTiming& t) { return ticks_of_cycles(t.head_cycles + t.tail_cycles); };
    auto slope = [](const machine::VectorTiming& t) { return ticks_of_cycles(t.slope_cycles); };
    auto apart = [&](const machine::VectorTiming& t) {
      return std::min(slope(t), ticks_of_cycles(std::max(1.0, t.slope_cycles - vector.conflict_cycles)));
    };
    const machine::VectorTiming& numbers =
        machine::timing_of(vector.timing, row->timing, function_of(code[i], *row), group);
    Vector& cost = vectors_[i];
    cost.overhead = overhead(numbers);
    cost.slope = slope(numbers);
    cost.apart = apart(numbers);
    if (const std::string_view combiner = combiner_of(code[i].op); !combiner.empty()) {
      const machine::VectorTiming& fold = machine::timing_of(vector.timing, combiner, {}, group);
      cost.fold_overhead = vector.max_repeats ? overhead(fold) : 0;
      cost.fold_slope = slope(fold);
      cost.fold_apart = apart(fold);
    }
  }
}

Ticks TileCosts::load(isa::Opcode op, uint64_t bytes) const {
  const machine::Mte1& mte1 = chip_->mte1;
  if (op == isa::Opcode::L1Bt) return ticks_of_cycles(double(bytes) / mte1.bt_bytes_per_cycle);
  const double nominal = op == isa::Opcode::L1L0a ? mte1.l0a_bytes_per_cycle : mte1.l0b_bytes_per_cycle;
  return ticks_of_cycles(double(bytes) / (mte1.efficiency * nominal));
}

Ticks TileCosts::multiply(isa::Type type, MatrixShape shape, bool idle) const {
  const isa::TypeInfo& info = isa::info(type);
  auto rate = chip_->cube.macs_per_cycle.find(info.name);
  const uint64_t deep = 256 / std::max(1u, unsigned{info.bits});  // elements in the 32 bytes of a block's k side
  const double cycles = rate == chip_->cube.macs_per_cycle.end() ? 1 : double(16 * 16 * deep) / rate->second;
  const uint64_t count = blocks(shape.m, 16) * blocks(shape.n, 16) * blocks(shape.k, deep);
  return ticks_of_cycles(chip_->cube.head_cycles + (idle ? chip_->cube.idle_start_cycles : 0) + double(count) * cycles);
}

Ticks TileCosts::drain(uint64_t elements) const {
  return ticks_of_cycles(chip_->fixpipe.head_cycles + double(elements) * 4 / chip_->fixpipe.bytes_per_cycle);
}

Ticks TileCosts::release(uint64_t elements) const {
  const machine::Fixpipe& fix = chip_->fixpipe;
  return ticks_of_cycles(fix.head_cycles + fix.release_share * double(elements) * 4 / fix.bytes_per_cycle);
}

uint64_t TileCosts::instructions(uint64_t repeats) const {
  const auto most = static_cast<uint64_t>(chip_->vector.max_repeats);
  return most ? std::max<uint64_t>(1, blocks(repeats, most)) : 1;
}

// A row of several repeats is halved until it is one, the halves added (compared) element by element. In the last of
// these folds the halves are one repeat apart, which keeps them in different bank groups.
Ticks TileCosts::reduction(const Vector& cost, uint64_t repeats, uint64_t rows) const {
  Ticks time = static_cast<Ticks>(instructions(rows)) * cost.overhead + static_cast<Ticks>(rows) * cost.slope;
  for (uint64_t width = rows ? blocks(repeats, rows) : 0; width > 1; width = blocks(width, 2)) {
    const uint64_t folded = rows * (width / 2);
    time += static_cast<Ticks>(instructions(folded)) * cost.fold_overhead +
            static_cast<Ticks>(folded) * (width == 2 ? cost.fold_apart : cost.fold_slope);
  }
  return time;
}

// Bank groups take turns every 32 bytes, so a repeat of 256 bytes touches eight neighbours from where it begins.
Ticks TileCosts::vector(uint32_t instruction, uint64_t repeats, uint64_t places) const {
  const Vector& cost = vectors_[instruction];
  if (places & kReducesRows && !(places & kTwoSources)) return reduction(cost, repeats, places & 0xFFFFFFFF);
  Ticks slope = cost.slope;
  if (places & kTwoSources) {
    const auto groups = static_cast<uint64_t>(std::max<int64_t>(1, chip_->buffers.ub_bank_groups));
    const uint64_t width = static_cast<uint64_t>(chip_->vector.repeat_bytes) / 32;
    const uint64_t a = places & kPlaceMask, b = places >> 20 & kPlaceMask;
    const uint64_t apart = (b + groups - a % groups) % groups;
    if (apart >= width && groups - apart >= width) slope = cost.apart;
  }
  return static_cast<Ticks>(instructions(repeats)) * cost.overhead + static_cast<Ticks>(repeats) * slope;
}

}  // namespace phx::sim::timing
