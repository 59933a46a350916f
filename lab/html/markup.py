"""Elements and text of pages, drawings and XML; pure."""

import html


def clean(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") else "?" for c in text)


def escape(words: str) -> str:
    """Text for a page or a drawing, whatever is in it."""
    return html.escape(clean(words))


def place(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, content: str = "", /, **attributes: float | str) -> str:
    """An element; `class_` is `class`, an underscore a hyphen. `content` is markup already, attributes are text."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value) if isinstance(value, str) else place(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"
