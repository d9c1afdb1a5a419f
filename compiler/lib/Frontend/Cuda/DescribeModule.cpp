#include <map>

#include "lib/Frontend/Cuda/DeviceModule.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Operator.h"

namespace phx::compiler {

namespace {

enum AddressSpace : unsigned { kGenericSpace = 0, kGlobalSpace = 1, kSharedSpace = 3, kConstantSpace = 4 };

constexpr uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Functions whose instructions mention the constant, directly or inside other constants.
void collectUsers(const llvm::Constant& constant, llvm::SetVector<const llvm::Function*>& functions) {
  for (const llvm::User* user : constant.users()) {
    if (const auto* instruction = llvm::dyn_cast<llvm::Instruction>(user))
      functions.insert(instruction->getFunction());
    else if (const auto* outer = llvm::dyn_cast<llvm::Constant>(user))
      collectUsers(*outer, functions);
  }
}

Outcome describeKernel(DeviceModule& device, llvm::Function& function) {
  const llvm::DataLayout& layout = function.getDataLayout();
  DeviceKernel kernel;
  kernel.name = function.getName().str();
  kernel.display_name = llvm::demangle(kernel.name);
  if (const llvm::DISubprogram* place = function.getSubprogram()) {
    kernel.file = place->getFilename().str();
    kernel.line = place->getLine();
  }
  uint64_t offset = 0;
  for (const llvm::Argument& argument : function.args()) {
    bool byValue = argument.hasByValAttr();
    llvm::Type* type = byValue ? argument.getParamByValType() : argument.getType();
    uint64_t size = layout.getTypeAllocSize(type);
    uint64_t alignment = byValue ? argument.getParamAlign().value_or(layout.getABITypeAlign(type)).value()
                                 : layout.getABITypeAlign(type).value();
    offset = alignUp(offset, alignment);
    kernel.params.push_back(
        {static_cast<uint32_t>(offset), static_cast<uint32_t>(size), !byValue && type->isPointerTy()});
    kernel.by_value.push_back(byValue);
    offset += size;
  }
  kernel.param_bytes = static_cast<uint32_t>(offset);
  if (auto attribute = function.getFnAttribute("nvvm.maxntid"); attribute.isValid()) {
    llvm::SmallVector<llvm::StringRef, 3> sizes;
    attribute.getValueAsString().split(sizes, ',');
    uint32_t product = 1;
    for (llvm::StringRef size : sizes) {
      uint32_t value = 1;
      if (!size.trim().getAsInteger(10, value)) product *= value;
    }
    kernel.max_threads = product;
  }
  kernel.llvm_instructions = function.getInstructionCount();
  device.kernels.push_back(std::move(kernel));
  return {};
}

class DataWriter {
 public:
  explicit DataWriter(DeviceModule& device) : device_(device), layout_(device.module->getDataLayout()) {}

  Outcome declare(const llvm::GlobalVariable& variable) {
    image::Object object;
    object.name = variable.getName().str();
    object.kind = variable.getAddressSpace() == kConstantSpace          ? image::ObjectKind::constant
                  : variable.isConstant() && variable.hasLocalLinkage() ? image::ObjectKind::string
                                                                        : image::ObjectKind::global;
    uint64_t alignment = std::max<uint64_t>(variable.getAlign().valueOrOne().value(), 4);
    object.alignment = static_cast<uint32_t>(alignment);
    object.size = layout_.getTypeAllocSize(variable.getValueType());
    if (object.size > image::kMaxBssBytes)
      return error("device variable '" + llvm::demangle(object.name) + "' has " + std::to_string(object.size) +
                   " bytes, more than a program may have (" + std::to_string(image::kMaxBssBytes) + ")");
    object.zero = isZero(variable);
    object.offset = alignUp(object.zero ? bss_ : device_.data.size(), alignment);
    if (!object.zero) {
      device_.data.resize(object.offset + object.size);
    } else if (bss_ = object.offset + object.size; bss_ > image::kMaxBssBytes) {
      return error("the device variables up to '" + llvm::demangle(object.name) + "' come to " + std::to_string(bss_) +
                   " bytes, more than a program may have (" + std::to_string(image::kMaxBssBytes) + ")");
    }
    device_.object_index[object.name] = static_cast<uint32_t>(device_.objects.size());
    device_.objects.push_back(std::move(object));
    return {};
  }

