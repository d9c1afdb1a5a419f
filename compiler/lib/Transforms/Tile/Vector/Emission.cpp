#include "lib/Transforms/Tile/Vector/Emission.h"

#include <algorithm>
#include <tuple>

#include "device_sim/isa/isa.h"
#include "device_sim/isa/table.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace phx::compiler::vector {
namespace {

namespace arith = mlir::arith;
namespace scf = mlir::scf;
using mlir::OpBuilder;
using mlir::Value;

constexpr int64_t kBlock = 32;  // bytes

// What of a tile a value fills: rows, columns, both or one element.
struct Form {
  bool row = false, column = false;
  bool operator==(const Form&) const = default;
  bool full() const { return row && column; }
};

// An index that is known now or computed by the kernel.
struct Int {
  std::optional<int64_t> known;
  Value value;
};

std::string_view moved(Element element) { return bytesOf(element) == 4 ? "b32" : bytesOf(element) == 2 ? "u16" : "u8"; }

class Emitter {
 public:
  Emitter(const Program& program, const Plan& plan, mlir::func::FuncOp kernel, const std::vector<unsigned>& inputs,
          const std::vector<Store>& stores, const std::vector<bool>& streamed = {})
      : program_(program),
        plan_(plan),
        kernel_(kernel),
        inputs_(inputs),
        stores_(stores),
        streamed_(streamed),
        block_(kernel.getBody().front()),
        location_(kernel.getLoc()),
        scopes_{Scope(kernel.getContext()), Scope(kernel.getContext()), Scope(kernel.getContext())} {}

  void runOn(const Window& window) {
    window_ = &window;
    scopes_[0].builder.setInsertionPoint(window.outermost);
    scopes_[1].builder = window.inside;
    scopes_[1].loops = true;
    for (size_t d = 0; d < plan_.axes.size(); ++d) {
      start_.push_back({std::nullopt, window.start[d]});
      position_.push_back(constant(0));  // every point is in one window
      length_.push_back({std::nullopt, window.length[d]});
    }
    for (const Store& store : stores_) emitStore(store, 1);
  }

  void run() {
    for (const Axis& axis : plan_.axes) {
      start_.push_back(constant(0));
      position_.push_back(constant(0));
      length_.push_back(constant(axis.size));
    }
    openItems();
    if (plan_.steps == 1) {
      for (const Store& store : stores_) emitStore(store, 1);
    } else {
      for (unsigned level = 1; level <= levels() + 1; ++level) emitPass(level);
      for (const Store& store : stores_)
        if (!steps(store.tensor.dims)) emitStore(store, 1);
    }
  }

 private:
  // Where code can stand: before the loop over items (0), in it (1), in the loop over steps (2).
  struct Scope {
    explicit Scope(mlir::MLIRContext* context) : builder(context) {}
    OpBuilder builder;
    std::map<std::tuple<NodeId, int>, Value> tiles;
    bool loops = false;  // the code here runs more than once
  };

  // --- Indices

  Int constant(int64_t value) { return {value, {}}; }
  Value materialize(Int index) {
    if (index.value) return index.value;
    Value& value = constants_[*index.known];
    if (!value) {
      OpBuilder top = OpBuilder::atBlockBegin(&block_);
      value = arith::ConstantIndexOp::create(top, location_, *index.known);
    }
    return value;
  }
  template <class Op>
  Int emit(OpBuilder& b, Int x, Int y) {
    return {std::nullopt, Op::create(b, location_, materialize(x), materialize(y))};
  }
  Int add(OpBuilder& b, Int x, Int y) {
    if (x.known && y.known) return constant(*x.known + *y.known);
    if (x.known == 0) return y;
    if (y.known == 0) return x;
    return emit<arith::AddIOp>(b, x, y);
  }
  Int multiply(OpBuilder& b, Int x, int64_t y) {
    if (x.known) return constant(*x.known * y);
    return y == 1 ? x : emit<arith::MulIOp>(b, x, constant(y));
  }
  Int subtract(OpBuilder& b, int64_t x, Int y) {
    if (y.known) return constant(x - *y.known);
    return emit<arith::SubIOp>(b, constant(x), y);
  }
  Int least(OpBuilder& b, Int x, int64_t y) {
    if (x.known) return constant(std::min(*x.known, y));
    return emit<arith::MinSIOp>(b, x, constant(y));
  }
  Int quotient(OpBuilder& b, Int x, int64_t y) {
    if (x.known) return constant(*x.known / y);
    return y == 1 ? x : emit<arith::DivUIOp>(b, x, constant(y));
  }
  Int remainder(OpBuilder& b, Int x, int64_t y) {
    if (x.known) return constant(*x.known % y);
    return emit<arith::RemUIOp>(b, x, constant(y));
  }

