"""The styles of the Word file: pandoc's, mended, and those that pandoc names but does not write."""

from __future__ import annotations

from tree import DocumentError

SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
BORDERS = "".join(f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="767676" />' for side in SIDES)
FIRST_ROW, INDENT = '<w:tblStylePr w:type="firstRow">', '<w:tblInd w:type="dxa" w:w="0" />'
STYLES = (
    ("Table", INDENT, f"{INDENT}<w:tblBorders>{BORDERS}</w:tblBorders>"),
    ("Table", FIRST_ROW, f"{FIRST_ROW}<w:rPr><w:b /></w:rPr>"),
    ("Table", '<w:left w:type="dxa" w:w="108" />', '<w:left w:type="dxa" w:w="70" />'),
    ("Table", '<w:right w:type="dxa" w:w="108" />', '<w:right w:type="dxa" w:w="70" />'),
    ("TOCHeading", 'w:val="365F91"', 'w:val="0F4761"'),
    (
        "Hyperlink",
        '<w:color w:themeColor="accent1" w:val="4F81BD" />',
        '<w:color w:val="0B3D91" /><w:u w:val="single" />',
    ),
)
"""Pandoc's styles, and what they become: lines between cells and more room in them, links that are seen without their
colour, contrast."""
CONTENTS = (
    '<w:style w:type="paragraph" w:styleId="TOC{level}"><w:name w:val="toc {level}" /><w:basedOn w:val="Normal" />'
    '<w:uiPriority w:val="39" /><w:pPr><w:spacing w:after="60" /><w:ind w:left="{indent}" /></w:pPr></w:style>'
)
FONT = '<w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas" />'
"""Letters of one width."""
CODE = (
    '<w:style w:type="character" w:customStyle="1" w:styleId="VerbatimChar"><w:name w:val="Verbatim Char" />'
    f"<w:rPr>{FONT}<w:noProof /></w:rPr></w:style>"
    '<w:style w:type="paragraph" w:customStyle="1" w:styleId="SourceCode"><w:name w:val="Source Code" />'
    '<w:basedOn w:val="Normal" /><w:pPr><w:shd w:val="clear" w:color="auto" w:fill="F3F4F6" />'
    '<w:wordWrap w:val="off" /></w:pPr><w:rPr><w:sz w:val="18" /><w:szCs w:val="18" /></w:rPr></w:style>'
)
"""Pandoc names these styles and writes them only where it colours code."""
SMALL = (
    '<w:style w:type="paragraph" w:customStyle="1" w:styleId="TableText"><w:name w:val="Table Text" />'
    '<w:basedOn w:val="Compact" /><w:rPr><w:sz w:val="18" /><w:szCs w:val="18" /></w:rPr></w:style>'
    '<w:style w:type="paragraph" w:styleId="Footer"><w:name w:val="footer" /><w:basedOn w:val="Normal" />'
    '<w:pPr><w:jc w:val="center" /></w:pPr><w:rPr><w:sz w:val="18" /><w:szCs w:val="18" /></w:rPr></w:style>'
)
"""The text of a cell and of the footer."""


def mended(xml: str) -> str:
    """The part word/styles.xml."""
    for style, old, new in STYLES:
        begin = xml.index(f'w:styleId="{style}"')
        end = xml.index("</w:style>", begin)
        xml = xml[:begin] + swapped(xml[begin:end], old, new) + xml[end:]
    levels = (CONTENTS.format(level=level, indent=300 * (level - 1)) for level in (1, 2, 3))
    return swapped(xml, "</w:styles>", "".join(levels) + CODE + SMALL + "</w:styles>")


def swapped(xml: str, old: str, new: str) -> str:
    """The part with its only `old` replaced."""
    if xml.count(old) != 1:
        raise DocumentError(f"pandoc writes Word files in another way than docs/word.py knows: {old}")
    return xml.replace(old, new)
