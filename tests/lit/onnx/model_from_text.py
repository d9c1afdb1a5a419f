"""Writes a model from text: model_from_text.py SCHEMA_FOLDER TEXT MODEL. Lines that begin with # are comments."""
import pathlib
import subprocess
import sys

schema, text, model = sys.argv[1:]
if text.endswith(".textproto"):
    encoded = subprocess.run(["protoc", "--encode=phx.onnx_schema.ModelProto", "-I", schema, "onnx.proto"],
                             stdin=open(text), capture_output=True)
    sys.stderr.write(encoded.stderr.decode())
    encoded.check_returncode()
    pathlib.Path(model).write_bytes(encoded.stdout)
else:
    import onnx.parser
    lines = [line for line in pathlib.Path(text).read_text().splitlines() if not line.startswith("#")]
    pathlib.Path(model).write_bytes(onnx.parser.parse_model("\n".join(lines)).SerializeToString())
