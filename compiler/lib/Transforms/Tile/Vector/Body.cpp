#include "lib/Transforms/Tile/Vector/Body.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "device_sim/isa/table.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace phx::compiler::vector {
namespace {

namespace arith = mlir::arith;

// How an operation is expressed; what `instruction` and `sign` mean for it.
enum class How {
  arithmetic,  // the instruction on all operands; integers of more than the result's width wrap around
  bounded,     // the same, and the result has the width of the operands anyway: nothing wraps
  function,    // vmath or vmath2 with this function
  rounding,    // vconv to the same type, rounding in this way
  ignoreNan,   // the instruction, but a number wins over NaN
  negate,
  power,
  bitwise,  // also on masks
  remainder,
  shift,
  compareFloats,
  compareIntegers,
  select,
  floatToFloat,
  intToFloat,
  floatToInt,
  extend,
  truncate,
  same,  // the value as it is
  copySign,
  isNan,
  isInfinite,
  isFinite
};

struct Row {
  How how;
  const char* instruction = "";
  int sign = 0;  // of integer operands: 1 signed, -1 unsigned
};

// Which instruction an operation of arith or math is: one line each.
const llvm::StringMap<Row>& table() {
  static const llvm::StringMap<Row> rows = {
      {"arith.addf", {How::arithmetic, "vadd"}},
      {"arith.subf", {How::arithmetic, "vsub"}},
      {"arith.mulf", {How::arithmetic, "vmul"}},
      {"arith.divf", {How::arithmetic, "vdiv"}},
      {"arith.remf", {How::function, "fmod"}},
      {"arith.maximumf", {How::arithmetic, "vmax"}},
      {"arith.minimumf", {How::arithmetic, "vmin"}},
      {"arith.maxnumf", {How::ignoreNan, "vmax"}},
      {"arith.minnumf", {How::ignoreNan, "vmin"}},
      {"arith.negf", {How::negate}},
      {"arith.addi", {How::arithmetic, "vadd", 1}},
      {"arith.subi", {How::arithmetic, "vsub", 1}},
      {"arith.muli", {How::arithmetic, "vmul", 1}},
      {"arith.divsi", {How::arithmetic, "vdiv", 1}},
      {"arith.divui", {How::arithmetic, "vdiv", -1}},
      {"arith.remsi", {How::remainder, "", 1}},
      {"arith.remui", {How::remainder, "", -1}},
      {"arith.maxsi", {How::bounded, "vmax", 1}},
      {"arith.minsi", {How::bounded, "vmin", 1}},
      {"arith.maxui", {How::bounded, "vmax", -1}},
      {"arith.minui", {How::bounded, "vmin", -1}},
      {"arith.andi", {How::bitwise, "vand"}},
      {"arith.ori", {How::bitwise, "vor"}},
      {"arith.xori", {How::bitwise, "vxor"}},
      {"arith.shli", {How::shift, "left"}},
      {"arith.shrsi", {How::shift, "right", 1}},
      {"arith.shrui", {How::shift, "right", -1}},
      {"arith.cmpf", {How::compareFloats}},
      {"arith.cmpi", {How::compareIntegers}},
      {"arith.select", {How::select}},
      {"arith.extf", {How::floatToFloat}},
      {"arith.truncf", {How::floatToFloat}},
      {"arith.sitofp", {How::intToFloat, "", 1}},
      {"arith.uitofp", {How::intToFloat, "", -1}},
      {"arith.fptosi", {How::floatToInt, "", 1}},
      {"arith.fptoui", {How::floatToInt, "", -1}},
      {"arith.extsi", {How::extend, "", 1}},
      {"arith.extui", {How::extend, "", -1}},
      {"arith.trunci", {How::truncate}},
      {"arith.index_cast", {How::same}},
      {"arith.index_castui", {How::same}},
      {"arith.bitcast", {How::same}},
      {"math.exp", {How::arithmetic, "vexp"}},
      {"math.log", {How::arithmetic, "vln"}},
      {"math.sqrt", {How::arithmetic, "vsqrt"}},
      {"math.rsqrt", {How::arithmetic, "vrsqrt"}},
      {"math.absf", {How::arithmetic, "vabs"}},
      {"math.absi", {How::arithmetic, "vabs", 1}},
      {"math.floor", {How::rounding, "floor"}},
      {"math.ceil", {How::rounding, "ceil"}},
      {"math.roundeven", {How::rounding, ""}},
      {"math.round", {How::rounding, "round"}},
      {"math.trunc", {How::rounding, "trunc"}},
      {"math.sin", {How::function, "sin"}},
      {"math.cos", {How::function, "cos"}},
      {"math.tan", {How::function, "tan"}},
      {"math.asin", {How::function, "asin"}},
      {"math.acos", {How::function, "acos"}},
      {"math.atan", {How::function, "atan"}},
      {"math.sinh", {How::function, "sinh"}},
      {"math.cosh", {How::function, "cosh"}},
      {"math.tanh", {How::function, "tanh"}},
      {"math.asinh", {How::function, "asinh"}},
      {"math.acosh", {How::function, "acosh"}},
      {"math.atanh", {How::function, "atanh"}},
      {"math.exp2", {How::function, "exp2"}},
      {"math.expm1", {How::function, "expm1"}},
      {"math.log2", {How::function, "log2"}},
      {"math.log10", {How::function, "log10"}},
      {"math.log1p", {How::function, "log1p"}},
      {"math.cbrt", {How::function, "cbrt"}},
      {"math.erf", {How::function, "erf"}},
      {"math.erfc", {How::function, "erfc"}},
      {"math.atan2", {How::function, "atan2"}},
      {"math.powf", {How::power}},
      {"math.copysign", {How::copySign}},
      {"math.isnan", {How::isNan}},
      {"math.isinf", {How::isInfinite}},
      {"math.isfinite", {How::isFinite}},
  };
  return rows;
}

bool legal(std::string_view mnemonic, std::string_view type) {
  const isa::RowInfo* row = isa::row_named(mnemonic);
  for (const isa::TypeInfo& info : isa::types())
    if (row && info.name == type) return row->types >> static_cast<unsigned>(info.type) & 1;
  return false;
}

bool isFloat(Element element) { return element >= Element::f16; }
bool isFloat(std::string_view type) { return type == "f32" || type == "f16" || type == "bf16"; }
// The type that only moves elements of this size.
std::string_view moved(Element element) { return bytesOf(element) == 4 ? "b32" : "u16"; }

const llvm::fltSemantics& semantics(std::string_view type) {
  return type == "f32"   ? llvm::APFloat::IEEEsingle()
         : type == "f16" ? llvm::APFloat::IEEEhalf()
                         : llvm::APFloat::BFloat();
}

uint64_t encode(std::string_view type, double value) {
  if (isFloat(type)) {
    llvm::APFloat number(value);
    bool inexact;
    number.convert(semantics(type), llvm::APFloat::rmNearestTiesToEven, &inexact);
    return number.bitcastToAPInt().getZExtValue();
  }
  const unsigned width = 8 * static_cast<unsigned>(bytesOf(elementOf(type)));
  return static_cast<uint64_t>(static_cast<int64_t>(value)) & ((uint64_t{1} << width) - 1);
}
double decode(std::string_view type, uint64_t bits) {
  const unsigned width = 8 * static_cast<unsigned>(bytesOf(elementOf(type)));
  const llvm::APInt integer(width, bits);
  if (!isFloat(type))
    return type[0] == 'u' ? static_cast<double>(integer.getZExtValue()) : static_cast<double>(integer.getSExtValue());
  llvm::APFloat number(semantics(type), integer);
  bool exact;
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &exact);
  return number.convertToDouble();
}

}  // namespace

