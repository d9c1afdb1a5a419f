#pragma once
bool scale(const float* in, float* out, int n);  // out := FACTOR * in, on the device
