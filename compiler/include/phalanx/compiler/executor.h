// Executor: how tools of the compiler run what was compiled. The compiler itself never executes anything;
// runtime/tools/phx-opt implements this interface on the simulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/image/image.h"
#include "phalanx/compiler/reference.h"

namespace phx::compiler {

struct Execution {
  std::vector<TensorValue> outputs;
  uint64_t cycles = 0;  // core cycles inside kernels
  double seconds = 0;   // simulated
};

class Executor {
 public:
  virtual ~Executor() = default;
  // The inputs that the program wants, without values.
  virtual Expected<std::vector<TensorValue>> inputsOf(const image::Executable& program) = 0;
  // Gives values to inputs: from files ("name=file.npy"), the others by chance.
  virtual Outcome fill(std::vector<TensorValue>& inputs, const std::vector<std::string>& files, uint64_t seed) = 0;
  virtual Expected<Execution> run(const image::Executable& program, const std::string& machine,
                                  const std::vector<TensorValue>& inputs) = 0;
  // Writes each value to <folder>/<name>.npy.
  virtual Outcome save(const std::vector<TensorValue>& values, const std::string& folder) = 0;
  // "f32[2, 3], from -1.2 to 3.4, mean 0.1".
  virtual std::string glance(const TensorValue& value) = 0;
};

}  // namespace phx::compiler
