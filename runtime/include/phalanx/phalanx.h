/* The C API of Phalanx: a machine of virtual accelerators, its memory, streams and kernels.
 *
 * Everything hangs off a phxRuntime; a process may open several, on different machines. Handles belong to the runtime
 * they came from and may be used from any host thread. Every function that can fail returns a phxResult and leaves a
 * sentence about the failure in phxLastMessage() of the calling thread.
 *
 * Time is simulated. Each host thread has a logical clock that only calls into this API advance; work starts at the
 * time of the call that issued it or when what it waits for is done, and is simulated when somebody needs to know.
 * A program therefore runs the same every time, also when it polls.
 *
 * phxResult uses the numbers of the CUDA runtime, which the CUDA names are a thin layer over.
 */
#ifndef PHALANX_PHALANX_H
#define PHALANX_PHALANX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum phxResult {
  phxSuccess = 0,
  phxErrorInvalidValue = 1,
  phxErrorMemoryAllocation = 2,
  phxErrorInitialization = 3, /* no machine could be opened: phxLastMessage() says why */
  phxErrorUnloading = 4,
  phxErrorInvalidConfiguration = 9, /* grid or block beyond the device's limits */
  phxErrorInvalidPitch = 12,
  phxErrorInvalidSymbol = 13,
  phxErrorInvalidHostPointer = 16,
  phxErrorInvalidDevicePointer = 17,
  phxErrorInvalidMemcpyDirection = 21,
  phxErrorInvalidDeviceFunction = 98,
  phxErrorNoDevice = 100,
  phxErrorInvalidDevice = 101,
  phxErrorInvalidKernelImage = 200,
  phxErrorNoKernelImageForDevice = 209,
  phxErrorUnsupportedLimit = 215,
  phxErrorInvalidResourceHandle = 400,
  phxErrorSymbolNotFound = 500,
  phxErrorNotReady = 600,       /* not a failure: a query whose work is not done */
  phxErrorIllegalAddress = 700, /* 700, 702, 710, 714-719: device faults; they stick to the device until reset */
  phxErrorLaunchOutOfResources = 701,
  phxErrorLaunchTimeout = 702,
  phxErrorPeerAccessAlreadyEnabled = 704,
  phxErrorPeerAccessNotEnabled = 705,
  phxErrorAssert = 710,
  phxErrorHostMemoryAlreadyRegistered = 712,
  phxErrorHostMemoryNotRegistered = 713,
  phxErrorHardwareStack = 714,
  phxErrorIllegalInstruction = 715,
  phxErrorMisalignedAddress = 716,
  phxErrorLaunchFailure = 719,
  phxErrorCooperativeLaunchTooLarge = 720,
  phxErrorNotSupported = 801,
  phxErrorUnknown = 999
} phxResult;

typedef struct phxRuntime_st* phxRuntime;
typedef struct phxStream_st* phxStream;
typedef struct phxEvent_st* phxEvent;
typedef struct phxModule_st* phxModule;
typedef struct phxKernel_st* phxKernel;

/* What the last failing call of this thread had to say; never null. Valid until the thread's next call. */
const char* phxLastMessage(void);

/* --- Runtimes ------------------------------------------------------------------------------------------------ */

typedef struct phxOption {
  const char* key; /* as the environment variables, without PHX_ and in lower case: "machine", "devices", "visible" */
  const char* value;
} phxOption;

/* Options given here win over the environment. Unknown keys and values are phxErrorInitialization with a sentence. */
phxResult phxRuntimeOpen(const phxOption* options, size_t count, phxRuntime* runtime);
/* Finishes all work, writes the report and the trace if they were asked for, frees everything. */
phxResult phxRuntimeClose(phxRuntime runtime);

/* Devices the program sees: all of them (visible=flat), or one that stands for all (visible=supernode). */
phxResult phxDeviceCount(phxRuntime runtime, int* count);
/* The keys are those of <phalanx/hal/property.def>. Text is cut to `size` bytes with its terminating zero. */
phxResult phxDeviceInteger(phxRuntime runtime, int device, const char* key, int64_t* value);
phxResult phxDeviceReal(phxRuntime runtime, int device, const char* key, double* value);
phxResult phxDeviceText(phxRuntime runtime, int device, const char* key, char* text, size_t size);

