#include "runtime/tools/phx/tensor_program.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "device_sim/image/image.h"
#include "device_sim/machine/machine.h"
#include "phalanx/model.h"

namespace phx::tools {
namespace {

constexpr const char* kDefaultMachine = "cloudmatrix-384";

bool is_elf(std::span<const std::byte> bytes) {
  return bytes.size() > 4 && std::string_view(reinterpret_cast<const char*>(bytes.data()), 4) ==
                                 "\x7f"
                                 "ELF";
}

// "name=1,2,3"
Expected<std::pair<std::string, std::vector<int64_t>>> sizes(const std::string& text, const char* option) {
  auto fail = [&] { return error(std::string(option) + " '" + text + "' is not of the form name=1,2,3"); };
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) return fail();
  std::vector<int64_t> list;
  for (const char *at = text.data() + equals + 1, *end = text.data() + text.size(); at < end;) {
    int64_t value = 0;
    auto [next, bad] = std::from_chars(at, end, value);
    if (bad != std::errc() || value < 0 || (next < end && *next != ',')) return fail();
    list.push_back(value);
    at = next + 1;
  }
  return std::pair(text.substr(0, equals), std::move(list));
}

}  // namespace

Expected<std::vector<std::byte>> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text;
  if (file) text.assign(std::istreambuf_iterator<char>(file), {});
  if (!file || file.bad()) return error_at(path, 0, "cannot be read");
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return std::vector<std::byte>(bytes, bytes + text.size());
}

Outcome write_bytes(const std::string& path, const void* data, size_t bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  if (!file.flush()) return error_at(path, 0, "cannot be written");
  return {};
}

void TensorProgramOptions::add_to(CLI::App& command) {
  command.add_option("file", file, "ONNX model, MLIR (linalg on tensors), or a compiled program")->required();
  command.add_option("--machine", machine, "Machine name or file; 'phx machine list' shows the names");
  command.add_option("--set", overrides, "key=value: changes one number of the machine; may be repeated");
  command.add_option("--schedule", schedule,
                     "Fields of the schedules of products and vector kernels, as in base_m=128,split_k=2,block=8192");
  command.add_option("--shape", shapes, "name=1,3,224,224: shape of an ONNX input with open dimensions");
  command.add_option("--dim", dims, "name=size: an open dimension of an ONNX model");
  command.add_option("--from", from, "The file is IR as it is after this phase");
  CLI::Option* folder =
      command.add_option("--dump-dir", dump_dir, "Writes the IR after every phase (or those of --dump) there");
  command.add_option("--dump", dump, "Phases to dump; compiler/Phases.def lists them")->delimiter(',')->needs(folder);
  command.add_flag("--no-sync", no_sync, "Leaves out the flags between pipes, to see the checker find them missing");
}

Expected<TensorProgram> make_tensor_program(const TensorProgramOptions& options) {
  auto bytes = read_bytes(options.file);
  if (!bytes) return bytes.diagnostic();
  TensorProgram program;
  program.machine = options.machine;
  if (is_elf(*bytes)) {
    const std::pair<bool, const char*> compiling[] = {{!options.schedule.empty(), "--schedule"},
                                                      {!options.from.empty(), "--from"},
                                                      {!options.to.empty(), "--to"},
                                                      {!options.dump_dir.empty(), "--dump-dir"},
                                                      {!options.shapes.empty(), "--shape"},
                                                      {!options.dims.empty(), "--dim"},
                                                      {options.no_sync, "--no-sync"}};
    for (auto [given, name] : compiling)
      if (given) return error_at(options.file, 0, std::string("is compiled already; ") + name + " has no effect on it");
    auto executable = image::read(*bytes, options.file);
    if (!executable) return executable.diagnostic();
    if (program.machine.empty()) {
      for (const image::Object& object : executable->objects)
        if (object.name == image::kProgramObject && !object.zero) {
          auto interface = model::read_interface(
              {reinterpret_cast<const char*>(executable->data.data() + object.offset), object.size});
          if (!interface) return error_at(options.file, 0, interface.status().message());
          program.machine = interface->machine;
        }
      if (program.machine.empty()) program.machine = kDefaultMachine;
    }
    program.executable = std::move(*bytes);
    return program;
  }
  if (program.machine.empty()) program.machine = kDefaultMachine;
  auto machine = machine::load(program.machine, options.overrides);
  if (!machine) return machine.diagnostic();
  compiler::TensorCompileOptions wanted;
  wanted.machine = std::move(*machine);
  wanted.schedule = options.schedule;
  wanted.insert_sync = !options.no_sync;
  wanted.start_after = options.from;
  wanted.stop_after = options.to;
  wanted.dump_dir = options.dump_dir;
  wanted.dump = options.dump;
  for (const std::string& shape : options.shapes) {
    auto parsed = sizes(shape, "--shape");
    if (!parsed) return parsed.diagnostic();
    wanted.input_shapes[parsed->first] = parsed->second;
  }
  for (const std::string& dim : options.dims) {
    auto parsed = sizes(dim, "--dim");
    if (!parsed || parsed->second.size() != 1) return error("--dim '" + dim + "' is not of the form name=size");
    wanted.dimensions[parsed->first] = parsed->second[0];
  }
  auto compiled = compiler::compileTensorProgram(*bytes, options.file, wanted);
  if (!compiled) return compiled.diagnostic();
  for (const std::string& warning : compiled->warnings) std::fprintf(stderr, "phx: warning: %s\n", warning.c_str());
  program.text = std::move(compiled->text);
  if (options.to.empty()) program.executable = image::write(compiled->executable);
  return program;
}

}  // namespace phx::tools
