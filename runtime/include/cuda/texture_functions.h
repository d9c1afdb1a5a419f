// texture_functions.h: textures and surfaces are not supported. Their names exist so that a use says so, at the line of
// the use, in place of a list of unknown identifiers.
#pragma once

enum cudaTextureReadMode { cudaReadModeElementType = 0, cudaReadModeNormalizedFloat = 1 };

template <class T>
struct phx_no_texture {
  static constexpr bool supported = false;
};

template <class T, int Dimensions = 1, cudaTextureReadMode Mode = cudaReadModeElementType>
struct texture {
  static_assert(phx_no_texture<T>::supported,
                "texture references are not supported; CUDA itself removed them in release 12");
};

#define PHX_NO_TEXTURE(name)                                                                                      \
  template <class T, class... Arguments>                                                                          \
  static inline __device__ T name(cudaTextureObject_t, Arguments...) {                                            \
    static_assert(phx_no_texture<T>::supported, #name " is not supported: there are no textures on this device"); \
    return T();                                                                                                   \
  }
PHX_NO_TEXTURE(tex1Dfetch)
PHX_NO_TEXTURE(tex1D)
PHX_NO_TEXTURE(tex2D)
PHX_NO_TEXTURE(tex3D)
PHX_NO_TEXTURE(tex1DLayered)
PHX_NO_TEXTURE(tex2DLayered)
PHX_NO_TEXTURE(tex1DLod)
PHX_NO_TEXTURE(tex2DLod)
PHX_NO_TEXTURE(tex3DLod)
PHX_NO_TEXTURE(texCubemap)
PHX_NO_TEXTURE(texCubemapLayered)
PHX_NO_TEXTURE(tex2Dgather)
#undef PHX_NO_TEXTURE
