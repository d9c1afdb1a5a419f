#include "runtime/tools/validation/expression.h"

#include <algorithm>
#include <cctype>

namespace phx::validation {
namespace {

// relu, neg and friends are written out by the text generator where MLIR has no operation of their own.
constexpr Function kFunctions[] = {
    {"add", 2, "arith.addf", "arith.addi"},
    {"sub", 2, "arith.subf", "arith.subi"},
    {"mul", 2, "arith.mulf", "arith.muli"},
    {"div", 2, "arith.divf", ""},
    {"max", 2, "arith.maximumf", "arith.maxsi"},
    {"min", 2, "arith.minimumf", "arith.minsi"},
    {"neg", 1, "arith.negf", ""},
    {"abs", 1, "math.absf", ""},
    {"exp", 1, "math.exp", ""},
    {"log", 1, "math.log", ""},
    {"sqrt", 1, "math.sqrt", ""},
    {"rsqrt", 1, "math.rsqrt", ""},
    {"tanh", 1, "math.tanh", ""},
    {"erf", 1, "math.erf", ""},
    {"cast", 2, "", ""},
};
constexpr unsigned kDeepest = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expected<Expression> whole() {
    auto result = one(0);
    if (!result) return result;
    skip();
    if (at_ != text_.size()) return refuse("has something after its end");
    return result;
  }

 private:
  Diagnostic refuse(const std::string& why) const {
    return error("expression '" + std::string(text_) + "' " + why + " (character " + std::to_string(at_ + 1) + ")");
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char wanted) {
    skip();
    if (at_ >= text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  Expected<Expression> one(unsigned depth) {
    if (depth > kDeepest) return refuse("is nested deeper than " + std::to_string(kDeepest));
    skip();
    const size_t begin = at_;
    auto part_of_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' || c == '+';
    };
    while (at_ < text_.size() && part_of_word(text_[at_])) ++at_;
    Expression result;
    result.name = text_.substr(begin, at_ - begin);
    if (result.name.empty()) return refuse("wants a name or a number here");
    if (std::isdigit(static_cast<unsigned char>(result.name[0])) || result.name[0] == '-') {
      result.kind = Expression::Kind::number;
      char* end = nullptr;
      std::strtod(result.name.c_str(), &end);
      if (*end) return refuse("has '" + result.name + "', which is no number");
      return result;
    }
    if (result.name.find_first_of(".+-") != std::string::npos)
      return refuse("has '" + result.name + "', which is neither a name nor a number");
    if (!take('(')) return result;
    result.kind = Expression::Kind::call;
    const Function* function = function_named(result.name);
    if (!function) return refuse("uses '" + result.name + "'; functions are " + function_names());
    do {
      auto argument = one(depth + 1);
      if (!argument) return argument;
      result.arguments.push_back(std::move(*argument));
    } while (take(','));
    if (!take(')')) return refuse("lacks a ')'");
    if (result.arguments.size() != function->arguments)
      return refuse("gives " + result.name + " " + std::to_string(result.arguments.size()) + " arguments; it takes " +
                    std::to_string(function->arguments));
    return result;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void collect(const Expression& expression, std::vector<std::string>& names) {
  if (expression.kind == Expression::Kind::operand) {
    if (std::find(names.begin(), names.end(), expression.name) == names.end()) names.push_back(expression.name);
    return;
  }
  const size_t used = expression.name == "cast" ? 1 : expression.arguments.size();
  for (size_t i = 0; i < used && i < expression.arguments.size(); ++i) collect(expression.arguments[i], names);
}

}  // namespace

Expected<Expression> parse_expression(std::string_view text) { return Parser(text).whole(); }

std::vector<std::string> operands_of(const Expression& expression) {
  std::vector<std::string> names;
  collect(expression, names);
  return names;
}

const Function* function_named(std::string_view name) {
  for (const Function& function : kFunctions)
    if (name == function.name) return &function;
  return nullptr;
}

std::string function_names() {
  std::string names;
  for (const Function& function : kFunctions) names += (names.empty() ? "" : ", ") + std::string(function.name);
  return names;
}

}  // namespace phx::validation
