#include "lib/Transforms/Graph/View.h"

#include <cstring>
#include <numeric>

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"

namespace phx::compiler::graph {

using llvm::ArrayRef;
using mlir::RankedTensorType;
using mlir::Value;

// Rearrangements of constants up to this size are done by the compiler.
constexpr int64_t kMostFoldedBytes = int64_t{1} << 28;

int64_t product(ArrayRef<int64_t> sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

Sizes rowMajor(ArrayRef<int64_t> sizes) {
  Sizes strides(sizes.size(), 1);
  for (size_t i = sizes.size(); i-- > 1;) strides[i - 1] = strides[i] * sizes[i];
  return strides;
}

RankedTensorType typeOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

bool isReshape(mlir::Operation* op) {
  return llvm::isa_and_nonnull<mlir::tensor::CollapseShapeOp, mlir::tensor::ExpandShapeOp>(op);
}

Value rootOf(Value value) {
  while (isReshape(value.getDefiningOp())) value = value.getDefiningOp()->getOperand(0);
  return value;
}

// One operation where dimensions are only joined or only split, else through the flat tensor.
Value reshapeTo(mlir::OpBuilder& builder, mlir::Location location, Value value, ArrayRef<int64_t> shape) {
  value = rootOf(value);
  RankedTensorType from = typeOf(value);
  if (from.getShape() == shape) return value;
  auto to = RankedTensorType::get(shape, from.getElementType());
  auto runs = mlir::getReassociationIndicesForReshape(from, to);
  if (!runs || from.getRank() == to.getRank()) {
    Value flat = reshapeTo(builder, location, value, {from.getNumElements()});
    return mlir::tensor::ExpandShapeOp::create(builder, location, to, flat,
                                               *mlir::getReassociationIndicesForReshape(typeOf(flat), to));
  }
  if (from.getRank() > to.getRank()) return mlir::tensor::CollapseShapeOp::create(builder, location, to, value, *runs);
  return mlir::tensor::ExpandShapeOp::create(builder, location, to, value, *runs);
}

mlir::Operation* onlyReader(Value value) {
  llvm::SmallVector<Value> seen{value};
  mlir::Operation* reader = nullptr;
  while (!seen.empty()) {
    Value now = seen.pop_back_val();
    for (mlir::Operation* user : now.getUsers()) {
      if (isReshape(user))
        seen.push_back(user->getResult(0));
      else if (reader && reader != user)
        return nullptr;
      else
        reader = user;
    }
  }
  return reader;
}

// --- Views

static bool addLinear(mlir::AffineExpr expression, int64_t scale, View& view) {
  if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expression)) {
    view.offset += scale * constant.getValue();
    return true;
  }
  if (auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(expression)) {
    view.strides[dim.getPosition()] += scale;
    return true;
  }
  auto binary = llvm::dyn_cast<mlir::AffineBinaryOpExpr>(expression);
  if (!binary) return false;
  if (binary.getKind() == mlir::AffineExprKind::Add)
    return addLinear(binary.getLHS(), scale, view) && addLinear(binary.getRHS(), scale, view);
  auto factor = llvm::dyn_cast<mlir::AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() != mlir::AffineExprKind::Mul || !factor) return false;
  return addLinear(binary.getLHS(), scale * factor.getValue(), view);
}

std::optional<View> viewOf(Value tensor, mlir::AffineMap map, size_t loops) {
  View view{tensor, 0, Sizes(loops, 0)};
  Sizes strides = rowMajor(typeOf(tensor).getShape());
  for (auto [expression, stride] : llvm::zip(map.getResults(), strides))
    if (!addLinear(expression, stride, view)) return std::nullopt;
  return view;
}

// The piece of a rearrangement that is one view of its source in row-major order, or null.
static npu::PieceAttr wholeView(npu::RearrangeOp op) {
  if (op.getPieces().size() != 1) return {};
  auto piece = llvm::cast<npu::PieceAttr>(op.getPieces()[0]);
  const bool dense = piece.getDstOffset() == 0 &&
                     piece.getDstStrides() == ArrayRef<int64_t>(rowMajor(piece.getSizes())) &&
                     product(piece.getSizes()) == typeOf(op.getResult()).getNumElements();
  return dense ? piece : npu::PieceAttr{};
}

