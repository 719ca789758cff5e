#!/usr/bin/env python3
"""Writes copies of the sources of the ops in which every mutant is present and one run-time number chooses it.

  mutate.py BUILD_FOLDER [OP]   writes BUILD_FOLDER/mutants/: the copies, and mutants.json; of all ops, but OP has to be
                                one of them

What is mutated: the text of whatever gradients are made of. In ops/*.cpp rules (d0 ..), backward, adders (add0 ..) and
definitions, the helpers they call, and `forward` where a definition says what it should give; in ops/kernels/ all loops
but the optimizers' and those of namespace reference; in core/plus.cpp likewise. Not: public functions (they check their
arguments and call the rest; what an op means is compared with PyTorch elsewhere), random numbers no gradient comes by,
and what only shares work out or makes it quicker (the grain of parallel_for, tiles, prefetches): any of it is right. Nor
the sizes of scratch memory (sanitizers watch those), nor what kernels do on processors that have less.

How: a unit is a full expression, or a statement. It is written once as it is and once for every mutant, each choosing
itself by heed_mutant(number), so that a mutant is exactly the text with one edit, and all are compiled together:

  return a + b;      {if (heed_mutant(17)) return a - b;  if (heed_mutant(18)) return a;  return a + b;}
  f(x, i + 1)        as a statement likewise, and with heed_mutant(19) dropped
  int64_t n = m - 1; int64_t n = (heed_mutant(20) ? (m + 1) : (m - 1));

Each mutant stands on a line of its own, so the line of a compiler's error names the one that does not compile. Such are
left out: the copies are compiled, and written again without them, until nothing is wrong.
"""
import collections
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

TOKEN = re.compile(
    r'''(?P<space>\s+)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<directive>^\#(?:[^\n]*\\\n)*[^\n]*)'''
    r'''|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|(?P<number>\.?\d(?:[eE][+-]|[\w.'])*)|(?P<name>[A-Za-z_]\w*)'''
    r'''|(?P<sign>\.\.\.|<=>|<<=|->|::|\+\+|--|<<|<=|>=|==|!=|&&|\|\||\+=|-=|\*=|/=|%=|.)''', re.M | re.S)
PRECEDENCE = {'||': 1, '&&': 2, '|': 3, '&': 4, '==': 5, '!=': 5, '<': 6, '>': 6, '<=': 6, '>=': 6, '<<': 7, '>>': 7,
              '+': 8, '-': 8, '*': 9, '/': 9, '%': 9}
OPERATORS = {'+': '-', '-': '+', '*': '/', '/': '*', '%': '/', '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=',
             '!=': '==', '&&': '||', '||': '&&', '&': '|', '|': '&', '+=': '-=', '-=': '+=', '*=': '/=', '/=': '*='}
FUNCTIONS = {'Add': 'Sub', 'Sub': 'Add', 'Mul': 'Div', 'Div': 'Mul', 'MulAdd': 'NegMulAdd', 'NegMulAdd': 'MulAdd',
             'MulSub': 'MulAdd', 'Lt': 'Le', 'Le': 'Lt', 'Gt': 'Ge', 'Min': 'Max', 'Max': 'Min', 'add': 'sub', 'sub': 'add',
             'mul': 'div', 'div': 'mul', 'sum': 'mean', 'mean': 'sum', 'sin': 'cos', 'cos': 'sin', 'max': 'min',
             'min': 'max', 'tanh': 'sigmoid', 'sigmoid': 'tanh', 'IfThenElse': 'IfThenElseZero'}
SYMMETRIC = {'max', 'min', 'Add', 'Mul', 'Or', 'Eq', 'Min', 'Max', 'broadcast', 'mul', 'add', 'added', 'squared_radius'}
DROPS = {'Add': ('0', '1'), 'Sub': ('0',), 'Mul': ('0', '1'), 'Div': ('0',), 'MulAdd': ('2', 'Mul(0, 1)', 'Add(0, 2)'),
         'NegMulAdd': ('2', 'Neg(Mul(0, 1))'), 'Neg': ('0',), 'MulSub': ('Mul(0, 1)',)}