std::optional<Element> Body::elementOf(mlir::Type type) {
  if (type.isF32()) return Element::f32;
  if (type.isF16()) return Element::f16;
  if (type.isBF16()) return Element::bf16;
  if (type.isInteger(1)) return Element::mask;
  if (type.isInteger(8)) return Element::i8;
  if (type.isInteger(16)) return Element::i16;
  if (type.isInteger(32) || type.isIndex()) return Element::i32;
  return std::nullopt;
}

// --- Nodes

NodeId Body::make(std::string mnemonic, std::string fields, std::string type, std::vector<NodeId> operands) {
  const Element result = mnemonic == "vcmp" ? Element::mask : vector::elementOf(type);
  return program_.instruction(std::move(mnemonic), std::move(fields), std::move(type), std::move(operands), result);
}
NodeId Body::number(std::string_view type, double value) { return bits(type, encode(type, value)); }
NodeId Body::bits(std::string_view type, uint64_t bits) { return program_.constant(vector::elementOf(type), bits); }

NodeId Body::convert(NodeId id, std::string_view from, std::string_view to, std::string_view rounding) {
  if (from == to && rounding.empty()) return id;
  if (known(id) && rounding.empty()) return number(to, decode(from, *node(id).value));
  std::string fields = rounding.empty() ? std::string(from) : std::string(rounding) + "." + std::string(from);
  return program_.instruction("vconv", std::move(fields), std::string(to), {id}, vector::elementOf(to));
}

