#include "device_sim/isa/table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "device_sim/isa/type_sets.h"

namespace phx::isa {
namespace {

using namespace type_set;

constexpr auto kUnused = OperandClass::None;

// The columns use the bare letters of the operand classes.
constexpr OperandClass class_of(std::string_view letter) {
  constexpr std::string_view letters = "_DVWPQSRXAILO";
  return static_cast<OperandClass>(letters.find(letter[0]));
}
static_assert(class_of("_") == kUnused && class_of("D") == OperandClass::D && class_of("O") == OperandClass::O &&
              class_of("X") == OperandClass::X && class_of("L") == OperandClass::L);

constexpr RowInfo kRows[] = {
#define PHX_OP(Enum, mnemonic, code, family, pipe, core, layout, types, dst, a, b, c, timing, effects, meaning) \
  {Opcode::Enum,                                                                                                \
   mnemonic,                                                                                                    \
   Family::family,                                                                                              \
   Pipe::pipe,                                                                                                  \
   Core::core,                                                                                                  \
   Layout::layout,                                                                                              \
   types,                                                                                                       \
   class_of(#dst),                                                                                              \
   class_of(#a),                                                                                                \
   class_of(#b),                                                                                                \
   class_of(#c),                                                                                                \
   #timing,                                                                                                     \
   static_cast<uint16_t>(effects),                                                                              \
   meaning},
#include "device_sim/isa/isa.def"
};

constexpr std::string_view kEnumerators[] = {
#define PHX_OP(Enum, ...) #Enum,
#include "device_sim/isa/isa.def"
};

constexpr TypeInfo kTypes[] = {
#define PHX_TYPE(Enum, name, code, bits, group) {Type::Enum, name, bits, TypeGroup::group},
#include "device_sim/isa/isa.def"
};

constexpr FieldKind kind_of(std::string_view enumeration) {
  if (enumeration == "Type") return FieldKind::Type;
  if (enumeration == "Int") return FieldKind::Int;
  if (enumeration == "Bool") return FieldKind::Bool;
  if (enumeration == "InAddress") return FieldKind::InAddress;
  if (enumeration == "MathFn") return FieldKind::MathFn;
  return FieldKind::Enumeration;
}

constexpr FieldInfo kFields[] = {
#define PHX_FIELD(layout, name, low, width, Enum, need) \
  {Layout::layout, #name, low, width, kind_of(#Enum), #Enum, std::string_view(#need) == "required"},
#include "device_sim/isa/isa.def"
};

constexpr EnumValue kValues[] = {
#define PHX_ENUM(Enum, Value, name, code) {#Enum, #Value, name, code},
#include "device_sim/isa/isa.def"
};

constexpr FieldLimit kLimits[] = {
#define PHX_LIMIT(layout, field, first, last, types) {Layout::layout, #field, first, last, types},
#include "device_sim/isa/isa.def"
};

constexpr Layout kLayoutList[] = {
#define PHX_LAYOUT(Name) Layout::Name,
#include "device_sim/isa/isa.def"
};

constexpr std::string_view kLayouts[] = {
#define PHX_LAYOUT(Name) #Name,
#include "device_sim/isa/isa.def"
};

// Opcode codes are 10 bits: one byte-sized index per code makes row() a load.
constexpr auto kRowIndex = [] {
  std::array<uint8_t, 1024> index{};
  index.fill(0xFF);
  for (size_t i = 0; i < std::size(kRows); ++i) index[static_cast<uint16_t>(kRows[i].op)] = static_cast<uint8_t>(i);
  return index;
}();
static_assert(std::size(kRows) < 0xFF);

// Elements of `all` whose key is `key`; the table keeps such elements together.
template <class T, class Key>
std::span<const T> group(std::span<const T> all, Key T::* member, const Key& key) {
  auto matches = [&](const T& element) { return element.*member == key; };
  auto first = std::find_if(all.begin(), all.end(), matches);
  auto last = std::find_if_not(first, all.end(), matches);
  return {first, last};
}

}  // namespace

std::span<const RowInfo> rows() { return kRows; }

const RowInfo* row(uint16_t opcode) {
  if (opcode >= kRowIndex.size() || kRowIndex[opcode] == 0xFF) return nullptr;
  return &kRows[kRowIndex[opcode]];
}

const TypeInfo& info(Type type) {
  auto code = static_cast<size_t>(type);
  return kTypes[code < std::size(kTypes) ? code : 0];
}

std::span<const TypeInfo> types() { return kTypes; }
std::span<const Layout> layouts() { return kLayoutList; }
std::span<const FieldLimit> limits() { return kLimits; }
std::span<const FieldInfo> fields(Layout layout) {
  return group(std::span<const FieldInfo>(kFields), &FieldInfo::layout, layout);
}
std::span<const EnumValue> values(std::string_view enumeration) {
  return group(std::span<const EnumValue>(kValues), &EnumValue::enumeration, enumeration);
}

std::string_view name(Layout layout) { return kLayouts[static_cast<size_t>(layout)]; }

std::string_view name(Family family) {
  constexpr std::string_view names[] = {"control", "alu", "simt", "mem", "sync", "dma", "cube", "fix", "vec"};
  return names[static_cast<size_t>(family)];
}

std::string_view name(Pipe pipe) {
  constexpr std::string_view names[] = {"S", "V", "M", "MTE1", "MTE2", "MTE3", "FIX"};
  return names[static_cast<size_t>(pipe)];
}

std::string_view name(Core core) {
  constexpr std::string_view names[] = {"any", "simt", "tile", "aic", "aiv"};
  return names[static_cast<size_t>(core)];
}

std::string_view name(OperandClass operand_class) {
  constexpr std::string_view names[] = {"_", "D", "V", "W", "P", "Q", "S", "R", "X", "A", "I", "L", "O"};
  return names[static_cast<size_t>(operand_class)];
}

std::string_view name(TypeGroup group) {
  constexpr std::string_view names[] = {"none", "i32", "i64", "f16", "f32", "f64"};
  return names[static_cast<size_t>(group)];
}

std::string_view enumerator(Opcode op) {
  const RowInfo* found = row(op);
  return found ? kEnumerators[found - kRows] : std::string_view();
}

const RowInfo* row_named(std::string_view mnemonic) {
  auto found = std::find_if(std::begin(kRows), std::end(kRows),
                            [&](const RowInfo& candidate) { return candidate.mnemonic == mnemonic; });
  return found == std::end(kRows) ? nullptr : found;
}

bool value_exists(const FieldInfo& field, unsigned value) {
  switch (field.kind) {
    case FieldKind::Int:
    case FieldKind::Bool:
    case FieldKind::InAddress:
      return value < (1u << field.width);
    case FieldKind::Type:
      return value < std::size(kTypes);
    case FieldKind::MathFn:
      return value < math_functions().size();
    case FieldKind::Enumeration:
      return value < values(field.enumeration).size();
  }
  return false;
}

std::string value_name(const FieldInfo& field, unsigned value) {
  if (!value_exists(field, value)) return {};
  switch (field.kind) {
    case FieldKind::Int:
      return std::string(field.name) + std::to_string(value);
    case FieldKind::Bool:
      return std::string(field.name);
    case FieldKind::InAddress:
      return {};
    case FieldKind::Type:
      return std::string(kTypes[value].name);
    case FieldKind::MathFn:
      return std::string(math_functions()[value].name);
    case FieldKind::Enumeration:
      return std::string(values(field.enumeration)[value].name);
  }
  return {};
}

// Codes of enumerations and types are their positions; the lookups above rely on it.
static_assert([] {
  for (size_t i = 0; i < std::size(kTypes); ++i)
    if (static_cast<size_t>(kTypes[i].type) != i) return false;
  for (size_t i = 0; i < std::size(kValues); ++i) {
    bool first = i == 0 || kValues[i - 1].enumeration != kValues[i].enumeration;
    if (kValues[i].code != (first ? 0 : kValues[i - 1].code + 1)) return false;
  }
  return true;
}());

}  // namespace phx::isa
