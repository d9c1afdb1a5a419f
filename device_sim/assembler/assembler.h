// Assembler: text to executable. The language is described in docs/executable.md; a short look:
//
//   .kernel saxpy simt              // the code of a kernel starts at the next instruction
//   .param n 4
//   .param y 8 ptr
//       rdsr.tid.x.u32  r0
//       ld.param.b32    s0, [n]
//       setp.ge.s32     p0, r0, s0
//       bra             done, p0
//       ld.param.b64    s2, [y]
//       st.gm.b32       [s2 + r0*4], r0
//   done:
//       exit
//
// Registers and flags of a kernel are found by the verifier unless .regs and .flags say them.
#pragma once

#include <string>
#include <string_view>

#include "device_sim/diagnostic/diagnostic.h"
#include "device_sim/image/image.h"

namespace phx::assembler {

// The result has passed image::verify(). Errors name file, line and column.
Expected<image::Executable> assemble(std::string_view text, const std::string& filename = "assembly");

}  // namespace phx::assembler
