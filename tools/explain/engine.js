// Forward and backward of what the page shows, once more in the browser, so that a number can be changed and all that
// follows from it is computed anew. The rules stand here by hand; tests hold them to the numbers of the library.
import {at, beside, columns, copy, dot, fill, map, matrix, product, row, rows, sumOf, transpose} from './tensor.js';

const allowed = (mask, i, j) => !mask || at(mask, i, j) !== 0;

// Over the allowed places of each row; a row without any is 0.
export function softmax(S, mask) {
  const A = matrix(S.rows, S.cols);
  for (let i = 0; i < S.rows; ++i) {
    let most = -Infinity, sum = 0;
    for (let j = 0; j < S.cols; ++j)
      if (allowed(mask, i, j)) most = Math.max(most, at(S, i, j));
    for (let j = 0; j < S.cols; ++j)
      if (allowed(mask, i, j)) sum += A.data[i * S.cols + j] = Math.exp(at(S, i, j) - most);
    if (sum > 0)
      for (let j = 0; j < S.cols; ++j) A.data[i * S.cols + j] /= sum;
  }
  return A;
}

// dS = A o (dA - rowsum(A o dA))
export function softmaxBackward(A, dA) {
  const means = Array.from({length: A.rows}, (_, i) => dot(row(A, i), row(dA, i)));
  return fill(A.rows, A.cols, (i, j) => at(A, i, j) * (at(dA, i, j) - means[i]));
}

// ---- one head, {score, scale, v, mask, Q, K, V}: adds S, A, O
export function attend(head, edited = {}) {
  const {Q, K, V} = head;
  const h = {...head};
  h.S = edited.S ?? (head.score === 'additive' ? fill(Q.rows, K.rows, (i, j) => {
    let s = 0;
    for (let d = 0; d < Q.cols; ++d) s += head.v.data[d] * Math.tanh(at(Q, i, d) + at(K, j, d));
    return s;
  }) : map((x) => x * head.scale, product(Q, transpose(K))));
  h.A = edited.A ?? softmax(h.S, head.mask);
  h.O = product(h.A, V);
  return h;
}

// From dO: adds dV, dA, dS, dQ, dK.
export function attendBackward(head, dO) {
  const h = {...head, dO};
  h.dV = product(transpose(h.A), dO);
  h.dA = product(dO, transpose(h.V));
  h.dS = softmaxBackward(h.A, h.dA);
  if (h.score === 'additive') {
    h.dQ = matrix(h.Q.rows, h.Q.cols), h.dK = matrix(h.K.rows, h.K.cols);
    for (let i = 0; i < h.Q.rows; ++i)
      for (let j = 0; j < h.K.rows; ++j)
        for (let d = 0; d < h.Q.cols; ++d) {
          const y = Math.tanh(at(h.Q, i, d) + at(h.K, j, d)), g = at(h.dS, i, j) * h.v.data[d] * (1 - y * y);
          h.dQ.data[i * h.Q.cols + d] += g;
          h.dK.data[j * h.K.cols + d] += g;
        }
  } else {
    h.dQ = map((x) => x * h.scale, product(h.dS, h.K));
    h.dK = map((x) => x * h.scale, product(transpose(h.dS), h.Q));
  }
  return h;
}

// sum(dO o O), whose gradients by V, A, S, Q and K are those of the loss where dO is held
export const pulled = (h, dO) => dot(h.O.data, dO.data);

// ---- the built-in model, whole
const linear = (x, w, b) => {
  const y = product(x, transpose(w));
  return b ? fill(y.rows, y.cols, (i, j) => at(y, i, j) + b.data[j]) : y;
};
const columnSums = (m) => matrix(1, m.cols, Float64Array.from({length: m.cols}, (_, j) => {
  let sum = 0;
  for (let i = 0; i < m.rows; ++i) sum += at(m, i, j);
  return sum;
}));
const plus = (...all) => map((...x) => sumOf(x), ...all);
const gather = (table, ids) => fill(ids.length, table.cols, (i, j) => at(table, ids[i], j));
const scatter = (g, ids, count) => {
  const m = matrix(count, g.cols);
  ids.forEach((id, i) => row(g, i).forEach((x, j) => (m.data[id * g.cols + j] += x)));
  return m;
};

