// Calls of CUDA's device math library as instructions of the virtual ISA.
//
// A function that LLVM knows exactly (rounding, min, fma, bit counting) becomes LLVM IR, which the optimiser may fold.
// Every other one becomes a call of "phx.isa.<mnemonic>", an opaque pure function that stands for one instruction: the
// optimiser cannot fold it with the host's libm, and the lowering to visa has one rule for all of them.
#include <numbers>

#include "lib/Frontend/Cuda/DeviceModule.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Intrinsics.h"

namespace phx::compiler {

namespace {

struct MathName {
  llvm::StringRef libdevice, isa;
  unsigned arity;
};
// Function names that differ in the type suffix only: __nv_<libdevice>f is f32, __nv_<libdevice> f64.
constexpr MathName kMath[] = {
    {"sin", "sin", 1},
    {"cos", "cos", 1},
    {"tan", "tan", 1},
    {"sinpi", "sinpi", 1},
    {"cospi", "cospi", 1},
    {"asin", "asin", 1},
    {"acos", "acos", 1},
    {"atan", "atan", 1},
    {"atan2", "atan2", 2},
    {"sinh", "sinh", 1},
    {"cosh", "cosh", 1},
    {"tanh", "tanh", 1},
    {"asinh", "asinh", 1},
    {"acosh", "acosh", 1},
    {"atanh", "atanh", 1},
    {"exp", "exp", 1},
    {"exp2", "exp2", 1},
    {"exp10", "exp10", 1},
    {"expm1", "expm1", 1},
    {"log", "log", 1},
    {"log2", "log2", 1},
    {"log10", "log10", 1},
    {"log1p", "log1p", 1},
    {"pow", "pow", 2},
    {"rsqrt", "rsqrt", 1},
    {"cbrt", "cbrt", 1},
    {"rcbrt", "rcbrt", 1},
    {"hypot", "hypot", 2},
    {"rhypot", "rhypot", 2},
    {"erf", "erf", 1},
    {"erfc", "erfc", 1},
    {"erfinv", "erfinv", 1},
    {"erfcinv", "erfcinv", 1},
    {"normcdf", "normcdf", 1},
    {"normcdfinv", "normcdfinv", 1},
    {"tgamma", "tgamma", 1},
    {"lgamma", "lgamma", 1},
    {"fmod", "fmod", 2},
    {"remainder", "remainder", 2},
    {"logb", "logb", 1},
    {"nextafter", "nextafter", 2},
    {"fdim", "fdim", 2},
    {"round", "round", 1},
};

// Name of a number type inside conversion names (double2uint_rd, ll2float_rz).
llvm::StringRef isaType(llvm::StringRef name) {
  return llvm::StringSwitch<llvm::StringRef>(name)
      .Case("double", "f64")
      .Case("float", "f32")
      .Case("int", "s32")
      .Case("uint", "u32")
      .Case("ll", "s64")
      .Case("ull", "u64")
      .Default("");
}

class Expander {
 public:
  Expander(llvm::Module& module, llvm::CallInst& call)
      : module_(module),
        call_(call),
        b_(&call),
        f32_(b_.getFloatTy()),
        f64_(b_.getDoubleTy()),
        i32_(b_.getInt32Ty()),
        i64_(b_.getInt64Ty()) {}

  // The value that replaces the call; nullptr if the function is not known here. Functions without a result return
  // poison.
  llvm::Value* expand(llvm::StringRef name) {
    if (llvm::Value* value = integer(name)) return value;
    if (llvm::Value* value = bits(name)) return value;
    if (llvm::Value* value = rounded(name)) return value;
    if (llvm::Value* value = fast(name)) return value;
    bool f64 = !isFloatResultOrOperand();
    llvm::StringRef base = name;
    if (!f64) base.consume_back("f");  // erff -> erf
    if (llvm::Value* value = exact(base)) return value;
    return math(base, f64 ? "f64" : "f32");
  }

 private:
  llvm::Value* arg(unsigned i) { return call_.getArgOperand(i); }
  bool isFloatResultOrOperand() {
    if (call_.getType()->isFloatTy()) return true;
    return call_.arg_size() && arg(0)->getType()->isFloatTy();
  }

