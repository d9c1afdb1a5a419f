// Tensor programs to executables. This file sees the compiler's facade and no MLIR.
#include <pybind11/stl.h>

#include "phalanx/compiler/tensor.h"
#include "python/src/bindings.h"

namespace phx::python {
namespace {

const char* name_of(image::CoreKind kind) {
  switch (kind) {
    case image::CoreKind::simt:
      return "simt";
    case image::CoreKind::aiv:
      return "aiv";
    case image::CoreKind::aic:
      return "aic";
  }
  return "?";
}

// (name, type, shape, row-major values)
using KnownInput = std::tuple<std::string, std::string, std::vector<int64_t>, py::bytes>;

// (executable, warnings, kernels, text); kernels are (name, source, core, instructions).
py::tuple compile(const py::bytes& program, const std::string& file, const std::string& machine_name,
                  const std::vector<std::string>& overrides, const std::string& schedule,
                  const std::map<std::string, std::vector<int64_t>>& shapes, const std::map<std::string, int64_t>& dims,
                  bool sync, const std::string& start_after, const std::string& stop_after, bool elide_constants,
                  const std::string& folder, const std::vector<KnownInput>& known) {
  auto machine = machine::load(machine_name, overrides);
  if (!machine) fail(machine.diagnostic());
  compiler::TensorCompileOptions options;
  options.machine = std::move(*machine);
  options.schedule = schedule;
  options.insert_sync = sync;
  options.start_after = start_after;
  options.stop_after = stop_after;
  options.elide_constants = elide_constants;
  options.input_shapes = shapes;
  options.dimensions = dims;
  options.folder = folder;
  for (const auto& [name, type, shape, values] : known) {
    const std::span<const std::byte> bytes = bytes_of(values);
    options.known_inputs.push_back({name, type, shape, {bytes.begin(), bytes.end()}});
  }
  const std::span<const std::byte> bytes = bytes_of(program);
  auto compiled = [&] {
    py::gil_scoped_release released;
    return compiler::compileTensorProgram(bytes, file, options);
  }();
  if (!compiled) fail(compiled.diagnostic());
  py::list kernels;
  for (const compiler::TensorKernelStatistics& kernel : compiled->kernels)
    kernels.append(py::make_tuple(kernel.name, kernel.source, name_of(kernel.core), kernel.instructions));
  py::object executable = stop_after.empty() ? to_bytes(image::write(compiled->executable)) : py::bytes();
  return py::make_tuple(std::move(executable), compiled->warnings, std::move(kernels), compiled->text);
}

}  // namespace

void bind_compiler(py::module_& module) {
  std::vector<std::string> phases;
  for (const char* name : compiler::tensorPhases()) phases.emplace_back(name);
  module.attr("phases") = py::tuple(py::cast(phases));
  module.def("compile", compile, py::arg("program"), py::arg("file"), py::arg("machine"), py::arg("overrides"),
             py::arg("schedule"), py::arg("shapes"), py::arg("dims"), py::arg("sync"), py::arg("start_after"),
             py::arg("stop_after"), py::arg("elide_constants"), py::arg("folder"), py::arg("known"),
             "(executable, warnings, kernels, IR text with stop_after)");
}

}  // namespace phx::python
