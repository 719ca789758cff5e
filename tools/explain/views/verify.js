// Is it right? Differences of the function itself, element by element, and how their error depends on the step.
import {chart} from '../chart.js';
import {html, slider, t} from '../dom.js';
import {centralDifference} from '../engine.js';
import {Grid} from '../grid.js';
import {formula} from '../math.js';
import {at, largest, number} from '../tensor.js';
import {rowLabel} from './matrices.js';

export const checked = {dA: 'A', dS: 'S', dV: 'V', dQ: 'Q', dK: 'K'};  // gradient: by what

export function verify(page, section) {
  section.append(html('p', {}, t('verify.text')));
  const select = html('select', {'aria-label': t('verify.which')}, Object.keys(checked).map((name) => html('option', {value: name}, name)));
  select.addEventListener('change', () => page.select(select.value, 0, 0));
  section.append(html('div', {class: 'controls'}, html('label', {}, t('verify.which'), select)));
  const grid = new Grid('digits', {kind: 'verified', cell: 30, width: 520, onselect: (i, j) => page.select(select.value, i, j)});
  const left = html('div', {}, grid.figure), table = html('div', {class: 'readout here', id: 'verify'}), right = html('div', {class: 'grow'});
  section.append(html('div', {class: 'row'}, left, right), table);
  let exponent = -5;
  const chartBox = html('div', {class: 'scroll'});
  right.append(slider(t('verify.step'), {min: -14, max: 0, step: 0.25, value: exponent}, (x) => curve((exponent = x)), (x) => number(10 ** x, 2)), chartBox);

  const chosen = () => {
    const name = checked[page.selected.name] ? page.selected.name : 'dS', m = page.head[name];
    return {name, i: Math.min(page.selected.i, m.rows - 1), j: Math.min(page.selected.j, m.cols - 1)};
  };
  function curve() {
    const h = page.head, {name, i, j} = chosen(), right = at(h[name], i, j), steps = [], errors = [];
    for (let e = -14; e <= 0.001; e += 0.125) {
      steps.push(10 ** e);
      errors.push(Math.max(1e-18, Math.abs(centralDifference(h, checked[name], i, j, 10 ** e) - right)));
    }
    const now = centralDifference(h, checked[name], i, j, 10 ** exponent);
    chartBox.replaceChildren(chart([{name: '', x: steps, y: errors, colour: 'verified'}],
      {logX: true, logY: true, xLabel: t('verify.x'), yLabel: t('verify.y'), mark: 10 ** exponent}),
      html('p', {class: 'ui'}, formula(`\\frac{L(x + h) − L(x − h)}{2 h} = ${number(now, 10)}`), html('span', {class: 'muted'}, '  ' + t('verify.wrong', {error: number(Math.abs(now - right), 2)}))));
  }
  page.listen(section, () => {
    const h = page.head, {name, i, j} = chosen(), check = page.edited ? null : h.check?.[name];
    select.value = name;
    grid.options.rows = name.endsWith('K') || name.endsWith('V') ? page.data.keys : page.data.queries;
    grid.options.cols = /[SA]$/.test(name) ? page.data.keys : null;
    grid.options.scale = 15;
    grid.selected = {i, j};
    left.hidden = !check;
    if (check) grid.set(check.digits);
    grid.size.textContent = check ? t('verify.all', {n: check.digits.data.length, least: Math.min(...check.digits.data).toFixed(1)}) : '';
    const rows = check ? [
      [t('verify.rule'), number(at(h[name], i, j), 12), ''],
      ...check.h.map((step, n) => [t('verify.central', {h: number(step, 1)}), number(at(check.central[n], i, j), 12), number(Math.abs(at(check.central[n], i, j) - at(h[name], i, j)), 2)]),
      [t('verify.extrapolated'), number(at(check.value, i, j), 12), `± ${number(at(check.bound, i, j), 2)}`],
    ] : [[t('verify.rule'), number(at(h[name], i, j), 12), '']];
    table.replaceChildren(html('p', {class: 'muted'}, t('verify.element', {matrix: name, row: rowLabel(page, name, i), column: j + 1})),
      html('table', {}, html('tbody', {}, rows.map((r) => html('tr', {}, r.map((c) => html('td', {}, c)))))),
      html('p', {class: check ? 'verified' : 'muted'}, check ? t('verify.verdict', {digits: at(check.digits, i, j).toFixed(1)}) : t(page.edited ? 'verify.edited' : 'verify.unchecked')));
    curve();
  });
}