  Outcome fill(const llvm::GlobalVariable& variable) {
    if (isZero(variable)) return {};
    variable_ = &variable;
    return write(*variable.getInitializer(), device_.objects[device_.object_index[variable.getName()]].offset);
  }

 private:
  static bool isZero(const llvm::GlobalVariable& variable) {
    return !variable.hasInitializer() || variable.getInitializer()->isNullValue() ||
           llvm::isa<llvm::UndefValue>(variable.getInitializer());
  }

  Outcome refuse(const char* what) const {
    return error("the initialiser of device variable '" + llvm::demangle(variable_->getName().str()) + "' holds " +
                 what);
  }

  void put(uint64_t place, uint64_t value, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; ++i) device_.data[place + i] = static_cast<std::byte>(value >> (8 * i));
  }

  Outcome write(const llvm::Constant& constant, uint64_t place) {
    if (constant.isNullValue() || llvm::isa<llvm::UndefValue>(constant)) return {};
    llvm::Type* type = constant.getType();
    if (const auto* integer = llvm::dyn_cast<llvm::ConstantInt>(&constant)) {
      writeBits(integer->getValue(), place, layout_.getTypeStoreSize(type));
      return {};
    }
    if (const auto* number = llvm::dyn_cast<llvm::ConstantFP>(&constant)) {
      writeBits(number->getValueAPF().bitcastToAPInt(), place, layout_.getTypeStoreSize(type));
      return {};
    }
    if (const auto* sequence = llvm::dyn_cast<llvm::ConstantDataSequential>(&constant)) {
      uint64_t step = layout_.getTypeAllocSize(sequence->getElementType());
      for (unsigned i = 0; i < sequence->getNumElements(); ++i)
        if (auto ok = write(*sequence->getElementAsConstant(i), place + i * step); !ok) return ok;
      return {};
    }
    if (const auto* record = llvm::dyn_cast<llvm::ConstantStruct>(&constant)) {
      const llvm::StructLayout* fields = layout_.getStructLayout(record->getType());
      for (unsigned i = 0; i < record->getNumOperands(); ++i)
        if (auto ok = write(*record->getOperand(i), place + fields->getElementOffset(i)); !ok) return ok;
      return {};
    }
    if (llvm::isa<llvm::ConstantArray>(constant) || llvm::isa<llvm::ConstantVector>(constant)) {
      llvm::Type* element =
          type->isArrayTy() ? type->getArrayElementType() : llvm::cast<llvm::VectorType>(type)->getElementType();
      uint64_t step = layout_.getTypeAllocSize(element);
      for (unsigned i = 0; i < constant.getNumOperands(); ++i)
        if (auto ok = write(*llvm::cast<llvm::Constant>(constant.getOperand(i)), place + i * step); !ok) return ok;
      return {};
    }
    return writePointer(constant, place);
  }

  void writeBits(const llvm::APInt& value, uint64_t place, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; ++i)
      if (8 * i < value.getBitWidth())
        device_.data[place + i] = static_cast<std::byte>(
            value.extractBitsAsZExtValue(std::min<uint64_t>(8, value.getBitWidth() - 8 * i), 8 * i));
  }

