// The instruction set as C++: enumerations expanded from isa.def, the decoded Instruction, and what is known of each
// row.
//
// isa.def is the specification (encoding, operands, semantics); this header is its shape in memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::isa {

// Changes whenever an existing encoding changes meaning; images name it and loaders refuse another major version.
inline constexpr uint32_t kIsaMajor = 1;
inline constexpr uint32_t kIsaMinor = 1;

inline constexpr unsigned kWarpLanes = 32;
inline constexpr unsigned kLaneRegisters = 128;
inline constexpr unsigned kScalarRegisters = 64;
inline constexpr unsigned kPredicates = 16;
inline constexpr unsigned kRegions = 64;
inline constexpr unsigned kCallDepth = 64;

// Windows of the generic address space. Device memory lies at kGmBase, a range that no host pointer can have on x86-64
// or AArch64 (neither canonical nor tagged user space), so that a host dereference faults. Other addresses are host
// memory.
inline constexpr uint64_t kUbWindow = 0x0B00'0000'0000'0000;     // + offset in the block's unified buffer
inline constexpr uint64_t kLocalWindow = 0x0C00'0000'0000'0000;  // + offset in the lane's local memory
inline constexpr uint64_t kGmBase = 0x0D00'0000'0000'0000;
inline constexpr uint64_t kWindowMask = 0xFF00'0000'0000'0000;

enum class Opcode : uint16_t {
#define PHX_OP(Enum, mnemonic, code, ...) Enum = code,
#include "device_sim/isa/isa.def"
};

enum class Type : uint8_t {
#define PHX_TYPE(Enum, name, code, bits, group) Enum = code,
#include "device_sim/isa/isa.def"
};

// Group of a type for timing lookups.
enum class TypeGroup : uint8_t { none, i32, i64, f16, f32, f64 };

enum class Family : uint8_t { control, alu, simt, mem, sync, dma, cube, fix, vec };
enum class Pipe : uint8_t { S, V, M, MTE1, MTE2, MTE3, FIX };
enum class Core : uint8_t { any, simt, tile, aic, aiv };

// Effects, a bit set.
enum Effect : uint16_t {
  E_NONE = 0,
  E_READ = 1,
  E_WRITE = 2,
  E_ATOMIC = 4,
  E_SYNC = 8,
  E_CONTROL = 16,
  E_WARP = 32,
  E_SERVICE = 64,
  E_CLOCK = 128,
};

// Values of the modifier fields, one enum class per group of the table: Rounding, Comparison, SpecialReg, Space,
// Vector, CachePolicy, AtomicFn, Scope, ShuffleMode, VoteMode, MatchMode, BarrierKind, ServiceFn, PipeField.
#define PHX_ENUM_BEGIN(Enum) enum class Enum : uint8_t {
#define PHX_ENUM(Enum, Value, name, code) Value = code,
#define PHX_ENUM_END(Enum) \
  }                        \
  ;
#include "device_sim/isa/isa.def"

// Operand bytes.
using Operand = uint8_t;
namespace operand {
inline constexpr Operand kZero = 0xF0, kImm = 0xF1, kOnes = 0xF2;
constexpr Operand r(unsigned n) { return static_cast<Operand>(n); }
constexpr Operand s(unsigned n) { return static_cast<Operand>(0x80 + n); }
constexpr Operand p(unsigned n) { return static_cast<Operand>(0xC0 + n); }
constexpr bool is_r(Operand o) { return o < 0x80; }
constexpr bool is_s(Operand o) { return o >= 0x80 && o < 0xC0; }
constexpr bool is_p(Operand o) { return o >= 0xC0 && o < 0xD0; }
constexpr unsigned index(Operand o) { return is_r(o) ? o : is_s(o) ? o - 0x80u : o & 0xFu; }
}  // namespace operand

// One decoded instruction. The fields of `mod` are read with field() or the typed accessors of fields.h.
struct Instruction {
  Opcode op = Opcode::Nop;
  Type type = Type::None;
  Operand dst = 0, a = 0, b = 0, c = 0;
  uint16_t mod = 0;
  bool has_ext = false;
  uint64_t ext = 0;  // immediate; for addresses the low 32 bits, signed; for labels the target, see target()

  // Branch-like rows: the extension word holds the target's word index in the code section, absolute.
  uint32_t target() const { return static_cast<uint32_t>(ext); }
  unsigned words() const { return has_ext ? 2u : 1u; }
  bool operator==(const Instruction&) const = default;
};

// Operand classes of isa.def §4.
enum class OperandClass : uint8_t { None, D, V, W, P, Q, S, R, X, A, I, L, O };

// Layout of the mod field.
enum class Layout : uint8_t {
#define PHX_LAYOUT(Name) Name,
#include "device_sim/isa/isa.def"
};

// What the table says of one row.
struct RowInfo {
  Opcode op;
  std::string_view mnemonic;
  Family family;
  Pipe pipe;
  Core core;
  Layout layout;
  uint32_t types;  // bit per Type code; 1 (T_NONE) if the row has no type
  OperandClass dst, a, b, c;
  std::string_view timing;
  uint16_t effects;
  std::string_view meaning;
};

// All rows, in order of the table.
std::span<const RowInfo> rows();
// The row of an opcode; nullptr if the code is not assigned.
const RowInfo* row(uint16_t opcode);
inline const RowInfo* row(Opcode op) { return row(static_cast<uint16_t>(op)); }

struct TypeInfo {
  Type type;
  std::string_view name;
  unsigned bits;
  TypeGroup group;
};
const TypeInfo& info(Type type);
// Registers of 32 bits that a value of the type occupies in the lane file: 1 or 2.
inline unsigned lane_registers(Type type) { return info(type).bits > 32 ? 2u : 1u; }

// Raw access to a named field of a layout: mod bits [low, low + width).
constexpr unsigned bits(uint16_t mod, unsigned low, unsigned width) { return (mod >> low) & ((1u << width) - 1u); }

// Appends one or two words.
void encode(const Instruction& instruction, std::vector<uint64_t>& words);

// Decodes the instruction at word `index`: unassigned opcode, illegal operand byte, type or field value, non-zero
// unused bits, missing or surplus extension word -> Diagnostic with section ".text" and byte offset.
Expected<Instruction> decode(std::span<const uint64_t> code, uint64_t index);

// What the verifier must know of the code's user.
struct CodeLimits {
  unsigned lane_registers = kLaneRegisters;  // registers the kernel table declares
  unsigned scalar_registers = kScalarRegisters;
  unsigned predicates = kPredicates;
  bool simt = true;            // SIMT kernel, else a tile program
  Core tile_core = Core::aiv;  // which core runs a tile program: aiv or aic
};

// Checks the code that `entry` (a word index) can reach, and that all of the section decodes. Operands obey their
// class, width, pair alignment and the declared register counts; rows belong to the core; targets are instruction
// starts inside the code; control cannot fall off the end; `ret` only in called functions, with every region of the
// function closed; fork/join nest, a region is not opened inside itself, and each join matches its region on every
// path; no scalar register that is live after a join is written inside its region, not even by a called function. Time
// is linear in the code but for the liveness of the 64 scalar registers, which may visit an instruction once per
// register. verifier.h has the same with more answers.
Outcome verify(std::span<const uint64_t> code, uint32_t entry, const CodeLimits& limits);

// Text of one instruction as the assembler reads it; labels are written as L<word index>.
std::string disassemble(const Instruction& instruction);

}  // namespace phx::isa
