// Which way the gradient came: what a row's loss says about each input, by value, query, key and residual.
import {choice, html, svg, t} from '../dom.js';
import {at, number, placed, placesFor, rows as rowsOf} from '../tensor.js';

const tints = {value: 1, key: 0.62, query: 0.36, residual: 0.16};

export function paths(page, section) {
  section.append(html('p', {}, t(page.data.model === 'seq2seq' ? 'paths.encoder' : 'paths.text')));
  const controls = html('div', {class: 'controls'}), box = html('div', {class: 'scroll'}), table = html('div', {class: 'scroll'}), sentence = html('p', {id: 'paths', 'aria-live': 'polite'});
  section.append(controls, box, sentence, table);
  let asked = Math.max(0, page.data.layers[page.layer].paths.rows.indexOf(page.selected.i)), source = null;
  function start() {
    const p = page.data.layers[page.layer].paths;
    asked = Math.min(asked, p.rows.length - 1);
    controls.replaceChildren(html('span', {class: 'muted'}, t('paths.of')),
      choice(p.rows.map((i, n) => [n, page.data.queries[i] === page.data.targets[i] ? page.nameOf('queries', i) : `${page.nameOf('queries', i)} → ${page.data.targets[i]}`]), asked, (n) => ((asked = n), (source = null), draw()), t('paths.of')));
    draw();
  }
  function draw() {
    const p = page.data.layers[page.layer].paths, kinds = p.names, S = p.total.cols;
    const part = (k, s) => at(p.along, asked * kinds.length + k, s);
    source ??= [...Array(S).keys()].reduce((best, s) => (at(p.total, asked, s) > at(p.total, asked, best) ? s : best), 0);
    const width = 720, left = 110, line = S > 14 ? 19 : 27, most = Math.max(1e-300, ...Array.from({length: S}, (_, s) =>
      kinds.reduce((sum, _, k) => sum + Math.max(0, part(k, s)), 0)));
    const least = Math.min(0, ...Array.from({length: S}, (_, s) => kinds.reduce((sum, _, k) => sum + Math.min(0, part(k, s)), 0)));
    const X = (v) => left + ((v - least) / (most - least)) * (width - left - 20);
    const root = svg('svg', {class: 'chart', viewBox: `0 0 ${width} ${line * S + 34}`, width, height: line * S + 34, role: 'img', 'aria-label': t('paths.title')});
    for (let s = 0; s < S; ++s) {
      let up = 0, down = 0;
      const bar = svg('g', {style: 'cursor:pointer', tabindex: 0, role: 'button', 'aria-pressed': String(s === source), 'aria-label': page.nameOf('keys', s)}, svg('rect', {x: 0, y: s * line, width, height: line, fill: s === source ? 'var(--panel)' : 'transparent'}),
        svg('text', {x: left - 10, y: s * line + line / 2 + 4, 'text-anchor': 'end', style: s === source ? 'font-weight:650' : ''}, page.data.keys[s]));
      const choose = () => {
        source = s;
        draw();
        box.querySelectorAll('g[role=button]')[s].focus();
      };
      bar.addEventListener('click', choose);
      bar.addEventListener('keydown', (e) => (e.key === 'Enter' || e.key === ' ') && (e.preventDefault(), choose()));
      kinds.forEach((name, k) => {
        const x = part(k, s), from = x >= 0 ? up : down + x, to = x >= 0 ? up + x : down;
        if (x >= 0) up = to;
        else down = from;
        bar.append(svg('rect', {x: X(from), y: s * line + 4, width: Math.max(0, X(to) - X(from)), height: line - 8, fill: 'var(--backward)', 'fill-opacity': tints[name], stroke: 'var(--backward)', 'stroke-width': 0.8},
          svg('title', {}, `${t(`paths.${name}`)} ${number(x)}`)));
      });
      root.append(bar);
    }
    root.append(svg('line', {x1: X(0), x2: X(0), y1: 0, y2: line * S, stroke: 'var(--ink)'}));
    kinds.forEach((name, k) => root.append(
      svg('rect', {x: left + k * 145, y: line * S + 14, width: 14, height: 14, fill: 'var(--backward)', 'fill-opacity': tints[name], stroke: 'var(--backward)', 'stroke-width': 0.8}),
      svg('text', {x: left + k * 145 + 20, y: line * S + 26}, t(`paths.${name}`))));
    box.replaceChildren(root);

    const parts = kinds.map((_, k) => part(k, source)), sum = parts.reduce((a, b) => a + b, 0), total = at(p.total, asked, source);
    const places = placesFor([...parts, total]) + 4;
    sentence.textContent = t('paths.sum', {key: page.nameOf('keys', source), parts: kinds.map((name, k) => `${t(`paths.${name}`)} ${placed(parts[k], places)}`).join(', '),
      total: placed(total, places), difference: number(Math.abs(sum - total), 1)}) + (page.edited ? ' ' + t('run.before') : '');
    sentence.dataset.sum = String(sum), sentence.dataset.total = String(total);
    if (!p.vectors) return table.replaceChildren();
    const width8 = p.vectors.cols, vector = (k) => rowsOf(p.vectors, (asked * kinds.length + k) * S + source, (asked * kinds.length + k) * S + source + 1).data;
    const all = kinds.map((_, k) => vector(k)), added = all[0].map((_, c) => all.reduce((s, v) => s + v[c], 0));
    table.replaceChildren(html('table', {}, html('thead', {}, html('tr', {}, [t('paths.vector'), ...Array.from({length: width8}, (_, c) => `dx ${c + 1}`)].map((x) => html('th', {scope: 'col'}, x)))),
      html('tbody', {}, kinds.map((name, k) => html('tr', {}, html('td', {}, t(`paths.${name}`)), [...all[k]].map((x) => html('td', {}, placed(x))))),
        html('tr', {class: 'total'}, html('td', {}, t('paths.total')), [...added].map((x) => html('td', {}, placed(x)))))));
  }
  page.listen(section, start);
}
