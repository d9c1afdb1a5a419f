// Stopping a simulation: Ctrl-C, and other threads.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>

namespace phx::python {

// Asked by a session between the rounds of a launch, on the thread that runs it, without the GIL. Every few
// milliseconds it takes the GIL, which gives Python the chance to run its signal handlers. What a handler raises ends
// the run and is raised again when the simulator has returned.
class Interrupt {
 public:
  // Around a run: cancel() concerns the run that is under way, never the next one.
  void begin();
  void end();
  bool keep_going();
  void cancel();  // from any thread
  // With the GIL, after a run: raises what ended it, if a signal handler did.
  void raise_pending();
  ~Interrupt();

 private:
  std::chrono::steady_clock::time_point last_{};
  std::atomic<bool> running_{false}, cancelled_{false};
  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

}  // namespace phx::python
