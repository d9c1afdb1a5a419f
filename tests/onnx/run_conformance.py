#!/usr/bin/env python3
"""Runs ONNX's own test cases on the simulator: none may be wrong, and not many may be refused.

usage: run_conformance.py PHX [--data DIR] [--at-least N] [--mode MODE] [--json FILE]

Exits with 77 (skipped) where the cases are not installed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

DATA = pathlib.Path("/usr/share/libonnx-testdata/data")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("phx")
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--at-least", type=int, default=150, help="cases that must pass")
    parser.add_argument("--mode", default="functional")
    parser.add_argument("--json", help="keeps the verdicts there")
    arguments = parser.parse_args()
    if not (arguments.data / "node").is_dir():
        print(f"skipped: ONNX's test cases are not in {arguments.data}; Debian's package libonnx-testdata has them")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        verdicts = pathlib.Path(arguments.json or f"{folder}/verdicts.json")
        done = subprocess.run([arguments.phx, "conformance", "onnx", "--data", arguments.data, "--mode", arguments.mode,
                               "--json", verdicts])
        if not verdicts.exists():
            return 1
        cases = json.loads(verdicts.read_text())["cases"]
    status = {kind: [case for case in cases if case["status"] == kind] for kind in ("pass", "fail", "unsupported")}
    for case in status["unsupported"]:
        if not case["reason"] or "\n" in case["reason"]:
            print(f"{case['name']} is refused without a clear sentence: {case['reason']!r}")
            return 1
    if len(status["pass"]) < arguments.at_least:
        print(f"only {len(status['pass'])} cases pass, expected at least {arguments.at_least}")
        return 1
    return 1 if status["fail"] else done.returncode


if __name__ == "__main__":
    sys.exit(main())
