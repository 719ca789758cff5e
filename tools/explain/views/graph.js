// The graph of ops. Modules are boxes that unfold; edges are as wide as the gradient that flows back through them.
import {html, svg, t} from '../dom.js';
import {number} from '../tensor.js';

// Nodes of one picture: an op where its module is unfolded, else the outermost module that is not. What a loop does again
// and again is one node too.
function quotient(graph, unfolded) {
  const {modules, nodes} = graph, repeated = new Map();
  for (const node of nodes) repeated.set(alike(node), (repeated.get(alike(node)) ?? 0) + 1);
  const box = nodes.map((node, n) => {
    const path = node.name !== undefined ? parentOf(node.name, modules) : modules[node.module]?.path ?? '';
    const folded = modules.filter((m) => m.path && within(m.path, path) && !unfolded.has(m.path)).sort((a, b) => a.path.length - b.path.length)[0];
    if (folded) return `m:${folded.path}`;
    return node.name === undefined && repeated.get(alike(node)) > 3 && !unfolded.has(alike(node)) ? alike(node) : `n:${n}`;
  });
  const boxes = new Map();
  nodes.forEach((node, n) => {
    const b = boxes.get(box[n]) ?? {key: box[n], nodes: [], first: Infinity, reads: new Map()};
    b.nodes.push(n);
    if (node.name === undefined) b.first = Math.min(b.first, n);
    boxes.set(box[n], b);
    node.inputs.forEach((from, k) => {
      if (from < 0 || box[from] === box[n]) return;
      const edge = b.reads.get(box[from]) ?? {gradient: 0, first: n};
      edge.gradient = Math.hypot(edge.gradient, node.edges?.[k] ?? 0);
      b.reads.set(box[from], edge);
    });
  });
  return boxes;
}
const alike = (node) => `r:${node.module} ${node.op} ${node.shape}`;  // a loop's ops
const within = (outer, path) => path === outer || path.startsWith(outer + '.');
const parentOf = (name, modules) => modules.map((m) => m.path).filter((p) => p && within(p, name)).sort((a, b) => b.length - a.length)[0] ?? '';

// Columns from left to right: after everything that is read; a module that reads what comes after it (a loop) stays.
function columnsOf(boxes) {
  const order = [...boxes.values()].sort((a, b) => a.first - b.first || a.nodes[0] - b.nodes[0]), column = new Map();
  for (const b of order) if (b.first < Infinity) column.set(b.key, Math.max(0, ...[...b.reads.keys()].filter((k) => column.has(k)).map((k) => column.get(k) + 1)));
  for (const b of order)  // leaves stand just before what reads them
    if (b.first === Infinity) {
      const readers = order.filter((o) => o.reads.has(b.key) && column.has(o.key)).map((o) => column.get(o.key));
      column.set(b.key, Math.min(...readers) - 1);
    }
  const first = Math.min(...column.values());
  for (const [key, c] of column) column.set(key, c - first);
  const columns = [];
  for (const b of order) (columns[column.get(b.key)] ??= []).push(b);
  return columns.filter((c) => c);
}

