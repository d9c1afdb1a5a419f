// NumPy's .npy files: one array each, as numpy.save writes them (format versions 1 to 3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "phalanx/model.h"

namespace phx::tools {

struct Array {
  model::ElementType type = model::ElementType::f32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;  // row-major, little endian
};

// Refuses, naming the file: another format, big-endian or structured types, column-major order, a size that differs
// from the header's. bf16, which NumPy lacks, is read and written as `<u2` where the program wants bf16.
Expected<Array> read_npy(const std::string& path);
Outcome write_npy(const std::string& path, const Array& array);

}  // namespace phx::tools
