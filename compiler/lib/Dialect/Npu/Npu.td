//===- Npu.td: the npu dialect, tile programs before they are instructions ------------------------------------------------
//
// Three levels meet here.
//   Graph level   npu.group, npu.rearrange inside @main: what becomes one kernel.
//   Host level    npu.launch inside @main on flat device buffers: the order of kernels.
//   Kernel level  everything else, inside functions that carry `npu.core`: loads, matrix and vector operations on tiles.
//
// Kernel-level operations are in destination-passing style and exist in two forms. Value form: tiles are tensors (after phase
// place their encoding is the memory space), the result is the new content of `outs`. Buffer form (from phase buffer on): tiles are
// memrefs with a memory space and there is no result. A tile is two-dimensional and static; how much of it is used is said by
// run-time sizes (`rows`, `cols`: index values). docs/compiler.md has the form of the IR after each phase.
//===------------------------------------------------------------------------------------------------------------------------

#ifndef PHALANX_NPU_TD
#define PHALANX_NPU_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Npu_Dialect : Dialect {
  let name = "npu";
  let cppNamespace = "::phx::compiler::npu";
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

class Npu_Enum<string name, string text, list<I32EnumAttrCase> cases> : I32EnumAttr<name, text, cases> {
  let cppNamespace = "::phx::compiler::npu";
  let genSpecializedAttr = 0;
}
class Npu_EnumAttr<EnumAttrInfo info, string word> : EnumAttr<Npu_Dialect, info, word> { let assemblyFormat = "`<` $value `>`"; }

def Npu_SpaceEnum : Npu_Enum<"Space", "memory space of a tile or buffer", [
  I32EnumAttrCase<"gm", 0>, I32EnumAttrCase<"ub", 1>, I32EnumAttrCase<"l1", 2>, I32EnumAttrCase<"l0a", 3>,
  I32EnumAttrCase<"l0b", 4>, I32EnumAttrCase<"l0c", 5>, I32EnumAttrCase<"bt", 6>]>;
def Npu_Space : Npu_EnumAttr<Npu_SpaceEnum, "space">;

// Values are those of isa::PipeField.
def Npu_PipeEnum : Npu_Enum<"Pipe", "queue of a core", [
  I32EnumAttrCase<"s", 0>, I32EnumAttrCase<"v", 1>, I32EnumAttrCase<"m", 2>, I32EnumAttrCase<"mte1", 3>,
  I32EnumAttrCase<"mte2", 4>, I32EnumAttrCase<"mte3", 5>, I32EnumAttrCase<"fix", 6>, I32EnumAttrCase<"all", 7>]>;
def Npu_Pipe : Npu_EnumAttr<Npu_PipeEnum, "pipe">;

def Npu_CoreEnum : Npu_Enum<"Core", "kind of core a kernel function runs on", [
  I32EnumAttrCase<"aiv", 1>, I32EnumAttrCase<"aic", 2>]>;
def Npu_Core : Npu_EnumAttr<Npu_CoreEnum, "core">;

def Npu_KindEnum : Npu_Enum<"GroupKind", "which tiler takes a group", [
  I32EnumAttrCase<"vector", 0>, I32EnumAttrCase<"cube", 1>, I32EnumAttrCase<"copy", 2>]>;
def Npu_Kind : Npu_EnumAttr<Npu_KindEnum, "kind">;

def Npu_Schedule : AttrDef<Npu_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "how a matmul is cut: one pass chooses it from the machine, a flag or transform file may replace it";
  let description = [{
    The fields are listed in lib/Transforms/Tile/Cube/CubeSchedule.def, in the same order; docs/compiler.md says what each one does.
    Those with a default may be left out.
  }];
  let parameters = (ins "int64_t":$base_m, "int64_t":$base_n, "int64_t":$base_k, "int64_t":$step_ka, "int64_t":$step_kb, "int64_t":$cores_m,
                    "int64_t":$cores_n, "int64_t":$split_k, "int64_t":$l1_buffers, "int64_t":$l0_buffers, "int64_t":$l0c_buffers,
                    DefaultValuedParameter<"int64_t", "0">:$n_outer, DefaultValuedParameter<"int64_t", "0">:$unit_flag,
                    DefaultValuedParameter<"int64_t", "1">:$nd2nz, DefaultValuedParameter<"int64_t", "1">:$overlap,
                    DefaultValuedParameter<"int64_t", "0">:$deal, DefaultValuedParameter<"int64_t", "0">:$core_order,
                    DefaultValuedParameter<"int64_t", "0">:$l2_m, DefaultValuedParameter<"int64_t", "0">:$l2_n,
                    DefaultValuedParameter<"int64_t", "0">:$k_stagger, DefaultValuedParameter<"int64_t", "0">:$mix,
                    DefaultValuedParameter<"int64_t", "0">:$split_add);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Npu_VectorSchedule : AttrDef<Npu_Dialect, "VectorSchedule"> {
  let mnemonic = "vector_schedule";
  let summary = "how a vector group is cut: one pass chooses it from the machine, a flag may replace fields";
  let description = [{
    block: bytes of the largest operand's tile of one iteration. buffers: copies of what is loaded and stored; 2 overlaps neighbouring
    iterations, 1 does not. cores: vector cores that work. l2_bypass: loads (1), or loads and stores (2), of what is used once carry the hint `stream`.
    conflict_free: the tiles of a two-operand instruction lie so that its sources share no bank group, where the buffer has room.
  }];
  let parameters = (ins "int64_t":$block, "int64_t":$buffers, "int64_t":$cores, "int64_t":$l2_bypass, "bool":$conflict_free);
  let assemblyFormat = "`<` struct(params) `>`";
}

