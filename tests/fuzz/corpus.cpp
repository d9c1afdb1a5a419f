#include "tests/fuzz/corpus.h"

#include <array>

namespace phx::fuzz {
namespace {

constexpr std::string_view kSaxpy = R"asm(
.kernel saxpy simt
  .display "saxpy(int, float, float*, float*)"
  .source "saxpy.cu" 3
  .param n 4
  .param a 4
  .param x 8 ptr
  .param y 8 ptr
  .loc "saxpy.cu" 4 3 "saxpy"
  rdsr.tid.x.u32 r0
  rdsr.ctaid.x.u32 s0
  rdsr.ntid.x.u32 s1
  mad.s32 r0, s0, s1, r0
  ld.param.b32 s2, [n]
  setp.ge.s32 p0, r0, s2
  fork.k0 done
  bra done, p0
  .loc "saxpy.cu" 5 3 "axpy" in "saxpy.cu" 9 1 "saxpy"
  ld.param.b64 s4, [x]
  ld.param.b64 s6, [y]
  ld.param.b32 s3, [a]
  ld.gm.ro.b32 r1, [s4 + r0*4]
  ld.gm.b32 r2, [s6 + r0*4]
  fma.f32 r2, r1, s3, r2
  st.gm.b32 [s6 + r0*4], r2
done:
  join.k0
  exit
)asm";

constexpr std::string_view kReduction = R"asm(
.global total align 8
  .quad 0, @table + 8
.constant table align 16
  .float 1.0, 2.0, 4.0, 8.0
  .double 0.5
.kernel reduce simt
  .ub 1024
  .local 64
  .threads 256
  .param in 8 ptr
  .param n 4
  rdsr.tid.x.u32 r0
  mov.b32 r1, 0
  mov.b32 r2, r0
  ld.param.b64 s0, [in]
  ld.param.b32 s2, [n]
  fork.k0 summed
next:
  setp.ge.s32 p0, r2, s2
  bra summed, p0
  ld.gm.b32 r3, [s0 + r2*4]
  add.f32 r1, r1, r3
  rdsr.ntid.x.u32 r4
  add.s32 r2, r2, r4
  jmp next
summed:
  join.k0
  st.ub.b32 [zero + r0*4], r1
  bar.sync
  mov.b32 s3, 16
halve:
  shfl.down.clamp31.b32 r3, r1, s3, zero
  add.f32 r1, r1, r3
  shr.u32 s3, s3, 1
  setp.ne.s32 p1, s3, zero
  bra halve, p1
  mov.b64 s4, @total
  setp.eq.s32 p2, r0, zero
  fork.k1 out
  bra.not out, p2
  red.gm.add.f32 [s4], r1
  atom.gm.add.u32 r5, [s4 + 4], r0
  st.local.b32 [8], r5
out:
  join.k1
  ballot.b32 s6, p2, ones
  vote.any p3, p2, ones
  bar.popc r6, p3
  mov.b64 s8, @table + 4
  ld.gm.v2.ro.b32 r8, [s8 + 4]
  math.sin.f32 r8, r8
  math2.pow.f32 r9, r8, r9
  cvt.f32.f64 r10, r8
  exit
)asm";

constexpr std::string_view kCalls = R"asm(
.bss global scratch 100000 align 64
.bss constant zeros 12 align 4
.data string text align 1
  .string "value %d\n"
.kernel spin simt
  .param lock 8 ptr
  ld.param.b64 s0, [lock]
  fork.k0 done
try:
  mov.b32 r0, 0
  mov.b32 r1, 1
  atom.gm.cas.b32 r2, [s0], r0
  setp.ne.s32 p0, r2, zero
  bra try, p0
  fence.device
  ld.gm.volatile.b32 r3, [s0 + 4]
  add.s32 r3, r3, 1
  st.gm.volatile.b32 [s0 + 4], r3
  fence.device
  atom.gm.exch.b32 r4, [s0], zero
  jmp done
done:
  join.k0
  call helper
  mov.b64 r6, @text
  mov.b64 r8, @text + 3
  svc.malloc r10, 64, zero
  rdsr.clock64.u64 r12
  lop3.lut150.b32 r14, r0, r1, r2
  prmt.b32 r14, r14, r0, 0x3210
  syncwarp ones
  exit
helper:
  setp.lt.f32 p1, r3, 1.5
  sel.b32 r5, r3, r4, p1
  redux.add.s32 r5, r5, ones
  match.any.b32 r7, r5, ones
  ret
)asm";

constexpr std::string_view kTile = R"asm(
.target aiv "a machine"
.kernel copy aiv
  .param from 8 ptr
  .param to 8 ptr
  ld.param.b64 s0, [from]
  ld.param.b64 s1, [to]
  mov.b64 s2, 0x200001
  dma_gm_ub zero, s0, s2, zero
  set_flag.mte2.mte3.id1 0
  wait_flag.mte2.mte3.id1 0
  dma_ub_gm s1, zero, s2, zero
  pipe_barrier.all
  mov.b32 s4, 3
again:
  sub.s32 s4, s4, 1
  setp.gt.s32 p0, s4, zero
  bra again, p0
  exit
)asm";

constexpr std::string_view kProduct = R"asm(
.target aic "a machine"
.kernel product aic
  .param a 8 ptr
  .param c 8 ptr
  ld.param.b64 s0, [a]
  ld.param.b64 s2, [c]
  mov.b64 s4, 0x1000100010
  mov.b64 s5, 32
  dma_nd2nz.f16 zero, s0, s4, s5
  mov.b64 s6, 0x400001
  dma_gm_l1 0x1000, s0, s6, zero
  mov.b64 s10, 16
  l1_bt.f32 zero, 0x1000, s10
  set_flag.mte2.mte1.id2 zero
  wait_flag.mte2.mte1.id2 zero
  mov.b64 s7, 0x1000010001
  l1_l0a.f16 zero, zero, s7
  l1_l0b.trans.f16 zero, zero, s7
  mov.b64 s8, 0x2010010010
  mmad.f16 zero, zero, zero, s8
  set_quant.f32 0x3f000000
  mov.b64 s9, 0x1010010
  fixpipe.gm.f32.relu.quant.f16 s2, zero, s9, s5
  fixpipe.gm.f32.add.f32 s2, zero, s9, 0x40
  fixpipe.l1.f32.nz.bf16 0x2000, zero, s9, s10
  pipe_barrier.all
  exit
)asm";

}  // namespace

std::span<const std::string_view> corpus() {
  static constexpr std::array<std::string_view, 5> texts = {kSaxpy, kReduction, kCalls, kTile, kProduct};
  return texts;
}

}  // namespace phx::fuzz
