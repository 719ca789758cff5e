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

// ---- values that several views show: f is called at once, and with what has changed whenever something has
export class Shared {
  #listeners = [];
  constructor(values) {
    Object.assign(this, values);
  }
  listen(f) {
    this.#listeners.push(f);
    f();
  }
  forget() {
    this.#listeners = [];
  }
  change(values) {
    Object.assign(this, values);
    for (const f of this.#listeners) f(values);
  }
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
