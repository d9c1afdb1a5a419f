// Vector groups: their schedule, and the kernels they become.
#include <algorithm>

#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Tile.h"
#include "lib/Transforms/Tile/Vector/Analysis.h"
#include "lib/Transforms/Tile/Vector/Realisation.h"
#include "mlir/IR/Remarks.h"

namespace phx::compiler {

using mlir::Operation;
using mlir::Value;

namespace {

bool isReshape(Operation* op) {
  return llvm::isa_and_nonnull<mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp>(op);
}

// How many operands of groups are this tensor, reshaped or not.
int64_t readersOf(Value tensor) {
  int64_t readers = 0;
  for (Operation* user : tensor.getUsers())
    if (isReshape(user))
      readers += readersOf(user->getResult(0));
    else
      readers += llvm::isa<npu::GroupOp>(user);
  return readers;
}
int64_t readersOfWhole(Value tensor) {
  while (isReshape(tensor.getDefiningOp())) tensor = tensor.getDefiningOp()->getOperand(0);
  return readersOf(tensor);
}

vector::Realisation::Buffers buffersOf(npu::GroupOp group, const vector::GroupProgram& analysed,
                                       const TileContext& context) {
  vector::Realisation::Buffers buffers;
  for (unsigned input : analysed.inputs) {
    buffers.inputs.push_back(context.inputs[input]);
    buffers.inputs_once.push_back(readersOfWhole(group.getInputs()[input]) == 1);
  }
  buffers.outputs.assign(context.results.begin(), context.results.end());
  for (Value result : group.getResults()) buffers.outputs_once.push_back(readersOf(result) == 0);
  return buffers;
}

// Over an empty iteration space there is nothing to do.
bool isEmpty(const vector::Program& program) { return program.elements(program.all()) == 0; }

Outcome checkFields(const ScheduleFields& fields, const machine::Chip& chip, mlir::Location location) {
  auto fail = [&](const std::string& why) { return errorAt(location, "schedule: " + why); };
  if (auto block = fields.find("block"); block && (*block < 64 || *block % 32))
    return fail("block is a multiple of 32 bytes from 64 on, not " + std::to_string(*block));
  if (auto buffers = fields.find("buffers"); buffers && *buffers != 1 && *buffers != 2)
    return fail("buffers is 1 or 2, not " + std::to_string(*buffers));
  if (auto cores = fields.find("cores"); cores && (*cores < 1 || *cores > chip.aiv))
    return fail("cores is 1 to the " + std::to_string(chip.aiv) + " vector cores, not " + std::to_string(*cores));
  if (auto bypass = fields.find("l2_bypass"); bypass && (*bypass < 0 || *bypass > 2))
    return fail("l2_bypass is 0, 1 or 2, not " + std::to_string(*bypass));
  if (auto apart = fields.find("conflict_free"); apart && *apart != 0 && *apart != 1)
    return fail("conflict_free is 0 or 1, not " + std::to_string(*apart));
  return {};
}

}  // namespace

namespace vector {

VectorSchedule VectorSchedule::of(npu::GroupOp group) {
  auto s = group->getAttrOfType<npu::VectorScheduleAttr>(npu::kVectorScheduleAttr);
  if (!s) return {};
  return {s.getBlock(), s.getBuffers(), s.getCores(), s.getL2Bypass(), s.getConflictFree()};
}

int64_t operandBytes(const Program& program) {
  int64_t bytes = 1;
  for (const Tensor& input : program.inputs) bytes = std::max(bytes, bytesOf(input.element));
  for (const Program::Output& output : program.outputs) bytes = std::max(bytes, bytesOf(output.tensor.element));
  return bytes;
}

}  // namespace vector

llvm::ArrayRef<llvm::StringLiteral> vectorScheduleFields() {
  static constexpr llvm::StringLiteral kFields[] = {"block", "buffers", "cores", "l2_bypass", "conflict_free"};
  return kFields;
}

// The plan that phase tile will make is made here once, in a module that is thrown away, for what it chooses.
Outcome scheduleVectorGroup(npu::GroupOp group, const machine::Machine& machine, const ScheduleFields& fields) {
  if (auto ok = checkFields(fields, machine.chip, group.getLoc()); !ok) return ok;
  auto analysed = vector::analyse(group);
  if (!analysed) return analysed.diagnostic();
  if (isEmpty(analysed->program)) return {};
  vector::VectorSchedule schedule = vector::VectorSchedule::of(group);
  schedule.block = fields.get("block", schedule.block);
  schedule.buffers = fields.get("buffers", schedule.buffers);
  schedule.cores = fields.get("cores", schedule.cores);
  schedule.l2_bypass = fields.get("l2_bypass", schedule.l2_bypass);
  schedule.conflict_free = fields.get("conflict_free", schedule.conflict_free) != 0;

  mlir::OwningOpRef<mlir::ModuleOp> scratch = mlir::ModuleOp::create(group.getLoc());
  mlir::OpBuilder host = mlir::OpBuilder::atBlockEnd(scratch->getBody());
  auto buffer = [](mlir::Type type) -> mlir::Type {
    auto tensor = llvm::cast<mlir::RankedTensorType>(type);
    return deviceBuffer(tensor.getElementType(), tensor.getNumElements());
  };
  auto inputs = llvm::map_to_vector(group.getInputs().getTypes(), buffer);
  auto results = llvm::map_to_vector(group.getResultTypes(), buffer);
  llvm::SmallVector<mlir::Type> types(inputs);
  types.append(results);
  auto main = mlir::func::FuncOp::create(host, group.getLoc(), "main", host.getFunctionType(types, {}));
  mlir::Block* block = main.addEntryBlock();
  host.setInsertionPointToEnd(block);
  host.setInsertionPoint(mlir::func::ReturnOp::create(host, group.getLoc()));
  TileContext context(machine, *scratch, host);
  for (mlir::BlockArgument argument : block->getArguments())
    (argument.getArgNumber() < inputs.size() ? context.inputs : context.results).push_back(argument);
  auto plan =
      vector::Realisation(group, context, schedule).plan(analysed->program, buffersOf(group, *analysed, context));
  if (!plan) return plan.diagnostic();
  const int64_t bytes = plan->area() * vector::operandBytes(analysed->program);
  if (schedule.block && bytes < schedule.block && plan->items * plan->steps > 1)
    mlir::remark::missed(group.getLoc(),
                         mlir::remark::RemarkOpts::name("block").category("schedule").function(group.getName()))
        << mlir::remark::reason("blocks of {0} bytes instead of {1}", bytes, schedule.block);
  schedule.block = bytes;
  schedule.cores = plan->grid;
  group->setAttr(npu::kVectorScheduleAttr, schedule.attribute(group.getContext()));
  return {};
}

Outcome tileVectorGroup(npu::GroupOp group, TileContext& context) {
  auto analysed = vector::analyse(group);
  if (!analysed) return analysed.diagnostic();
  if (isEmpty(analysed->program)) {  // unless a reduction of nothing has a result
    for (const auto& output : analysed->program.outputs)
      if (analysed->program.elements(output.tensor.dims) != 0)
        return errorAt(group.getLoc(), "vector group '" + group.getName().str() + "' reduces dimensions of size 0");
    return {};
  }
  return vector::Realisation(group, context, vector::VectorSchedule::of(group))
      .run(analysed->program, buffersOf(group, *analysed, context), group.getName().str(), /*divide=*/true);
}

}  // namespace phx::compiler
