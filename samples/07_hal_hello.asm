// y[i] = a * x[i] + y[i], one lane per element; the kernel of 07_hal_hello.cpp.
.kernel saxpy simt
  .display "saxpy(x, y, a, n)"
  .param x 8 ptr
  .param y 8 ptr
  .param a 4
  .param n 4
    rdsr.ctaid.x.u32  s0
    rdsr.ntid.x.u32   s1
    rdsr.tid.x.u32    r0
    mad.u32           r1, s0, s1, r0
    ld.param.b32      s2, [n]
    setp.ge.u32       p0, r1, s2
    bra               done, p0
    ld.param.b32      s3, [a]
    ld.param.b64      s4, [x]
    ld.param.b64      s5, [y]
    ld.gm.b32         r2, [s4 + u(r1)*4]
    ld.gm.b32         r3, [s5 + u(r1)*4]
    fma.f32           r3, r2, s3, r3
    st.gm.b32         [s5 + u(r1)*4], r3
done:
    exit