  // --- Loops

  const Axis& axis(unsigned d) const { return plan_.axes[d]; }
  bool steps(Dims dims) const {  // does it differ from step to step?
    for (unsigned d = 0; d < plan_.axes.size(); ++d)
      if ((dims >> d & 1) && axis(d).reduced && axis(d).count() > 1) return true;
    return false;
  }
  unsigned scopeOf(Dims dims) const {
    if (window_) return dims ? 1 : 0;
    unsigned scope = 0;
    for (unsigned d = 0; d < plan_.axes.size(); ++d)
      if ((dims >> d & 1) && axis(d).count() > 1) scope = std::max(scope, axis(d).reduced ? 2u : 1u);
    return scope;
  }
  unsigned nodeScope(NodeId id) const {
    const Node& node = program_.nodes[id];
    const unsigned scope = scopeOf(node.dims);
    return node.level > 0 && plan_.steps > 1 ? std::max(scope, 1u) : scope;
  }
  unsigned levels() const {
    unsigned most = 0;
    for (const Node& node : program_.nodes) most = std::max(most, node.level);
    return most;
  }

  // Cuts a running number into positions along the axes, the last one fastest.
  void place(OpBuilder& b, Int number, bool reduced) {
    int64_t left = 1;
    for (const Axis& a : plan_.axes)
      if (a.reduced == reduced) left *= a.count();
    for (unsigned d = static_cast<unsigned>(plan_.axes.size()); d-- > 0;) {
      const Axis& a = axis(d);
      if (a.reduced != reduced || a.count() == 1) continue;
      left /= a.count();
      position_[d] = left == 1 ? number : remainder(b, number, a.count());
      if (left > 1) number = quotient(b, number, a.count());
      start_[d] = multiply(b, position_[d], a.extent);
      length_[d] = a.size % a.extent == 0 ? constant(a.extent) : least(b, subtract(b, a.size, start_[d]), a.extent);
    }
  }

  void openItems() {
    const int64_t total = plan_.items * plan_.parts;
    OpBuilder b(kernel_.getContext());
    b.setInsertionPoint(block_.getTerminator());
    Int number = constant(0);
    if (total > 1) number = {std::nullopt, npu::BlockIdxOp::create(b, location_, b.getIndexType())};
    Scope &outer = scopes_[0], &inner = scopes_[1];
    if (total > plan_.grid) {
      auto loop = scf::ForOp::create(b, location_, materialize(number), materialize(constant(total)),
                                     materialize(constant(plan_.grid)));
      outer.builder.setInsertionPoint(loop);
      inner.builder.setInsertionPoint(loop.getBody()->getTerminator());
      inner.loops = true;
      number = {std::nullopt, loop.getInductionVar()};
    } else {
      outer.builder.setInsertionPoint(block_.getTerminator());
      inner.builder.setInsertionPoint(block_.getTerminator());
    }
    if (plan_.parts > 1) {
      part_ = quotient(inner.builder, number, plan_.items);
      number = remainder(inner.builder, number, plan_.items);
      if (plan_.items == 1) number = constant(0);
    }
    place(inner.builder, number, /*reduced=*/false);
  }

