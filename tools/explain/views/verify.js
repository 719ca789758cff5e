// Is it right? Differences of the function itself, element by element, and how their error depends on the step.
import {chart} from '../chart.js';
import {html, slider, t} from '../dom.js';
import {centralDifference, differenceOfLoss} from '../engine.js';
import {Grid} from '../grid.js';
import {formula} from '../math.js';
import {at, number} from '../tensor.js';
import {placeOf} from './matrices.js';

const by = {dA: 'A', dS: 'S', dV: 'V', dQ: 'Q', dK: 'K'};  // what is moved for each gradient

export function verify(page, section) {
  section.append(html('p', {}, t('verify.text')));
  const select = html('select', {'aria-label': t('verify.which')}, Object.keys(by).map((name) => html('option', {value: name}, name)));
  select.addEventListener('change', () => page.select(select.value, 0, 0));
  let exponent = -5, waiting = null;
  section.append(html('div', {class: 'controls'}, html('label', {}, t('verify.which'), select),
    slider(t('verify.step'), {min: -14, max: 0, step: 0.25, value: exponent}, (x) => ((exponent = x), curve()), (x) => number(10 ** x, 2))));
  const grid = new Grid(t('verify.digits'), {kind: 'verified', cell: 30, width: 440, scale: 15, onselect: (i, j) => page.select(select.value, i, j)});
  const left = html('div', {}, grid.figure), right = html('div', {class: 'grow'}), table = html('div', {class: 'readout here', id: 'verify-element'});
  section.append(html('div', {class: 'row'}, left, right), table);

  const chosen = () => {
    const name = by[page.selected.name] ? page.selected.name : 'dS', m = page.head[name];
    return {name, i: Math.min(page.selected.i, m.rows - 1), j: Math.min(page.selected.j, m.cols - 1)};
  };
  const checked = (name) => (page.edited ? null : page.head.check?.[name]);
  function curve() {
    const h = page.head, {name, i, j} = chosen(), check = checked(name), rule = at(h[name], i, j), right0 = check ? at(check.value, i, j) : rule;
    const steps = [], errors = [], floor = 1e-18;
    for (let e = -14; e <= 0.001; e += 0.125) {
      steps.push(10 ** e);
      errors.push(Math.max(floor, Math.abs(centralDifference(h, by[name], i, j, 10 ** e) - right0)));
    }
    const now = centralDifference(h, by[name], i, j, 10 ** exponent);
    const lines = [{name: t('verify.difference'), x: steps, y: errors, colour: 'verified'}];
    if (check) lines.push({name: t('verify.rule'), x: steps, y: steps.map(() => Math.max(floor, Math.abs(rule - right0))), colour: 'ink', dashes: '4 4'});
    right.replaceChildren(html('div', {class: 'scroll'}, chart(lines, {logX: true, logY: true, xLabel: t('verify.x'), yLabel: t('verify.y'), mark: 10 ** exponent})),
      html('p', {class: 'ui'}, formula(`\\frac{L(x + h) − L(x − h)}{2 h} = ${number(now, 10)}`), '  ',
        html('span', {class: 'muted'}, t('verify.wrong', {error: number(Math.abs(now - right0), 2)}) + ' ' + t(name === 'dA' || name === 'dV' ? 'verify.straight' : 'verify.bent'))));
  }
  function element() {
    const h = page.head, {name, i, j} = chosen(), check = checked(name), rule = at(h[name], i, j), tiny = page.data.tiny;
    const lines = [[t('verify.rule'), number(rule, 12), '']];
    if (check) lines.push(
      ...check.h.map((step, n) => [t('verify.central', {h: number(step, 1)}), number(at(check.central[n], i, j), 12), t('verify.off', {error: number(Math.abs(at(check.central[n], i, j) - rule), 2)})]),
      [t('verify.extrapolated'), number(at(check.value, i, j), 12), `± ${number(at(check.bound, i, j), 2)}`]);
    if (tiny && 'VQK'.includes(by[name]) && !page.edited) {
      const whole = differenceOfLoss(tiny, h.mask, h, by[name], page.headIndex, i, j, 1e-5);
      lines.push([t('verify.whole'), number(whole, 12), t('verify.off', {error: number(Math.abs(whole - rule), 2)})]);
    }
    table.replaceChildren(html('p', {class: 'muted'}, placeOf(page, name, i, j)),
      html('div', {class: 'scroll'}, html('table', {}, html('tbody', {}, lines.map((line) => html('tr', {}, line.map((cell) => html('td', {}, cell))))))),
      html('p', {class: check ? 'verified' : 'muted'}, check ? t('verify.verdict', {digits: at(check.digits, i, j).toFixed(1), matrix: name}) : t(page.edited ? 'verify.edited' : 'verify.unchecked')));
  }
  page.listen(section, () => {
    const {name, i, j} = chosen(), check = checked(name);
    select.value = name;
    left.hidden = !check;
    if (check) {
      Object.assign(grid.options, {rows: page.data[/[KV]$/.test(name) ? 'keys' : 'queries'], cols: /[SA]$/.test(name) ? page.data.keys : null});
      grid.selected = {i, j};
      grid.set(check.digits);
      grid.size.textContent = t('verify.all', {n: check.digits.data.length, least: Math.min(...check.digits.data).toFixed(1)});
    }
    element();
    clearTimeout(waiting);
    waiting = setTimeout(curve, 60);  // the pointer may move on
  });
}
