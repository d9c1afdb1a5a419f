"""Runs a program under everything that must not change its results, and compares.

timed mode: 1, 2 and 4 host threads, a repeat, 20 seeds of PHX_SHUFFLE, and PHX_REUSE=off must give the same exit code, output and report
(all but the keys beginning with host_, and without reuse the counts of reused launches); --any-output leaves the output out, for programs that print host times. functional mode must give the same bytes (results_digest) and exit code.
"""
import json
import os
import subprocess
import sys
import tempfile

SEEDS = 20


def strip_host(value, but=()):
    if isinstance(value, dict):
        return {k: strip_host(v, but) for k, v in value.items() if not k.startswith("host_") and k not in but}
    if isinstance(value, list):
        return [strip_host(v, but) for v in value]
    return value


def run(command, **settings):
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        environment = dict(os.environ, PHX_REPORT=report, **settings)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
        with open(report) as file:
            return done.returncode, done.stdout, strip_host(json.load(file))


def main():
    any_output = sys.argv[1] == "--any-output"
    command = sys.argv[1 + any_output:]
    expected = run(command, PHX_MODE="timed", PHX_THREADS="1")
    code, output, report = expected
    assert code == 0, f"{command} failed with {code}:\n{output}"
    assert report["kernels"] and all(k["cycles"] > 0 for k in report["kernels"]), "the report names no kernel cycles"
    assert report["results_digest"] != "0" * 16, "the program read nothing back, so nothing is compared"
    variants = [("1 thread again", {"PHX_THREADS": "1"}), ("2 threads", {"PHX_THREADS": "2"}), ("2 threads again", {"PHX_THREADS": "2"}),
                ("4 threads", {"PHX_THREADS": "4"})]
    variants += [(f"shuffle {seed}", {"PHX_THREADS": "2", "PHX_SHUFFLE": str(seed)}) for seed in range(1, SEEDS + 1)]
    for name, settings in variants:
        got = run(command, PHX_MODE="timed", **settings)
        for what, a, b in zip(("exit code", "output", "report"), expected, got):
            if a != b and not (any_output and what == "output"):
                sys.exit(f"{name}: the {what} differs\n--- 1 thread\n{a}\n--- {name}\n{b}")
    code, output, report = run(command, PHX_MODE="timed", PHX_THREADS="1", PHX_REUSE="off")
    if code or (output != expected[1] and not any_output) or strip_host(report, ("reused",)) != strip_host(expected[2], ("reused",)):
        sys.exit(f"PHX_REUSE=off differs\n--- on\n{expected}\n--- off\n{code, output, report}")
    functional = run(command, PHX_MODE="functional", PHX_THREADS="2")
    for key in ("results_digest",):
        if functional[2][key] != report[key]:
            sys.exit(f"functional mode: {key} is {functional[2][key]}, timed mode has {report[key]}")
    assert functional[0] == 0, "functional mode failed"
    print(f"{len(variants) + 3} runs agree: results {report['results_digest']}, "
          f"cycles {[k['cycles'] for k in report['kernels']]}")


main()
