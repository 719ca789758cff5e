// Formulas as people write them, "A * (dA - rowsum(A * dA))", evaluated: + - * / are elementwise and broadcast, names side
// by side are multiplied as matrices, ^T swaps rows and columns, ^2 squares each element. As tools/lessons/judge/formula.h.
import {at, fill, map, matrix, product, row, sumOf, transpose} from './tensor.js';
import {softmax} from './engine.js';

const overRows = (f) => (m) => fill(m.rows, 1, (i) => f(row(m, i)));
const overColumns = (f) => (m) => transpose(overRows(f)(transpose(m)));
const mean = (x) => sumOf(x) / x.length;
export const functions = {
  rowsum: overRows(sumOf), rowmean: overRows(mean), colsum: overColumns(sumOf), colmean: overColumns(mean), softmax: (m) => softmax(m),
  exp: (m) => map(Math.exp, m), log: (m) => map(Math.log, m), tanh: (m) => map(Math.tanh, m), sqrt: (m) => map(Math.sqrt, m),
};
const scalar = (x) => matrix(1, 1, Float64Array.of(x));
const isScalar = (m) => m.rows === 1 && m.cols === 1;
const sizes = (m) => `${m.rows} × ${m.cols}`;

function elementwise(sign, a, b) {
  const of = (x, y) => (x === y || y === 1 ? x : x === 1 ? y : NaN), rows = of(a.rows, b.rows), cols = of(a.cols, b.cols);
  if (Number.isNaN(rows + cols)) throw new Error(`${sizes(a)} ${sign} ${sizes(b)}`);
  const f = {'+': (x, y) => x + y, '−': (x, y) => x - y, '*': (x, y) => x * y, '/': (x, y) => x / y}[sign];
  return fill(rows, cols, (i, j) => f(at(a, a.rows > 1 ? i : 0, a.cols > 1 ? j : 0), at(b, b.rows > 1 ? i : 0, b.cols > 1 ? j : 0)));
}
function chained(a, b) {
  if (isScalar(a) || isScalar(b)) return elementwise('*', a, b);
  if (a.cols !== b.rows) throw new Error(`${sizes(a)} · ${sizes(b)}`);
  return product(a, b);
}

// The value of a formula of named matrices and numbers. Error: it cannot be read, there is no such name, or sizes do not fit.
export function evaluate(text, values) {
  const tokens = text.replaceAll('-', '−').replaceAll('∘', '*').match(/[A-Za-z_]+|[0-9.]+|\^[T2]|[^\s]/g) ?? [];
  const take = (...wanted) => (wanted.includes(tokens[0]) ? tokens.shift() : null);
  const begins = () => tokens.length && /^[A-Za-z_0-9.(]/.test(tokens[0]);
  function sum() {
    let value = take('−') ? elementwise('*', scalar(-1), term()) : term();
    for (let sign; (sign = take('+', '−')); ) value = elementwise(sign, value, term());
    return value;
  }
  function term() {
    let value = chain();
    for (let sign; (sign = take('*', '/')); ) value = elementwise(sign, value, chain());
    return value;
  }
  function chain() {
    let value = factor();
    while (begins()) value = chained(value, factor());
    return value;
  }
  function factor() {
    let value = atom();
    for (let power; (power = take('^T', '^2')); ) value = power === '^T' ? transpose(value) : map((x) => x * x, value);
    return value;
  }
  function atom() {
    const token = tokens.shift();
    if (token === '(' || (functions[token] && tokens[0] === '(')) {
      if (token !== '(') tokens.shift();
      const inside = sum();
      if (!take(')')) throw new Error(')');
      return token === '(' ? inside : functions[token](inside);
    }
    if (values[token]) return values[token];
    if (/^[0-9.]+$/.test(token)) return scalar(Number(token));
    throw new Error(token ?? '…');
  }
  const value = sum();
  if (tokens.length) throw new Error(tokens[0]);
  return value;
}
export const named = (h) => ({...h, d: scalar(h.Q.cols), e: scalar(h.V.cols), T: scalar(h.Q.rows), N: scalar(h.K.rows)});
