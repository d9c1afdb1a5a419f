# cmake -DOUTPUT=x.cpp "-DINPUTS=a.toml;b.toml" -P embed.cmake: the files as C++ string literals, so that a binary
# works wherever it is moved.
set(rows "")
set(count 0)
foreach(input ${INPUTS})
  get_filename_component(name ${input} NAME_WLE)
  file(READ ${input} text)
  string(APPEND rows "    {\"${name}\", R\"__phx__(${text})__phx__\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUTPUT}
     "#include \"device_sim/machine/catalog.h\"\n\nnamespace phx::machine {\n\nconst Embedded kEmbedded[] = {\n${rows}};\nconst unsigned kEmbeddedCount = ${count};\n\n}  // namespace phx::machine\n")
