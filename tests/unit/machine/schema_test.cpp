#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>

#include "device_sim/machine/machine.h"

TEST_CASE("docs/machine_schema.md is what the table of keys says") {
  const char* page = PHX_SOURCE_DIR "/docs/machine_schema.md";
  std::string fresh = phx::machine::schema_markdown();
  if (std::getenv("PHX_UPDATE_DOCS")) std::ofstream(page) << fresh;
  std::ifstream stream(page);
  std::string committed(std::istreambuf_iterator<char>(stream), {});
  INFO("stale; run PHX_UPDATE_DOCS=1 ctest -R machine_schema and commit the page");
  CHECK(committed == fresh);
}
