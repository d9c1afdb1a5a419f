// phx-opt: compiler/tools/OptMain.cpp with the simulator as its executor.
#include <cstring>
#include <filesystem>

#include "compiler/tools/OptMain.h"
#include "phalanx/model.h"
#include "runtime/tools/phx/npy.h"
#include "runtime/tools/phx/random_array.h"

namespace {

using namespace phx;
using compiler::Execution;
using compiler::TensorValue;
using tools::Array;

Diagnostic told(const hal::Status& status) { return error(std::string(status.message())); }

TensorValue valueOf(const model::TensorInfo& info) { return {info.name, model::name_of(info.type), info.shape, {}}; }

Expected<model::TensorInfo> infoOf(const TensorValue& value) {
  model::TensorInfo info{value.name, {}, value.shape};
  if (!model::type_named(value.type, info.type))
    return error("'" + value.name + "' has the unknown type " + value.type);
  return info;
}

class Simulator : public compiler::Executor {
 public:
  Expected<std::vector<TensorValue>> inputsOf(const image::Executable& program) override {
    auto interface = interfaceOf(program);
    if (!interface) return told(interface.status());
    std::vector<TensorValue> list;
    for (const model::TensorInfo& info : interface->inputs) list.push_back(valueOf(info));
    return list;
  }

  Outcome fill(std::vector<TensorValue>& inputs, const std::vector<std::string>& files, uint64_t seed) override {
    for (TensorValue& input : inputs) {
      auto info = infoOf(input);
      if (!info) return info.diagnostic();
      input.bytes = tools::random_array(*info, seed++).bytes;
    }
    for (const std::string& text : files) {
      const size_t equals = text.find('=');
      TensorValue* wanted = nullptr;
      for (TensorValue& input : inputs)
        if (equals != std::string::npos && input.name == text.substr(0, equals)) wanted = &input;
      if (!wanted) return error("--input '" + text + "' is not name=file.npy with the name of an input");
      auto array = tools::read_npy(text.substr(equals + 1));
      if (!array) return array.diagnostic();
      if (array->shape != wanted->shape || array->bytes.size() != wanted->bytes.size())
        return error("input '" + wanted->name + "' has another type or shape than " + text.substr(equals + 1));
      wanted->bytes = std::move(array->bytes);
    }
    return {};
  }

  Expected<Execution> run(const image::Executable& program, const std::string& machine,
                          const std::vector<TensorValue>& inputs) override {
    auto interface = interfaceOf(program);
    if (!interface) return told(interface.status());
    auto session = model::Session::open({.machine = machine});
    if (!session) return told(session.status());
    auto loaded = (*session)->load(image::write(program), "phx-opt");
    if (!loaded) return told(loaded.status());
    std::vector<std::span<const std::byte>> given;
    for (const TensorValue& input : inputs) given.push_back(input.bytes);
    Execution execution;
    std::vector<std::span<std::byte>> taken;
    for (const model::TensorInfo& info : interface->outputs) {
      execution.outputs.push_back(valueOf(info));
      execution.outputs.back().bytes.resize(info.bytes());
    }
    for (TensorValue& output : execution.outputs) taken.push_back(output.bytes);
    auto done = (*loaded)->run(given, taken);
    if (!done) return told(done.status());
    execution.cycles = done->cycles;
    execution.seconds = done->seconds;
    return execution;
  }

  Outcome save(const std::vector<TensorValue>& values, const std::string& folder) override {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    for (const TensorValue& value : values) {
      auto info = infoOf(value);
      if (!info) return info.diagnostic();
      if (auto ok = tools::write_npy(folder + "/" + value.name + ".npy", {info->type, value.shape, value.bytes}); !ok)
        return ok;
    }
    return {};
  }

  std::string glance(const TensorValue& value) override {
    auto info = infoOf(value);
    if (!info) return info.diagnostic().message;
    return tools::describe(info->type, value.shape) + tools::glance({info->type, value.shape, value.bytes});
  }

 private:
  hal::StatusOr<model::Interface> interfaceOf(const image::Executable& program) {
    std::string description;
    for (const image::Object& object : program.objects)
      if (object.name == image::kProgramObject)
        description.assign(reinterpret_cast<const char*>(program.data.data()) + object.offset, object.size);
    return model::read_interface(description);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Simulator simulator;
  return compiler::optMain(argc, argv, simulator);
}
