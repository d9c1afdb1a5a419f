# The installed package: find_package(Phalanx) gives Phalanx::phalanx (C API and HAL) and, with the compiler,
# phalanx_add_cuda_executable(). Relocatable: nothing in the prefix names the build tree.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Phalanx)

set_target_properties(phx_runtime PROPERTIES EXPORT_NAME phalanx)
set_target_properties(phx_cudart PROPERTIES EXPORT_NAME cudart)
target_include_directories(phx_runtime PUBLIC $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS phx_runtime phx_cudart EXPORT PhalanxTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT PhalanxTargets NAMESPACE Phalanx:: DESTINATION ${package_dir})
install(DIRECTORY hal/include/phalanx/hal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/phalanx)

configure_package_config_file(cmake/PhalanxConfig.cmake.in ${PROJECT_BINARY_DIR}/PhalanxConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/PhalanxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/PhalanxConfig.cmake ${PROJECT_BINARY_DIR}/PhalanxConfigVersion.cmake
        DESTINATION ${package_dir})

# phxcc as the CUDA compiler of CMake projects.
if(TARGET phxcc)
  configure_package_config_file(cmake/PhalanxCudaToolchain.cmake.in ${PROJECT_BINARY_DIR}/PhalanxCudaToolchain.cmake
    INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
  install(FILES ${PROJECT_BINARY_DIR}/PhalanxCudaToolchain.cmake cmake/PhalanxCudaCompiler.cmake DESTINATION ${package_dir})
  install(DIRECTORY cmake/cuda DESTINATION ${package_dir})
endif()
