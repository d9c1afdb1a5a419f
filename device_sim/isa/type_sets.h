// The type sets that the TYPES columns of isa.def are written with: one bit per Type code.
#pragma once

#include <cstdint>

#include "device_sim/isa/isa.h"

namespace phx::isa {

constexpr uint32_t type_bit(Type type) { return 1u << static_cast<unsigned>(type); }

namespace type_set {
inline constexpr uint32_t T_NONE = type_bit(Type::None);
inline constexpr uint32_t T_S8 = type_bit(Type::S8), T_U8 = type_bit(Type::U8);
inline constexpr uint32_t T_S16 = type_bit(Type::S16), T_U16 = type_bit(Type::U16);
inline constexpr uint32_t T_S32 = type_bit(Type::S32), T_U32 = type_bit(Type::U32);
inline constexpr uint32_t T_S64 = type_bit(Type::S64), T_U64 = type_bit(Type::U64);
inline constexpr uint32_t T_B32 = type_bit(Type::B32), T_B64 = type_bit(Type::B64);
inline constexpr uint32_t T_F16 = type_bit(Type::F16), T_BF16 = type_bit(Type::BF16);
inline constexpr uint32_t T_F32 = type_bit(Type::F32), T_F64 = type_bit(Type::F64);
inline constexpr uint32_t T_F16X2 = type_bit(Type::F16X2), T_BF16X2 = type_bit(Type::BF16X2);
inline constexpr uint32_t T_E4M3 = type_bit(Type::F8E4M3), T_E5M2 = type_bit(Type::F8E5M2);
inline constexpr uint32_t T_F8 = T_E4M3 | T_E5M2;
inline constexpr uint32_t T_INT = T_S32 | T_U32 | T_S64 | T_U64;
inline constexpr uint32_t T_BITS = T_B32 | T_B64;
inline constexpr uint32_t T_FLOAT = T_F16 | T_BF16 | T_F32 | T_F64;
inline constexpr uint32_t T_FLOATV = T_FLOAT | T_F16X2 | T_BF16X2;
inline constexpr uint32_t T_LOAD = T_S8 | T_U8 | T_S16 | T_U16 | T_BITS;
inline constexpr uint32_t T_STORE = T_U8 | T_U16 | T_BITS;
inline constexpr uint32_t T_ATOM = T_INT | T_BITS | T_FLOATV;
inline constexpr uint32_t T_CVT = T_S8 | T_U8 | T_S16 | T_U16 | T_INT | T_FLOAT | T_F8;
}  // namespace type_set

}  // namespace phx::isa
