/* Opens the machine twice, flat and as a supernode, and counts devices through the C API. */
#include <phalanx/phalanx.h>
#include <stdio.h>

static int count(const char* visible) {
  const phxOption options[] = {{"machine", "ascend-910b1"}, {"devices", "4"}, {"visible", visible}};
  phxRuntime runtime;
  int devices = -1;
  if (phxRuntimeOpen(options, 3, &runtime) != phxSuccess) {
    fprintf(stderr, "%s\n", phxLastMessage());
    return -1;
  }
  if (phxDeviceCount(runtime, &devices) != phxSuccess) devices = -1;
  phxRuntimeClose(runtime);
  return devices;
}

int main(void) {
  const int flat = count("flat"), supernode = count("supernode");
  printf("flat %d, supernode %d\n", flat, supernode);
  return flat == 4 && supernode == 1 ? 0 : 1;
}
