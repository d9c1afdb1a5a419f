# find_package(CUDAToolkit) where PhalanxCudaToolchain.cmake is in use: the parts of the toolkit that Phalanx stands in
# for. A project that names another part (CUDA::cublas, …) is told by CMake that there is no such target.
set(CUDAToolkit_VERSION ${CMAKE_CUDA_COMPILER_TOOLKIT_VERSION})
string(REPLACE "." ";" _version ${CUDAToolkit_VERSION})
list(GET _version 0 CUDAToolkit_VERSION_MAJOR)
list(GET _version 1 CUDAToolkit_VERSION_MINOR)
set(CUDAToolkit_INCLUDE_DIRS ${CMAKE_CUDA_TOOLKIT_INCLUDE_DIRECTORIES})
set(CUDAToolkit_NVCC_EXECUTABLE ${CMAKE_CUDA_COMPILER})
get_filename_component(CUDAToolkit_BIN_DIR ${CMAKE_CUDA_COMPILER} DIRECTORY)
get_filename_component(CUDAToolkit_LIBRARY_DIR ${PHALANX_CUDART} DIRECTORY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDAToolkit REQUIRED_VARS CUDAToolkit_INCLUDE_DIRS PHALANX_CUDART
                                  VERSION_VAR CUDAToolkit_VERSION)
if(CUDAToolkit_FOUND AND NOT TARGET CUDA::cudart)
  add_library(CUDA::toolkit INTERFACE IMPORTED)
  target_include_directories(CUDA::toolkit SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
  foreach(name cudart cudart_static)
    add_library(CUDA::${name} INTERFACE IMPORTED)
    target_link_libraries(CUDA::${name} INTERFACE CUDA::toolkit ${PHALANX_CUDART})
  endforeach()
endif()
unset(_version)