  // One walk over the steps: the reductions of this level, and the stores that need no more than lower ones.
  void emitPass(unsigned level) {
    std::vector<NodeId> reductions;
    std::vector<const Store*> stores;
    for (NodeId id = 0; id < program_.nodes.size(); ++id)
      if (program_.nodes[id].kind == Node::Kind::reduce && program_.nodes[id].level == level) reductions.push_back(id);
    for (const Store& store : stores_)
      if (steps(store.tensor.dims) && program_.nodes[store.node].level + 1 == level) stores.push_back(&store);
    if (reductions.empty() && stores.empty()) return;

    OpBuilder& b = scopes_[1].builder;
    llvm::SmallVector<Value> accumulators;
    for (NodeId id : reductions) accumulators.push_back(startAccumulator(id));
    Int low = constant(0), high = constant(plan_.steps);
    if (plan_.parts > 1) {
      const int64_t each = (plan_.steps + plan_.parts - 1) / plan_.parts;
      low = multiply(b, part_, each);
      high = plan_.steps % each == 0 && plan_.steps / each == plan_.parts
                 ? add(b, low, constant(each))
                 : least(b, add(b, low, constant(each)), plan_.steps);
    }
    auto loop =
        scf::ForOp::create(b, location_, materialize(low), materialize(high), materialize(constant(1)), accumulators);
    // An empty body without results comes with a terminator, one with results without.
    OpBuilder body = OpBuilder::atBlockEnd(loop.getBody());
    if (accumulators.empty()) body.setInsertionPoint(loop.getBody()->getTerminator());
    Scope& scope = scopes_[2];
    scope.tiles.clear();
    scope.loops = true;
    scope.builder = body;
    const OpBuilder::InsertPoint before = scopes_[0].builder.saveInsertionPoint(), after = b.saveInsertionPoint();
    if (!scopes_[1].loops) scopes_[0].builder.setInsertionPoint(loop);
    b.setInsertionPoint(loop);
    place(scope.builder, {std::nullopt, loop.getInductionVar()}, /*reduced=*/true);
    for (const Store* store : stores) emitStore(*store, 2);
    llvm::SmallVector<Value> next;
    for (size_t i = 0; i < reductions.size(); ++i)
      next.push_back(accumulate(reductions[i], loop.getRegionIterArg(static_cast<unsigned>(i))));
    if (!next.empty()) scf::YieldOp::create(scope.builder, location_, next);
    scopes_[0].builder.restoreInsertionPoint(before);
    b.restoreInsertionPoint(after);

    // Accumulators are whole tiles: what no step reached still holds the neutral value.
    for (unsigned d = 0; d < plan_.axes.size(); ++d)
      if (axis(d).reduced) start_[d] = constant(0), length_[d] = constant(axis(d).extent);
    for (size_t i = 0; i < reductions.size(); ++i)
      scopes_[1].tiles[{reductions[i], kNatural}] =
          reduceTile(reductions[i], loop.getResult(static_cast<unsigned>(i)), 1);
  }

  // --- Tiles

  static constexpr int kNatural = 0, kInBlocks = 1, kSpread = 2;  // of memory keys; kSpread + form

  Form formOf(Dims dims) const {
    return {plan_.row >= 0 && (dims >> plan_.row & 1), plan_.column >= 0 && (dims >> plan_.column & 1)};
  }
  Form form(NodeId id) const { return formOf(program_.nodes[id].dims); }
  int64_t tileRows(Form form) const { return form.full() ? plan_.rows() : 1; }
  int64_t tileColumns(Form form) const { return form.column ? plan_.columns() : form.row ? plan_.rows() : 1; }
  Int usedRows(Form form) { return form.full() ? length_[static_cast<size_t>(plan_.row)] : constant(1); }
  Int usedColumns(Form form) {
    if (form.column) return length_[static_cast<size_t>(plan_.column)];
    return form.row ? length_[static_cast<size_t>(plan_.row)] : constant(1);
  }

