// Vector groups to kernels: analysis, plan, code, and a second look at the plan when the code does not fit UB.
#include <algorithm>

#include "lib/Transforms/Phases.h"
#include "lib/Transforms/Tile/Tile.h"
#include "lib/Transforms/Tile/Vector/Analysis.h"
#include "lib/Transforms/Tile/Vector/Emission.h"
#include "lib/Transforms/Tile/Vector/Footprint.h"
#include "lib/Transforms/Tile/Vector/Tiling.h"
#include "mlir/IR/BuiltinTypes.h"

namespace phx::compiler {
namespace vector {
namespace {

using mlir::Value;

// Of the elements that reductions have.
mlir::Type typeOf(Element element, mlir::MLIRContext* context) {
  mlir::Builder b(context);
  if (element == Element::f32) return b.getF32Type();
  if (element == Element::f16) return b.getF16Type();
  return b.getI32Type();
}

class Realisation {
 public:
  Realisation(npu::GroupOp group, TileContext& context) : group_(group), context_(context) {}

  // `inputs` and `outputs`: a device buffer for each input and output of the program.
  Outcome run(const Program& program, const std::vector<Value>& inputs, const std::vector<Value>& outputs,
              std::string name, bool divide) {
    const int64_t usable =
        context_.machine.chip.buffers.ub_usable_bytes() / 16 * 15;  // the rest for gaps between tiles
    for (int64_t area = usable / 4; area >= kLeastArea;) {
      const Plan plan = choosePlan(program, context_.machine.chip, area, divide);
      const int64_t used = plan.rows() * ((plan.columns() + 15) / 16 * 16);
      Kernel kernel = make(program, plan, inputs, outputs, name);
      const int64_t bytes = footprint(kernel.function);
      if (bytes <= usable) {
        context_.launch(kernel.function, kernel.arguments, plan.grid, group_.getName());
        return plan.parts == 1 ? Outcome() : join(program, plan, kernel, inputs, outputs, name);
      }
      kernel.function.erase();
      for (Value partial : kernel.partials) partial.getDefiningOp()->erase();
      area = std::min(area - 1, static_cast<int64_t>(static_cast<double>(used) * static_cast<double>(usable) /
                                                     static_cast<double>(bytes)));
    }
    return errorAt(group_.getLoc(), "the tiles of vector group '" + group_.getName().str() +
                                        "' do not fit the unified buffer of " +
                                        std::to_string(context_.machine.chip.buffers.ub_usable_bytes()) + " bytes");
  }

 private:
  static constexpr int64_t kLeastArea = 16;  // elements of a tile: one row of 32 bytes of 16-bit ones

  struct Kernel {
    mlir::func::FuncOp function;
    std::vector<Value> arguments;
    std::vector<Value> partials;  // per reduction, where a reduction is cut into parts
  };

  static std::vector<NodeId> reductions(const Program& program) {
    std::vector<NodeId> list;
    for (NodeId id = 0; id < program.nodes.size(); ++id)
      if (program.nodes[id].kind == Node::Kind::reduce) list.push_back(id);
    return list;
  }

  Kernel make(const Program& program, const Plan& plan, const std::vector<Value>& inputs,
              const std::vector<Value>& outputs, const std::string& name) {
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
        stores.push_back({output.node, output.tensor, argument(outputs[i])});
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
    emitKernel(program, plan, kernel.function, input_arguments, stores);
    return kernel;
  }

  // The second kernel of a reduction in parts: a program over [parts, dimensions that stay] that reduces the parts and
  // does everything that comes after the reductions.
  Outcome join(const Program& program, const Plan& plan, const Kernel& first, const std::vector<Value>& inputs,
               const std::vector<Value>& outputs, const std::string& name) {
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
    std::vector<Value> buffers, results;
    auto load = [&](Element element, Dims dims, Value buffer) {
      second.inputs.push_back({element, dims});
      buffers.push_back(buffer);
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
          nodes[id] = load(node.element, renumbered(node.dims), inputs[node.source]);
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
      results.push_back(outputs[i]);
    }
    return run(second, buffers, results, name + "_join", /*divide=*/false);
  }

  npu::GroupOp group_;
  TileContext& context_;
};

}  // namespace
}  // namespace vector

llvm::ArrayRef<llvm::StringLiteral> vectorScheduleFields() { return {}; }

Outcome scheduleVectorGroup(npu::GroupOp, const machine::Machine&, const ScheduleFields&) { return {}; }

Outcome tileVectorGroup(npu::GroupOp group, TileContext& context) {
  auto analysed = vector::analyse(group);
  if (!analysed) return analysed.diagnostic();
  std::vector<mlir::Value> inputs;
  for (unsigned input : analysed->inputs) inputs.push_back(context.inputs[input]);
  // Over an empty iteration space there is nothing to do, unless a reduction of nothing has a result.
  if (analysed->program.elements(analysed->program.all()) == 0) {
    for (const auto& output : analysed->program.outputs)
      if (analysed->program.elements(output.tensor.dims) != 0)
        return errorAt(group.getLoc(), "vector group '" + group.getName().str() + "' reduces dimensions of size 0");
    return {};
  }
  const std::vector<mlir::Value> outputs(context.results.begin(), context.results.end());
  return vector::Realisation(group, context)
      .run(analysed->program, inputs, outputs, group.getName().str(), /*divide=*/true);
}

}  // namespace phx::compiler
