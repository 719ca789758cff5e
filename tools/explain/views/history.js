// The same sequence while the model was trained.
import {chart} from '../chart.js';
import {html, slider, t} from '../dom.js';
import {Grid} from '../grid.js';
import {number, rows} from '../tensor.js';

export function history(page, section) {
  const past = page.data.history;
  section.append(html('p', {}, t('history.text')));
  let n = past.length - 1;
  const range = slider(t('history.step'), {min: 0, max: past.length - 1, step: 1, value: n}, (x) => ((n = x), draw()), (x) => past[x].step.toLocaleString('en'));
  const box = html('div', {class: 'row'}), figure = html('div'), charts = html('div', {class: 'grow'});
  section.append(html('div', {class: 'controls'}, range), box);
  box.append(figure, charts);
  const grid = new Grid('A', {kind: 'forward', cell: 30, width: 540, rows: page.data.queries, cols: page.data.keys, scale: 1});
  const sentence = html('p', {class: 'ui', id: 'history', 'aria-live': 'polite'});
  figure.append(grid.figure, sentence);
  function draw() {
    const now = past[n], A = now.A[page.layer], T = A.rows / now.A[page.layer].shape[0];
    grid.set(rows(A, page.headIndex * T, (page.headIndex + 1) * T));
    sentence.textContent = t('history.now', {step: now.step.toLocaleString('en'), loss: number(now.loss, 3), gradient: number(now.gradient, 3)});
    const line = (key, colour) => chart([{name: '', x: past.map((p) => p.step), y: past.map((p) => p[key]), colour}],
      {width: 480, height: 190, logY: true, xLabel: t('history.step'), yLabel: t(`history.${key}`), mark: now.step});
    charts.replaceChildren(line('loss', 'forward'), line('gradient', 'backward'));
  }
  page.listen(section, (changed) => (changed.size === 0 || changed.has('layer')) && draw());
}
