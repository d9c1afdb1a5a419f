#!/usr/bin/env python3
"""phxcc from the outside: goals, intermediate files, several sources, and what a failure looks like.

Usage: phxcc_driver_test.py PHXCC [unittest options]
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PHXCC = None

KERNEL = """
#include "size.h"
__global__ void fill(int* out) { out[threadIdx.x] = SIZE * FACTOR; }
extern "C" int host_part(int);
int run() {
  int *device, first = 0;
  if (cudaMalloc(&device, 32 * sizeof(int)) != cudaSuccess) return 1;
  fill<<<1, 32>>>(device);
  if (cudaMemcpy(&first, device, sizeof(int), cudaMemcpyDeviceToHost) != cudaSuccess) return 2;
  cudaFree(device);
  return host_part(first);
}
"""
OTHER = """
__global__ void twice(int* p) { p[threadIdx.x] *= 2; }
int run();
int main() {
  int *device, value = 21;
  cudaMalloc(&device, sizeof(int));
  cudaMemcpy(device, &value, sizeof(int), cudaMemcpyHostToDevice);
  twice<<<1, 1>>>(device);
  cudaMemcpy(&value, device, sizeof(int), cudaMemcpyDeviceToHost);
  return value == 42 ? run() : 3;
}
"""
HOST = """
#include <cuda_runtime_api.h>
int host_part(int value) {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0 && value == 70 ? 0 : 4;
}
"""


class Driver(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.here = pathlib.Path(self.folder.name)
        (self.here / "tmp").mkdir()
        (self.here / "inc").mkdir()
        self.write("inc/size.h", "#define SIZE 7\n")
        self.write("kernel.cu", KERNEL)
        self.write("other.cu", OTHER)
        self.write("host.c", HOST)

    def tearDown(self):
        self.assertEqual(list((self.here / "tmp").iterdir()), [], "temporary files are left")
        self.folder.cleanup()

    def write(self, name, text):
        (self.here / name).write_text(text)

    def phxcc(self, *words, status=0):
        environment = dict(os.environ, TMPDIR=str(self.here / "tmp"))
        done = subprocess.run([PHXCC, *words], cwd=self.here, env=environment, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, status, f"{words}\n{done.stdout}{done.stderr}")
        return done

    def test_sources_of_three_languages_in_one_step(self):
        self.phxcc("-O1", "-Iinc", "-DFACTOR=10", "-j", "2", "kernel.cu", "other.cu", "host.c", "-o", "app")
        self.assertEqual(subprocess.run([self.here / "app"], timeout=60).returncode, 0)

    def test_objects_and_an_archive(self):
        self.phxcc("-c", "-I", "inc", "-D", "FACTOR=10", "kernel.cu", "other.cu", "host.c")
        self.phxcc("-lib", "-o", "libparts.a", "kernel.o", "host.o")
        self.phxcc("other.o", "-L.", "-lparts", "-lcudart", "-o", "app")
        self.assertEqual(subprocess.run([self.here / "app"], timeout=60).returncode, 0)

    def test_intermediate_files_are_kept_on_request(self):
        self.phxcc("--save-temps", "-keep-dir", "kept", "-Iinc", "-DFACTOR=1", "-c", "kernel.cu", "-o", "k.o")
        kept = {path.name for path in (self.here / "kept").iterdir()}
        self.assertEqual(kept, {"kernel.device.bc", "kernel.device.elf", "kernel.phxb"})
        self.assertEqual((self.here / "kept/kernel.device.elf").read_bytes()[:4], b"\x7fELF")
        self.assertEqual((self.here / "kept/kernel.phxb").read_bytes()[:6], b"PHXBND")

    def test_the_images_alone(self):
        self.phxcc("-fatbin", "-Iinc", "-DFACTOR=1", "kernel.cu")
        self.assertTrue((self.here / "kernel.phxb").exists())

    def test_preprocessing_and_dependencies(self):
        text = self.phxcc("-E", "-Iinc", "-DFACTOR=10", "kernel.cu").stdout
        self.assertIn("7 * 10", text)
        self.assertIn("inc/size.h", self.phxcc("-MM", "-Iinc", "-DFACTOR=10", "kernel.cu").stdout)
        self.phxcc("-c", "-MMD", "-MF", "k.d", "-Iinc", "-DFACTOR=10", "kernel.cu", "-o", "k.o")
        self.assertIn("inc/size.h", (self.here / "k.d").read_text())

    def test_a_dry_run_shows_the_steps_and_takes_none(self):
        shown = self.phxcc("-dryrun", "-Iinc", "kernel.cu", "other.cu", "-o", "app").stderr
        self.assertEqual(shown.count("--cuda-device-only"), 2)
        self.assertEqual(shown.count("--cuda-host-only"), 2)
        self.assertIn("-lphx_cudart", shown)
        self.assertFalse((self.here / "app").exists())

    def test_resource_usage(self):
        self.assertIn("registers", self.phxcc("-res-usage", "-Iinc", "-DFACTOR=1", "-c", "kernel.cu").stderr)

    def test_version_and_help(self):
        self.assertIn("release 12.8", self.phxcc("--version").stdout)
        self.assertIn("-maxrregcount", self.phxcc("--help").stdout)

    def test_a_syntax_error_names_the_source_and_the_step(self):
        self.write("bad.cu", "__global__ void f( {\n")
        errors = self.phxcc("-c", "bad.cu", status=1).stderr
        self.assertIn("bad.cu:1", errors)
        self.assertIn("phxcc: error: bad.cu: the device front end", errors)
        self.assertFalse((self.here / "bad.o").exists())

    def test_an_unknown_device_function_is_refused_with_its_line(self):
        self.write("bad.cu", "__device__ int elsewhere(int);\n\n__global__ void f(int* p) {\n  *p = elsewhere(*p);\n}\n")
        errors = self.phxcc("-c", "bad.cu", status=1).stderr
        self.assertIn("bad.cu:4", errors)
        self.assertIn("elsewhere", errors)

    def test_a_link_error_comes_from_the_linker(self):
        errors = self.phxcc("-Iinc", "-DFACTOR=1", "kernel.cu", "-o", "app", status=1).stderr
        self.assertIn("the linker", errors)

    def test_features_that_are_not_there_say_so(self):
        self.write("managed.cu", "__managed__ int m;\n__global__ void f() { m = 1; }\n")
        self.assertIn("cudaMallocManaged", self.phxcc("-c", "managed.cu", status=1).stderr)
        self.write("texture.cu", "__global__ void f(float* p, cudaTextureObject_t t) { *p = tex2D<float>(t, 1.0f, 2.0f); }\n")
        self.assertIn("no textures", self.phxcc("-c", "texture.cu", status=1).stderr)

    def test_missing_and_nameless_inputs(self):
        self.assertIn("no such file", self.phxcc("-c", "nowhere.cu", status=1).stderr)
        self.write("notes.txt", "")
        self.assertIn("-x", self.phxcc("-c", "notes.txt", status=1).stderr)


if __name__ == "__main__":
    PHXCC = os.path.abspath(sys.argv.pop(1))
    unittest.main()