static std::string_view storage(Element element, bool is_unsigned) {
  switch (element) {
    case Element::i8:
      return is_unsigned ? "u8" : "s8";
    case Element::i16:
      return is_unsigned ? "u16" : "s16";
    case Element::i32:
      return is_unsigned ? "u32" : "s32";
    case Element::f16:
      return "f16";
    case Element::bf16:
      return "bf16";
    default:
      return "f32";
  }
}

NodeId Body::widen(NodeId id, std::string_view to, Sign sign) {
  const Element from = element(id);
  if (from == vector::elementOf(to)) return id;
  return convert(id, storage(from, sign == Sign::lacks), to);
}

NodeId Body::narrow(NodeId id, std::string_view from, Element to, Sign sign, bool wrap) {
  if (vector::elementOf(from) == to) return id;
  if (to == Element::i16 && sign == Sign::lacks) wrap = true;  // vconv knows no u16
  if (isFloat(to) || !wrap)
    return convert(id, from, to == Element::i8 && sign == Sign::lacks ? "u8" : storage(to, false));
  if (known(id)) return number(storage(to, false), decode(from, *node(id).value));
  // vconv saturates: the bits that stay are cut out first.
  const std::string plain = from == "s16" ? "u16" : "b32";
  if (to == Element::i8) return convert(make("vand", "", plain, {id, bits(from, 0xff)}), from, "u8");
  NodeId low = make("vand", "", plain, {id, bits(from, 0xffff)});
  NodeId flipped = make("vxor", "", plain, {low, bits(from, 0x8000)});
  return convert(binary("vadd", "s32", flipped, number("s32", -32768)), "s32", "s16");
}

// The instruction in the first type that has it, operands and result converted where the element is another one.
NodeId Body::compute(std::string mnemonic, std::string fields, std::vector<NodeId> operands, Element element, Sign sign,
                     bool wrap) {
  static const std::map<Element, std::vector<std::string_view>> kTypes = {
      {Element::f32, {"f32"}},        {Element::f16, {"f16", "f32"}}, {Element::bf16, {"f32"}},
      {Element::i32, {"s32"}},        {Element::i16, {"s16", "s32"}}, {Element::i8, {"s16", "s32"}},
      {Element::mask, {"f16", "f32"}}};
  std::string_view type;
  for (std::string_view candidate : kTypes.at(element)) {
    if (element == Element::i16 && sign == Sign::lacks && candidate == "s16") continue;  // no room for 65535
    if (type.empty() && legal(mnemonic, candidate)) type = candidate;
  }
  if (type.empty()) type = kTypes.at(element).back();
  for (NodeId& operand : operands) operand = widen(operand, type, sign);
  NodeId result = operands.size() == 2 && fields.empty() ? binary(mnemonic, std::string(type), operands[0], operands[1])
                                                         : make(mnemonic, fields, std::string(type), operands);
  return narrow(result, type, element, sign, wrap);
}

