// phalanx.Error.
#include "python/src/bindings.h"

namespace phx::python {

void bind_errors(py::module_& module) {
  static PyObject* type = PyErr_NewExceptionWithDoc("phalanx.Error",
                                                    "What the compiler, the simulator or a machine file has to say, in "
                                                    "one sentence with its place: a file and line,\n"
                                                    "an ONNX node, or a kernel's source line.",
                                                    PyExc_RuntimeError, nullptr);
  module.attr("Error") = py::handle(type);
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Error& error) {
      PyErr_SetString(type, error.what());
    }
  });
}

}  // namespace phx::python
