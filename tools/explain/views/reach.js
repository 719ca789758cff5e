// How far a gradient reaches, and three ways not to hold the whole matrix: blocks, and memories that are written to.
import {chart} from '../chart.js';
import {choice, html, slider, t} from '../dom.js';
import {fastWeights, flashSteps} from '../engine.js';
import {Grid} from '../grid.js';
import {at, largest, number, row} from '../tensor.js';

export function reach(page, section) {
  const {steps, rnn, lstm, attention} = page.data.reach;
  section.append(html('p', {}, t('reach.text')), html('div', {class: 'scroll'}, chart([
    {name: t('reach.attention'), x: steps, y: attention, colour: 'verified'},
    {name: 'LSTM', x: steps, y: lstm, colour: 'backward', dashes: '7 4'},
    {name: 'RNN', x: steps, y: rnn, colour: 'forward', dashes: '2 3'},
  ], {width: 720, height: 300, logY: true, xLabel: t('reach.x'), yLabel: t('reach.y')})));

  section.append(html('h3', {}, t('flash.title')), html('p', {}, t('flash.text')));
  const query = () => (/[KV]$/.test(page.selected.name) ? Math.max(0, page.data.targets.findIndex((x) => x !== null)) : Math.min(page.selected.i, page.head.S.rows - 1));
  let tile = 2;
  const tiles = html('div', {class: 'scroll'}), sentence = html('p', {id: 'flash'});
  section.append(html('div', {class: 'controls'}, html('span', {class: 'muted'}, t('flash.tile')), choice([[1, '1'], [2, '2'], [4, '4'], [8, '8']], tile, (n) => ((tile = n), flash()), t('flash.tile'))), tiles, sentence);
  function flash() {
    const h = page.head, i = query(), all = flashSteps(h, i, tile), last = all.at(-1).O;
    tiles.replaceChildren(html('table', {}, html('thead', {}, html('tr', {}, [t('flash.keys'), 'm', 'l', t('flash.shrink'), 'O₁'].map((x) => html('th', {scope: 'col'}, x)))),
      html('tbody', {}, all.map((s) => html('tr', {}, html('td', {}, page.data.keys.slice(s.from, s.to).join('  ')), [s.m, s.l, s.shrink, s.O[0]].map((x) => html('td', {}, number(x))))))));
    const off = Math.max(...last.map((x, e) => Math.abs(x - at(h.O, i, e))));
    sentence.textContent = t('flash.equal', {query: page.data.queries[i], off: off === 0 ? '0' : number(off, 2), most: number(largest({data: row(h.O, i)}), 3)});
  }

  section.append(html('h3', {}, t('fast.title')), html('p', {}, t('fast.text')));
  let rule = 'sum', place = page.data.keys.length - 1;
  const W = new Grid('W', {kind: 'forward', cell: 30, width: 360}), said = html('p', {class: 'ui', id: 'fast'});
  section.append(html('div', {class: 'controls'}, choice([['sum', t('fast.sum')], ['delta', t('fast.delta')]], rule, (r) => ((rule = r), fast()), t('fast.title')),
    slider(t('fast.place'), {min: 0, max: place, step: 1, value: place}, (x) => ((place = x), fast()), (x) => page.data.keys[x])), W.figure, said);
  function fast() {
    const steps = fastWeights(page.head, rule === 'delta');
    W.options.scale = largest(steps.at(-1).W);
    W.set(steps[place].W);
    said.textContent = t('fast.error', {error: number(steps[place].error, 3), n: place + 1});
  }
  page.listen(section, () => (flash(), fast()));

  const machine = page.data.ntm;
  if (!machine) return;
  section.append(html('h3', {}, t('ntm.title')), html('p', {}, t('ntm.text')));
  for (const [name, kind] of [['write', 'backward'], ['read', 'forward']]) {
    const grid = new Grid(t(`ntm.${name}`), {kind, cell: 9, width: 700, scale: 1});
    grid.set(machine[name]);
    section.append(grid.figure);
  }
}
