// Mutations of text that has lines and words, for fuzzers of text formats.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tests/fuzz/random.h"

namespace phx::fuzz {

// Structure-aware: words are replaced by others of the language (`words`) or by numbers that some limit may dislike,
// lines are removed, repeated, swapped, and the text may end early at a line.
std::string mutate_words(Random& random, std::string text, std::span<const std::string_view> words);

// Characters: flipped, removed, inserted, repeated; the text may end anywhere.
std::string mutate_characters(Random& random, std::string text);

}  // namespace phx::fuzz
