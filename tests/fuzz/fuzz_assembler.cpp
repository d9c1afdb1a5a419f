// Fuzzes the assembler: fuzz_assembler [mutants] [seed] [only this mutant, and print it]
//
// Two mutants of three are structure-aware: tokens are replaced by others of the language, lines are moved, legal
// instructions of any row are inserted. Refusals must name a place and a reason; what is accepted must survive its
// listing and is executed.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "device_sim/assembler/assembler.h"
#include "device_sim/assembler/listing.h"
#include "device_sim/isa/table.h"
#include "tests/fuzz/any_instruction.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/execute.h"
#include "tests/fuzz/mutate_text.h"

using namespace phx;

namespace {

using Lines = std::vector<std::string>;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::string join(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// A number that some limit may dislike.
std::string any_number(fuzz::Random& random) {
  static const char* const numbers[] = {"0",
                                        "1",
                                        "-1",
                                        "31",
                                        "64",
                                        "128",
                                        "255",
                                        "256",
                                        "4096",
                                        "65536",
                                        "2147483647",
                                        "-2147483648",
                                        "4294967295",
                                        "4294967296",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "0xffffffff",
                                        "0x",
                                        "0b2",
                                        "1.5",
                                        "1e9",
                                        "1e999",
                                        "-inf",
                                        "nan",
                                        "'a'",
                                        "''",
                                        "1e",
                                        "--1"};
  return numbers[random.below(std::size(numbers))];
}

std::string any_token(fuzz::Random& random) {
  switch (random.below(7)) {
    case 0:
      return "r" + std::to_string(random.below(140));
    case 1:
      return "s" + std::to_string(random.below(70));
    case 2:
      return "p" + std::to_string(random.below(18));
    case 3:
      return any_number(random);
    case 4:
      return std::string(isa::rows()[random.below(isa::rows().size())].mnemonic);
    case 5:
      return std::string(isa::types()[random.below(isa::types().size())].name);
    default: {
      static const char* const words[] = {"zero",   "ones", "@total", "@",    "[",   "]",  ",",     "+",   "*",
                                          ":",      "\"",   "done",   "simt", "ptr", "at", "align", "in",  ".kernel",
                                          ".param", ".loc", ".data",  "u(",   ")",   "//", ".gm",   ".v4", ".k63"};
      return words[random.below(std::size(words))];
    }
  }
}

bool in_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void replace_token(fuzz::Random& random, std::string& line) {
  if (line.empty()) return;
  size_t at = random.below(line.size()), begin = at, end = at;
  while (begin > 0 && in_token(line[begin - 1])) --begin;
  while (end < line.size() && in_token(line[end])) ++end;
  if (end == begin) ++end;
  bool number = begin < line.size() && line[begin] >= '0' && line[begin] <= '9';
  line.replace(begin, end - begin, number && random.chance(70) ? any_number(random) : any_token(random));
}

void mutate_tokens(fuzz::Random& random, Lines& lines) {
  for (uint64_t n = 1 + random.below(3); n; --n) {
    size_t at = random.below(lines.size());
    switch (random.below(9)) {
      case 0:
      case 1:
        replace_token(random, lines[at]);
        break;
      case 2:
        lines.erase(lines.begin() + static_cast<ptrdiff_t>(at));
        if (lines.empty()) lines.push_back("");
        break;
      case 3:
        lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), std::string(lines[random.below(lines.size())]));
        break;
      case 4:
        std::swap(lines[at], lines[random.below(lines.size())]);
        break;
      default: {  // an instruction of any row
        auto rows = isa::rows();
        auto instruction = fuzz::any_instruction(random, rows[random.below(rows.size())], {16, 16, 4});
        if (instruction) lines.insert(lines.begin() + static_cast<ptrdiff_t>(at), isa::disassemble(*instruction));
        break;
      }
    }
  }
}

[[noreturn]] void fail(uint64_t mutant, const std::string& what, const std::string& text) {
  std::printf("mutant %llu: %s\n%s\n", static_cast<unsigned long long>(mutant), what.c_str(), text.c_str());
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t mutants = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4000;
  uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  uint64_t only = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : mutants;
  enum Stage { parse, verify, accepted };
  std::array<std::array<uint64_t, 3>, 2> stages{};
  std::array<uint64_t, 4> endings{};
  for (uint64_t mutant = 0; mutant < mutants; ++mutant) {
    if (only < mutants && mutant != only) continue;
    fuzz::Random random(seed * 1'000'003 + mutant);
    auto corpus = fuzz::corpus();
    std::string text(corpus[random.below(corpus.size())]);
    bool aware = random.below(3) < 2;
    if (aware) {
      Lines lines = split(text);
      mutate_tokens(random, lines);
      text = join(lines);
    } else {
      text = fuzz::mutate_characters(random, std::move(text));
    }
    auto executable = assembler::assemble(text, "mutant.s");
    if (!executable) {
      const Diagnostic& why = executable.diagnostic();
      if (why.message.empty() || why.file != "mutant.s")
        fail(mutant, "refused without reason or place: " + why.str(), text);
      ++stages[aware][why.column ? parse : verify];
      continue;
    }
    ++stages[aware][accepted];
    std::string listing = assembler::listing(*executable);
    auto again = assembler::assemble(listing, "listing");
    if (!again) fail(mutant, "the listing does not assemble: " + again.diagnostic().str(), listing);
    if (!(*again == *executable)) fail(mutant, "the listing assembles to something else", listing);
    auto read = image::read(image::write(*executable));
    if (!read) fail(mutant, "the file is refused: " + read.diagnostic().str(), listing);
    if (only < mutants) std::printf("%s\n", listing.c_str()), std::fflush(stdout);
    ++endings[static_cast<size_t>(fuzz::execute(*executable))];
  }
  constexpr std::array<const char*, 3> names = {"parse", "verify", "accepted"};
  std::printf("%-10s %16s %10s\n", "stage", "structure-aware", "characters");
  for (size_t s = 0; s < names.size(); ++s)
    std::printf("%-10s %16llu %10llu\n", names[s], static_cast<unsigned long long>(stages[1][s]),
                static_cast<unsigned long long>(stages[0][s]));
  return fuzz::report(endings) ? 0 : 1;
}
