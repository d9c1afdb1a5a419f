// Runs an accepted executable under a step limit. What it computes does not matter; that it ends with a result, a
// refusal or a fault, and without touching memory that is not its own, does.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "device_sim/image/image.h"

namespace phx::fuzz {

enum class Ending : uint8_t { finished, faulted, refused, not_run };
inline constexpr std::array<const char*, 4> kEndingNames = {"finished", "faulted", "refused", "not run"};

// Launches every kernel once.
Ending execute(const image::Executable& executable);

// Mnemonics, with one instruction each, that passed decode and verification but that the interpreter has no meaning
// for.
const std::map<std::string, std::string>& without_meaning();

// Counts and findings of a fuzzer's executions on standard output; false if there were findings.
inline bool report(const std::array<uint64_t, 4>& endings) {
  std::printf("executed: ");
  for (size_t e = 0; e < endings.size(); ++e)
    std::printf("%s %llu%s", kEndingNames[e], static_cast<unsigned long long>(endings[e]),
                e + 1 < endings.size() ? ", " : "\n");
  for (const auto& [mnemonic, instruction] : without_meaning())
    std::printf("the interpreter has no meaning for %s: %s\n", mnemonic.c_str(), instruction.c_str());
  return without_meaning().empty();
}

}  // namespace phx::fuzz
