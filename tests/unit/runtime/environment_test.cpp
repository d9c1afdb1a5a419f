#include "tests/unit/runtime/fixture.h"

using namespace phx;

namespace {

hal::StatusOr<rt::Settings> read(std::vector<const char*> environment, std::map<std::string, std::string> given = {}) {
  environment.push_back(nullptr);
  return rt::read_settings(given, environment.data());
}

}  // namespace

TEST_CASE("settings come from PHX_ variables, given options win") {
  auto settings = read({"PHX_DEVICES=4", "PHX_VISIBLE=supernode", "PHX_REPORT=r.json", "HOME=/"}, {{"devices", "8"}});
  REQUIRE(settings.ok());
  CHECK(settings->driver_options.at("devices") == "8");
  CHECK(settings->visible == rt::Visibility::supernode);
  CHECK(settings->placement == rt::Spread::interleaved);
  CHECK(settings->report == "r.json");
  CHECK(settings->warnings.empty());
}

TEST_CASE("what is not understood is said") {
  CHECK(read({"PHX_VISIBLE=supernod"}).status().message() == "PHX_VISIBLE is 'supernod'; it is flat or supernode");
  CHECK(read({"PHX_PLACEMENT=block"}).status().message() == "PHX_PLACEMENT is 'block'; it is interleaved or blocked");
  CHECK(read({"PHX_PLACEMENT=blocked"})->placement == rt::Spread::blocked);
  auto typo = read({"PHX_DEVICE=4"});
  REQUIRE(typo.ok());
  REQUIRE(typo->warnings.size() == 1);
  CHECK(typo->warnings[0].find("PHX_DEVICE ") != std::string::npos);
  CHECK(read({}, {{"device", "4"}}).status().code() == hal::Code::invalid_argument);
  CHECK(read({"PHX_DEVICES="}).ok());
}

TEST_CASE("a machine that cannot be opened is a sentence") {
  auto settings = read({}, {{"driver", "nul"}});
  REQUIRE(settings.ok());
  auto runtime = rt::Runtime::open(rt::instance_with_all_drivers(), *settings);
  CHECK(runtime.status().message().find("no driver named 'nul'") == 0);
  settings = read({}, {{"driver", "null"}, {"devices", "many"}});
  CHECK(rt::Runtime::open(rt::instance_with_all_drivers(), *settings).status().code() == hal::Code::invalid_argument);
}

TEST_CASE("flat shows every device, supernode one that stands for all") {
  NullRuntime flat({{"devices", "4"}});
  CHECK(flat.runtime->device_count() == 4);
  CHECK(*flat.device->integer("cores") == 4);
  NullRuntime supernode({{"devices", "4"}, {"visible", "supernode"}});
  CHECK(supernode.runtime->device_count() == 1);
  CHECK(*supernode.device->integer("cores") == 16);
  CHECK(*supernode.device->integer("block.threads") == 1024);
  CHECK(*supernode.device->text("name") == "supernode of 4 x null device");
}
