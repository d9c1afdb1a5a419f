// Rows of mathematical functions, in f32; f16 goes through f32 and is rounded once more.
#include <algorithm>
#include <cstring>

#include "device_sim/core/vector_rows.h"
#include "device_sim/numerics/math.h"

namespace phx::sim {
namespace {

using isa::Opcode;
using isa::Type;

constexpr uint64_t kLanes = 32;   // of num::eval32
constexpr uint64_t kPiece = 256;  // elements that are f32 for a moment

// What is left of a row goes through memory of full length.
void f32_row(const RowOperands& row) {
  const auto fn = static_cast<num::MathFn>(row.detail);
  alignas(64) float x[kLanes], y[kLanes], result[kLanes];
  for (uint64_t i = 0; i < row.count; i += kLanes) {
    const uint64_t bytes = std::min(kLanes, row.count - i) * sizeof(float);
    if (bytes < sizeof x) {
      std::fill_n(x, kLanes, 1.0f);
      std::fill_n(y, kLanes, 1.0f);
    }
    std::memcpy(x, row.a + i * sizeof(float), bytes);
    if (row.b) std::memcpy(y, row.b + i * sizeof(float), bytes);
    num::eval32(fn, x, row.b ? y : nullptr, result);
    std::memcpy(row.dst + i * sizeof(float), result, bytes);
  }
}

void f16_row(const RowOperands& row) {
  static const RowKernel widen = vector_row(Opcode::Vconv, Type::F32, Type::F16);
  static const RowKernel narrow = vector_row(Opcode::Vconv, Type::F16, Type::F32);
  constexpr auto kNearest = static_cast<unsigned>(isa::VecRounding::Rint);
  alignas(64) unsigned char x[kPiece * 4], y[kPiece * 4];
  for (uint64_t i = 0; i < row.count; i += kPiece) {
    const uint64_t n = std::min(kPiece, row.count - i);
    widen({x, row.a + i * 2, nullptr, nullptr, n, kNearest});
    if (row.b) widen({y, row.b + i * 2, nullptr, nullptr, n, kNearest});
    f32_row({x, x, row.b ? y : nullptr, nullptr, n, row.detail});
    narrow({row.dst + i * 2, x, nullptr, nullptr, n, kNearest});
  }
}

}  // namespace

RowKernel math_row(Type type) { return type == Type::F16 ? f16_row : f32_row; }

}  // namespace phx::sim
