// The page: its chapters in their order.
import {html, languages, spoken, t} from './dom.js';
import {Grid} from './grid.js';
import {Page} from './state.js';
import {decodeAll} from './tensor.js';
import {heads} from './views/heads.js';
import {history} from './views/history.js';
import {masks} from './views/masks.js';
import {matrices} from './views/matrices.js';
import {mechanisms} from './views/mechanisms.js';
import {memory} from './views/memory.js';
import {mistakes} from './views/mistakes.js';
import {paths} from './views/paths.js';
import {reach} from './views/reach.js';
import {run} from './views/run.js';
import {softmaxRow} from './views/softmax.js';
import {verify} from './views/verify.js';
import {yours} from './views/yours.js';

const chapters = {run, matrices, softmax: softmaxRow, verify, paths, masks, heads, history, mechanisms, reach, memory, mistakes, yours};
const data = decodeAll(JSON.parse(document.getElementById('data').textContent));

const page = new Page(data);

function draw() {
  page.forget();
  document.documentElement.lang = spoken.language === 'zh' ? 'zh-Hans' : 'en';
  for (const e of document.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
  document.title = t('title');
  document.getElementById('language').textContent = t('language');
  document.getElementById('scheme').textContent = t('scheme');
  const shown = Object.entries(chapters).filter(([name]) => !(name === 'heads' && data.layers.every((layer) => layer.heads.length === 1)) &&
    !(name === 'history' && data.history.length < 2));
  document.querySelector('nav').replaceChildren(html('ol', {}, shown.map(([name]) => html('li', {}, html('a', {href: `#${name}`}, t(`${name}.nav`))))));
  document.querySelector('main').replaceChildren(...shown.map(([name, view], n) => {
    const section = html('section', {id: name}, html('h2', {}, html('span', {class: 'n'}, String(n + 1)), t(`${name}.title`)));
    view(page, section);
    return section;
  }));
  markChapter();
}

// The chapter that is being read
function markChapter() {
  const passed = [...document.querySelectorAll('main > section')].filter((s) => s.getBoundingClientRect().top < innerHeight / 3);
  for (const a of document.querySelectorAll('nav a'))
    if (a.hash === `#${passed.at(-1)?.id}`) a.setAttribute('aria-current', 'true');
    else a.removeAttribute('aria-current');
}
addEventListener('scroll', markChapter, {passive: true});

document.getElementById('language').addEventListener('click', () => {
  spoken.language = languages.find((name) => name !== spoken.language);
  draw();
});
const dark = matchMedia('(prefers-color-scheme: dark)');
document.getElementById('scheme').addEventListener('click', () => {
  const now = document.documentElement.dataset.scheme ?? (dark.matches ? 'dark' : 'light');
  document.documentElement.dataset.scheme = now === 'dark' ? 'light' : 'dark';
  draw();
});
dark.addEventListener('change', draw);
addEventListener('keydown', (e) => e.key === 'Escape' && (Grid.pinned = false));
let screen;  // its scheme, while a print is light
addEventListener('beforeprint', () => {
  screen = document.documentElement.dataset.scheme;
  document.documentElement.dataset.scheme = 'light';
  draw();
});
addEventListener('afterprint', () => {
  if (screen) document.documentElement.dataset.scheme = screen;
  else delete document.documentElement.dataset.scheme;
  draw();
});
let width = innerWidth;
addEventListener('resize', () => width !== innerWidth && ((width = innerWidth), draw()));
draw();
