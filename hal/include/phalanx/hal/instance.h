// Instance: the root of everything. It knows kinds of drivers and opens them; nothing here is process-wide.
//
//   phx::hal::Instance instance;
//   instance.add(phx::hal::sim::driver_kind());
//   auto driver = instance.open("sim", {{"machine", "ascend-910c"}, {"devices", "2"}}, &telemetry);
//   auto group = (*driver)->devices();
#pragma once

#include <phalanx/hal/driver.h>

#include <memory>
#include <string_view>
#include <vector>

namespace phx::hal {

class Instance {
 public:
  // invalid_argument if a kind of that name is there already.
  Status add(DriverKind kind);
  const std::vector<DriverKind>& kinds() const { return kinds_; }

  // Opens a machine. not_found names the kinds there are; invalid_argument names the unknown key and the known ones.
  // The driver is independent of the Instance afterwards; `sink` must outlive it.
  StatusOr<std::shared_ptr<Driver>> open(std::string_view kind, const Config& config, Telemetry* sink = nullptr) const;

 private:
  std::vector<DriverKind> kinds_;
};

}  // namespace phx::hal
