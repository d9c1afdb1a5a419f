"""Each fault of faults.cu must name kernel, file:line, block, thread, address and the nearest buffer, return the right code
from the next call, stay until the device is reset, and leave the other device alone."""
import os
import re
import subprocess
import sys

# name: (CUDA error of the next call, marker in faults.cu, texts that the message must hold)
FAULTS = {
    "out_of_bounds": ("cudaErrorIllegalAddress", "out_of_bounds", ["out_of_bounds(float*, int)", "out of bounds", "block (3, 0, 0)", "thread (4, 0, 0)", "past the end of cudaMalloc", "400 bytes"]),
    "before_start": ("cudaErrorIllegalAddress", "before_start", ["load_before", "thread (0, 0, 0)", "block (0, 0, 0)"]),
    "misaligned": ("cudaErrorMisalignedAddress", "misaligned", ["misaligned", "thread (0, 0, 0)", "cudaMalloc"]),
    "host_pointer": ("cudaErrorIllegalAddress", "store", ["host pointer", "thread (3, 0, 0)"]),
    "null_pointer": ("cudaErrorIllegalAddress", "store", ["thread (3, 0, 0)", "0xc"]),
    "use_after_free": ("cudaErrorIllegalAddress", "store", ["use after free", "thread (3, 0, 0)", "cudaMalloc"]),
    "spin": ("cudaErrorLaunchTimeout", "spin", ["spin", "watchdog"]),
    "busy": ("cudaErrorLaunchTimeout", "busy", ["busy", "watchdog"]),
    "endless": ("cudaErrorLaunchTimeout", "endless", ["endless()", "watchdog", "PHX_WATCHDOG"]),
    "endless_everywhere": ("cudaErrorLaunchTimeout", "endless", ["watchdog", "no block has ended"]),
    "shared": ("cudaErrorIllegalAddress", "shared", ["shared memory out of bounds", "shared_bounds"]),
    "inlined": ("cudaErrorIllegalAddress", "inlined", ["deep_store", "inlined(float*, int)", "past the end"]),
    "barrier": ("cudaErrorLaunchFailure", "barrier", ["barrier_mismatch", "deadlock", "waits at the block barrier", "0xffff0000"]),
    "assert": ("cudaErrorAssert", "assert", ["asserts", "limit", "thread (20, 0, 0)", "block (0, 0, 0)"]),
}


def marked_lines(source):
    lines = {}
    with open(source) as file:
        for number, text in enumerate(file, 1):
            found = re.search(r"// FAULT: (\w+)", text)
            if found:
                lines[found.group(1)] = number
    return lines


def main():
    program, source = sys.argv[1:3]
    lines = marked_lines(source)
    wrong = []
    for name, (code, marker, texts) in FAULTS.items():
        environment = dict(os.environ, PHX_DEVICES="2", PHX_WATCHDOG="2000000")
        done = subprocess.run([program, name], env=environment, capture_output=True, text=True, timeout=120)
        place = f"faults.cu:{lines[marker]}"
        expected_out = [f"next {code} sticky {code}", "other cudaSuccess 31", "reset cudaSuccess", "after reset cudaSuccess"]
        problems = [f"stderr lacks '{t}'" for t in texts + [place] if t not in done.stderr]
        problems += [f"stdout lacks '{t}'" for t in expected_out if t not in done.stdout]
        if done.returncode != 0:
            problems.append(f"exit code {done.returncode}")
        if problems:
            wrong.append(f"== {name}: " + "; ".join(problems) + f"\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
    print("\n".join(wrong) or f"{len(FAULTS)} faults report their place and leave the other device alone")
    return 1 if wrong else 0


sys.exit(main())