/* Waits for all work of the device. Returns the device's fault if it has one. */
phxResult phxDeviceSynchronize(phxRuntime runtime, int device);
/* Frees everything on the device and clears its fault. Handles of its streams and events become invalid. */
phxResult phxDeviceReset(phxRuntime runtime, int device);

/* The calling thread's logical clock, in simulated seconds. */
phxResult phxHostSeconds(phxRuntime runtime, double* seconds);
/* Waits for all work and returns the report of docs/report.md as JSON text. `needed` counts the terminating zero; with
 * too small a `size` nothing is written. */
phxResult phxReport(phxRuntime runtime, char* text, size_t size, size_t* needed);
/* Stops the running kernel soon; may be called from a signal handler. */
void phxCancel(phxRuntime runtime);

/* --- Memory -------------------------------------------------------------------------------------------------- */

/* Device memory. On a supernode its pages are interleaved over the members. */
phxResult phxMalloc(phxRuntime runtime, int device, uint64_t size, void** pointer);
/* Host memory the devices may access at the same address. */
phxResult phxMallocHost(phxRuntime runtime, uint64_t size, void** pointer);
phxResult phxHostRegister(phxRuntime runtime, void* memory, uint64_t size);
phxResult phxHostUnregister(phxRuntime runtime, void* memory);
/* Frees what phxMalloc and phxMallocHost made, after all work of the device is done. */
phxResult phxFree(phxRuntime runtime, void* pointer);

/* Any mix of host and device ends. With a null stream the call returns when the copy is done; with a stream it
 * returns at once unless an end is host memory that is not registered. */
phxResult phxMemcpy(phxRuntime runtime, int device, void* to, const void* from, uint64_t size, phxStream stream);
phxResult phxMemset(phxRuntime runtime, int device, void* pointer, int value, uint64_t size, phxStream stream);

/* --- Streams and events -------------------------------------------------------------------------------------- */

phxResult phxStreamCreate(phxRuntime runtime, int device, phxStream* stream);
phxResult phxStreamDestroy(phxStream stream);
phxResult phxStreamSynchronize(phxStream stream);
phxResult phxStreamQuery(phxStream stream); /* phxSuccess or phxErrorNotReady */
phxResult phxStreamWaitEvent(phxStream stream, phxEvent event);

phxResult phxEventCreate(phxRuntime runtime, int device, phxEvent* event);
phxResult phxEventDestroy(phxEvent event);
phxResult phxEventRecord(phxEvent event, phxStream stream);
phxResult phxEventSynchronize(phxEvent event);
phxResult phxEventQuery(phxEvent event);
/* Simulated seconds from start to stop, both recorded and done. */
phxResult phxEventElapsed(phxEvent start, phxEvent stop, double* seconds);

/* --- Kernels ------------------------------------------------------------------------------------------------- */

/* An executable or a bundle of them, as phxcc and `phx as` write. The bytes are copied. */
phxResult phxModuleLoad(phxRuntime runtime, int device, const void* bytes, size_t size, phxModule* module);
phxResult phxModuleUnload(phxModule module);
phxResult phxModuleKernel(phxModule module, const char* name, phxKernel* kernel);
phxResult phxModuleSymbol(phxModule module, const char* name, void** pointer, uint64_t* size);

typedef struct phxExtent {
  uint32_t x, y, z;
} phxExtent;

/* `arguments` is the argument block as the kernel lays it out, `size` its bytes. On a supernode the grid is split over
 * the members. A null stream is the device's default stream. */
phxResult phxLaunch(phxKernel kernel, phxExtent grid, phxExtent block, uint64_t dynamic_shared, const void* arguments,
                    size_t size, phxStream stream);
/* Blocks of this shape that share one core. */
phxResult phxKernelOccupancy(phxKernel kernel, uint32_t block_threads, uint64_t dynamic_shared, uint32_t* blocks);

#ifdef __cplusplus
}
#endif

#endif /* PHALANX_PHALANX_H */
