// Elements, and what the views share: language, what is selected, who wants to know.
import {texts} from './text.js';

export function html(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) e.setAttribute(name, value === true ? '' : value);
  e.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return e;
}
export function svg(tag, attributes = {}, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children.flat());
  return e;
}

// ---- language: t('matrices.title'), with {names} filled in
export const languages = ['en', 'zh'];
export const spoken = {language: navigator.language?.startsWith('zh') ? 'zh' : 'en'};
export function t(key, values = {}) {
  return texts[spoken.language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// ---- values that several views show: f is called at once, and whenever one has changed, with the names of what has; if
// its section is out of sight then, when it comes into sight
export class Shared {
  #views = [];
  constructor(values) {
    Object.assign(this, values);
    addEventListener('scroll', () => this.#show(inSight), {passive: true});
  }
  listen(section, f) {
    this.#views.push({section, f, changed: new Set()});
    f(new Set());
  }
  forget() {
    this.#views = [];
  }
  change(values) {
    Object.assign(this, values);
    for (const view of this.#views) for (const name of Object.keys(values)) view.changed.add(name);
    this.#show(inSight);
  }
  #show(wanted) {
    for (const view of this.#views) {
      if (view.changed.size === 0 || !wanted(view.section)) continue;
      const changed = view.changed;
      view.changed = new Set();
      view.f(changed);
    }
  }
}
function inSight(element) {
  const box = element.getBoundingClientRect();
  return box.bottom > -200 && box.top < innerHeight + 200;
}

// ---- controls
export function slider(label, {min, max, step, value}, oninput, show = (x) => x) {
  const out = html('output', {}, String(show(value)));
  const input = html('input', {type: 'range', min, max, step, value, 'aria-label': label});
  const set = () => {
    out.textContent = show(Number(input.value));
    oninput(Number(input.value));
  };
  input.addEventListener('input', set);
  return html('label', {}, html('span', {class: 'name'}, label), input, out);
}
// Buttons of which one is pressed
export function choice(names, chosen, onchoice, label) {
  const buttons = names.map(([value, text]) => html('button', {
    type: 'button', 'data-value': value, 'aria-pressed': String(value === chosen),
    onclick: () => {
      for (const b of buttons) b.setAttribute('aria-pressed', String(b.dataset.value === String(value)));
      onchoice(value);
    },
  }, text));
  return html('span', {class: 'group', role: 'group', 'aria-label': label}, buttons);
}
