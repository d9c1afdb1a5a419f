// The scalar operations of linalg bodies as vector instructions.
//
// One table (Body.cpp) says which instruction stands for which arith or math operation. Where the ISA lacks an
// instruction for a type, operands are converted to one that has it and the result back, with the rounding or the
// wrap-around of the scalar operation: bf16 computes in f32, i8 in s16 or s32. f16 stays f16.
#pragma once

#include "device_sim/diagnostic/diagnostic.h"
#include "lib/Transforms/Tile/Vector/Expression.h"
#include "mlir/IR/Operation.h"

namespace phx::compiler::vector {

class Body {
 public:
  explicit Body(Program& program) : program_(program) {}

  // The result of one scalar operation whose operands are already nodes. The error says what is not supported; it has
  // no place.
  Expected<NodeId> operation(mlir::Operation* op, const std::vector<NodeId>& operands);
  // A scalar constant of a type that tiles can have.
  Expected<NodeId> constant(mlir::Attribute value);
  // `expression` reduced over Program::reduced by the combining operation, and then combined with what the accumulator
  // starts from.
  Expected<NodeId> reduction(mlir::Operation* combiner, NodeId expression, NodeId initial);

  static std::optional<Element> elementOf(mlir::Type type);

 private:
  enum class Sign { none, has, lacks };  // how integers are read
  const Node& node(NodeId id) const { return program_.nodes[id]; }
  Element element(NodeId id) const { return node(id).element; }
  bool known(NodeId id) const { return node(id).kind == Node::Kind::constant; }

  NodeId make(std::string mnemonic, std::string fields, std::string type, std::vector<NodeId> operands);
  NodeId number(std::string_view type, double value);
  NodeId bits(std::string_view type, uint64_t bits);
  NodeId convert(NodeId id, std::string_view from, std::string_view to, std::string_view rounding = {});
  NodeId widen(NodeId id, std::string_view to, Sign sign);
  NodeId narrow(NodeId id, std::string_view from, Element to, Sign sign, bool wrap);
  NodeId compute(std::string mnemonic, std::string fields, std::vector<NodeId> operands, Element element, Sign sign,
                 bool wrap);
  NodeId binary(std::string mnemonic, std::string type, NodeId a, NodeId b);
  NodeId compare(std::string_view relation, std::string_view type, NodeId a, NodeId b);
  NodeId compareIntegers(std::string_view relation, Sign sign, NodeId a, NodeId b);
  NodeId compareFloats(std::string_view relation, NodeId a, NodeId b);
  NodeId select(NodeId mask, NodeId a, NodeId b);
  NodeId bitwise(std::string mnemonic, NodeId a, NodeId b);
  NodeId invert(NodeId mask);
  NodeId truth(NodeId mask, Element element, double yes);
  NodeId ignoreNan(std::string mnemonic, NodeId a, NodeId b);
  NodeId divideUnsigned(NodeId a, NodeId b);
  NodeId remainder(NodeId a, NodeId b, Sign sign);
  NodeId shift(std::string_view kind, NodeId a, NodeId amount);
  NodeId toUnsigned32(NodeId id, std::string_view from);
  NodeId power(NodeId a, NodeId b);

  Program& program_;
};

}  // namespace phx::compiler::vector
