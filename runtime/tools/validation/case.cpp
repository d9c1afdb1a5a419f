#include "runtime/tools/validation/case.h"

#include <numeric>

#include "runtime/tools/validation/expression.h"

namespace phx::validation {
namespace {

struct TypeSize {
  const char* name;
  unsigned bits;
  bool floating;
};
constexpr TypeSize kTypes[] = {{"f32", 32, true},   {"f16", 16, true},  {"bf16", 16, true}, {"s8", 8, false},
                               {"s16", 16, false},  {"s32", 32, false}, {"s4", 4, false},   {"f8e4m3", 8, true},
                               {"f8e5m2", 8, true}, {"hif8", 8, true},  {"f4e2m1", 4, true}};

const TypeSize* type_named(const std::string& name) {
  for (const TypeSize& type : kTypes)
    if (name == type.name) return &type;
  return nullptr;
}

double volume(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0,
                         [](double v, int64_t d) { return v * static_cast<double>(d); });
}

double tensor_bytes(double elements, const std::string& type) {
  return elements * static_cast<double>(bits_of_type(type)) / 8;
}

double operand_bytes(const std::string& text, const std::map<std::string, Operand>& given, double elements,
                     const std::string& type, const std::string& skip, std::vector<std::string>& seen) {
  double bytes = 0;
  auto parsed = parse_expression(text);
  if (!parsed) return 0;
  for (const std::string& name : operands_of(*parsed)) {
    if (name == skip || std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
    seen.push_back(name);
    auto own = given.find(name);
    bytes +=
        own == given.end() ? tensor_bytes(elements, type) : tensor_bytes(volume(own->second.shape), own->second.type);
  }
  return bytes;
}

}  // namespace

const char* name_of(Evidence evidence) { return evidence == Evidence::stated ? "stated" : "guessed"; }

const char* name_of(CacheState state) {
  switch (state) {
    case CacheState::cold:
      return "cold";
    case CacheState::warm:
      return "warm";
    case CacheState::dirty:
      return "dirty";
  }
  return "";
}

std::string Case::schedule_text() const {
  std::string text;
  for (const auto& [name, field] : schedule) text += (text.empty() ? "" : ",") + name + "=" + field.value;
  return text;
}

uint64_t bits_of_type(const std::string& type) {
  const TypeSize* found = type_named(type);
  return found ? found->bits : 0;
}

bool is_float(const std::string& type) {
  const TypeSize* found = type_named(type);
  return found && found->floating;
}

double operations(const Case& one) {
  if (const auto* gemm = std::get_if<Gemm>(&one.workload))
    return 2.0 * static_cast<double>(std::max<int64_t>(1, gemm->batch)) * static_cast<double>(gemm->m) *
           static_cast<double>(gemm->n) * static_cast<double>(gemm->k);
  if (const auto* elementwise = std::get_if<Elementwise>(&one.workload)) return volume(elementwise->shape);
  if (const auto* reduction = std::get_if<Reduction>(&one.workload)) return volume(reduction->shape);
  if (const auto* program = std::get_if<Program>(&one.workload)) return program->operations;
  return 0;
}

double bytes_moved(const Case& one) {
  std::vector<std::string> seen;
  if (const auto* gemm = std::get_if<Gemm>(&one.workload)) {
    const double batch = static_cast<double>(std::max<int64_t>(1, gemm->batch));
    const double m = static_cast<double>(gemm->m), n = static_cast<double>(gemm->n), k = static_cast<double>(gemm->k);
    double bytes = tensor_bytes(batch * m * k, gemm->a) + tensor_bytes(batch * k * n, gemm->b) +
                   tensor_bytes(batch * m * n, gemm->c);
    if (!gemm->then.empty()) bytes += operand_bytes(gemm->then, gemm->operands, 0, "f32", "c", seen);
    return bytes;
  }
  if (const auto* elementwise = std::get_if<Elementwise>(&one.workload)) {
    const double elements = volume(elementwise->shape);
    double bytes = 0;
    for (const std::string& result : elementwise->results)
      bytes += tensor_bytes(elements, elementwise->type) +
               operand_bytes(result, elementwise->operands, elements, elementwise->type, "", seen);
    return bytes;
  }
  if (const auto* reduction = std::get_if<Reduction>(&one.workload)) {
    double results = volume(reduction->shape);
    for (int64_t axis : reduction->axes) results /= static_cast<double>(reduction->shape[static_cast<size_t>(axis)]);
    return tensor_bytes(results, reduction->type) +
           operand_bytes(reduction->of, reduction->operands, volume(reduction->shape), reduction->type, "", seen);
  }
  if (const auto* copy = std::get_if<Copy>(&one.workload)) return static_cast<double>(copy->bytes);
  return std::get<Program>(one.workload).bytes;
}

}  // namespace phx::validation
