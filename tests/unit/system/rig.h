// A System of a few devices and one assembled program on it.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/system/system.h"

namespace phx::sim::test {

struct Rig {
  std::unique_ptr<System> system;
  std::shared_ptr<Program> program;
  LaunchRequest request;
  std::vector<std::byte> arguments;

  explicit Rig(const std::string& assembly = "", SystemOptions options = {}) {
    auto machine = machine::load("ascend-950pr");
    if (!machine) FAIL(machine.diagnostic().str());
    if (options.threads == 0) options.threads = 2;
    auto created = System::create(std::move(*machine), options);
    if (!created) FAIL(created.diagnostic().str());
    system = std::move(*created);
    request.members = {0};
    if (assembly.empty()) return;
    std::string text = assembly;  // a tile program names the machine that it is for
    if (const size_t at = text.find("DIGEST"); at != std::string::npos)
      text.replace(at, 6, machine::digest(system->machine()));
    auto executable = assembler::assemble(text, "test.s");
    if (!executable) FAIL(executable.diagnostic().str());
    auto loaded = system->load(image::write(*executable), request.members, "test");
    if (!loaded) FAIL(loaded.diagnostic().str());
    program = *loaded;
    request.program = program;
  }

  uint64_t buffer(uint64_t bytes, const std::string& name = "buffer", uint16_t device = 0) {
    auto address = system->memory().allocate(bytes, Placement::on, std::span(&device, 1), name);
    if (!address) FAIL(address.diagnostic().str());
    return *address;
  }
  template <class T>
  std::vector<T> read(uint64_t address, size_t count) {
    std::vector<T> values(count);
    const auto transfer = system->read(values.data(), address, count * sizeof(T));
    if (transfer.fault) FAIL(transfer.fault->str());
    return values;
  }

  LaunchResult launch(uint32_t blocks, uint32_t threads, std::vector<uint64_t> pointers = {}) {
    arguments.resize(pointers.size() * 8);
    if (!pointers.empty()) std::memcpy(arguments.data(), pointers.data(), arguments.size());
    request.arguments = arguments;
    request.grid = {blocks, 1, 1};
    request.block = {threads, 1, 1};
    return system->launch(request);
  }
  std::string refusal(uint32_t blocks, uint32_t threads, std::vector<uint64_t> pointers = {}) {
    const LaunchResult result = launch(blocks, threads, std::move(pointers));
    return result.refused ? result.refused->str() : "";
  }
};

}  // namespace phx::sim::test
