// Other ways to make weights of the same queries and keys.
import {html, t} from '../dom.js';
import {Grid} from '../grid.js';
import {number, row, sumOf} from '../tensor.js';

export function mechanisms(page, section) {
  section.append(html('p', {}, t('mechanisms.text')));
  const list = html('div', {class: 'matrices'});
  for (const m of page.data.mechanisms) {
    const grid = (name, kind) => {
      const g = new Grid(name, {kind, cell: 20, width: 240, rows: page.data.queries});
      g.set(m[name]);
      return g.figure;
    };
    const sums = Array.from({length: m.A.rows}, (_, i) => sumOf(row(m.A, i)));
    const [least, most] = [Math.min(...sums), Math.max(...sums)].map((x) => number(x, 3));
    list.append(html('div', {class: 'pair'}, html('h3', {}, t(`mechanisms.${m.name}`)), grid('A', 'forward'), grid('dS', 'backward'),
      html('p', {class: 'ui muted'}, t('mechanisms.sums', {sums: least === most ? least : `${least} … ${most}`}))));
  }
  section.append(list);
}
