"""Text of programs, as far as brackets tell its parts. Shared by suites that rewrite programs."""


def split_at_commas(text):
    """The parts between the commas outside of brackets."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts]