  // The instruction `mnemonic` (with its fields and type) as an opaque pure function.
  llvm::Value* isa(const llvm::Twine& mnemonic, llvm::Type* result, llvm::ArrayRef<llvm::Value*> args) {
    llvm::SmallVector<llvm::Type*, 3> types;
    for (llvm::Value* value : args) types.push_back(value->getType());
    auto callee =
        module_.getOrInsertFunction(("phx.isa." + mnemonic).str(), llvm::FunctionType::get(result, types, false));
    auto* function = llvm::cast<llvm::Function>(callee.getCallee());
    function->setDoesNotAccessMemory();
    function->setDoesNotThrow();
    function->setWillReturn();
    function->addFnAttr(llvm::Attribute::NoFree);
    function->addFnAttr(llvm::Attribute::NoSync);
    return b_.CreateCall(callee, args);
  }
  llvm::Value* intrinsic(llvm::Intrinsic::ID id, llvm::ArrayRef<llvm::Value*> args) {
    return b_.CreateIntrinsic(id, {args[0]->getType()}, args);
  }
  llvm::Value* done() { return llvm::PoisonValue::get(call_.getType()->isVoidTy() ? i32_ : call_.getType()); }
  llvm::Value* real(llvm::Type* type, double value) { return llvm::ConstantFP::get(type, value); }

  llvm::Value* integer(llvm::StringRef name) {
    auto is = [&](std::initializer_list<llvm::StringRef> names) { return llvm::is_contained(names, name); };
    if (is({"abs", "llabs"}))
      return b_.CreateIntrinsic(llvm::Intrinsic::abs, {arg(0)->getType()}, {arg(0), b_.getFalse()});
    if (is({"min", "llmin"})) return intrinsic(llvm::Intrinsic::smin, {arg(0), arg(1)});
    if (is({"max", "llmax"})) return intrinsic(llvm::Intrinsic::smax, {arg(0), arg(1)});
    if (is({"umin", "ullmin"})) return intrinsic(llvm::Intrinsic::umin, {arg(0), arg(1)});
    if (is({"umax", "ullmax"})) return intrinsic(llvm::Intrinsic::umax, {arg(0), arg(1)});
    if (is({"brev", "brevll"})) return intrinsic(llvm::Intrinsic::bitreverse, {arg(0)});
    if (is({"popc", "popcll"})) return narrow(intrinsic(llvm::Intrinsic::ctpop, {arg(0)}));
    if (is({"clz", "clzll"}))
      return narrow(b_.CreateIntrinsic(llvm::Intrinsic::ctlz, {arg(0)->getType()}, {arg(0), b_.getFalse()}));
    if (is({"ffs", "ffsll"})) {
      auto* place = narrow(b_.CreateIntrinsic(llvm::Intrinsic::cttz, {arg(0)->getType()}, {arg(0), b_.getFalse()}));
      auto* none = b_.CreateICmpEQ(arg(0), llvm::ConstantInt::get(arg(0)->getType(), 0));
      return b_.CreateSelect(none, b_.getInt32(0), b_.CreateAdd(place, b_.getInt32(1)));
    }
    if (name == "byte_perm") return isa("prmt.b32", i32_, {arg(0), arg(1), arg(2)});
    if (name == "mulhi") return isa("mulhi.s32", i32_, {arg(0), arg(1)});
    if (name == "umulhi") return isa("mulhi.u32", i32_, {arg(0), arg(1)});
    if (name == "mul64hi") return isa("mulhi.s64", i64_, {arg(0), arg(1)});
    if (name == "umul64hi") return isa("mulhi.u64", i64_, {arg(0), arg(1)});
    if (name == "mul24" || name == "umul24") {
      auto cut = [&](llvm::Value* value) {
        auto* high = b_.CreateShl(value, 8);
        return name == "mul24" ? b_.CreateAShr(high, 8) : b_.CreateLShr(high, 8);
      };
      return b_.CreateMul(cut(arg(0)), cut(arg(1)));
    }
    if (name == "sad" || name == "usad") {
      bool isSigned = name == "sad";
      auto* larger = intrinsic(isSigned ? llvm::Intrinsic::smax : llvm::Intrinsic::umax, {arg(0), arg(1)});
      auto* smaller = intrinsic(isSigned ? llvm::Intrinsic::smin : llvm::Intrinsic::umin, {arg(0), arg(1)});
      return b_.CreateAdd(b_.CreateSub(larger, smaller), arg(2));
    }
    if (is({"hadd", "rhadd", "uhadd", "urhadd"})) {
      bool isSigned = !name.starts_with("u"), up = name.ends_with("rhadd");
      auto wide = [&](llvm::Value* value) {
        return isSigned ? b_.CreateSExt(value, i64_) : b_.CreateZExt(value, i64_);
      };
      auto* sum = b_.CreateAdd(wide(arg(0)), wide(arg(1)));
      if (up) sum = b_.CreateAdd(sum, b_.getInt64(1));
      return b_.CreateTrunc(b_.CreateLShr(sum, 1), i32_);
    }
    return nullptr;
  }
  llvm::Value* narrow(llvm::Value* value) { return b_.CreateZExtOrTrunc(value, i32_); }