SHARING = re.compile(r'(_per_task|tasks|places_at_once|work|Tiles|chunk|multiply_adds)$')
FREE = {file: re.compile(f'({names})$') for file, names in {  # the same, by names that are others' elsewhere
    'ops/conv.cpp': 'Tasks|grain|most|images|parts', 'ops/kernels/attention.cpp': 'parts',
    'ops/kernels/conv.cpp': 'even_rows|slices|deep', 'ops/kernels/gemm.cpp': 'slices|deep|widest|wide|pack_a|pack_b',
    'ops/kernels/gemm.h': 'stands_well', 'ops/kernels/matmul.cpp': 'even_width|small',
    'ops/kernels/rows_random.cpp': 'unit_of|fill|uniform|normal', 'ops/recurrent.cpp': 'prefetch|grain|apart'}.items()}
PREFETCHES = re.compile(r'\{?(\s*(if \(\w+\) )?(__builtin_prefetch\(|prefetch<)[^;]*;)+\s*\}?$')
HELPERS = {'windowed', 'picked'}  # functions of tensors that definitions are made of; others are public, or composites
LEFT_OUT = {'ops/einsum.cpp', 'ops/composite.cpp', 'ops/checks.cpp', 'ops/kernels/clear.cpp', 'ops/kernels/rows_optim.cpp', 'ops/kernels/target.cpp'}
OPEN, CLOSE = {'(': ')', '[': ']', '{': '}'}, {')', ']', '}'}
SKIPPED = {'struct', 'using', 'static_assert', 'typedef', 'break', 'continue', 'throw', 'static', 'constexpr', 'friend'}
BIG = 80  # tokens of a lambda that is not written once more for each mutant of the call it stands in


def flat(text):
  return ' '.join(re.sub(r'//[^\n]*', '', text).split())


