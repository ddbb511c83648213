"""The printed page's head and foot: the bundle's name and the page numbers, as CSS margin boxes."""

from __future__ import annotations


def margin_boxes(label: str) -> str:
    """A style sheet that puts `label` at the foot of each printed page, and its number beside it.

    CSS Paged Media Level 3, section 5. A browser that does not know margin boxes prints without them.
    """
    words = css_string(f"{label} · Overread evaluation report · not a diagnosis of anybody")
    style = "font: 8pt sans-serif; color: #4a5257;"
    return (
        f"@page {{ @bottom-left {{ content: {words}; {style} }} "
        f'@bottom-right {{ content: counter(page) " / " counter(pages); {style} }} }}'
    )


def css_string(text: str) -> str:
    """Text as a CSS string in which nothing but letters and digits stands as it is.

    Example:
        >>> css_string('a"<')
        '"a\\\\22 \\\\3c "'
    """
    plain = (one if one.isascii() and one.isalnum() else f"\\{ord(one):x} " for one in text)
    return '"' + "".join(plain) + '"'
