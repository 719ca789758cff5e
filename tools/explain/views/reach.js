// How far a gradient reaches.
import {chart} from '../chart.js';
import {html, t} from '../dom.js';

export function reach(page, section) {
  const {steps, rnn, lstm, attention} = page.data.reach;
  section.append(html('p', {}, t('reach.text')), html('div', {class: 'scroll'}, chart([
    {name: t('reach.attention'), x: steps, y: attention, colour: 'ink'},
    {name: 'LSTM', x: steps, y: lstm, colour: 'ink', dashes: '7 4'},
    {name: 'RNN', x: steps, y: rnn, colour: 'ink', dashes: '2 3'},
  ], {width: 720, height: 300, logY: true, xLabel: t('reach.x'), yLabel: t('reach.y')})));
}