// One piece of a rearrangement: dst[dst_offset + sum i_k dst_strides_k] = src[src_offset + sum i_k src_strides_k] over the
// box `sizes`, all in elements of the flattened row-major tensors.
def Npu_Piece : AttrDef<Npu_Dialect, "Piece"> {
  let mnemonic = "piece";
  let summary = "a strided box copied from one source of npu.rearrange to the result";
  let parameters = (ins "int64_t":$source, "int64_t":$src_offset, "int64_t":$dst_offset, ArrayRefParameter<"int64_t">:$sizes,
                    ArrayRefParameter<"int64_t">:$src_strides, ArrayRefParameter<"int64_t">:$dst_strides);
  let assemblyFormat = [{`<` $source `,` $src_offset `to` $dst_offset `,` `[` $sizes `]` `,` `[` $src_strides `]` `to` `[` $dst_strides `]` `>`}];
}

class Npu_Op<string name, list<Trait> traits = []> : Op<Npu_Dialect, name, traits>;

// --- Graph level --------------------------------------------------------------------------------------------------------

def Npu_GroupOp : Npu_Op<"group", [IsolatedFromAbove, SingleBlock]> {
  let summary = "operations that become one kernel";
  let description = [{
    `domain` is the common iteration space. Each linalg operation inside carries `npu.dims`, the domain dimension of each of
    its loops. `kind` says what is inside:
    vector: linalg.generic operations whose maps keep the order of dimensions (broadcast by leaving dimensions out);
            reductions reduce a suffix of the domain, unless the group's only reduction ends it;
    cube:   linalg.fill and one contraction over domain [b,] m, n (k is not in the domain), then linalg.generic operations
            that are elementwise over the domain;
    copy:   one npu.rearrange.
    Boolean tensors cross the boundary as i8.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, StrAttr:$name, Npu_Kind:$kind, DenseI64ArrayAttr:$domain,
                   OptionalAttr<Npu_Schedule>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$name $kind `domain` $domain (`schedule` $schedule^)? `(` $inputs `)` attr-dict-with-keyword `:` functional-type($inputs, $results) $body";
  let hasVerifier = 1;
}

def Npu_YieldOp : Npu_Op<"yield", [Terminator, HasParent<"GroupOp">, Pure]> {
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Npu_RearrangeOp : Npu_Op<"rearrange", [Pure]> {
  let summary = "a tensor put together from strided boxes of others; the rest of it is `fill`";
  let description = [{Slices, padding, concatenation, transposition, tiling, im2col, gathers with known indices. Pieces do not overlap in the result.}];
  let arguments = (ins Variadic<AnyRankedTensor>:$sources, TypedArrayAttrBase<Npu_Piece, "pieces">:$pieces,
                   OptionalAttr<AnyAttr>:$fill);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$sources $pieces (`fill` `(` $fill^ `)`)? attr-dict `:` functional-type($sources, $result)";
  let hasVerifier = 1;
}

// --- Host level ---------------------------------------------------------------------------------------------------------

def Npu_LaunchOp : Npu_Op<"launch", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "starts a kernel on all its cores and waits for it; `mix` names the function that runs on the vector cores beside it";
  let arguments = (ins FlatSymbolRefAttr:$kernel, OptionalAttr<FlatSymbolRefAttr>:$mix, Variadic<AnyMemRef>:$arguments, I64Attr:$grid,
                   StrAttr:$source);
  let assemblyFormat = "$kernel (`mix` $mix^)? `grid` $grid `(` $arguments `)` `source` $source attr-dict `:` type($arguments)";
}

// --- Kernel level -------------------------------------------------------------------------------------------------------

def Npu_Tile : AnyTypeOf<[AnyStaticShapeTensor, AnyStaticShapeMemRef], "a static tensor or memref">;
def Npu_GmBuffer : AnyTypeOf<[MemRefRankOf<[AnyType], [1]>], "a flat device buffer">;

def Npu_BlockIdxOp : Npu_Op<"block_idx", [Pure]> {
  let summary = "number of this core among the launch's cores of its kind";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

// Destination-passing operations with the accesses and the pipe that Npu.h's pipeOf() and accessesOf() tell.
class Npu_TileOp<string name, list<Trait> traits = []> : Npu_Op<name, [DestinationStyleOpInterface, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>] # traits> {
  let extraClassDeclaration = [{ ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutsMutable(); } }];
  let hasVerifier = 1;
}

def Npu_LoadOp : Npu_TileOp<"load"> {
  let summary = "MTE2: rows of device memory to a tile in UB (rows) or L1 (NZ)";
  let description = [{outs[i][j] = gm[offset + i pitch + j] for i < rows, j < cols; offset and pitch in elements. In UB the rest of the last
    32 bytes of a row becomes zero. `buffers` copies of the destination are wanted. `stream`: the data is used once and need not stay in the L2.}];
  let arguments = (ins Npu_GmBuffer:$gm, Index:$offset, Index:$rows, Index:$cols, Index:$pitch, Npu_Tile:$outs,
                   DefaultValuedAttr<I64Attr, "1">:$buffers, UnitAttr:$stream);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "$gm `[` $offset `]` `rows` $rows `cols` $cols `pitch` $pitch `outs` `(` $outs `:` type($outs) `)` attr-dict `:` type($gm) (`->` type($result)^)?";
}

def Npu_StoreOp : Npu_Op<"store", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "MTE3: a tile in UB to rows of device memory";
  let arguments = (ins Npu_Tile:$tile, Npu_GmBuffer:$gm, Index:$offset, Index:$rows, Index:$cols, Index:$pitch, UnitAttr:$stream);
  let assemblyFormat = "$tile `to` $gm `[` $offset `]` `rows` $rows `cols` $cols `pitch` $pitch attr-dict `:` type($tile) `,` type($gm)";
  let hasVerifier = 1;
}

