#include "runtime/tools/validation/tensor_text.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "runtime/tools/validation/expression.h"

namespace phx::validation {
namespace {

std::string mlir_type(const std::string& type) {
  if (type == "f8e4m3") return "f8E4M3FN";
  if (type == "f8e5m2") return "f8E5M2";
  if (type == "f4e2m1") return "f4E2M1FN";
  if (type[0] == 's') return "i" + type.substr(1);
  return type;
}

std::string tensor(const std::vector<int64_t>& shape, const std::string& type) {
  std::string text = "tensor<";
  for (int64_t size : shape) text += std::to_string(size) + "x";
  return text + mlir_type(type) + ">";
}

std::string dims(size_t rank) {
  std::string text;
  for (size_t d = 0; d < rank; ++d) text += (d ? ", d" : "d") + std::to_string(d);
  return text;
}

struct Value {
  std::string name, type;
};

struct Argument {
  std::string name, type;
  std::vector<int64_t> shape;
  std::string map;  // results of its indexing map: "d0, d1"
};

// The tensor of an operand inside a space of loops: dimensions of size 1 that broadcast are left out.
Argument argument(const std::string& name, const Operand& operand, const std::vector<int64_t>& space) {
  Argument made{name, operand.type, {}, {}};
  const size_t first = space.size() - operand.shape.size();
  for (size_t i = 0; i < operand.shape.size(); ++i) {
    if (operand.shape[i] == 1 && space[first + i] != 1) continue;
    made.shape.push_back(operand.shape[i]);
    made.map += (made.map.empty() ? "d" : ", d") + std::to_string(first + i);
  }
  return made;
}

class Text {
 public:
  void add_argument(const Argument& argument) {
    arguments_ += (arguments_.empty() ? "%" : ", %") + argument.name + ": " + tensor(argument.shape, argument.type) +
                  " {phx.name = \"" + argument.name + "\"}";
  }
  std::string fresh() { return "%v" + std::to_string(next_++); }
  void line(const std::string& text) { body_ += "  " + text + "\n"; }

  std::string filled(const std::vector<int64_t>& shape, const std::string& type, const std::string& literal) {
    const std::string zero = fresh(), empty = fresh(), full = fresh(), t = tensor(shape, type);
    line(zero + " = arith.constant " + literal + " : " + mlir_type(type));
    line(empty + " = tensor.empty() : " + t);
    line(full + " = linalg.fill ins(" + zero + " : " + mlir_type(type) + ") outs(" + empty + " : " + t + ") -> " + t);
    return full;
  }

  // A linalg.generic over `space`, all loops parallel, with the expression's value cast to `type`. `values` name the
  // tensor of each argument.
  Expected<std::string> map(const Expression& expression, const std::vector<int64_t>& space,
                            const std::vector<Argument>& arguments, const std::vector<std::string>& values,
                            const std::string& type) {
    const std::string out = tensor(space, type), empty = fresh(), result = fresh(), all = dims(space.size());
    line(empty + " = tensor.empty() : " + out);
    std::string maps, iterators, ins, types, block;
    std::vector<std::pair<std::string, Value>> names;
    for (size_t i = 0; i < arguments.size(); ++i) {
      maps += "affine_map<(" + all + ") -> (" + arguments[i].map + ")>, ";
      ins += (i ? ", " : "") + values[i];
      types += (i ? ", " : "") + tensor(arguments[i].shape, arguments[i].type);
      const std::string element = fresh();
      block += element + ": " + mlir_type(arguments[i].type) + ", ";
      names.push_back({arguments[i].name, {element, arguments[i].type}});
    }
    for (size_t d = 0; d < space.size(); ++d) iterators += std::string(d ? ", " : "") + "\"parallel\"";
    line(result + " = linalg.generic {indexing_maps = [" + maps + "affine_map<(" + all + ") -> (" + all +
         ")>], iterator_types = [" + iterators + "]} " + (ins.empty() ? "" : "ins(" + ins + " : " + types + ") ") +
         "outs(" + empty + " : " + out + ") {");
    const std::string last = fresh();
    line("^bb0(" + block + last + ": " + mlir_type(type) + "):");
    names_ = &names;
    auto value = emit(expression, type);
    if (!value) return value.diagnostic();
    auto cast_value = cast(*value, type);
    if (!cast_value) return cast_value.diagnostic();
    line("  linalg.yield " + cast_value->name + " : " + mlir_type(type));
    line("} -> " + out);
    return result;
  }

