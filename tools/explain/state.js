// What is shown: which layer and head, which element, and what has been changed by hand.
import {Shared} from './dom.js';
import {attend, attendBackward, pulled, runTiny} from './engine.js';
import {at, copy, norm, row} from './tensor.js';

export class Page extends Shared {
  // It begins where most is to be seen: at the answer that is worst, and the head and key that change most by it.
  constructor(data) {
    const visible = (labels) => labels.map((label) => label?.replaceAll(' ', '␣').replaceAll('\n', '↵') ?? null);
    for (const name of ['queries', 'keys', 'targets', 'predictions']) data[name] = visible(data[name]);
    super({data, layer: 0, headIndex: 0, selected: null, edits: {}, rerun: null});
    const {probabilities, targets} = data, S = this.head.A.cols;
    const asked = targets.map((_, i) => i).filter((i) => targets[i] !== null);
    const worst = asked.reduce((a, b) => (probabilities[b] < probabilities[a] ? b : a), asked[0]);
    const size = (h) => norm(row(h.dS, worst));
    this.headIndex = this.heads.reduce((best, h, n) => (size(h) > size(this.heads[best]) ? n : best), 0);
    const steepest = [...Array(S).keys()].reduce((a, b) => (Math.abs(at(this.head.dS, worst, b)) > Math.abs(at(this.head.dS, worst, a)) ? b : a), 0);
    this.selected = {name: 'dS', i: worst, j: steepest};
  }

  get heads() {
    return this.rerun?.heads ?? this.data.layers[this.layer].heads;
  }
  get head() {
    return this.heads[this.headIndex];
  }
  get edited() {
    return Object.keys(this.edits).length > 0;
  }
  // The loss, or in a larger model what it changes by as far as this layer tells
  get loss() {
    if (this.rerun?.loss !== undefined) return this.rerun.loss;
    if (!this.edited) return this.data.loss;
    const from = this.data.layers[this.layer].heads[this.headIndex];
    return this.data.loss + pulled(this.head, from.dO) - pulled(from, from.dO);
  }

  select(name, i, j) {
    this.change({selected: {name, i, j}});
  }
  show(layer, headIndex) {
    this.change({layer, headIndex, edits: {}, rerun: null, selected: {...this.selected, j: 0}});
  }
  // One element of Q, K, V or, in the built-in model, x
  edit(name, i, j, value) {
    const key = name === 'x' || !this.data.tiny ? name : `${name}.${this.headIndex}`;
    const from = this.edits[key] ?? (name === 'x' ? this.x : this.head[name]);
    const changed = copy(from);
    changed.data[i * changed.cols + j] = value;
    const edits = {...this.edits, [key]: changed};
    this.change({edits, rerun: this.#run(edits)});
  }
  reset() {
    this.change({edits: {}, rerun: null});
  }

  get x() {
    return this.rerun?.values?.x ?? this.data.tiny?.values.x;
  }
  get dx() {
    return this.rerun?.value_gradients?.x ?? this.data.tiny?.value_gradients.x;
  }

  #run(edits) {
    const {tiny, layers} = this.data, heads = layers[this.layer].heads;
    if (tiny) return runTiny(tiny, heads[0].mask, edits);
    const changed = heads.slice();
    changed[this.headIndex] = attendBackward(attend({...heads[this.headIndex], ...edits}), heads[this.headIndex].dO);
    return {heads: changed};
  }
}