def Npu_ExtractOp : Npu_TileOp<"extract"> {
  let summary = "MTE1: part of an NZ tile in L1 to L0A or L0B";
  let description = [{The part starts at (row, col) of the L1 tile: row a multiple of 16 and col of C0 (with `trans`: both of 16 and C0 as the
    fractals need). outs is the matrix as mmad reads it: M x K for L0A, K x N for L0B, used size `rows` x `cols`. The L1 tile holds
    M x K (L0A) or N x K (L0B) as stored rows; with `trans` K x M or K x N.}];
  let arguments = (ins Npu_Tile:$source, Index:$row, Index:$col, Index:$rows, Index:$cols, Npu_Tile:$outs, UnitAttr:$trans,
                   DefaultValuedAttr<I64Attr, "1">:$buffers);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "(`trans` $trans^)? $source `[` $row `,` $col `]` `rows` $rows `cols` $cols `outs` `(` $outs `:` type($outs) `)` attr-dict `:` type($source) (`->` type($result)^)?";
}

def Npu_LoadBiasOp : Npu_TileOp<"load_bias"> {
  let summary = "MTE1: `cols` values of a 1 x N tile in L1 (plain, not NZ) to the bias table";
  let arguments = (ins Npu_Tile:$source, Index:$cols, Npu_Tile:$outs, DefaultValuedAttr<I64Attr, "1">:$buffers);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "$source `cols` $cols `outs` `(` $outs `:` type($outs) `)` attr-dict `:` type($source) (`->` type($result)^)?";
}

def Npu_MmadOp : Npu_TileOp<"mmad", [AttrSizedOperandSegments]> {
  let summary = "M: acc (+)= a x b over m x n x k";
  let description = [{Where `init` is true the accumulators start from zero, or from the bias table row if `bias` is given. `outs` is M x N f32 (s32 for i8).
    `unit`: the cube and FIX hand the accumulators over by the unit flag instead of events; true for the last mmad of a tile, whose fixpipe has
    `unit` too.}];
  let arguments = (ins Npu_Tile:$a, Npu_Tile:$b, Optional<Npu_Tile>:$bias, Index:$m, Index:$n, Index:$k, I1:$init, Npu_Tile:$outs,
                   Optional<I1>:$unit);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "$a `,` $b (`bias` $bias^ `:` type($bias))? `m` $m `n` $n `k` $k `init` $init (`unit` $unit^)? `outs` `(` $outs `:` type($outs) `)` attr-dict `:` type($a) `,` type($b) (`->` type($result)^)?";
}

