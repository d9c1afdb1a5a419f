// The program description of a compiled tensor program: JSON that the compiler left in the executable.
#pragma once

#include <phalanx/model.h>

namespace phx::model {

struct DescribedBuffer {
  enum class Kind : uint8_t { input, output, constant, workspace } kind = Kind::input;
  uint64_t bytes = 0;
  std::string symbol;   // constant
  uint64_t offset = 0;  // workspace
};
struct DescribedTensor : TensorInfo {
  uint32_t buffer = 0;  // index in buffers
};
struct DescribedLaunch {
  std::string kernel, source;
  uint32_t grid = 1;
  std::vector<uint32_t> arguments;  // buffers
};
struct Description {
  std::string machine;
  std::vector<DescribedTensor> inputs, outputs;
  std::vector<DescribedBuffer> buffers;
  uint64_t workspace_bytes = 0;
  std::vector<DescribedLaunch> launches;
};

// Checks every index, size and name; data_corrupt names the field.
hal::StatusOr<Description> read_description(std::string_view text);

}  // namespace phx::model
