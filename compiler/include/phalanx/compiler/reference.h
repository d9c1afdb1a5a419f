// runReference: a tensor program executed on the host by MLIR's own lowerings and its execution engine. Nothing of this
// compiler's lowering is involved, so what it computes is a reference for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "phalanx/compiler/tensor.h"

namespace phx::compiler {

// The inputs of the program, without values. Of the options, what concerns reading the program counts.
Expected<std::vector<TensorValue>> referenceInputs(std::span<const std::byte> program, const std::string& file,
                                                   const TensorCompileOptions& options);
// The program's results. It is as written or, with start_after "graph" or "schedule", made of groups.
Expected<std::vector<TensorValue>> runReference(std::span<const std::byte> program, const std::string& file,
                                                const TensorCompileOptions& options,
                                                const std::vector<TensorValue>& inputs);

}  // namespace phx::compiler
