#include "op_rows.h"

namespace heed {

std::vector<OpRow> product_rows() {
  return {
      {.name = "matmul",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 3}, {3, 4}},
       .remembers = "0 1",
       .also = {{{0, 3}, {3, 2}}, {{2, 0}, {0, 3}}, {{2, 3}, {3, 0}}, {{1, 1}, {1, 1}}},
       .large = {{150, 170}, {170, 190}}},
      {.name = "matmul",
       .form = "long sums",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 3}, {3, 4}},
       .remembers = "0 1",
       .large = {{120, 2048}, {2048, 150}}},
      {.name = "matmul",
       .form = "batches",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 1, 3, 2}, {3, 2, 2}},
       .remembers = "0 1",
       .also = {{{2, 3, 2}, {2, 2, 4}}, {{0, 3, 2}, {0, 2, 4}}},
       .large = {{4, 1, 60, 70}, {3, 70, 80}}},
      {.name = "matmul",
       .form = "a batch and a matrix",
       .f = [](X x) { return matmul(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {4, 2}}},
       .large = {{4, 60, 70}, {70, 80}}},
      {.name = "matmul",
       .form = "vectors",
       .f =
           [](X x) {
             return std::array{matmul(x[0], x[1]), matmul(x[1], x[0])};
           },
       .inputs = {{4}, {4}},
       .remembers = "0 1",
       .also = {{{0}, {0}}},
       .shortest = 0},
      {.name = "matmul",
       .form = "a matrix and a vector",
       .f =
           [](X x) {
             return std::array{matmul(x[0], x[1]), matmul(x[1], transpose(x[0]))};
           },
       .inputs = {{3, 4}, {4}},
       .remembers = "0 1",
       .large = {{400, 1500}, {1500}},
       .shortest = 0},
      {.name = "matmul",
       .form = "a matrix of every other value, and a vector",
       .f = [](X x) { return matmul(x[0](_, _, 0), x[1]); },
       .inputs = {{3, 4, 2}, {4}},
       .remembers = "0 1",
       .large = {{1500, 300, 2}, {300}}},
      {.name = "bmm",
       .f = [](X x) { return bmm(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {2, 4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {0, 4, 2}}},
       .large = {{4, 60, 70}, {4, 70, 80}}},
      {.name = "outer",
       .f = [](X x) { return outer(x[0], x[1]); },
       .inputs = {{3}, {4}},
       .remembers = "0 1",
       .also = {{{0}, {2}}},
       .large = {{300}, {333}},
       .shortest = 0},
      {.name = "einsum",
       .f =
           [](X x) {
             return einsum("bij,bjk->bik", {x[0], x[1]});
           },
       .inputs = {{2, 3, 4}, {2, 4, 2}},
       .remembers = "0 1",
       .also = {{{0, 3, 4}, {0, 4, 2}}, {{2, 3, 0}, {2, 0, 2}}, {{1, 3, 4}, {2, 1, 2}}},
       .large = {{4, 60, 70}, {4, 70, 80}}},
      {.name = "einsum",
       .form = "no result named",
       .f =
           [](X x) {
             return einsum("b h t d, b s h d", {x[0], x[1]});
           },
       .inputs = {{2, 1, 3, 2}, {2, 4, 1, 2}},
       .remembers = "+"},
      {.name = "einsum",
       .form = "dots",
       .f =
           [](X x) {
             return einsum("...ij,...kj->...ki", {x[0], x[1]});
           },
       .inputs = {{2, 3, 4}, {2, 4}},
       .remembers = "0 1",
       .also = {{{2, 1, 3, 2}, {3, 4, 2}}, {{3, 2}, {1, 2}}}},
      {.name = "einsum",
       .form = "dots, no result named",
       .f =
           [](X x) {
             return einsum("...i,...i", {x[0], x[1]});
           },
       .inputs = {{2, 3}, {3}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "dots summed",
       .f = [](X x) { return einsum("...i->i", {x[0]}); },
       .inputs = {{2, 3, 2}}},
      {.name = "einsum",
       .form = "a chain",
       .f =
           [](X x) {
             return einsum("ij,jk,kl->il", {x[0], x[1], x[2]});
           },
       .inputs = {{2, 3}, {3, 4}, {4, 2}},
       .remembers = "0 1 2 +"},
      {.name = "einsum", .form = "a trace", .f = [](X x) { return einsum("ii", {x[0]}); }, .inputs = {{3, 3}}},
      {.name = "einsum",
       .form = "a diagonal",
       .f = [](X x) { return einsum("iji->ij", {x[0]}); },
       .inputs = {{3, 2, 3}}},
      {.name = "einsum",
       .form = "a diagonal in a product",
       .f =
           [](X x) {
             return einsum("iij,ik->kj", {x[0], x[1]});
           },
       .inputs = {{3, 3, 2}, {3, 2}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "elementwise",
       .f =
           [](X x) {
             return einsum("ij,ij->ij", {x[0], x[1]});
           },
       .inputs = {{3, 2}, {3, 2}},
       .remembers = "0 1"},
      {.name = "einsum",
       .form = "a sum, then an outer product",
       .f =
           [](X x) {
             return einsum("ij,k->jk", {x[0], x[1]});
           },
       .inputs = {{3, 2}, {4}},
       .remembers = "1 +"},
      {.name = "einsum",
       .form = "a number between",
       .f =
           [](X x) {
             return einsum("i,,j->ji", {x[0], x[1], x[2]});
           },
       .inputs = {{3}, {}, {2}},
       .remembers = "0 2 +"},
      {.name = "einsum",
       .form = "three",
       .f =
           [](X x) {
             return einsum("bqd,bkd,bkv->bqv", {x[0], x[1], x[2]});
           },
       .inputs = {{2, 3, 2}, {2, 4, 2}, {2, 4, 3}},
       .remembers = "0 1 2 +"},
      {.name = "linear",
       .f = [](X x) { return linear(x[0], x[1]); },
       .inputs = {{2, 3, 4}, {5, 4}},
       .remembers = "0 1",
       .also = {{{4}, {2, 4}}, {{0, 4}, {2, 4}}},
       .large = {{200, 170}, {129, 170}},
       .shortest = 0},
      {.name = "linear",
       .form = "with bias",
       .f = [](X x) { return linear(x[0], x[1], x[2]); },
       .inputs = {{2, 3, 4}, {5, 4}, {5}},
       .remembers = "0 1",
       .sets = "bias",
       .also = {{{4}, {2, 4}, {2}}, {{0, 4}, {2, 4}, {2}}, {{3, 4}, {1, 4}, {1}}},
       .large = {{200, 170}, {150, 170}, {150}}},
  };
}

}  // namespace heed