// A two-operand instruction, in its value form where one operand is a constant.
NodeId Body::binary(std::string mnemonic, std::string type, NodeId a, NodeId b) {
  const bool commutes = mnemonic == "vadd" || mnemonic == "vmul" || mnemonic == "vmax" || mnemonic == "vmin";
  if (commutes && known(a) && !known(b)) std::swap(a, b);
  if (known(b) && !known(a)) {
    const uint64_t value = *node(b).value;
    auto with = [&](const char* form, uint64_t constant) {
      return program_.instruction(form, "", type, {a}, vector::elementOf(type), constant);
    };
    if (commutes) return with((mnemonic + "s").c_str(), value);
    if (mnemonic == "vsub") {  // x - c is x + (-c) in every case
      if (isFloat(type)) return with("vadds", value ^ (type == "f32" ? 0x80000000u : 0x8000u));
      return with("vadds", encode(type, -decode(type, value)));
    }
    if (mnemonic == "vdiv" && isFloat(type)) {  // exact where the divisor is a power of two and so is its inverse
      const double divisor = decode(type, value), inverse = 1 / divisor;
      int exponent;
      if (std::isfinite(inverse) && std::fabs(std::frexp(divisor, &exponent)) == 0.5 && std::abs(exponent) < 12)
        return with("vmuls", encode(type, inverse));
    }
  }
  if (known(a) && known(b)) {
    const double x = decode(type, *node(a).value), y = decode(type, *node(b).value);
    if (type == "s32" || type == "s16") {
      if (mnemonic == "vadd") return number(type, x + y);
      if (mnemonic == "vsub") return number(type, x - y);
      if (mnemonic == "vmul" && std::fabs(x * y) < 0x1p52) return number(type, x * y);
    }
    if (mnemonic == "vmax" && x == x && y == y && x != y) return number(type, std::max(x, y));
    if (mnemonic == "vmin" && x == x && y == y && x != y) return number(type, std::min(x, y));
  }
  return make(std::move(mnemonic), "", std::move(type), {a, b});
}

// --- Masks

NodeId Body::compare(std::string_view relation, std::string_view type, NodeId a, NodeId b) {
  if (known(a) && !known(b)) {
    static const std::map<std::string_view, std::string_view> kSwapped = {
        {"lt", "gt"},   {"le", "ge"},   {"gt", "lt"},   {"ge", "le"},
        {"ltu", "gtu"}, {"leu", "geu"}, {"gtu", "ltu"}, {"geu", "leu"}};
    auto found = kSwapped.find(relation);
    return compare(found == kSwapped.end() ? relation : found->second, type, b, a);
  }
  if (known(b) && !known(a))
    return program_.instruction("vcmps", std::string(relation), std::string(type), {a}, Element::mask, *node(b).value);
  return make("vcmp", std::string(relation), std::string(type), {a, b});
}

NodeId Body::compareFloats(std::string_view relation, NodeId a, NodeId b) {
  const std::string_view type = element(a) == Element::f16 ? "f16" : "f32";
  return compare(relation, type, widen(a, type, Sign::none), widen(b, type, Sign::none));
}

NodeId Body::compareIntegers(std::string_view relation, Sign sign, NodeId a, NodeId b) {
  if (element(a) == Element::mask) {
    if (relation == "ne") return bitwise("vxor", a, b);
    if (relation == "eq") return invert(bitwise("vxor", a, b));
    a = truth(a, Element::f16, sign == Sign::has ? -1 : 1);
    b = truth(b, Element::f16, sign == Sign::has ? -1 : 1);
    return compare(relation, "f16", a, b);
  }
  if (relation == "eq" || relation == "ne") sign = element(a) == Element::i8 ? Sign::lacks : Sign::has;
  if (element(a) == Element::i32 && sign == Sign::lacks) {
    // The order of unsigned numbers is that of signed ones with the top bit flipped.
    auto flip = [&](NodeId id) {
      return known(id) ? bits("s32", *node(id).value ^ 0x80000000u)
                       : make("vxor", "", "b32", {id, bits("s32", 0x80000000u)});
    };
    return compare(relation, "s32", flip(a), flip(b));
  }
  const std::string_view type = element(a) == Element::i8 ? "f16" : "s32";  // f16 holds every i8
  return compare(relation, type, widen(a, type, sign), widen(b, type, sign));
}

// Numbers 1 (or -1) and 0 for a mask.
NodeId Body::truth(NodeId mask, Element to, double yes) {
  const std::string_view type = to == Element::i8 || to == Element::mask ? "f16" : storage(to, false);
  if (known(mask)) return number(to == Element::i8 ? "s8" : type, *node(mask).value ? yes : 0);
  NodeId chosen = select(mask, number(type, yes), number(type, 0));
  return to == Element::i8 ? convert(chosen, "f16", yes < 0 ? "s8" : "u8") : chosen;
}

NodeId Body::invert(NodeId mask) {
  if (known(mask)) return program_.constant(Element::mask, !*node(mask).value);
  return program_.instruction("vnot", "", "u16", {mask}, Element::mask);
}