  mlir::Type typeOf(Element element) {
    mlir::Builder b(kernel_.getContext());
    switch (element) {
      case Element::f32:
        return b.getF32Type();
      case Element::f16:
        return b.getF16Type();
      case Element::bf16:
        return b.getBF16Type();
      case Element::i32:
        return b.getI32Type();
      case Element::i16:
        return b.getI16Type();
      default:
        return b.getI8Type();
    }
  }
  Value empty(OpBuilder& b, Element element, int64_t rows, int64_t columns) {
    const int64_t bytes = element == Element::mask ? (columns + 7) / 8 : columns * bytesOf(element);
    const int64_t padded = (bytes + kBlock - 1) / kBlock * kBlock / std::max<int64_t>(1, bytesOf(element));
    return mlir::tensor::EmptyOp::create(b, location_, llvm::ArrayRef<int64_t>{rows, padded}, typeOf(element));
  }
  // The single value of an instruction, of the type that the instruction works on.
  Value single(std::string_view type, uint64_t bits) {
    auto [entry, fresh] = values_.try_emplace({std::string(type), bits});
    if (!fresh) return entry->second;
    OpBuilder top = OpBuilder::atBlockBegin(&block_);
    mlir::TypedAttr attribute;
    if (type == "f32" || type == "f16") {
      auto number = llvm::cast<mlir::FloatType>(typeOf(elementOf(type)));
      attribute =
          mlir::FloatAttr::get(number, llvm::APFloat(number.getFloatSemantics(), llvm::APInt(number.getWidth(), bits)));
    } else {
      const unsigned width = type == "u8" ? 8 : type == "u16" || type == "s16" ? 16 : 32;
      attribute = mlir::IntegerAttr::get(top.getIntegerType(width), llvm::APInt(width, bits, false, true));
    }
    return entry->second = arith::ConstantOp::create(top, location_, attribute);
  }

  Value vec(OpBuilder& b, const std::string& inst, mlir::ValueRange ins, Value value, Int rows, Int columns,
            Value outs) {
    return npu::VecOp::create(b, location_, mlir::TypeRange{outs.getType()}, b.getStringAttr(inst), ins, value,
                              materialize(rows), materialize(columns), outs)
        .getResult();
  }
  static std::string instruction(std::string_view mnemonic, std::string_view fields, std::string_view type) {
    std::string text(mnemonic);
    if (!fields.empty()) text.append(".").append(fields);
    return text.append(".").append(type);
  }

  Value* find(NodeId id, int variant) {
    for (Scope& scope : scopes_)
      if (auto found = scope.tiles.find({id, variant}); found != scope.tiles.end()) return &found->second;
    return nullptr;
  }

  // The node's values in the form of its dimensions.
  Value tile(NodeId id) {
    if (Value* known = find(id, kNatural)) return *known;
    const unsigned scope = nodeScope(id);
    Value value = make(id, scope);
    scopes_[scope].tiles[{id, kNatural}] = value;
    return value;
  }

  Value make(NodeId id, unsigned scope) {
    const Node& node = program_.nodes[id];
    OpBuilder& b = scopes_[scope].builder;
    switch (node.kind) {
      case Node::Kind::load:
        return load(node, scope);
      case Node::Kind::constant: {
        const int64_t bytes = std::max<int64_t>(bytesOf(node.element), 1);
        const std::string_view type = moved(node.element);
        return vec(b, instruction("vdup", "", type), {}, single(type, *node.value), constant(1),
                   constant(kBlock / bytes), empty(b, node.element, 1, kBlock / bytes));
      }
      case Node::Kind::index:
        return position(node, scope);
      case Node::Kind::instruction:
        return compute(node, scope);
      case Node::Kind::reduce: {
        Dims dims = spreadDims(node);
        return reduceTile(id, spread(node.operands[0], dims), scope);
      }
    }
    return {};
  }

  Int offsetOf(OpBuilder& b, Dims dims) {
    Int offset = constant(0);
    for (unsigned d = 0; d < plan_.axes.size(); ++d)
      if (dims >> d & 1) offset = add(b, offset, multiply(b, start_[d], program_.stride(dims, d)));
    return offset;
  }

  // Does the tensor hold the values of a column of tiles with gaps between them?
  bool gaps(Dims dims) const {
    const Form form = formOf(dims);
    return form.row && !form.column && plan_.rows() > 1 && program_.stride(dims, static_cast<unsigned>(plan_.row)) != 1;
  }