  std::string function(const std::vector<std::pair<std::string, std::string>>& results) const {
    std::string names, types, signature;
    for (size_t i = 0; i < results.size(); ++i) {
      names += (i ? ", " : "") + results[i].first;
      types += (i ? ", " : "") + results[i].second;
      signature += (i ? ", " : "") + results[i].second + " {phx.name = \"y" + std::to_string(i) + "\"}";
    }
    return "func.func @main(" + arguments_ + ") -> (" + signature + ") {\n" + body_ + "  return " + names + " : " +
           types + "\n}\n";
  }

 private:
  // A number takes the type of what it is combined with.
  Expected<std::string> type_of(const Expression& e, const std::string& otherwise) const {
    if (e.kind == Expression::Kind::number) return otherwise;
    if (e.kind == Expression::Kind::operand) {
      for (const auto& [name, value] : *names_)
        if (name == e.name) return value.type;
      return error("'" + e.name + "' is no operand");
    }
    if (e.name == "cast") {
      if (!bits_of_type(e.arguments[1].name))
        return error("cast to '" + e.arguments[1].name + "', which is no element type");
      return e.arguments[1].name;
    }
    for (const Expression& argument : e.arguments)
      if (argument.kind != Expression::Kind::number) return type_of(argument, otherwise);
    return otherwise;
  }

  Expected<Value> emit(const Expression& e, const std::string& expected) {
    if (e.kind == Expression::Kind::operand) {
      for (const auto& [name, value] : *names_)
        if (name == e.name) return value;
      return error("'" + e.name + "' is no operand");
    }
    if (e.kind == Expression::Kind::number) {
      const std::string name = fresh();
      char digits[64];
      std::snprintf(digits, sizeof digits, is_float(expected) ? "%.9e" : "%.0f", std::strtod(e.name.c_str(), nullptr));
      line("  " + name + " = arith.constant " + digits + " : " + mlir_type(expected));
      return Value{name, expected};
    }
    auto type = type_of(e, expected);
    if (!type) return type.diagnostic();
    if (e.name == "cast") {
      auto inner = emit(e.arguments[0], *type);
      if (!inner) return inner;
      return cast(*inner, *type);
    }
    const Function& function = *function_named(e.name);
    const std::string operation = is_float(*type) ? function.float_operation : function.integer_operation;
    if (operation.empty()) return error("'" + e.name + "' is not for " + *type);
    std::string operands;
    for (const Expression& argument : e.arguments) {
      auto inner = emit(argument, *type);
      if (!inner) return inner;
      if (inner->type != *type)
        return error("'" + e.name + "' of " + *type + " and " + inner->type + ": use cast(.., " + *type + ")");
      operands += (operands.empty() ? "" : ", ") + inner->name;
    }
    const std::string name = fresh();
    line("  " + name + " = " + operation + " " + operands + " : " + mlir_type(*type));
    return Value{name, *type};
  }

  Expected<Value> cast(const Value& value, const std::string& type) {
    if (value.type == type) return value;
    const uint64_t from = bits_of_type(value.type), to = bits_of_type(type);
    const bool from_float = is_float(value.type), to_float = is_float(type);
    if (from_float && to_float && from == to) {
      auto wide = cast(value, "f32");
      return wide ? cast(*wide, type) : wide;
    }
    const std::string operation = from_float && to_float ? (to > from ? "extf" : "truncf")
                                  : from_float           ? "fptosi"
                                  : to_float             ? "sitofp"
                                  : to > from            ? "extsi"
                                                         : "trunci";
    const std::string name = fresh();
    line("  " + name + " = arith." + operation + " " + value.name + " : " + mlir_type(value.type) + " to " +
         mlir_type(type));
    return Value{name, type};
  }

