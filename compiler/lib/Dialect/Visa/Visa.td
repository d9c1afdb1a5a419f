//===- Visa.td: the visa dialect, which mirrors the virtual ISA ------------------------------------------------------------
//
// Stage 1 (SSA): visa.inst, visa.pack, visa.if, visa.loop inside visa.kernel. Values live in one of three register files;
// regions are structured and say whether lanes may disagree. Stage 2 (machine): visa.code and visa.flow with physical
// registers in flat blocks. The instruction operations carry a row of device_sim/isa/isa.def; their verifier, printer and
// parser are derived from the row, so that a new instruction needs nothing here.
//===------------------------------------------------------------------------------------------------------------------------

#ifndef PHALANX_VISA_TD
#define PHALANX_VISA_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Visa_Dialect : Dialect {
  let name = "visa";
  let cppNamespace = "::phx::compiler::visa";
  let useDefaultTypePrinterParser = 1;
}

class Visa_Type<string name, string word> : TypeDef<Visa_Dialect, name> { let mnemonic = word; }

def Visa_Lane : Visa_Type<"Lane", "r"> {
  let summary = "`words` consecutive 32-bit lane registers: 1, 2 (64 bit or a pair), 4";
  let parameters = (ins "unsigned":$words);
  let assemblyFormat = "`<` $words `>`";
}
def Visa_Scalar : Visa_Type<"Scalar", "s"> { let summary = "a 64-bit scalar register; 32-bit values are zero-extended"; }
def Visa_Predicate : Visa_Type<"Predicate", "p"> { let summary = "a lane predicate"; }
def Visa_Value : AnyTypeOf<[Visa_Lane, Visa_Scalar, Visa_Predicate]>;

class Visa_Op<string name, list<Trait> traits = []> : Op<Visa_Dialect, name, traits>;

def Visa_KernelOp : Visa_Op<"kernel", [Symbol, IsolatedFromAbove]> {
  let summary = "the code of one kernel; several blocks in stage 2 only";
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<I64Attr>:$local_bytes, OptionalAttr<I64Attr>:$lane_registers,
                   OptionalAttr<I64Attr>:$scalar_registers, OptionalAttr<I64Attr>:$predicates);
  let regions = (region MinSizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
}

// --- Stage 1 ----------------------------------------------------------------------------------------------------------

def Visa_InstOp : Visa_Op<"inst", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "one instruction of the table on SSA values";
  let description = [{
    `slots` says for each of the row's source slots a, b, c what it holds: nothing, the next operand, `zero`, `ones` or `imm`;
    the tile rows, whose dst is a source too, have it before them.
    `ext` is the immediate or the address offset; with `symbol` it is the addend to that object's address. A vector load has
    one result per element; the register allocator makes them consecutive. A vector store takes a visa.pack.
  }];
  let arguments = (ins Variadic<Visa_Value>:$sources, I32Attr:$opcode, I32Attr:$element, I32Attr:$mod,
                   DenseI8ArrayAttr:$slots, OptionalAttr<I64Attr>:$ext, OptionalAttr<FlatSymbolRefAttr>:$symbol);
  let results = (outs Variadic<Visa_Value>:$results);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Visa_PackOp : Visa_Op<"pack", [Pure]> {
  let summary = "values in consecutive lane registers, for vector stores and compare-and-swap";
  let arguments = (ins Variadic<Visa_Value>:$parts);
  let results = (outs Visa_Lane:$result);
  let assemblyFormat = "$parts attr-dict `:` type($parts) `->` type($result)";
}

def Visa_PartOp : Visa_Op<"part", [Pure]> {
  let summary = "32-bit register `index` of a wide lane value";
  let arguments = (ins Visa_Lane:$whole, I32Attr:$index);
  let results = (outs Visa_Lane:$result);
  let assemblyFormat = "$whole `[` $index `]` attr-dict `:` type($whole) `->` type($result)";
}

def Visa_IfOp : Visa_Op<"if", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "two ways; `divergent`: lanes may disagree, and both ways run under a fork and its join";
  let arguments = (ins Visa_Predicate:$condition, UnitAttr:$divergent);
  let results = (outs Variadic<Visa_Value>:$results);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = "(`divergent` $divergent^)? $condition (`:` type($results)^)? attr-dict-with-keyword $thenRegion `else` $elseRegion";
  let hasVerifier = 1;
}

def Visa_LoopOp : Visa_Op<"loop", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "a do-while loop; `divergent`: lanes may leave in different turns and meet after the loop";
  let arguments = (ins Variadic<Visa_Value>:$inits, UnitAttr:$divergent);
  let results = (outs Variadic<Visa_Value>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`divergent` $divergent^)? $inits attr-dict `:` functional-type($inits, $results) $body";
  let hasVerifier = 1;
}

def Visa_NextOp : Visa_Op<"next", [Terminator, HasParent<"LoopOp">, AttrSizedOperandSegments, Pure]> {
  let summary = "another turn with `carried` where the predicate holds, else the loop's results are `leaving`";
  let arguments = (ins Visa_Predicate:$condition, Variadic<Visa_Value>:$carried, Variadic<Visa_Value>:$leaving);
  let assemblyFormat = "$condition `carry` `(` $carried `)` `leave` `(` $leaving `)` attr-dict `:` `(` type($carried) `)` `,` `(` type($leaving) `)`";
}

def Visa_YieldOp : Visa_Op<"yield", [Terminator, HasParent<"IfOp">, Pure]> {
  let arguments = (ins Variadic<Visa_Value>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Visa_EndOp : Visa_Op<"end", [Terminator, HasParent<"KernelOp">]> {
  let summary = "end of a kernel in stage 1";
  let assemblyFormat = "attr-dict";
}

// --- Stage 2 ----------------------------------------------------------------------------------------------------------

def Visa_CodeOp : Visa_Op<"code"> {
  let summary = "one machine instruction: the fields of isa::Instruction";
  let arguments = (ins I32Attr:$opcode, I32Attr:$element, I32Attr:$mod, I32Attr:$operands,
                   OptionalAttr<I64Attr>:$ext, OptionalAttr<FlatSymbolRefAttr>:$symbol);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
}

def Visa_FlowOp : Visa_Op<"flow", [Terminator]> {
  let summary = "a control instruction; its label is the first successor, the last one is where control falls to";
  let arguments = (ins I32Attr:$opcode, I32Attr:$mod, I32Attr:$predicate);
  let successors = (successor VariadicSuccessor<AnySuccessor>:$targets);
  let assemblyFormat = "$opcode `,` $mod `,` $predicate attr-dict `to` $targets";
  let hasVerifier = 1;
}

#endif