def Npu_FixpipeOp : Npu_Op<"fixpipe", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "FIX: accumulators to rows of device memory, converted to the buffer's element type";
  let arguments = (ins Npu_Tile:$acc, Npu_GmBuffer:$gm, Index:$offset, Index:$m, Index:$n, Index:$pitch, UnitAttr:$relu, UnitAttr:$add,
                   UnitAttr:$unit, OptionalAttr<F32Attr>:$quant);
  let assemblyFormat = "(`relu` $relu^)? (`add` $add^)? (`unit` $unit^)? (`quant` $quant^)? $acc `to` $gm `[` $offset `]` `m` $m `n` $n `pitch` $pitch attr-dict `:` type($acc) `,` type($gm)";
  let hasVerifier = 1;
}

def Npu_VecOp : Npu_TileOp<"vec", [AttrSizedOperandSegments]> {
  let summary = "V: one vector tile instruction of the ISA table on `rows` rows of `cols` elements";
  let description = [{
    `inst` is the instruction as assembly writes it, with fields and type: "vadd.f32", "vadd.bblk.f16", "vcmp.lt.f32", "vconv.rint.f32.f16"
    (fields first, then the row's type; see docs/isa.md). `ins` are its tile sources in order; vsel and vsels take the mask first. `value` is
    the single value of vadds, vdup and the like. A source tile of one row is read again for every row of a result with more rows. Tiles of masks are
    i8, one bit per element, rows padded to 32 bytes. vcadd, vcmax, vcmin give a 1 x R tile for R rows; vbrcb turns such a tile
    into R x C0.
  }];
  let arguments = (ins StrAttr:$inst, Variadic<Npu_Tile>:$ins, Optional<AnyTypeOf<[AnyFloat, AnySignlessInteger]>>:$value, Index:$rows,
                   Index:$cols, Npu_Tile:$outs);
  let results = (outs Optional<AnyStaticShapeTensor>:$result);
  let assemblyFormat = "$inst `ins` `(` ($ins^ `:` type($ins))? `)` (`value` $value^ `:` type($value))? `rows` $rows `cols` $cols `outs` `(` $outs `:` type($outs) `)` attr-dict (`->` type($result)^)?";
}

// --- Buffers with several copies, flags ---------------------------------------------------------------------------------

def Npu_SlotOp : Npu_Op<"slot", [Pure]> {
  let summary = "copy number `counter` mod N of a buffer with N copies";
  let arguments = (ins AnyStaticShapeMemRef:$buffer, Index:$counter);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$buffer `[` $counter `]` attr-dict `:` type($buffer) `->` type($result)";
  let hasVerifier = 1;
}

class Npu_FlagOp<string name> : Npu_Op<name> {
  let arguments = (ins Npu_Pipe:$from, Npu_Pipe:$to, I64Attr:$id, Optional<Index>:$slot);
  let assemblyFormat = "$from `to` $to `id` $id (`+` $slot^)? attr-dict";
  let hasVerifier = 1;
}
def Npu_SetFlagOp : Npu_FlagOp<"set_flag"> { let summary = "event id + slot is set when pipe `from` has done all earlier work"; }
def Npu_WaitFlagOp : Npu_FlagOp<"wait_flag"> { let summary = "pipe `to` goes on when event id + slot is set, and clears it"; }
def Npu_PipeBarrierOp : Npu_Op<"pipe_barrier"> {
  let summary = "later work of the pipe (all: of every pipe) starts when its earlier work is done";
  let arguments = (ins Npu_Pipe:$pipe);
  let assemblyFormat = "$pipe attr-dict";
}
class Npu_CrossOp<string name> : Npu_Op<name> {
  let arguments = (ins I64Attr:$mode, Npu_Pipe:$pipe, I64Attr:$id);
  let assemblyFormat = "`mode` $mode $pipe `id` $id attr-dict";
  let hasVerifier = 1;
}
def Npu_CrossSetOp : Npu_CrossOp<"cross_set"> { let summary = "raises a flag between cores (mode as cross_set of the ISA) when the pipe has done all earlier work"; }
def Npu_CrossWaitOp : Npu_CrossOp<"cross_wait"> { let summary = "holds the pipe until the flag between cores is raised, and lowers it"; }

#endif
