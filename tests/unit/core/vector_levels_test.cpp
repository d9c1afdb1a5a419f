// Rows of vector instructions on all levels of the host's instruction set that this host has: the same bytes, for many
// more values than the tests of single instructions have.
#include "device_sim/core/vector_rows.h"
#include "device_sim/isa/table.h"
#include "tests/unit/core/vector_rig.h"

using namespace phx;
using namespace phx::sim;
using namespace phx::sim::test;

namespace {

constexpr uint64_t kElements = 4096 + 13;

struct Level {
  const char* name;
  RowKernel (*select)(isa::Opcode, isa::Type, isa::Type);
  bool available;
};
#if defined(__x86_64__)
const Level kNewer[] = {{"v3", vector_row_v3, static_cast<bool>(__builtin_cpu_supports("x86-64-v3"))},
                        {"v4", vector_row_v4, static_cast<bool>(__builtin_cpu_supports("x86-64-v4"))}};
#else
const Level kNewer[] = {{"none", nullptr, false}};
#endif

unsigned compared = 0;

// Elements of `type`, or any bits, in which every subnormal, NaN and infinity has its chance.
Bytes elements(std::mt19937_64& random, Type type) {
  Bytes bytes(kElements * 4);
  for (uint64_t i = 0; i < kElements; ++i)
    put(bytes, i * size_of(type), size_of(type), random() % 2 ? any_element(random, type) : random());
  return bytes;
}

void compare(isa::Opcode op, Type type, Type from, unsigned detail, std::mt19937_64& random) {
  const RowKernel baseline = vector_row_baseline(op, type, from);
  if (!baseline) return;
  const Type source = from == Type::None ? type : from;
  const Bytes a = elements(random, source), b = elements(random, source), mask = elements(random, Type::S32);
  auto result = [&](RowKernel kernel, uint64_t count) {
    Bytes dst(kElements * 4, 0xa5);
    kernel({dst.data(), a.data(), b.data(), mask.data(), count, detail});
    return dst;
  };
  for (uint64_t count : {kElements, uint64_t{1}, uint64_t{130}}) {
    const Bytes expected = result(baseline, count);
    for (const Level& level : kNewer) {
      if (!level.available) continue;
      ++compared;
      const Bytes got = result(level.select(op, type, from), count);
      check_images(got, expected,
                   std::string(isa::row(op)->mnemonic) + "." + name_of(source) + "." + name_of(type) + " " +
                       std::to_string(detail) + " on " + level.name);
    }
  }
}

}  // namespace

TEST_CASE("rows give the same bytes on all levels") {
  std::mt19937_64 random(71);
  for (const isa::RowInfo& row : isa::rows()) {
    if (row.family != isa::Family::vec) continue;
    for (const isa::TypeInfo& info : isa::types()) {
      if (!(row.types >> static_cast<unsigned>(info.type) & 1) || info.type == Type::None) continue;
      if (row.op == isa::Opcode::Vconv) {
        for (Type from :
             {Type::S8, Type::U8, Type::S16, Type::U16, Type::S32, Type::U32, Type::F16, Type::BF16, Type::F32})
          for (unsigned rounding = 0; rounding < 5; ++rounding)
            for (unsigned k = 0; k < 4; ++k) compare(row.op, info.type, from, rounding, random);
      } else if (row.op == isa::Opcode::Vcmp || row.op == isa::Opcode::Vcmps) {
        for (unsigned relations = 0; relations < 16; ++relations)
          compare(row.op, info.type, Type::None, relations, random);
      } else {
        for (unsigned k = 0; k < 8; ++k) compare(row.op, info.type, Type::None, 0, random);
      }
    }
  }
  if (kNewer[0].available) CHECK(compared > 3000);
}
