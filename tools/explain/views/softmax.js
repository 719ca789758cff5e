// One row of the softmax: its Jacobian, why the row sum is there, and what the scale is for.
import {chart} from '../chart.js';
import {html, slider, t} from '../dom.js';
import {softmax} from '../engine.js';
import {Grid} from '../grid.js';
import {formula} from '../math.js';
import {at, dot, fill, matrix, number, placed, placesFor, row, sumOf} from '../tensor.js';

const one = (values) => matrix(1, values.length, Float64Array.from(values));

export function softmaxRow(page, section) {
  section.append(html('p', {}, t('softmax.text')), html('div', {class: 'formula'}, formula('\\frac{\\partial A_j}{\\partial S_k} = A_j ([j = k] − A_k) \\quad dS_k = \\sum_j dA_j A_j ([j = k] − A_k) = A_k (dA_k − \\sum_j A_j dA_j)')));
  const which = html('p', {class: 'muted'}), box = html('div', {class: 'row'}), table = html('div', {class: 'scroll grow'});
  const controls = html('div', {class: 'controls'}), readout = html('div', {class: 'readout here', id: 'softmax', 'aria-live': 'polite'});
  const jacobian = new Grid('J = diag(A) − A Aᵀ', {kind: 'forward', cell: 30, width: 340});
  section.append(which, controls, box, readout);
  box.append(jacobian.figure, table);

  let logits, arriving, shown, shownFor, added, heat, cells, sums;
  function start() {
    const h = page.head, query = page.query;
    shownFor = {h, query};
    shown = [...Array(h.S.cols).keys()].filter((j) => !h.mask || at(h.mask, query, j))
      .sort((a, b) => at(h.A, query, b) - at(h.A, query, a)).slice(0, 7).sort((a, b) => a - b);
    logits = shown.map((j) => at(h.S, query, j)), arriving = shown.map((j) => at(h.dA, query, j));
    added = 0, heat = 1;
    which.textContent = t(shown.length < h.S.cols ? 'softmax.whichmost' : 'softmax.which', {query: page.nameOf('queries', query), n: shown.length});
    controls.replaceChildren(
      slider(t('softmax.add'), {min: -2, max: 2, step: 0.1, value: 0}, (x) => ((added = x), draw()), (x) => placed(x, 1)),
      slider(t('softmax.heat'), {min: 0, max: 8, step: 0.25, value: 1}, (x) => ((heat = x), draw()), (x) => `× ${x}`),
      html('button', {type: 'button', onclick: start}, t('softmax.again')));

    const around = Math.max(3, ...logits.map(Math.abs));
    const kinds = ['forward', 'backward', 'backward', 'backward', 'verified'];
    const cellsOf = () => kinds.map((kind) => html('td', {class: kind}));
    cells = shown.map(cellsOf), sums = cellsOf();
    const head = ['', 'S', 'A', 'dA', 'A ∘ dA', 'A ∘ (dA − r)', t('softmax.numeric')].map((name) => html('th', {scope: 'col'}, name));
    table.replaceChildren(html('table', {}, html('thead', {}, html('tr', {}, head)), html('tbody', {},
      shown.map((j, n) => html('tr', {}, html('td', {}, page.data.keys[j]), html('td', {}, slider(`S ${page.data.keys[j]}`, {min: -2 * around, max: 2 * around, step: around / 50, value: logits[n]},
        (x) => ((logits[n] = x), draw()), (x) => placed(x, 2))), cells[n])),
      html('tr', {class: 'total'}, html('td', {colspan: 2}, t('softmax.sum')), sums))));
    draw();
  }
  function draw() {
    const S = logits.map((s) => s * heat), dA = Float64Array.from(arriving, (g) => g + added);
    const f = (scores) => dot(row(softmax(one(scores)), 0), dA);
    const A = row(softmax(one(S)), 0), mean = dot(A, dA), naive = A.map((a, j) => a * dA[j]), right = A.map((a, j) => a * (dA[j] - mean));
    const numeric = Float64Array.from(S, (_, k) => {
      const moved = (h) => f(S.map((s, n) => s + (n === k ? h : 0)));
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
    jacobian.options.rows = jacobian.options.cols = shown.map((j) => page.data.keys[j]);
    jacobian.options.scale = 0.25;
    jacobian.set(fill(A.length, A.length, (j, k) => A[j] * ((j === k) - A[k])));
    const columns = [A, dA, naive, right, numeric], places = [4, ...[dA, naive, naive, naive].map(placesFor)];
    cells.forEach((line, n) => line.forEach((cell, k) => (cell.textContent = placed(columns[k][n], places[k]))));
    cells.forEach((line, n) => line[2].classList.toggle('flipped', naive[n] * numeric[n] < 0 && Math.abs(numeric[n]) > 1e-12));
    sums.forEach((cell, k) => (cell.textContent = k === 1 ? '' : placed(sumOf(columns[k]), places[k])));
    const off = Math.max(...naive.map((x, n) => Math.abs(x - numeric[n])));
    readout.replaceChildren(
      html('p', {}, formula(`r = \\sum_j A_j dA_j = ${number(mean)}`)),
      html('p', {}, t('softmax.verdict', {flipped: cells.filter((line) => line[2].classList.contains('flipped')).length, n: cells.length, off: number(off, 3), most: number(Math.max(...numeric.map(Math.abs)), 3)})),
      html('p', {class: 'muted'}, t(added === 0 ? 'softmax.try' : 'softmax.moved', {added: placed(added, 1)})));
  }
  page.listen(section, () => (shownFor?.h !== page.head || shownFor.query !== page.query) && start());

  // what the scale is for
  section.append(html('h3', {}, t('scale.title')), html('p', {}, t('scale.text')), scaleChart());
}

// Seeded normal numbers, so that the picture is the same each time
function normal(seed) {
  let s = seed;
  const uniform = () => {
    s = (s + 0x6d2b79f5) | 0;
    let x = Math.imul(s ^ (s >>> 15), 1 | s);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

function scaleChart() {
  const widths = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512], keys = 32, tries = 60;
  const size = (d, scale) => {
    const draw = normal(d);
    let total = 0;
    for (let n = 0; n < tries; ++n) {
      const q = Array.from({length: d}, draw);
      const A = row(softmax(one(Array.from({length: keys}, () => scale * dot(q, Array.from({length: d}, draw))))), 0);
      for (let j = 0; j < keys; ++j)
        for (let k = 0; k < keys; ++k) total += Math.abs(A[j] * ((j === k) - A[k]));
    }
    return total / (tries * keys * keys);
  };
  return chart([
    {name: t('scale.with'), x: widths, y: widths.map((d) => size(d, 1 / Math.sqrt(d))), colour: 'ink'},
    {name: t('scale.without'), x: widths, y: widths.map((d) => size(d, 1)), colour: 'ink', dashes: '6 4'},
  ], {width: 640, logX: true, logY: true, xLabel: t('scale.x'), yLabel: t('scale.y')});
}
