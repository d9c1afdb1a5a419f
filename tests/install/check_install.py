"""Installs the build into a prefix, moves the prefix, and builds and runs two projects that use it: one that asks for
Phalanx, and a CUDA project that does not, with the toolchain file."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    cmake, build, project, cuda_project, source_root = sys.argv[1:6]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(cmake, "--install", build, "--prefix", folder / "first")
        shutil.move(folder / "first", folder / "moved")
        for file in (folder / "moved/lib").rglob("*.cmake"):
            assert source_root not in file.read_text(), f"{file.name} names the source tree"
        run(cmake, "-G", "Ninja", "-S", project, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={folder / 'moved'}",
            "-DCMAKE_CXX_COMPILER=clang++-22", "-DCMAKE_C_COMPILER=clang-22")
        run(cmake, "--build", folder / "build")
        environment = dict(os.environ, PHX_DEVICES="2")
        outputs = [run(folder / "build" / name, env=environment).strip() for name in ("devices", "groups", "square")]
        run(cmake, "-G", "Ninja", "-S", cuda_project, "-B", folder / "cuda", "-DCMAKE_BUILD_TYPE=Release",
            "-DCMAKE_CXX_COMPILER=clang++-22",
            f"-DCMAKE_TOOLCHAIN_FILE={folder / 'moved/lib/cmake/Phalanx/PhalanxCudaToolchain.cmake'}")
        run(cmake, "--build", folder / "cuda")
        outputs += [run(folder / "cuda" / name, env=environment).strip() for name in ("alone", "mixed", "shared")]
        print("\n".join(outputs))
        assert outputs[2:] == ["square PASSED", "square PASSED", "scale PASSED", "scale PASSED"]


main()
