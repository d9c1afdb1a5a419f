// Damaged machine files give a Diagnostic or a machine that satisfies every rule; nothing else.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "device_sim/machine/machine.h"

using namespace phx;
using namespace phx::machine;

namespace {

struct Random {
  uint64_t state;
  uint64_t next() {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
  }
  size_t below(size_t n) { return n ? next() % n : 0; }
};

// Structure-aware: numbers, units, tags, keys and lines are changed as often as plain bytes.
std::string mutate(std::string text, Random& random) {
  static const std::vector<std::string> tokens = {"-1",
                                                  "0",
                                                  "1e308",
                                                  "-0.0",
                                                  "nan",
                                                  "inf",
                                                  "9223372036854775807",
                                                  "3.5",
                                                  "\"GHz\"",
                                                  "\"B\"",
                                                  "\"cycle\"",
                                                  "\"guessed\"",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  "=",
                                                  "\"\"",
                                                  "v",
                                                  "base = \"ascend-910c\"\n",
                                                  "[[chip]]\n",
                                                  "\n[chip]\n",
                                                  "\xff",
                                                  "\""};
  for (size_t edits = 1 + random.below(3); edits; --edits) {
    size_t at = random.below(text.size());
    switch (random.below(6)) {
      case 0:
        text[at] = static_cast<char>(random.next());
        break;
      case 1:
        text.erase(at, 1 + random.below(20));
        break;
      case 2:
        text.insert(at, tokens[random.below(tokens.size())]);
        break;
      case 3: {  // another value for some number
        size_t v = text.find("v = ", at);
        if (v == std::string::npos) break;
        size_t end = text.find_first_of(",}", v);
        if (end != std::string::npos) text.replace(v + 4, end - v - 4, tokens[random.below(8)]);
        break;
      }
      case 4: {  // drop a line
        size_t begin = text.find('\n', at);
        if (begin == std::string::npos) break;
        size_t end = text.find('\n', begin + 1);
        text.erase(begin, end == std::string::npos ? end : end - begin);
        break;
      }
      case 5: {  // repeat a line
        size_t begin = text.find('\n', at);
        size_t end = begin == std::string::npos ? begin : text.find('\n', begin + 1);
        if (end != std::string::npos) text.insert(end, text.substr(begin, end - begin));
        break;
      }
    }
  }
  return text;
}

}  // namespace

TEST_CASE("2000 damaged machine files") {
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* name : {"ascend-910b1", "ascend-910b2", "ascend-910b3", "ascend-910b4", "ascend-910c",
                           "ascend-950dt", "ascend-950pr", "cloudmatrix-384"}) {
    std::ifstream stream(std::string(PHX_SOURCE_DIR "/device_sim/machine/") + name + ".toml");
    REQUIRE(stream.good());
    files.emplace_back(std::string(name) + ".toml", std::string(std::istreambuf_iterator<char>(stream), {}));
  }
  Random random{0x9e3779b97f4a7c15};
  int accepted = 0, refused = 0, placed = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto& [name, text] = files[static_cast<size_t>(i) % files.size()];
    Expected<Machine> machine = parse(mutate(text, random), name);
    if (!machine) {
      ++refused;
      placed += machine.diagnostic().line != 0;
      CHECK_FALSE(machine.diagnostic().message.empty());
      continue;
    }
    ++accepted;
    CHECK(machine->chip.aic > 0);
    CHECK(machine->chip.clock_hz > 0);
    CHECK(machine->system.devices() >= 1);
    CHECK(path(*machine, 0, machine->system.devices() - 1).ok());
    CHECK(timing_of(machine->chip.simt.timing, "alu").latency_cycles >= 0);
    CHECK(to_json(*machine).size() > 1000);
  }
  std::printf("mutants: %d accepted, %d refused, %d of those with a line\n", accepted, refused, placed);
  CHECK(accepted > 20);
  CHECK(placed * 10 > refused * 8);
}
