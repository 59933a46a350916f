"""Text that others wrote, as a terminal may have it; pure."""


def printable(text: str) -> str:
    """On one line, and with what would drive a terminal, or is no text, as an escape: `\\n`, `\\x1b`, `\\udcff`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)
