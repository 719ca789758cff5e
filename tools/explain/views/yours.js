// Write a gradient yourself: it is computed on the numbers of this page, judged, and told what is wrong with it.
import {choice, html, t} from '../dom.js';
import {evaluate, functions, named} from '../formulas.js';
import {at, dot, largest, map, norm, number} from '../tensor.js';

// What a wrong formula's value is instead, among the known mistakes or times a factor; null where it is none of them.
export function diagnose(value, right, part, values) {
  const close = (other) => other.rows === value.rows && other.cols === value.cols && largest(map((x, y) => x - y, value, other)) <= 1e-9 * (largest(value) || 1);
  for (const mistake of part.mistakes) {
    let other;
    try {
      other = evaluate(mistake.formula, values);
    } catch {
      continue;  // its sizes do not fit these numbers
    }
    if (close(other)) return mistake;
  }
  if (value.rows !== right.rows || value.cols !== right.cols) return null;
  const factor = dot(value.data, right.data) / dot(right.data, right.data);
  return close(map((x) => factor * x, right)) ? {factor} : null;
}

export function yours(page, section) {
  const additive = page.head.score === 'additive', parts = page.data.exercise.filter((part) => !additive || 'dV dA dS'.includes(part.name));
  let part = parts[0];
  const field = html('input', {type: 'text', id: 'formula', spellcheck: 'false', autocomplete: 'off', 'aria-label': t('yours.field')});
  const label = html('b', {class: 'backward'}), verdict = html('div', {class: 'readout here', id: 'verdict', 'aria-live': 'polite'});
  const form = html('form', {class: 'controls'}, html('label', {}, label, field), html('button', {}, t('yours.judge')),
    html('button', {type: 'button', id: 'solve', onclick: () => (field.value = part.formula, judge())}, t('yours.show')),
    html('button', {type: 'button', id: 'quiz', onclick: () => quiz()}, t('yours.quiz')));
  form.addEventListener('submit', (e) => (e.preventDefault(), judge()));
  section.append(html('p', {}, t('yours.text')), html('p', {class: 'ui muted'}, t('yours.names', {
    names: 'Q K V S A O dO' + (additive ? '' : ' d') + t('yours.earlier'), functions: Object.keys(functions).join(' ')})),
    html('div', {class: 'controls'}, choice(parts.map((p, n) => [n, p.name]), 0, (n) => ((part = parts[n]), begin()), t('yours.which'))), form, verdict);
  function begin() {
    label.textContent = `${part.name} =`;
    field.value = '';
    verdict.replaceChildren(html('p', {class: 'muted'}, t('yours.begin')));
  }
  function judge() {
    const right = page.head[part.name];
    let value;
    try {
      const values = named(page.head);
      delete values[part.name];
      value = evaluate(field.value, values);
    } catch (problem) {
      return verdict.replaceChildren(html('p', {class: 'wrong'}, t('yours.unread', {at: problem.message})));
    }
    const found = diagnose(value, right, part, named(page.head));
    if (value.rows !== right.rows || value.cols !== right.cols)
      return verdict.replaceChildren(html('p', {class: 'wrong'}, t('yours.sizes', {mine: `${value.rows} × ${value.cols}`, right: `${right.rows} × ${right.cols}`})), said(found));
    const off = map((x, y) => Math.abs(x - y), value, right), worst = largest(off), scale = largest(right) || 1;
    if (worst <= 1e-12 * scale) return verdict.replaceChildren(html('p', {class: 'verified'}, t('yours.right', {off: worst === 0 ? '0' : number(worst, 1)})));
    const n = off.data.findIndex((x) => !(x <= 1e-12 * scale)), i = Math.floor(n / off.cols), j = n % off.cols;
    verdict.replaceChildren(html('p', {class: 'wrong'}, t('yours.wrong', {i: i + 1, j: j + 1, mine: number(at(value, i, j)), right: number(at(right, i, j)), share: number(norm(off.data) / norm(right.data), 2)})), said(found));
  }
  const said = (found) => !found ? '' : html('p', {}, found.factor !== undefined ? t('yours.factor', {factor: number(found.factor), name: part.name})
    : t('yours.equals', {formula: found.formula, why: found.why}));

  // A known mistake, drawn; which is it?
  function quiz() {
    const drawn = (list) => list[Math.floor(Math.random() * list.length)], mistakes = part.mistakes;
    const wrong = drawn(mistakes), others = mistakes.filter((m) => m.why !== wrong.why);
    const options = [wrong, drawn(others), drawn(others)].filter((m, n, all) => all.indexOf(m) === n).sort(() => Math.random() - 0.5);
    verdict.replaceChildren(html('p', {}, t('yours.which.wrong'), ' ', html('code', {}, `${part.name} = ${wrong.formula}`)),
      html('p', {class: 'controls'}, options.map((option) => html('button', {type: 'button', class: 'answer', onclick: (e) => {
        const right = option === wrong;
        e.target.replaceWith(html('span', {class: right ? 'verified' : 'wrong'}, `${right ? '✓' : '✗'} ${option.why}`));
      }}, option.why))));
  }
  begin();
}
