// The table itself: facts that expansion relies on and that a new row can break.
#include <doctest/doctest.h>

#include <set>

#include "device_sim/isa/fields.h"
#include "device_sim/isa/operands.h"
#include "device_sim/isa/table.h"
#include "device_sim/isa/type_sets.h"

using namespace phx;

TEST_CASE("rows are unique and ascend by code") {
  std::set<std::string_view> mnemonics;
  int last = -1;
  for (const isa::RowInfo& row : isa::rows()) {
    CAPTURE(row.mnemonic);
    CHECK(mnemonics.insert(row.mnemonic).second);
    CHECK(static_cast<int>(row.op) > last);
    last = static_cast<int>(row.op);
    CHECK(isa::row(row.op) == &row);
    CHECK(isa::row_named(row.mnemonic) == &row);
    CHECK(row.mnemonic.find('.') == row.mnemonic.npos);
    CHECK(row.types != 0);
    CHECK(!row.meaning.empty());
    if (isa::has_address(row)) {
      CHECK(row.a == isa::OperandClass::A);
      CHECK(row.b == isa::OperandClass::I);
    }
  }
  CHECK(isa::row(0x3FF) == nullptr);
  CHECK(isa::row(0xFFFF) == nullptr);
}

TEST_CASE("fields of a layout do not overlap and their values fit") {
  for (const isa::RowInfo& row : isa::rows()) {
    unsigned used = 0;
    for (const isa::FieldInfo& field : isa::fields(row.layout)) {
      CAPTURE(field.name);
      unsigned mask = ((1u << field.width) - 1u) << field.low;
      CHECK((used & mask) == 0);
      CHECK(field.low + field.width <= 16);
      used |= mask;
      if (field.kind == isa::FieldKind::Enumeration) {
        CHECK(!isa::values(field.enumeration).empty());
        CHECK(isa::values(field.enumeration).size() <= (1u << field.width));
      }
    }
  }
  for (const isa::FieldLimit& limit : isa::limits()) {
    bool found = false;
    for (const isa::FieldInfo& field : isa::fields(limit.layout)) found |= field.name == limit.field;
    CHECK_MESSAGE(found, limit.field);
  }
}

TEST_CASE("typed accessors") {
  isa::Instruction i{.op = isa::Opcode::Ld, .type = isa::Type::B64};
  isa::field::Mem::set_space(i, isa::Space::Ub);
  isa::field::Mem::set_vec(i, isa::Vector::V2);
  isa::field::Mem::set_scale(i, 3);
  CHECK(isa::field::Mem::get_space(i) == isa::Space::Ub);
  CHECK(isa::field::Mem::get_scale(i) == 3);
  CHECK(isa::bits(i.mod, 7, 2) == 1);
  i.dst = isa::operand::r(4);
  auto slots = isa::slots(i);
  CHECK(slots[0].written);
  CHECK(slots[0].count == 2);
  CHECK(isa::registers(slots[0]) == 4);
  isa::field::Mem::set_space(i, isa::Space::Gm);
  CHECK(isa::bits(i.mod, 0, 3) == 0);
  CHECK(isa::bits(i.mod, 7, 2) == 1);
}

TEST_CASE("mathematical functions are named") {
  CHECK(isa::math_functions().size() > 10);
  for (const isa::MathFunction& function : isa::math_functions()) {
    CHECK(&function == &isa::math_functions()[function.code]);
    CHECK((function.arity == 1 || function.arity == 2));
  }
}
