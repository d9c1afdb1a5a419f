"""A small fit end to end: the file that `phx calibrate` writes is a machine, and fits no worse than the start.

usage: calibrate.py PHX CASE_FILE
"""
import json
import pathlib
import subprocess
import sys
import tempfile

KEYS = "dma.request,dma.rate"
CASES = ["--filter", "4096-large-tile", "--filter", "8192-basic-1"]


def main():
    phx, file = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        fitted = pathlib.Path(folder) / "ascend-910b1.fit.toml"

        def run(*arguments):
            done = subprocess.run([phx, *arguments], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        fit = ["calibrate", "--machine", "ascend-910b1", "--cases", file, *CASES, "--parameters", KEYS, "--rounds", "2", "-j", "2"]
        table = run(*fit, "--output", str(fitted))
        print(table)
        once = fitted.read_text()
        run(*fit, "--output", str(fitted))
        assert fitted.read_text() == once, "two fits differ"
        shown = json.loads(run("machine", "show", str(fitted), "--json"))
        assert "fit" in shown["name"]

        def error(*more):
            out = pathlib.Path(folder) / "out.json"
            run("validate", "--cases", file, *CASES, "--json", str(out), *more)
            return json.loads(out.read_text())["all"]["mean_error"]

        before, after = error(), error("--machine-file", f"ascend-910b1={fitted}")
        print(f"mean error {100 * before:.2f} % before, {100 * after:.2f} % after")
        assert after <= before


main()
