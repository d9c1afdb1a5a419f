// The loops of interpreter.cu as plain C++, compiled for the host with -O2.
#pragma once

void native_saxpy(float a, const float* x, float* y, int n);
void native_matmul(const float* a, const float* b, float* c, int n);
float native_reduce(const float* x, int n);
void native_nbody(const float* bodies, float* forces, int n);  // bodies: x y z mass, forces: x y z
