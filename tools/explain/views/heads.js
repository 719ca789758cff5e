// Heads beside each other, and the choice of one, which all chapters share.
import {html, t} from '../dom.js';
import {Grid} from '../grid.js';
import {at, fill, norm, number, product} from '../tensor.js';

export function headChoice(page, section) {
  const {layers} = page.data;
  if (layers.length === 1 && layers[0].heads.length === 1) return html('span');
  const box = html('div', {class: 'controls'});
  const key = (l, h) => `${l}.${h}`;
  const select = html('select', {'aria-label': t('heads.which')}, layers.flatMap((layer, l) => layer.heads.map((_, h) =>
    html('option', {value: key(l, h)}, t('heads.name', {layer: layer.name, head: h + 1})))));
  select.addEventListener('change', () => page.show(...select.value.split('.').map(Number)));
  page.listen(section, () => (select.value = key(page.layer, page.headIndex)));
  box.append(html('label', {}, t('heads.which'), select));
  return box;
}

export function heads(page, section) {
  section.append(html('p', {}, t('heads.text')));
  const box = html('div', {class: 'matrices'}), table = html('div', {class: 'scroll'});
  section.append(box, table);
  page.listen(section, (changed) => {
    if (changed.size === 1 && changed.has('selected')) return;
    box.replaceChildren(...page.heads.map((h, n) => {
      const grid = new Grid('A', {kind: 'forward', cell: 26, width: page.heads.length > 2 ? 300 : 420, cols: page.data.keys,
        rows: page.data.queries, onselect: (i, j) => {
          page.show(page.layer, n);
          page.select('A', i, j);
        }});
      grid.set(h.A);
      grid.size.textContent = t('heads.head', {head: n + 1});
      return grid.figure;
    }));
    const W = page.data.tiny?.parameters['attention.out_proj.weight'];  // [width, heads D]
    const added = (h, n) => W ? [norm(product(h.O, fill(h.O.cols, W.rows, (d, c) => at(W, c, n * h.O.cols + d))).data)] : [];
    const all = page.heads.map((h, n) => [norm(h.O.data), ...added(h, n), ...['dO', 'dQ', 'dK', 'dV'].map((name) => norm(h[name].data))]);
    table.replaceChildren(html('table', {},
      html('thead', {}, html('tr', {}, ['', '|O|', ...(W ? ['|O W_O|'] : []), '|dO|', '|dQ|', '|dK|', '|dV|'].map((name) => html('th', {scope: 'col'}, name)))),
      html('tbody', {}, all.map((row, n) => html('tr', {}, html('td', {}, t('heads.head', {head: n + 1})), row.map((x) => html('td', {}, number(x, 3))))))));
  });
}
