"""The reference as HTML: index.html from the headers and errors.html from the sources and tests.

    page.py FOLDER HEADER..      FOLDER has Doxygen's xml/, which says what is public
"""
import glob
import html
import os
import re
import sys
import xml.etree.ElementTree

import errors
import headers

STYLE = '''
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5c6670; --line: #d8dee4; --paper: #fff; --shade: #f5f7f9; --link: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --dim: #9aa5b0; --line: #333b44; --paper: #14181c; --shade: #1c2127; --link: #79b8ff } }
* { box-sizing: border-box }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 1fr); font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.25rem 1rem; border-right: 1px solid var(--line); background: var(--shade) }
nav a { display: block; padding: .05rem .5rem; color: var(--ink); border-radius: 4px }
nav a:hover { background: var(--line); text-decoration: none }
nav b { display: block; margin: 1rem .5rem .2rem; color: var(--dim); font-weight: 600 }
nav input { width: 100%; padding: .35rem .5rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: 4px }
main { padding: 1.5rem 2.5rem 6rem; max-width: 76rem }
h1 { font-size: 1.6rem; margin: 0 0 .3rem } h1 + p { margin: 0 0 2rem; color: var(--dim) }
h2 { font-size: 1.2rem; margin: 3rem 0 .4rem; padding-top: 1rem; border-top: 1px solid var(--line) }
h3 { font-size: .95rem; margin: 1.6rem 0 .2rem; color: var(--dim); font-weight: 600 }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
.entry { display: grid; grid-template-columns: minmax(0, 27rem) minmax(0, 1fr); gap: 0 1.5rem; padding: .4rem 0; border-top: 1px solid var(--line) }
.entry:target { background: var(--shade) }
.entry .entry { grid-column: 1 / -1; padding-left: 1rem; border: 0; padding-top: .15rem; padding-bottom: .15rem }
code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: pre-wrap; margin: 0 }
pre b { color: var(--link) }
p, .doc { margin: 0; white-space: pre-line }
.doc pre { margin: .3rem 0; padding: .4rem .6rem; background: var(--shade); border-radius: 4px }
table { border-collapse: collapse; width: 100%; margin-top: .5rem }
td { vertical-align: top; padding: .4rem 1rem .4rem 0; border-top: 1px solid var(--line) }
td:first-child { width: 15rem }
td + td { width: 50% }
td + td + td code { display: block; color: var(--dim) }
[hidden] { display: none !important }
@media (max-width: 60rem) { body { display: block } nav { position: static; height: auto } main { padding: 1rem } .entry { display: block } }
'''
FILTER = '''
document.querySelector("nav input").oninput = e => {
  const words = e.target.value.toLowerCase().split(" ");
  for (const x of document.querySelectorAll("main > section > .entry, tr"))
    x.hidden = !words.every(w => x.textContent.toLowerCase().includes(w));
  for (const x of document.querySelectorAll("main > section"))
    x.hidden = e.target.value && !x.querySelector(".entry:not([hidden]), tr:not([hidden])");
  for (const x of document.querySelectorAll("h3")) x.hidden = e.target.value;
};
'''
ORDER = ['core', 'ops', 'nn', 'optim', 'models', 'models/data', 'models/draw', 'models/run']


def page(title, purpose, navigation, body):
    return f'''<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{STYLE}</style>
<nav><input type="search" placeholder="find" autofocus>{navigation}</nav>
<main><h1>{title}</h1><p>{purpose}</p>{body}</main>
<script>{FILTER}</script></html>
'''


def public(folder):
    """The places (header, line) of all that Doxygen takes for public."""
    places = set()
    for path in glob.glob(folder + '/xml/*.xml'):
        root = xml.etree.ElementTree.parse(path).getroot()
        for item in [*root.iter('memberdef'), *root.iter('compounddef')]:
            place = item.find('location')
            if item.get('prot', 'public') == 'public' and place is not None and item.get('kind') not in ('file', 'dir', 'namespace'):
                places.add((place.get('file'), int(place.get('line'))))
    return places


def reading_order(names):
    """By folder; within one, a header comes after those that it includes."""
    def folder(name):
        place = os.path.dirname(name)
        return ORDER.index(place) if place in ORDER else len(ORDER)

    done = []

    def visit(name):
        if name in done:
            return
        included = [os.path.normpath(os.path.join(os.path.dirname(name), i))
                    for i in re.findall(r'#include "(.*)"', open(name, encoding='utf-8').read())]
        for other in included:
            if other in names and folder(other) == folder(name):
                visit(other)
        done.append(name)

    for name in sorted(names, key=lambda n: (folder(n), n)):
        visit(name)
    return done


