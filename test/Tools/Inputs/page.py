#!/usr/bin/env python3
"""Reads a page as a browser would, and fails where it is not well made.

    page.py FILE.html [TEXT ...]

Elements close in order, ids are unique and links lead to one, nothing is asked of a network and
nothing runs; each TEXT stands in what a reader sees. Prints the state cards and the marked source.
"""
import html.parser
import re
import sys

VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.text, self.marks, self.problems = [], [], [], "", [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "object", "base") or any(a.startswith("on") for a in attrs):
            self.problems.append(f"line {self.getpos()[0]}: <{tag}> has no place here")
        if "src" in attrs or not attrs.get("href", "#").startswith("#"):
            self.problems.append(f"line {self.getpos()[0]}: <{tag}> leads out of the page")
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"][1:]] if "href" in attrs else []
        if tag == "mark":
            self.marks.append([attrs["class"], attrs.get("title", ""), ""])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"line {self.getpos()[0]}: </{tag}> closes nothing")

    def handle_startendtag(self, tag, attrs):  # of SVG
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            if re.search(r"url\(|@import", data):
                self.problems.append("the style asks for a file")
            return
        self.text += data
        if "mark" in self.open and self.marks:
            self.marks[-1][2] += data


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as f:
        source = f.read()
    page = Page()
    page.feed(source)
    page.close()
    problems = page.problems + [f"<{t}> is never closed" for t in page.open]
    problems += [f"the id `{i}` stands twice" for i in set(page.ids) if page.ids.count(i) > 1]
    problems += [f"nothing has the id `{i}`" for i in page.links if i not in page.ids]
    problems += [f"no text `{t}`" for t in sys.argv[2:] if t not in page.text]
    problems += ["a control character"] * bool(re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", source))
    if not source.startswith("<!DOCTYPE html>"):
        problems.append("no document type")
    for cls, title, text in page.marks:
        print(f"mark {cls}: {text!r} {title!r}")
    for p in problems:
        print("PROBLEM", p)
    return 1 if problems else 0


sys.exit(main())
