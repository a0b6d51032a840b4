# Writes a .cc with a text file as a function's return value.
# cmake -DINPUT=file -DOUTPUT=x.cc -DHEADER=path -DFUNCTION=name -P embed.cmake
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(code "// Generated from ${INPUT}.\n#include \"${HEADER}\"\n\nnamespace vtq {\n\nstd::string_view ${FUNCTION}() {\n  static constexpr char text[] =\n")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 4000 chunk)
  string(APPEND code "R\"embedded(${chunk})embedded\"\n")
  math(EXPR at "${at} + 4000")
endwhile()
file(WRITE ${OUTPUT} "${code}      ;\n  return {text, sizeof text - 1};\n}\n\n}  // namespace vtq\n")
