// Fuzzes the loader of machine files: fuzz_machine [mutants] [seed] [only this mutant, and print it]
//
// The corpus are the machine files that come with Phalanx. Every refusal must be one line that names the file, and the
// line where one is to blame; what is accepted must come through its own JSON and text forms.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "device_sim/machine/catalog.h"
#include "device_sim/machine/machine.h"
#include "tests/fuzz/mutate_text.h"

using namespace phx;

namespace {

constexpr std::array<std::string_view, 40> kWords = {
    "chip",   "clock",  "aic",   "aiv",    "base",    "v",         "unit",   "tag",    "src",          "GHz",
    "B",      "KiB",    "MiB",   "cycle",  "B/cycle", "published", "vendor", "fitted", "guessed",      "measured",
    "memory", "l2",     "hbm",   "system", "node",    "supernode", "timing", "vector", "simt",         "default",
    "=",      "[chip]", "[[x]]", "{",      "}",       "true",      "\"\"",   "'''",    "ascend-910b1", "2020-01-01"};

[[noreturn]] void fail(uint64_t mutant, const std::string& what) {
  std::printf("mutant %llu: %s\n", static_cast<unsigned long long>(mutant), what.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t mutants = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 2000;
  const uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const uint64_t only = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : mutants;
  std::vector<std::string> corpus;
  for (unsigned i = 0; i < machine::kEmbeddedCount; ++i) corpus.emplace_back(machine::kEmbedded[i].text);
  if (corpus.empty()) fail(0, "there are no machine files to mutate");
  enum Stage { kToml, kPlaced, kWhole, kAccepted };
  constexpr const char* kStages[] = {"refused by TOML", "refused with a line", "refused as a whole", "accepted"};
  std::array<uint64_t, 4> stages{};
  for (uint64_t mutant = 0; mutant < mutants; ++mutant) {
    if (only < mutants && mutant != only) continue;
    fuzz::Random random(seed * 1'000'003 + mutant);
    const std::string& from = corpus[random.below(corpus.size())];
    const std::string text =
        random.chance(70) ? fuzz::mutate_words(random, from, kWords) : fuzz::mutate_characters(random, from);
    if (only < mutants) std::printf("%s\n", text.c_str());
    auto machine = machine::parse(text, "mutant.toml");
    if (machine) {
      ++stages[kAccepted];
      if (machine::to_json(*machine).empty() || machine::to_text(*machine).empty())
        fail(mutant, "accepted and not shown");
      continue;
    }
    const Diagnostic& why = machine.diagnostic();
    if (why.message.empty() || why.file.empty()) fail(mutant, "refused without reason or place: " + why.str());
    if (why.str().find('\n') != std::string::npos) fail(mutant, "refused in more than one line: " + why.str());
    if (only < mutants) std::printf("%s\n", why.str().c_str());
    ++stages[why.column && why.message.find("TOML") != std::string::npos ? kToml : why.line ? kPlaced : kWhole];
  }
  for (size_t i = 0; i < stages.size(); ++i)
    std::printf("%-20s %6llu\n", kStages[i], static_cast<unsigned long long>(stages[i]));
  if (only >= mutants && (stages[kPlaced] < mutants / 10 || stages[kAccepted] < mutants / 20))
    fail(mutants, "too few mutants reach the checks of values");
  return 0;
}
