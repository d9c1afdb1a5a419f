// Fuzzes the loader of executables: fuzz_loader [mutants] [seed] [only this mutant, and print it]
//
// Three mutants of four are structure-aware: instructions, records or section headers are changed and the file is
// written again, so that the change is met by the stage that should refuse it. Every refusal must carry a message;
// everything accepted must be written and read back unchanged and is executed.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "device_sim/assembler/assembler.h"
#include "device_sim/assembler/listing.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/execute.h"
#include "tests/fuzz/mutate_executable.h"

using namespace phx;

namespace {

[[noreturn]] void fail(uint64_t mutant, const std::string& what) {
  std::printf("mutant %llu: %s\n", static_cast<unsigned long long>(mutant), what.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t mutants = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4000;
  uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  uint64_t only = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : mutants;
  std::vector<image::Executable> seeds;
  for (std::string_view text : fuzz::corpus()) {
    auto executable = assembler::assemble(text, "corpus");
    if (!executable) fail(0, executable.diagnostic().str());
    seeds.push_back(*executable);
  }

  std::array<std::array<uint64_t, 6>, 2> stages{};  // [structure-aware][stage]
  std::array<uint64_t, 4> endings{};
  for (uint64_t mutant = 0; mutant < mutants; ++mutant) {
    if (only < mutants && mutant != only) continue;
    fuzz::Random random(seed * 1'000'003 + mutant);
    image::Executable executable = random.pick(seeds);
    uint64_t kind = random.below(100);
    bool aware = kind < 75;
    if (kind < 45) fuzz::mutate_code(random, executable);
    if (kind >= 40 && kind < 60) fuzz::mutate_records(random, executable);
    std::vector<std::byte> file = image::write(executable);
    if (kind >= 60 && kind < 75) fuzz::mutate_layout(random, file);
    if (!aware) fuzz::mutate_bytes(random, file);

    image::ReadStage stage;
    auto read = image::read(file, "mutant", &stage);
    ++stages[aware][static_cast<size_t>(stage)];
    if (!read) {
      if (read.diagnostic().message.empty()) fail(mutant, "refused without a message");
      continue;
    }
    auto again = image::read(image::write(*read), "again");
    if (!again || !(*again == *read)) fail(mutant, "does not survive writing and reading");
    auto text = assembler::assemble(assembler::listing(*read), "listing");
    if (!text)
      fail(mutant, "its listing does not assemble: " + text.diagnostic().str() + "\n" + assembler::listing(*read));
    if (!(*text == *read)) fail(mutant, "its listing assembles to something else\n" + assembler::listing(*read));
    if (only < mutants) std::printf("%s\n", assembler::listing(*read).c_str()), std::fflush(stdout);
    ++endings[static_cast<size_t>(fuzz::execute(*read))];
  }

  constexpr std::array<const char*, 6> names = {"header", "sections", "tables", "decode", "verify", "accepted"};
  uint64_t aware_total = 0, deep = 0;
  std::printf("%-10s %16s %10s\n", "stage", "structure-aware", "bytes");
  for (size_t s = 0; s < names.size(); ++s) {
    std::printf("%-10s %16llu %10llu\n", names[s], static_cast<unsigned long long>(stages[1][s]),
                static_cast<unsigned long long>(stages[0][s]));
    aware_total += stages[1][s];
    if (s >= 3) deep += stages[1][s];
  }
  std::printf("%llu of %llu mutants are structure-aware, %llu of them reached instruction decode\n",
              static_cast<unsigned long long>(aware_total), static_cast<unsigned long long>(mutants),
              static_cast<unsigned long long>(deep));
  return fuzz::report(endings) ? 0 : 1;
}
