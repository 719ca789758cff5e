// What may not be seen has a weight and a gradient of exactly 0, not of almost 0.
import {choice, html, t} from '../dom.js';
import {attend, attendBackward} from '../engine.js';
import {Grid} from '../grid.js';
import {fill} from '../tensor.js';

export function masks(page, section) {
  section.append(html('p', {}, t('masks.text')));
  let kind = 'causal';
  const controls = html('div', {class: 'controls'}, choice(['none', 'causal', 'padding', 'row'].map((k) => [k, t(`masks.${k}`)]), kind, (k) => ((kind = k), draw()), t('masks.title')));
  const box = html('div', {class: 'matrices'}), readout = html('div', {class: 'readout here', id: 'masks', 'aria-live': 'polite'});
  section.append(controls, box, readout);
  const grids = Object.fromEntries(['S', 'A', 'dS', 'dK', 'dV'].map((name) => {
    const square = /[SA]$/.test(name);
    const grid = new Grid(name, {kind: name[0] === 'd' ? 'backward' : 'forward', cell: square ? 26 : 22, width: square ? 330 : 200,
      rows: square ? page.data.queries : page.data.keys, cols: square ? page.data.keys : null});
    box.append(grid.figure);
    return [name, grid];
  }));
  const mask = (h) => ({
    none: () => undefined,
    causal: () => fill(h.S.rows, h.S.cols, (i, j) => Number(j <= i + Math.max(0, h.S.cols - h.S.rows))),
    padding: () => fill(h.S.rows, h.S.cols, (_, j) => Number(j < h.S.cols - 1)),
    row: () => fill(h.S.rows, h.S.cols, (i, j) => Number(j <= i - 1)),
  })[kind]();
  function draw() {
    const from = page.head, h = attendBackward(attend({...from, mask: mask(from)}), from.dO);
    for (const [name, grid] of Object.entries(grids)) grid.set(h[name]);
    const zeros = (m) => m.data.filter((x) => Object.is(Math.abs(x), 0)).length, hidden = h.mask ? zeros(h.mask) : 0;
    readout.replaceChildren(html('p', {}, t('masks.counts', {hidden, A: zeros(h.A), dS: zeros(h.dS)})), html('p', {class: 'muted'}, t(`masks.${kind}.why`)));
  }
  page.listen(section, (changed) => (changed.size === 0 || changed.has('layer') || changed.has('rerun')) && draw());
}
