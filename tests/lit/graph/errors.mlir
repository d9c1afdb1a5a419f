// RUN: phx-opt --phx-form-groups --split-input-file --verify-diagnostics %s

// expected-error @+1 {{the module has no function @main of one block}}
module {
}

// -----

// expected-error @+1 {{type tensor<?xf32> is no tensor of static shape}}
module {
  func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
    return %x : tensor<?xf32>
  }
}

// -----

// expected-error @+1 {{operation 'tensor.gather' is not in the vocabulary of the tensor compiler}}
module {
  func.func @main(%x: tensor<4x5xf32>, %i: tensor<3x1xi32>) -> tensor<3x1x5xf32> {
    %g = tensor.gather %x[%i] gather_dims([0]) : (tensor<4x5xf32>, tensor<3x1xi32>) -> tensor<3x1x5xf32>
    return %g : tensor<3x1x5xf32>
  }
}

// -----

// expected-error @+1 {{'arith.muli' computes with 64-bit elements, which the vector units do not have}}
module {
  func.func @main(%x: tensor<4xi64>) -> tensor<4xi64> {
    %empty = tensor.empty() : tensor<4xi64>
    %s = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a)>], iterator_types = ["parallel"]} ins(%x : tensor<4xi64>) outs(%empty : tensor<4xi64>) {
    ^bb0(%p: i64, %o: i64):
      %v = arith.muli %p, %p : i64
      linalg.yield %v : i64
    } -> tensor<4xi64>
    return %s : tensor<4xi64>
  }
}

// -----

// expected-error @+1 {{only products of matrices of one type read 8-bit floats}}
module {
  func.func @main(%x: tensor<4xf8E5M2>) -> tensor<4xf32> {
    %empty = tensor.empty() : tensor<4xf32>
    %s = linalg.generic {indexing_maps = [affine_map<(a) -> (a)>, affine_map<(a) -> (a)>], iterator_types = ["parallel"]} ins(%x : tensor<4xf8E5M2>) outs(%empty : tensor<4xf32>) {
    ^bb0(%p: f8E5M2, %o: f32):
      %v = arith.extf %p : f8E5M2 to f32
      linalg.yield %v : f32
    } -> tensor<4xf32>
    return %s : tensor<4xf32>
  }
}
