"""Prints a report written by PHX_REPORT: the kernels' simulated seconds, or with --kernels a table of them."""
import json
import sys


def main():
    with open(sys.argv[1]) as file:
        report = json.load(file)
    kernels = report["kernels"]
    if "--kernels" not in sys.argv:
        print(sum(k["seconds"] for k in kernels))
        return
    spread = f", memory {report['placement']}" if report["visible"] == "supernode" else ""
    print(f"{report['machine']}: devices {report['devices']}, packages {report['packages']}{spread}, mode {report['mode']}, "
          f"weakest number behind the times: {report['weakest_source']}")
    print(f"{'kernel':32} {'launches':>8} {'cycles':>12} {'us':>10}  source")
    for k in kernels:
        print(f"{k['name'][:32]:32} {k['launches']:8} {k['cycles']:12} {k['seconds'] * 1e6:10.2f}  {k['source']}")
    print(f"simulated {report['simulated_seconds'] * 1e6:.1f} us in all, host {report['host_seconds']:.2f} s")


main()