// Of `tiny` in the page's data. edits: {"Q.0": matrix, ..}, of Q, K, V or O of a head, in the place of what would be
// computed.
// Gives heads, values, gradients of parameters and values, and the loss.
export function runTiny(tiny, mask, edits = {}) {
  const p = tiny.parameters, H = tiny.heads, width = p['fruit.weight'].cols, D = width / H;
  const x = plus(gather(p['fruit.weight'], tiny.fruit), gather(p['number.weight'], tiny.number));
  const all = linear(x, p['attention.in_proj_weight'], p['attention.in_proj_bias']);
  const part = (from, h, name) => edits[`${name}.${h}`] ?? columns(all, from * width + h * D, from * width + (h + 1) * D);
  let heads = Array.from({length: H}, (_, h) => attend({
    score: 'dot', scale: 1 / Math.sqrt(D), mask, Q: part(0, h, 'Q'), K: part(1, h, 'K'), V: part(2, h, 'V'),
  }));
  heads.forEach((h, i) => (h.O = edits[`O.${i}`] ?? h.O));
  const joined = beside(heads.map((h) => h.O));
  const attended = linear(joined, p['attention.out_proj.weight'], p['attention.out_proj.bias']);
  const y = plus(x, attended), logits = linear(y, p['output.weight'], p['output.bias']);

  const probabilities = softmax(logits), asked = tiny.targets.filter((t) => t >= 0).length;
  let loss = 0;
  tiny.targets.forEach((t, i) => {
    if (t >= 0) loss -= Math.log(at(probabilities, i, t)) / asked;
  });

  const dLogits = fill(logits.rows, logits.cols, (i, j) =>
    tiny.targets[i] < 0 ? 0 : (at(probabilities, i, j) - (j === tiny.targets[i])) / asked);
  const dy = product(dLogits, p['output.weight']);
  const dJoined = product(dy, p['attention.out_proj.weight']);
  heads = heads.map((h, i) => attendBackward(h, columns(dJoined, i * D, (i + 1) * D)));
  const dAll = beside(['dQ', 'dK', 'dV'].map((name) => beside(heads.map((h) => h[name]))));
  const dx = plus(dy, product(dAll, p['attention.in_proj_weight']));
  return {
    heads, loss, probabilities,
    values: {x, attended, y, logits},
    value_gradients: {x: dx, attended: dy, y: dy, logits: dLogits},
    gradients: {
      'fruit.weight': scatter(dx, tiny.fruit, p['fruit.weight'].rows),
      'number.weight': scatter(dx, tiny.number, p['number.weight'].rows),
      'attention.in_proj_weight': product(transpose(dAll), x),
      'attention.in_proj_bias': columnSums(dAll),
      'attention.out_proj.weight': product(transpose(dy), joined),
      'attention.out_proj.bias': columnSums(dy),
      'output.weight': product(transpose(dLogits), y),
      'output.bias': columnSums(dLogits),
    },
  };
}

// ---- differences
// (f(x + h) - f(x - h)) / 2h of sum(dO o O) by one element of V, A, S, Q or K of a head.
export function centralDifference(head, name, i, j, h) {
  const f = (step) => {
    const moved = copy(head[name]);
    moved.data[i * moved.cols + j] += step;
    const inputs = name === 'S' || name === 'A' ? head : {...head, [name]: moved};
    return pulled(attend(inputs, name === 'S' || name === 'A' ? {[name]: moved} : {}), head.dO);
  };
  return (f(h) - f(-h)) / (2 * h);
}

// The same of the loss itself, of the built-in model: by Q, K, V or O of a head.
export function differenceOfLoss(tiny, mask, head, name, headIndex, i, j, h) {
  const f = (step) => {
    const moved = copy(head[name]);
    moved.data[i * moved.cols + j] += step;
    return runTiny(tiny, mask, {[`${name}.${headIndex}`]: moved}).loss;
  };
  return (f(h) - f(-h)) / (2 * h);
}

// ---- the same by tiles of keys, each row with its largest score so far m and sum of exponentials l (Dao et al. 2022)
export function flashSteps({S, V, mask}, i, tile) {
  const steps = [];
  let m = -Infinity, l = 0, O = new Float64Array(V.cols);
  for (let from = 0; from < S.cols; from += tile) {
    const to = Math.min(S.cols, from + tile);
    const before = m;
    for (let j = from; j < to; ++j)
      if (allowed(mask, i, j)) m = Math.max(m, at(S, i, j));
    const shrink = before === -Infinity ? 0 : Math.exp(before - m);
    l *= shrink;
    O = O.map((x) => x * shrink);
    for (let j = from; j < to; ++j) {
      if (!allowed(mask, i, j)) continue;
      const w = Math.exp(at(S, i, j) - m);
      l += w;
      row(V, j).forEach((v, d) => (O[d] += w * v));
    }
    steps.push({from, to, m, l, shrink, O: O.map((x) => (l > 0 ? x / l : 0))});
  }
  return steps;
}

// W_t = W_(t-1) + (v - [delta] W_(t-1) k) k^T, keys at length one: a memory after each place (Schlag et al. 2021)
export function fastWeights({K, V}, delta) {
  const steps = [];
  let W = matrix(V.cols, K.cols);
  for (let t = 0; t < K.rows; ++t) {
    const size = Math.sqrt(dot(row(K, t), row(K, t))) || 1, k = row(K, t).map((x) => x / size);
    const old = Float64Array.from({length: W.rows}, (_, e) => dot(row(W, e), k));
    W = fill(W.rows, W.cols, (e, d) => at(W, e, d) + (at(V, t, e) - (delta ? old[e] : 0)) * k[d]);
    const wrong = rows(V, 0, t + 1).data.reduce((sum, v, n) => {
      const s = Math.floor(n / V.cols), e = n % V.cols, length = Math.sqrt(dot(row(K, s), row(K, s))) || 1;
      return sum + (dot(row(W, e), row(K, s)) / length - v) ** 2;
    }, 0);
    steps.push({W, error: Math.sqrt(wrong / ((t + 1) * V.cols))});
  }
  return steps;
}
