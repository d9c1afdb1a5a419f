// Arithmetic on one value: what a row with a scalar destination executes, and the definition that the generic lane
// handlers and the tests of the specialised ones use.
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "device_sim/core/execution.h"
#include "device_sim/isa/fields.h"
#include "device_sim/numerics/math.h"
#include "device_sim/numerics/soft_float.h"

namespace phx::sim {
namespace {

using isa::Comparison;
using isa::Opcode;
using isa::Type;
using num::Format;
using num::Round;

template <Type T>
constexpr auto value_of_type() {
  if constexpr (T == Type::S8)
    return int8_t{};
  else if constexpr (T == Type::U8)
    return uint8_t{};
  else if constexpr (T == Type::S16)
    return int16_t{};
  else if constexpr (T == Type::U16)
    return uint16_t{};
  else if constexpr (T == Type::S32)
    return int32_t{};
  else if constexpr (T == Type::S64)
    return int64_t{};
  else if constexpr (T == Type::U64 || T == Type::B64)
    return uint64_t{};
  else if constexpr (T == Type::F32)
    return float{};
  else if constexpr (T == Type::F64)
    return double{};
  else
    return uint32_t{};
}
template <Type T>
using ValueOf = decltype(value_of_type<T>());

template <class V>
V in(uint64_t raw) {
  if constexpr (std::is_same_v<V, float>)
    return std::bit_cast<float>(static_cast<uint32_t>(raw));
  else if constexpr (std::is_same_v<V, double>)
    return std::bit_cast<double>(raw);
  else
    return static_cast<V>(raw);
}
template <class V>
uint64_t out(V value) {
  if constexpr (std::is_same_v<V, float>)
    return std::bit_cast<uint32_t>(num::canonical(value));
  else if constexpr (std::is_same_v<V, double>)
    return std::bit_cast<uint64_t>(num::canonical(value));
  else if constexpr (sizeof(V) <= 4)
    return static_cast<uint32_t>(value);
  else
    return static_cast<uint64_t>(value);
}

constexpr Format format_of(Type t) {
  switch (t) {
    case Type::F16:
    case Type::F16X2:
      return Format::F16;
    case Type::BF16:
    case Type::BF16X2:
      return Format::BF16;
    case Type::F64:
      return Format::F64;
    case Type::F8E4M3:
      return Format::E4M3;
    case Type::F8E5M2:
      return Format::E5M2;
    default:
      return Format::F32;
  }
}
constexpr bool is_float(Type t) {
  return t == Type::F16 || t == Type::BF16 || t == Type::F32 || t == Type::F64 || t == Type::F8E4M3 ||
         t == Type::F8E5M2;
}
constexpr unsigned width_of(Type t) {
  switch (t) {
    case Type::S8:
    case Type::U8:
    case Type::F8E4M3:
    case Type::F8E5M2:
      return 8;
    case Type::S16:
    case Type::U16:
    case Type::F16:
    case Type::BF16:
      return 16;
    case Type::S64:
    case Type::U64:
    case Type::B64:
    case Type::F64:
      return 64;
    default:
      return 32;
  }
}
constexpr uint64_t ones(unsigned width) { return width >= 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1; }

// --- Floating point with a rounding mode, any format
// Clamps to [0, 1]; NaN becomes 0.
uint64_t saturate(Format f, uint64_t x) {
  const uint64_t one = num::convert(f, Format::F32, 0x3f800000u);
  const uint64_t low = num::max(f, x, 0);
  const bool nan = num::convert(Format::F64, f, x) == num::canonical_nan(Format::F64);
  return nan ? 0 : num::min(f, low, one);
}

enum class Arithmetic { add, sub, mul, div, fma };
template <Arithmetic Kind>
uint64_t rounded(Format f, uint64_t a, uint64_t b, uint64_t c, unsigned mod) {
  const auto round = static_cast<Round>(mod & 3u);
  uint64_t result = 0;
  if constexpr (Kind == Arithmetic::add) result = num::add(f, a, b, round);
  if constexpr (Kind == Arithmetic::sub) result = num::sub(f, a, b, round);
  if constexpr (Kind == Arithmetic::mul) result = num::mul(f, a, b, round);
  if constexpr (Kind == Arithmetic::div) result = num::div(f, a, b, round);
  if constexpr (Kind == Arithmetic::fma) result = num::fma(f, a, b, c, round);
  return mod & 4u ? saturate(f, result) : result;
}
template <Arithmetic Kind, Type T>
uint64_t soft(const Decoded* d, uint64_t a, uint64_t b, uint64_t c) {
  if constexpr (T == Type::F16X2 || T == Type::BF16X2) {
    constexpr Format f = format_of(T);
    return rounded<Kind>(f, a & 0xffff, b & 0xffff, c & 0xffff, d->mod) |
           rounded<Kind>(f, a >> 16 & 0xffff, b >> 16 & 0xffff, c >> 16 & 0xffff, d->mod) << 16;
  } else {
    constexpr uint64_t mask = ones(width_of(T));
    return rounded<Kind>(format_of(T), a & mask, b & mask, c & mask, d->mod);
  }
}

// --- Exact or nearest arithmetic on host types
template <class V>
using Unsigned = typename std::conditional_t<std::is_integral_v<V>, std::make_unsigned<V>, std::type_identity<V>>::type;

template <class V>
uint64_t add(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  using N = Unsigned<V>;
  return out<N>(in<N>(a) + in<N>(b));
}
template <class V>
uint64_t sub(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  using N = Unsigned<V>;
  return out<N>(in<N>(a) - in<N>(b));
}
template <class V>
uint64_t mul(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  using N = Unsigned<V>;
  return out<N>(in<N>(a) * in<N>(b));
}
template <class V>
uint64_t mad(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  using N = Unsigned<V>;
  return out<N>(in<N>(a) * in<N>(b) + in<N>(c));
}
template <class V>
uint64_t fma(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  return out<V>(std::fma(in<V>(a), in<V>(b), in<V>(c)));
}
template <class V>
uint64_t mulhi(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  using Wide = std::conditional_t<std::is_signed_v<V>, __int128, unsigned __int128>;
  return out<V>(static_cast<V>((static_cast<Wide>(in<V>(a)) * static_cast<Wide>(in<V>(b))) >> (sizeof(V) * 8)));
}
template <class W, class N>
uint64_t mulw(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  return static_cast<uint64_t>(static_cast<W>(in<N>(a)) * static_cast<W>(in<N>(b)));
}
template <class W, class N>
uint64_t madw(const Decoded* d, uint64_t a, uint64_t b, uint64_t c) {
  return mulw<W, N>(d, a, b, 0) + c;
}
template <class V>
uint64_t div(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  const V x = in<V>(a), y = in<V>(b);
  if constexpr (std::is_integral_v<V>) {
    if (y == 0) return out<V>(static_cast<V>(-1));
    if constexpr (std::is_signed_v<V>)
      if (y == -1) return out<V>(static_cast<V>(Unsigned<V>(0) - static_cast<Unsigned<V>>(x)));
  }
  return out<V>(x / y);
}
template <class V>
uint64_t rem(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  const V x = in<V>(a), y = in<V>(b);
  if (y == 0) return out<V>(x);
  if constexpr (std::is_signed_v<V>)
    if (y == -1) return 0;
  return out<V>(static_cast<V>(x % y));
}
template <class V>
uint64_t min(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  if constexpr (std::is_floating_point_v<V>)
    return out<V>(num::min(in<V>(a), in<V>(b)));
  else
    return out<V>(in<V>(a) < in<V>(b) ? in<V>(a) : in<V>(b));
}
template <class V>
uint64_t max(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  if constexpr (std::is_floating_point_v<V>)
    return out<V>(num::max(in<V>(a), in<V>(b)));
  else
    return out<V>(in<V>(a) > in<V>(b) ? in<V>(a) : in<V>(b));
}
template <Type T, bool Larger>
uint64_t soft_extremum(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  constexpr Format f = format_of(T);
  auto one = [](uint64_t x, uint64_t y) { return Larger ? num::max(f, x, y) : num::min(f, x, y); };
  if constexpr (T == Type::F16X2 || T == Type::BF16X2)
    return one(a & 0xffff, b & 0xffff) | one(a >> 16 & 0xffff, b >> 16 & 0xffff) << 16;
  else
    return one(a & ones(width_of(T)), b & ones(width_of(T)));
}
template <Type T>
uint64_t abs(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  using V = ValueOf<T>;
  if constexpr (is_float(T))
    return a & ones(width_of(T) - 1);
  else
    return out<V>(static_cast<V>(in<V>(a) < 0 ? Unsigned<V>(0) - in<Unsigned<V>>(a) : in<Unsigned<V>>(a)));
}
template <Type T>
uint64_t neg(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  using V = ValueOf<T>;
  if constexpr (is_float(T))
    return (a & ones(width_of(T))) ^ (uint64_t{1} << (width_of(T) - 1));
  else
    return out<Unsigned<V>>(Unsigned<V>(0) - in<Unsigned<V>>(a));
}

// --- Bits
template <class V>
uint64_t copy(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return in<V>(a);
}
template <class V>
uint64_t bit_and(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  return in<V>(a & b);
}
template <class V>
uint64_t bit_or(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  return in<V>(a | b);
}
template <class V>
uint64_t bit_xor(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  return in<V>(a ^ b);
}
template <class V>
uint64_t bit_not(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return in<V>(~a);
}
uint64_t lop3(const Decoded* d, uint64_t a, uint64_t b, uint64_t c) {
  uint64_t result = 0;
  for (unsigned row = 0; row < 8; ++row)
    if (d->mod >> row & 1) result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  return static_cast<uint32_t>(result);
}
template <class V>
uint64_t shl(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  const auto n = static_cast<uint32_t>(b);
  return n < sizeof(V) * 8 ? in<V>(in<V>(a) << n) : 0;
}
template <class V>
uint64_t shr(const Decoded*, uint64_t a, uint64_t b, uint64_t) {
  constexpr uint32_t width = sizeof(V) * 8;
  const auto n = static_cast<uint32_t>(b);
  if (n < width) return out<V>(static_cast<V>(in<V>(a) >> n));
  return std::is_signed_v<V> ? out<V>(static_cast<V>(in<V>(a) >> (width - 1))) : 0;
}
template <class V>
uint64_t fshl(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  constexpr unsigned width = sizeof(V) * 8;
  const unsigned n = c % width;
  return in<V>((in<V>(a) << n) | (n ? in<V>(b) >> (width - n) : 0));
}
template <class V>
uint64_t fshr(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  constexpr unsigned width = sizeof(V) * 8;
  const unsigned n = c % width;
  return in<V>((in<V>(b) >> n) | (n ? in<V>(a) << (width - n) : 0));
}
template <class V>
uint64_t popc(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return static_cast<uint64_t>(std::popcount(in<V>(a)));
}
template <class V>
uint64_t clz(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return static_cast<uint64_t>(std::countl_zero(in<V>(a)));
}
template <class V>
uint64_t ctz(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return static_cast<uint64_t>(std::countr_zero(in<V>(a)));
}
template <class V>
uint64_t brev(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  if constexpr (sizeof(V) == 4)
    return __builtin_bitreverse32(in<V>(a));
  else
    return __builtin_bitreverse64(a);
}
uint64_t prmt(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  const uint64_t bytes = (a & 0xffffffffu) | b << 32;
  uint64_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned nibble = c >> (4 * i) & 15u;
    const uint64_t byte = bytes >> (8 * (nibble & 7u)) & 0xffu;
    result |= (nibble & 8u ? (byte & 0x80u ? 0xffu : 0u) : byte) << (8 * i);
  }
  return result;
}
template <class V>
uint64_t select(const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
  return in<V>(c ? a : b);
}

// --- Comparison
template <class V>
bool holds(Comparison comparison, V a, V b) {
  const bool unordered = a != a || b != b;
  switch (comparison) {
    case Comparison::Eq:
      return a == b;
    case Comparison::Ne:
      return a != b && !unordered;
    case Comparison::Lt:
      return a < b;
    case Comparison::Le:
      return a <= b;
    case Comparison::Gt:
      return a > b;
    case Comparison::Ge:
      return a >= b;
    case Comparison::Equ:
      return a == b || unordered;
    case Comparison::Neu:
      return a != b;
    case Comparison::Ltu:
      return a < b || unordered;
    case Comparison::Leu:
      return a <= b || unordered;
    case Comparison::Gtu:
      return a > b || unordered;
    case Comparison::Geu:
      return a >= b || unordered;
    case Comparison::Num:
      return !unordered;
    case Comparison::Nan:
      return unordered;
  }
  return false;
}
template <Type T>
uint64_t compare(const Decoded* d, uint64_t a, uint64_t b, uint64_t) {
  const auto comparison = static_cast<Comparison>(d->mod & 15u);
  if constexpr (T == Type::F16 || T == Type::BF16) {
    constexpr Format f = format_of(T);
    return holds(comparison, num::f32(num::convert(Format::F32, f, a & 0xffff)),
                 num::f32(num::convert(Format::F32, f, b & 0xffff)));
  } else {
    using V = ValueOf<T>;
    return holds(comparison, in<V>(a), in<V>(b));
  }
}

// --- Conversion
constexpr bool is_signed(Type t) { return t == Type::S8 || t == Type::S16 || t == Type::S32 || t == Type::S64; }
int64_t extended(Type t, uint64_t raw) {
  const unsigned width = width_of(t);
  if (width == 64) return static_cast<int64_t>(raw);
  return is_signed(t) ? static_cast<int64_t>(raw << (64 - width)) >> (64 - width)
                      : static_cast<int64_t>(raw & ones(width));
}
// A narrow result fills its 32-bit register by sign or zero extension.
uint64_t in_register(Type t, uint64_t value) {
  if (width_of(t) == 64) return value;
  return static_cast<uint32_t>(extended(t, value));
}
uint64_t convert(const Decoded* d, uint64_t a, uint64_t, uint64_t) {
  const auto to = static_cast<Type>(d->type), from = static_cast<Type>(bits_of(d, 8, 5));
  const auto round = static_cast<Round>(bits_of(d, 0, 2));
  const bool to_integral = bits_of(d, 2, 1), clamp = bits_of(d, 3, 1);
  if (is_float(from)) {
    const uint64_t x = a & ones(width_of(from));
    if (!is_float(to))
      return in_register(to, is_signed(to)
                                 ? static_cast<uint64_t>(num::to_signed(format_of(from), x, width_of(to), round))
                                 : num::to_unsigned(format_of(from), x, width_of(to), round));
    const bool narrow = to == Type::F8E4M3 || to == Type::F8E5M2;
    const uint64_t whole = to_integral ? num::round_to_integral(format_of(from), x, round) : x;
    const uint64_t result = num::convert(format_of(to), format_of(from), whole, round, clamp && narrow);
    return clamp && !narrow ? saturate(format_of(to), result) : result;
  }
  const int64_t value = extended(from, a);
  if (is_float(to)) {
    const uint64_t result = is_signed(from) ? num::from_signed(format_of(to), value, round)
                                            : num::from_unsigned(format_of(to), static_cast<uint64_t>(value), round);
    return clamp ? saturate(format_of(to), result) : result;
  }
  return in_register(to, static_cast<uint64_t>(value));
}
// The conversions of address arithmetic.
uint64_t widen_signed(const Decoded*, uint64_t a, uint64_t, uint64_t) {
  return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(a)));
}
uint64_t widen_unsigned(const Decoded*, uint64_t a, uint64_t, uint64_t) { return static_cast<uint32_t>(a); }

