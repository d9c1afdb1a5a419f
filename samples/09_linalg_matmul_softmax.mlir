// softmax(a x b + bias) over the columns, as linalg on tensors: what the compiler takes from other front ends.
//
//   phx run samples/09_linalg_matmul_softmax.mlir --machine ascend-910b1 --random 1 --report report.json
#rows_cols = affine_map<(m, n) -> (m, n)>
#cols = affine_map<(m, n) -> (n)>
#rows = affine_map<(m, n) -> (m)>

func.func @main(%a: tensor<300x192xf16> {phx.name = "a"}, %b: tensor<192x500xf16> {phx.name = "b"},
                %bias: tensor<500xf32> {phx.name = "bias"}) -> (tensor<300x500xf32> {phx.name = "probabilities"}) {
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %full = tensor.empty() : tensor<300x500xf32>
  %column = tensor.empty() : tensor<300xf32>

  %acc = linalg.fill ins(%zero : f32) outs(%full : tensor<300x500xf32>) -> tensor<300x500xf32>
  %product = linalg.matmul ins(%a, %b : tensor<300x192xf16>, tensor<192x500xf16>)
                           outs(%acc : tensor<300x500xf32>) -> tensor<300x500xf32>
  %logits = linalg.generic {indexing_maps = [#rows_cols, #cols, #rows_cols], iterator_types = ["parallel", "parallel"]}
      ins(%product, %bias : tensor<300x500xf32>, tensor<500xf32>) outs(%full : tensor<300x500xf32>) {
    ^bb0(%x: f32, %y: f32, %out: f32):
      %sum = arith.addf %x, %y : f32
      linalg.yield %sum : f32
  } -> tensor<300x500xf32>

  %least = linalg.fill ins(%lowest : f32) outs(%column : tensor<300xf32>) -> tensor<300xf32>
  %max = linalg.generic {indexing_maps = [#rows_cols, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%logits : tensor<300x500xf32>) outs(%least : tensor<300xf32>) {
    ^bb0(%x: f32, %so_far: f32):
      %larger = arith.maximumf %so_far, %x : f32
      linalg.yield %larger : f32
  } -> tensor<300xf32>
  %exp = linalg.generic {indexing_maps = [#rows_cols, #rows, #rows_cols], iterator_types = ["parallel", "parallel"]}
      ins(%logits, %max : tensor<300x500xf32>, tensor<300xf32>) outs(%full : tensor<300x500xf32>) {
    ^bb0(%x: f32, %m: f32, %out: f32):
      %shifted = arith.subf %x, %m : f32
      %e = math.exp %shifted : f32
      linalg.yield %e : f32
  } -> tensor<300x500xf32>
  %none = linalg.fill ins(%zero : f32) outs(%column : tensor<300xf32>) -> tensor<300xf32>
  %sum = linalg.generic {indexing_maps = [#rows_cols, #rows], iterator_types = ["parallel", "reduction"]}
      ins(%exp : tensor<300x500xf32>) outs(%none : tensor<300xf32>) {
    ^bb0(%x: f32, %so_far: f32):
      %more = arith.addf %so_far, %x : f32
      linalg.yield %more : f32
  } -> tensor<300xf32>
  %probabilities = linalg.generic {indexing_maps = [#rows_cols, #rows, #rows_cols],
                                   iterator_types = ["parallel", "parallel"]}
      ins(%exp, %sum : tensor<300x500xf32>, tensor<300xf32>) outs(%full : tensor<300x500xf32>) {
    ^bb0(%e: f32, %s: f32, %out: f32):
      %p = arith.divf %e, %s : f32
      linalg.yield %p : f32
  } -> tensor<300x500xf32>
  return %probabilities : tensor<300x500xf32>
}
