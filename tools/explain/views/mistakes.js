// What popular sources say, what is right, and by how much it fails: numbers measured by the program that wrote the page.
import {html, t} from '../dom.js';
import {number} from '../tensor.js';

export function mistakes(page, section) {
  section.append(html('p', {}, t('mistakes.text')), html('ul', {class: 'cards'}, page.data.mistakes.map((m) =>
    html('li', {id: m.id}, html('h3', {}, t(`mistakes.${m.id}.title`)), html('p', {class: 'wrong'}, '✗ ', t(`mistakes.${m.id}.wrong`)), html('p', {}, '✓ ', t(`mistakes.${m.id}.right`)),
      Object.keys(m).length > 1 ? html('p', {class: 'numbers'}, t(`mistakes.${m.id}.numbers`, numbersOf(m))) : null))));
}

const numbersOf = (m) => Object.fromEntries(Object.entries(m).map(([name, x]) => [name, typeof x !== 'number' ? x : Number.isInteger(x) ? String(x) : number(x, 3)]));
