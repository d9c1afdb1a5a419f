// What a vector group computes, as one graph of vector instructions over a common iteration space.
//
// The bodies of all operations of a group become nodes of one graph (Body.h), equal nodes once. A node stands for its
// values at all points of the dimensions it depends on: a bias that lacks the batch dimension is a node without it,
// and what is computed from such nodes alone lacks it too. Which tile a node needs follows from its dimensions
// (Emission.h). There is no MLIR here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phx::compiler::vector {

// Element type of a tile. Integers have no sign; the type of an instruction says how it reads them. `mask` is the
// ISA's form of booleans: one bit per element.
enum class Element : uint8_t { mask, i8, i16, i32, f16, bf16, f32 };
int64_t bytesOf(Element element);              // 0 for mask
Element elementOf(std::string_view isa_type);  // of "s8", "u16", "f32", ...

using Dims = uint32_t;  // set of dimensions of the iteration space, bit d for dimension d
using NodeId = uint32_t;

struct Node {
  enum class Kind : uint8_t {
    load,         // element of input `source`
    constant,     // `value` everywhere
    index,        // position along dimension `source`, s32
    instruction,  // mnemonic.fields.type of the operands; the single value of vadds and the like in `value`
    reduce        // of the operand along Program::reduced, combined by `mnemonic` (vadd, vmul, vmax, vmin)
  };
  Kind kind = Kind::constant;
  Element element = Element::f32;
  Dims dims = 0;
  unsigned level = 0;  // reductions on the longest way here
  unsigned source = 0;
  std::string mnemonic = {}, fields = {}, type = {};
  std::vector<NodeId> operands = {};
  std::optional<uint64_t> value = {};  // bits of the element
};

struct Tensor {  // in device memory, row-major over its dimensions
  Element element;
  Dims dims;
};

struct Program {
  std::vector<int64_t> sizes;  // of the iteration space
  Dims reduced = 0;            // dimensions that reductions run over; the same for all of them
  std::vector<Node> nodes;     // operands before their users
  std::vector<Tensor> inputs;
  struct Output {
    NodeId node;
    Tensor tensor;  // may have dimensions that the node lacks: its values are repeated
  };
  std::vector<Output> outputs;

  Dims all() const { return static_cast<Dims>((uint64_t{1} << sizes.size()) - 1); }
  // Elements from one position of the dimension to the next in a tensor of these dimensions.
  int64_t stride(Dims dims, unsigned dim) const;
  int64_t elements(Dims dims) const;

  NodeId load(unsigned input);
  NodeId constant(Element element, uint64_t bits);
  NodeId index(unsigned dim);
  NodeId instruction(std::string mnemonic, std::string fields, std::string type, std::vector<NodeId> operands,
                     Element result, std::optional<uint64_t> value = {});
  NodeId reduce(std::string combiner, std::string type, NodeId operand);

 private:
  NodeId add(Node node);
  std::map<std::string, NodeId> known_;
};

// The value that leaves the other operand of vadd, vmul, vmax or vmin as it is, in bits of the ISA type.
uint64_t neutral(std::string_view combiner, std::string_view isa_type);

}  // namespace phx::compiler::vector
