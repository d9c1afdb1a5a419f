/* phalanx.h is a C header. */
#include <phalanx/phalanx.h>

phxResult phx_test_null_count(int* count) { return phxDeviceCount(0, count); }
