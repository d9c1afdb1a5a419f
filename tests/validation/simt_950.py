"""Prints simulated against published SIMT times of the Ascend 950; times are not asserted.

The launch and atomic costs of ascend-950pr.toml come from rows of this table, so those rows show that the form fits; gather
and transpose were not used for any number. Published: asc-devkit (2026-07), SIMT guides and examples. Kernel times in microseconds; the sources do not state the block
sizes of the last four rows (1024 and 256 threads are guesses).
"""
import json
import os
import subprocess
import sys
import tempfile

CASES = [
    ("empty launch, 1 block", ["empty", "1"], 1.22), ("empty launch, 32 blocks", ["empty", "32"], 1.56),
    ("empty launch, 64 blocks", ["empty", "64"], 2.17), ("empty launch, 128 blocks", ["empty", "128"], 3.14),
    ("empty launch, 1024 blocks", ["empty", "1024"], 16.4), ("gather of 2 M elements, 64 blocks", ["gather", "64"], 58.6),
    ("atomics on one GM address, 1024 threads", ["gm_atomic", "1"], 87.6),
    ("atomics on one GM address, 8 x 1024 threads", ["gm_atomic", "8"], 351),
    ("atomics on one UB address, 1024 threads", ["ub_atomic", "1"], 1.84),
    ("atomics on one UB address, 8 x 1024 threads", ["ub_atomic", "8"], 2.25),
    ("transpose 1024 x 1024, bank conflicts", ["transpose"], 23.9), ("transpose 1024 x 1024, padded", ["transpose_padded"], 15.2),
]


def main():
    program = sys.argv[1]
    print("| workload | simulated, us | published, us | error |\n|---|---|---|---|")
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        for name, arguments, published in CASES:
            environment = dict(os.environ, PHX_MACHINE="ascend-950pr", PHX_REPORT=report)
            subprocess.run([program, *arguments], env=environment, check=True, timeout=120)
            with open(report) as file:
                simulated = json.load(file)["kernels"][0]["seconds"] * 1e6
            assert simulated > 0
            errors.append(abs(simulated / published - 1))
            print(f"| {name} | {simulated:.2f} | {published} | {(simulated / published - 1) * 100:+.0f} % |")
    print(f"\nmean absolute error {100 * sum(errors) / len(errors):.0f} %, worst {100 * max(errors):.0f} %")


main()
