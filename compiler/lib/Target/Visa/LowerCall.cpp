// Special registers, calls, intrinsics of the device (barriers, shuffles, votes), services and inline assembly.
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "lib/Target/Visa/KernelLowering.h"
#include "llvm/ADT/StringSwitch.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

namespace phx::compiler {

namespace LLVM = mlir::LLVM;
using isa::Opcode;
using isa::SpecialReg;
using isa::Type;

// --- Special registers

bool KernelLowering::lowerSpecial(mlir::Operation* op) {
  llvm::StringRef name = op->getName().getStringRef();
  if (!name.consume_front("nvvm.read.ptx.sreg.")) {
    if (name == "llvm.intr.trap" || name == "llvm.intr.debugtrap" || name == "llvm.intr.ubsantrap") {
      v().effect(Opcode::Trap, Type::None, 0, {});
      return true;
    }
    // Hints.
    return name.starts_with("llvm.intr.lifetime") || name == "llvm.intr.assume" ||
           name.starts_with("llvm.intr.experimental.noalias") || name.starts_with("llvm.intr.invariant") ||
           name == "llvm.intr.prefetch" || name.starts_with("llvm.intr.dbg");
  }
  auto read = [&](SpecialReg which, Type type = Type::U32) {
    bool lane = which <= SpecialReg::LaneId || which == SpecialReg::Clock || which == SpecialReg::Clock64 ||
                which == SpecialReg::GlobalTimer;
    bool fixed = which != SpecialReg::Clock && which != SpecialReg::Clock64 && which != SpecialReg::GlobalTimer;
    auto emit = [&] {
      return v().emit(Opcode::Rdsr, type, mod::special(which), {}, type == Type::U64 ? 64 : 32, lane);
    };
    return fixed ? v().atEntry(emit) : emit();
  };
  mlir::Value result = op->getResult(0);
  auto which = llvm::StringSwitch<std::optional<SpecialReg>>(name)
                   .Case("tid.x", SpecialReg::TidX)
                   .Case("tid.y", SpecialReg::TidY)
                   .Case("tid.z", SpecialReg::TidZ)
                   .Case("ntid.x", SpecialReg::NtidX)
                   .Case("ntid.y", SpecialReg::NtidY)
                   .Case("ntid.z", SpecialReg::NtidZ)
                   .Case("ctaid.x", SpecialReg::CtaidX)
                   .Case("ctaid.y", SpecialReg::CtaidY)
                   .Case("ctaid.z", SpecialReg::CtaidZ)
                   .Case("nctaid.x", SpecialReg::NctaidX)
                   .Case("nctaid.y", SpecialReg::NctaidY)
                   .Case("nctaid.z", SpecialReg::NctaidZ)
                   .Case("laneid", SpecialReg::LaneId)
                   .Case("warpid", SpecialReg::WarpId)
                   .Case("smid", SpecialReg::CoreId)
                   .Case("clock", SpecialReg::Clock)
                   .Case("total.smem.size", SpecialReg::UbBytes)
                   .Default(std::nullopt);
  if (which) return set(result, read(*which)), true;
  if (name == "clock64") return set(result, read(SpecialReg::Clock64, Type::U64)), true;
  if (name == "globaltimer") return set(result, read(SpecialReg::GlobalTimer, Type::U64)), true;
  if (name == "globaltimer.lo") return set(result, v().half(read(SpecialReg::GlobalTimer, Type::U64), 0)), true;
  if (name == "warpsize") return set(result, Operand::number(isa::kWarpLanes, 32)), true;
  if (name == "dynamic.smem.size") {
    Operand all = read(SpecialReg::UbBytes), start = read(SpecialReg::UbDynamic);
    return set(result, v().emit(Opcode::Sub, Type::U32, 0, {all, start}, 32)), true;
  }
  if (name == "gridid") return set(result, Operand::number(0, 64)), true;
  if (name.starts_with("lanemask.")) {
    llvm::StringRef kind = name.drop_front(9);
    Operand lane = read(SpecialReg::LaneId);
    Operand bit = v().emit(Opcode::Shl, Type::B32, 0, {Operand::number(1, 32), lane}, 32);
    Operand below = v().emit(Opcode::Sub, Type::U32, 0, {bit, Operand::number(1, 32)}, 32);
    Operand upTo = v().emit(Opcode::Or, Type::B32, 0, {below, bit}, 32);
    auto invert = [&](Operand x) { return v().emit(Opcode::Not, Type::B32, 0, {x}, 32); };
    set(result, kind == "eq"   ? bit
                : kind == "lt" ? below
                : kind == "le" ? upTo
                : kind == "gt" ? invert(upTo)
                               : invert(below));
    return true;
  }
  return false;
}

// --- Calls

Operand KernelLowering::isaCall(llvm::StringRef mnemonic, llvm::ArrayRef<Operand> arguments, mlir::Operation* op) {
  isa::Opcode opcode;
  isa::Type type;
  uint16_t mod;
  if (!visa::parseMnemonic(mnemonic, opcode, type, mod)) {
    fail(op, "'" + mnemonic + "' is not an instruction of this ISA version");
    return Operand::number(0, 32);
  }
  return v().emit(opcode, type, mod, arguments, isa::info(type).bits > 32 ? 64 : 32);
}

bool KernelLowering::lowerCall(mlir::Operation* op) {
  if (auto intrinsic = llvm::dyn_cast<LLVM::CallIntrinsicOp>(op)) return lowerIntrinsic(intrinsic);
  if (auto assembly = llvm::dyn_cast<LLVM::InlineAsmOp>(op)) return lowerInlineAssembly(assembly);
  auto call = llvm::dyn_cast<LLVM::CallOp>(op);
  if (!call) return false;
  if (!call.getCallee()) return fail(op, "calls through function pointers (virtual functions) are not supported"), true;
  llvm::StringRef callee = *call.getCallee();
  Operands arguments;
  for (mlir::Value argument : call.getArgOperands()) arguments.append(get(argument));
  if (callee.starts_with("phx.isa.")) {
    set(call.getResult(), isaCall(callee.drop_front(8), arguments, op));
    return true;
  }
  auto service = [&](isa::ServiceFn fn, llvm::ArrayRef<Operand> sources,
                     unsigned resultWidth) -> std::optional<Operand> {
    uint16_t mod = mod::service(fn);
    llvm::SmallVector<Operand, 2> both(sources);
    if (both.size() < 2) both.push_back(Operand::number(0, 64));
    if (resultWidth) return v().emit(Opcode::Svc, Type::None, mod, both, resultWidth, /*lane=*/true);
    v().effect(Opcode::Svc, Type::None, mod, both);
    return std::nullopt;
  };
  if (callee == "vprintf") {
    auto count = service(isa::ServiceFn::Printf, {arguments[0], arguments[1]}, call.getResult().use_empty() ? 0 : 32);
    set(call.getResult(), count.value_or(Operand::number(0, 32)));
    return true;
  }
  if (callee == "__assertfail" || callee == "__assert_fail") {
    // {message, file, line, function} in local memory, as C lays the record out.
    Address record;
    record.space = isa::Space::Local;
    localBytes_ = (localBytes_ + 7) / 8 * 8;
    record.offset = static_cast<int64_t>(localBytes_);
    localBytes_ += 32;
    const unsigned places[] = {0, 8, 16, 24};
    for (unsigned i = 0; i < 4; ++i) {
      Address field = record;
      field.offset += places[i];
      v().store(field, i == 2 ? Type::B32 : Type::B64, {arguments[i]}, isa::CachePolicy::Default);
    }
    service(isa::ServiceFn::Assert, {v().genericAddress(record)}, 0);
    return true;
  }
  if (callee == "__phx_grid_barrier") {
    v().effect(Opcode::Bar, Type::None, mod::barrier(isa::BarrierKind::Grid, 0), {Operand::number(0, 1)});
    return true;
  }
  if (callee == "malloc") return set(call.getResult(), *service(isa::ServiceFn::Malloc, {arguments[0]}, 64)), true;
  if (callee == "free") return service(isa::ServiceFn::Free, {arguments[0]}, 0), true;
  fail(op, "the device function '" + callee + "' has no definition and is not one the compiler knows");
  return true;
}

// --- Intrinsics that arrive by name

void KernelLowering::lowerShuffle(LLVM::CallIntrinsicOp op, llvm::StringRef name) {
  // [sync.](idx|up|down|bfly).(i32|f32)[p], arguments ([mask,] value, lane, packed segment and clamp)
  bool sync = name.consume_front("sync.");
  auto [modeName, typeName] = name.split('.');
  bool wantsPredicate = typeName.ends_with("p");
  auto mode = llvm::StringSwitch<std::optional<isa::ShuffleMode>>(modeName)
                  .Case("idx", isa::ShuffleMode::Idx)
                  .Case("up", isa::ShuffleMode::Up)
                  .Case("down", isa::ShuffleMode::Down)
                  .Case("bfly", isa::ShuffleMode::Bfly)
                  .Default(std::nullopt);
  if (!mode) return fail(op, "this kind of shuffle is not supported");
  auto arguments = op.getArgs();
  unsigned at = 0;
  Operand members = sync ? one(arguments[at++]) : Operand::number(0, 32);
  Operand value = one(arguments[at]), lane = one(arguments[at + 1]), packed = one(arguments[at + 2]);
  mlir::Value result = op.getResult(0);
  if (packed.constant() && !wantsPredicate) {
    uint16_t mod = mod::shuffle(*mode, (packed.bits >> 8) & 31, packed.bits & 31);
    return set(result, v().emit(Opcode::Shfl, Type::B32, mod, {value, lane, members}, 32));
  }
  // The width is computed, or the in-range flag is asked for: the source lane by arithmetic, then a plain indexed
  // shuffle.
  auto bits = [&](Opcode o, Operand a, Operand b) {
    return v().emit(o, o == Opcode::Shr || o == Opcode::Add || o == Opcode::Sub ? Type::U32 : Type::B32, 0, {a, b}, 32);
  };
  Operand self = v().emit(Opcode::Rdsr, Type::U32, mod::special(SpecialReg::LaneId), {}, 32, true);
  Operand segment = bits(Opcode::And, bits(Opcode::Shr, packed, Operand::number(8, 32)), Operand::number(31, 32));
  Operand clamp = bits(Opcode::And, packed, Operand::number(31, 32));
  Operand outside = bits(Opcode::Xor, segment, Operand::number(31, 32));
  Operand least = bits(Opcode::And, self, segment);
  Operand most = bits(Opcode::Or, least, bits(Opcode::And, clamp, outside));
  Operand from =
      *mode == isa::ShuffleMode::Idx    ? bits(Opcode::Or, least, bits(Opcode::And, lane, outside))
      : *mode == isa::ShuffleMode::Up   ? bits(Opcode::Sub, self, bits(Opcode::And, lane, Operand::number(31, 32)))
      : *mode == isa::ShuffleMode::Down ? bits(Opcode::Add, self, bits(Opcode::And, lane, Operand::number(31, 32)))
                                        : bits(Opcode::Xor, self, bits(Opcode::And, lane, Operand::number(31, 32)));
  auto comparison = *mode == isa::ShuffleMode::Up ? isa::Comparison::Ge : isa::Comparison::Le;
  Operand inside = v().emit(Opcode::Setp, Type::S32, mod::compare(comparison), {from, most}, 1);
  Operand source = v().select(inside, from, self);
  Operand moved =
      v().emit(Opcode::Shfl, Type::B32, mod::shuffle(isa::ShuffleMode::Idx, 0, 31), {value, source, members}, 32);
  set(result, wantsPredicate ? Operands{moved, inside} : Operands{moved});
}

bool KernelLowering::lowerIntrinsic(LLVM::CallIntrinsicOp op) {
  if (op.getIntrin() == "llvm.sideeffect") {  // a loop that may never end; flatten() drops the marker
    v().effect(Opcode::Nop, Type::None, 0, {});
    return true;
  }
  llvm::StringRef name = op.getIntrin();
  auto argument = [&](unsigned i) { return one(op.getArgs()[i]); };
  auto answer = [&](Operand value) { return set(op.getResult(0), value), true; };
  auto predicate = [&](Operand value) {  // votes take i1, old forms i32
    return value.width == 1 ? value
                            : v().emit(Opcode::Setp, Type::U32, mod::compare(isa::Comparison::Ne),
                                       {value, Operand::number(0, 32)}, 1);
  };
  if (!name.consume_front("llvm.nvvm.")) {
    fail(op, "the intrinsic '" + op.getIntrin() + "' is not supported");
    return true;
  }

  // Block barriers.
  if (name == "barrier.cta.sync.aligned.all" || name == "barrier.cta.sync.all" || name == "barrier0" ||
      name == "barrier.sync" || name == "bar.sync") {
    Operand id = op.getArgs().empty() ? Operand::number(0, 32) : argument(0);
    if (!id.constant() || id.bits > 15) return fail(op, "barrier numbers must be constants from 0 to 15"), true;
    v().effect(Opcode::Bar, Type::None, mod::barrier(isa::BarrierKind::Sync, static_cast<unsigned>(id.bits)),
               {Operand::number(0, 1)});
    return true;
  }
  llvm::StringRef reduction = name;
  if (reduction.consume_front("barrier.cta.red.") || reduction.consume_front("barrier0.")) {
    auto kind = llvm::StringSwitch<std::optional<isa::BarrierKind>>(reduction.split('.').first)
                    .Case("popc", isa::BarrierKind::Popc)
                    .Case("and", isa::BarrierKind::RedAnd)
                    .Case("or", isa::BarrierKind::RedOr)
                    .Default(std::nullopt);
    bool all = reduction.ends_with(".all") || !reduction.contains('.');
    if (!kind || !all) return fail(op, "barriers of part of a block are not supported"), true;
    bool numbered = op.getArgs().size() == 2;
    Operand id = numbered ? argument(0) : Operand::number(0, 32);
    if (!id.constant() || id.bits > 15) return fail(op, "barrier numbers must be constants from 0 to 15"), true;
    Operand count = v().emit(Opcode::Bar, Type::None, mod::barrier(*kind, static_cast<unsigned>(id.bits)),
                             {predicate(argument(numbered))}, 32, true);
    bool wantsFlag = op.getResult(0).getType().isInteger(1);
    return answer(wantsFlag ? predicate(count) : count);
  }
  if (name.starts_with("barrier.cta.") || name.starts_with("barrier."))
    return fail(op, "barriers of part of a block are not supported"), true;
  if (name == "bar.warp.sync") {
    v().effect(Opcode::SyncWarp, Type::None, 0, {argument(0)});
    return true;
  }
  if (name.starts_with("membar.") || name.starts_with("fence.")) {
    auto scope = name.ends_with(".cta")                            ? isa::Scope::Block
                 : name.ends_with(".gl") || name.ends_with(".gpu") ? isa::Scope::Device
                                                                   : isa::Scope::System;
    v().effect(Opcode::Fence, Type::None, mod::fence(scope), {});
    return true;
  }

  // Warp operations.
  if (llvm::StringRef rest = name; rest.consume_front("shfl.")) return lowerShuffle(op, rest), true;
  if (llvm::StringRef rest = name; rest.consume_front("vote.")) {
    bool sync = rest.ends_with(".sync");
    rest.consume_back(".sync");
    Operand members = sync ? argument(0) : Operand::number(0, 32), holds = predicate(argument(sync));
    if (rest == "ballot")
      return answer(v().emit(Opcode::Ballot, Type::B32, 0, {holds, Operand::number(0, 32), members}, 32));
    auto mode = rest == "all" ? isa::VoteMode::All : rest == "any" ? isa::VoteMode::Any : isa::VoteMode::Uni;
    return answer(v().emit(Opcode::Vote, Type::None, mod::vote(mode), {holds, Operand::number(0, 32), members}, 1));
  }
  if (name == "activemask") return answer(v().emit(Opcode::Active, Type::B32, 0, {}, 32));
  if (llvm::StringRef rest = name; rest.consume_front("match.")) {
    bool wide = rest.contains("i64"), all = rest.starts_with("all");
    Operand found = v().emit(Opcode::Match, wide ? Type::B64 : Type::B32,
                             mod::match(all ? isa::MatchMode::MatchAll : isa::MatchMode::MatchAny),
                             {argument(1), Operand::number(0, 32), argument(0)}, 32);
    llvm::SmallVector<unsigned> bits;
    componentsOf(op.getResult(0).getType(), bits);
    if (bits.size() == 2) return set(op.getResult(0), Operands{found, predicate(found)}), true;
    return answer(found);
  }
  if (llvm::StringRef rest = name; rest.consume_front("redux.sync.")) {
    auto fn = llvm::StringSwitch<std::optional<isa::AtomicFn>>(rest)
                  .Case("add", isa::AtomicFn::Add)
                  .Cases({"min", "umin"}, isa::AtomicFn::Min)
                  .Cases({"max", "umax"}, isa::AtomicFn::Max)
                  .Case("and", isa::AtomicFn::And)
                  .Case("or", isa::AtomicFn::Or)
                  .Case("xor", isa::AtomicFn::Xor)
                  .Default(std::nullopt);
    if (!fn) return fail(op, "this warp reduction is not supported"), true;
    bool bitwise = rest == "and" || rest == "or" || rest == "xor";
    Type type = bitwise ? Type::B32 : rest == "min" || rest == "max" ? Type::S32 : Type::U32;
    return answer(
        v().emit(Opcode::Redux, type, mod::reduce(*fn), {argument(0), Operand::number(0, 32), argument(1)}, 32));
  }

  // Time, memory and the rest.
  if (name == "nanosleep") {
    v().effect(Opcode::Sleep, Type::U32, 0, {argument(0)});
    return true;
  }
  if (name.starts_with("ldg.global.") || name.starts_with("ldu.global.")) {
    llvm::SmallVector<unsigned> bits, offsets;
    componentsOf(op.getResult(0).getType(), bits, &offsets);
    Address address = addressOf(op.getArgs()[0]);
    address.space = isa::Space::Gm;
    Operand alignment = argument(1);
    set(op.getResult(0), loadComponents(address, bits, offsets, static_cast<unsigned>(alignment.bits),
                                        isa::CachePolicy::ReadOnly, uniformity_.divergent(op.getResult(0))));
    return true;
  }
  if (name == "prmt") return answer(v().emit(Opcode::Prmt, Type::B32, 0, {argument(0), argument(1), argument(2)}, 32));
  if (name.starts_with("atomic.") && (name.contains("inc") || name.contains("dec")) && op.getArgs().size() == 2) {
    auto fn = name.contains("inc") ? isa::AtomicFn::Inc : isa::AtomicFn::Dec;
    auto old = v().atomic(addressOf(op.getArgs()[0]), Type::U32, fn, isa::Scope::Device, {argument(1)}, true);
    return answer(*old);
  }
  if (name.starts_with("isspacep.")) {
    llvm::StringRef which = name.drop_front(9);
    Operand window = v().emit(Opcode::And, Type::B64, 0, {argument(0), Operand::number(isa::kWindowMask, 64)}, 64);
    auto is = [&](uint64_t value) {
      return v().emit(Opcode::Setp, Type::U64, mod::compare(isa::Comparison::Eq), {window, Operand::number(value, 64)},
                      1);
    };
    if (which.starts_with("shared")) return answer(is(isa::kUbWindow));
    if (which == "local") return answer(is(isa::kLocalWindow));
    return answer(v().invert(v().emit(Opcode::Por, Type::None, 0, {is(isa::kUbWindow), is(isa::kLocalWindow)}, 1)));
  }

  // Arithmetic by name: [ex2|lg2|sin|cos|rcp|rsqrt|sqrt|tanh].approx[.ftz].(f|d), (add|mul|div|fma).r?[.ftz].(f|d), ...
  auto [operation, mode] = name.split('.');
  bool f64 = op.getNumResults() && op.getResult(0).getType().isF64();
  std::string suffix = f64 ? ".f64" : ".f32";
  Operands arguments;
  for (mlir::Value value : op.getArgs()) arguments.append(get(value));
  if (mode.starts_with("approx") && (op.getResult(0).getType().isF32() || f64)) {
    auto fn = llvm::StringSwitch<std::string>(operation)
                  .Cases({"ex2", "lg2", "sin", "cos", "rcp", "rsqrt", "sqrt", "tanh"}, (operation + "_approx").str())
                  .Default("");
    if (!fn.empty()) return answer(isaCall("math." + fn + suffix, arguments, op));
    if (operation == "div") return answer(isaCall("div" + suffix, arguments, op));
  }
  llvm::StringRef rounding = mode.take_front(2);
  if (llvm::is_contained({"rn", "rz", "rm", "rp"}, rounding) && (op.getResult(0).getType().isF32() || f64)) {
    std::string field = rounding == "rn" ? "" : rounding == "rz" ? ".rz" : rounding == "rm" ? ".rd" : ".ru";
    if (llvm::is_contained({"add", "sub", "mul", "div", "fma"}, operation))
      return answer(isaCall(operation.str() + field + suffix, arguments, op));
    if (operation == "rcp") {
      Operand unit = f64 ? Operand::number(0x3ff0000000000000, 64) : Operand::number(0x3f800000, 32);
      return answer(isaCall("div" + field + suffix, {unit, arguments[0]}, op));
    }
    if (operation == "sqrt" && rounding == "rn") return answer(isaCall("math.sqrt" + suffix, arguments, op));
  }
  fail(op, "the intrinsic '" + op.getIntrin() + "' is not supported");
  return true;
}

// --- Inline assembly

bool KernelLowering::lowerInlineAssembly(LLVM::InlineAsmOp op) {
  llvm::StringRef text = op.getAsmString();
  // One statement, without the braces that some macros put around it.
  text = text.trim(" \t\n{}");
  text.consume_back(";");
  text = text.trim();
  Operands inputs;
  for (mlir::Value operand : op.getOperands()) inputs.append(get(operand));
  if (text.empty()) {  // a compiler fence
    if (op.getNumResults() && !inputs.empty()) set(op.getRes(), inputs);
    return true;
  }
  auto [mnemonic, rest] = text.split(' ');
  llvm::SmallVector<llvm::StringRef, 5> words;
  rest.split(words, ',');
  // $0 is the result, $1... the inputs; a literal is a constant.
  unsigned outputs = op.getNumResults() ? 1 : 0;
  auto operand = [&](unsigned i) -> std::optional<Operand> {
    if (i >= words.size()) return std::nullopt;
    llvm::StringRef word = words[i].trim();
    unsigned number;
    if (word.consume_front("$")) {
      word = word.trim("{}");
      if (word.getAsInteger(10, number) || number < outputs || number - outputs >= inputs.size()) return std::nullopt;
      return inputs[number - outputs];
    }
    uint64_t value;
    if (word.getAsInteger(0, value)) return std::nullopt;
    return Operand::number(value, 32);
  };
  auto give = [&](Operand value) { return set(op.getRes(), value), true; };
  if (outputs && words.size() >= 2 && mnemonic.starts_with("mov.")) {
    llvm::StringRef source = words[1].trim();
    source.consume_front("%%") || source.consume_front("%");
    auto which = llvm::StringSwitch<std::optional<SpecialReg>>(source)
                     .Case("laneid", SpecialReg::LaneId)
                     .Case("warpid", SpecialReg::WarpId)
                     .Case("smid", SpecialReg::CoreId)
                     .Case("clock", SpecialReg::Clock)
                     .Case("tid.x", SpecialReg::TidX)
                     .Case("ntid.x", SpecialReg::NtidX)
                     .Case("ctaid.x", SpecialReg::CtaidX)
                     .Default(std::nullopt);
    if (which) return give(v().emit(Opcode::Rdsr, Type::U32, mod::special(*which), {}, 32, true));
    if (source == "clock64")
      return give(v().emit(Opcode::Rdsr, Type::U64, mod::special(SpecialReg::Clock64), {}, 64, true));
    if (source == "globaltimer")
      return give(v().emit(Opcode::Rdsr, Type::U64, mod::special(SpecialReg::GlobalTimer), {}, 64, true));
    if (auto x = operand(1)) return give(*x);
  }
  if (outputs && mnemonic == "lop3.b32") {
    auto a = operand(1), b = operand(2), c = operand(3), table = operand(4);
    if (a && b && c && table && table->constant())
      return give(v().emit(Opcode::Lop3, Type::B32, mod::lut(static_cast<unsigned>(table->bits)), {*a, *b, *c}, 32));
  }
  if (outputs && (mnemonic == "bfe.u32" || mnemonic == "bfe.s32")) {
    auto a = operand(1), start = operand(2), length = operand(3);
    if (a && start && length) {
      // Shift left so that the field ends at bit 31, then right; a field of no bits is 0.
      Operand end = v().emit(Opcode::Add, Type::U32, 0, {*start, *length}, 32);
      Operand left = v().emit(Opcode::Sub, Type::U32, 0, {Operand::number(32, 32), end}, 32);
      Operand high = v().emit(Opcode::Shl, Type::B32, 0, {*a, left}, 32);
      Operand right = v().emit(Opcode::Sub, Type::U32, 0, {Operand::number(32, 32), *length}, 32);
      return give(v().emit(Opcode::Shr, mnemonic == "bfe.s32" ? Type::S32 : Type::U32, 0, {high, right}, 32));
    }
  }
  if (outputs && words.size() >= 2) {
    // PTX names that are instructions of this ISA under the same name.
    auto simple = llvm::StringSwitch<llvm::StringRef>(mnemonic)
                      .Case("popc.b32", "popc.b32")
                      .Case("brev.b32", "brev.b32")
                      .Case("clz.b32", "clz.b32")
                      .Case("add.u32", "add.u32")
                      .Case("add.s32", "add.s32")
                      .Case("mul.hi.u32", "mulhi.u32")
                      .Case("mul.lo.u32", "mul.u32")
                      .Case("mad.lo.u32", "mad.u32")
                      .Case("prmt.b32", "prmt.b32")
                      .Case("and.b32", "and.b32")
                      .Case("or.b32", "or.b32")
                      .Case("xor.b32", "xor.b32")
                      .Cases({"ex2.approx.f32", "ex2.approx.ftz.f32"}, "math.ex2_approx.f32")
                      .Cases({"lg2.approx.f32", "lg2.approx.ftz.f32"}, "math.lg2_approx.f32")
                      .Cases({"tanh.approx.f32"}, "math.tanh_approx.f32")
                      .Cases({"rsqrt.approx.f32", "rsqrt.approx.ftz.f32"}, "math.rsqrt_approx.f32")
                      .Cases({"rcp.approx.f32", "rcp.approx.ftz.f32"}, "math.rcp_approx.f32")
                      .Default("");
    Operands arguments;
    for (unsigned i = 1; i < words.size(); ++i)
      if (auto x = operand(i)) arguments.push_back(*x);
    if (!simple.empty() && arguments.size() + 1 == words.size()) return give(isaCall(simple, arguments, op));
  }
  if (mnemonic == "membar.gl" || mnemonic == "membar.cta" || mnemonic == "membar.sys" ||
      mnemonic.starts_with("fence.")) {
    v().effect(Opcode::Fence, Type::None, mod::fence(mnemonic == "membar.cta" ? isa::Scope::Block : isa::Scope::Device),
               {});
    return true;
  }
  if (mnemonic == "trap") return v().effect(Opcode::Trap, Type::None, 0, {}), true;
  fail(op, "the inline assembly \"" + op.getAsmString() + "\" is not supported");
  return true;
}

}  // namespace phx::compiler
