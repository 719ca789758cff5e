// What has been run: the sequence, what is asked, and the whole graph.
import {html, t} from '../dom.js';
import {number} from '../tensor.js';
import {drawGraph} from './graph.js';

export function run(page, section) {
  const {data} = page;
  const list = (labels, extra = () => null) => html('ul', {class: 'sentence'}, labels.map((label, i) => {
    const more = extra(i);
    return html('li', {class: more ? 'asked' : ''}, label, more && html('small', {}, more));
  }));
  const probability = (p) => (p >= 0.9995 ? '> 99.9 %' : `${number(100 * p, 3)} %`);
  const answer = (i) => data.targets[i] === null ? null : t(data.targets[i] === data.predictions[i] ? 'run.right' : 'run.wrong', {
    target: data.targets[i], prediction: data.predictions[i], probability: probability(data.probabilities[i])});
  section.append(html('p', {}, t(`run.${data.model}`, {
    steps: data.step, parameters: data.parameters.toLocaleString('en'), run: data.run ?? ''})));
  if (!page.self) section.append(html('h3', {}, t('run.read')), list(data.keys), html('h3', {}, t('run.written')));
  section.append(list(data.queries, answer));
  section.append(html('p', {}, t('run.loss', {loss: number(data.loss)}), ' ', html('span', {class: 'muted'}, t('run.command')), ' ',
    html('code', {}, data.command)));
  section.append(html('h3', {}, t('graph.title')), html('p', {}, t('graph.text')));
  drawGraph(page, section);
}
