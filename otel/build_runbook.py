#!/usr/bin/env python3
"""Writes prometheus/web/runbook.html from runbook.md: the page that alerts link to, served by Prometheus itself."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

SOURCE = Path(__file__).parent / "prometheus" / "runbook.md"
PAGE = SOURCE.parent / "web" / "runbook.html"

PARTS = {
    "FR": ("fr", '<h3 lang="fr">Français</h3>'),
    "EN": ("en", '<h3 lang="en">English</h3>'),
    "Requêtes · Queries": ("", '<h3><span lang="fr">Requêtes</span> · <span lang="en">Queries</span></h3>'),
}
"""The bold words that begin a part of a section → its language and heading."""

_BEFORE_SIGN = re.compile(r" (?=[:;!?»%])|(?<=«) ")

# No script, and nothing is fetched: the page has to open when all else is down. Contrast is at least 4.5:1 in both
# schemes; a test computes it.
STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1b1f24; --soft: #4d5560; --link: #0b57a4;
  --code: #f1f3f5; --line: #c9cfd6; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14181d; --text: #e6e9ec; --soft: #aab3bd; --link: #7db7f5; --code: #20262d; --line: #3d4650; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 52rem; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h2 { margin: 3rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); scroll-margin-top: 0.5rem; }
h3 { margin: 1.25rem 0 0.25rem; font-size: 1rem; color: var(--soft); }
p, ul { margin: 0.5rem 0; }
ul { padding-left: 1.25rem; }
li { margin: 0.25rem 0; }
nav ol { columns: 14rem; padding-left: 2rem; }
nav li { padding: 0.15rem 0; }
code { padding: 0.1em 0.25em; border-radius: 3px; background: var(--code); font: 0.9em/1.5 ui-monospace, monospace; }
pre { margin: 0.5rem 0; padding: 0.75rem; overflow-x: auto; border: 1px solid var(--line); border-radius: 4px;
  background: var(--code); }
pre code { padding: 0; background: none; }
:target { color: var(--link); }
""".strip()


def main() -> int:
    """Write, or compare; exit code 1 where the committed page is not what the Markdown makes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is stale")
    check = parser.parse_args().check
    page = build(SOURCE.read_text(encoding="utf-8"))
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
        return 0
    if check:
        print("otel/prometheus/web/runbook.html is stale: run python otel/build_runbook.py", file=sys.stderr)
        return 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    print("otel/prometheus/web/runbook.html written")
    return 0


def build(text: str) -> str:
    """The whole page."""
    markdown = MarkdownIt("commonmark")
    sections = list(_sections(markdown.parse(text)))
    names = [name for name, _ in sections[1:]]
    contents = "\n".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in names)
    top, *rest = (_linked(_body(markdown, tokens), names) for _, tokens in sections)
    alerts = "\n".join(
        f'<section aria-labelledby="{name.lower()}">\n<h2 id="{name.lower()}">{name}</h2>\n{body}'
        '<p><a href="#top"><span lang="fr">Haut de page</span> · <span lang="en">Top</span></a></p>\n</section>'
        for name, body in zip(names, rest, strict=True)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Runbook</title>
<style>
{STYLE}
</style>
</head>
<body id="top">
<main>
<h1>Runbook</h1>
<nav aria-label="Alertes · Alerts">
<ol>
{contents}
</ol>
</nav>
<section aria-labelledby="all">
<h2 id="all"><span lang="fr">Pour toutes les alertes</span> · <span lang="en">For all alerts</span></h2>
{top}</section>
{alerts}
</main>
</body>
</html>
"""


def _sections(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Name → tokens: first what stands above all alerts, then one for each `## Name`."""
    name, held = "", list[Token]()
    rest = iter(tokens)
    for token in rest:
        if token.type != "heading_open":
            held.append(token)
            continue
        title = next(rest).content
        next(rest)  # heading_close
        if token.tag == "h2":
            yield name, held
            name, held = title, []
    yield name, held


def _body(markdown: MarkdownIt, tokens: Sequence[Token]) -> str:
    """The parts of a section, each in its language."""
    parts: list[tuple[str, list[Token]]] = []
    for at, token in enumerate(tokens):
        part = _begun(tokens, at)
        if part:
            parts.append((part, []))
        if not parts:
            raise ValueError(f"a section has to begin with one of {', '.join(PARTS)}: {token.content or token.type}")
        parts[-1][1].append(token)
    return "".join(_part(markdown, part, held) for part, held in parts)


def _begun(tokens: Sequence[Token], at: int) -> str | None:
    """The part that a paragraph begins by its bold words."""
    if tokens[at].type != "paragraph_open" or tokens[at].level:
        return None
    children = tokens[at + 1].children or []
    # an empty text precedes the bold words
    bold = [child.content for child in children[:3] if child.type == "text" and child.content][:1]
    begins = any(child.type == "strong_open" for child in children[:2])
    return bold[0] if begins and bold and bold[0] in PARTS else None


def _part(markdown: MarkdownIt, part: str, tokens: list[Token]) -> str:
    language, heading = PARTS[part]
    first = tokens[1]
    first.children = [child for child in (first.children or [])[_past_bold(first) :] if child.content or child.nesting]
    if first.children and first.children[0].type == "text":
        first.children[0].content = first.children[0].content.lstrip()
    if not first.children:
        del tokens[:3]  # nothing but the bold words
    for token in tokens:
        for child in token.children or []:
            if language == "fr" and child.type == "text":
                child.content = _BEFORE_SIGN.sub("\u00a0", child.content)
    opened = f'<div lang="{language}">' if language else "<div>"
    body = markdown.renderer.render(tokens, markdown.options, {})
    # what scrolls has to be reached by keyboard too
    body = body.replace("<pre>", '<pre tabindex="0">')
    return f"{opened}\n{heading}\n{body}</div>\n"


def _past_bold(token: Token) -> int:
    return 1 + next(at for at, child in enumerate(token.children or []) if child.type == "strong_close")


def _linked(body: str, names: Sequence[str]) -> str:
    """Bare addresses and names of alerts become links; those in code stay text, to be copied."""
    link = re.compile(rf"(?P<address>https?://[^\s<),;]*[\w/])|\b(?P<name>{'|'.join(names)})\b")
    parts = re.split(r"(<pre.*?</pre>|<code>.*?</code>)", body, flags=re.DOTALL)
    for at in range(0, len(parts), 2):
        parts[at] = link.sub(_link, parts[at])
    return "".join(parts)


def _link(found: re.Match[str]) -> str:
    address = found["address"] or f"#{found['name'].lower()}"
    return f'<a href="{address}">{found[0]}</a>'


if __name__ == "__main__":
    sys.exit(main())
