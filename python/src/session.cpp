// Sessions: a simulated machine, programs loaded on it, runs.
#include <pybind11/stl.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include "phalanx/model.h"
#include "python/src/bindings.h"
#include "python/src/interrupt.h"

namespace phx::python {
namespace {

// A session and its models are used by one thread at a time; others wait without the GIL.
struct Machine {
  Interrupt interrupt;  // outlives the session, which asks it
  std::unique_ptr<model::Session> session;
  std::timed_mutex in_use;
  int calls = 0;  // that run, wait, or have yet to get the GIL back; changed with the GIL
};

struct Call {
  explicit Call(Machine& machine) : machine(machine) { ++machine.calls; }
  ~Call() { --machine.calls; }
  Machine& machine;
};

// Runs `work` without the GIL while nobody else uses the machine. Ctrl-C ends the wait for others.
template <class Work>
auto alone(Machine& machine, Work work) {
  Call call(machine);
  py::gil_scoped_release released;
  std::unique_lock lock(machine.in_use, std::defer_lock);
  while (!lock.try_lock_for(std::chrono::milliseconds(50))) {
    py::gil_scoped_acquire held;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
  return work();
}

class Model {
 public:
  Model(std::shared_ptr<Machine> machine, std::unique_ptr<model::Model> model)
      : machine_(std::move(machine)), model_(std::move(model)) {}
  ~Model() {
    Call call(*machine_);
    py::gil_scoped_release released;
    std::lock_guard lock(machine_->in_use);
    model_.reset();
  }

  // (seconds, kernel seconds, cycles, host seconds)
  py::tuple run(const std::vector<py::buffer>& inputs, const std::vector<py::buffer>& outputs) {
    std::vector<py::buffer_info> held;  // keeps the arrays' memory where it is
    std::vector<std::span<const std::byte>> in;
    std::vector<std::span<std::byte>> out;
    for (const py::buffer& array : inputs) {
      held.push_back(array.request(false));
      in.emplace_back(static_cast<const std::byte*>(held.back().ptr), bytes(held.back()));
    }
    for (const py::buffer& array : outputs) {
      held.push_back(array.request(true));
      out.emplace_back(static_cast<std::byte*>(held.back().ptr), bytes(held.back()));
    }
    auto result = alone(*machine_, [&] {
      machine_->interrupt.begin();
      auto ran = model_->run(in, out);
      machine_->interrupt.end();
      return ran;
    });
    machine_->interrupt.raise_pending();
    if (!result) fail(result.status());
    return py::make_tuple(result->seconds, result->kernels, result->cycles, result->host_seconds);
  }

 private:
  static size_t bytes(const py::buffer_info& info) { return static_cast<size_t>(info.size * info.itemsize); }

  std::shared_ptr<Machine> machine_;
  std::unique_ptr<model::Model> model_;
};

class Session {
 public:
  Session(const std::string& machine, std::map<std::string, std::string> options)
      : machine_(std::make_shared<Machine>()) {
    model::SessionOptions wanted;
    wanted.machine = machine;
    wanted.options = std::move(options);
    // The machine owns the session, so the session must not keep it alive.
    wanted.keep_going = [interrupt = &machine_->interrupt] { return interrupt->keep_going(); };
    auto opened = alone(*machine_, [&] { return model::Session::open(std::move(wanted)); });
    if (!opened) fail(opened.status());
    machine_->session = std::move(*opened);
  }

  std::unique_ptr<Model> load(const py::bytes& executable, const std::string& label) {
    const std::span<const std::byte> bytes = bytes_of(executable);
    auto model = alone(*machine_, [&] { return machine_->session->load(bytes, label); });
    if (!model) fail(model.status());
    return std::make_unique<Model>(machine_, std::move(*model));
  }

  void cancel() { machine_->interrupt.cancel(); }
  void stop() {
    while (machine_->calls > 0) {
      machine_->interrupt.cancel();
      py::gil_scoped_release released;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::string report() {
    return alone(*machine_, [&] { return machine_->session->report(); });
  }

 private:
  std::shared_ptr<Machine> machine_;
};

}  // namespace

void bind_sessions(py::module_& module) {
  py::class_<Model>(module, "Model", "A program loaded on a session's machine.")
      .def("run", &Model::run, py::arg("inputs"), py::arg("outputs"),
           "Runs on contiguous buffers; (simulated seconds, of them in kernels, cycles, host seconds).");
  py::class_<Session>(module, "Session", "A simulated machine.")
      .def(py::init<const std::string&, std::map<std::string, std::string>>(), py::arg("machine"), py::arg("options"))
      .def("load", &Session::load, py::arg("executable"), py::arg("label"))
      .def("cancel", &Session::cancel, "Ends the run that is under way; from any thread.")
      .def("stop", &Session::stop, "Ends what other threads run, and returns when it has ended.")
      .def("report", &Session::report, "The report as JSON.");
}

}  // namespace phx::python