// The view of the piece's source, if every index of `view` stays within one dimension of the piece.
static bool compose(View& view, ArrayRef<int64_t> sizes, npu::PieceAttr piece, Value source) {
  ArrayRef<int64_t> extents = piece.getSizes(), steps = piece.getDstStrides();
  View out{source, piece.getSrcOffset(), Sizes(sizes.size(), 0)};
  Sizes most(extents.size(), 0);  // largest coordinate in each dimension of the piece
  int64_t rest = view.offset;
  for (size_t k = 0; k < extents.size(); ++k) {
    most[k] = rest / steps[k];
    rest %= steps[k];
    out.offset += most[k] * piece.getSrcStrides()[k];
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t stride = view.strides[i];
    if (stride == 0) continue;
    if (stride < 0) return false;
    size_t k = 0;
    while (k < extents.size() && (stride % steps[k] != 0 || stride >= steps[k] * extents[k])) ++k;
    if (k == extents.size()) return false;
    most[k] += stride / steps[k] * (sizes[i] - 1);
    out.strides[i] = stride / steps[k] * piece.getSrcStrides()[k];
  }
  for (size_t k = 0; k < extents.size(); ++k)
    if (most[k] >= extents[k]) return false;
  view = std::move(out);
  return true;
}

View lookThrough(View view, ArrayRef<int64_t> sizes) {
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] == 1) view.strides[i] = 0;
  for (;;) {
    view.source = rootOf(view.source);
    auto op = view.source.getDefiningOp<npu::RearrangeOp>();
    npu::PieceAttr piece = op ? wholeView(op) : npu::PieceAttr{};
    if (!piece || !compose(view, sizes, piece, op.getSources()[static_cast<size_t>(piece.getSource())])) return view;
  }
}

