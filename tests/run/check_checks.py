"""Each bug of checks.cu must be reported under PHX_CHECK with its kind and the lines that hold it; its corrected twin, and the
programs without a bug, must not be. What is reported may depend neither on host threads nor on their order."""
import os
import re
import subprocess
import sys

MEMORY, UNINITIALISED, RACE = "out of bounds", "uninitialised read", "data race"
WIDTHS = {f"{what}_{width}": MEMORY for what in ("load", "store") for width in ("u8", "u16", "u32", "u64", "u128")}
# What lies past the end of registered host memory is host memory that is not.
ON_HOST = {f"{what}_{where}": "host pointer" for what in ("load", "store") for where in ("pinned", "managed")}
# name: (kind, further texts); the lines come from the BUG comments
BUGS = {name: (kind, []) for name, kind in (WIDTHS | ON_HOST).items()} | {
    "atomic_u32": (MEMORY, []),
    "atomic_u64": (MEMORY, []),
    "atomic_f32": (MEMORY, []),
    "shared_load": (MEMORY, ["shared memory"]),
    "shared_atomic": (MEMORY, ["shared memory"]),
    "uninit_global": (UNINITIALISED, ["byte 4086 of cudaMalloc", "thread (125, 0, 0) of block (7, 0, 0)"]),
    "uninit_shared": (UNINITIALISED, ["byte 252 of shared memory"]),
    "uninit_local": (UNINITIALISED, ["local memory"]),
    "uninit_atomic": (UNINITIALISED, ["cudaMalloc"]),
    "uninit_heap": (UNINITIALISED, ["device malloc"]),
    "uninit_copy": (UNINITIALISED, ["2048 bytes into cudaMalloc", "a copy of 4096 bytes to the host"]),
    "copied_gap": (UNINITIALISED, ["byte 2048 of cudaMalloc"]),
    "shared_missing_barrier": (RACE, ["read-write race", "shared memory"]),
    "shared_write_write": (RACE, ["write-write race", "shared memory"]),
    "warp_missing_sync": (RACE, ["read-write race"]),
    "reduction_missing_barrier": (RACE, ["read-write race"]),
    "global_in_block": (RACE, ["cudaMalloc"]),
    "shared_counter": (RACE, ["write-write race"]),
    "global_counter": (RACE, ["write-write race"]),
    "between_blocks": (RACE, ["of block (0, 0, 0)", "of block (1, 0, 0)"]),
    "missing_fence": (RACE, ["of block (7, 0, 0)"]),
    "unlock_without_fence": (RACE, ["write-write race"]),
    "flag_without_fence": (RACE, ["of block (0, 0, 0)", "of block (1, 0, 0)"]),
    "plain_flag": (RACE, ["write-write race"]),
    "two_streams": (RACE, ["work that may run at the same time", "stream"]),
    "copy_beside_kernel": (RACE, ["a copy device to host", "fill(int*, int, int)"]),
    "two_devices": (RACE, ["device 0", "device 1"]),
}
CLEAN = ["same_value", "copied_padding"]
WITHOUT_LINE = {"uninit_copy", "copied_gap", "copy_beside_kernel", "two_devices"}


def marked_lines(source):
    lines = {}
    with open(source) as file:
        for number, text in enumerate(file, 1):
            found = re.search(r"// BUG: ([\w ]+)", text)
            for name in found.group(1).split() if found else []:
                lines.setdefault(name, []).append(number)
    return lines


def run(program, name, **settings):
    environment = dict(os.environ, PHX_DEVICES="2", PHX_CHECK="all", **settings)
    done = subprocess.run([program, name], env=environment, capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("TBB Warning")]
    report = re.sub(r"0x[0-9a-f]{12}\b", "a host address", "\n".join(lines))
    return done.returncode, done.stdout.strip(), report


def main():
    program, source = sys.argv[1:3]
    lines = marked_lines(source)
    wrong = []
    for name, (kind, texts) in BUGS.items():
        code, out, report = run(program, name, PHX_THREADS="1")
        problems = [f"lacks '{text}'" for text in [kind, *texts] if text not in report]
        if name not in WITHOUT_LINE:
            problems += [f"lacks line {line}" for line in lines[name] if f"checks.cu:{line}" not in report]
        if code != 0 or out == "cudaSuccess":
            problems.append(f"exit code {code}, '{out}'")
        for settings in ({"PHX_THREADS": "4"}, {"PHX_THREADS": "2", "PHX_SHUFFLE": "5"}):
            if run(program, name, **settings)[2] != report:
                problems.append(f"another report with {settings}")
        if problems:
            wrong.append(f"== {name}: " + "; ".join(problems) + "\n" + report)
    for name in [f"{bug}_fixed" for bug in BUGS] + CLEAN:
        code, out, report = run(program, name)
        if code != 0 or out != "cudaSuccess" or report:
            wrong.append(f"== {name}: exit code {code}, '{out}', should be clean\n{report}")
    print("\n".join(wrong) or f"{len(BUGS)} bugs reported, {len(BUGS) + len(CLEAN)} programs clean")
    return 1 if wrong else 0


sys.exit(main())
