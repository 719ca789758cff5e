// Formulas as MathML, from a few of TeX's signs: A_{ij}, \sum_k, \frac{a}{b}, \sqrt{d}, \tanh, \text{loss}, x^T

const mathml = 'http://www.w3.org/1998/Math/MathML';
const signs = {sum: 'Σ', circ: '∘', partial: '∂', dots: '…', quad: '\u2003', to: '→'};

function element(tag, ...children) {
  const e = document.createElementNS(mathml, tag);
  e.append(...children);
  return e;
}

// \text{..}, \name, {, }, _, ^, numbers, names such as dS, signs
const tokens = (text) => text.match(/\\text\{[^}]*\}|\\[a-zA-Z]+|[{}_^]|−?[0-9][0-9.]*(?: · 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|[a-zA-Zα-ω]+|[^\s]/gu) ?? [];

function parse(stream, closing) {
  const parts = [];
  while (stream.length && stream[0] !== closing) {
    let part = one(stream);
    const below = stream[0] === '_' && stream.shift() && one(stream);
    const above = stream[0] === '^' && stream.shift() && one(stream);
    if (below && above) part = element('msubsup', part, below, above);
    else if (below) part = element('msub', part, below);
    else if (above) part = element('msup', part, above);
    parts.push(part);
  }
  return parts;
}
const group = (stream) => {
  if (stream[0] !== '{') return one(stream);
  stream.shift();
  const inside = parse(stream, '}');
  stream.shift();
  return element('mrow', ...inside);
};
function one(stream) {
  if (stream[0] === '{') return group(stream);
  const token = stream.shift();
  if (token === '\\frac') return element('mfrac', group(stream), group(stream));
  if (token === '\\sqrt') return element('msqrt', group(stream));
  if (token.startsWith('\\text{')) return element('mtext', token.slice(6, -1));
  if (token[0] === '\\') {
    const name = token.slice(1), text = signs[name] ?? name;
    return element(/^[a-z]+$/.test(text) ? 'mi' : 'mo', text);
  }
  if (/[0-9]/.test(token)) return element('mn', token);
  if (/^(d[A-Z]|[a-z]{2})$/.test(token)) return element('mrow', element('mi', token[0]), element('mi', token[1]));
  if (/[a-zA-Zα-ω]/.test(token)) return element('mi', token);
  const sign = element('mo', token);
  if ('()[]'.includes(token)) sign.setAttribute('stretchy', 'false');
  return sign;
}

export function formula(text) {
  return element('math', element('mrow', ...parse(tokens(text))));
}