bool isDense(const View& view, ArrayRef<int64_t> sizes) {
  if (view.offset != 0 || product(sizes) != typeOf(view.source).getNumElements()) return false;
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    if (view.strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

Value gather(mlir::OpBuilder& builder, mlir::Location location, const View& view, ArrayRef<int64_t> sizes) {
  if (isDense(view, sizes)) return reshapeTo(builder, location, view.source, sizes);
  auto type = RankedTensorType::get(sizes, typeOf(view.source).getElementType());
  return rearrange(builder, location, type, {Box{view, Sizes(sizes), 0, rowMajor(sizes)}});
}

// --- Rearrangements

// Drops dimensions of size 1, merges neighbours that advance as one in both tensors, and orders dimensions by their
// stride in the result, so that equal movements look equal.
static void simplify(Box& box) {
  llvm::SmallVector<size_t> order;
  for (size_t i = 0; i < box.sizes.size(); ++i)
    if (box.sizes[i] != 1) order.push_back(i);
  llvm::stable_sort(order, [&](size_t a, size_t b) { return box.target_strides[a] > box.target_strides[b]; });
  Box out{{box.from.source, box.from.offset, {}}, {}, box.target_offset, {}};
  for (size_t i : order) {
    const int64_t size = box.sizes[i], from = box.from.strides[i], to = box.target_strides[i];
    if (!out.sizes.empty() && out.from.strides.back() == from * size && out.target_strides.back() == to * size) {
      out.sizes.back() *= size;
      out.from.strides.back() = from;
      out.target_strides.back() = to;
      continue;
    }
    out.sizes.push_back(size);
    out.from.strides.push_back(from);
    out.target_strides.push_back(to);
  }
  box = std::move(out);
}

// Cuts dimensions of the box that run over several dimensions of the piece it reads. False: there are none.
static bool cutAlong(Box& box, npu::PieceAttr piece) {
  ArrayRef<int64_t> extents = piece.getSizes(), steps = piece.getDstStrides();
  for (size_t i = 0; i < box.sizes.size(); ++i) {
    const int64_t stride = box.from.strides[i];
    size_t k = 0;
    while (k < extents.size() && (stride <= 0 || stride % steps[k] != 0 || stride >= steps[k] * extents[k])) ++k;
    if (k == extents.size() || extents[k] % (stride / steps[k]) != 0) continue;
    const int64_t room = extents[k] / (stride / steps[k]);
    if (box.sizes[i] <= room || box.sizes[i] % room != 0) continue;
    const auto at = static_cast<long>(i);
    box.sizes.insert(box.sizes.begin() + at, box.sizes[i] / room);
    box.from.strides.insert(box.from.strides.begin() + at, stride * room);
    box.target_strides.insert(box.target_strides.begin() + at, box.target_strides[i] * room);
    box.sizes[i + 1] = room;
    return true;
  }
  return false;
}

void lookThrough(Box& box) {
  for (;;) {
    box.from = lookThrough(box.from, box.sizes);
    auto op = box.from.source.getDefiningOp<npu::RearrangeOp>();
    npu::PieceAttr piece = op ? wholeView(op) : npu::PieceAttr{};
    Box cut = box;
    bool changed = false;
    while (piece && cutAlong(cut, piece)) changed = true;
    if (!changed || !compose(cut.from, cut.sizes, piece, op.getSources()[static_cast<size_t>(piece.getSource())]))
      return;
    box = std::move(cut);
  }
}

mlir::TypedAttr splatOf(Value tensor) {
  tensor = rootOf(tensor);
  mlir::Attribute value;
  if (auto fill = tensor.getDefiningOp<mlir::linalg::FillOp>()) {
    if (!mlir::matchPattern(fill.getInputs()[0], mlir::m_Constant(&value))) return {};
    return llvm::dyn_cast<mlir::TypedAttr>(value);
  }
  if (auto op = tensor.getDefiningOp<npu::RearrangeOp>())
    return op.getPieces().empty() && op.getFill() ? llvm::dyn_cast<mlir::TypedAttr>(*op.getFill()) : mlir::TypedAttr{};
  auto constant = tensor.getDefiningOp<mlir::arith::ConstantOp>();
  if (!constant) return {};
  auto dense = llvm::dyn_cast<mlir::DenseElementsAttr>(constant.getValue());
  if (!dense || (!dense.isSplat() && dense.getNumElements() != 1)) return {};
  return llvm::dyn_cast<mlir::TypedAttr>(*dense.value_begin<mlir::Attribute>());
}

// The bytes of one element, little endian; empty for types that are not whole bytes.
static std::string bytesOf(mlir::Attribute value) {
  llvm::APInt bits;
  if (auto real = llvm::dyn_cast<mlir::FloatAttr>(value))
    bits = real.getValue().bitcastToAPInt();
  else if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value))
    bits = integer.getValue();
  if (bits.getBitWidth() % 8 != 0 || bits.getBitWidth() > 64) return {};
  const uint64_t word = bits.getZExtValue();
  return std::string(reinterpret_cast<const char*>(&word), bits.getBitWidth() / 8);
}

// The raw elements of a constant that are `bytes` long each; empty if it is none.
static std::string rawElements(Value value, size_t bytes) {
  auto constant = rootOf(value).getDefiningOp<mlir::arith::ConstantOp>();
  if (!constant) return {};
  const auto count = static_cast<size_t>(typeOf(constant.getResult()).getNumElements());
  if (auto resource = llvm::dyn_cast<mlir::DenseResourceElementsAttr>(constant.getValue())) {
    mlir::AsmResourceBlob* blob = resource.getRawHandle().getBlob();
    return blob && blob->getData().size() == count * bytes ? std::string(blob->getData().data(), count * bytes) : "";
  }
  auto dense = llvm::dyn_cast<mlir::DenseElementsAttr>(constant.getValue());
  if (!dense) return {};
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat()) return raw.size() == count * bytes ? std::string(raw.data(), raw.size()) : "";
  std::string out;
  for (size_t i = 0; i < count; ++i) out.append(raw.data(), bytes);
  return out;
}