def signature(d):
    """A declaration without its body."""
    text = re.sub(r'(, )?(Where \w+ = Where::here\(\)|const char\* file = __builtin_FILE\(\), int line = __builtin_LINE\(\))', '', d.text)
    if d.function():
        at = text.find(d.function() + '(') + len(d.function())
        depth = 0
        for end in range(at, len(text)):
            depth += (text[end] == '(') - (text[end] == ')')
            if depth == 0:
                break
        rest = re.match(r'( const| noexcept| override)*( = (delete|default|0))?', text[end + 1:])[0]
        return text[:end + 1] + rest
    if d.type() and not re.search(r'\bconcept\b', text):
        return re.sub(r'\s*(:[^:].*)?{.*', '', text) if '}' not in text else text.rstrip(';')
    return text.rstrip(';{ ')


def named(d):
    """The signature as HTML, with its name marked."""
    text = signature(d)
    name = d.function() or d.type() or (re.findall(r'(\w+)(?= =| ?{|;|,|\[|$)', re.sub(r'<[^<>]*>', '', text)) or [''])[0]
    at = re.search(r'(?<!\w)' + re.escape(name) + r'(?!\w)', text) if name else None
    if not at:
        return html.escape(text)
    return html.escape(text[:at.start()]) + '<b>' + html.escape(name) + '</b>' + html.escape(text[at.end():])


def prose(lines):
    """A comment as HTML: what is indented in it is code."""
    out, code = '', []
    for line in [*lines, '']:
        if line.startswith('  '):
            code.append(line[2:])
            continue
        if code:
            out = out.rstrip() + '<pre>' + html.escape('\n'.join(code)) + '</pre>'
            code = []
        out += html.escape(line) + ' '
    return out.strip()


def entry(group, shown, header):
    """Declarations that share a comment, and the parts of a type."""
    anchor = f'{header}-{group[0].first}'
    lines = '\n'.join(named(d) for d in group)
    parts = ''.join(entries([p for p in d.parts], shown, header) for d in group)
    return f'<div class="entry" id="{anchor}"><pre>{lines}</pre><div class="doc">{prose(group[0].doc)}</div>{parts}</div>'


def entries(declarations, shown, header):
    out, group = '', []
    for d in [*declarations, None]:
        if d and (d.inside() or not shown(d) or re.match(r'using \w+::', d.text)):
            continue
        joins = d and group and not d.doc and not d.parts and not group[-1].type() and (
            d.above or d.function() and (d.function() == group[-1].function() or not group[0].doc))
        if group and not joins:
            out += entry(group, shown, header)
            group = []
        if d:
            group.append(d)
    return out


def main(folder, names):
    places = public(folder)
    navigation, body, place = '<a href="errors.html">Error texts</a>', '', None
    for name in reading_order(names):
        purpose, declarations = headers.read(name)

        def shown(d):
            return any((name, line) in places for line in range(d.first, d.last + 1))

        section, parts = None, ''
        tops = [d for d in declarations if d.of is None]
        for title in dict.fromkeys(d.section for d in tops):
            part = entries([d for d in tops if d.section == title], shown, name)
            if part:
                parts += (f'<h3>{html.escape(title)}</h3>' if title else '') + part
        if not parts:
            continue
        if os.path.dirname(name) != place:
            place = os.path.dirname(name)
            navigation += f'<b>{place}</b>'
        navigation += f'<a href="#{name}">{os.path.basename(name)[:-2]}</a>'
        body += f'<section id="{name}"><h2>{name}</h2><div class="doc">{prose(purpose)}</div>{parts}</section>'
    with open(folder + '/index.html', 'w', encoding='utf-8') as file:
        file.write(page('heed', 'Every public name, in reading order: a header stands behind those that it builds on. '
                        'An argument that takes the line of the call is left out.', navigation, body))

    rows = errors.catalogue()
    navigation, body = '<a href="index.html">Reference</a><b>errors</b>', ''
    for kind in dict.fromkeys(row[0] for row in rows):
        lines = ''
        for _, op, text, examples in [row for row in rows if row[0] == kind]:
            shown = ''.join(f'<code>{html.escape(call)}\n{html.escape(said)}</code>' for call, said in examples[:2])
            lines += f'<tr><td><code>{html.escape(op)}</code><td>{html.escape(text)}<td>{shown}'
        navigation += f'<a href="#{kind}">{kind}</a>'
        body += f'<section id="{kind}"><h2>{kind}</h2><table>{lines}</table></section>'
    asserted = sum(len(row[3]) for row in rows)
    with open(folder + '/errors.html', 'w', encoding='utf-8') as file:
        file.write(page('Error texts', f'{len(rows)} texts, collected from the sources; … is what is only known when it '
                        f'is thrown. Beside them calls that throw them, from the {asserted} that the tests assert.', navigation, body))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
