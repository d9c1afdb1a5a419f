// The parts of the extension module _phalanx, one function a file, and how they report errors.
//
// The Python package phalanx wraps them: what is documented there is not documented twice. Arrays cross as buffers of
// bytes in row-major order; types, shapes and names are checked in Python.
#pragma once

#include <phalanx/hal/status.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::python {

namespace py = pybind11;

// Becomes phalanx.Error. Thrown by functions of this module only, after the library they call has returned.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] inline void fail(const Diagnostic& diagnostic) { throw Error(diagnostic.str()); }
[[noreturn]] inline void fail(const hal::Status& status) { throw Error(status.message()); }

void bind_errors(py::module_& module);
void bind_machines(py::module_& module);
void bind_compiler(py::module_& module);
void bind_executables(py::module_& module);
void bind_sessions(py::module_& module);

// The bytes of a Python object, valid while it lives.
inline std::span<const std::byte> bytes_of(const py::bytes& object) {
  const auto text = static_cast<std::string_view>(object);
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline py::bytes to_bytes(std::span<const std::byte> bytes) {
  return py::bytes(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace phx::python