class Source:
  def __init__(self, path, text, number, refused=()):
    self.path, self.text, self.number, self.refused = path, text, number, refused
    tokens, narrower = [m for m in TOKEN.finditer(text) if m.lastgroup not in ('space', 'comment')], False
    self.tokens = []
    for m in tokens:
      if m.lastgroup != 'directive': self.tokens += [] if narrower else [m]
      elif re.match('#(else|endif|if HWY_TARGET ==)', m.group()):
        narrower = not m.group().startswith('#endif') and not (narrower and m.group().startswith('#else'))
    self.t = [m.group() for m in self.tokens]
    self.kind = [m.lastgroup for m in self.tokens]
    self.match, stack = {}, []
    for i, t in enumerate(self.t):
      if t in OPEN: stack.append(i)
      elif t in CLOSE:
        self.match[i] = stack.pop()
        self.match[self.match[i]] = i
    self.mutants, self.edits, self.seen = [], [], collections.Counter()
    self.groups = [{}]  # of names that could be mistaken for each other, the innermost function's last
    self.operation = ''

  def free(self, name):
    return SHARING.search(name) or self.path in FREE and FREE[self.path].match(name)

  # ---- the text
  def start(self, i): return self.tokens[i].start()
  def end(self, i): return self.tokens[i].end()
  def raw(self, a, b): return self.text[self.start(a):self.end(b - 1)]
  def spaced(self, i): return self.text[self.start(i) - 1].isspace() and self.text[self.end(i):self.end(i) + 1].isspace()
  def binary(self, i): return self.t[i] in PRECEDENCE and self.spaced(i)

  def angle(self, i):
    """The end of template arguments that begin at i, or None."""
    if self.t[i] != '<' or (self.text[self.start(i) - 1].isspace() and self.t[i - 1] != 'template'): return None
    depth = 0
    for k in range(i, len(self.t)):
      if self.t[k] in '<': depth += 1
      if self.t[k] == '>': depth -= 1
      if self.t[k] in ';{' and self.t[k]: return None
      if depth == 0: return k
    return None

  def over(self, i):
    """The token after i, or after what i opens."""
    return (self.match[i] if self.t[i] in OPEN else self.angle(i) or i) + 1

  def find(self, what, i, end):
    while i < end and self.t[i] not in what: i = self.over(i)
    return i

  def split(self, a, b):
    parts = []
    while a < b:
      k = self.find((',',), a, b)
      parts.append((a, k))
      a = k + 1
    return [p for p in parts if p[0] < p[1]]

  def lambdas(self, a, b):
    """(introducer, body, end) of each lambda between a and b that is in no other."""
    found, i = [], a
    while i < b:
      if self.t[i] == '[' and (self.kind[i - 1] == 'sign' and self.t[i - 1] not in ')]' or self.t[i - 1] == 'return'):
        k = self.match[i] + 1
        while k < b and self.t[k] != '{': k = self.over(k)
        if k < b:
          found.append((i, k, self.match[k]))
          i = self.match[k]
      i += 1
    return found

  # ---- functions
  def scope(self, i, end, names=(), definition=False, op=''):
    while i < end:
      t = self.t[i]
      if t == 'namespace':
        k = self.find(('{', ';'), i, end)
        if self.t[k] == '{' and 'reference' not in self.t[i:k]: self.scope(k + 1, self.match[k], names, definition, op)
        i = self.over(k)
      elif t == 'template': i = self.over(i + 1)
      elif t in ('struct', 'class'):
        k = self.find(('{', ';'), i, end)
        if self.t[k] == '{':
          body = self.raw(k, self.match[k] + 1)
          name = re.search(r'auto name = ([^;,]*)[;,]', body)
          label = ' '.join(re.findall(r'"(\w+)"', name.group(1))) if name else ''
          self.scope(k + 1, self.match[k], (*names, self.t[i + 1]), ' definition(' in body or definition,
                     label or op or f'({self.t[i + 1]})')
        i = self.over(k)
      elif t in ('using', 'static_assert', 'friend', 'enum', 'typedef'): i = self.find((';',), i, end) + 1
      elif t in ('public', 'private'): i += 2
      else: i = self.declaration(i, end, names, definition, op)

  def declaration(self, i, end, names, definition, op):
    first, parameters, k = i, None, i
    while k < end:
      t = self.t[k]
      if t == ';': return k + 1
      if t == 'operator': k = self.find(('(',), k + 1, end) + (2 if self.t[k + 1] == '(' else 0)
      elif t == '=': return self.find((';',), k, end) + 1
      elif t == '(':
        parameters = parameters or (k + 1, self.match[k], self.t[k - 1])
        k = self.match[k] + 1
      elif t in (':', '{') and parameters:
        wanted = 'constexpr' not in self.t[first:parameters[0]] and self.wanted(parameters, names, definition)
        self.operation = op or f'({re.sub(r"(_param)?(_grad)?(_of)?$", "", parameters[2])})'
        self.groups.append(self.exchangeable(*parameters[:2]))
        while t in (':', ','):
          k = self.find(('(', '{'), k + 1, end)
          if wanted: self.edits += self.elements(k + 1, self.match[k])
          k = self.match[k] + 1
          t = self.t[k]
        if wanted: self.edits += self.block(k)
        self.groups.pop()
        return self.match[k] + 1
      else: k = self.over(k)
    return end

  def wanted(self, parameters, names, definition):
    text = ' ' + self.raw(parameters[0], parameters[1]) if parameters[0] < parameters[1] else ''
    name = parameters[2]
    if self.free(name) or any(SHARING.search(n) for n in names): return False
    if re.search(r'\b(In|Where|Inputs)\b', text) or name.startswith('check'): return False
    if not names and 'Tensor' in text: return name in HELPERS
    return name != 'forward' or definition or 'kernels' in self.path

  def exchangeable(self, a, b):
    """name: the next one of the same kind, among parameters."""
    kinds = {}
    for p, q in self.split(a, b):
      q = self.find(('=',), p, q)
      if q - p < 2 or self.kind[q - 1] != 'name': continue
      kind = flat(self.raw(p, q - 1)).replace('__restrict', '').strip()
      if re.match(r'(Grad|Input|Output|GradOf|OutputOf)\b', kind): kind = 'Tensor'
      if kind in ('Tensor', 'const Tensor&', 'const Array&') or kind.endswith(('T*', 'auto', 'auto*')):
        kinds.setdefault(kind, []).append(self.t[q - 1])
    return {n: g[(i + 1) % len(g)] for g in kinds.values() if len(g) > 1 for i, n in enumerate(g)}

  # ---- statements: each returns its edits, (begin, end, text)
  def block(self, i):
    edits, k = [], i + 1
    while k < self.match[i]:
      more, k = self.statement(k)
      edits += more
    return edits

  def statement(self, i):
    t = self.t[i]
    if t == '{': return self.block(i), self.match[i] + 1
    if t == ';': return [], i + 1
    if t == 'HWY_UNROLL': return self.statement(self.match[i + 1] + 1)
    if t in ('if', 'while', 'for'):
      constant = self.t[i + 1] == 'constexpr'
      p = i + 1 + constant
      inner = (p + 1, self.match[p])
      edits, then = [], inner[1] + 1
      if t in ('if', 'for') and PREFETCHES.match(self.raw(then, self.find((';', '{'), then, len(self.t)) + 1) if self.t[then] != '{' else
                                        self.raw(then, self.match[then] + 1)):
        return [], self.over(then) if self.t[then] == '{' else self.find((';',), then, len(self.t)) + 1
      parts = [k for k in range(*inner) if self.t[k] == ';'] if t == 'for' else []
      if len(parts) == 2:
        edits += self.declared(inner[0], parts[0])
        if parts[0] + 1 < parts[1]: edits += self.unit(parts[0] + 1, parts[1], 'loop')
      elif t != 'for' and not constant and ';' not in self.t[inner[0]:inner[1]]: edits += self.unit(*inner, 'value')
      more, k = self.statement(inner[1] + 1)
      edits += more
      if t == 'if' and self.t[k] == 'else':
        more, k = self.statement(k + 1)
        edits += more
      return edits, k
    end = self.find((';',), i, len(self.t))
    if t in SKIPPED or re.match(r'(fail|check)', t) or self.free(t): return [], end + 1
    if t == 'return': return (self.unit(i + 1, end, 'return', i) if end > i + 1 else []), end + 1
    if self.declarator(i) is not None: return self.declared(i, end), end + 1
    if self.raw(i, end).find('.reserve(') > 0: return [], end + 1  # a hint
    return self.unit(i, end, 'statement'), end + 1

  def declarator(self, i):
    """Where the first name declared by a statement stands; None for another statement."""
    while self.t[i] in ('const', 'typename', 'HWY_ALIGN', 'unsigned'): i += 1
    if self.kind[i] != 'name': return None
    i += 1
    while self.t[i] == '::' or self.angle(i): i = i + 2 if self.t[i] == '::' else self.angle(i) + 1
    while self.t[i] in ('*', '&', '&&', '__restrict') and not (self.t[i] != '__restrict' and self.spaced(i)): i += 1
    if self.t[i] == '[' and self.t[i - 1] in ('auto', '&'): return self.match[i]
    return i if self.kind[i] == 'name' and self.t[i + 1] in ('=', ';', ',', '(', '{', '[', ':') else None

  def declared(self, i, end):
    name = self.declarator(i)
    if name is None: return self.unit(i, end, 'value') if i < end else []
    if 'Workspace' in self.t[i:name]: return []
    edits = []
    for a, b in self.split(name, end):
      k = self.find(('=', '(', '{'), a, b)
      if k < b and not self.free(self.t[a]): edits += self.elements(k + 1, b) if self.t[k] == '=' else self.elements(k + 1, self.match[k])
    return edits

  def elements(self, a, b):
    """Expressions between commas, or in the braces they stand in."""
    edits = []
    for p, q in self.split(a, b):
      if self.t[p] == '.' : p = self.find(('=',), p, q) + 1
      edits += self.elements(p + 1, q - 1) if self.t[p] == '{' else self.unit(p, q, 'value')
    return edits

  # ---- units
  def unit(self, a, b, kind, begin=None):
    inside, lambdas = [], self.lambdas(a, b)
    for intro, body, _ in lambdas:
      p = self.find(('(', '{'), intro + 1, body + 1)
      group = self.exchangeable(p + 1, self.match[p]) if self.t[p] == '(' else {}
      self.groups.append({**self.groups[-1], **group})
      inside += self.block(body)
      self.groups.pop()
    if lambdas and lambdas[0][0] == a: return inside
    begin = a if begin is None else begin
    if any(end - body > BIG for _, body, end in lambdas):
      edits = []
      p = max(k for k in range(a, lambdas[0][0]) if self.t[k] == '(' and self.match[k] > lambdas[0][0])
      for n, (c, d) in enumerate(self.split(p + 1, self.match[p])):
        if any(c <= l[0] < d for l in lambdas): edits += [e for e in inside if self.start(c) <= e[0] < self.end(d - 1)]
        elif n != 1 or self.t[p - 1] not in ('parallel_for', 'for_each_plane'): edits += self.unit(c, d, 'value')
      if kind == 'statement':
        m = self.mutant('dropped statement', self.start(a), self.end(b - 1), '')
        if m not in self.refused: edits += [(self.start(a), self.start(a), f'\nif (!heed_mutant({m})) {{ '), (self.end(b), self.end(b), ' }')]
      return edits
    found = self.mutations(a, b, lambdas, kind)
    if kind == 'statement': found.append(('dropped statement', self.start(a), self.end(b - 1), ''))
    if not found: return inside
    start, end = self.start(a), self.end(b - 1)
    whole, seen, texts = self.text[start:end], set(), []
    for category, p, q, new in found:
      text = flat(whole[:p - start] + new + whole[q - start:])
      if text in seen or text == flat(whole): continue
      seen.add(text)
      m = self.mutant(category, p, q, new)
      if m not in self.refused: texts.append((m, text))
    original = apply([(p - start, q - start, n) for p, q, n in inside], whole)
    if kind in ('value', 'loop'):
      out = ''.join(f'\nheed_mutant({m}) ? ({x}) : ' for m, x in texts)
      return [(start, end, f'({out}\n({original}))')]
    word = 'return ' if kind == 'return' else ''
    out = ''.join(f'\nif (heed_mutant({m})) {{ {word}{x}; }} else ' for m, x in texts)
    return [(self.start(begin), self.end(b), f'{{{out}\n{{ {word}{original}; }} }}')]

  def mutant(self, category, p, q, new):
    lines = self.text.rfind('\n', 0, p) + 1, (self.text + '\n').find('\n', q)
    old = flat(self.text[lines[0]:lines[1]])
    changed = flat(self.text[lines[0]:p] + new + self.text[q:lines[1]])
    self.seen[old, changed] += 1
    self.mutants.append({'number': self.number, 'file': self.path, 'line': self.text.count('\n', 0, p) + 1,
                         'op': self.operation, 'category': category, 'original': old, 'mutated': changed,
                         'occurrence': self.seen[old, changed]})
    self.number += 1
    return self.number - 1

  # ---- edits of one expression: (category, begin, end, text)
  def mutations(self, a, b, lambdas, kind):
    found, frozen = [], set()
    def edit(category, i, j, new): found.append((category, self.start(i), self.end(j - 1), new))
    for intro, _, end in lambdas: frozen.update(range(intro, end + 1))
    for i in range(a, b):
      if self.t[i] == '<' and self.angle(i): frozen.update(range(i, self.angle(i) + 1))
      if self.t[i] in ('parallel_for', 'for_each_plane') and self.t[i + 1] == '(':
        frozen.update(range(*self.split(i + 2, self.match[i + 1])[1]))
      if self.free(self.t[i]) and self.t[i + 1] == '(': frozen.update(range(i + 1, self.match[i + 1]))
    for i in range(a, b):
      t, before = self.t[i], self.t[i - 1] if i else ''
      if i in frozen: continue
      if t in OPERATORS and (self.binary(i) or t.endswith('=')) and self.spaced(i):
        edit('operator', i, i + 1, OPERATORS[t])
        if t in ('+', '-', '*', '/', '%', '&&', '||'): self.drops(a, b, i, edit)
        if kind == 'loop' and t in ('<', '<='): edit('off by one', b - 1, b, self.t[b - 1] + ' - 1')
      elif t in ('-', '!') and not self.spaced(i) and before not in (')', ']') and (i == a or self.kind[i - 1] == 'sign'):
        if self.kind[i + 1] == 'number' and self.t[i + 1].isdigit():
          edit('dim', i, i + 2, '0')
          edit('dim', i, i + 2, f'-{int(self.t[i + 1]) + 1}')
          if self.t[i + 1] != '1': edit('dim', i, i + 2, f'-{int(self.t[i + 1]) - 1}')
        else: edit('operator', i, i + 1, '')
      elif self.kind[i] == 'number' and (before != '-' or self.spaced(i - 1)):
        for new in constants(t): edit('constant', i, i + 1, new)
      elif t in ('true', 'false'): edit('constant', i, i + 1, 'false' if t == 'true' else 'true')
      elif self.kind[i] == 'name' and before not in ('.', '->', '::') and t in self.groups[-1] and self.t[i + 2] != 'dtype':
        edit('argument', i, i + 1, self.groups[-1][t])
      elif t in FUNCTIONS and self.t[i + 1] == '(' and before not in ('.', '->'): edit('operator', i, i + 1, FUNCTIONS[t])
      elif t == '[' and i > a and before not in ('_', '(') and self.match[i] > i + 1 + (self.kind[i + 1] == 'number'):
        edit('off by one', self.match[i] - 1, self.match[i], self.t[self.match[i] - 1] + ' + 1')
      if t == '(' and i > a and (self.kind[i - 1] == 'name' or before == '>' and not self.text[self.start(i) - 1].isspace()):
        self.arguments(i, frozen, edit)
    return found

  def drops(self, a, b, i, edit):
    own, l, r = PRECEDENCE[self.t[i]], i - 1, i + 1
    def ends(k): return self.t[k] in (',', '?', ':', '=', '+=', '-=', '*=', '/=', 'return', ';')
    while l >= a and not (self.t[l] in OPEN or ends(l) or self.binary(l) and PRECEDENCE[self.t[l]] < own):
      l = (self.match[l] if self.t[l] in CLOSE else l) - 1
    while r < b and not (self.t[r] in CLOSE or ends(r) or self.binary(r) and PRECEDENCE[self.t[r]] <= own):
      r = self.over(r)
    what = 'dropped factor' if self.t[i] in '*/%' else 'dropped term'
    edit(what, i, r, '')
    if self.t[i] not in ('/', '%'): edit(what, l + 1, i + (self.t[i] != '-'), '')

  def arguments(self, i, frozen, edit):
    name = self.t[next(k for k in range(i - 1, 0, -1) if self.kind[k] == 'name' and (k == i - 1 or self.angle(k + 1) == i - 1))]
    parts = self.split(i + 1, self.match[i])
    texts = [self.raw(*p) for p in parts]
    for (p, q), (r, s) in zip(parts, parts[1:]):
      if frozen & set(range(p, s)) and any(x[0] in '[' for x in texts): continue
      first = (p, q) == parts[0]
      if name in SYMMETRIC or (first and name in ('MulAdd', 'NegMulAdd', 'MulSub', 'dot')): continue
      if self.raw(p, q) != self.raw(r, s): edit('argument', p, s, f'{self.raw(r, s)}, {self.raw(p, q)}')
    for form in DROPS.get(name, ()):
      edit('dropped term' if name[-3:] in ('Add', 'Sub') else 'dropped factor', i - 1, self.match[i] + 1,
           re.sub(r'\d', lambda m: texts[int(m.group())], form))


