# cmake -DOUTPUT=x.cpp -DINPUT=viewer.html -P embed_viewer.cmake: the page as a C++ string literal, so that the tools
# need no file beside them.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT}
     "#include \"runtime/src/profile/profile_html.h\"\n\nnamespace phx::rt {\n\nconst char* const kViewerPage = R\"__phx__(${text})__phx__\";\n\n}  // namespace phx::rt\n")