NodeId Body::select(NodeId mask, NodeId a, NodeId b) {
  if (known(mask)) return *node(mask).value ? a : b;
  if (a == b) return a;
  const Element to = element(a);
  if (to == Element::mask) {
    if (known(a)) return *node(a).value ? bitwise("vor", mask, b) : bitwise("vand", invert(mask), b);
    if (known(b)) return *node(b).value ? bitwise("vor", invert(mask), a) : bitwise("vand", mask, a);
    return bitwise("vor", bitwise("vand", mask, a), bitwise("vand", invert(mask), b));
  }
  if (to == Element::i8) return convert(select(mask, convert(a, "u8", "f16"), convert(b, "u8", "f16")), "f16", "u8");
  const std::string type(moved(to));
  // vsels reads whole rows of its operand.
  if (known(b) && !known(a) && (node(mask).dims & ~node(a).dims) == 0)
    return program_.instruction("vsels", "", type, {mask, a}, to, *node(b).value);
  if (known(a) && !known(b) && (node(mask).dims & ~node(b).dims) == 0)
    return program_.instruction("vsels", "", type, {invert(mask), b}, to, *node(a).value);
  return program_.instruction("vsel", "", type, {mask, a, b}, to);
}

NodeId Body::bitwise(std::string mnemonic, NodeId a, NodeId b) {
  const Element to = element(a);
  if (to == Element::mask) {
    if (known(a)) std::swap(a, b);
    if (known(b)) {
      const bool set = *node(b).value & 1;
      if (mnemonic == "vand") return set ? a : b;
      if (mnemonic == "vor") return set ? b : a;
      return set ? invert(a) : a;
    }
    return program_.instruction(mnemonic, "", "u16", {a, b}, Element::mask);
  }
  if (known(a) && known(b)) {
    const uint64_t x = *node(a).value, y = *node(b).value;
    return program_.constant(to, mnemonic == "vand" ? x & y : mnemonic == "vor" ? x | y : x ^ y);
  }
  if (to == Element::i8) {  // no byte form: zero-extended the upper half stays zero
    NodeId result = make(mnemonic, "", "u16", {convert(a, "u8", "s16"), convert(b, "u8", "s16")});
    return convert(result, "s16", "u8");
  }
  return program_.instruction(mnemonic, "", std::string(moved(to)), {a, b}, to);
}

// --- Operations of several instructions

NodeId Body::ignoreNan(std::string mnemonic, NodeId a, NodeId b) {
  NodeId result = compute(mnemonic, "", {a, b}, element(a), Sign::none, false);
  auto isNumber = [&](NodeId id) {
    if (!known(id)) return compareFloats("num", id, id);
    const double value = decode(storage(element(id), false), *node(id).value);
    return program_.constant(Element::mask, value == value);
  };
  result = select(isNumber(b), result, a);
  return select(isNumber(a), result, b);
}

// a / b of unsigned 32-bit numbers from signed ones: twice the quotient of a / 2, which is right or one too small; a
// divisor with the top bit goes in once at most.
NodeId Body::divideUnsigned(NodeId a, NodeId b) {
  NodeId half = shift("logical", a, number("s32", 1));
  NodeId below = binary("vmul", "s32", make("vdiv", "", "s32", {half, b}), number("s32", 2));
  NodeId rest = binary("vsub", "s32", a, binary("vmul", "s32", below, b));
  NodeId more = compareIntegers("ge", Sign::lacks, rest, b);
  NodeId quotient = select(more, binary("vadd", "s32", below, number("s32", 1)), below);
  NodeId once = truth(compareIntegers("ge", Sign::lacks, a, b), Element::i32, 1);
  if (known(b)) return *node(b).value & 0x80000000u ? once : quotient;
  return select(compare("lt", "s32", b, number("s32", 0)), once, quotient);
}

NodeId Body::remainder(NodeId a, NodeId b, Sign sign) {
  const Element to = element(a);
  a = widen(a, "s32", sign);
  b = widen(b, "s32", sign);
  NodeId quotient = to == Element::i32 && sign == Sign::lacks ? divideUnsigned(a, b) : make("vdiv", "", "s32", {a, b});
  NodeId whole = binary("vmul", "s32", quotient, b);
  return narrow(binary("vsub", "s32", a, whole), "s32", to, sign, false);
}

