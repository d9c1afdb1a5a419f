"""Handwritten digits on a simulated Ascend: four trained networks, 450 images that training never saw.

    PYTHONPATH=build/dev/python /usr/bin/python3 samples/08_digits/run.py [--machine ascend-910b1] [--report r.json]

Every answer has to be the one that NumPy computes from the same weights, and 97 % of them right; else the exit status
is 1. Prints accuracy, simulated time, and where the time went: kernels, and how long their pipes were busy.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import phalanx

import digits
import numpy_network

HERE = pathlib.Path(__file__).parent
NETWORKS = ("mlp_f32", "mlp_f16", "cnn_f32", "cnn_f16")
ENOUGH = 0.97


def kernel_table(report):
    """Per kernel: simulated time, and the busy time of each pipe on the core where it was busy longest."""
    microseconds = 1e6 / report["clock_hz"]
    for kernel in report["kernels"]:
        busy = {pipe: cycles * microseconds for pipe, cycles in kernel["busy_most"].items() if cycles}
        print(f"    {kernel['name'][:36]:36} {kernel['launches']:3} x {kernel['seconds'] * 1e6:8.2f} us   busy: "
              + " ".join(f"{pipe} {time:.2f}" for pipe, time in busy.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--machine", default="ascend-910b1", help="name or .toml file")
    parser.add_argument("--report", help="writes the reports of the four networks there, as JSON")
    parser.add_argument("--check", help="extra checks of device code, as in synccheck")
    options = parser.parse_args()
    _, _, images, labels = digits.load()
    machine = phalanx.Machine(options.machine)
    print(machine)
    reports, failed = {}, []
    for name in NETWORKS:
        program = phalanx.compile(HERE / f"{name}.onnx", machine)
        image = program.inputs[0]
        batch = images.reshape(image.shape).astype(image.dtype)
        with phalanx.open(machine, check=options.check) as device:
            result = device.run(program, image=batch)
            reports[name] = device.report()
        answers = result.scores.argmax(1)
        expected = numpy_network.scores(HERE / f"{name}.onnx", batch)
        same, right = (answers == expected.argmax(1)).sum(), (answers == labels).sum()
        error = np.abs(result.scores.astype(np.float32) - expected.astype(np.float32)).max()
        print(f"\n{name}: {right} of {len(labels)} right ({100 * right / len(labels):.2f} %), {same} answers as NumPy's, "
              f"scores within {error:.1e}")
        print(f"  simulated {result.seconds * 1e6:.2f} us, of it {result.kernel_seconds * 1e6:.2f} us in kernels "
              f"({result.cycles} cycles); simulating took {result.host_seconds:.2f} s")
        kernel_table(reports[name])
        if same < len(labels) or right < ENOUGH * len(labels):
            failed.append(name)
    if options.report:
        pathlib.Path(options.report).write_text(json.dumps(reports, indent=1))
    print(f"\ndigits {'FAILED: ' + ', '.join(failed) if failed else 'PASSED'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
