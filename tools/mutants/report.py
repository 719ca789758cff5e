#!/usr/bin/env python3
"""What the checks made of the mutants: the kill rate by op and by kind of change, and the survivors one by one.

  report.py FOLDER                what is in FOLDER/results, written by the program mutants
  report.py FOLDER --list OP      the mutants of an op, or all if OP is empty
  report.py FOLDER --numbers OP   their numbers

A survivor is explained by an entry of equivalent.txt: the file (and which one of equal lines), the line as it is and as
it is changed, and the reason why no check can tell them apart. An entry whose line is no longer there, or whose mutant is
killed, is stale. Exit code 1 if a survivor is not explained or an entry is stale.
"""
import collections
import json
import os
import sys


def explanations(path):
  """(file, occurrence, original, mutated): reason. A reason holds for all entries above it back to the one before."""
  entries, reasons, file, occurrence, original = [], {}, '', 1, ''
  with open(path) as f: lines = f.read().split('\n')
  for n, line in enumerate(lines, 1):
    mark, text = line[:1], line[2:].strip()
    if mark == '@':
      file, _, nth = text.partition(' #')
      occurrence = int(nth or 1)
    elif mark == '-': original = text
    elif mark == '+': entries.append((file, occurrence, original, text))
    elif mark == '=':
      reasons.update({e: text for e in entries})
      entries = []
    elif line and mark != '#': sys.exit(f'{path}:{n}: not understood: {line}')
  if entries: sys.exit(f'{path}: no reason for {entries[-1]}')
  return reasons


def described(m):
  nth = f" #{m['occurrence']}" if m['occurrence'] > 1 else ''
  return f"{m['file']}:{m['line']}{nth}: {m['op']}: {m['category']}\n- {m['original']}\n+ {m['mutated']}"


def key(m): return m['file'], m['occurrence'], m['original'], m['mutated']


def main():
  if len(sys.argv) not in (2, 4) or sys.argv[1].startswith('-'):
    print(__doc__)
    sys.exit(0 if '--help' in sys.argv else 2)
  with open(f'{sys.argv[1]}/mutants.json') as f: made = json.load(f)
  mutants = {m['number']: m for m in made['mutants']}
  if len(sys.argv) == 4:
    wanted = [m for m in mutants.values() if sys.argv[3] in ('', m['op'])]
    if not wanted: sys.exit(f'report.py: there is no op {sys.argv[3]} with mutants')
    for m in wanted: print(m['number'] if sys.argv[2] == '--numbers' else described(m))
    return
  with open(f'{sys.argv[1]}/results') as f: results = {int(l.split()[0]): l.rstrip().split(' ', 3)[1:] for l in f}
  reasons = explanations(os.path.dirname(os.path.abspath(__file__)) + '/equivalent.txt')

  tried = [mutants[n] | {'verdict': v[0], 'by': (v + [''])[2]} for n, v in results.items()]
  alive = [m for m in tried if m['verdict'] != 'killed']
  for m in sorted(alive, key=lambda m: m['number']):
    print(f"{described(m)}\n= {m['verdict']}: {reasons.get(key(m), 'not explained')}")
  for what in ('op', 'category'):
    print(f'\n{what:44} mutants  killed  equivalent  alive')
    rows = collections.defaultdict(lambda: [0, 0, 0, 0])
    for m in tried:
      for row in (rows[m[what]], rows['~']):
        row[0] += 1
        row[1 if m['verdict'] == 'killed' else 2 if key(m) in reasons else 3] += 1
    for name, r in sorted(rows.items()):
      if what == 'category' or name != '~': print(f'{"all" if name == "~" else name:44} {r[0]:7} {r[1]:7} {r[2]:11} {r[3]:6}')
  by = collections.Counter(m['by'].partition(': ')[2] or 'nothing' for m in tried)
  print('\nkilled by: ' + '; '.join(f'{what} {n}' for what, n in by.most_common()))

  open_ones = [m for m in alive if key(m) not in reasons]
  died = {key(m) for m in tried if m['verdict'] == 'killed'}
  there = {key(m) for m in mutants.values()}
  stale = [e for e in reasons if e in died or e not in there]
  for e in stale: print(f"stale in equivalent.txt ({'killed' if e in died else 'not there'}): {e[0]}\n- {e[2]}\n+ {e[3]}")
  count = collections.Counter(m['op'] for m in mutants.values())
  terms = {m['op'] for m in mutants.values() if m['category'] == 'dropped term'}
  few = [op for op in terms if count[op] < 6 and not op.startswith('(')]  # in brackets: a helper
  if few: print('fewer than 6 mutants although a rule has more than one term: ' + ', '.join(few))
  killed = len(tried) - len(alive)
  print(f"\n{len(tried)} mutants ({made['refused']} more do not compile): {killed} killed, {len(alive) - len(open_ones)} equivalent, "
        f"{len(open_ones)} alive: kill rate {100 * killed / max(1, killed + len(open_ones)):.2f} % of those that are not equivalent")
  sys.exit(1 if open_ones or stale or few else 0)


if __name__ == '__main__':
  main()
