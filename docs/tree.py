"""Markdown files as the tree that pandoc makes of them: read, checked, and changed element by element."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pypandoc
from typography import french

Node = dict[str, Any]
READER = "gfm-implicit_figures-tex_math_dollars-tex_math_gfm-yaml_metadata_block"
"""What GitHub shows, except formulas: an amount such as $5 is text."""
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}

ALERTS = {"fr": {"Tip": "Conseil", "Warning": "Attention", "Caution": "Danger"}}
"""What GitHub's [!TIP] and its like are called in another language, where that is another word."""


class DocumentError(Exception):
    """What is wrong with a document, in one line."""


@dataclass(frozen=True)
class Page:
    """One Markdown file: its path in the repository, its only h1 and what follows it."""

    file: PurePosixPath
    title: list[Node]
    anchor: str
    blocks: list[Node]
    anchors: tuple[str, ...]


def read(root: Path, file: PurePosixPath, language: str) -> Page:
    """The checked page of a Markdown file."""
    text = (root / file).read_text(encoding="utf-8")
    tree = json.loads(pypandoc.convert_text(text, "json", format=READER))["blocks"]
    blocks = changed(_in_languages(tree), lambda node: _without_html(node, file))
    _check_headings(blocks, file)
    blocks = changed(blocks, lambda node: _named_alert(node, ALERTS.get(language, {})))
    for image in found(blocks, "Image"):
        _check_picture(image, root, file)
    if language == "fr":
        blocks = french(blocks)
    (_, (anchor, _, _), title), anchors = blocks[0]["c"], [node["c"][1][0] for node in found(blocks, "Header")]
    return Page(file, title, anchor, blocks[1:], tuple(anchors))


def convert(blocks: list[Node], meta: Node, to: str, options: list[str], output: Path | None = None) -> str:
    """Let pandoc write the blocks in another format; a warning of pandoc is an error."""
    tree = {"pandoc-api-version": [1, 23, 1], "meta": meta, "blocks": blocks}
    options = ["--toc", "--toc-depth=3", "--syntax-highlighting=none", "--wrap=none", "--fail-if-warnings", *options]
    return str(pypandoc.convert_text(json.dumps(tree), to, format="json", extra_args=options, outputfile=output))


def changed(tree: Any, change: Callable[[Node], Node | list[Node]]) -> Any:
    """A copy of a tree where each element is what `change` makes of it: one element, or several in its place."""
    if isinstance(tree, list):
        pairs = [(item, changed(item, change)) for item in tree]
        return [new for old, made in pairs for new in (made if _several(old, made) else [made])]
    if isinstance(tree, dict):
        copy = {key: changed(value, change) for key, value in tree.items()}
        return change(copy) if "t" in copy else copy
    return tree


def found(tree: Any, *kinds: str) -> Iterator[Node]:
    """The elements of these kinds, in the order of the text."""
    if isinstance(tree, dict):
        if tree.get("t") in kinds:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from found(item, *kinds)


def text_of(tree: Any) -> str:
    """The words of some inline elements, without their form."""
    if isinstance(tree, list):
        return "".join(text_of(item) for item in tree)
    if not isinstance(tree, dict):
        return ""
    if tree["t"] in ("Space", "SoftBreak", "LineBreak"):
        return " "
    content = tree.get("c", "")
    if tree["t"] in ("Str", "Code"):
        return str(content if tree["t"] == "Str" else content[1])
    return text_of(content)


def meta_of(value: Any) -> Node:
    """A value as pandoc's metadata: text, lists and tables of it, or inline elements that are there already."""
    if isinstance(value, dict):
        return {"t": "MetaMap", "c": {key: meta_of(item) for key, item in value.items()}}
    if isinstance(value, list):
        inline = bool(value) and "t" in value[0]
        return {"t": "MetaInlines", "c": value} if inline else {"t": "MetaList", "c": [meta_of(v) for v in value]}
    return {"t": "MetaBool" if isinstance(value, bool) else "MetaString", "c": value}


def _several(old: Any, made: Any) -> bool:
    return isinstance(old, dict) and isinstance(made, list)


def _without_html(node: Node, file: PurePosixPath) -> Node | list[Node]:
    """HTML inside Markdown would be lost in Word: only comments, which go, and line breaks are taken."""
    if node["t"] not in ("RawInline", "RawBlock"):
        return node
    html = node["c"][1].strip()
    if re.fullmatch(r"<br\s*/?>", html):
        return {"t": "LineBreak"}
    if html.startswith("<!--") and html.endswith("-->"):
        return []
    raise DocumentError(f"{file}: HTML in the text: {html.splitlines()[0]}")


LANGUAGE = re.compile(r'<(?:div|span) lang="([a-z]+)">')


def _in_languages(tree: Any) -> Any:
    """The tree where <div lang="…"> or <span lang="…"> and what follows up to its end is one element."""
    if isinstance(tree, dict):
        return {key: _in_languages(value) for key, value in tree.items()}
    if not isinstance(tree, list):
        return tree
    made: list[Any] = []
    rest = iter(tree)
    for item in rest:
        language = LANGUAGE.fullmatch(_raw(item))
        if not language:
            made.append(_in_languages(item))
            continue
        held = []
        for inner in rest:
            if _raw(inner) in ("</div>", "</span>"):
                break
            held.append(inner)
        kind = "Div" if item["t"] == "RawBlock" else "Span"
        made.append({"t": kind, "c": [["", [], [["lang", language[1]]]], _in_languages(held)]})
    return made


def _raw(node: Any) -> str:
    """The HTML of an element that is HTML."""
    return node["c"][1].strip() if isinstance(node, dict) and node.get("t") in ("RawInline", "RawBlock") else ""


def _named_alert(node: Node, names: dict[str, str]) -> Node:
    """The title of an alert in the language of the document."""
    if node["t"] != "Div" or node["c"][0][1] != ["title"]:
        return node
    title = text_of(node["c"][1])
    return {"t": "Div", "c": [node["c"][0], [{"t": "Para", "c": [{"t": "Str", "c": names.get(title, title)}]}]]}


def _check_headings(blocks: list[Node], file: PurePosixPath) -> None:
    """One h1, before everything else, and no level left out below it."""
    headings = [(node["c"][0], text_of(node["c"][2])) for node in found(blocks, "Header")]
    if not headings or blocks[0]["t"] != "Header" or [level for level, _ in headings].count(1) != 1:
        raise DocumentError(f"{file}: the file has to begin with its only heading of level 1")
    for (before, _), (level, text) in zip([(0, ""), *headings], headings, strict=False):
        if level > before + 1:
            raise DocumentError(f"{file}: the heading {text!r} of level {level} follows one of level {before}")


def _check_picture(image: Node, root: Path, file: PurePosixPath) -> None:
    """A picture is a file of the repository and has an alternative text."""
    target = image["c"][2][0]
    if not text_of(image["c"][1]).strip():
        raise DocumentError(f"{file}: the picture {target} has no alternative text")
    if PurePosixPath(target).suffix not in PICTURES:
        raise DocumentError(f"{file}: the picture {target} is none of {', '.join(PICTURES)}")
    if not (root / file.parent / target).is_file():
        raise DocumentError(f"{file}: the picture {target} is missing")