template <class V>
uint64_t math(const Decoded* d, uint64_t a, uint64_t b, uint64_t) {
  return out<V>(num::eval(static_cast<num::MathFn>(d->mod & 0xff), in<V>(a), in<V>(b)));
}

// --- Handlers for scalar destinations
template <Evaluate E>
void scalar(const Decoded* d, Frame* f) {
  f->s[d->dst] = E(d, scalar_value(d, f, d->a), scalar_value(d, f, d->b), scalar_value(d, f, d->c));
  PHX_NEXT;
}
template <Evaluate E>
void scalar_predicate(const Decoded* d, Frame* f) {
  const bool truth = E(d, scalar_value(d, f, d->a), scalar_value(d, f, d->b), 0);
  f->p[d->dst] = truth ? f->p[d->dst] | f->mask : f->p[d->dst] & ~f->mask;
  PHX_NEXT;
}
template <Evaluate E>
void scalar_select(const Decoded* d, Frame* f) {
  const uint32_t truth = f->p[d->c] & f->mask;
  if (truth != 0 && truth != f->mask) {
    const bool low = truth >> lowest(f->mask) & 1;
    raise(f, d, FaultKind::divergent_scalar, lowest(low ? f->mask & ~truth : truth),
          "the predicate of a scalar select differs between active lanes");
    return;
  }
  f->s[d->dst] = E(d, scalar_value(d, f, d->a), scalar_value(d, f, d->b), truth != 0);
  PHX_NEXT;
}

