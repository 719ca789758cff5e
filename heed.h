#pragma once
// core, ops, nn and optim in one.
#include "core/grad.h"
#include "ops/ops.h"
