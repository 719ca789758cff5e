// What need not be held: the whole matrix, or even all keys. Blocks, and memories that are written to.
import {choice, html, slider, t} from '../dom.js';
import {fastWeights, flashSteps} from '../engine.js';
import {Grid} from '../grid.js';
import {at, largest, number, row} from '../tensor.js';

export function memory(page, section) {
  section.append(html('p', {}, t('flash.text')));
  let tile = 2;
  const tiles = html('div', {class: 'scroll'}), which = html('p', {class: 'muted'}), sentence = html('p', {id: 'flash'});
  section.append(html('div', {class: 'controls'}, html('span', {class: 'muted'}, t('flash.tile')),
    choice([[1, '1'], [2, '2'], [4, '4'], [8, '8']], tile, (n) => ((tile = n), flash()), t('flash.tile'))), which, tiles, sentence);
  function flash() {
    const h = page.head, grows = (i) => flashSteps(h, i, tile).filter((s) => s.shrink < 1).length;
    const i = [...Array(h.S.rows).keys()].reduce((best, other) => (grows(other) > grows(best) ? other : best), page.query);
    const all = flashSteps(h, i, tile), last = all.at(-1).O;
    which.textContent = t('flash.which', {query: page.nameOf('queries', i)});
    tiles.replaceChildren(html('table', {}, html('thead', {}, html('tr', {}, [t('flash.keys'), 'm', 'l', t('flash.shrink'), 'O₁'].map((x) => html('th', {scope: 'col'}, x)))),
      html('tbody', {}, all.map((s, n) => html('tr', {}, html('td', {}, page.data.keys.slice(s.from, s.to).join('  ')),
        [s.m, s.l].map((x) => html('td', {}, number(x))), html('td', {}, n ? number(s.shrink) : '–'), html('td', {}, number(s.O[0])))))));
    const off = Math.max(...last.map((x, e) => Math.abs(x - at(h.O, i, e))));
    sentence.textContent = t('flash.equal', {off: off === 0 ? '0' : number(off, 1), most: number(largest({data: row(h.O, i)}), 3)});
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
  section.append(html('h3', {}, t('ntm.title')), html('p', {}, t(machine ? 'ntm.text' : 'ntm.how')));
  if (!machine) return;
  for (const name of ['write', 'read']) {
    const grid = new Grid(t(`ntm.${name}`), {kind: 'forward', cell: 9, width: 700, scale: 1});
    grid.set(machine[name]);
    section.append(grid.figure);
  }
}
