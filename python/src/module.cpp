// The extension module _phalanx.
#include "python/src/bindings.h"

PYBIND11_MODULE(_phalanx, module) {
  module.doc() = "Compiler and simulator of Phalanx; the package phalanx is what programs import.";
  phx::python::bind_errors(module);
  phx::python::bind_machines(module);
  phx::python::bind_compiler(module);
  phx::python::bind_executables(module);
  phx::python::bind_sessions(module);
}
