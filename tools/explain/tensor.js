// Matrices as the page holds them, {rows, cols, data}, and numbers as it prints them.

export function matrix(rows, cols, data = new Float64Array(rows * cols)) {
  return {rows, cols, data};
}

// Of the page's data: {"shape": [.., T, D], "f64" or "f32": base64 of little-endian numbers}; leading dims go into the
// rows.
export function decode(tensor) {
  const bytes = Uint8Array.from(atob(tensor.f64 ?? tensor.f32), (c) => c.charCodeAt(0));
  const cols = tensor.shape.at(-1) ?? 1;
  const data = tensor.f64 ? new Float64Array(bytes.buffer) : Float64Array.from(new Float32Array(bytes.buffer));
  return matrix(cols ? data.length / cols : 0, cols, data);
}

// Every tensor in a value of the page's data, decoded.
export function decodeAll(value) {
  if (Array.isArray(value)) return value.map(decodeAll);
  if (value === null || typeof value !== 'object') return value;
  if ('f64' in value || 'f32' in value) return {...decode(value), shape: value.shape};
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, decodeAll(part)]));
}

export const at = (m, i, j) => m.data[i * m.cols + j];
export const row = (m, i) => m.data.subarray(i * m.cols, (i + 1) * m.cols);
export const rows = (m, from, to) => matrix(to - from, m.cols, m.data.subarray(from * m.cols, to * m.cols));
export const copy = (m) => matrix(m.rows, m.cols, m.data.slice());

export function map(f, first, ...others) {
  return matrix(first.rows, first.cols, first.data.map((x, i) => f(x, ...others.map((o) => o.data[i]))));
}
export function fill(rows, cols, f) {
  const m = matrix(rows, cols);
  for (let i = 0; i < rows; ++i)
    for (let j = 0; j < cols; ++j) m.data[i * cols + j] = f(i, j);
  return m;
}
export const transpose = (m) => fill(m.cols, m.rows, (i, j) => at(m, j, i));
export const columns = (m, from, to) => fill(m.rows, to - from, (i, j) => at(m, i, from + j));
export const beside = (parts) => {
  const width = parts[0].cols;
  return fill(parts[0].rows, width * parts.length, (i, j) => at(parts[Math.floor(j / width)], i, j % width));
};
export function product(a, b) {
  const m = matrix(a.rows, b.cols);
  for (let i = 0; i < a.rows; ++i)
    for (let k = 0; k < a.cols; ++k) {
      const x = a.data[i * a.cols + k];
      for (let j = 0; j < b.cols; ++j) m.data[i * b.cols + j] += x * b.data[k * b.cols + j];
    }
  return m;
}
export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
export const norm = (x) => Math.sqrt(dot(x, x));
export const largest = (m) => m.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
export const sumOf = (x) => x.reduce((sum, part) => sum + part, 0);

// ---- numbers
const minus = (text) => text.replaceAll('-', '−');
const superscripts = {'−': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹'};

export const power = (e) => '10' + [...minus(String(e))].map((c) => superscripts[c]).join('');

// With so many significant digits: 0.3102, −1.2 · 10⁻⁵
export function number(x, digits = 4) {
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? '∞' : '−∞';
  if (x === 0) return '0';
  const exponent = Number(x.toExponential(digits - 1).split('e')[1]);
  if (exponent >= -3 && exponent < 6) return minus(x.toFixed(Math.max(0, digits - 1 - exponent)));
  return `${minus(x.toExponential(digits - 1).split('e')[0])} · ${power(exponent)}`;
}

// With so many places: 0.0312; and how many show three digits of the largest
export const placed = (x, places = 4) => (Number.isFinite(x) ? minus(x.toFixed(places)).replace(/^−(0\.0*)$/, '$1') : number(x));

export const placesFor = (values) => Math.max(2, Math.min(9, 2 - Math.floor(Math.log10(values.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-7)))));

// For a cell of a matrix: .31, −.12, 1.4, and nothing where it would be .00
export function short(x) {
  if (Number.isNaN(x)) return 'NaN';
  const size = Math.abs(x);
  if (size < 0.005) return '';
  return minus(x.toFixed(size < 9.95 ? (size < 0.995 ? 2 : 1) : 0)).replace('0.', '.');
}