  Value load(const Node& node, unsigned scope) {
    OpBuilder& b = scopes_[scope].builder;
    const Form form = formOf(node.dims);
    const bool spaced = gaps(node.dims);
    Int rows = usedRows(form), columns = usedColumns(form), pitch = constant(tileColumns(form));
    Value outs;
    if (spaced) {
      rows = columns;
      columns = constant(1);
      outs = empty(b, node.element, plan_.rows(), 1);
    } else {
      outs = empty(b, node.element, tileRows(form), tileColumns(form));
    }
    if (spaced || form.full()) pitch = constant(program_.stride(node.dims, static_cast<unsigned>(plan_.row)));
    const bool special = window_ && node.source == window_->special;
    const Int offset = special ? Int{std::nullopt, window_->offset} : offsetOf(b, node.dims);
    if (special) pitch = {std::nullopt, window_->pitch};
    auto loaded =
        npu::LoadOp::create(b, location_, mlir::TypeRange{outs.getType()}, kernel_.getArgument(inputs_[node.source]),
                            materialize(offset), materialize(rows), materialize(columns), materialize(pitch), outs,
                            scopes_[scope].loops ? plan_.buffers : 1, readsOnce(node));
    if (!spaced) return loaded.getResult();
    return vec(b, instruction("vtranspose", "", moved(node.element)), loaded.getResult(), {}, rows, columns,
               empty(b, node.element, 1, plan_.rows()));
  }

  // Is every element of the input loaded once, by one core?
  bool readsOnce(const Node& node) const {
    if (node.source >= streamed_.size() || !streamed_[node.source]) return false;
    for (unsigned d = 0; d < plan_.axes.size(); ++d)
      if (axis(d).count() > 1 && !(node.dims >> d & 1)) return false;
    return !steps(node.dims) || divisible(program_);  // else the steps are walked again
  }

  Value position(const Node& node, unsigned scope) {
    OpBuilder& b = scopes_[scope].builder;
    const Form form = formOf(node.dims);
    const Int start = start_[node.source];
    Value first = start.known ? single("s32", static_cast<uint64_t>(*start.known))
                              : Value(arith::IndexCastOp::create(b, location_, b.getI32Type(), start.value));
    return vec(b, "vci.s32", {}, first, constant(1), usedColumns(form), empty(b, Element::i32, 1, tileColumns(form)));
  }

  // As an operand that is one block of 32 bytes per row: columns and single values.
  Value blocks(NodeId id) {
    if (program_.nodes[id].kind == Node::Kind::constant) return tile(id);
    if (Value* known = find(id, kInBlocks)) return *known;
    Value dense = tile(id);
    const unsigned scope = nodeScope(id);
    return scopes_[scope].tiles[{id, kInBlocks}] =
               toBlocks(scopes_[scope].builder, dense, program_.nodes[id].element, form(id));
  }
  Value toBlocks(OpBuilder& b, Value dense, Element element, Form form) {
    const int64_t rows = form.row ? plan_.rows() : 1;
    return vec(b, instruction("vbrcb", "", moved(element)), dense, {}, usedColumns({form.row, false}), constant(0),
               empty(b, element, rows, kBlock / bytesOf(element)));
  }

  struct Operand {
    Value tile;
    bool block;
  };
  Operand operand(NodeId id, Form target) {
    const bool is_constant = program_.nodes[id].kind == Node::Kind::constant;
    const Form own = form(id);
    if (own == target && !is_constant) return {tile(id), false};
    if (own == Form{false, true}) return {tile(id), false};  // a row is read again for every row
    return {blocks(id), tileColumns(target) > 1};
  }

