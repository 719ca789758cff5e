// Where an element of a matrix comes from: its formula, the same with its numbers in it, and the elements it reads.
import {at, dot, number, row, sumOf} from './tensor.js';

const shown = 6;  // terms of a sum
const signed = (x) => (x < 0 ? `(${number(x)})` : number(x));
const sub = (i, j) => (i > 8 || j > 8 ? `{${i + 1},${j + 1}}` : `{${i + 1}${j + 1}}`);
function sum(count, term) {
  const parts = Array.from({length: Math.min(count, count > shown ? shown - 2 : shown)}, (_, n) => term(n));
  if (count > shown) parts.push('\\dots', term(count - 1));
  return parts.join(' + ');
}
const wholeRow = (name, i, m) => Array.from({length: m.cols}, (_, j) => ({name, i, j}));
const wholeColumn = (name, j, m) => Array.from({length: m.rows}, (_, i) => ({name, i, j}));
const products = (count, a, b) => sum(count, (n) => `${signed(a(n))} ${signed(b(n))}`);

// rules(h)[name](i, j) -> {formula, numbers, reads}; numbers is '' where they would say nothing. Of the built-in model,
// {tiny, headIndex}, also those of Q, K and V.
export function rules(h, built) {
  const {Q, K, V, S, A, dO, dA, dS} = h, additive = h.score === 'additive';
  const scaled = additive || h.scale === 1 ? '' : `${number(h.scale)} `;
  const bend = (i, j, d) => 1 - Math.tanh(at(Q, i, d) + at(K, j, d)) ** 2;
  const may = (i, j) => !h.mask || at(h.mask, i, j) !== 0;
  const given = (name) => (i, j) => ({formula: `${name}_${sub(i, j)}`, numbers: '', reads: []});
  const projected = (name, part) => {
    if (!built) return given(name);
    const {parameters, values} = built.tiny, W = parameters['attention.in_proj_weight'], b = parameters['attention.in_proj_bias'];
    return (i, d) => {
      const line = part * values.x.cols + built.headIndex * Q.cols + d;  // of W
      return {
        formula: `${name}_${sub(i, d)} = \\sum_c x_{${i + 1}c} W_{${d + 1}c} + b_${d + 1}`,
        numbers: `${products(W.cols, (c) => at(values.x, i, c), (c) => at(W, line, c))} + ${signed(b.data[line])}`,
        reads: [],
      };
    };
  };
  return {
    Q: projected('Q', 0), K: projected('K', 1), V: projected('V', 2), dO: given('dO'),
    S: (i, j) => additive ? {
      formula: `S_${sub(i, j)} = \\sum_d v_d \\tanh(Q_{${i + 1}d} + K_{${j + 1}d})`,
      numbers: sum(Q.cols, (d) => `${signed(h.v.data[d])} \\tanh(${number(at(Q, i, d) + at(K, j, d))})`),
      reads: [...wholeRow('Q', i, Q), ...wholeRow('K', j, K)],
    } : {
      formula: `S_${sub(i, j)} = ${scaled} \\sum_d Q_{${i + 1}d} K_{${j + 1}d}`,
      numbers: `${scaled} (${products(Q.cols, (d) => at(Q, i, d), (d) => at(K, j, d))})`,
      reads: [...wholeRow('Q', i, Q), ...wholeRow('K', j, K)],
    },
    A: (i, j) => {
      if (!may(i, j)) return {formula: `A_${sub(i, j)} = 0`, numbers: '', reads: []};
      const scores = [...row(S, i)].filter((_, k) => may(i, k)), most = Math.max(...scores);
      const all = sumOf(scores.map((s) => Math.exp(s - most)));
      return {
        formula: `A_${sub(i, j)} = \\frac{\\exp(S_${sub(i, j)} − m_${i + 1})}{\\sum_k \\exp(S_{${i + 1}k} − m_${i + 1})}`,
        numbers: `\\frac{\\exp(${number(at(S, i, j))} − ${signed(most)})}{${number(all)}}`,
        reads: wholeRow('S', i, S),
      };
    },
    O: (i, d) => ({
      formula: `O_${sub(i, d)} = \\sum_j A_{${i + 1}j} V_{j${d + 1}}`,
      numbers: products(A.cols, (j) => at(A, i, j), (j) => at(V, j, d)),
      reads: [...wholeRow('A', i, A), ...wholeColumn('V', d, V)],
    }),
    dV: (j, d) => ({
      formula: `dV_${sub(j, d)} = \\sum_i A_{i${j + 1}} dO_{i${d + 1}}`,
      numbers: products(A.rows, (i) => at(A, i, j), (i) => at(dO, i, d)),
      reads: [...wholeColumn('A', j, A), ...wholeColumn('dO', d, dO)],
    }),
    dA: (i, j) => ({
      formula: `dA_${sub(i, j)} = \\sum_d dO_{${i + 1}d} V_{${j + 1}d}`,
      numbers: products(V.cols, (d) => at(dO, i, d), (d) => at(V, j, d)),
      reads: [...wholeRow('dO', i, dO), ...wholeRow('V', j, V)],
    }),
    dS: (i, j) => ({
      formula: `dS_${sub(i, j)} = A_${sub(i, j)} (dA_${sub(i, j)} − \\sum_k A_{${i + 1}k} dA_{${i + 1}k})`,
      numbers: `${signed(at(A, i, j))} (${number(at(dA, i, j))} − ${signed(dot(row(A, i), row(dA, i)))})`,
      reads: [...wholeRow('A', i, A), ...wholeRow('dA', i, dA)],
    }),
    dQ: (i, d) => additive ? {
      formula: `dQ_${sub(i, d)} = v_${d + 1} \\sum_j dS_{${i + 1}j} (1 − \\tanh^2(Q_${sub(i, d)} + K_{j${d + 1}}))`,
      numbers: `${signed(h.v.data[d])} (${products(K.rows, (j) => at(dS, i, j), (j) => bend(i, j, d))})`,
      reads: [...wholeRow('dS', i, dS), ...wholeColumn('K', d, K), {name: 'Q', i, j: d}],
    } : {
      formula: `dQ_${sub(i, d)} = ${scaled} \\sum_j dS_{${i + 1}j} K_{j${d + 1}}`,
      numbers: `${scaled} (${products(K.rows, (j) => at(dS, i, j), (j) => at(K, j, d))})`,
      reads: [...wholeRow('dS', i, dS), ...wholeColumn('K', d, K)],
    },
    dK: (j, d) => additive ? {
      formula: `dK_${sub(j, d)} = v_${d + 1} \\sum_i dS_{i${j + 1}} (1 − \\tanh^2(Q_{i${d + 1}} + K_${sub(j, d)}))`,
      numbers: `${signed(h.v.data[d])} (${products(Q.rows, (i) => at(dS, i, j), (i) => bend(i, j, d))})`,
      reads: [...wholeColumn('dS', j, dS), ...wholeColumn('Q', d, Q), {name: 'K', i: j, j: d}],
    } : {
      formula: `dK_${sub(j, d)} = ${scaled} \\sum_i dS_{i${j + 1}} Q_{i${d + 1}}`,
      numbers: `${scaled} (${products(Q.rows, (i) => at(dS, i, j), (i) => at(Q, i, d))})`,
      reads: [...wholeColumn('dS', j, dS), ...wholeColumn('Q', d, Q)],
    },
  };
}

// The whole matrix in one line
export function definitions(page) {
  const h = page.head, additive = h.score === 'additive', self = page.self, scale = h.scale === 1 ? '' : ' / \\sqrt{D}';
  return {
    Q: additive ? 'Q = W s' : self ? 'Q = X W_Q + b_Q' : 'Q', K: additive ? 'K = U h' : self ? 'K = X W_K + b_K' : 'K',
    V: additive ? 'V = h' : self ? 'V = X W_V + b_V' : 'V',
    S: additive ? 'S_{ij} = v^T \\tanh(Q_i + K_j)' : `S = Q K^T${scale}`,
    A: h.mask ? 'A = \\softmax(S + M)' : 'A = \\softmax(S)', O: 'O = A V',
    dO: 'dO', dV: 'dV = A^T dO', dA: 'dA = dO V^T', dS: 'dS = A \\circ (dA − r)',
    dQ: additive ? 'dQ_i = \\sum_j dS_{ij} t_{ij}' : `dQ = dS K${scale}`,
    dK: additive ? 'dK_j = \\sum_i dS_{ij} t_{ij}' : `dK = dS^T Q${scale}`,
  };
}
