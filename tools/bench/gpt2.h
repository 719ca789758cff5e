#pragma once
#include <heed/models/gpt/gpt.h>

namespace heed::bench {

Gpt gpt2_124m();

}  // namespace heed::bench