NATIVE = ['-march=native', '-ffp-contract=off', '-DHWY_COMPILE_ONLY_STATIC']  # kernels for this processor alone
PER_FILE = 1800  # numbers, so that a change of one file leaves the mutants of the others theirs


def copies(root, out, refused):
  """Writes the copies; returns all mutants, and the number on each line of a file."""
  mutants, lines = [], {}
  for folder in ('core', 'ops/kernels'):
    os.makedirs(f'{out}/{folder}', exist_ok=True)
  for path in sorted(glob.glob(f'{root}/core/*.h')):
    link = f'{out}/core/{os.path.basename(path)}'
    if not os.path.islink(link): os.symlink(path, link)
  paths = sorted(glob.glob(f'{root}/ops/*.*') + glob.glob(f'{root}/ops/kernels/*.*') + [f'{root}/core/plus.cpp'])
  assert len(paths) * PER_FILE < 1 << 17  # as many as tests/mutants.cpp has room for
  for n, path in enumerate(paths):
    name = os.path.relpath(path, root)
    with open(path) as f: source = Source(name, f.read(), 1 + n * PER_FILE, refused)
    if name not in LEFT_OUT: source.scope(0, len(source.t))
    assert len(source.mutants) <= PER_FILE, name
    mutants += source.mutants
    if not source.mutants and name.endswith('.cpp'): continue
    text = '#include <heed/tools/mutants/mutant.h>\n' + apply(source.edits, source.text)
    text = text.replace(f'"heed/{name}"', f'"{out}/{name}"')  # Highway includes a file once for each instruction set
    if name.endswith('.h'): text = '#pragma once\n' + text.replace('#pragma once', '')
    for i, line in enumerate(text.split('\n')):
      if m := re.match(r'(?:if \(!?)?heed_mutant\((\d+)\)', line): lines[f'{out}/{name}', i + 1] = int(m.group(1))
    to = f'{out}/{name}'
    if not os.path.exists(to) or open(to).read() != text:
      with open(to, 'w') as f: f.write(text)
  return mutants, lines


