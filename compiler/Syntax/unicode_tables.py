#!/usr/bin/env python3
"""Writes NfcTables.inc (canonical decompositions, combining classes) and LetterTables.inc
(what names are made of) beside this script, from Python's unicodedata."""
import os
import unicodedata as u

HERE = os.path.dirname(os.path.abspath(__file__))


def rows(items, per_line):
    for i in range(0, len(items), per_line):
        yield " ".join(items[i : i + per_line])


def create(name):
    out = open(os.path.join(HERE, name), "w")
    out.write("// Written by unicode_tables.py from Unicode %s. Do not edit.\n" % u.unidata_version)
    return out


def letters():
    out = create("LetterTables.inc")
    kinds = (("kLetters", ("Lu", "Ll", "Lt", "Lm", "Lo", "Nl")), ("kMarksAndDigits", ("Mn", "Mc", "Nd")))
    for table, categories in kinds:
        ranges = []
        for c in range(0x80, 0x110000):
            if u.category(chr(c)) in categories:
                if ranges and ranges[-1][1] == c - 1:
                    ranges[-1][1] = c
                else:
                    ranges.append([c, c])
        out.write("// {first, last}\nstatic const CharRange %s[] = {\n%s\n};\n"
                  % (table, "\n".join(rows(["{0x%X,0x%X}," % tuple(r) for r in ranges], 8))))


def normalisation():
    pairs, classes = [], []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or 0xAC00 <= c <= 0xD7A3:
            continue
        ch = chr(c)
        d = u.decomposition(ch)
        if d and not d.startswith("<"):
            parts = [int(x, 16) for x in d.split()]
            composes = len(parts) == 2 and u.normalize("NFC", ch) == ch
            pairs.append("{0x%X,0x%X,0x%X,%d}," % (c, parts[0], parts[1] if len(parts) == 2 else 0, composes))
        if u.combining(ch):
            if classes and classes[-1][1] == c - 1 and classes[-1][2] == u.combining(ch):
                classes[-1][1] = c
            else:
                classes.append([c, c, u.combining(ch)])
    out = create("NfcTables.inc")
    out.write("// {character, first, second or 0, composes back}\n")
    out.write("static const Decomposition kDecompositions[] = {\n%s\n};\n" % "\n".join(rows(pairs, 4)))
    out.write("// {first, last, combining class}\n")
    out.write("static const ClassRange kClasses[] = {\n%s\n};\n"
              % "\n".join(rows(["{0x%X,0x%X,%d}," % tuple(c) for c in classes], 6)))


normalisation()
letters()
