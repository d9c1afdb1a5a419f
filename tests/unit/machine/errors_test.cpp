// What a user reads when a machine file is wrong. The texts are part of the interface.
#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "device_sim/machine/machine.h"

using namespace phx;
using namespace phx::machine;

namespace {

// The message for a file that inherits everything and adds these lines after line 1.
std::string message(const std::string& lines) {
  Expected<Machine> machine = parse("base = \"ascend-910b1\"\n" + lines, "m.toml");
  return machine ? "accepted" : machine.diagnostic().str();
}

std::string override_message(const std::string& assignment) {
  const std::string overrides[] = {assignment};
  Expected<Machine> machine = load("ascend-910b1", overrides);
  return machine ? "accepted" : machine.diagnostic().str();
}

}  // namespace

TEST_CASE("malformed files") {
  CHECK(message("[chip]\naic = { v = 2, tag = \"guessed\", src = \"x\" }") == "accepted");
  CHECK(message("[chip]\naicc = { v = 2, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:1: unknown key 'chip.aicc'; did you mean 'chip.aic'?");
  CHECK(message("[completely.elsewhere]\nx = 1") ==
        "m.toml:2:2: unknown key 'completely.elsewhere.x'; docs/machine_schema.md lists the keys");
  CHECK(message("[chip]\naic = 24") ==
        "m.toml:3:7: 'chip.aic' must be written as { v = .., unit = .., tag = .., src = .. }");
  CHECK(message("[chip]\naic = { v = 0, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:13: 'chip.aic' must be between 1 and 4096, got 0");
  CHECK(message("[chip]\naic = { v = -3, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:13: 'chip.aic' must be between 1 and 4096, got -3");
  CHECK(message("[chip]\naic = { v = 1.5, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:13: 'chip.aic' must be a whole number, got 1.5");
  CHECK(message("[chip]\naic = { v = nan, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:13: 'chip.aic' must be between 1 and 4096, got nan");
  CHECK(message("[chip]\naic = { v = \"two\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:13: 'chip.aic' must be a number");
  CHECK(message("[chip]\nclock = { v = 2, unit = \"GB\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:25: 'chip.clock' has unit 'GB'; expected Hz, kHz, MHz, GHz");
  CHECK(message("[chip]\nclock = { v = 2, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:15: 'chip.clock' has no unit; expected Hz, kHz, MHz, GHz");
  CHECK(message("[chip]\naic = { v = 2, unit = \"core\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:23: 'chip.aic' has unit 'core'; expected no unit");
  CHECK(message("[chip]\naic = { v = 2, src = \"x\" }") ==
        "m.toml:3:7: 'chip.aic' has no tag; expected published, vendor, measured, fitted, projected or guessed");
  CHECK(message("[chip]\naic = { v = 2, tag = \"sure\", src = \"x\" }") ==
        "m.toml:3:22: 'chip.aic' has tag 'sure'; expected published, vendor, measured, fitted, projected or guessed");
  CHECK(message("[chip]\naic = { v = 2, tag = \"guessed\" }") ==
        "m.toml:3:7: 'chip.aic' has no src: say where the number comes from");
  CHECK(message("[chip]\naic = { v = 2, tag = \"guessed\", src = \"@ini\" }") ==
        "m.toml:3:39: source '@ini' is not in [sources] of this file");
  CHECK(message("[chip]\naic = { v = 2, tag = \"guessed\", source = \"x\" }") ==
        "m.toml:3:33: 'chip.aic' has an unknown field 'source'; expected v, unit, tag, src");
  CHECK(message("[simt]\nkind = { v = \"maybe\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:14: 'simt.kind' must be one of none, native, virtual, got 'maybe'");
  CHECK(message("[chip\n").starts_with("m.toml:2:6: not valid TOML: "));
  CHECK(message("aliases = 3") == "m.toml:2:11: 'aliases' must be a list of names");
  CHECK(message("title = 3") == "m.toml:2:9: 'title' must be a non-empty string");
}

TEST_CASE("numbers that contradict each other") {
  CHECK(message("[memory.l2]\nline = { v = 500, unit = \"B\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:14: 'memory.l2.line' must be a power of two, got 500 B");
  CHECK(message("[simt]\nshared = { v = 1, unit = \"MiB\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:16: 'simt.shared' must fit into buffers.ub less buffers.ub_reserved, got 1 MiB");
  CHECK(message("[simt]\nmax_warps = { v = 8, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:19: 'simt.max_warps' must hold one block of simt.max_threads_per_block, got 8");
  CHECK(message("[system.rack]\nmembers = { v = 4, tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:17: a level with more than one member needs 'system.rack.latency'");
  CHECK(message("[timing.simt.tensor]\nlatency = { v = 4, unit = \"cycle\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:17: 'timing.simt.tensor.latency' needs 'timing.simt.tensor.interval' beside it");
  CHECK(message("[power]\nidle = { v = 900, unit = \"W\", tag = \"guessed\", src = \"x\" }") ==
        "m.toml:3:14: 'power.idle' must not exceed power.tdp, got 900 W");
}

TEST_CASE("missing keys, bases and files") {
  CHECK(parse("title = \"empty\"", "m.toml").diagnostic().str() ==
        "m.toml: missing key 'chip.name' (what a device is called, for people: programs see it with ' (virtual)' after "
        "it): add it, or a base that has it");
  CHECK(parse("\nbase = \"h100\"", "m.toml")
            .diagnostic()
            .str()
            .starts_with("m.toml:2:8: base 'h100': unknown machine 'h100'; known machines: ascend-910a, "));
  CHECK(load("no/such.toml").diagnostic().str() == "cannot read machine file 'no/such.toml'");
  namespace fs = std::filesystem;
  fs::path directory = fs::temp_directory_path() / "phx_machine_errors_test";
  fs::create_directories(directory);
  std::ofstream(directory / "a.toml") << "base = \"b\"\n";
  std::ofstream(directory / "b.toml") << "base = \"a\"\n";
  CHECK(load((directory / "a.toml").string()).diagnostic().str() ==
        (directory / "b.toml").string() + ":1:8: base 'a' leads back to this file");
  fs::remove_all(directory);
}

TEST_CASE("overrides") {
  CHECK(override_message("chip.clock=1.5GHz") == "accepted");
  CHECK(override_message("chip.clok=1.5GHz") ==
        "override 'chip.clok=1.5GHz': unknown key 'chip.clok'; did you mean 'chip.clock'?");
  CHECK(override_message("chip.clock=1.5GB") ==
        "override 'chip.clock=1.5GB': 'chip.clock' has unit 'GB'; expected Hz, kHz, MHz, GHz");
  CHECK(override_message("chip.clock") == "override 'chip.clock': expected key=value, as in chip.clock=1.5GHz");
  CHECK(override_message("chip.aic=many") == "override 'chip.aic=many': 'chip.aic' must be a number, got 'many'");
  CHECK(override_message("chip.aic=0") == "override 'chip.aic=0': 'chip.aic' must be between 1 and 4096, got 0");
}
