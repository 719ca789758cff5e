# The files of the explainer's page become strings of the program: tools/explain/bundled.h
file(GLOB files CONFIGURE_DEPENDS tools/explain/*.html tools/explain/*.css tools/explain/*.js tools/explain/views/*.js)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
set(strings "")
foreach(file ${files})
  file(READ ${file} text)
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/tools/explain ${file})
  string(APPEND strings "{\"${name}\", R\"heed(${text})heed\"},\n")
endforeach()
list(LENGTH files count)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/bundled.cpp @ONLY CONTENT
"#include <heed/tools/explain/bundled.h>
namespace heed::explain {
const std::pair<const std::string, std::string> bundled[]{
@strings@};
const std::size_t bundled_count = @count@;
}  // namespace heed::explain
")
target_sources(explain PRIVATE ${PROJECT_BINARY_DIR}/bundled.cpp)
