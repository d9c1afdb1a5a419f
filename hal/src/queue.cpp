#include <phalanx/hal/queue.h>

namespace phx::hal {

const char* engine_name(EngineKind kind) {
  switch (kind) {
    case EngineKind::compute:
      return "compute";
    case EngineKind::copy:
      return "copy";
    case EngineKind::collective:
      return "collective";
  }
  return "unknown";
}

}  // namespace phx::hal
