#pragma once
// What training programs share.
#include "checkpoint.h"
#include "lr_finder.h"
#include "options.h"
#include "progress.h"
#include "run_folder.h"
