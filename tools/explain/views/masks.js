// What may not be seen has a weight and a gradient of exactly 0, not of almost 0.
import {choice, html, t} from '../dom.js';
import {attend, attendBackward, runTiny} from '../engine.js';
import {Grid} from '../grid.js';
import {fill} from '../tensor.js';

export function masks(page, section) {
  section.append(html('p', {}, t('masks.text')));
  let kind = page.self ? 'causal' : 'padding';
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
    row: () => fill(h.S.rows, h.S.cols, (i) => Number(i !== page.query)),
  })[kind]();
  // Of the built-in model all is computed again, so that dO is that of the mask too.
  const shownWith = (mask) => page.data.tiny ? runTiny(page.data.tiny, mask, page.edits).heads[page.headIndex]
    : attendBackward(attend({...page.head, mask}), page.head.dO);
  function draw() {
    const h = shownWith(mask(page.head));
    for (const [name, grid] of Object.entries(grids)) grid.set(h[name]);
    const hidden = h.mask ? [...h.mask.data.keys()].filter((n) => h.mask.data[n] === 0) : [], zeros = (m) => hidden.filter((n) => m.data[n] === 0).length;
    readout.replaceChildren(html('p', {}, t('masks.counts', {hidden: hidden.length, A: zeros(h.A), dS: zeros(h.dS)})),
      html('p', {class: 'muted'}, t(`masks.${kind}.why`, {query: page.nameOf('queries', page.query)})));
  }
  page.listen(section, draw);
}
