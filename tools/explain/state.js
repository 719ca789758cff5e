// What is shown: which layer and head, which element, and what has been changed by hand.
import {Shared} from './dom.js';
import {attend, attendBackward, pulled, runTiny} from './engine.js';
import {at, copy, dot, row} from './tensor.js';

const below = (n) => [...String(n)].map((c) => '₀₁₂₃₄₅₆₇₈₉'[c]).join('');

export class Page extends Shared {
  // It begins where the row sum says most: the answer and head where the largest weight times its row's sum is largest.
  constructor(data) {
    const visible = (labels) => labels.map((label) => label?.replaceAll(' ', '␣').replaceAll('\n', '↵') ?? null);
    for (const name of ['queries', 'keys', 'targets', 'predictions']) data[name] = visible(data[name]);
    super({data, layer: 0, headIndex: 0, selected: null, edits: {}, rerun: null});
    let most = -1;
    this.heads.forEach((h, headIndex) => {
      for (const i of this.asked) {
        const mean = Math.abs(dot(row(h.A, i), row(h.dA, i))), j = row(h.A, i).indexOf(Math.max(...row(h.A, i)));
        if (mean * at(h.A, i, j) <= most) continue;
        most = mean * at(h.A, i, j);
        Object.assign(this, {headIndex, selected: {name: 'dS', i, j}});
      }
    });
  }

  get asked() {
    return this.data.targets.map((_, i) => i).filter((i) => this.data.targets[i] !== null);
  }
  // Do all places read each other?
  get self() {
    const {queries, keys} = this.data;
    return queries.length === keys.length && queries.every((query, i) => query === keys[i]);
  }
  // The query of what is selected; of keys and values, one that was asked
  get query() {
    return /[KV]$/.test(this.selected.name) ? this.asked[0] : Math.min(this.selected.i, this.head.S.rows - 1);
  }
  // A label for sentences: with its place where there are several
  nameOf(list, i) {
    const labels = this.data[list];
    return labels.indexOf(labels[i]) === labels.lastIndexOf(labels[i]) ? labels[i] : labels[i] + below(i + 1);
  }
  rowName(matrix, i) {
    return this.nameOf(/[KV]$/.test(matrix) ? 'keys' : 'queries', i);
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
  // The loss; in a larger model, to first order of what has changed
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
  // One element of Q, K or V
  edit(name, i, j, value) {
    const key = this.data.tiny ? `${name}.${this.headIndex}` : name, changed = copy(this.edits[key] ?? this.head[name]);
    changed.data[i * changed.cols + j] = value;
    const edits = {...this.edits, [key]: changed};
    this.change({edits, rerun: this.#run(edits)});
  }
  reset() {
    this.change({edits: {}, rerun: null});
  }

  #run(edits) {
    const {tiny, layers} = this.data, heads = layers[this.layer].heads;
    if (tiny) return runTiny(tiny, heads[0].mask, edits);
    const changed = heads.slice();
    changed[this.headIndex] = attendBackward(attend({...heads[this.headIndex], ...edits}), heads[this.headIndex].dO);
    return {heads: changed};
  }
}
