// A vector program as kernels: a plan for its schedule, the code, and a second look at the plan when the code does not
// fit UB.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/Transforms/Tile/Tile.h"
#include "lib/Transforms/Tile/Vector/Emission.h"
#include "lib/Transforms/Tile/Vector/VectorSchedule.h"

namespace phx::compiler::vector {

class Realisation {
 public:
  using Value = mlir::Value;
  // What a program works on: a device buffer for each input and output, and which of them nothing else of the whole
  // program reads.
  struct Buffers {
    std::vector<Value> inputs, outputs;
    std::vector<bool> inputs_once, outputs_once;
  };

  Realisation(npu::GroupOp group, TileContext& context, const VectorSchedule& schedule)
      : group_(group), context_(context), schedule_(schedule) {}

  // The kernels and their launches.
  Outcome run(const Program& program, const Buffers& buffers, const std::string& name, bool divide);
  // The plan that run() would take; leaves nothing behind.
  Expected<Plan> plan(const Program& program, const Buffers& buffers);

 private:
  struct Kernel {
    mlir::func::FuncOp function;
    std::vector<Value> arguments;
    std::vector<Value> partials;  // per reduction, where a reduction is cut into parts
  };
  struct Fitting {
    Plan plan;
    Kernel kernel;
  };
  Expected<Fitting> fit(const Program& program, const Buffers& buffers, const std::string& name, bool divide);
  Kernel make(const Program& program, const Plan& plan, const Buffers& buffers, const std::string& name);
  void discard(Kernel& kernel);
  Outcome join(const Program& program, const Plan& plan, const Kernel& first, const Buffers& buffers,
               const std::string& name);

  npu::GroupOp group_;
  TileContext& context_;
  VectorSchedule schedule_;
};

}  // namespace phx::compiler::vector