  Outcome writePointer(const llvm::Constant& constant, uint64_t place) {
    const llvm::Constant* base = &constant;
    llvm::APInt offset(64, 0);
    while (const auto* expression = llvm::dyn_cast<llvm::ConstantExpr>(base)) {
      if (expression->getOpcode() == llvm::Instruction::AddrSpaceCast ||
          expression->getOpcode() == llvm::Instruction::PtrToInt ||
          expression->getOpcode() == llvm::Instruction::IntToPtr) {
        base = expression->getOperand(0);
      } else if (const auto* gep = llvm::dyn_cast<llvm::GEPOperator>(expression)) {
        if (!gep->accumulateConstantOffset(layout_, offset)) return refuse("an address that is not a constant offset");
        base = llvm::cast<llvm::Constant>(gep->getPointerOperand());
      } else {
        return refuse("a constant expression that is not an address");
      }
    }
    const auto* target = llvm::dyn_cast<llvm::GlobalVariable>(base);
    if (!target) return refuse("the address of a function, which device code cannot call through");
    auto found = device_.object_index.find(target->getName());
    if (found == device_.object_index.end()) return refuse("the address of a shared variable");
    device_.data_relocations.push_back({place, found->second, offset.getSExtValue()});
    return {};
  }

  DeviceModule& device_;
  const llvm::DataLayout& layout_;
  const llvm::GlobalVariable* variable_ = nullptr;
  uint64_t bss_ = 0;  // end of the zero objects so far
};

}  // namespace

Outcome describeDeviceModule(DeviceModule& device) {
  llvm::Module& module = *device.module;
  for (llvm::Function& function : module)
    if (!function.isDeclaration() && function.getCallingConv() == llvm::CallingConv::PTX_Kernel)
      if (auto ok = describeKernel(device, function); !ok) return ok;

  DataWriter writer(device);
  llvm::SmallVector<const llvm::GlobalVariable*, 8> objects;
  unsigned unnamed = 0;
  std::map<std::string, uint64_t> dynamicAlignment;
  for (llvm::GlobalVariable& variable : module.globals()) {
    if (!variable.hasName()) variable.setName("__unnamed_" + std::to_string(unnamed++));
    if (variable.getName().starts_with("llvm.")) continue;
    llvm::SetVector<const llvm::Function*> users;
    collectUsers(variable, users);
    if (variable.getAddressSpace() == kSharedSpace) {
      if (variable.isDeclaration()) {  // extern __shared__: the dynamic part, which begins where the static one ends
        for (DeviceKernel& kernel : device.kernels)
          if (users.contains(module.getFunction(kernel.name)))
            dynamicAlignment[kernel.name] =
                std::max(dynamicAlignment[kernel.name], variable.getAlign().valueOrOne().value());
        continue;
      }
      uint64_t size = module.getDataLayout().getTypeAllocSize(variable.getValueType());
      uint64_t alignment = std::max<uint64_t>(variable.getAlign().valueOrOne().value(), 4);
      for (DeviceKernel& kernel : device.kernels) {
        if (!users.contains(module.getFunction(kernel.name))) continue;
        uint64_t offset = alignUp(kernel.shared_bytes, alignment);
        kernel.shared[variable.getName()] = static_cast<uint32_t>(offset);
        kernel.shared_bytes = static_cast<uint32_t>(offset + size);
      }
      continue;
    }
    if (variable.isDeclaration()) {
      if (users.empty()) continue;
      return error("device variable '" + llvm::demangle(variable.getName().str()) +
                   "' is declared and used but defined in no file");
    }
    if (variable.hasLocalLinkage() && variable.use_empty()) continue;
    if (auto ok = writer.declare(variable); !ok) return ok;
    objects.push_back(&variable);
  }
  // The launch adds dynamic bytes behind the static ones: their end is as aligned as CUDA promises, and as asked.
  for (DeviceKernel& kernel : device.kernels)
    kernel.shared_bytes =
        static_cast<uint32_t>(alignUp(kernel.shared_bytes, std::max<uint64_t>(16, dynamicAlignment[kernel.name])));
  for (const llvm::GlobalVariable* variable : objects)
    if (auto ok = writer.fill(*variable); !ok) return ok;
  return {};
}

}  // namespace phx::compiler
