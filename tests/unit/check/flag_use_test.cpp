// Which flags and barriers some order needs: what is called unused can go, all of it at once.
#include "device_sim/check/flag_use.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>

#include "device_sim/check/pipe_order.h"

using phx::sim::FlagUse;
using phx::sim::PipeOrder;
using phx::sim::unused_groups;
using Groups = std::vector<std::vector<uint32_t>>;

namespace {

constexpr unsigned kV = 1, kMte1 = 3, kMte2 = 4, kMte3 = 5;
constexpr unsigned kUb = 0;
constexpr PipeOrder::Range kTile{0, 1024, 1, 0};

Groups unused(const PipeOrder& order) { return unused_groups(order.use()->take()); }

// A step of a program; flags are a set and its wait at once.
struct Step {
  enum Kind { access, flag, barrier } kind = access;
  unsigned pipe = 0, to = 0, space = 0;
  PipeOrder::Range range;
  bool write = false;
};

void run(const std::vector<Step>& steps, PipeOrder& order) {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    const Step& s = steps[i];
    if (s.kind == Step::access) order.access(s.pipe, 2 * i, s.space, 0, s.range, s.write);
    if (s.kind == Step::barrier) order.barrier(2 * i);
    if (s.kind != Step::flag) continue;
    order.set(s.pipe, s.to, 0, 2 * i);
    order.wait(s.pipe, s.to, 0, 2 * i + 1);
  }
}

}  // namespace

TEST_CASE("a flag that another one repeats is unused, its twin is used") {
  PipeOrder order(true);
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.set(kMte2, kV, 0, 2);
  order.set(kMte2, kV, 1, 3);
  order.wait(kMte2, kV, 0, 4);
  order.wait(kMte2, kV, 1, 5);
  order.access(kV, 6, kUb, 0, kTile, false);
  CHECK(unused(order) == Groups{{3, 5}});
}

TEST_CASE("a chain over a third pipe is used, a flag across it is not") {
  PipeOrder order(true);
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.set(kMte2, kV, 0, 2);
  order.wait(kMte2, kV, 0, 3);
  order.set(kMte2, kMte3, 0, 4);
  order.access(kV, 5, kUb, 0, {4096, 64, 1, 0}, true);
  order.set(kV, kMte3, 0, 6);
  order.wait(kV, kMte3, 0, 7);
  order.wait(kMte2, kMte3, 0, 8);
  order.access(kMte3, 9, kUb, 0, kTile, false);  // by way of V
  order.access(kMte3, 10, kUb, 0, {4096, 64, 1, 0}, false);
  CHECK(unused(order) == Groups{{4, 8}});
}

TEST_CASE("one execution that needs it is enough") {
  PipeOrder order(true);
  for (int i = 0; i < 3; ++i) {
    order.access(kMte2, 1, kUb, 0, {static_cast<uint64_t>(i) * 64, 64, 1, 0}, true);
    order.set(kMte2, kV, 0, 2);
    order.wait(kMte2, kV, 0, 3);
    order.access(kV, 4, kUb, 0, {static_cast<uint64_t>(i == 2 ? 128 : 4096), 64, 1, 0}, false);
  }
  CHECK(unused(order).empty());
}

TEST_CASE("barriers: of all pipes, of one") {
  PipeOrder order(true);
  order.access(kMte2, 1, kUb, 0, kTile, true);
  order.barrier(2);
  order.access(kV, 3, kUb, 0, kTile, true);
  order.barrier(4);  // nobody else looks
  order.barrier_of(kV, 5);
  order.access(kV, 6, kUb, 0, kTile, true);  // after 3
  order.barrier_of(kV, 7);
  order.access(kV, 8, kUb, 0, {4096, 64, 1, 0}, true);
  CHECK(unused(order) == Groups{{4}, {7}});
}

TEST_CASE("what other cores may need stays") {
  PipeOrder order(true);
  order.access(kMte2, 1, PipeOrder::kDeviceMemory, 0, kTile, false);
  order.set(kMte2, kMte3, 0, 2);
  order.wait(kMte2, kMte3, 0, 3);
  order.cross_set(kMte3);
  order.cross_wait(kMte1);
  order.set(kMte1, kMte2, 0, 4);
  order.wait(kMte1, kMte2, 0, 5);
  order.access(kMte2, 6, PipeOrder::kDeviceMemory, 64, kTile, false);
  CHECK(unused(order).empty());
}

TEST_CASE("random programs without what is unused still have all their orders") {
  size_t removed = 0, kept = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::vector<Step> steps;
    for (int i = 0; i < 120; ++i) {
      const unsigned pipe = below(5);
      Step step;
      step.pipe = pipe;
      step.to = (pipe + 1 + below(4)) % 5;
      step.kind = below(3) ? Step::flag : Step::access;
      if (below(40) == 0) step.kind = Step::barrier;
      step.space = below(4) ? kUb : PipeOrder::kDeviceMemory;
      step.range = {below(8) * 32, 32 + below(3) * 32, 1 + below(2), 128};
      step.write = below(2);
      steps.push_back(step);
    }
    for (;;) {  // until all accesses are ordered
      PipeOrder order;
      run(steps, order);
      if (order.findings().empty()) break;
      std::set<uint32_t> wrong;
      for (const auto& finding : order.findings()) wrong.insert(finding.later / 2);
      for (auto at = wrong.rbegin(); at != wrong.rend(); ++at) steps.erase(steps.begin() + *at);
    }
    PipeOrder order(true);
    run(steps, order);
    std::set<uint32_t> out;
    for (const auto& group : unused(order))
      for (uint32_t instruction : group) out.insert(instruction / 2);
    std::vector<Step> rest;
    for (uint32_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind != Step::access) ++(out.contains(i) ? removed : kept);
      if (!out.contains(i)) rest.push_back(steps[i]);
    }
    PipeOrder again;
    run(rest, again);
    CHECK(again.findings().empty());
  }
  CHECK(removed > 1000);
  CHECK(kept > 100);
}
