#include "native.h"

#include <cmath>

void native_saxpy(float a, const float* x, float* y, int n) {
  for (int i = 0; i < n; ++i) y[i] = a * x[i] + y[i];
}

void native_matmul(const float* a, const float* b, float* c, int n) {
  for (int row = 0; row < n; ++row)
    for (int col = 0; col < n; ++col) {
      float sum = 0;
      for (int i = 0; i < n; ++i) sum += a[row * n + i] * b[i * n + col];
      c[row * n + col] = sum;
    }
}

float native_reduce(const float* x, int n) {
  float sum = 0;
  for (int i = 0; i < n; ++i) sum += x[i];
  return sum;
}

void native_nbody(const float* bodies, float* forces, int n) {
  for (int i = 0; i < n; ++i) {
    const float* me = bodies + 4 * i;
    float fx = 0, fy = 0, fz = 0;
    for (int j = 0; j < n; ++j) {
      const float* other = bodies + 4 * j;
      const float dx = other[0] - me[0], dy = other[1] - me[1], dz = other[2] - me[2];
      const float inverse = 1.0f / std::sqrt(dx * dx + dy * dy + dz * dz + 1e-4f);
      const float strength = other[3] * inverse * inverse * inverse;
      fx += dx * strength;
      fy += dy * strength;
      fz += dz * strength;
    }
    forces[3 * i] = fx;
    forces[3 * i + 1] = fy;
    forces[3 * i + 2] = fz;
  }
}
