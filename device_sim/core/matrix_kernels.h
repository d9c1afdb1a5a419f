// The inner loops of the cube core, compiled once per level of the host's instruction set with the same bits on each.
//
// Ranges are checked by the callers; pointers need no alignment. Layouts are those of isa.def §9. This header is
// included by files that are compiled for several levels, so it must not become a home of shared inline functions.
#pragma once

#include <stdint.h>

#include "device_sim/isa/isa.h"

namespace phx::sim {

// l0c = start + l0a x l0b.
struct Multiply {
  isa::Type type;             // of both operands: s8, e4m3, e5m2, f16, bf16, f32
  const unsigned char* a;     // zZ, m x k
  const unsigned char* b;     // Zn, k x n
  unsigned char* c;           // f32 (s8: s32) in NZ with a pitch of up(m, 16) rows
  const unsigned char* bias;  // n values of the accumulators' type to start every row from, or null
  bool init;                  // without bias: start from zero
  uint32_t m, k, n;           // none is 0
};

// Accumulators to a matrix in memory.
struct Drain {
  isa::Type from, to;
  const unsigned char* accumulators;
  uint64_t pitch;  // bytes from column block to column block
  unsigned char* out;
  uint64_t out_pitch;  // bytes from row to row, in NZ from column block to column block
  uint32_t m, n;
  bool nz, relu, quant, add;
  float scale;  // of quant
};

// Fractals along m (n) and k, from an NZ matrix to zZ or Zn.
struct LoadTransposed {
  unsigned element_bytes;
  const unsigned char* from;  // rows are the k's
  uint64_t pitch;             // bytes from column block to column block
  unsigned char* to;
  uint32_t wide, deep;            // fractals along m (n) and along k
  uint64_t wide_step, deep_step;  // bytes between them in `to`
};

struct MatrixKernels {
  void (*multiply)(const Multiply& job);
  void (*drain)(const Drain& job);
  void (*load_transposed)(const LoadTransposed& job);
};
const MatrixKernels& matrix_kernels_baseline();
const MatrixKernels& matrix_kernels_v3();
const MatrixKernels& matrix_kernels_v4();

const MatrixKernels& matrix_kernels();  // of this host (cube.cpp)

}  // namespace phx::sim
