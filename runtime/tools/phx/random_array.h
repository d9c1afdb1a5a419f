// Arrays for trying a program out, and how to show an array in a line.
#pragma once

#include <string>

#include "runtime/tools/phx/npy.h"

namespace phx::tools {

// Floats are standard normal, integers from -8 to 7 (unsigned 0 to 15), bools either; the same on every host.
Array random_array(const model::TensorInfo& info, uint64_t seed);

std::string describe(model::ElementType type, const std::vector<int64_t>& shape);  // "f32[2, 3]"
std::string glance(const Array& array);  // ", from -1.2 to 3.4, mean 0.1, 2 NaN"

}  // namespace phx::tools