  Value compute(const Node& node, unsigned scope) {
    const Form target = formOf(node.dims);
    const isa::RowInfo* row = isa::row_named(node.mnemonic);
    const bool on_masks =
        node.element == Element::mask && row->op != isa::Opcode::Vcmp && row->op != isa::Opcode::Vcmps;
    const bool selects = row->op == isa::Opcode::Vsel || row->op == isa::Opcode::Vsels;
    const bool in_pairs =
        (row->layout == isa::Layout::Vec || row->layout == isa::Layout::VecCompare || row->op == isa::Opcode::Vmath2) &&
        !node.value;
    std::vector<Value> ins;
    bool block[2] = {false, false};
    for (size_t i = 0; i < node.operands.size(); ++i) {
      const NodeId id = node.operands[i];
      if (on_masks || (selects && i == 0)) {
        ins.push_back(maskTile(id, target));
      } else if (in_pairs) {
        auto [value, is_block] = operand(id, target);
        ins.push_back(value);
        block[i - selects] = is_block;
      } else {
        ins.push_back(form(id) == target ? tile(id) : spread(id, node.dims));
      }
    }
    OpBuilder& b = scopes_[scope].builder;
    std::string fields = node.fields;
    if (block[0]) fields += fields.empty() ? "ablk" : ".ablk";
    if (block[1]) fields += fields.empty() ? "bblk" : ".bblk";
    Int rows = usedRows(target), columns = usedColumns(target);
    Value outs = empty(b, node.element, tileRows(target), tileColumns(target));
    if (on_masks) columns = quotient(b, add(b, columns, constant(15)), 16);  // bits in units of 16
    Value value = node.value ? single(node.type, *node.value) : Value();
    return vec(b, instruction(node.mnemonic, fields, node.type), ins, value, rows, columns, outs);
  }

  // --- Broadcasts

  // A mask as an instruction on tiles of this form reads it. Bits cannot be repeated along a row: they become numbers,
  // the numbers blocks, and the blocks are compared again.
  Value maskTile(NodeId id, Form target) {
    const Form own = form(id);
    if (own == target || (own == Form{false, true})) return tile(id);
    const int variant = kSpread + target.row + 2 * target.column;
    if (Value* known = find(id, variant)) return *known;
    Value mask = tile(id);
    Dims dims = program_.nodes[id].dims;
    if (target.row) dims |= Dims{1} << plan_.row;
    if (target.column) dims |= Dims{1} << plan_.column;
    const unsigned scope = std::max(nodeScope(id), scopeOf(dims));
    OpBuilder& b = scopes_[scope].builder;
    Value one = value16(0x3c00), zero = value16(0);
    const bool wide = tileColumns(own) > 1, spreads = tileColumns(target) > 1;
    Value numbers = vec(b, wide ? "vsel.ablk.bblk.u16" : "vsel.u16", {mask, one, zero}, {}, constant(1),
                        usedColumns(own), empty(b, Element::f16, 1, tileColumns(own)));
    Value in_blocks = toBlocks(b, numbers, Element::f16, own);
    return scopes_[scope].tiles[{id, variant}] =
               vec(b, spreads ? "vcmp.ne.ablk.bblk.f16" : "vcmp.ne.f16", {in_blocks, zero}, {}, usedRows(target),
                   usedColumns(target), empty(b, Element::mask, tileRows(target), tileColumns(target)));
  }
  Value value16(uint64_t bits) {  // a block of f16 before all loops
    auto [entry, fresh] = blocks16_.try_emplace(bits);
    OpBuilder& b = scopes_[0].builder;
    if (fresh)
      entry->second =
          vec(b, "vdup.u16", {}, single("u16", bits), constant(1), constant(16), empty(b, Element::f16, 1, 16));
    return entry->second;
  }

