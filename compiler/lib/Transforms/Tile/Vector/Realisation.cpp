#include "lib/Transforms/Tile/Vector/Realisation.h"

#include <algorithm>

#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Vector/Footprint.h"
#include "mlir/IR/BuiltinTypes.h"

namespace phx::compiler::vector {
namespace {

constexpr int64_t kLeastArea = 16;  // elements of a tile: one row of 32 bytes of 16-bit ones

// Of the elements that reductions have.
mlir::Type typeOf(Element element, mlir::MLIRContext* context) {
  mlir::Builder b(context);
  if (element == Element::f32) return b.getF32Type();
  if (element == Element::f16) return b.getF16Type();
  return b.getI32Type();
}

std::vector<NodeId> reductions(const Program& program) {
  std::vector<NodeId> list;
  for (NodeId id = 0; id < program.nodes.size(); ++id)
    if (program.nodes[id].kind == Node::Kind::reduce) list.push_back(id);
  return list;
}

}  // namespace

Expected<Realisation::Fitting> Realisation::fit(const Program& program, const Buffers& buffers, const std::string& name,
                                                bool divide) {
  const int64_t room = context_.machine.chip.buffers.ub_usable_bytes();
  // Where the size is ours to choose, some is left for gaps between tiles.
  const int64_t usable = schedule_.block ? room : room / 16 * 15;
  Limits limits{.area = schedule_.block ? schedule_.block / operandBytes(program) : usable / 4,
                .fill = schedule_.block != 0,
                .cores = schedule_.cores,
                .divide = divide};
  limits.area = std::max(limits.area, kLeastArea);
  while (limits.area >= kLeastArea) {
    Plan plan = choosePlan(program, context_.machine.chip, limits);
    plan.buffers = schedule_.buffers;
    Kernel kernel = make(program, plan, buffers, name);
    const int64_t bytes = footprint(kernel.function);
    if (bytes <= usable) return Fitting{std::move(plan), std::move(kernel)};
    discard(kernel);
    const auto used = static_cast<double>(plan.area());
    limits.area = std::min(limits.area - 1,
                           static_cast<int64_t>(used * static_cast<double>(usable) / static_cast<double>(bytes)));
  }
  return errorAt(group_.getLoc(), "the tiles of vector group '" + group_.getName().str() +
                                      "' do not fit the unified buffer of " + std::to_string(room) + " bytes");
}

Outcome Realisation::run(const Program& program, const Buffers& buffers, const std::string& name, bool divide) {
  auto fitting = fit(program, buffers, name, divide);
  if (!fitting) return fitting.diagnostic();
  const auto& [plan, kernel] = *fitting;
  context_.launch(kernel.function, kernel.arguments, plan.grid, group_.getName());
  return plan.parts == 1 ? Outcome() : join(program, plan, kernel, buffers, name);
}

Expected<Plan> Realisation::plan(const Program& program, const Buffers& buffers) {
  auto fitting = fit(program, buffers, group_.getName().str(), /*divide=*/true);
  if (!fitting) return fitting.diagnostic();
  discard(fitting->kernel);
  return std::move(fitting->plan);
}

void Realisation::discard(Kernel& kernel) {
  kernel.function.erase();
  for (Value partial : kernel.partials) partial.getDefiningOp()->erase();
}

Realisation::Kernel Realisation::make(const Program& program, const Plan& plan, const Buffers& buffers,
                                      const std::string& name) {
  const std::vector<Value>&inputs = buffers.inputs, &outputs = buffers.outputs;
  Kernel kernel;
  auto argument = [&](Value buffer) {
    auto found = std::find(kernel.arguments.begin(), kernel.arguments.end(), buffer);
    if (found == kernel.arguments.end()) found = kernel.arguments.insert(found, buffer);
    return static_cast<unsigned>(found - kernel.arguments.begin());
  };
  std::vector<unsigned> input_arguments;
  for (Value input : inputs) input_arguments.push_back(argument(input));
  std::vector<Store> stores;
  for (size_t i = 0; i < outputs.size(); ++i)
    if (const auto& output = program.outputs[i]; plan.parts == 1 || (output.tensor.dims & program.reduced))
      stores.push_back({output.node, output.tensor, argument(outputs[i]), 0,
                        schedule_.l2_bypass == 2 && !buffers.outputs_once.empty() && buffers.outputs_once[i]});
  if (plan.parts > 1)
    for (NodeId id : reductions(program)) {
      const Node& node = program.nodes[id];
      const int64_t each = program.elements(node.dims);
      kernel.partials.push_back(
          context_.allocate(typeOf(node.element, group_.getContext()), each * plan.parts, group_.getLoc()));
      stores.push_back({id, {node.element, node.dims}, argument(kernel.partials.back()), each});
    }
  mlir::OpBuilder body(group_.getContext());
  kernel.function = context_.createKernel(name, npu::Core::aiv, kernel.arguments, group_.getLoc(), body);
  if (!schedule_.conflict_free) kernel.function->removeAttr(npu::kConflictFreeAttr);
  emitKernel(program, plan, kernel.function, input_arguments, stores,
             schedule_.l2_bypass ? buffers.inputs_once : std::vector<bool>());
  return kernel;
}

// The second kernel of a reduction in parts: a program over [parts, dimensions that stay] that reduces the parts and
// does everything that comes after the reductions.
Outcome Realisation::join(const Program& program, const Plan& plan, const Kernel& first, const Buffers& buffers,
                          const std::string& name) {
  Program second;
  second.sizes = {plan.parts};
  second.reduced = 1;
  std::vector<unsigned> dim_of(program.sizes.size());
  for (size_t d = 0; d < program.sizes.size(); ++d)
    if (!(program.reduced >> d & 1)) {
      dim_of[d] = static_cast<unsigned>(second.sizes.size());
      second.sizes.push_back(program.sizes[d]);
    }
  auto renumbered = [&](Dims dims) {
    Dims result = 0;
    for (size_t d = 0; d < program.sizes.size(); ++d)
      if (dims >> d & 1) result |= Dims{1} << dim_of[d];
    return result;
  };
  Buffers own;
  auto load = [&](Element element, Dims dims, Value buffer) {
    second.inputs.push_back({element, dims});
    own.inputs.push_back(buffer);
    return second.load(static_cast<unsigned>(second.inputs.size()) - 1);
  };
  std::map<NodeId, NodeId> nodes;
  const std::vector<NodeId> reduced = reductions(program);
  std::vector<bool> wanted(program.nodes.size(), false);
  for (const auto& output : program.outputs)
    if (!(output.tensor.dims & program.reduced)) wanted[output.node] = true;
  for (NodeId id = static_cast<NodeId>(program.nodes.size()); id-- > 0;)
    if (wanted[id] && program.nodes[id].kind != Node::Kind::reduce)
      for (NodeId operand : program.nodes[id].operands) wanted[operand] = true;
  for (NodeId id = 0; id < program.nodes.size(); ++id) {
    if (!wanted[id]) continue;
    const Node& node = program.nodes[id];
    switch (node.kind) {
      case Node::Kind::load:
        nodes[id] = load(node.element, renumbered(node.dims), buffers.inputs[node.source]);
        break;
      case Node::Kind::constant:
        nodes[id] = second.constant(node.element, *node.value);
        break;
      case Node::Kind::index:
        nodes[id] = second.index(dim_of[node.source]);
        break;
      case Node::Kind::instruction: {
        std::vector<NodeId> operands;
        for (NodeId operand : node.operands) operands.push_back(nodes.at(operand));
        nodes[id] = second.instruction(node.mnemonic, node.fields, node.type, operands, node.element, node.value);
        break;
      }
      case Node::Kind::reduce: {
        const auto position = static_cast<size_t>(std::find(reduced.begin(), reduced.end(), id) - reduced.begin());
        nodes[id] = second.reduce(node.mnemonic, node.type,
                                  load(node.element, renumbered(node.dims) | 1, first.partials[position]));
        break;
      }
    }
  }
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const auto& output = program.outputs[i];
    if (output.tensor.dims & program.reduced) continue;
    second.outputs.push_back({nodes.at(output.node), {output.tensor.element, renumbered(output.tensor.dims)}});
    own.outputs.push_back(buffers.outputs[i]);
  }
  // Its space is another one: a block that suits the first kernel says nothing about it.
  VectorSchedule schedule = schedule_;
  schedule.block = 0;
  return Realisation(group_, context_, schedule).run(second, own, name + "_join", /*divide=*/false);
}

}  // namespace phx::compiler::vector
