#include "lib/Transforms/Tile/Cube/CubeSchedule.h"

#include "lib/Transforms/Phases.h"

namespace phx::compiler {

namespace {

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t kFractal = 16;  // rows or columns of a fractal

int64_t elementBytes(const Contraction& c) { return std::max<int64_t>(1, c.element.getIntOrFloatBitWidth() / 8); }
// k of a fractal: its 32 bytes, and 16 where a transposing load turns rows into columns.
int64_t depthUnit(const Contraction& c) { return std::max<int64_t>(kFractal, 32 / elementBytes(c)); }

struct Field {
  const char* name;
  int64_t CubeSchedule::* value;
  int64_t least, most;
};
constexpr Field kFields[] = {
#define PHX_CUBE_FIELD(name, Getter, otherwise, least, most) {#name, &CubeSchedule::name, least, most},
#include "lib/Transforms/Tile/Cube/CubeSchedule.def"
};

}  // namespace

CubeSchedule CubeSchedule::of(npu::ScheduleAttr attribute) {
  CubeSchedule s;
#define PHX_CUBE_FIELD(name, Getter, otherwise, least, most) s.name = attribute.get##Getter();
#include "lib/Transforms/Tile/Cube/CubeSchedule.def"
  return s;
}

npu::ScheduleAttr CubeSchedule::attribute(mlir::MLIRContext* context) const {
  return npu::ScheduleAttr::get(context, base_m, base_n, base_k, step_ka, step_kb, cores_m, cores_n, split_k,
                                l1_buffers, l0_buffers, l0c_buffers, n_outer, unit_flag, nd2nz, overlap, deal,
                                core_order, l2_m, l2_n, k_stagger, mix, split_add);
}

// step_k stands for step_ka and step_kb together.
llvm::ArrayRef<llvm::StringLiteral> cubeScheduleFields() {
  static constexpr llvm::StringLiteral kNames[] = {
#define PHX_CUBE_FIELD(name, Getter, otherwise, least, most) #name,
#include "lib/Transforms/Tile/Cube/CubeSchedule.def"
      "step_k"};
  return kNames;
}

std::optional<double> cubeRate(mlir::Type element, const machine::Machine& machine) {
  const char* name = llvm::isa<mlir::Float8E4M3FNType>(element) ? "e4m3"
                     : llvm::isa<mlir::Float8E5M2Type>(element) ? "e5m2"
                     : element.isF16()                          ? "f16"
                     : element.isBF16()                         ? "bf16"
                     : element.isF32()                          ? "f32"
                                                                : "s8";
  auto rate = machine.chip.cube.macs_per_cycle.find(name);
  if (rate == machine.chip.cube.macs_per_cycle.end()) return std::nullopt;
  return rate->second;
}

int64_t depthOfPart(const Contraction& contraction, int64_t parts) {
  const int64_t unit = depthUnit(contraction);
  return ceilDiv(ceilDiv(contraction.k, parts), unit) * unit;
}

Outcome checkSchedule(const CubeSchedule& s, const Contraction& contraction, const machine::Machine& machine,
                      mlir::Location location) {
  if (!cubeRate(contraction.element, machine)) {
    std::string type;
    llvm::raw_string_ostream(type) << contraction.element;
    return errorAt(location, "the cube of " + machine.name + " does not multiply " + type);
  }
  const machine::Buffers& buffers = machine.chip.buffers;
  const int64_t size = elementBytes(contraction);
  auto fail = [&](const std::string& why) { return errorAt(location, "schedule: " + why); };
  auto text = [](int64_t number) { return std::to_string(number); };
  for (const Field& field : kFields)
    if (s.*field.value < field.least || s.*field.value > field.most)
      return fail(std::string(field.name) + " is " + text(field.least) + " to " + text(field.most) + ", not " +
                  text(s.*field.value));
  if (s.base_m % kFractal) return fail("base_m is a multiple of 16, not " + text(s.base_m));
  if (s.base_n % kFractal) return fail("base_n is a multiple of 16, not " + text(s.base_n));
  if (s.base_k % depthUnit(contraction))
    return fail("base_k is a multiple of " + text(depthUnit(contraction)) + ", not " + text(s.base_k));
  if (s.step_ka % s.step_kb && s.step_kb % s.step_ka)
    return fail("one of step_ka and step_kb is a multiple of the other, not " + text(s.step_ka) + " and " +
                text(s.step_kb));
  // Tiles of prepared operands begin with a column block.
  const int64_t block = 32 / size;
  if (!s.nd2nz && ((contraction.a.trans && s.base_m % block) || (!contraction.rhs.trans && s.base_n % block)))
    return fail("nd2nz=0 needs base_m (A transposed) and base_n (B not) in multiples of " + text(block));
  if (!s.overlap && (s.l1_buffers != 1 || s.l0_buffers != 1))
    return fail("overlap=0 goes with l1_buffers=1 and l0_buffers=1");
  if (s.cores() > machine.chip.aic)
    return fail("cores_m * cores_n * split_k is more than the " + text(machine.chip.aic) + " cube cores");
  if ((s.split_k - 1) * depthOfPart(contraction, s.split_k) >= contraction.k)
    return fail("split_k leaves parts of k = " + text(contraction.k) + " empty");
  auto need = [&](const char* name, int64_t bytes, int64_t room) {
    return fail(std::string(name) + " would need " + text(bytes) + " bytes of " + text(room));
  };
  const int64_t l0a = s.l0_buffers * s.base_m * s.base_k * size;
  if (l0a > buffers.l0a_bytes) return need("L0A", l0a, buffers.l0a_bytes);
  const int64_t l0b = s.l0_buffers * s.base_n * s.base_k * size;
  if (l0b > buffers.l0b_bytes) return need("L0B", l0b, buffers.l0b_bytes);
  const int64_t l0c = s.l0c_buffers * s.base_m * s.base_n * 4;
  if (l0c > buffers.l0c_bytes) return need("L0C", l0c, buffers.l0c_bytes);
  const int64_t l1 = s.l1_buffers * (s.base_m * s.step_ka + s.base_n * s.step_kb) * s.base_k * size;
  if (l1 > buffers.l1_bytes) return need("L1", l1, buffers.l1_bytes);
  return {};
}

Outcome scheduleCubeGroup(npu::GroupOp group, const machine::Machine& machine, const ScheduleFields& fields) {
  auto contraction = analyseContraction(group);
  if (!contraction) return contraction.diagnostic();
  CubeSchedule schedule;
  if (npu::ScheduleAttr written = group.getScheduleAttr()) {
    schedule = CubeSchedule::of(written);
    schedule.step_ka = fields.get("step_k", schedule.step_ka);
    schedule.step_kb = fields.get("step_k", schedule.step_kb);
    for (const Field& field : kFields) schedule.*field.value = fields.get(field.name, schedule.*field.value);
  } else {
    schedule = chooseSchedule(*contraction, machine, fields);
  }
  // Of a short k there are fewer parts: a field holds for every product of a program.
  if (schedule.split_k > 1) schedule.split_k = ceilDiv(contraction->k, depthOfPart(*contraction, schedule.split_k));
  if (auto ok = checkSchedule(schedule, *contraction, machine, group.getLoc()); !ok) return ok;
  group.setScheduleAttr(schedule.attribute(group.getContext()));
  return {};
}

}  // namespace phx::compiler
