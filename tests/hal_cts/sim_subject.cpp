#include <doctest/doctest.h>

#include <phalanx/hal/drivers/sim.h>
#include "device_sim/assembler/assembler.h"
#include "device_sim/image/image.h"
#include "tests/hal_cts/subject.h"

namespace {

constexpr const char* kProgram = R"asm(
.global counter align 4
  .word 17

.kernel fill simt
.param out 8 ptr
.param value 4
.param count 4
    rdsr.ctaid.x.u32  s0
    rdsr.ntid.x.u32   s1
    rdsr.tid.x.u32    r0
    mad.u32           r1, s0, s1, r0
    ld.param.b32      s2, [count]
    setp.ge.u32       p0, r1, s2
    bra               done, p0
    ld.param.b32      s3, [value]
    add.u32           r2, r1, s3
    ld.param.b64      s4, [out]
    st.gm.b32         [s4 + u(r1)*4], r2
done:
    exit

.kernel fill_far_away simt
.param out 8 ptr
.param value 4
.param count 4
    rdsr.tid.x.u32    r0
    ld.param.b64      s4, [out]
    st.gm.b32         [s4 + u(r0)*4 + 1073741824], r0
    exit
)asm";

}  // namespace

cts::Subject cts::subject(uint32_t devices) {
  auto executable = phx::assembler::assemble(kProgram, "sim_subject");
  REQUIRE_MESSAGE(executable.ok(), executable.diagnostic().str());
  Subject subject;
  subject.kind = phx::hal::sim::driver_kind();
  subject.config = {{"devices", std::to_string(devices)}, {"threads", "1"}};
  subject.executable = phx::image::write(*executable);
  subject.fill_kernel = "fill";
  subject.fault_kernel = "fill_far_away";
  subject.symbol = "counter";
  return subject;
}
