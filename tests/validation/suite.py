"""Runs every case of the suite twice, with one and with two host threads, and shows the table. Times are not asserted.

usage: suite.py PHX CASE_FILE...

Fails if a case does not compile or run, or if anything but the host's times differs between the two runs.
"""
import json
import pathlib
import subprocess
import sys
import tempfile


def run(phx, files, more, out):
    command = [phx, "validate", *[a for f in files for a in ("--cases", f)], "--json", str(out), *more]
    return subprocess.run(command, capture_output=True, text=True)


def main():
    phx, files = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        one, two, plot = (pathlib.Path(folder) / name for name in ("one.json", "two.json", "plot.svg"))
        first = run(phx, files, ["-j", "1", "--threads", "1"], one)
        second = run(phx, files, ["-j", "2", "--threads", "2", "--plot", str(plot)], two)
        print(first.stdout, first.stderr, sep="")
        assert first.returncode == 0 and second.returncode == 0, "a case failed"
        assert one.read_text() == two.read_text(), "results depend on host threads"
        assert plot.read_text().startswith("<svg")
        ran = [c for c in json.loads(one.read_text())["cases"] if "excluded" not in c]
        assert ran and all("seconds" in c for c in ran), "a case without a time"
        print(f"{len(ran)} cases, the same on one and two host threads")


main()