template <Evaluate E>
Selected pick() {
  return {scalar<E>, E};
}
#define PHX_INT(fn)                \
  switch (i.type) {                \
    case Type::S32:                \
      return pick<fn<int32_t>>();  \
    case Type::U32:                \
      return pick<fn<uint32_t>>(); \
    case Type::S64:                \
      return pick<fn<int64_t>>();  \
    case Type::U64:                \
      return pick<fn<uint64_t>>(); \
    default:                       \
      break;                       \
  }
#define PHX_HOST_FLOAT(fn)          \
  if (i.mod == 0) switch (i.type) { \
      case Type::F32:               \
        return pick<fn<float>>();   \
      case Type::F64:               \
        return pick<fn<double>>();  \
      default:                      \
        break;                      \
    }
#define PHX_SOFT(Kind)                                     \
  switch (i.type) {                                        \
    case Type::F16:                                        \
      return pick<soft<Arithmetic::Kind, Type::F16>>();    \
    case Type::BF16:                                       \
      return pick<soft<Arithmetic::Kind, Type::BF16>>();   \
    case Type::F32:                                        \
      return pick<soft<Arithmetic::Kind, Type::F32>>();    \
    case Type::F64:                                        \
      return pick<soft<Arithmetic::Kind, Type::F64>>();    \
    case Type::F16X2:                                      \
      return pick<soft<Arithmetic::Kind, Type::F16X2>>();  \
    case Type::BF16X2:                                     \
      return pick<soft<Arithmetic::Kind, Type::BF16X2>>(); \
    default:                                               \
      return {};                                           \
  }
