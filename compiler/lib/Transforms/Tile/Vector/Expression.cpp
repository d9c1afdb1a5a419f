#include "lib/Transforms/Tile/Vector/Expression.h"

#include <algorithm>

namespace phx::compiler::vector {

int64_t bytesOf(Element element) {
  switch (element) {
    case Element::mask:
      return 0;
    case Element::i8:
      return 1;
    case Element::i16:
    case Element::f16:
    case Element::bf16:
      return 2;
    case Element::i32:
    case Element::f32:
      return 4;
  }
  return 0;
}

Element elementOf(std::string_view type) {
  if (type == "f32") return Element::f32;
  if (type == "f16") return Element::f16;
  if (type == "bf16") return Element::bf16;
  if (type == "s8" || type == "u8") return Element::i8;
  if (type == "s16" || type == "u16") return Element::i16;
  return Element::i32;
}

int64_t Program::stride(Dims dims, unsigned dim) const {
  int64_t stride = 1;
  for (unsigned d = dim + 1; d < sizes.size(); ++d)
    if (dims >> d & 1) stride *= sizes[d];
  return stride;
}

int64_t Program::elements(Dims dims) const {
  int64_t elements = 1;
  for (unsigned d = 0; d < sizes.size(); ++d)
    if (dims >> d & 1) elements *= sizes[d];
  return elements;
}

NodeId Program::add(Node node) {
  std::string key = std::to_string(static_cast<int>(node.kind)) + '/' + std::to_string(static_cast<int>(node.element)) +
                    '/' + std::to_string(node.source) + '/' + node.mnemonic + '.' + node.fields + '.' + node.type;
  for (NodeId operand : node.operands) key += '/' + std::to_string(operand);
  if (node.value) key += '=' + std::to_string(*node.value);
  auto [entry, fresh] = known_.try_emplace(std::move(key), static_cast<NodeId>(nodes.size()));
  if (fresh) nodes.push_back(std::move(node));
  return entry->second;
}

NodeId Program::load(unsigned input) {
  return add({.kind = Node::Kind::load, .element = inputs[input].element, .dims = inputs[input].dims, .source = input});
}

NodeId Program::constant(Element element, uint64_t bits) {
  return add({.kind = Node::Kind::constant, .element = element, .value = bits});
}

NodeId Program::index(unsigned dim) {
  return add({.kind = Node::Kind::index, .element = Element::i32, .dims = Dims{1} << dim, .source = dim});
}

NodeId Program::instruction(std::string mnemonic, std::string fields, std::string type, std::vector<NodeId> operands,
                            Element result, std::optional<uint64_t> value) {
  Node node{.kind = Node::Kind::instruction, .element = result};
  for (NodeId operand : operands) {
    node.dims |= nodes[operand].dims;
    node.level = std::max(node.level, nodes[operand].level);
  }
  node.mnemonic = std::move(mnemonic);
  node.fields = std::move(fields);
  node.type = std::move(type);
  node.operands = std::move(operands);
  node.value = value;
  return add(std::move(node));
}

NodeId Program::reduce(std::string combiner, std::string type, NodeId operand) {
  Node node{.kind = Node::Kind::reduce, .element = nodes[operand].element, .dims = nodes[operand].dims & ~reduced};
  node.level = nodes[operand].level + 1;
  node.mnemonic = std::move(combiner);
  node.type = std::move(type);
  node.operands = {operand};
  return add(std::move(node));
}

uint64_t neutral(std::string_view combiner, std::string_view type) {
  if (combiner == "vadd") return 0;
  if (combiner == "vmul") return type == "f32" ? 0x3f800000 : type == "f16" ? 0x3c00 : 1;
  const bool largest = combiner == "vmin";
  if (type == "f32") return largest ? 0x7f800000 : 0xff800000;
  if (type == "f16") return largest ? 0x7c00 : 0xfc00;
  if (type == "s16") return largest ? 0x7fff : 0x8000;
  return largest ? 0x7fffffff : 0x80000000;
}

}  // namespace phx::compiler::vector
