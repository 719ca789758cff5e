"""Every error text, from the sources that throw it, with an example from the tests that assert it."""
import glob
import re

THROWN = re.compile(r'\b(?:fail<(\w+)>|throw (?:std::)?(\w+))\(|\bcannot_(read|write)\(')


def arguments(text, begin):
    """The arguments of a call, as they stand in the source; text[begin] is behind the parenthesis."""
    depth, quote, parts, start, i = 0, '', [], begin, begin
    while True:
        c = text[i]
        if quote:
            if c == '\\':
                i += 1
            elif c == quote:
                quote = ''
        elif c in '"\'':
            quote = c
        elif c in '([{':
            depth += 1
        elif c in ')]}':
            if depth == 0:
                return parts + [text[start:i].strip()]
            depth -= 1
        elif c == ',' and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1


def pattern(expression):
    """The text that an expression makes of literals, with an ellipsis for what is only known when it is thrown."""
    parts, depth, word, i = [], 0, '', 0
    while i < len(expression):
        c = expression[i]
        if c == '"' and depth == 0:
            end = re.compile(r'"((?:\\.|[^"\\])*)"').match(expression, i)
            parts.append(end[1].replace('\\"', '"').replace('\\n', ' ').replace('\\\\', '\\'))
            i = end.end()
            word = ''
            continue
        depth += (c in '([{') - (c in ')]}')
        word += c
        if re.search(r'[\w)\]]', c) and not re.fullmatch(r'\s*(std::string\()?', word) and (not parts or parts[-1] != '…'):
            parts.append('…')
        if c == '+' and depth == 0:
            word = ''
        i += 1
    return ''.join(parts)


def literals(expression):
    """The same of a call such as std::string("..") + ..: the literal counts."""
    return pattern(re.sub(r'std::string\(("(?:\\.|[^"\\])*")\)', r'\1', expression))


def thrown():
    """(class, op, text, file) for every place that throws."""
    for path in sorted(glob.glob('core/*') + glob.glob('ops/*.*') + glob.glob('nn/*') + glob.glob('optim/*') + glob.glob('models/*.*') + glob.glob('models/*/*')):
        if not path.endswith(('.h', '.cpp')):
            continue
        source = open(path, encoding='utf-8').read()
        names = dict(re.findall(r'struct (\w+) [^}]*?\bname = "(\w+)"', source))
        names.update(re.findall(r'constexpr auto (\w+) = "(\w+)"', source))
        for m in THROWN.finditer(source):
            call = arguments(source, m.end())
            if m[3]:
                kind, op, text = 'FileError', '', 'cannot ' + m[3] + ' …: ' + literals(call[0])
            elif m[1]:
                if len(call) < 3:
                    continue
                kind, op, text = m[1], call[1], literals(call[2])
                op = op.strip('"') if op.startswith('"') else names.get(op.split('::')[0], '')
            else:
                kind, op, text = m[2], '', literals(call[0])
                named = re.match(r'([\w.]+): (.*)', text, re.S)
                if named:
                    op, text = named[1], named[2]
            if re.search(r'\w', text) and kind.endswith(('Error', 'invalid_argument')):
                yield kind, op, text, path


def asserted():
    """(class, the expression, op, text) of every message that a test asserts."""
    for path in sorted(glob.glob('tests/*_test.cpp')):
        source = open(path, encoding='utf-8').read()
        for m in re.finditer(r'\bCHECK_ERROR\(', source):
            kind, *expression, text = arguments(source, m.end())
            text = literals(text)
            op, _, text = ('', '', text[1:]) if text.startswith('…') else text.partition(': ')
            yield kind, re.sub(r'\s+', ' ', ', '.join(expression)), op, text


def catalogue():
    """Rows of (class, op, text, [(expression, text it threw)]), each text once."""
    rows = {}
    for kind, op, text, _ in thrown():
        rows.setdefault((kind, op, text), [])
    for kind, expression, op, text in asserted():
        fits = [key for key in rows if key[0] == kind and (not op or key[1] in ('', op)) and
                re.fullmatch('.*'.join(re.escape(part) for part in key[2].split('…')), text, re.S)]
        key = max(fits, key=lambda k: (bool(k[1]), len(k[2])), default=(kind, op, text))
        rows.setdefault(key, []).append((expression, (op or key[1] or '…') + ': ' + text))
    return [(*key, examples) for key, examples in sorted(rows.items())]