  // The node's values as a tile of the form of `dims`, which holds its own.
  Value spread(NodeId id, Dims dims) {
    const Form own = form(id), target = formOf(dims);
    const Node& node = program_.nodes[id];
    const bool is_constant = node.kind == Node::Kind::constant;
    if (own == target || (!is_constant && tileRows(own) == tileRows(target) && tileColumns(own) == tileColumns(target)))
      return tile(id);
    const int variant = kSpread + target.row + 2 * target.column;
    if (Value* known = find(id, variant)) return *known;
    Dims inside = node.dims;
    if (target.row) inside |= Dims{1} << plan_.row;
    if (target.column) inside |= Dims{1} << plan_.column;
    const unsigned scope = std::max(nodeScope(id), scopeOf(inside));
    OpBuilder& b = scopes_[scope].builder;
    const std::string_view type = moved(node.element);
    auto outs = [&](Element element) { return empty(b, element, tileRows(target), tileColumns(target)); };
    Value result;
    if (is_constant) {
      result = vec(b, instruction("vdup", "", type), {}, single(type, *node.value), usedRows(target),
                   usedColumns(target), outs(node.element));
    } else if (own == Form{false, true}) {
      Value row = tile(id);
      result =
          vec(b, instruction("vcopy", "", type), row, {}, usedRows(target), usedColumns(target), outs(node.element));
    } else if (node.element == Element::i8) {  // blocks are of 16 or 32 bits
      Value dense = tile(id);
      Value wide = vec(b, "vconv.u8.f16", dense, {}, usedRows(own), usedColumns(own),
                       empty(b, Element::f16, 1, tileColumns(own)));
      Value in_blocks = toBlocks(b, wide, Element::f16, own);
      Value full = vec(b, "vor.ablk.bblk.u16", {in_blocks, in_blocks}, {}, usedRows(target), usedColumns(target),
                       outs(Element::f16));
      result = vec(b, "vconv.f16.u8", full, {}, usedRows(target), usedColumns(target), outs(node.element));
    } else {
      Value in_blocks = blocks(id);
      result = vec(b, instruction("vor", "ablk.bblk", type), {in_blocks, in_blocks}, {}, usedRows(target),
                   usedColumns(target), outs(node.element));
    }
    return scopes_[scope].tiles[{id, variant}] = result;
  }

  // --- Reductions

  // The operand of a reduction has all reduced dimensions that lie in a tile.
  Dims spreadDims(const Node& node) const {
    Dims dims = program_.nodes[node.operands[0]].dims;
    for (int d : {plan_.row, plan_.column})
      if (d >= 0 && axis(static_cast<unsigned>(d)).reduced) dims |= Dims{1} << d;
    return dims;
  }

  Value startAccumulator(NodeId id) {
    const Node& node = program_.nodes[id];
    const Form form = formOf(spreadDims(node));
    OpBuilder& b = scopes_[1].builder;
    const std::string_view type = moved(node.element);
    return vec(b, instruction("vdup", "", type), {}, single(type, neutral(node.mnemonic, node.type)),
               constant(tileRows(form)), constant(tileColumns(form)),
               empty(b, node.element, tileRows(form), tileColumns(form)));
  }

  Value accumulate(NodeId id, Value accumulator) {
    const Node& node = program_.nodes[id];
    const Dims dims = spreadDims(node);
    const Form form = formOf(dims);
    Value next = spread(node.operands[0], dims);
    return vec(scopes_[2].builder, instruction(node.mnemonic, "", node.type), {accumulator, next}, {}, usedRows(form),
               usedColumns(form), accumulator);
  }

  // The reduced dimensions of a tile, reduced: along columns by the ISA's row reductions, along rows after a transpose.
  Value reduceTile(NodeId id, Value tile, unsigned scope) {
    const Node& node = program_.nodes[id];
    const Form form = formOf(spreadDims(node));
    const bool columns = form.column && axis(static_cast<unsigned>(plan_.column)).reduced;
    const bool rows = form.row && axis(static_cast<unsigned>(plan_.row)).reduced;
    OpBuilder& b = scopes_[scope].builder;
    const std::string along = instruction(node.mnemonic == "vadd"   ? "vcadd"
                                          : node.mnemonic == "vmax" ? "vcmax"
                                                                    : "vcmin",
                                          "", node.type);
    const std::string turn = instruction("vtranspose", "", moved(node.element));
    Form left = form;
    if (columns) {
      left.column = false;
      if (plan_.columns() > 1)
        tile = vec(b, along, tile, {}, usedRows(form), usedColumns(form), empty(b, node.element, 1, tileColumns(left)));
      else if (form.full() && plan_.rows() > 1)  // one value a row, a block apart
        tile = vec(b, turn, tile, {}, usedRows(form), constant(1), empty(b, node.element, 1, plan_.rows()));
    }
    if (rows && plan_.rows() > 1) {
      if (left.column) {
        tile = vec(b, turn, tile, {}, usedRows(left), usedColumns(left),
                   empty(b, node.element, plan_.columns(), plan_.rows()));
        tile = vec(b, along, tile, {}, usedColumns(left), usedRows(left), empty(b, node.element, 1, plan_.columns()));
      } else {
        tile = vec(b, along, tile, {}, constant(1), usedColumns(left), empty(b, node.element, 1, 1));
      }
    }
    return tile;
  }