  std::string arguments_, body_;
  unsigned next_ = 0;
  const std::vector<std::pair<std::string, Value>>* names_ = nullptr;
};

// The arguments of an expression, in order of first use; `own` are not the program's.
std::vector<Argument> arguments_of(const Expression& e, const std::map<std::string, Operand>& given,
                                   const std::vector<int64_t>& space, const std::string& type) {
  std::vector<Argument> all;
  for (const std::string& name : operands_of(e)) {
    auto own = given.find(name);
    all.push_back(argument(name, own == given.end() ? Operand{space, type} : own->second, space));
  }
  return all;
}

Expected<std::string> text_of(const Gemm& g) {
  Text text;
  const std::string acc = is_float(g.a) ? "f32" : "s32";
  std::vector<int64_t> c{g.m, g.n}, a{g.m, g.k}, b{g.k, g.n};
  if (g.transpose_a) std::swap(a[0], a[1]);
  if (g.transpose_b) std::swap(b[0], b[1]);
  if (g.batch)
    for (auto* shape : {&a, &b, &c}) shape->insert(shape->begin(), g.batch);
  text.add_argument({"a", g.a, a, {}});
  text.add_argument({"b", g.b, b, {}});
  const std::string zero = text.filled(c, acc, is_float(acc) ? "0.0" : "0");
  const std::string space = g.batch ? "(z, m, n, k)" : "(m, n, k)", z = g.batch ? "z, " : "";
  const std::string maps = "affine_map<" + space + " -> (" + z + (g.transpose_a ? "k, m" : "m, k") + ")>, affine_map<" +
                           space + " -> (" + z + (g.transpose_b ? "n, k" : "k, n") + ")>, affine_map<" + space +
                           " -> (" + z + "m, n)>";
  std::string result = text.fresh();
  text.line(result + " = linalg." + (g.batch ? "batch_matmul" : "matmul") + " indexing_maps = [" + maps +
            "] ins(%a, %b : " + tensor(a, g.a) + ", " + tensor(b, g.b) + ") outs(" + zero + " : " + tensor(c, acc) +
            ") -> " + tensor(c, acc));
  if (!g.then.empty() || g.c != acc) {
    auto then = parse_expression(g.then.empty() ? "c" : g.then);
    if (!then) return then.diagnostic();
    std::map<std::string, Operand> given = g.operands;
    given["c"] = {c, acc};
    std::vector<Argument> arguments = arguments_of(*then, given, c, "f32");
    std::vector<std::string> values;
    for (const Argument& one : arguments) {
      values.push_back(one.name == "c" ? result : "%" + one.name);
      if (one.name == "a" || one.name == "b")
        return error("'" + one.name + "' is the name of a factor; call the operand something else");
      if (one.name != "c") text.add_argument(one);
    }
    auto mapped = text.map(*then, c, arguments, values, g.c);
    if (!mapped) return mapped;
    result = *mapped;
  }
  return text.function({{result, tensor(c, g.c)}});
}

Expected<std::string> text_of(const Elementwise& e) {
  Text text;
  std::vector<std::string> known;
  std::vector<std::pair<std::string, std::string>> results;
  for (const std::string& one : e.results) {
    auto expression = parse_expression(one);
    if (!expression) return expression.diagnostic();
    std::vector<Argument> arguments = arguments_of(*expression, e.operands, e.shape, e.type);
    std::vector<std::string> values;
    for (const Argument& argument : arguments) {
      values.push_back("%" + argument.name);
      if (std::find(known.begin(), known.end(), argument.name) != known.end()) continue;
      known.push_back(argument.name);
      text.add_argument(argument);
    }
    auto mapped = text.map(*expression, e.shape, arguments, values, e.type);
    if (!mapped) return mapped;
    results.push_back({*mapped, tensor(e.shape, e.type)});
  }
  return text.function(results);
}

Expected<std::string> text_of(const Reduction& r) {
  Text text;
  auto of = parse_expression(r.of);
  if (!of) return of.diagnostic();
  std::vector<Argument> arguments = arguments_of(*of, r.operands, r.shape, r.type);
  std::vector<std::string> values;
  for (const Argument& one : arguments) {
    values.push_back("%" + one.name);
    text.add_argument(one);
  }
  std::string source;
  if (of->kind == Expression::Kind::operand && arguments.front().shape == r.shape && arguments.front().type == r.type) {
    source = values.front();
  } else {
    auto mapped = text.map(*of, r.shape, arguments, values, r.type);
    if (!mapped) return mapped;
    source = *mapped;
  }
  std::vector<int64_t> left;
  std::string map, iterators;
  for (size_t d = 0; d < r.shape.size(); ++d) {
    const bool gone = std::find(r.axes.begin(), r.axes.end(), static_cast<int64_t>(d)) != r.axes.end();
    iterators += std::string(d ? ", " : "") + (gone ? "\"reduction\"" : "\"parallel\"");
    if (gone) continue;
    left.push_back(r.shape[d]);
    map += (map.empty() ? "d" : ", d") + std::to_string(d);
  }
  const bool floating = is_float(r.type);
  std::string start = r.op == "product" ? "1" : "0", operation = "arith.addf";
  if (r.op == "product") operation = "arith.mulf";
  if (r.op == "max") operation = "arith.maximumf";
  if (r.op == "min") operation = "arith.minimumf";
  if (floating) {
    start += ".0";
    const bool half = bits_of_type(r.type) == 16;
    if (r.op == "max" || r.op == "min") {  // infinities have no literal but their bits
      start = !half             ? (r.op == "max" ? "0xFF800000" : "0x7F800000")
              : r.type == "f16" ? (r.op == "max" ? "0xFC00" : "0x7C00")
                                : (r.op == "max" ? "0xFF80" : "0x7F80");
    }
  } else {
    operation = r.op == "sum"       ? "arith.addi"
                : r.op == "product" ? "arith.muli"
                : r.op == "max"     ? "arith.maxsi"
                                    : "arith.minsi";
    const int64_t top = int64_t{1} << (bits_of_type(r.type) - 1);
    if (r.op == "max") start = std::to_string(-top);
    if (r.op == "min") start = std::to_string(top - 1);
  }
  const std::string from = text.filled(left, r.type, start), all = dims(r.shape.size()), result = text.fresh();
  const std::string x = text.fresh(), acc = text.fresh(), y = text.fresh(), t = mlir_type(r.type);
  text.line(result + " = linalg.generic {indexing_maps = [affine_map<(" + all + ") -> (" + all + ")>, affine_map<(" +
            all + ") -> (" + map + ")>], iterator_types = [" + iterators + "]} ins(" + source + " : " +
            tensor(r.shape, r.type) + ") outs(" + from + " : " + tensor(left, r.type) + ") {");
  text.line("^bb0(" + x + ": " + t + ", " + acc + ": " + t + "):");
  text.line("  " + y + " = " + operation + " " + acc + ", " + x + " : " + t);
  text.line("  linalg.yield " + y + " : " + t);
  text.line("} -> " + tensor(left, r.type));
  return text.function({{result, tensor(left, r.type)}});
}

}  // namespace

Expected<std::string> tensor_text(const Workload& workload) {
  if (const auto* gemm = std::get_if<Gemm>(&workload)) return text_of(*gemm);
  if (const auto* elementwise = std::get_if<Elementwise>(&workload)) return text_of(*elementwise);
  if (const auto* reduction = std::get_if<Reduction>(&workload)) return text_of(*reduction);
  return error("this workload has no tensor program");
}

std::string fill_text(int64_t rows, int64_t columns) {
  Elementwise fill;
  fill.shape = {rows, columns};
  fill.type = "f32";
  fill.results = {"abs(x)"};
  fill.operands["x"] = {{1, columns}, "f32"};
  auto text = text_of(fill);
  return text ? *text : "";
}

}  // namespace phx::validation
