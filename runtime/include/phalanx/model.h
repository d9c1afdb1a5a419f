// Compiled tensor programs: what `phx compile` and the Python module make, loaded and run on a machine.
//
//   auto session = phx::model::Session::open({.machine = "ascend-910b1"});
//   auto model = (*session)->load(bytes, "digits");
//   (*model)->run(inputs, outputs);
//   std::string report = (*session)->report();
//
// A Session owns one simulated machine; several live side by side in one process. Nothing throws. Errors are
// hal::Status values: invalid_argument (wrong number or size of inputs), incompatible (compiled for another machine,
// named), data_corrupt (not a compiled program), device_fault, cancelled.
#pragma once

#include <phalanx/hal/driver.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace phx::model {

// Element types as programs name them.
enum class ElementType : uint8_t { f32, f16, bf16, s8, u8, s16, u16, s32, u32, s64, u64, boolean, f64, f8e4m3, f8e5m2 };
const char* name_of(ElementType type);  // "f32", ..., "bool"
uint64_t bytes_of(ElementType type);    // of one element; bool: 1
bool type_named(std::string_view name, ElementType& type);

struct TensorInfo {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;  // row-major; empty: a scalar
  uint64_t elements() const;
  uint64_t bytes() const { return elements() * bytes_of(type); }
};

struct SessionOptions {
  std::string machine = "cloudmatrix-384";  // name or file
  // Further options of the sim driver: mode, check, threads, trace, override, ... (docs/report.md, settings).
  std::map<std::string, std::string> options;
  // Asked now and then while kernels run; false ends the run with hal::Code::cancelled.
  std::function<bool()> keep_going;
};

// What one run took.
struct RunResult {
  double seconds = 0;   // simulated, from the first byte copied to the device to the last one back; 0 without timing
  double kernels = 0;   // of it, inside kernels
  uint64_t cycles = 0;  // core cycles inside kernels
  double host_seconds = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const std::vector<TensorInfo>& inputs() const = 0;
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  // Each span has exactly the tensor's bytes, in order of inputs() and outputs().
  virtual hal::StatusOr<RunResult> run(std::span<const std::span<const std::byte>> inputs,
                                       std::span<const std::span<std::byte>> outputs) = 0;
};

class Session {
 public:
  static hal::StatusOr<std::unique_ptr<Session>> open(SessionOptions options);
  virtual ~Session() = default;
  virtual hal::StatusOr<std::unique_ptr<Model>> load(std::span<const std::byte> program, const std::string& label) = 0;
  // The JSON report of all runs of the Session (docs/report.md).
  virtual std::string report() = 0;
  virtual const hal::MachineFacts& facts() const = 0;
};

// The tensors of a compiled program without opening a machine; `description` is the program description as the
// compiler wrote it (docs/executable.md). data_corrupt says what is wrong with it.
struct Interface {
  std::string machine;
  std::vector<TensorInfo> inputs, outputs;
};
hal::StatusOr<Interface> read_interface(std::string_view description);

}  // namespace phx::model
