// Ctrl-C while the simulator runs.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>

namespace phx::python {

// Asked by a session between the rounds of a launch, on the thread that runs it, without the GIL. Every few
// milliseconds it takes the GIL, which gives Python the chance to run its signal handlers. What a handler raises ends
// the run and is raised again when the simulator has returned.
class Interrupt {
 public:
  bool keep_going();
  // With the GIL, after a run: raises what ended it, if a signal handler did.
  void raise_pending();
  ~Interrupt();

 private:
  std::chrono::steady_clock::time_point last_{};
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

}  // namespace phx::python
