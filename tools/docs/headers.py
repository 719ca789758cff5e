"""What the comments of a header say of its declarations.

A comment above a declaration speaks for it and for those below, up to a blank line or another comment; one at the end of
a line for the declaration on it; either for all functions of that name. That of a type speaks for its fields,
constructors and operators, those of fields for a type that has none. An operator needs none. A section
"// ---- inside: .." is not for users. The layout is clang-format's: a declaration begins at the
indentation of its scope, and what belongs to it stands further in.

As a program, headers.py FOLDER HEADER..: copies of headers for Doxygen, in which all that is documented is marked so.
"""
import dataclasses
import os
import re
import sys

OPENS_SCOPE = re.compile(r'(template <.*>+ )?(struct|class|union|enum)\b.*{$')
CONTINUED = re.compile(r'(template <.*>|requires\b.*[^;{}])$')  # what follows at the same indentation belongs to it


# Documented by the comment of their type: constructors, operators, what containers and the walk over fields need, and an
# optimizer's step, which that comment is about.
EXPECTED = r'~?%s|operator.*|begin|end|fields|clone|str|step'


@dataclasses.dataclass
class Declaration:
    first: int  # lines, from 1
    last: int
    section: str  # of the header: // ---- section
    text: str
    doc: list  # lines
    above: bool  # documented by the comment of the declaration before it
    of: object  # the type it stands in
    beside: list  # the declarations of its scope, itself among them
    parts: list = dataclasses.field(default_factory=list)  # of a type

    def documented(self):
        if self.doc or self.above or self.inside():
            return True
        if any(p.doc for p in self.parts):
            return True
        name = self.function()
        if name and any(d.function() == name and (d.doc or d.above) for d in self.beside):
            return True
        if self.of is None:
            return bool(name) and name.startswith('operator')
        return self.of.documented() and (not name or bool(re.fullmatch(EXPECTED % self.of.type(), name)))

    def function(self):
        """The name of what is declared, if it is a function."""
        if self.type():
            return None
        text = re.sub(r' = .*', '', re.sub(r'requires\(.*\) |decltype\(auto\)|\[\[.*?\]\]', '', re.sub(r'^template <.*?> ', '', self.text)))
        while '<' in text and '>' in text and text != (less := re.sub(r'<[^<>]*>', '', text)):
            text = less
        m = re.search(r'(operator[^(]*(?:\(\))?|~?\w+)\(', text)
        return m and m[1].strip()

    def inside(self):
        return self.section.startswith('inside')

    def type(self):
        m = re.match(r'(?:template <.*?>+ )?(?:struct|class|union|enum(?: class)?|concept)(?: alignas\(\d+\))? (\w+)', self.text)
        return m and m[1]


def split_comment(line):
    """(code, comment) of a line; what stands in a string is no comment."""
    m = re.match(r'((?:"(?:\\.|[^"\\])*"|[^"/]|/(?!/))*)(?://(.*))?$', line)
    return m[1].rstrip(), m[2]


def read(path):
    """The purpose of a header, from its first lines, and its declarations."""
    lines = open(path, encoding='utf-8').read().split('\n')
    purpose, found, tops = [], [], []
    scopes, paragraphs = [None], []  # the types that are open; does a comment speak for what comes behind them?
    section, lead, paragraph, current, joined = '', [], False, None, False
    for number, line in enumerate(lines, 1):
        code, comment = split_comment(line)
        indent, text, depth = len(line) - len(line.lstrip()), code.strip(), 2 * len(scopes) - 2
        if not code:  # a comment, or nothing
            if comment is None or indent == depth:
                paragraph = False
            if comment is None:
                lead, current = [], None
            elif comment.startswith(' ---- '):
                section, lead = comment[6:], []
            elif indent == depth:
                lead.append(comment[1:])
            continue
        if text.startswith('#') or text.startswith('namespace'):
            purpose = purpose or (lead if not found else [])
            lead = []
        elif text.startswith('}') and indent <= depth:
            current = None
            if indent < depth:
                scopes.pop().doc += lead
                lead = []
                paragraph = paragraphs.pop()
        elif re.fullmatch(r'(public|private|protected):', text):
            lead, paragraph = [], False
        elif indent == depth and not (joined and current):
            beside = scopes[-1].parts if scopes[-1] else tops
            current = Declaration(number, number, section, text, lead, not lead and paragraph, scopes[-1], beside)
            beside.append(current)
            found.append(current)
            paragraph = paragraph or bool(lead)
            lead = []
        elif current:
            current.last = number
            current.text += ' ' + text
        if current and comment is not None:
            current.doc = current.doc + [comment.strip()]
        joined = bool(current) and indent == depth and bool(CONTINUED.match(text))
        if current and text.endswith('{'):
            if OPENS_SCOPE.search(text):
                scopes.append(current)
                paragraphs.append(paragraph)
                lead, paragraph = [], False
            current = None
    return purpose, found


def marked(path):
    lines = open(path, encoding='utf-8').read().split('\n')
    for i, line in enumerate(lines):
        if line.startswith('namespace'):  # else Doxygen would not look for what is undocumented in it
            lines[i] = '/** documented */ ' + line
    for d in read(path)[1]:
        if d.documented():
            line = lines[d.first - 1]
            code = line.lstrip()
            lines[d.first - 1] = line[:len(line) - len(code)] + '/** documented */ ' + code
    return '\n'.join(lines)


if __name__ == '__main__':
    for header in sys.argv[2:]:
        copy = os.path.join(sys.argv[1], header)
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with open(copy, 'w', encoding='utf-8') as file:
            file.write(marked(header))
