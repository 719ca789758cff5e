// 01  The chain rule, with numbers
//
// A network with one weight and a way around it, and its loss: how far its output r is from what was wanted, squared.
//
//   z = w x + b      y = tanh(z)      r = y + x      e = r - t      L = e^2
//
// dX always stands for dL/dX, how fast the loss changes with X. We begin at the end, where dL = 1, and go back step by
// step. A step knows only its own derivative and what came back to it:
//
//   from y = f(x):   dx = dy f'(x)           and where x is used twice, what comes back both ways is added.
#include <heed/tools/lessons/lesson.h>
using namespace heed;

struct Forward {
  Tensor x = input({}), w = input({}), b = input({}), t = input({});  // numbers: no dimensions

  Tensor z = w * x + b;
  Tensor y = tanh(z);
  Tensor r = y + x;
  Tensor e = r - t;
  Tensor L = e * e;
};

// L = e^2
Tensor de(const Tensor& e) { return todo(e); }

// e = r - t: once with a plus, once with a minus
Tensor dr(const Tensor& de) { return todo(de); }
Tensor dt(const Tensor& de) { return todo(de); }

// r = y + x, y = tanh(z)      tanh'(z) = 1 - tanh(z)^2, and tanh(z) is known: it is y
Tensor dz(const Tensor& y, const Tensor& dr) { return todo(y, dr); }

// z = w x + b
Tensor dw(const Tensor& x, const Tensor& dz) { return todo(x, dz); }
Tensor db(const Tensor& dz) { return todo(dz); }

// x is used twice: in z = w x + b and in r = y + x
Tensor dx(const Tensor& w, const Tensor& dz, const Tensor& dr) { return todo(w, dz, dr); }

Answers answers{{"de(e)", de},     {"dr(de)", dr}, {"dt(de)", dt},       {"dz(y, dr)", dz},
                {"dw(x, dz)", dw}, {"db(dz)", db}, {"dx(w, dz, dr)", dx}};
