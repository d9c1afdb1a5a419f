// A runtime over the null driver.
#pragma once

#include <doctest/doctest.h>

#include "runtime/src/drivers.h"
#include "runtime/src/runtime.h"

struct NullRuntime {
  explicit NullRuntime(std::map<std::string, std::string> settings = {}) {
    settings.emplace("driver", "null");
    auto read = phx::rt::read_settings(settings, nullptr);
    REQUIRE_MESSAGE(read.ok(), read.status().str());
    auto opened = phx::rt::Runtime::open(phx::rt::instance_with_all_drivers(), *read);
    REQUIRE_MESSAGE(opened.ok(), opened.status().str());
    runtime = std::move(*opened);
    device = runtime->device(0);
  }
  phx::rt::Stream* stream(bool blocking = true) {
    phx::rt::Stream* made = nullptr;
    REQUIRE(runtime->create_stream(*device, blocking, 0, &made).ok());
    return made;
  }
  phx::rt::Stream* legacy() {
    phx::rt::Stream* made = nullptr;
    REQUIRE(runtime->resolve_stream(*device, nullptr, false, &made).ok());
    return made;
  }
  phx::rt::Event* event() {
    phx::rt::Event* made = nullptr;
    REQUIRE(runtime->create_event(*device, true, &made).ok());
    return made;
  }
  void* allocate(uint64_t size) {
    void* pointer = nullptr;
    REQUIRE(runtime->allocate(*device, size, &pointer).ok());
    return pointer;
  }
  // One microsecond of device time, as every command of the null driver.
  void work(phx::rt::Stream* on, void* pointer) {
    REQUIRE(runtime->fill(on, pointer, 0, phx::hal::Region::bytes(16), false).ok());
  }

  std::unique_ptr<phx::rt::Runtime> runtime;
  phx::rt::VisibleDevice* device = nullptr;
};