#define PHX_EXTREMUM(Larger)                              \
  switch (i.type) {                                       \
    case Type::F16:                                       \
      return pick<soft_extremum<Type::F16, Larger>>();    \
    case Type::BF16:                                      \
      return pick<soft_extremum<Type::BF16, Larger>>();   \
    case Type::F16X2:                                     \
      return pick<soft_extremum<Type::F16X2, Larger>>();  \
    case Type::BF16X2:                                    \
      return pick<soft_extremum<Type::BF16X2, Larger>>(); \
    default:                                              \
      return {};                                          \
  }
#define PHX_BITS(fn) return i.type == Type::B64 ? pick<fn<uint64_t>>() : pick<fn<uint32_t>>()
#define PHX_SIGN(fn)                 \
  switch (i.type) {                  \
    case Type::S32:                  \
      return pick<fn<Type::S32>>();  \
    case Type::S64:                  \
      return pick<fn<Type::S64>>();  \
    case Type::F16:                  \
      return pick<fn<Type::F16>>();  \
    case Type::BF16:                 \
      return pick<fn<Type::BF16>>(); \
    case Type::F32:                  \
      return pick<fn<Type::F32>>();  \
    case Type::F64:                  \
      return pick<fn<Type::F64>>();  \
    default:                         \
      return {};                     \
  }

}  // namespace