  llvm::Value* bits(llvm::StringRef name) {
    if (llvm::is_contained({"float_as_int", "float_as_uint", "int_as_float", "uint_as_float", "double_as_longlong",
                            "longlong_as_double"},
                           name))
      return b_.CreateBitCast(arg(0), call_.getType());
    if (name == "hiloint2double") {
      auto* high = b_.CreateShl(b_.CreateZExt(arg(0), i64_), 32);
      return b_.CreateBitCast(b_.CreateOr(high, b_.CreateZExt(arg(1), i64_)), f64_);
    }
    if (name == "double2loint") return b_.CreateTrunc(b_.CreateBitCast(arg(0), i64_), i32_);
    if (name == "double2hiint") return b_.CreateTrunc(b_.CreateLShr(b_.CreateBitCast(arg(0), i64_), 32), i32_);
    if (name == "half2float") return b_.CreateFPExt(b_.CreateBitCast(arg(0), b_.getHalfTy()), f32_);
    if (name == "float2half_rn") return b_.CreateBitCast(b_.CreateFPTrunc(arg(0), b_.getHalfTy()), call_.getType());
    unsigned test = 0;
    if (name == "isinff" || name == "isinfd") test = llvm::fcInf;
    if (name == "isnanf" || name == "isnand") test = llvm::fcNan;
    if (name == "finitef" || name == "isfinited") test = llvm::fcFinite;
    if (test) return b_.CreateZExt(b_.createIsFPClass(arg(0), test), i32_);
    if (name == "signbitf" || name == "signbitd") {
      auto* pattern = b_.CreateBitCast(arg(0), b_.getIntNTy(arg(0)->getType()->getScalarSizeInBits()));
      return b_.CreateZExt(b_.CreateICmpSLT(pattern, llvm::ConstantInt::get(pattern->getType(), 0)), i32_);
    }
    if (name == "nan" || name == "nanf") return llvm::ConstantFP::getNaN(call_.getType());
    return nullptr;
  }

  // Names that end in a rounding mode: arithmetic and conversions.
  llvm::Value* rounded(llvm::StringRef name) {
    if (name.size() < 4 || name[name.size() - 3] != '_' || name[name.size() - 2] != 'r') return nullptr;
    llvm::StringRef mode = name.take_back(2), stem = name.drop_back(3);
    if (!llvm::is_contained({"rn", "rz", "rd", "ru"}, mode)) return nullptr;
    std::string field = mode == "rn" ? "" : "." + mode.str();
    if (auto [from, to] = stem.split('2'); !to.empty() && !isaType(from).empty() && !isaType(to).empty())
      return isa("cvt" + field + "." + isaType(from) + "." + isaType(to), call_.getType(), {arg(0)});
    bool f64 = call_.getType()->isDoubleTy();
    std::string type = f64 ? ".f64" : ".f32";
    if (stem == "fma" || stem == "fmaf" || stem == "fmaf_ieee")
      return isa("fma" + field + type, call_.getType(), {arg(0), arg(1), arg(2)});
    llvm::StringRef operation = stem.drop_front(1);
    if (llvm::is_contained({"add", "sub", "mul", "div"}, operation))
      return isa(operation + field + type, call_.getType(), {arg(0), arg(1)});
    if (operation == "rcp") return isa("div" + field + type, call_.getType(), {real(call_.getType(), 1.0), arg(0)});
    if (operation == "sqrt" && mode == "rn") return isa("math.sqrt" + type, call_.getType(), {arg(0)});
    if (operation == "rsqrt" && mode == "rn") return isa("math.rsqrt" + type, call_.getType(), {arg(0)});
    return nullptr;
  }

