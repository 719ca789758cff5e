#pragma once
// What is checked on every row of the table of ops.
#include <heed/core/function_ref.h>
#include <span>
#include "op_table.h"

namespace heed {

using Wrong = FunctionRef<void(const std::string& what)>;  // called for everything that is not right

struct OpCheck {
  const char* claim;
  void (*run)(const OpRow&, Wrong);
};
std::span<const OpCheck> op_checks();

}  // namespace heed