Selected scalar_operation(const isa::Instruction& i) {
  switch (i.op) {
    case Opcode::Mov:
      PHX_BITS(copy);
    case Opcode::Add:
    PHX_INT(add) PHX_HOST_FLOAT(add) PHX_SOFT(add) case Opcode::Sub:
    PHX_INT(sub) PHX_HOST_FLOAT(sub) PHX_SOFT(sub) case Opcode::Mul:
    PHX_INT(mul) PHX_HOST_FLOAT(mul) PHX_SOFT(mul) case Opcode::Div:
    PHX_INT(div) PHX_HOST_FLOAT(div) PHX_SOFT(div) case Opcode::Fma:
    PHX_HOST_FLOAT(fma) PHX_SOFT(fma) case Opcode::MulHi:
      PHX_INT(mulhi) return {};
    case Opcode::MulW:
      return i.type == Type::S64 ? pick<mulw<int64_t, int32_t>>() : pick<mulw<uint64_t, uint32_t>>();
    case Opcode::Mad:
      PHX_INT(mad) return {};
    case Opcode::MadW:
      return i.type == Type::S64 ? pick<madw<int64_t, int32_t>>() : pick<madw<uint64_t, uint32_t>>();
    case Opcode::Rem:
      PHX_INT(rem) return {};
    case Opcode::Min:
    PHX_INT(min) PHX_HOST_FLOAT(min) PHX_EXTREMUM(false) case Opcode::Max:
    PHX_INT(max) PHX_HOST_FLOAT(max) PHX_EXTREMUM(true) case Opcode::Abs:
      PHX_SIGN(abs)
    case Opcode::Neg:
      PHX_SIGN(neg)
    case Opcode::And:
      PHX_BITS(bit_and);
    case Opcode::Or:
      PHX_BITS(bit_or);
    case Opcode::Xor:
      PHX_BITS(bit_xor);
    case Opcode::Not:
      PHX_BITS(bit_not);
    case Opcode::Lop3:
      return pick<lop3>();
    case Opcode::Shl:
      PHX_BITS(shl);
    case Opcode::Shr:
      PHX_INT(shr) return {};
    case Opcode::Fshl:
      PHX_BITS(fshl);
    case Opcode::Fshr:
      PHX_BITS(fshr);
    case Opcode::Popc:
      PHX_BITS(popc);
    case Opcode::Clz:
      PHX_BITS(clz);
    case Opcode::Ctz:
      PHX_BITS(ctz);
    case Opcode::Brev:
      PHX_BITS(brev);
    case Opcode::Prmt:
      return pick<prmt>();
    case Opcode::Setp:
      switch (i.type) {
        case Type::S32:
          return {scalar_predicate<compare<Type::S32>>, compare<Type::S32>};
        case Type::U32:
          return {scalar_predicate<compare<Type::U32>>, compare<Type::U32>};
        case Type::S64:
          return {scalar_predicate<compare<Type::S64>>, compare<Type::S64>};
        case Type::U64:
          return {scalar_predicate<compare<Type::U64>>, compare<Type::U64>};
        case Type::F16:
          return {scalar_predicate<compare<Type::F16>>, compare<Type::F16>};
        case Type::BF16:
          return {scalar_predicate<compare<Type::BF16>>, compare<Type::BF16>};
        case Type::F32:
          return {scalar_predicate<compare<Type::F32>>, compare<Type::F32>};
        case Type::F64:
          return {scalar_predicate<compare<Type::F64>>, compare<Type::F64>};
        default:
          return {};
      }
    case Opcode::Sel:
      if (i.type == Type::B64) return {scalar_select<select<uint64_t>>, select<uint64_t>};
      return {scalar_select<select<uint32_t>>, select<uint32_t>};
    case Opcode::Cvt: {
      const Type from = isa::field::Convert::get_from(i);
      const bool to64 = i.type == Type::S64 || i.type == Type::U64;
      if (to64 && from == Type::S32) return pick<widen_signed>();
      if (to64 && from == Type::U32) return pick<widen_unsigned>();
      return pick<convert>();
    }
    case Opcode::Math1:
    case Opcode::Math2:
      return i.type == Type::F64 ? pick<math<double>>() : pick<math<float>>();
      default : return {};
  }
}

