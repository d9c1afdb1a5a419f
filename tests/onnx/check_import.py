#!/usr/bin/env python3
"""Imports ONNX's node tests with phx-onnx, runs them on the host through MLIR's own lowering, and compares the results.

usage: check_import.py PHX_ONNX [--data DIR] [--filter REGEX] [--verbose] [--at-least N]

Prints how many cases import and how many are right; every case whose results are wrong is listed, and makes the check fail.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnx.numpy_helper

DATA = pathlib.Path("/usr/share/libonnx-testdata/data/node")


def expected_array(path, declared):
    """The values of a tensor file; bfloat16 as its bits in uint16, which is also how ONNX's own runner compares it."""
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    if declared.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16:
        bits = numpy.frombuffer(tensor.raw_data, dtype="<u2") if tensor.raw_data else numpy.array(tensor.int32_data, "u2")
        return bits.reshape(tuple(tensor.dims))
    return onnx.numpy_helper.to_array(tensor)


def run_case(tool, case):
    """(status, reason): pass, fail, or unsupported."""
    model = onnx.ModelProto()
    model.ParseFromString((case / "model.onnx").read_bytes())
    constants = {i.name for i in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in constants]
    for data in sorted(case.glob("test_data_set_*")):
        command = [tool, str(case / "model.onnx"), "--run"]
        # An optional input that is left out has no file.
        for i, name in enumerate(names):
            file = data / f"input_{i}.pb"
            if file.exists():
                command += ["--input", f"{name}={file}"]
        with tempfile.TemporaryDirectory() as out:
            try:
                done = subprocess.run(command + ["--output-dir", out], capture_output=True, text=True, timeout=120)
            except subprocess.TimeoutExpired:
                return "fail", "timeout"
            message = done.stderr.strip()
            if done.returncode == 1 and message.count("\n") == 0 and message.startswith("phx-onnx: "):
                lowering = "lowered for the host" in message or "not valid" in message
                return ("fail" if lowering else "unsupported"), message.replace("phx-onnx: ", "").replace(str(case) + "/", "")
            if done.returncode != 0:
                return "fail", f"exit code {done.returncode}: {message[:300]}"
            for i in range(len(model.graph.output)):
                found = numpy.load(f"{out}/output_{i}.npy")
                wanted = expected_array(data / f"output_{i}.pb", model.graph.output[i])
                try:
                    if found.dtype != wanted.dtype:
                        return "fail", f"output {i}: type {found.dtype}, expected {wanted.dtype}"
                    numpy.testing.assert_array_equal(found.shape, wanted.shape)
                    numpy.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-7)
                except AssertionError as error:
                    return "fail", f"output {i}: " + " ".join(str(error).split())[:300]
    return "pass", ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--filter", default="")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--at-least", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    cases = [p.parent for p in sorted(arguments.data.glob("*/model.onnx")) if re.search(arguments.filter, p.parent.name)]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(lambda case: run_case(arguments.tool, case), cases))
    count = collections.Counter(status for status, _ in results)
    for case, (status, reason) in zip(cases, results):
        if status == "fail" or (arguments.verbose and status == "unsupported"):
            print(f"{status}: {case.name}: {reason}")
    print(f"{len(cases)} cases: {count['pass'] + count['fail']} imported, {count['pass']} right, {count['fail']} wrong, "
          f"{count['unsupported']} unsupported")
    return 1 if count["fail"] or count["pass"] < arguments.at_least else 0


if __name__ == "__main__":
    sys.exit(main())
