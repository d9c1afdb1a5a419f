"""Small programs for the tests, as MLIR text."""
import pathlib

SAMPLES = pathlib.Path(__file__).resolve().parents[2] / "samples"
MACHINE = "ascend-910b1"


def double(elements, type="f32"):
    """y = x + x."""
    t = f"tensor<{elements}x{type}>"
    return f"""func.func @main(%x: {t} {{phx.name = "x"}}) -> ({t} {{phx.name = "y"}}) {{
  %e = tensor.empty() : {t}
  %y = linalg.add ins(%x, %x : {t}, {t}) outs(%e : {t}) -> {t}
  return %y : {t}
}}
"""


def transpose(rows, cols, type, phx_type=None):
    """y = x transposed, of any type; phx_type where MLIR's type does not say it ("u8")."""
    also = f', phx.type = "{phx_type}"' if phx_type else ""
    a, b = f"tensor<{rows}x{cols}x{type}>", f"tensor<{cols}x{rows}x{type}>"
    return f"""func.func @main(%x: {a} {{phx.name = "x"{also}}}) -> ({b} {{phx.name = "y"{also}}}) {{
  %e = tensor.empty() : {b}
  %y = linalg.transpose ins(%x : {a}) outs(%e : {b}) permutation = [1, 0]
  return %y : {b}
}}
"""


def product(m, k, n, type="f16"):
    """c = a b with f32 sums."""
    a, b, c = f"tensor<{m}x{k}x{type}>", f"tensor<{k}x{n}x{type}>", f"tensor<{m}x{n}xf32>"
    return f"""func.func @main(%a: {a} {{phx.name = "a"}}, %b: {b} {{phx.name = "b"}}) -> ({c} {{phx.name = "c"}}) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {c}
  %z = linalg.fill ins(%zero : f32) outs(%e : {c}) -> {c}
  %c = linalg.matmul ins(%a, %b : {a}, {b}) outs(%z : {c}) -> {c}
  return %c : {c}
}}
"""