// New value in memory from the old one (a), the operand (b) and, for cas, the replacement (c).
Evaluate atomic_function(isa::AtomicFn fn, Type type) {
  isa::Instruction i;
  i.type = type;
  auto as = [&](Opcode op) {
    i.op = op;
    return scalar_operation(i).evaluate;
  };
  const bool wide = width_of(type) == 64;
  auto bits = [&](Opcode op) {
    i.type = wide ? Type::B64 : Type::B32;
    return as(op);
  };
  using isa::AtomicFn;
  switch (fn) {
    case AtomicFn::Add:
      return as(Opcode::Add);
    case AtomicFn::Min:
      return as(Opcode::Min);
    case AtomicFn::Max:
      return as(Opcode::Max);
    case AtomicFn::And:
      return bits(Opcode::And);
    case AtomicFn::Or:
      return bits(Opcode::Or);
    case AtomicFn::Xor:
      return bits(Opcode::Xor);
    case AtomicFn::Exch:
      return [](const Decoded*, uint64_t, uint64_t b, uint64_t) { return b; };
    case AtomicFn::Cas:
      if (wide) return [](const Decoded*, uint64_t a, uint64_t b, uint64_t c) { return a == b ? c : a; };
      return [](const Decoded*, uint64_t a, uint64_t b, uint64_t c) {
        return static_cast<uint64_t>(static_cast<uint32_t>(a == static_cast<uint32_t>(b) ? c : a));
      };
    case AtomicFn::Inc:
      return [](const Decoded*, uint64_t a, uint64_t b, uint64_t) { return a >= b ? 0 : a + 1; };
    case AtomicFn::Dec:
      return [](const Decoded*, uint64_t a, uint64_t b, uint64_t) { return a == 0 || a > b ? b : a - 1; };
  }
  return nullptr;
}

}  // namespace phx::sim
