#include "lib/Dialect/Visa/Visa.h"

#include "device_sim/isa/fields.h"
#include "device_sim/isa/table.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/DialectImplementation.h"

#include "VisaDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "VisaTypes.cpp.inc"
#define GET_OP_CLASSES
#include "Visa.cpp.inc"

namespace phx::compiler::visa {

void VisaDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "VisaTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Visa.cpp.inc"
      >();
}

llvm::SmallVector<isa::OperandClass, 4> sourceClasses(const isa::RowInfo& row) {
  llvm::SmallVector<isa::OperandClass, 4> classes;
  if (row.dst == isa::OperandClass::S) classes.push_back(row.dst);
  classes.append({row.a, row.b, row.c});
  return classes;
}

// --- Mnemonics

std::string mnemonicOf(isa::Opcode opcode, isa::Type type, uint16_t mod) {
  const isa::RowInfo* row = isa::row(opcode);
  if (!row) return "?";
  std::string text(row->mnemonic);
  for (const isa::FieldInfo& field : isa::fields(row->layout)) {
    unsigned value = isa::value_of(field, mod);
    if (field.kind == isa::FieldKind::InAddress) {
      if (value) text += field.width == 1 ? "." + std::string(field.name) : ".x" + std::to_string(value);
    } else if (field.required || value) {
      text += "." + isa::value_name(field, value);
    }
  }
  if (type != isa::Type::None) text += "." + std::string(isa::info(type).name);
  return text;
}

bool parseMnemonic(llvm::StringRef text, isa::Opcode& opcode, isa::Type& type, uint16_t& mod) {
  const isa::RowInfo* row = nullptr;
  llvm::StringRef rest = text;
  // Mnemonics may hold dots themselves: the longest one that is a row wins.
  for (size_t end = text.size(); end != llvm::StringRef::npos && !row;
       end = end ? text.rfind('.', end) : llvm::StringRef::npos) {
    llvm::StringRef head = text.take_front(end);
    row = isa::row_named({head.data(), head.size()});
    rest = text.drop_front(head.size());
    if (end == 0) break;
  }
  if (!row) return false;
  opcode = row->op;
  type = isa::Type::None;
  mod = 0;
  for (const isa::FieldInfo& field : isa::fields(row->layout)) {
    bool found = false;
    for (unsigned value = 0; value < (1u << field.width) && !found; ++value) {
      if (!field.required && value == 0) continue;
      std::string name;
      if (field.kind == isa::FieldKind::InAddress) {
        name = field.width == 1 ? std::string(field.name) : "x" + std::to_string(value);
      } else {
        if (!isa::value_exists(field, value)) continue;
        name = isa::value_name(field, value);
      }
      std::string word = "." + name;
      if (name.empty() || !rest.starts_with(word) || (rest.size() > word.size() && rest[word.size()] != '.')) continue;
      mod = static_cast<uint16_t>(mod | (value << field.low));
      rest = rest.drop_front(word.size());
      found = true;
    }
    if (!found && field.required) return false;
  }
  if (row->types == 1) return rest.empty();
  if (!rest.consume_front(".")) return false;
  for (const isa::TypeInfo& info : isa::types())
    if (info.name == std::string_view(rest.data(), rest.size()) &&
        ((row->types >> static_cast<unsigned>(info.type)) & 1)) {
      type = info.type;
      return true;
    }
  return false;
}

// --- visa.inst

