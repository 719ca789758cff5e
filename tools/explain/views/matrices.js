// All matrices of a head, forward above and gradient below, linked: what an element comes from lights up.
import {html, t} from '../dom.js';
import {differenceOfLoss} from '../engine.js';
import {Grid} from '../grid.js';
import {formula} from '../math.js';
import {definitions, rules} from '../rules.js';
import {at, number, row, sumOf} from '../tensor.js';
import {headChoice} from './heads.js';

const order = ['Q', 'K', 'V', 'S', 'A', 'O'];

// Of "pear?", column 3; or between "pear?", which asks, and "pear=5"
export function placeOf(page, name, i, j) {
  return t(/[SA]$/.test(name) ? 'matrices.pair' : 'matrices.element', {
    row: page.rowName(name, i), column: /[SA]$/.test(name) ? page.nameOf('keys', j) : j + 1, matrix: name});
}

export function matrices(page, section) {
  section.append(html('p', {}, t('matrices.text')), html('p', {class: 'muted'}, t('matrices.how')));
  section.append(headChoice(page, section));
  const box = html('div', {class: 28 * (4 * page.head.Q.cols + 2 * page.data.keys.length) < 900 ? 'matrices all' : 'matrices'}), readout = html('div', {class: 'readout', 'aria-live': 'polite', id: 'readout'});
  section.append(box, readout);
  const grids = {}, {queries, keys} = page.data, same = page.self, small = box.classList.contains('all');
  const widths = page.head.Q.cols > 16 ? 200 : 330, square = Math.min(560, 70 + 22 * keys.length);
  for (const letter of small ? order : ['S', 'A', 'Q', 'K', 'V', 'O'])
    box.append(html('div', {class: 'pair'}, [letter, `d${letter}`].map((name) => {
      const scores = /[SA]$/.test(name);
      grids[name] = new Grid(name, {
        kind: name[0] === 'd' ? 'backward' : 'forward', cell: 28, width: scores && !same ? square : scores ? 400 : widths,
        rows: /Q$/.test(name) || (!same && scores) ? queries : !same && /K$/.test(name) ? keys : null,
        cols: scores ? keys : null, sized: name[0] !== 'd',
        onselect: (i, j) => page.select(name, i, j),
        describe: (i, j) => number(at(page.head[name], i, j)),
      });
      const caption = grids[name].figure.querySelector('figcaption');
      caption.querySelector('b').replaceChildren(formula(definitions(page)[name]));
      return grids[name].figure;
    })));

  page.listen(section, () => {
    const h = page.head, {name, i, j} = page.selected, m = h[name];
    const here = {i: Math.min(i, m.rows - 1), j: Math.min(j, m.cols - 1)};
    const built = page.data.tiny && !page.edited ? {tiny: page.data.tiny, headIndex: page.headIndex} : null;
    const rule = rules(h, built)[name](here.i, here.j);
    for (const [other, grid] of Object.entries(grids)) {
      grid.marks = rule.reads.filter((read) => read.name === other);
      grid.selected = other === name ? here : null;
      grid.set(h[other]);
    }
    readout.replaceChildren(...describe(page, name, here, rule));
  });
}

function describe(page, name, {i, j}, rule) {
  const h = page.head, value = at(h[name], i, j), parts = [];
  const where = html('p', {class: 'muted'}, placeOf(page, name, i, j), name === 'dS' ? [' ', html('a', {href: '#softmax'}, t('matrices.why'))] : '');
  const line = html('p', {}, formula(rule.numbers ? `${rule.formula} = ${rule.numbers} = ${number(value)}` : `${rule.formula} = ${number(value)}`));
  line.dataset.value = String(value);
  parts.push(where, line);
  const check = page.edited ? null : h.check?.[name];
  if (check) {
    const digits = at(check.digits, i, j);
    parts.push(html('p', {class: 'verified'}, t('matrices.verified', {
      value: number(at(check.value, i, j), 12), bound: number(at(check.bound, i, j), 2), digits: digits.toFixed(1)})));
  } else if (name === 'dO') {
    parts.push(html('p', {class: 'muted'}, t('matrices.arrives')));
    if (page.data.tiny && !page.edited) {
      const slope = differenceOfLoss(page.data.tiny, h.mask, h, 'O', page.headIndex, i, j, 1e-5);
      parts.push(html('p', {class: 'verified'}, t('matrices.moved', {value: number(slope, 8), error: number(Math.abs(slope - value), 2)})));
    }
  } else if (name === 'A') parts.push(html('p', {class: 'muted'}, t('matrices.rowsum', {sum: number(sumOf(row(h.A, i)), 12)})));
  if ('QKV'.includes(name)) parts.push(editor(page, name, i, j, value));
  else if (page.edited) parts.push(html('p', {}, edited(page)));
  return parts;
}

function edited(page) {
  return [t(page.data.tiny ? 'matrices.edited' : 'matrices.nearly', {from: number(page.data.loss, 6), to: number(page.loss, 6)}), ' ',
    html('button', {type: 'button', onclick: () => page.reset()}, t('matrices.reset'))];
}

function editor(page, name, i, j, value) {
  const input = html('input', {type: 'number', step: '0.1', value: Number(value.toPrecision(6)), 'aria-label': `${name} ${i + 1} ${j + 1}`});
  input.addEventListener('change', () => Number.isFinite(input.valueAsNumber) && page.edit(name, i, j, input.valueAsNumber));
  return html('p', {class: 'controls'}, html('label', {}, t('matrices.change'), input), page.edited ? edited(page) : null);
}
