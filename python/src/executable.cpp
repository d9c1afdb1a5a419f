// Executables: from assembly, as a listing, and the tensors they take and give.
#include <pybind11/stl.h>

#include "device_sim/assembler/assembler.h"
#include "device_sim/assembler/listing.h"
#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"
#include "phalanx/model.h"
#include "python/src/bindings.h"

namespace phx::python {
namespace {

image::Executable read(const py::bytes& file, const std::string& name) {
  auto executable = image::read(bytes_of(file), name);
  if (!executable) fail(executable.diagnostic());
  return std::move(*executable);
}

// Tile code is bound to one machine by its digest; people write the machine's name. `machine_name` (may be empty) with
// overrides is the machine to bind to, and has to be the one that the text names.
py::bytes assemble(const std::string& text, const std::string& file, const std::string& machine_name,
                   const std::vector<std::string>& overrides) {
  auto executable = assembler::assemble(text, file);
  if (!executable) fail(executable.diagnostic());
  if (executable->target != image::CoreKind::simt) {
    auto named = machine::load(executable->machine_digest);
    if (!machine_name.empty()) {
      auto wanted = machine::load(machine_name, overrides);
      if (!wanted) fail(wanted.diagnostic());
      if (named && named->name != wanted->name)
        fail(error_at(file, 0, "is written for machine '" + named->name + "', not for '" + wanted->name + "'"));
      if (named) named = std::move(wanted);
    }
    if (named) executable->machine_digest = machine::digest(*named);
  }
  return to_bytes(image::write(*executable));
}

py::list tensors(const std::vector<model::TensorInfo>& infos) {
  py::list result;
  for (const model::TensorInfo& info : infos)
    result.append(py::make_tuple(info.name, model::name_of(info.type), py::tuple(py::cast(info.shape))));
  return result;
}

// (machine, inputs, outputs), tensors as (name, type, shape); None if the executable has no program description.
py::object interface(const py::bytes& file, const std::string& name) {
  const image::Executable executable = read(file, name);
  for (const image::Object& object : executable.objects) {
    if (object.name != image::kProgramObject || object.zero) continue;
    auto found =
        model::read_interface({reinterpret_cast<const char*>(executable.data.data() + object.offset), object.size});
    if (!found) fail(error_at(name, 0, found.status().message()));
    return py::make_tuple(found->machine, tensors(found->inputs), tensors(found->outputs));
  }
  return py::none();
}

}  // namespace

void bind_executables(py::module_& module) {
  module.def("assemble", assemble, py::arg("text"), py::arg("file"), py::arg("machine"), py::arg("overrides"),
             "Assembly text to an executable.");
  module.def(
      "listing", [](const py::bytes& file, const std::string& name) { return assembler::listing(read(file, name)); },
      py::arg("executable"), py::arg("name"), "An executable as assembly text.");
  module.def("interface", interface, py::arg("executable"), py::arg("name"),
             "(machine, inputs, outputs) of an executable, or None if it is no tensor program.");
}

}  // namespace phx::python
