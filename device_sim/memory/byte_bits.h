// One bit a byte, in words of 64: which bytes of a range have a property (initcheck: were written).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace phx::sim {

// Bits [from, to) of the word that hold bytes [from, to).
inline uint64_t bits_between(unsigned from, unsigned to) {
  const uint64_t below = to == 64 ? ~uint64_t{0} : (uint64_t{1} << to) - 1;
  return below & ~((uint64_t{1} << from) - 1);
}

// Calls `word(index, bits)` for each word that bytes [first, first + bytes) touch, until it returns false.
template <class Word>
bool each_word(uint64_t first, uint64_t bytes, Word word) {
  const uint64_t end = first + bytes;
  for (uint64_t at = first; at < end;) {
    const uint64_t next = std::min(end, (at / 64 + 1) * 64);
    const uint64_t bits = bits_between(static_cast<unsigned>(at % 64), static_cast<unsigned>(next - at / 64 * 64));
    if (!word(at / 64, bits)) return false;
    at = next;
  }
  return true;
}

inline void set_bits(uint64_t* words, uint64_t first, uint64_t bytes) {
  each_word(first, bytes, [&](uint64_t i, uint64_t bits) {
    if ((words[i] & bits) != bits) words[i] |= bits;  // pages that hold nothing new stay untouched
    return true;
  });
}

inline void clear_bits(uint64_t* words, uint64_t first, uint64_t bytes) {
  each_word(first, bytes, [&](uint64_t i, uint64_t bits) {
    if (words[i] & bits) words[i] &= ~bits;
    return true;
  });
}

// The first byte of the range whose bit is `set`, or its end.
inline uint64_t first_with(const uint64_t* words, uint64_t first, uint64_t bytes, bool set) {
  uint64_t found = first + bytes;
  each_word(first, bytes, [&](uint64_t i, uint64_t bits) {
    const uint64_t hits = (set ? words[i] : ~words[i]) & bits;
    if (hits) found = i * 64 + static_cast<uint64_t>(std::countr_zero(hits));
    return hits == 0;
  });
  return found;
}

}  // namespace phx::sim
