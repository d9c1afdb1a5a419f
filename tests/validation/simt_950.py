"""Prints simulated against published SIMT times of the Ascend 950; times are not asserted.

usage: simt_950.py PROGRAM [family ...]

Published: READMEs of the SIMT examples of asc-devkit (2026-07), measured on an Ascend 950PR, task durations in microseconds; `banks`:
cycles of a hundred reads. Grid, block, element type and index pattern are as stated there; matrices and indices are random in both.
docs/timing.md says which rows the machine's numbers were fitted on. Structures are copied at a 32nd of the published 512 MiB, and the
published time is divided by 32: the launch is less than a thousandth of it.
"""
import json
import os
import subprocess
import sys
import tempfile

STRUCTURES = 32  # published size / simulated size
CASES = [  # family, what, arguments, published
    ("launch", "empty, 1 block of 2048", "empty 1", 1.221),
    ("launch", "empty, 32 blocks", "empty 32", 1.557),
    ("launch", "empty, 64 blocks", "empty 64", 2.173),
    ("launch", "empty, 128 blocks", "empty 128", 3.141),
    ("launch", "empty, 1024 blocks", "empty 1024", 16.422),
    ("gather", "2 M floats, 1024 blocks of 2048", "gather_once 1024 2048", 78.289),
    ("gather", "2 M floats, 64 blocks of 2048", "gather 64 2048", 58.583),
    ("gather", "2 M floats, 32 blocks of 2048", "gather 32 2048", 110.540),
    ("gather", "16 K floats, 4 blocks of 2048", "gather 4 2048 16384", 10.831),
    ("gather", "16 K floats, 8 blocks of 2048", "gather 8 2048 16384", 6.569),
    ("gather", "16 K floats, 16 blocks of 1024", "gather 16 1024 16384", 4.500),
    ("gather", "16 K floats, 32 blocks of 512", "gather 32 512 16384", 3.696),
    ("gather", "16 K floats, 64 blocks of 256", "gather 64 256 16384", 4.133),
    ("square", "copy of 1024² floats, 2048 threads", "copy_2048", 6.262),
    ("square", "copy of 1024² floats, 1024 threads", "copy_1024", 8.649),
    ("square", "transpose 1024², direct", "transpose_direct", 36.337),
    ("square", "transpose, two tiles a block, 512 blocks", "transpose_two_once", 28.190),
    ("square", "transpose, two tiles a block, 64 blocks", "transpose_two", 27.113),
    ("square", "transpose, one tile a block", "transpose_one", 23.912),
    ("square", "transpose, one tile, padded", "transpose_padded", 15.152),
    ("square", "transpose, one tile, padded, two buffers", "transpose_two_buffers", 12.074),
    ("divergence", "sparse matrix × vector, a row a thread", "spmv_thread", 81.811),
    ("divergence", "sparse matrix × vector, a row a warp", "spmv_warp", 31.772),
    ("add", "16 M halves, one by one", "add_half", 86.478),
    ("add", "16 M halves, in pairs", "add_half2", 45.371),
    ("atomics", "one GM word, 1 × 1024", "gm_atomic 1 1024", 87.60),
    ("atomics", "one GM word, 8 × 1024", "gm_atomic 8 1024", 351.47),
    ("atomics", "one GM word, 1 × 2048", "gm_atomic 1 2048", 159.88),
    ("atomics", "one GM word, result used, 1 × 2048", "gm_atomic_result 1 2048", 421.59),
    ("atomics", "one UB word, 1 × 1024", "ub_atomic 1 1024", 1.84),
    ("atomics", "one UB word, 1 × 2048", "ub_atomic 1 2048", 2.76),
    ("atomics", "one UB word, result used, 1 × 2048", "ub_atomic_result 1 2048", 3.17),
    ("atomics", "UB, then GM, 8 × 1024", "ub_atomic_then_gm 8 1024", 2.25),
    ("atomics", "12288 words, result used, 48 × 256", "spread_int_result 48 256 12288", 15.54),
    ("atomics", "1024 words, result used", "spread_int_result 48 256 1024", 111.30),
    ("atomics", "32 words, result used", "spread_int_result 48 256 32", 2233.62),
    ("atomics", "1 word, result used", "spread_int_result 48 256 1", 2136.16),
    ("atomics", "12288 long words, result used", "spread_long_result 48 256 12288", 9.29),
    ("atomics", "1024 long words, result used", "spread_long_result 48 256 1024", 61.10),
    ("atomics", "32 long words, result used", "spread_long_result 48 256 32", 1120.19),
    ("atomics", "1 long word, result used", "spread_long_result 48 256 1", 2135.92),
    ("atomics", "1024 words", "spread_int 48 256 1024", 1.89),
    ("atomics", "1024 long words", "spread_long 48 256 1024", 58.46),
    ("structures", "4 × 1 byte, one core", "structures 401", 81223.02 / STRUCTURES),
    ("structures", "2 × 2 bytes", "structures 402", 46656.61 / STRUCTURES),
    ("structures", "1 × 4 bytes", "structures 404", 27889.33 / STRUCTURES),
    ("structures", "2 × 4 bytes", "structures 804", 21287.91 / STRUCTURES),
    ("structures", "1 × 8 bytes", "structures 808", 17417.23 / STRUCTURES),
    ("structures", "4 × 4 bytes", "structures 1604", 38353.60 / STRUCTURES),
    ("structures", "8 × 4 bytes", "structures 3204", 77790.93 / STRUCTURES),
    ("banks", "one word", "banks 0", 1078),
    ("banks", "8 bytes apart", "banks 2", 1107),
    ("banks", "neighbours", "banks 1", 1081),
    ("banks", "512 bytes apart", "banks 128", 3760),
    ("banks", "256 bytes apart", "banks 64", 3760),
]

# Not counted: where the published program does something that ours does not.
EXCLUDED = {"transpose_two": "its 16 registers a thread make the published program spill (24 bytes of stack)"}


def simulate(program, arguments, report):
    environment = dict(os.environ, PHX_REPORT=report)
    environment.setdefault("PHX_MACHINE", "ascend-950pr")
    told = subprocess.run([program, *arguments.split()], env=environment, check=True, timeout=300, capture_output=True, text=True).stdout
    if told.strip():
        return float(told)
    with open(report) as file:
        return json.load(file)["kernels"][0]["seconds"] * 1e6


def main():
    program, families = sys.argv[1], sys.argv[2:]
    print("| family | workload | simulated | published | error |\n|---|---|---|---|---|")
    errors = {}
    with tempfile.TemporaryDirectory() as folder:
        for family, name, arguments, published in CASES:
            if families and family not in families:
                continue
            simulated = simulate(program, arguments, os.path.join(folder, "report.json"))
            assert simulated > 0
            why = EXCLUDED.get(arguments)
            if not why:
                errors.setdefault(family, []).append(abs(simulated / published - 1))
            print(f"| {family} | {name} | {simulated:.4g} | {published:.4g} | {(simulated / published - 1) * 100:+.0f} % |"
                  + (f" not counted: {why}" if why else ""), flush=True)
    every = [error for family in errors.values() for error in family]
    print()
    for family, those in errors.items():
        print(f"{family}: mean absolute error {100 * sum(those) / len(those):.0f} %, worst {100 * max(those):.0f} %")
    print(f"all: mean absolute error {100 * sum(every) / len(every):.1f} %, worst {100 * max(every):.1f} %")


main()
