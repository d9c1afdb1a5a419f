// Loads, stores and address arithmetic over 32 lanes.
//
// Part of lane_operations.cpp, which says why everything has internal linkage.
#pragma once

#include "device_sim/core/lane_vectors.h"

namespace phx::sim {
namespace {

// The fast paths: the whole access lies in the buffer that the instruction used last (gm), in the block's unified
// buffer, in the lanes' local memory or in the parameters. Everything else, faults included, is done by load_slow and
// store_slow.
constexpr unsigned field_of(uint16_t mod, unsigned low, unsigned width) { return (mod >> low) & ((1u << width) - 1u); }

const U32 kIota[2] = {U32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                      U32{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};

PHX_ALWAYS bool any(U32 v) { return __builtin_reduce_or(v) != 0; }
PHX_ALWAYS bool any(U64 v) { return __builtin_reduce_or(v) != 0; }

// Effective addresses of all lanes; inactive lanes get the address of the first active one.
template <Space S>
PHX_ALWAYS void addresses(const Decoded* d, const Frame* f, uint64_t* out) {
  const unsigned scale = field_of(d->mod, 3, 3);
  const bool zero_extend = field_of(d->mod, 6, 1);
  for (unsigned h = 0; h < 32; h += kWidth) {
    U64 at = U64(d->immediate);
    at += d->flags & kBaseIsPair ? lanes<uint64_t>(words(f, d->a), h) : U64(f->s[d->a]);
    if (d->lanes & kLaneB) {
      const U32 index = row(words(f, d->b), h);
      const U64 wide = zero_extend ? PHX_CONVERT(uint64_t, index) : cast<U64>(PHX_CONVERT(int64_t, cast<I32>(index)));
      at += wide << U64(scale);
    } else {
      const uint32_t index = static_cast<uint32_t>(f->s[d->b]);
      const uint64_t wide =
          zero_extend ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
      at += U64(wide << scale);
    }
    if constexpr (S != Space::Gm && S != Space::Generic) at &= U64(0xffffffffull);
    *reinterpret_cast<U64*>(out + h) = at;
  }
  if (f->mask != kAllLanes) {
    const uint64_t first = out[__builtin_ctz(f->mask)];
    for (unsigned h = 0; h < 32; h += kWidth) {
      U64& at = *reinterpret_cast<U64*>(out + h);
      at = PHX_CONVERT(int64_t, cast<I32>(row(f->lane_mask, h))) ? at : U64(first);
    }
  }
}

// Where accesses of the instruction at `address` go, if that is simple.
struct Window {
  uint64_t start, size;
  unsigned char* bytes;
  uint64_t lane_stride;  // local memory: distance between the memories of neighbouring lanes
  bool writable;
};
template <Space S>
PHX_ALWAYS Window window(const Decoded* d, Frame* f, uint64_t address) {
  if constexpr (S == Space::Ub) return {0, f->ub_bytes, f->ub, 0, true};
  if constexpr (S == Space::Local) return {0, f->local_bytes, f->local, f->local_bytes, true};
  if constexpr (S == Space::Param) return {0, f->param_bytes, const_cast<unsigned char*>(f->params), 0, false};
  if constexpr (S == Space::Generic) {
    if ((address & isa::kWindowMask) == isa::kUbWindow) return {isa::kUbWindow, f->ub_bytes, f->ub, 0, true};
    if ((address & isa::kWindowMask) == isa::kLocalWindow)
      return {isa::kLocalWindow, f->local_bytes, f->local, f->local_bytes, true};
  }
  const View& view = f->views[d->index % kViews];
  if (__builtin_expect(address - view.address >= view.size, 0)) refresh_view(d, f, address);
  return {view.address, view.size, view.bytes, 0, view.writable};
}

// All lanes inside the window and aligned?
template <unsigned Bytes>
PHX_ALWAYS bool simple(const Window& w, const uint64_t* at) {
  if (w.size < Bytes || !w.bytes) return false;
  const uint64_t last = w.size - Bytes;
  I64 bad = I64(0);
  for (unsigned h = 0; h < 32; h += kWidth) {
    const U64 a = *reinterpret_cast<const U64*>(at + h);
    bad |= ((a - U64(w.start)) > U64(last)) | ((a & U64(Bytes - 1)) != U64(0));
  }
  return !any(cast<U64>(bad));
}

template <class M>
PHX_ALWAYS uint64_t widened(M value) {
  if constexpr (sizeof(M) == 8)
    return value;
  else if constexpr (M(-1) < M(0))
    return static_cast<uint32_t>(static_cast<int32_t>(value));
  else
    return static_cast<uint32_t>(value);
}
template <class M>
PHX_ALWAYS M fetch(const unsigned char* from) {
  M value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
template <class M>
using Register = typename VectorOf<M>::type;

// Is the access unit-stride over all 32 lanes with 32-bit indices? Then `first` is lane 0's address.
template <Space S, unsigned Bytes>
PHX_ALWAYS bool unit_stride(const Decoded* d, const Frame* f, uint64_t* first) {
  if (f->mask != kAllLanes || !(d->lanes & kLaneB) || (d->flags & kBaseIsPair)) return false;
  const unsigned scale = field_of(d->mod, 3, 3);
  const uint32_t* index = words(f, d->b);
  const uint32_t start = index[0], step = Bytes >> scale;
  if ((step << scale) != Bytes || step == 0 || start > 0x7fffffffu - 32u * 16u) return false;
  if (any((row(index, 0) ^ (kIota[0] * step + start)) | (row(index, kWidth) ^ (kIota[1] * step + start)))) return false;
  *first = f->s[d->a] + (static_cast<uint64_t>(start) << scale) + d->immediate;
  if constexpr (S != Space::Gm && S != Space::Generic) *first &= 0xffffffffull;
  return true;
}

template <Space S, class M, unsigned N>
bool load_lanes(const Decoded* d, Frame* f) {
  constexpr unsigned kBytes = sizeof(M) * N;
  using R = __typeof__(M(0) + 0u);  // 32-bit unsigned, or the 64-bit type itself
  constexpr unsigned kRows = sizeof(R) / 4;
  uint64_t first;
  if constexpr (S == Space::Gm || S == Space::Ub || S == Space::Generic) {
    if (N == 1 && unit_stride<S, kBytes>(d, f, &first)) {
      const Window w = window<S>(d, f, first);
      if (w.lane_stride == 0 && w.bytes && first - w.start < w.size && 32 * kBytes <= w.size - (first - w.start) &&
          first % kBytes == 0) {
        if (f->recording) record_run(d, f, first, 32 * kBytes, 32 * kBytes);
        const unsigned char* from = w.bytes + (first - w.start);
        uint32_t* low = words(f, d->dst);
        for (unsigned h = 0; h < 32; h += kWidth) {
          Vec<M> raw;
          __builtin_memcpy(&raw, from + h * sizeof(M), sizeof raw);
          if constexpr (sizeof(M) == 8)
            put_all<uint64_t>(low, h, cast<U64>(raw));
          else if constexpr (M(-1) < M(0))
            put_all<int32_t>(low, h, PHX_CONVERT(int32_t, raw));
          else
            put_all<uint32_t>(low, h, PHX_CONVERT(uint32_t, raw));
        }
        return true;
      }
    }
  }
  if (!(d->lanes & kLaneB) && !(d->flags & kBaseIsPair) && S != Space::Local) {  // one address for all lanes
    const uint32_t index = static_cast<uint32_t>(f->s[d->b]);
    const uint64_t wide =
        field_of(d->mod, 6, 1) ? index : static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(index)));
    first = f->s[d->a] + (wide << field_of(d->mod, 3, 3)) + d->immediate;
    if constexpr (S != Space::Gm && S != Space::Generic) first &= 0xffffffffull;
    const Window w = window<S>(d, f, first);
    if (w.lane_stride == 0 && w.bytes && first - w.start < w.size && kBytes <= w.size - (first - w.start) &&
        first % kBytes == 0) {
      if (f->recording) record_run(d, f, first, kBytes, kBytes * static_cast<unsigned>(__builtin_popcount(f->mask)));
      for (unsigned n = 0; n < N; ++n) {
        const uint64_t value = widened(fetch<M>(w.bytes + (first - w.start) + n * sizeof(M)));
        uint32_t* low = words(f, d->dst) + n * kRows * 32;
        for (unsigned h = 0; h < 32; h += kWidth) {
          put_some<uint32_t>(f, low, h, U32(static_cast<uint32_t>(value)));
          if constexpr (kRows == 2) put_some<uint32_t>(f, low + 32, h, U32(static_cast<uint32_t>(value >> 32)));
        }
      }
      return true;
    }
    return load_slow(d, f);
  }
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  const Window w = window<S>(d, f, at[__builtin_ctz(f->mask)]);
  if (!simple<kBytes>(w, at)) return load_slow(d, f);
  if (f->recording) record_access(d, f, at, kBytes);
  const bool all = f->mask == kAllLanes;
  for (unsigned n = 0; n < N; ++n) {
    alignas(64) uint32_t value[kRows][32];
    for (unsigned i = 0; i < 32; ++i) {
      const uint64_t v = widened(fetch<M>(w.bytes + (at[i] - w.start) + i * w.lane_stride + n * sizeof(M)));
      value[0][i] = static_cast<uint32_t>(v);
      if constexpr (kRows == 2) value[1][i] = static_cast<uint32_t>(v >> 32);
    }
    uint32_t* low = words(f, d->dst) + n * kRows * 32;
    for (unsigned k = 0; k < kRows; ++k)
      for (unsigned h = 0; h < 32; h += kWidth)
        if (all)
          set_row(low + k * 32, h, row(value[k], h));
        else
          put_some<uint32_t>(f, low + k * 32, h, row(value[k], h));
  }
  return true;
}

template <Space S, class M, unsigned N>
bool store_lanes(const Decoded* d, Frame* f) {
  constexpr unsigned kBytes = sizeof(M) * N;
  constexpr unsigned kRows = sizeof(M) == 8 ? 2 : 1;
  uint64_t first;
  const bool from_lanes = d->lanes & kLaneC;
  if constexpr (S == Space::Gm || S == Space::Ub || S == Space::Generic) {
    if (N == 1 && from_lanes && unit_stride<S, kBytes>(d, f, &first)) {
      const Window w = window<S>(d, f, first);
      if (w.lane_stride == 0 && w.writable && w.bytes && first - w.start < w.size &&
          32 * kBytes <= w.size - (first - w.start) && first % kBytes == 0) {
        if (f->recording) record_run(d, f, first, 32 * kBytes, 32 * kBytes);
        unsigned char* to = w.bytes + (first - w.start);
        const uint32_t* low = words(f, d->c);
        for (unsigned h = 0; h < 32; h += kWidth) {
          Vec<M> raw;
          if constexpr (sizeof(M) == 8)
            raw = lanes<uint64_t>(low, h);
          else
            raw = PHX_CONVERT(M, row(low, h));
          __builtin_memcpy(to + h * sizeof(M), &raw, sizeof raw);
        }
        return true;
      }
    }
  }
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  const Window w = window<S>(d, f, at[__builtin_ctz(f->mask)]);
  if (!w.writable || !simple<kBytes>(w, at)) return store_slow(d, f);
  if (f->recording) record_access(d, f, at, kBytes);
  for (uint32_t left = f->mask; left; left &= left - 1) {
    const unsigned i = static_cast<unsigned>(__builtin_ctz(left));
    unsigned char* to = w.bytes + (at[i] - w.start) + i * w.lane_stride;
    for (unsigned n = 0; n < N; ++n) {
      M value = 0;
      if (from_lanes) {
        const uint32_t* low = words(f, d->c) + n * kRows * 32;
        if constexpr (kRows == 2)
          value = low[i] | static_cast<uint64_t>(low[32 + i]) << 32;
        else
          value = static_cast<M>(low[i]);
      } else if (!(d->flags & kSourceZero)) {
        value = static_cast<M>(f->s[d->c + n]);
      }
      __builtin_memcpy(to + n * sizeof(M), &value, sizeof value);
    }
  }
  return true;
}

template <bool (*Access)(const Decoded*, Frame*)>
void memory(const Decoded* d, Frame* f) {
  if (!Access(d, f)) return;
  PHX_NEXT;
}

template <Space S>
Handler pick_load(Type type, unsigned n) {
  if (n == 1) switch (type) {
      case Type::S8:
        return memory<load_lanes<S, int8_t, 1>>;
      case Type::U8:
        return memory<load_lanes<S, uint8_t, 1>>;
      case Type::S16:
        return memory<load_lanes<S, int16_t, 1>>;
      case Type::U16:
        return memory<load_lanes<S, uint16_t, 1>>;
      case Type::B32:
        return memory<load_lanes<S, uint32_t, 1>>;
      case Type::B64:
        return memory<load_lanes<S, uint64_t, 1>>;
      default:
        return nullptr;
    }
  if (type == Type::B32) return n == 2 ? memory<load_lanes<S, uint32_t, 2>> : memory<load_lanes<S, uint32_t, 4>>;
  if (type == Type::B64 && n == 2) return memory<load_lanes<S, uint64_t, 2>>;
  return nullptr;
}
template <Space S>
Handler pick_store(Type type, unsigned n) {
  if (n == 1) switch (type) {
      case Type::U8:
        return memory<store_lanes<S, uint8_t, 1>>;
      case Type::U16:
        return memory<store_lanes<S, uint16_t, 1>>;
      case Type::B32:
        return memory<store_lanes<S, uint32_t, 1>>;
      case Type::B64:
        return memory<store_lanes<S, uint64_t, 1>>;
      default:
        return nullptr;
    }
  if (type == Type::B32) return n == 2 ? memory<store_lanes<S, uint32_t, 2>> : memory<store_lanes<S, uint32_t, 4>>;
  if (type == Type::B64 && n == 2) return memory<store_lanes<S, uint64_t, 2>>;
  return nullptr;
}
Handler pick_memory(bool load, Type type, uint16_t mod) {
  const unsigned n = 1u << field_of(mod, 7, 2);
  switch (static_cast<Space>(field_of(mod, 0, 3))) {
    case Space::Gm:
      return load ? pick_load<Space::Gm>(type, n) : pick_store<Space::Gm>(type, n);
    case Space::Ub:
      return load ? pick_load<Space::Ub>(type, n) : pick_store<Space::Ub>(type, n);
    case Space::Local:
      return load ? pick_load<Space::Local>(type, n) : pick_store<Space::Local>(type, n);
    case Space::Param:
      return load ? pick_load<Space::Param>(type, n) : nullptr;
    case Space::Generic:
      return load ? pick_load<Space::Generic>(type, n) : pick_store<Space::Generic>(type, n);
  }
  return nullptr;
}

// Effective address as a value.
template <Space S>
void effective_address(const Decoded* d, Frame* f) {
  alignas(128) uint64_t at[32];
  addresses<S>(d, f, at);
  constexpr uint64_t kWindow = S == Space::Ub ? isa::kUbWindow : S == Space::Local ? isa::kLocalWindow : 0;
  write<uint64_t>(d, f, [&](unsigned h) __attribute__((always_inline)) {
    return *reinterpret_cast<const U64*>(at + h) | U64(kWindow);
  });
  PHX_NEXT;
}

}  // namespace
}  // namespace phx::sim