def wrong_ones(command, lines):
  """Numbers of the mutants that a compiler refuses."""
  run = subprocess.run(command, capture_output=True, text=True)
  found, context, unknown = set(), [], ''
  for line in run.stderr.split('\n'):
    place = re.match(r'([^ :]+):(\d+):(?:\d+:)? +(.*)', line)
    if not place: continue
    number = lines.get((os.path.normpath(place.group(1)), int(place.group(2))))
    if 'error:' in place.group(3):
      number = number or next((n for n in context if n), None)
      if number: found.add(number)
      else: unknown = unknown or line
      context = []
    elif 'required from' in place.group(3): context.append(number)
  if run.returncode and not found: sys.exit(f'mutate.py: {unknown or run.stderr}')
  return found


def commands(build, root, out):
  """The compiler's command for each copy, as for the original."""
  with open(f'{build}/compile_commands.json') as f: entries = json.load(f)
  for e in entries:
    name = os.path.relpath(e['file'], root)
    if not os.path.exists(f'{out}/{name}') or 'heed.dir' not in e['command']: continue
    words = [w for w in shlex.split(e['command']) if not w.endswith('ccache') and not re.match('-(W|O|o$|c$|g)', w)]
    words = [w for w in words if not w.endswith('.o') and w != e['file']]
    yield name, [words[0], '-w', '-O0', '-fsyntax-only', *NATIVE, *words[1:], f'{out}/{name}']


