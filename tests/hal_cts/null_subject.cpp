#include "tests/hal_cts/subject.h"

#include <cstring>

#include <phalanx/hal/drivers/null.h>

cts::Subject cts::subject(uint32_t devices) {
  const char text[] = "kernel fill 16\nsymbol counter 4\n";
  Subject subject;
  subject.kind = phx::hal::null::driver_kind();
  subject.config = {{"devices", std::to_string(devices)}};
  subject.executable.resize(sizeof text - 1);
  std::memcpy(subject.executable.data(), text, sizeof text - 1);
  subject.fill_kernel = "fill";
  subject.symbol = "counter";
  return subject;
}
