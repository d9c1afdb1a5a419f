// y = relu(x * w + b), 262144 elements: a kernel for the vector cores written by hand, with the flags between pipes that a
// compiler would have to find.
//
//   phx as samples/10_hand_written.asm -o hand.phx
//   phx run hand.phx --machine ascend-910b1 --random 1 --check synccheck --report report.json
//
// Every core takes tiles of 4096 elements (16 KiB) in turn. The unified buffer holds two sets of four tiles, so that MTE2 loads the
// next tile while V works on this one and MTE3 stores the last. s8 is the set in use; it is also the number of the event
// within each pair of pipes.
.target aiv "ascend-910b1"

.kernel multiply_add_relu aiv
  .display "multiply_add_relu(x, w, b, y)"
  .param x 8 ptr
  .param w 8 ptr
  .param b 8 ptr
  .param y 8 ptr
    ld.param.b64      s0, [x]
    ld.param.b64      s1, [w]
    ld.param.b64      s2, [b]
    ld.param.b64      s3, [y]
    rdsr.block_idx.u32 s4              // tile
    rdsr.block_num.u32 s5
    mov.b64           s6, 0x40000001   // one burst of 16384 bytes
    mov.b64           s7, 0x11000      // one row of 4096 elements
    mov.b32           s8, 0
    set_flag.v.mte2   0                // both sets of inputs may be loaded
    set_flag.v.mte2   1
    set_flag.mte3.v   0                // both results may be overwritten
    set_flag.mte3.v   1
    jmp               test
next:
    shl.b64           s9, s4, 14       // bytes before this tile
    shl.b64           s10, s8, 16      // x, w, b, y of this set, 16 KiB each
    add.u64           s11, s10, 0x4000
    add.u64           s12, s10, 0x8000
    add.u64           s13, s10, 0xc000
    add.u64           s14, s0, s9
    add.u64           s15, s1, s9
    add.u64           s16, s2, s9
    add.u64           s17, s3, s9
    wait_flag.v.mte2  s8
    dma_gm_ub         s10, s14, s6, zero
    dma_gm_ub         s11, s15, s6, zero
    dma_gm_ub         s12, s16, s6, zero
    set_flag.mte2.v   s8
    wait_flag.mte2.v  s8
    wait_flag.mte3.v  s8
    vmul.f32          s13, s10, s11, s7
    vadd.f32          s13, s13, s12, s7
    set_flag.v.mte2   s8
    vrelu.f32         s13, s13, s7
    set_flag.v.mte3   s8
    wait_flag.v.mte3  s8
    dma_ub_gm         s17, s13, s6, zero
    set_flag.mte3.v   s8
    xor.b32           s8, s8, 1
    add.u32           s4, s4, s5
test:
    setp.lt.u32       p0, s4, 64
    bra               next, p0
    wait_flag.v.mte2  0
    wait_flag.v.mte2  1
    wait_flag.mte3.v  0
    wait_flag.mte3.v  1
    exit

// What `phx run` and Python need to know: tensors, buffers and the launch.
.data string phx.program
  .ascii "{\"version\": 1, \"machine\": \"ascend-910b1\", \"workspace_bytes\": 0,"
  .ascii " \"inputs\": [{\"name\": \"x\", \"type\": \"f32\", \"shape\": [262144], \"buffer\": 0},"
  .ascii "             {\"name\": \"w\", \"type\": \"f32\", \"shape\": [262144], \"buffer\": 1},"
  .ascii "             {\"name\": \"b\", \"type\": \"f32\", \"shape\": [262144], \"buffer\": 2}],"
  .ascii " \"outputs\": [{\"name\": \"y\", \"type\": \"f32\", \"shape\": [262144], \"buffer\": 3}],"
  .ascii " \"buffers\": [{\"kind\": \"input\", \"bytes\": 1048576}, {\"kind\": \"input\", \"bytes\": 1048576},"
  .ascii "             {\"kind\": \"input\", \"bytes\": 1048576}, {\"kind\": \"output\", \"bytes\": 1048576}],"
  .ascii " \"launches\": [{\"kernel\": \"multiply_add_relu\", \"grid\": 48, \"arguments\": [0, 1, 2, 3],"
  .ascii "               \"source\": \"10_hand_written.asm\"}]}"