  llvm::Value* math1(llvm::StringRef fn, llvm::Value* x) {
    return isa("math." + fn + (x->getType()->isDoubleTy() ? ".f64" : ".f32"), x->getType(), {x});
  }

  llvm::Value* fast(llvm::StringRef name) {
    if (!name.consume_front("fast_")) return nullptr;
    auto scaled = [&](llvm::Value* x, double factor) { return b_.CreateFMul(x, real(f32_, factor)); };
    if (name == "sinf") return math1("sin_approx", arg(0));
    if (name == "cosf") return math1("cos_approx", arg(0));
    if (name == "tanf") return b_.CreateFDiv(math1("sin_approx", arg(0)), math1("cos_approx", arg(0)));
    if (name == "expf") return math1("ex2_approx", scaled(arg(0), std::numbers::log2e));
    if (name == "exp10f") return math1("ex2_approx", scaled(arg(0), 3.32192809488736234787));
    if (name == "log2f") return math1("lg2_approx", arg(0));
    if (name == "logf") return scaled(math1("lg2_approx", arg(0)), std::numbers::ln2);
    if (name == "log10f") return scaled(math1("lg2_approx", arg(0)), 0.30102999566398119521);
    if (name == "powf") return math1("ex2_approx", b_.CreateFMul(arg(1), math1("lg2_approx", arg(0))));
    if (name == "fdividef") return b_.CreateFDiv(arg(0), arg(1));
    if (name == "sincosf") {
      b_.CreateStore(math1("sin_approx", arg(0)), arg(1));
      b_.CreateStore(math1("cos_approx", arg(0)), arg(2));
      return done();
    }
    return nullptr;
  }

  // Functions with an exact meaning in LLVM IR, or built from others; `base` has no type suffix.
  llvm::Value* exact(llvm::StringRef base) {
    auto id = llvm::StringSwitch<llvm::Intrinsic::ID>(base)
                  .Case("fabs", llvm::Intrinsic::fabs)
                  .Case("floor", llvm::Intrinsic::floor)
                  .Case("ceil", llvm::Intrinsic::ceil)
                  .Case("trunc", llvm::Intrinsic::trunc)
                  .Case("rint", llvm::Intrinsic::rint)
                  .Case("nearbyint", llvm::Intrinsic::rint)
                  .Case("sqrt", llvm::Intrinsic::sqrt)
                  .Case("fma", llvm::Intrinsic::fma)
                  .Case("fmin", llvm::Intrinsic::minnum)
                  .Case("fmax", llvm::Intrinsic::maxnum)
                  .Case("copysign", llvm::Intrinsic::copysign)
                  .Default(llvm::Intrinsic::not_intrinsic);
    if (id != llvm::Intrinsic::not_intrinsic) {
      llvm::SmallVector<llvm::Value*, 3> args(call_.args());
      return intrinsic(id, args);
    }
    llvm::Type* type = call_.arg_size() ? arg(0)->getType() : nullptr;
    llvm::Value* x = call_.arg_size() ? arg(0) : nullptr;
    std::string suffix = type && type->isDoubleTy() ? ".f64" : ".f32";
    std::string from = type && type->isDoubleTy() ? "f64" : "f32";
    if (base == "saturate")
      return isa("max" + suffix, type, {isa("min" + suffix, type, {x, real(type, 1.0)}), real(type, 0.0)});
    if (base == "llrint") return isa("cvt." + from + ".s64", i64_, {x});
    if (base == "llround") return isa("cvt.rz." + from + ".s64", i64_, {math1("round", x)});
    if (base == "ilogb") return isa("cvt.rz." + from + ".s32", i32_, {math1("logb", x)});
    if (base == "ldexp" || base == "scalbn")
      return isa("math2.ldexp" + suffix, type, {x, b_.CreateSIToFP(arg(1), type)});
    if (base == "powi" || base == "powif") return isa("math2.pow" + suffix, type, {x, b_.CreateSIToFP(arg(1), type)});
    if (base == "sincos" || base == "sincospi") {
      bool pi = base == "sincospi";
      b_.CreateStore(math1(pi ? "sinpi" : "sin", x), arg(1));
      b_.CreateStore(math1(pi ? "cospi" : "cos", x), arg(2));
      return done();
    }
    if (base == "frexp") {
      b_.CreateStore(isa("cvt.rz." + from + ".s32", i32_, {math1("frexp_exponent", x)}), arg(1));
      return math1("frexp_mantissa", x);
    }
    if (base == "modf") {
      auto* whole = intrinsic(llvm::Intrinsic::trunc, {x});
      b_.CreateStore(whole, arg(1));
      auto* infinite = b_.createIsFPClass(x, llvm::fcInf);
      auto* rest = b_.CreateSelect(infinite, real(type, 0.0), b_.CreateFSub(x, whole));
      return intrinsic(llvm::Intrinsic::copysign, {rest, x});
    }
    if (base == "remquo") {
      auto* quotient = intrinsic(llvm::Intrinsic::rint, {b_.CreateFDiv(x, arg(1))});
      b_.CreateStore(isa("cvt.rz." + from + ".s32", i32_, {quotient}), arg(2));
      return isa("math2.remainder" + suffix, type, {x, arg(1)});
    }
    if (base == "norm3d" || base == "norm4d" || base == "rnorm3d" || base == "rnorm4d") {
      llvm::Value* sum = b_.CreateFMul(x, x);
      for (unsigned i = 1; i < call_.arg_size(); ++i) sum = intrinsic(llvm::Intrinsic::fma, {arg(i), arg(i), sum});
      return base.starts_with("r") ? math1("rsqrt", sum) : intrinsic(llvm::Intrinsic::sqrt, {sum});
    }
    if (base == "erfcx") return b_.CreateFMul(math1("exp", b_.CreateFMul(x, x)), math1("erfc", x));
    return nullptr;
  }

