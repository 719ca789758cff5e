// A line chart: lines [{name, x, y, class}], on linear or logarithmic axes; mark: an x to point at.
import {svg} from './dom.js';
import {number} from './tensor.js';

export function chart(lines, {width = 560, height = 260, logX = false, logY = false, xLabel = '', yLabel = '', mark = null, y: range = null} = {}) {
  const named = lines.filter((line) => line.name).map((line) => line.name.length);
  const left = 66, right = named.length ? 16 + 8 * Math.max(...named) : 20, top = 14, bottom = 44;
  const scale = (log) => (log ? (v) => Math.log10(v) : (v) => v);
  const fx = scale(logX), fy = scale(logY);
  const points = lines.flatMap((line) => line.x.map((x, i) => [fx(x), fy(line.y[i])])).filter((p) => p.every(Number.isFinite));
  const span = (values) => {
    const low = Math.min(...values), high = Math.max(...values);
    return low === high ? [low - 1, high + 1] : [low, high];
  };
  const [x0, x1] = span(points.map((p) => p[0]));
  const [y0, y1] = range ? range.map(fy) : span(points.map((p) => p[1]));
  const X = (v) => left + ((fx(v) - x0) / (x1 - x0)) * (width - left - right);
  const Y = (v) => height - bottom - ((fy(v) - y0) / (y1 - y0)) * (height - top - bottom);

  const ticks = (a, b, log) => {
    if (log) {
      const every = Math.max(1, Math.ceil((b - a) / 6)), r = [];
      for (let e = Math.floor(a); e <= b; e += every)
        for (const k of b - a < 2 ? [1, 2, 5] : [1]) r.push(k * 10 ** e);
      return r.filter((v) => Math.log10(v) >= a && Math.log10(v) <= b);
    }
    const rough = (b - a) / 5, unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((k) => k * unit >= rough) * unit, r = [];
    for (let v = Math.ceil(a / step) * step; v <= b + 1e-9 * step; v += step) r.push(Math.abs(v) < step / 1e6 ? 0 : v);
    return r;
  };
  const text = (v, log) => (log ? number(v, 1).replace('1 · ', '') : String(Number(v.toPrecision(6))).replace('-', '−'));
  const root = svg('svg', {class: 'chart', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img'});
  for (const v of ticks(y0, y1, logY)) {
    root.append(svg('line', {class: 'gridline', x1: left, x2: width - right, y1: Y(v), y2: Y(v)}));
    root.append(svg('text', {class: 'muted', x: left - 8, y: Y(v) + 4, 'text-anchor': 'end'}, text(v, logY)));
  }
  for (const v of ticks(x0, x1, logX))
    root.append(svg('text', {class: 'muted', x: X(v), y: height - bottom + 18, 'text-anchor': 'middle'}, text(v, logX)));
  root.append(svg('path', {class: 'axis', d: `M${left} ${top}V${height - bottom}H${width - right}`}));
  root.append(svg('text', {class: 'muted', x: (left + width - right) / 2, y: height - 6, 'text-anchor': 'middle'}, xLabel));
  root.append(svg('text', {class: 'muted', transform: `translate(13 ${(top + height - bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle'}, yLabel));
  if (mark !== null && Number.isFinite(X(mark)))
    root.append(svg('line', {x1: X(mark), x2: X(mark), y1: top, y2: height - bottom, stroke: 'var(--ink)', 'stroke-dasharray': '3 3'}));

  const ends = [];
  for (const line of lines) {
    let d = '', open = false;
    line.x.forEach((x, i) => {
      const px = X(x), py = Y(line.y[i]);
      if (!Number.isFinite(px) || !Number.isFinite(py)) return void (open = false);
      d += `${open ? 'L' : 'M'}${px.toFixed(1)} ${Math.min(height - bottom + 2, Math.max(top, py)).toFixed(1)}`;
      open = true;
    });
    root.append(svg('path', {class: 'line', d, stroke: `var(--${line.colour})`, 'stroke-dasharray': line.dashes ?? ''}));
    if (!line.name) continue;
    const last = line.x.length - 1;
    let y = Math.min(height - bottom, Math.max(top + 4, Y(line.y[last]) + 4));
    while (ends.some((other) => Math.abs(other - y) < 14)) y += y > height / 2 ? -14 : 14;
    ends.push(y);
    root.append(svg('text', {x: width - right + 8, y, style: `fill:var(--${line.colour})`}, line.name));
  }
  root.setAttribute('aria-label', `${yLabel} / ${xLabel}: ${lines.map((l) => l.name).join(', ')}`);
  return root;
}
