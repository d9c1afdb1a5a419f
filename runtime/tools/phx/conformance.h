// ONNX's own test cases, run through compiler and simulator: `phx conformance onnx`.
//
// A case is a folder with model.onnx and test_data_set_*/input_N.pb, output_N.pb. It passes when the model, compiled
// for the machine with the given inputs known, computes the given outputs on the simulator: types and shapes the same,
// integers and bools the same, floats within `tolerance_of` their type.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/machine/machine.h"
#include "phalanx/compiler/tensor.h"
#include "phalanx/model.h"

namespace phx::tools {

struct ConformanceCase {
  std::string name;  // folder below the data's, "node/test_add"
  std::string folder;
};

// All cases below `data` whose name `filter` is found in, by name.
Expected<std::vector<ConformanceCase>> find_cases(const std::string& data, const std::regex& filter);

enum class Verdict : uint8_t {
  pass,
  fail,
  unsupported,  // the compiler said in one sentence that it does not take the model; the reason is that sentence
};
const char* name_of(Verdict verdict);

struct CaseResult {
  Verdict verdict = Verdict::fail;
  std::string reason;  // one line; empty for pass
};

// |found - wanted| <= absolute + relative * |wanted|, as numpy.testing.assert_allclose has it.
struct Tolerance {
  double relative, absolute;
};
Tolerance tolerance_of(model::ElementType type);  // f32 and f64: 1e-3, 1e-5; f16 and bf16: 1e-2, 1e-3; others: 0
// Why `found` is not `wanted`, or nothing.
std::string difference(const model::TensorInfo& info, std::span<const std::byte> found,
                       const compiler::TensorValue& wanted);

// Runs cases one after the other on one machine.
class CaseRunner {
 public:
  CaseRunner(std::string machine_name, machine::Machine machine, std::string mode)
      : machine_name_(std::move(machine_name)), machine_(std::move(machine)), mode_(std::move(mode)) {}
  CaseResult run(const ConformanceCase& which);

 private:
  CaseResult run_data_set(const ConformanceCase& which, std::span<const std::byte> model, const std::string& folder);
  hal::Status open();

  std::string machine_name_;
  machine::Machine machine_;
  std::string mode_;
  std::unique_ptr<model::Session> session_;
};

// Runs every case in one of `workers` processes, so that one that crashes or exceeds `limit` fails alone. `make` is
// called in each process; `done` in this one, whenever a case has ended.
std::vector<CaseResult> run_cases(const std::vector<ConformanceCase>& cases, unsigned workers,
                                  std::chrono::seconds limit, const std::function<CaseRunner()>& make,
                                  const std::function<void(size_t index, const CaseResult&)>& done);

}  // namespace phx::tools