namespace {

mlir::ParseResult parseRow(mlir::OpAsmParser& parser, mlir::OperationState& result, isa::Opcode& opcode) {
  std::string text;
  llvm::SMLoc place = parser.getCurrentLocation();
  if (parser.parseString(&text)) return mlir::failure();
  isa::Type type;
  uint16_t mod;
  if (!parseMnemonic(text, opcode, type, mod))
    return parser.emitError(place, "'") << text << "' is not an instruction of the ISA table";
  mlir::Builder& b = parser.getBuilder();
  result.addAttribute("opcode", b.getI32IntegerAttr(static_cast<int>(opcode)));
  result.addAttribute("element", b.getI32IntegerAttr(static_cast<int>(type)));
  result.addAttribute("mod", b.getI32IntegerAttr(mod));
  return mlir::success();
}

mlir::ParseResult parseExtension(mlir::OpAsmParser& parser, mlir::OperationState& result) {
  if (mlir::succeeded(parser.parseOptionalKeyword("ext"))) {
    int64_t value;
    if (parser.parseInteger(value)) return mlir::failure();
    result.addAttribute("ext", parser.getBuilder().getI64IntegerAttr(value));
  }
  if (mlir::succeeded(parser.parseOptionalKeyword("symbol"))) {
    mlir::StringAttr name;
    if (parser.parseSymbolName(name)) return mlir::failure();
    result.addAttribute("symbol", mlir::FlatSymbolRefAttr::get(name));
  }
  return parser.parseOptionalAttrDict(result.attributes);
}

void printExtension(mlir::OpAsmPrinter& printer, std::optional<uint64_t> ext, std::optional<llvm::StringRef> symbol) {
  if (ext) printer << " ext " << static_cast<int64_t>(*ext);
  if (symbol) {
    printer << " symbol ";
    printer.printSymbolName(*symbol);
  }
}

constexpr llvm::StringRef kSlotWords[] = {"_", "", "zero", "ones", "imm"};

bool isWord(mlir::Type type) { return llvm::isa<ScalarType>(type) || llvm::isa<LaneType>(type); }

}  // namespace

mlir::ParseResult InstOp::parse(mlir::OpAsmParser& parser, mlir::OperationState& result) {
  isa::Opcode opcode;
  if (parseRow(parser, result, opcode)) return mlir::failure();
  llvm::SmallVector<mlir::OpAsmParser::UnresolvedOperand, 4> operands;
  llvm::SmallVector<int8_t, 4> slots;
  auto item = [&]() -> mlir::ParseResult {
    for (int8_t slot : {0, 2, 3, 4})
      if (mlir::succeeded(parser.parseOptionalKeyword(kSlotWords[slot]))) {
        slots.push_back(slot);
        return mlir::success();
      }
    slots.push_back(static_cast<int8_t>(Slot::value));
    return parser.parseOperand(operands.emplace_back());
  };
  if (parser.parseCommaSeparatedList(mlir::OpAsmParser::Delimiter::Paren, item)) return mlir::failure();
  slots.resize(sourceClasses(*isa::row(opcode)).size(), 0);
  result.addAttribute("slots", parser.getBuilder().getDenseI8ArrayAttr(slots));
  mlir::FunctionType type;
  if (parseExtension(parser, result) || parser.parseColonType(type)) return mlir::failure();
  result.addTypes(type.getResults());
  return parser.resolveOperands(operands, type.getInputs(), parser.getNameLoc(), result.operands);
}

void InstOp::print(mlir::OpAsmPrinter& printer) {
  printer << " \"" << mnemonicOf(static_cast<isa::Opcode>(getOpcode()), static_cast<isa::Type>(getElement()), getMod())
          << "\"(";
  unsigned next = 0;
  llvm::ArrayRef<int8_t> slots = getSlots();
  size_t used = slots.size();
  while (used && slots[used - 1] == 0) --used;
  for (size_t i = 0; i < used; ++i) {
    if (i) printer << ", ";
    if (slots[i] == static_cast<int8_t>(Slot::value))
      printer << getSources()[next++];
    else
      printer << kSlotWords[slots[i]];
  }
  printer << ")";
  printExtension(printer, getExt(), getSymbol());
  printer.printOptionalAttrDict((*this)->getAttrs(), {"opcode", "element", "mod", "slots", "ext", "symbol"});
  printer << " : ";
  printer.printFunctionalType(getOperation());
}

void InstOp::getEffects(
    llvm::SmallVectorImpl<mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>>& effects) {
  const isa::RowInfo* row = isa::row(static_cast<isa::Opcode>(getOpcode()));
  uint16_t has = row->effects;
  if (row->op == isa::Opcode::Rdsr) {
    auto which = static_cast<isa::SpecialReg>(isa::bits(getMod(), 0, 8));
    if (which != isa::SpecialReg::Clock && which != isa::SpecialReg::Clock64 && which != isa::SpecialReg::GlobalTimer)
      has = 0;
  }
  // Loads that are volatile, and everything that depends on or changes which lanes are where, stay in place.
  bool isVolatile = row->layout == isa::Layout::Mem && row->op != isa::Opcode::Lea &&
                    isa::bits(getMod(), 9, 3) == static_cast<unsigned>(isa::CachePolicy::Volatile);
  // So do a nop, which marks a loop that may never end, and the rows that set up later tile instructions.
  bool ordered = row->op == isa::Opcode::Nop || row->op == isa::Opcode::SetQuant ||
                 row->op == isa::Opcode::SetCmpMask ||
                 (has & (isa::E_SYNC | isa::E_CONTROL | isa::E_WARP | isa::E_SERVICE | isa::E_CLOCK)) || isVolatile;
  if ((has & isa::E_READ) || ordered) effects.emplace_back(mlir::MemoryEffects::Read::get());
  if ((has & (isa::E_WRITE | isa::E_ATOMIC)) || ordered) effects.emplace_back(mlir::MemoryEffects::Write::get());
}

