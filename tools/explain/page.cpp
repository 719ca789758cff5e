#include "page.h"

namespace heed::explain {

std::string page(const std::string& json) {
  return "<!doctype html><script type=\"application/json\">" + json + "</script>\n";
}

}  // namespace heed::explain
