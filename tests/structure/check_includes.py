"""Fails when a folder includes what DESIGN's direction forbids: each rule below names all that a folder may see."""
import pathlib
import re
import subprocess
import sys

LEAVES = ["device_sim/diagnostic", "device_sim/isa", "device_sim/machine", "device_sim/numerics", "device_sim/image"]

# folder -> folders of ours that it may include beside itself. The longest matching folder counts.
ALLOWED = {
    "device_sim/diagnostic": [],
    "device_sim/isa": ["device_sim/diagnostic", "device_sim/numerics/math_functions.def"],
    "device_sim/machine": ["device_sim/diagnostic"],
    "device_sim/numerics": ["device_sim/diagnostic"],
    "device_sim/image": ["device_sim/diagnostic", "device_sim/isa"],
    "device_sim/assembler": LEAVES,
    "device_sim/check": LEAVES,
    "device_sim": LEAVES + ["device_sim"],
    "hal/drivers/sim": ["hal", "device_sim", "phalanx/hal"],
    "hal/drivers/null": ["hal", "phalanx/hal"],
    "hal": ["hal", "phalanx/hal"],
    "compiler": LEAVES + ["compiler", "phalanx/compiler"],
    "python": LEAVES + ["device_sim/assembler", "python", "runtime", "phalanx"],
    "runtime/tools": [""],
    "runtime": ["runtime", "hal", "phalanx"],
}
OURS = re.compile(r"^(device_sim|hal|compiler|runtime|python|phalanx)/")
LLVM = re.compile(r"^(llvm|mlir|clang|llvm-c|mlir-c)/")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.M)


def rule_for(path):
    for folder in sorted(ALLOWED, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return folder
    return None


def main():
    root = pathlib.Path(sys.argv[1])
    files = subprocess.run(["git", "ls-files", "*.h", "*.cpp", "*.def", "*.inc"], cwd=root, capture_output=True, text=True)
    names = files.stdout.split() or [str(p.relative_to(root)) for p in root.rglob("*") if p.suffix in (".h", ".cpp")
                                     and "build" not in p.relative_to(root).parts]
    wrong = []
    checked = 0
    for name in names:
        folder = rule_for(name)
        if folder is None:
            continue
        checked += 1
        for included in INCLUDE.findall((root / name).read_text()):
            if LLVM.match(included) and not folder.startswith(("compiler", "runtime/tools")):
                wrong.append(f"{name}: includes {included}; only the compiler and the tools know LLVM")
            if not OURS.match(included) or included.startswith(folder + "/"):
                continue
            if folder == "runtime" and included.startswith("phalanx/compiler"):
                wrong.append(f"{name}: includes {included}; the runtime reaches the compiler through the tools only")
            elif not any(included.startswith(allowed) for allowed in ALLOWED[folder]):
                wrong.append(f"{name}: includes {included}; {folder} may include only {ALLOWED[folder] or 'itself'}")
    print("\n".join(wrong) or f"{checked} files follow the direction of docs/architecture.md")
    assert checked > 50, f"only {checked} files were looked at"
    return 1 if wrong else 0


sys.exit(main())
