// A matrix on a canvas: colour says forward or backward, depth says size, stripes say negative, hollow is exactly 0. One
// of its elements may be selected, by pointer or arrow keys.
import {html} from './dom.js';
import {at, largest, power, short} from './tensor.js';

const font = '"system-ui", sans-serif';

export class Grid {
  static pinned = false;  // by a click: what is pointed at is no longer selected, until a click on the same element

  // options: {kind: 'forward' | 'backward' | 'verified', rows, cols: labels or none, cell: largest width of a cell,
  // width: of all, scale: of the deepest colour, sized: say rows and columns, onselect(i, j),
  // describe(i, j): for screen readers}
  constructor(name, options) {
    this.name = name, this.options = options, this.marks = [], this.selected = null;
    this.size = html('small'), this.power = html('small');
    this.canvas = html('canvas', {tabindex: options.onselect ? 0 : -1, role: options.onselect ? 'application' : 'img', 'data-matrix': name});
    this.figure = html('figure', {}, html('figcaption', {}, html('b', {class: options.kind}, name), this.size, this.power), this.canvas);
    if (options.onselect) {
      this.canvas.addEventListener('pointermove', (e) => e.pointerType === 'mouse' && !Grid.pinned && this.#pointed(e));
      this.canvas.addEventListener('pointerdown', (e) => (Grid.pinned = this.#pointed(e) || !Grid.pinned));
      this.canvas.addEventListener('keydown', (e) => this.#key(e));
    }
  }

  set(m) {
    this.matrix = m;
    if (this.options.sized !== false) this.size.textContent = `${m.rows} × ${m.cols}`;
    this.draw();
  }
  draw() {
    const {matrix: m, options: o} = this;
    if (!m) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const context = this.canvas.getContext('2d');
    context.font = `12px ${font}`;
    const widest = (labels) => Math.max(0, ...(labels ?? []).map((label) => context.measureText(label).width));
    const left = o.rows ? Math.ceil(widest(o.rows)) + 7 : 0;
    const slanted = o.cols && widest(o.cols) > 14;
    const top = o.cols ? (slanted ? Math.ceil(widest(o.cols) * 0.86) + 12 : 18) : 0;
    const extra = slanted ? Math.ceil(top * 0.6) : 0, room = document.documentElement.clientWidth - 36;
    const cell = Math.max(2, Math.min(o.cell ?? 34, Math.floor((Math.min(o.width ?? 520, room - extra) - left) / m.cols)));
    const height = Math.max(cell, o.rows || m.rows <= 30 ? 15 : 4);
    this.cell = cell, this.height = height, this.left = left, this.top = top;
    const width = left + cell * m.cols + 1, tall = top + height * m.rows + 1;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = (width + extra) * ratio, this.canvas.height = tall * ratio;
    this.canvas.style.width = `${width + extra}px`, this.canvas.style.height = `${tall}px`;
    this.canvas.style.marginRight = `${width + extra > room ? 0 : -extra}px`;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width + extra, tall);

    const most = o.scale ?? (largest(m) || 1), tens = cell >= 27 && most < 0.05 ? Math.floor(Math.log10(most)) : 0;
    const ink = colour('ink'), muted = colour('muted'), tint = colour(o.kind);
    const dark = colour('page') < '#8';
    this.power.textContent = tens ? `· ${power(tens)}` : '';
    for (let i = 0; i < m.rows; ++i)
      for (let j = 0; j < m.cols; ++j) {
        const x = at(m, i, j), X = left + j * cell, Y = top + i * height, gap = cell > 7 ? 1 : 0;
        context.globalAlpha = 0.06 + 0.6 * Math.min(1, Math.abs(x) / most);
        context.fillStyle = Number.isNaN(x) ? colour('wrong') : tint;
        if (x === 0) this.#hollow(context, X, Y, cell - gap, height - gap, muted);
        else if (x > 0 || Number.isNaN(x)) context.fillRect(X, Y, cell - gap, height - gap);
        else this.#stripes(context, X, Y, cell - gap, height - gap, tint);
        context.globalAlpha = 1;
        if (cell >= 27) {
          context.fillStyle = dark && x > 0.6 * most ? colour('page') : ink;
          context.font = `${cell >= 32 ? 12 : 10.5}px ${font}`;
          context.textAlign = 'center', context.textBaseline = 'middle';
          context.fillText(short(x / 10 ** tens), X + (cell - gap) / 2, Y + (height - gap) / 2 + 0.5);
        }
      }
    context.font = `12px ${font}`;
    context.fillStyle = muted;
    context.textBaseline = 'middle', context.textAlign = 'right';
    if (o.rows) o.rows.forEach((label, i) => context.fillText(label, left - 5, top + (i + 0.5) * height));
    context.textAlign = 'left';
    if (o.cols) o.cols.forEach((label, j) => {
      if (cell < 8 && j % 2) return;
      context.save();
      context.translate(left + (j + 0.5) * cell + (slanted ? 1 : 0), top - 6);
      if (slanted) context.rotate(-Math.PI / 3);
      else context.textAlign = 'center';
      context.fillText(label, 0, 0);
      context.restore();
    });
    context.strokeStyle = ink;
    context.lineWidth = 1.2;
    for (const {i, j} of this.marks)
      context.strokeRect(left + j * cell + 0.6, top + i * height + 0.6, Math.max(1, cell - 2), Math.max(1, height - 2));
    if (this.selected) {
      context.lineWidth = 3;
      context.strokeRect(left + this.selected.j * cell, top + this.selected.i * height, cell, height);
    }
    const said = o.describe && this.selected ? o.describe(this.selected.i, this.selected.j) : '';
    this.canvas.setAttribute('aria-label', `${this.name} ${m.rows} × ${m.cols} ${said}`.trim());
  }

  #hollow(context, x, y, w, h, colour) {
    if (w < 6) return;
    context.globalAlpha = 0.35;
    context.lineWidth = 0.7;
    context.strokeStyle = colour;
    context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
  }
  #stripes(context, x, y, w, h, tint) {
    context.save();
    context.beginPath();
    context.rect(x, y, w, h);
    context.clip();
    const alpha = context.globalAlpha;
    context.globalAlpha = alpha * 0.45;
    context.fillRect(x, y, w, h);
    context.globalAlpha = alpha;
    context.strokeStyle = tint;
    context.lineWidth = 2;
    context.beginPath();
    for (let d = -h; d < w; d += 5) {
      context.moveTo(x + d, y + h);
      context.lineTo(x + d + h, y);
    }
    context.stroke();
    context.restore();
  }

  // Selects the element pointed at. Was it another one?
  #pointed(e) {
    const box = this.canvas.getBoundingClientRect();
    const j = Math.floor((e.clientX - box.left - this.left) / this.cell);
    const i = Math.floor((e.clientY - box.top - this.top) / this.height);
    if (i < 0 || j < 0 || i >= this.matrix.rows || j >= this.matrix.cols || (this.selected?.i === i && this.selected?.j === j)) return false;
    this.options.onselect(i, j);
    return true;
  }
  #key(e) {
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[e.key];
    if (!step) return;
    e.preventDefault();
    const {i, j} = this.selected ?? {i: 0, j: 0};
    const within = (x, n) => Math.min(n - 1, Math.max(0, x));
    this.options.onselect(within(i + step[0], this.matrix.rows), within(j + step[1], this.matrix.cols));
  }
}