// Shifts are products with and quotients by 2^amount; amounts of the width and more are poison in arith.
NodeId Body::shift(std::string_view kind, NodeId a, NodeId amount) {
  const Element to = element(a);
  const bool left = kind == "left", logical = kind == "logical";
  a = widen(a, "s32", logical ? Sign::lacks : Sign::has);
  amount = widen(amount, "s32", Sign::lacks);
  NodeId power;
  if (known(amount)) {
    power = bits("s32", uint64_t{1} << (*node(amount).value & 31));
  } else {
    NodeId whole = convert(make("vmath", "exp2", "f32", {convert(amount, "s32", "f32")}), "f32", "s32");
    power = select(compare("eq", "s32", amount, number("s32", 31)), bits("s32", 0x80000000u), whole);
  }
  if (left) return narrow(binary("vmul", "s32", a, power), "s32", to, Sign::has, true);
  // Without the bits that fall out the quotient is exact, and truncation is no matter.
  NodeId kept = bitwise("vand", a, binary("vmul", "s32", power, number("s32", -1)));
  NodeId quotient = make("vdiv", "", "s32", {kept, power});
  NodeId top = select(compare("lt", "s32", a, number("s32", 0)), number("s32", -1), number("s32", 0));
  NodeId by31 = compare("eq", "s32", power, bits("s32", 0x80000000u));
  if (known(power)) by31 = program_.constant(Element::mask, *node(power).value == 0x80000000u);
  NodeId result = select(by31, top, quotient);
  if (logical && to == Element::i32) {
    // The sign's copies are cut off: 2^(32 - amount) - 1 is what may stay, for amount 0 everything.
    NodeId rest;
    if (known(amount)) {
      rest = bits("s32", 0xffffffffu >> (*node(amount).value & 31));
    } else {
      NodeId ones = make("vdiv", "", "s32", {bits("s32", 0x7fffffff), power});  // 2^(31 - amount) - 1
      NodeId wider = binary("vadd", "s32", binary("vmul", "s32", ones, number("s32", 2)), number("s32", 1));
      rest = select(by31, number("s32", 1), wider);
    }
    result = bitwise("vand", result, rest);
  }
  return narrow(result, "s32", to, Sign::has, true);
}

// To an unsigned number of 32 bits: what does not fit into s32 is converted without its top bit.
NodeId Body::toUnsigned32(NodeId id, std::string_view from) {
  NodeId wide = convert(id, from, "f32");
  NodeId large = compare("ge", "f32", wide, number("f32", 0x1p31));
  NodeId low = convert(binary("vadd", "f32", wide, number("f32", -0x1p31)), "f32", "s32", "trunc");
  NodeId flipped = make("vxor", "", "b32", {low, bits("s32", 0x80000000u)});
  return select(large, flipped, convert(wide, "f32", "s32", "trunc"));
}

NodeId Body::power(NodeId a, NodeId b) {
  if (known(b)) {
    const double exponent = decode(storage(element(b), false), *node(b).value);
    if (exponent == 1) return a;
    if (exponent == 2) return compute("vmul", "", {a, a}, element(a), Sign::none, false);
  }
  return compute("vmath2", "pow", {a, b}, element(a), Sign::none, false);
}

// --- Interface

Expected<NodeId> Body::constant(mlir::Attribute value) {
  auto typed = llvm::dyn_cast<mlir::TypedAttr>(value);
  auto type = typed ? elementOf(typed.getType()) : std::nullopt;
  if (!type) return error("a constant is of a type that tiles cannot have");
  if (auto number = llvm::dyn_cast<mlir::FloatAttr>(value))
    return program_.constant(*type, number.getValue().bitcastToAPInt().getZExtValue());
  if (auto number = llvm::dyn_cast<mlir::IntegerAttr>(value)) {
    const llvm::APInt& integer = number.getValue();
    const unsigned width = *type == Element::mask ? 1 : 8 * static_cast<unsigned>(bytesOf(*type));
    return program_.constant(*type, integer.zextOrTrunc(width).getZExtValue());
  }
  return error("a constant is neither an integer nor a floating point number");
}

