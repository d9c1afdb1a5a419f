// Runs work(i) for i in [0, count) on some threads; work writes only what belongs to its i.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace phx::validation {

template <class Work>
void in_parallel(size_t count, unsigned jobs, Work work) {
  std::atomic<size_t> next = 0;
  auto some = [&] {
    for (size_t i; (i = next++) < count;) work(i);
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < jobs && i < count; ++i) others.emplace_back(some);
  some();
  for (std::thread& other : others) other.join();
}

}  // namespace phx::validation
