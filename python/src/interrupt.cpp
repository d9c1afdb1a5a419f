#include "python/src/interrupt.h"

namespace phx::python {

namespace py = pybind11;

void Interrupt::begin() {
  cancelled_ = false;
  running_ = true;
}

void Interrupt::end() { running_ = false; }

void Interrupt::cancel() {
  if (running_) cancelled_ = true;
}

bool Interrupt::keep_going() {
  if (type_ || cancelled_.load(std::memory_order_relaxed)) return false;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(20)) return true;
  last_ = now;
  const PyGILState_STATE state = PyGILState_Ensure();
  if (PyErr_CheckSignals() != 0) PyErr_Fetch(&type_, &value_, &traceback_);
  PyGILState_Release(state);
  return type_ == nullptr;
}

void Interrupt::raise_pending() {
  if (!type_) return;
  PyErr_Restore(type_, value_, traceback_);
  type_ = value_ = traceback_ = nullptr;
  throw py::error_already_set();
}

Interrupt::~Interrupt() {
  if (!type_) return;
  const PyGILState_STATE state = PyGILState_Ensure();
  Py_XDECREF(type_);
  Py_XDECREF(value_);
  Py_XDECREF(traceback_);
  PyGILState_Release(state);
}

}  // namespace phx::python
