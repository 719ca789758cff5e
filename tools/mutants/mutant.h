#pragma once
// The switch between mutants. Copies of the sources, which mutate.py writes, ask it wherever they can be other than they
// are: heed_mutant(17) ? (x - y) : (x + y).
namespace heed::mutants {
extern int alive;               // the number of one mutant; 0: none; -1: none, and places that are passed are noted
extern unsigned char* reached;  // by number
}  // namespace heed::mutants

inline bool heed_mutant(int number) {
  if (heed::mutants::alive < 0) heed::mutants::reached[number] = 1;
  return heed::mutants::alive == number;
}