  llvm::Value* math(llvm::StringRef base, llvm::StringRef type) {
    for (const MathName& entry : kMath) {
      if (entry.libdevice != base || call_.arg_size() != entry.arity) continue;
      llvm::SmallVector<llvm::Value*, 2> args(call_.args());
      return isa((entry.arity == 2 ? "math2." : "math.") + entry.isa + "." + type, call_.getType(), args);
    }
    return nullptr;
  }

  llvm::Module& module_;
  llvm::CallInst& call_;
  llvm::IRBuilder<> b_;
  llvm::Type *f32_, *f64_, *i32_, *i64_;
};

}  // namespace

namespace {

// The libdevice name of a function, without "__nv_"; empty for others. Besides libdevice's own names these are math
// overloads that clang's headers declare ahead (static float erf(float)) and that stay declarations if no definition
// followed.
std::string libdeviceName(const llvm::Function& function) {
  llvm::StringRef name = function.getName();
  if (name.consume_front("__nv_")) return name.str();
  unsigned length;
  if (!name.consume_front("_ZL") || name.consumeInteger(10, length) || length >= name.size()) return {};
  llvm::StringRef base = name.take_front(length), types = name.drop_front(length);
  if (base == "nan") return "nan";
  if (types.starts_with("f") && !base.ends_with("f")) return base.str() + "f";
  if (types.starts_with("f") && base == "erf") return "erff";
  return base.str();
}

}  // namespace

void expandLibdevice(llvm::Module& module) {
  llvm::SmallVector<std::pair<llvm::Function*, std::string>, 16> functions;
  for (llvm::Function& function : module)
    if (function.isDeclaration())
      if (std::string name = libdeviceName(function); !name.empty()) functions.push_back({&function, name});
  for (auto& [function, name] : functions) {
    llvm::SmallVector<llvm::CallInst*, 16> calls;
    for (llvm::User* user : function->users())
      if (auto* call = llvm::dyn_cast<llvm::CallInst>(user); call && call->getCalledFunction() == function)
        calls.push_back(call);
    for (llvm::CallInst* call : calls) {
      llvm::Value* value = Expander(module, *call).expand(name);
      if (!value) continue;
      if (!call->getType()->isVoidTy()) call->replaceAllUsesWith(value);
      call->eraseFromParent();
    }
  }
}

}  // namespace phx::compiler