mlir::LogicalResult InstOp::verify() {
  const isa::RowInfo* row = isa::row(static_cast<uint16_t>(getOpcode()));
  if (!row) return emitOpError("has no row in the ISA table");
  auto type = static_cast<isa::Type>(getElement());
  if (!((row->types >> static_cast<unsigned>(type)) & 1))
    return emitOpError("element type ") << isa::info(type).name << " is not among the row's types";
  llvm::ArrayRef<int8_t> slots = getSlots();
  const auto classes = sourceClasses(*row);
  if (slots.size() != classes.size()) return emitOpError("needs ") << classes.size() << " slots";
  auto letter = [&](unsigned i) { return "dabc"[operandByte(*row, i)]; };
  unsigned next = 0, immediates = 0;
  for (unsigned i = 0; i < classes.size(); ++i) {
    auto slot = static_cast<Slot>(slots[i]);
    if ((slot == Slot::none) != (classes[i] == isa::OperandClass::None))
      return emitOpError("slot ") << letter(i) << (slot == Slot::none ? " is missing" : " is not used by the row");
    if (slot == Slot::imm) {
      ++immediates;
      if (classes[i] != isa::OperandClass::V && classes[i] != isa::OperandClass::W &&
          classes[i] != isa::OperandClass::S)
        return emitOpError("slot ") << letter(i) << " takes no immediate";
    }
    if (slot != Slot::value) continue;
    if (next >= getSources().size()) return emitOpError("has fewer operands than its slots name");
    mlir::Type held = getSources()[next++].getType();
    bool fits = classes[i] == isa::OperandClass::Q   ? llvm::isa<PredicateType>(held)
                : classes[i] == isa::OperandClass::R ? llvm::isa<LaneType>(held)
                                                     : isWord(held);
    if (!fits)
      return emitOpError("operand ") << letter(i) << " has type " << held << ", which its operand class does not take";
  }
  if (next != getSources().size()) return emitOpError("has more operands than its slots name");
  if (immediates > 1 || (immediates && !getExt())) return emitOpError("needs exactly one immediate value");
  if (row->dst == isa::OperandClass::S && getNumResults()) return emitOpError("has no result");
  for (mlir::Value result : getResults()) {
    bool predicate = row->dst == isa::OperandClass::P;
    if (predicate != llvm::isa<PredicateType>(result.getType()))
      return emitOpError("result is in the wrong register file");
    if (row->dst == isa::OperandClass::R && !llvm::isa<LaneType>(result.getType()))
      return emitOpError("result must be in lane registers");
    // A lane value cannot come out of a scalar instruction's sources.
    if (llvm::isa<ScalarType>(result.getType()) && row->op != isa::Opcode::First && row->op != isa::Opcode::Ballot)
      for (mlir::Value source : getSources())
        if (llvm::isa<LaneType>(source.getType())) return emitOpError("a scalar result cannot have a lane source");
  }
  return mlir::success();
}

// --- Structured control flow

namespace {
// Results of a divergent region differ by lane, so they cannot be scalar.
mlir::LogicalResult verifyMerge(mlir::Operation* op, bool divergent, mlir::ValueRange from, const char* what) {
  if (from.size() != op->getNumResults()) return op->emitOpError(what) << " are not as many as the results";
  for (auto [given, type] : llvm::zip(from.getTypes(), op->getResultTypes()))
    // A scalar may become a lane value where ways meet.
    if (given != type && !(llvm::isa<ScalarType>(given) && llvm::isa<LaneType>(type)))
      return op->emitOpError(what) << " do not have the types of the results";
  if (divergent)
    for (mlir::Type type : op->getResultTypes())
      if (llvm::isa<ScalarType>(type)) return op->emitOpError("is divergent and has a scalar result");
  return mlir::success();
}
}  // namespace