  // --- Stores

  void emitStore(const Store& store, unsigned scope) {
    const Dims dims = store.tensor.dims;
    const Form form = formOf(dims);
    OpBuilder& b = scopes_[scope].builder;
    Value tile = spread(store.node, dims);
    Int rows = usedRows(form), columns = usedColumns(form), pitch = constant(tileColumns(form));
    if (form.full()) pitch = constant(program_.stride(dims, static_cast<unsigned>(plan_.row)));
    if (gaps(dims)) {
      tile = vec(b, instruction("vtranspose", "", moved(store.tensor.element)), tile, {}, constant(1), columns,
                 empty(b, store.tensor.element, plan_.rows(), 1));
      rows = columns;
      columns = constant(1);
      pitch = constant(program_.stride(dims, static_cast<unsigned>(plan_.row)));
    }
    if (auto made = tile.getDefiningOp<npu::VecOp>())
      if (auto outs = made.getOuts().getDefiningOp<mlir::tensor::EmptyOp>(); outs && runsAgain(outs))
        if (plan_.buffers > 1) outs->setAttr(npu::kBuffersAttr, b.getI64IntegerAttr(plan_.buffers));
    Int offset = add(b, offsetOf(b, dims), plan_.parts > 1 ? multiply(b, part_, store.part_stride) : constant(0));
    OpBuilder at = b;
    if (Value first = onlyFirst(b, dims, scope)) {
      auto guard = scf::IfOp::create(b, location_, first);
      at = guard.getThenBodyBuilder();
    }
    npu::StoreOp::create(at, location_, tile, kernel_.getArgument(store.argument), materialize(offset),
                         materialize(rows), materialize(columns), materialize(pitch), store.stream);
  }
  static bool runsAgain(mlir::Operation* op) { return llvm::isa<scf::ForOp>(op->getParentOp()); }

  // Several tiles hold what a tensor without some dimension gets: the first one stores it.
  Value onlyFirst(OpBuilder& b, Dims dims, unsigned scope) {
    Value all;
    for (unsigned d = 0; d < plan_.axes.size(); ++d) {
      const Axis& a = axis(d);
      if ((dims >> d & 1) || a.count() == 1 || (a.reduced && scope < 2)) continue;
      Value here = arith::CmpIOp::create(b, location_, arith::CmpIPredicate::eq, materialize(position_[d]),
                                         materialize(constant(0)));
      all = all ? Value(arith::AndIOp::create(b, location_, all, here)) : here;
    }
    return all;
  }

  const Program& program_;
  const Plan& plan_;
  mlir::func::FuncOp kernel_;
  const std::vector<unsigned>& inputs_;
  const std::vector<Store>& stores_;
  const std::vector<bool> streamed_;  // per input
  const Window* window_ = nullptr;
  mlir::Block& block_;
  mlir::Location location_;
  Scope scopes_[3];
  std::vector<Int> start_, position_, length_;  // per dimension: of the current tile
  Int part_ = {0, {}};
  std::map<int64_t, Value> constants_;
  std::map<std::pair<std::string, uint64_t>, Value> values_;
  std::map<uint64_t, Value> blocks16_;
};

}  // namespace

void emitKernel(const Program& program, const Plan& plan, mlir::func::FuncOp kernel,
                const std::vector<unsigned>& inputs, const std::vector<Store>& stores,
                const std::vector<bool>& streamed) {
  Emitter(program, plan, kernel, inputs, stores, streamed).run();
}

void emitWindow(const Program& program, const Plan& plan, mlir::func::FuncOp kernel,
                const std::vector<unsigned>& inputs, const std::vector<Store>& stores, const Window& window) {
  Emitter(program, plan, kernel, inputs, stores).runOn(window);
}

}  // namespace phx::compiler::vector
