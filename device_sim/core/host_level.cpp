#include "device_sim/core/host_level.h"

#include <cstdlib>
#include <string_view>

namespace phx::sim {
namespace {

HostLevel find() {
#if defined(__x86_64__)
  const char* wanted = std::getenv("PHX_HOST_LEVEL");
  const std::string_view limit = wanted ? wanted : "v4";
  __builtin_cpu_init();
  if (limit == "v4" && __builtin_cpu_supports("x86-64-v4")) return HostLevel::v4;
  if (limit != "baseline" && __builtin_cpu_supports("x86-64-v3")) return HostLevel::v3;
#endif
  return HostLevel::baseline;
}

}  // namespace

HostLevel host_level() {
  static const HostLevel level = find();
  return level;
}

}  // namespace phx::sim