// The result as a constant, when all sources are constants.
static Value fold(mlir::OpBuilder& builder, mlir::Location location, RankedTensorType type, ArrayRef<Box> boxes,
                  mlir::Attribute fill) {
  const unsigned bits = type.getElementTypeBitWidth();
  const size_t bytes = bits / 8;
  // A broadcast constant stays small: its readers mostly can do the broadcast themselves.
  for (const Box& box : boxes)
    if (llvm::is_contained(box.from.strides, 0)) return {};
  if (bits % 8 != 0 || boxes.empty() || type.getNumElements() * static_cast<int64_t>(bytes) > kMostFoldedBytes)
    return {};
  std::string out(static_cast<size_t>(type.getNumElements()) * bytes, '\0');
  if (fill) {
    std::string element = bytesOf(fill);
    if (element.size() != bytes) return {};
    for (size_t i = 0; i < out.size(); i += bytes) std::memcpy(&out[i], element.data(), bytes);
  }
  for (const Box& box : boxes) {
    std::string from = rawElements(box.from.source, bytes);
    if (from.empty()) return {};
    Sizes index(box.sizes.size(), 0);
    for (int64_t n = product(box.sizes); n > 0; --n) {
      int64_t source = box.from.offset, target = box.target_offset;
      for (size_t i = 0; i < index.size(); ++i) {
        source += index[i] * box.from.strides[i];
        target += index[i] * box.target_strides[i];
      }
      std::memcpy(&out[static_cast<size_t>(target) * bytes], &from[static_cast<size_t>(source) * bytes], bytes);
      for (size_t i = index.size(); i-- > 0;) {
        if (++index[i] < box.sizes[i]) break;
        index[i] = 0;
      }
    }
  }
  auto value = mlir::DenseElementsAttr::getFromRawBuffer(type, {out.data(), out.size()});
  return mlir::arith::ConstantOp::create(builder, location, type, value);
}

Value rearrange(mlir::OpBuilder& builder, mlir::Location location, RankedTensorType type, ArrayRef<Box> boxes,
                mlir::Attribute fill) {
  // Boxes of one value add nothing to a fill of that value.
  for (const Box& box : boxes)
    if (!fill) fill = splatOf(box.from.source);
  llvm::SmallVector<Box> simple;
  int64_t covered = 0;
  for (const Box& box : boxes) {
    if (product(box.sizes) == 0) continue;
    Box part = box;
    lookThrough(part);
    simplify(part);
    if (fill && splatOf(part.from.source) == fill) continue;
    covered += product(part.sizes);
    simple.push_back(std::move(part));
  }
  if (covered == type.getNumElements()) fill = {};
  if (simple.empty() && !fill) fill = builder.getZeroAttr(type.getElementType());
  if (simple.size() == 1 && !fill && simple[0].sizes.size() <= 1 && isDense(simple[0].from, simple[0].sizes) &&
      simple[0].sizes.size() == simple[0].from.strides.size() && product(simple[0].sizes) == type.getNumElements())
    return reshapeTo(builder, location, simple[0].from.source, type.getShape());
  if (Value folded = fold(builder, location, type, simple, fill)) return folded;
  llvm::SmallVector<Value> sources;
  llvm::SmallVector<mlir::Attribute> pieces;
  for (const Box& box : simple) {
    auto place = llvm::find(sources, box.from.source);
    const int64_t number = place - sources.begin();
    if (place == sources.end()) sources.push_back(box.from.source);
    pieces.push_back(npu::PieceAttr::get(builder.getContext(), number, box.from.offset, box.target_offset, box.sizes,
                                         box.from.strides, box.target_strides));
  }
  return npu::RearrangeOp::create(builder, location, type, sources, builder.getArrayAttr(pieces), fill);
}

}  // namespace phx::compiler::graph
