// Elementwise expressions of case files: "max(add(a, b), 0.0)". An expression is a name (an operand), a number, or a
// function of expressions; cast(x, f32) has a type as its second argument.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "device_sim/diagnostic/diagnostic.h"

namespace phx::validation {

struct Expression {
  enum class Kind : uint8_t { operand, number, call } kind = Kind::operand;
  std::string name;  // operand or function; of a number its digits
  std::vector<Expression> arguments;
};

Expected<Expression> parse_expression(std::string_view text);

// Operands in the order in which they first occur.
std::vector<std::string> operands_of(const Expression& expression);

// Functions and the MLIR operation of each, for floats and for integers (empty: there is none).
struct Function {
  const char* name;
  unsigned arguments;
  const char *float_operation, *integer_operation;
};
const Function* function_named(std::string_view name);
std::string function_names();

}  // namespace phx::validation
