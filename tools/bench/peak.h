#pragma once

namespace heed::bench {

double fma_peak();    // floating-point operations per second of all threads, measured at the first call
double triad_peak();  // bytes per second of a = b + s c from and to memory, likewise (McCalpin 1995)

}  // namespace heed::bench
