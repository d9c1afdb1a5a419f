// The tensor program of a workload as MLIR text: linalg on tensors, as the compiler's input phase takes it.
#pragma once

#include <string>

#include "runtime/tools/validation/case.h"

namespace phx::validation {

// For gemm, elementwise and reduction workloads. Operands that broadcast leave their dimensions of size 1 out.
Expected<std::string> tensor_text(const Workload& workload);

// Writes one value over `values` elements of the type into a new tensor of `rows` rows: what fills an L2 with lines to
// be written back.
std::string fill_text(int64_t rows, int64_t columns);

}  // namespace phx::validation