Expected<NodeId> Body::operation(mlir::Operation* op, const std::vector<NodeId>& operands) {
  const std::string name = op->getName().getStringRef().str();
  auto unsupported = [&](const std::string& why) {
    std::string types;
    llvm::raw_string_ostream stream(types);
    llvm::interleaveComma(op->getOperandTypes(), stream);
    return error("the vector cores have no form of '" + name + "' for operands of type " + types +
                 (why.empty() ? "" : ": " + why));
  };
  auto row = table().find(name);
  if (row == table().end()) return unsupported("");
  const auto& [how, instruction, signedness] = row->second;
  const Sign sign = signedness > 0 ? Sign::has : signedness < 0 ? Sign::lacks : Sign::none;
  auto result = elementOf(op->getResult(0).getType());
  if (!result) return unsupported("its result has a type that tiles cannot have");
  const NodeId a = operands[0], b = operands.size() > 1 ? operands[1] : a;
  const Element from = element(a);
  const bool is_unsigned = sign == Sign::lacks;
  switch (how) {
    case How::arithmetic:
      if (from == Element::mask) return unsupported("");
      if (from == Element::i32 && is_unsigned) return divideUnsigned(a, b);
      return compute(instruction, "", operands, *result, sign, true);
    case How::bounded:
      if (from == Element::mask)
        return bitwise((instruction == std::string("vmax")) == is_unsigned ? "vor" : "vand", a, b);
      if (from == Element::i32 && is_unsigned) {
        NodeId larger = compareIntegers("gt", sign, a, b);
        return instruction == std::string("vmax") ? select(larger, a, b) : select(larger, b, a);
      }
      return compute(instruction, "", operands, *result, sign, false);
    case How::function:
      return compute(operands.size() == 2 ? "vmath2" : "vmath", instruction, operands, *result, sign, false);
    case How::rounding: {
      const std::string type = from == Element::f16 ? "f16" : "f32";
      const std::string fields = *instruction ? std::string(instruction) + "." + type : type;
      NodeId whole = program_.instruction("vconv", fields, type, {widen(a, type, sign)}, vector::elementOf(type));
      return narrow(whole, type, from, sign, false);
    }
    case How::ignoreNan:
      return ignoreNan(instruction, a, b);
    case How::negate: {
      if (known(a)) return number(storage(from, false), -decode(storage(from, false), *node(a).value));
      const std::string type = from == Element::f16 ? "f16" : "f32";
      return narrow(binary("vmul", type, widen(a, type, sign), number(type, -1)), type, from, sign, false);
    }
    case How::power:
      return power(a, b);
    case How::bitwise:
      return bitwise(instruction, a, b);
    case How::remainder:
      if (from == Element::mask) return unsupported("");
      return remainder(a, b, sign);
    case How::shift:
      if (from == Element::mask) return unsupported("");
      return shift(is_unsigned ? "logical" : instruction, a, b);
    case How::compareFloats: {
      const auto predicate = llvm::cast<arith::CmpFOp>(op).getPredicate();
      static constexpr const char* kRelations[] = {"",    "eq",  "gt",  "ge",  "lt",  "le",  "ne",  "num",
                                                   "equ", "gtu", "geu", "ltu", "leu", "neu", "nan", ""};
      if (predicate == arith::CmpFPredicate::AlwaysFalse || predicate == arith::CmpFPredicate::AlwaysTrue)
        return program_.constant(Element::mask, predicate == arith::CmpFPredicate::AlwaysTrue);
      return compareFloats(kRelations[static_cast<unsigned>(predicate)], a, b);
    }
    case How::compareIntegers: {
      const auto predicate = static_cast<unsigned>(llvm::cast<arith::CmpIOp>(op).getPredicate());
      static constexpr const char* kRelations[] = {"eq", "ne", "lt", "le", "gt", "ge", "lt", "le", "gt", "ge"};
      return compareIntegers(kRelations[predicate], predicate >= 6 ? Sign::lacks : Sign::has, a, b);
    }
    case How::select:
      return select(a, operands[1], operands[2]);
    case How::floatToFloat:
      return convert(a, storage(from, false), storage(*result, false));
    case How::intToFloat:
      if (from == Element::mask) return truth(a, *result, is_unsigned ? 1 : -1);
      return convert(a, storage(from, is_unsigned), storage(*result, false));
    case How::floatToInt:
      if (*result == Element::mask) return unsupported("");
      if (*result == Element::i32 && is_unsigned) return toUnsigned32(a, storage(from, false));
      if (*result == Element::i16 && is_unsigned)
        return narrow(convert(a, storage(from, false), "s32", "trunc"), "s32", Element::i16, sign, true);
      return convert(a, storage(from, false), storage(*result, is_unsigned), "trunc");
    case How::extend:
      if (from == Element::mask) return truth(a, *result, is_unsigned ? 1 : -1);
      return convert(a, storage(from, is_unsigned), storage(*result, false));
    case How::truncate: {
      const std::string type = from == Element::i16 ? "s16" : "s32";
      if (*result != Element::mask) return narrow(a, type, *result, Sign::has, true);
      NodeId low = bitwise("vand", widen(a, "s32", Sign::has), number("s32", 1));
      return compare("ne", "s32", low, number("s32", 0));
    }
    case How::same:
      if (*result != from) return unsupported("");
      return a;
    case How::copySign: {
      const std::string_view type = storage(from, false);
      const uint64_t top = bytesOf(from) == 4 ? 0x80000000u : 0x8000u;
      NodeId size = bitwise("vand", a, bits(type, top - 1));
      return bitwise("vor", size, bitwise("vand", b, bits(type, top)));
    }
    case How::isNan:
      return compareFloats("nan", a, a);
    case How::isInfinite:
    case How::isFinite: {
      NodeId size = compute("vabs", "", {a}, from, Sign::none, false);
      const bool infinite = how == How::isInfinite;
      return compareFloats(infinite ? "eq" : "lt", size, number(storage(from, false), INFINITY));
    }
  }
  return unsupported("");
}

