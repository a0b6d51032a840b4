# Writes a .cc with the commit that is built, if it is another than the one in the file.
# cmake -DSOURCE=dir -DOUTPUT=x.cc -P commit.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --exclude * --abbrev=12 --dirty=+ OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed OR commit STREQUAL "")
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "// Generated.\n#include \"daemon/app/service.h\"\n\nnamespace vtq {\n\nstd::string_view commit() { return \"@commit@\"; }\n\n}  // namespace vtq\n" @ONLY)