def main():
  if len(sys.argv) not in (2, 3) or sys.argv[1].startswith('-'):
    print(__doc__)
    sys.exit(0 if '--help' in sys.argv else 2)
  root = os.path.realpath(os.path.dirname(__file__) + '/../..')
  build = os.path.realpath(sys.argv[1])
  out = f'{build}/mutants'
  known = f'{out}/refused.json'
  mutants, _ = copies(root, out, set())
  if sys.argv[2:] and sys.argv[2] not in {'', *(m['op'] for m in mutants)}:
    sys.exit(f'mutate.py: there is no op {sys.argv[2]} with mutants')
  file_of = {m['number']: m['file'] for m in mutants}
  keys = {file: hashlib.sha256(json.dumps([m for m in mutants if m['file'] == file]).encode()).hexdigest()
          for file in file_of.values()}
  saved = {}
  if os.path.exists(known):
    with open(known) as f: saved = json.load(f)
  changed = {file for file, key in keys.items() if saved.get(file, {}).get('key') != key}
  if any(not file.endswith('.cpp') for file in changed): changed = set(keys)  # others include it
  refused = {n for file in keys.keys() - changed for n in saved[file]['refused']}
  todo = {name: c for name, c in commands(build, root, out) if name in changed}
  while todo:
    _, lines = copies(root, out, refused)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
      found = dict(zip(todo, pool.map(lambda c: wrong_ones(c, lines), todo.values())))
    todo = {name: c for name, c in todo.items() if found[name]}
    refused |= set().union(*found.values())
    print(f'{len(refused)} do not compile, {len(todo)} files to look at again', file=sys.stderr)
  with open(known, 'w') as f:
    json.dump({file: {'key': key, 'refused': [n for n in refused if file_of[n] == file]} for file, key in keys.items()}, f)
  copies(root, out, refused)
  with open(f'{out}/mutants.json', 'w') as f:
    json.dump({'refused': len(refused), 'mutants': [m for m in mutants if m['number'] not in refused]}, f, indent=1)


def constants(t):
  if re.fullmatch(r'\d+', t): return {'0': ['1'], '1': ['2', '0']}.get(t, [str(int(t) + 1)])
  return [str(float(t) / 2)] if re.fullmatch(r'\d+\.\d*', t) else []


def apply(edits, text):
  for p, q, new in sorted(edits, key=lambda e: (e[0], e[1]), reverse=True): text = text[:p] + new + text[q:]
  return text


if __name__ == '__main__':
  main()