mlir::LogicalResult IfOp::verify() {
  for (mlir::Region* region : {&getThenRegion(), &getElseRegion()}) {
    auto yield = llvm::dyn_cast<YieldOp>(region->front().getTerminator());
    if (!yield) return emitOpError("regions must end with visa.yield");
    if (mlir::failed(verifyMerge(*this, getDivergent(), yield.getValues(), "yielded values"))) return mlir::failure();
  }
  return mlir::success();
}

mlir::LogicalResult LoopOp::verify() {
  auto next = llvm::dyn_cast<NextOp>(getBody().front().getTerminator());
  if (!next) return emitOpError("must end with visa.next");
  auto arguments = getBody().front().getArgumentTypes();
  if (getInits().getTypes() != arguments || next.getCarried().getTypes() != arguments)
    return emitOpError("initial and carried values do not have the types of the loop's arguments");
  return verifyMerge(*this, getDivergent(), next.getLeaving(), "leaving values");
}

// --- Stage 2

namespace {
isa::Instruction instructionOf(CodeOp op) {
  uint32_t operands = op.getOperandsAttr().getValue().getZExtValue();
  isa::Instruction i;
  i.op = static_cast<isa::Opcode>(op.getOpcode());
  i.type = static_cast<isa::Type>(op.getElement());
  i.mod = static_cast<uint16_t>(op.getMod());
  i.dst = operands & 0xff, i.a = (operands >> 8) & 0xff, i.b = (operands >> 16) & 0xff, i.c = operands >> 24;
  i.has_ext = op.getExt().has_value() || op.getSymbol().has_value();
  i.ext = op.getExt().value_or(0);
  return i;
}
}  // namespace

mlir::ParseResult CodeOp::parse(mlir::OpAsmParser& parser, mlir::OperationState& result) {
  isa::Opcode opcode;
  if (parseRow(parser, result, opcode)) return mlir::failure();
  uint32_t packed = 0;
  unsigned shift = 0;
  auto item = [&]() -> mlir::ParseResult {
    uint32_t byte;
    if (parser.parseInteger(byte)) return mlir::failure();
    packed |= (byte & 0xff) << shift;
    shift += 8;
    return mlir::success();
  };
  if (parser.parseCommaSeparatedList(mlir::OpAsmParser::Delimiter::Square, item)) return mlir::failure();
  result.addAttribute("operands", parser.getBuilder().getI32IntegerAttr(static_cast<int32_t>(packed)));
  if (parseExtension(parser, result)) return mlir::failure();
  std::string ignored;
  if (mlir::succeeded(parser.parseOptionalColon())) return parser.parseString(&ignored);
  return mlir::success();
}

void CodeOp::print(mlir::OpAsmPrinter& printer) {
  isa::Instruction i = instructionOf(*this);
  printer << " \"" << mnemonicOf(i.op, i.type, i.mod) << "\"[" << unsigned(i.dst) << ", " << unsigned(i.a) << ", "
          << unsigned(i.b) << ", " << unsigned(i.c) << "]";
  printExtension(printer, getExt(), getSymbol());
  printer << " : \"" << isa::disassemble(i) << "\"";
}

mlir::LogicalResult CodeOp::verify() {
  // The codec is the judge: what it accepts is a legal instruction.
  std::vector<uint64_t> words;
  isa::Instruction instruction = instructionOf(*this);
  isa::encode(instruction, words);
  if (auto decoded = isa::decode(words, 0); !decoded)
    return emitOpError("is not a legal instruction: ") << decoded.diagnostic().message;
  return mlir::success();
}

mlir::LogicalResult FlowOp::verify() {
  unsigned wanted;
  switch (static_cast<isa::Opcode>(getOpcode())) {
    case isa::Opcode::Exit:
      wanted = 0;
      break;
    case isa::Opcode::Jmp:
      wanted = 1;
      break;
    case isa::Opcode::Bra:
    case isa::Opcode::Fork:
      wanted = 2;
      break;
    default:
      return emitOpError("is not jmp, bra, fork or exit");
  }
  if ((*this)->getNumSuccessors() != wanted) return emitOpError("needs ") << wanted << " successors";
  return mlir::success();
}

}  // namespace phx::compiler::visa