export function drawGraph(page, section) {
  const {graph} = page.data, unfolded = new Set();
  const holder = html('div', {class: 'scroll'}), panel = html('div', {class: 'readout here', id: 'node', 'aria-live': 'polite'}, html('p', {class: 'muted'}, t('graph.click')));
  const play = (direction) => html('button', {type: 'button', id: `play-${direction}`, onclick: () => animate(direction)}, t(`graph.${direction}`));
  section.append(html('div', {class: 'controls'}, play('forward'), play('backward'),
    html('button', {type: 'button', onclick: () => (graph.modules.forEach((m) => m.path && unfolded.add(m.path)), graph.nodes.forEach((node) => unfolded.add(alike(node))), draw())}, t('graph.unfold')),
    html('button', {type: 'button', onclick: () => (unfolded.clear(), draw())}, t('graph.fold'))), holder, panel);
  let drawn = [], timer = null;

  function draw() {
    clearInterval(timer);
    const columns = columnsOf(quotient(graph, unfolded)), height = 40, gap = 16, wide0 = columns.length * 134 - 34 + 32, roomy = wide0 > 1060, width = roomy ? 124 : 100, between = roomy ? 56 : 34;
    const tall = Math.max(...columns.map((c) => c.length)) * (height + gap) + 3 * gap, place = new Map();
    columns.forEach((column, c) => {
      const middle = (b) => {
        const ys = [...b.reads.keys()].filter((k) => place.has(k)).map((k) => place.get(k).y);
        return ys.length ? ys.reduce((s, y) => s + y, 0) / ys.length : tall;
      };
      [...column].sort((a, b) => middle(a) - middle(b)).forEach((b, n, all) =>
        place.set(b.key, {x: gap + c * (width + between), y: tall / 2 + (n - all.length / 2) * (height + gap) + gap, b}));
    });
    const wide = columns.length * (width + between) - between + 2 * gap;
    const root = svg('svg', {class: 'graph', viewBox: `0 0 ${wide} ${tall}`, width: wide, height: tall, style: 'max-width:none', role: 'group', 'aria-label': t('graph.title')});
    const gradients = [...place.values()].flatMap(({b}) => [...b.reads.values()].map((e) => e.gradient)).filter((g) => g > 0);
    const low = Math.log(Math.min(...gradients)), high = Math.log(Math.max(...gradients));
    drawn = [];
    for (const {x, y, b} of place.values())
      for (const [from, edge] of b.reads) {
        const p = place.get(from), size = edge.gradient > 0 ? 1.2 + 7 * (high > low ? (Math.log(edge.gradient) - low) / (high - low) : 1) : 0.8;
        const x0 = p.x + width, y0 = p.y + height / 2, y1 = y + height / 2, bend = Math.max(24, Math.abs(x - x0) / 2);
        const around = x - x0 > between + 1 && Math.abs(y0 - y1) < height ? -height * 1.1 : 0;  // boxes in between
        const line = svg('path', {d: `M${x0} ${y0}C${x0 + bend} ${y0 + around} ${x - bend} ${y1 + around} ${x} ${y1}`, 'stroke-width': size.toFixed(1), 'stroke-dasharray': edge.gradient > 0 ? '' : '3 4'},
          svg('title', {}, t('graph.edge', {norm: edge.gradient > 0 ? number(edge.gradient, 3) : t('graph.none')})));
        root.append(line);
        drawn.push({element: line, at: edge.first, box: 0});
      }
    for (const {x, y, b} of place.values()) root.append(box(b, x, y, width, height));
    holder.replaceChildren(root);
  }

  function box(b, x, y, width, height) {
    const n = b.nodes.at(-1), node = graph.nodes[n], isModule = b.key.startsWith('m:'), path = b.key.slice(2);
    const module = isModule ? graph.modules.find((m) => m.path === path) : null;
    const name = isModule ? path.split('.').slice(path.match(/\.\d+$/) ? -2 : -1).join('.') : (node.name ?? node.op).split('.').slice(-2).join('.');
    const below = isModule ? module.type : `[${node.shape.join(', ')}]`;
    const group = svg('g', {class: isModule ? 'module' : node.name !== undefined ? 'node leaf' : 'node', tabindex: 0, role: 'button', 'aria-label': `${name} ${below}`},
      svg('rect', {x, y, width, height, rx: isModule ? 9 : 4}),
      svg('text', {x: x + width / 2, y: y + 17, 'text-anchor': 'middle', style: 'font-weight:600'}, shortened(isModule ? `${name} +` : b.key[0] === 'r' ? `${name} × ${b.nodes.length}` : name, width / 6.6)),
      svg('text', {class: 'muted', x: x + width / 2, y: y + 32, 'text-anchor': 'middle', style: 'font-size:10.5px'}, shortened(below, width / 5.6)), svg('title', {}, `${name} ${below}`));
    const chosenBy = () => {
      for (const other of holder.querySelectorAll('.chosen')) other.classList.remove('chosen');
      group.classList.add('chosen');
      panel.replaceChildren(...describe(b, module));
    };
    group.addEventListener('click', chosenBy);
    group.addEventListener('keydown', (e) => {
      if (e.key !== 'Enter' && e.key !== ' ') return;
      e.preventDefault();
      chosenBy();
    });
    group.addEventListener('dblclick', () => unfold(isModule ? path : b.key));
    drawn.push({element: group, at: b.first === Infinity ? b.nodes[0] : b.first, box: 1});
    return group;
  }

  function unfold(key) {
    unfolded.add(key);
    draw();
    panel.replaceChildren(html('p', {}, html('b', {}, key), ' ', html('button', {type: 'button', onclick: () => {
      unfolded.delete(key);
      draw();
      panel.replaceChildren(html('p', {class: 'muted'}, t('graph.click')));
    }}, t('graph.again'))));
  }

  function describe(b, module) {
    if (module) return [
      html('p', {}, html('b', {}, `${module.path}`), ' ', html('span', {class: 'muted'}, t('graph.module', {type: module.type, n: b.nodes.length}))),
      html('p', {}, html('button', {type: 'button', class: 'unfold', onclick: () => unfold(module.path)}, t('graph.open')))];
    const node = graph.nodes[b.nodes.at(-1)], values = (m) => (m ? [...m.data].slice(0, 16).map((x) => number(x, 3)).join('  ') + (m.data.length > 16 ? ' …' : '') : '');
    return [
      html('p', {}, html('b', {}, node.name ?? node.op), ' ', html('span', {class: 'muted'}, `[${node.shape.join(', ')}]  ${node.line ?? ''}`, b.nodes.length > 1 ? `  ${t('graph.repeated', {n: b.nodes.length})}` : '')),
      html('p', {class: 'forward'}, t('graph.value', {norm: number(node.norm, 4)}), '  ', values(node.value)),
      html('p', {class: 'backward'}, node.grad === null || node.grad === undefined ? t('graph.nogradient') : t('graph.gradient', {norm: number(node.grad, 4)}), '  ', values(node.gradient))];
  }

  // Lights up what is computed, op after op: from the left, or from the loss.
  function animate(direction) {
    clearInterval(timer);
    for (const d of drawn) d.element.classList.remove('lit-forward', 'lit-backward');
    const order = [...drawn].sort((a, b) => (direction === 'forward' ? a.at - b.at || a.box - b.box : b.at - a.at || b.box - a.box)), lit = () => order.shift()?.element.classList.add(`lit-${direction}`);
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return order.slice().forEach(lit);
    timer = setInterval(() => order.length ? lit() : clearInterval(timer), Math.max(12, Math.min(120, 4000 / order.length)));
  }
  draw();
}
const shortened = (text, n) => (text.length > n ? '…' + text.slice(1 - n) : text);
