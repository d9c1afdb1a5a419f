# Substitutions: %plugins is the folder of the compiler's example plugins, %cudac <file.cu> compiles a device file to bitcode in %t.bc; %phx-cudac and %phx-opt are the tools.
import os

import lit.formats

config.name = "phalanx"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".cu", ".mlir", ".ll"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join([config.phx_bin, "/usr/lib/llvm-22/bin", config.llvm_bin, os.environ.get("PATH", "")])
clang = ("clang++-22 -x cuda --cuda-path=/nonexistent -nocudainc -nocudalib --cuda-gpu-arch=sm_80 -std=c++17 "
         "-Xclang -target-sdk-version=12.8 -isystem " + config.cuda_headers + " -include cuda_runtime.h --cuda-device-only "
         "--cuda-feature=+ptx87 -O2 -Xclang -disable-llvm-passes -gline-tables-only -emit-llvm -w -c")
config.substitutions.append(("%cudac", clang + " -o %t.bc %s"))
config.substitutions.append(("%plugins", os.path.join(os.path.dirname(config.phx_bin), "lib")))
