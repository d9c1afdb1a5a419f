// Rows of vector instructions, compiled once per level of the host's instruction set (CMakeLists.txt). The results are
// the same bits on every level: only exact operations are used, and NaN results are made canonical.
//
// Everything but the selecting function has internal linkage, and nothing is called that a header could share: the
// linker must never keep the copy of a function that was compiled for a newer host.
#include "device_sim/core/vector_rows.h"

#include "device_sim/core/vector_arithmetic.h"
#include "device_sim/core/vector_compare.h"
#include "device_sim/core/vector_convert.h"
#include "device_sim/core/vector_reduction.h"

namespace phx::sim {

RowKernel PHX_VECTOR_ROW(isa::Opcode op, isa::Type type, isa::Type from) {
  if (op == isa::Opcode::Vconv) return pick_conversion(from, type);
  if (RowKernel kernel = pick_elementwise(op, type)) return kernel;
  if (RowKernel kernel = pick_comparison(op, type)) return kernel;
  return pick_reduction(op, type);
}

}  // namespace phx::sim
