// Machine descriptions as JSON.
#include <pybind11/stl.h>

#include "device_sim/machine/machine.h"
#include "phalanx/model.h"
#include "python/src/bindings.h"

namespace phx::python {

void bind_machines(py::module_& module) {
  module.attr("default_machine") = model::SessionOptions{}.machine;
  module.def(
      "machines",
      [] {
        std::vector<std::tuple<std::string, std::string, std::vector<std::string>>> found;
        for (const machine::MachineInfo& info : machine::list())
          found.emplace_back(info.name, info.title, info.aliases);
        return found;
      },
      "(name, title, aliases) of every machine that is found by name.");
  module.def(
      "machine_json",
      [](const std::string& name, const std::vector<std::string>& overrides) {
        auto machine = machine::load(name, overrides);
        if (!machine) fail(machine.diagnostic());
        return machine::to_json(*machine);
      },
      py::arg("name"), py::arg("overrides"), "All numbers of a machine with units, tags and sources.");
}

}  // namespace phx::python