Expected<NodeId> Body::reduction(mlir::Operation* combiner, NodeId expression, NodeId initial) {
  static const llvm::StringMap<Row> kCombiners = {
      {"arith.addf", {How::arithmetic, "vadd"}},     {"arith.mulf", {How::arithmetic, "vmul"}},
      {"arith.maximumf", {How::arithmetic, "vmax"}}, {"arith.minimumf", {How::arithmetic, "vmin"}},
      {"arith.maxnumf", {How::ignoreNan, "vmax"}},   {"arith.minnumf", {How::ignoreNan, "vmin"}},
      {"arith.addi", {How::arithmetic, "vadd", 1}},  {"arith.muli", {How::arithmetic, "vmul", 1}},
      {"arith.maxsi", {How::bounded, "vmax", 1}},    {"arith.minsi", {How::bounded, "vmin", 1}},
      {"arith.maxui", {How::bounded, "vmax", -1}},   {"arith.minui", {How::bounded, "vmin", -1}},
      {"arith.ori", {How::bitwise, "vmax"}},         {"arith.andi", {How::bitwise, "vmin"}}};
  const std::string name = combiner->getName().getStringRef().str();
  auto row = kCombiners.find(name);
  const Element from = element(expression);
  if (row == kCombiners.end() || (row->second.how == How::bitwise) != (from == Element::mask) ||
      (from == Element::i32 && row->second.sign < 0)) {
    std::string type;
    llvm::raw_string_ostream(type) << combiner->getResult(0).getType();
    return error("the vector cores do not reduce " + type + " by '" + name + "'");
  }
  const auto& [how, instruction, signedness] = row->second;
  const Sign sign = signedness > 0 ? Sign::has : signedness < 0 ? Sign::lacks : Sign::none;
  const std::string type = from == Element::mask || from == Element::f16 ? "f16" : isFloat(from) ? "f32" : "s32";
  auto wide = [&](NodeId id) { return from == Element::mask ? truth(id, Element::f16, 1) : widen(id, type, sign); };
  NodeId operand = wide(expression);
  // A number wins over NaN, so NaN counts as what changes nothing.
  if (how == How::ignoreNan)
    operand = select(compare("num", type, operand, operand), operand, bits(type, neutral(instruction, type)));
  NodeId result = program_.reduce(instruction, type, operand);
  NodeId start = wide(initial);
  // Zero of either sign starts a sum. A start that is NaN loses against the result, which has none.
  const bool changes_nothing =
      known(start) && (*node(start).value == neutral(instruction, type) ||
                       (instruction == std::string("vadd") && decode(type, *node(start).value) == 0) ||
                       (how == How::ignoreNan && std::isnan(decode(type, *node(start).value))));
  if (!changes_nothing)
    result = how == How::ignoreNan && !known(start) ? ignoreNan(instruction, result, start)
                                                    : binary(instruction, type, result, start);
  if (from == Element::mask) return compare("ne", "f16", result, number("f16", 0));
  return narrow(result, type, from, sign, how == How::arithmetic);
}

}  // namespace phx::compiler::vector
