"""`sources.toml`: the sources that a run in prod reads. Errors are one line with file, source and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.errors import InputError, SettingsError
from pipeline.source import fields
from pipeline.source.address import checked
from pipeline.source.files.columns import Columns
from pipeline.source.files.file import File, ReadOptions
from pipeline.source.files.reader import MAX_LABEL, MAX_SOURCES
from pipeline.source.parsers import apple, css
from pipeline.source.parsers.process import PARSERS
from pipeline.source.source import Source
from pipeline.source.web.description import PAGE, Description
from pipeline.source.web.fetcher import Fetcher
from pipeline.source.web.site import Site

FILE = "file"
"""The `kind` of a source that is a file; every other kind is a parser of web pages."""


def load_sources(path: Path, fetcher: Fetcher) -> list[Source]:
    """The sources of a `sources.toml`, in its order.

    Raises SettingsError for a mistake in it, InputError for a file of verbatims that cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(
            f"VERBATIMS_SOURCES: there is no file {path}: describe your sources in one (`verbatims init` writes it), "
            "or name a file of verbatims with --input FILE"
        ) from None
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or not TOML
        raise SettingsError(f"{path}: cannot be read: {_reason(error)}") from None
    if not tables:
        raise SettingsError(
            f"{path.name}: has no sources; take the # away from one, or from an example that `verbatims init` writes"
        )
    if len(tables) > MAX_SOURCES:
        raise SettingsError(f"{path.name}: more than {MAX_SOURCES} sources; each is a series of every metric")
    # all definitions are validated before the first file is opened: a typo should not cost a wait
    definitions = {name: _definition(path.name, name, table) for name, table in tables.items()}
    return [_opened(path, name, definition, fetcher) for name, definition in definitions.items()]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Definition(_Table):
    kind: str
    language: str | None = None
    expected: int = Field(1, ge=0)

    @field_validator("language")
    @classmethod
    def _language_code(cls, value: str | None) -> str | None:
        if value is not None and fields.language(value) is None:
            raise ValueError('is no language; write it as "fr"')
        return fields.language(value)


class _Columns(_Table):
    text: str | None = None
    id: str | None = None
    rating: str | None = None
    date: str | None = None
    language: str | None = None
    url: str | None = None


class _File(_Definition):
    path: str = Field(min_length=1)
    columns: _Columns = _Columns()
    date_format: str | None = None
    scale: float | None = Field(None, gt=0, le=1000, strict=False)

    def open(self, name: str, folder: Path, fetcher: Fetcher) -> Source:
        """The source. Its path is relative to the folder of `sources.toml`."""
        reading = ReadOptions(
            Columns(**self.columns.model_dump()),
            source=name,
            language=self.language,
            date_format=self.date_format,
            rating_scale=self.scale,
        )
        path = str((folder / self.path).absolute())  # absolute, or the name "-" would mean standard input
        return File(path, reading, expected=self.expected)


class _Selectors(_Table):
    review: str
    text: str
    id: str | None = None
    url: str | None = None
    rating: str | None = None
    date: str | None = None
    language: str | None = None
    next: str | None = None

    @field_validator("*")
    @classmethod
    def _valid_selector(cls, value: str | None) -> str | None:
        if value is not None:
            css.check(value)
        return value

    @field_validator("review", "next")
    @classmethod
    def _selects_elements(cls, value: str | None) -> str | None:
        if value is not None and "::attr" in value:
            raise ValueError("selects an element, not an attribute: remove ::attr")
        return value


class _Web(_Definition):
    urls: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    delay_s: float = Field(0.5, ge=0, le=300, strict=False)
    pages: int | None = Field(None, ge=1)
    selectors: _Selectors | None = None
    scale: float | None = Field(None, gt=0, le=1000, strict=False)

    @field_validator("urls")
    @classmethod
    def _addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError("names an address twice")
        for value in values:
            try:
                checked(value)
            except InputError as error:
                raise ValueError(str(error)) from None
            if re.search(r"[{}]", value.replace(PAGE, "")):
                raise ValueError(f"contains braces; the only placeholder is {PAGE}")
            if "@" in urlsplit(value).netloc:
                raise ValueError("contains a user name or password, which would be kept in the store")
        return values

    @model_validator(mode="after")
    def _consistent(self) -> _Web:
        if self.kind == "css" and self.selectors is None:
            raise ValueError('selectors: kind = "css" needs at least selectors.review and selectors.text')
        if self.kind != "css" and (self.selectors or self.scale):
            raise ValueError('selectors and scale need kind = "css"')
        if self.kind == "apple" and not all(PAGE in url for url in self.urls):
            raise ValueError(f"urls: Apple's feed is read page by page: write page={PAGE} in the address")
        return self

    def open(self, name: str, folder: Path, fetcher: Fetcher) -> Source:
        """The source. Apple's feed is limited to the pages that Apple serves."""
        options = self.selectors.model_dump(exclude_none=True) if self.selectors else {}
        if self.scale:
            options["scale"] = str(self.scale)
        return Site(
            name,
            Description(
                urls=self.urls,
                kind=self.kind,
                options=options,
                language=self.language,
                delay_s=self.delay_s,
                pages=self.pages or (apple.PAGES if self.kind == "apple" else None),
                expected=self.expected,
            ),
            fetcher,
        )


_PERSONAL = re.compile(r"@|(?:\d[ .-]?){9}")
"""What an address, a phone or an account has, and the name of a shop or an app has not."""


def _definition(file: str, name: str, table: Any) -> _File | _Web:
    if not name.isprintable() or name != name.strip() or not name or _PERSONAL.search(name) or len(name) > MAX_LABEL:
        raise SettingsError(
            f"{file}: a source is named {name[:30]!r}; it is a label of charts: at most {MAX_LABEL} characters, "
            "no @, no number of nine digits, no blank at its ends, no line break"
        )
    if not isinstance(table, Mapping):
        raise SettingsError(f'{file}: "{name}" is not inside a source; a source begins with its name, such as [shop]')
    kinds = [*PARSERS, FILE]
    if table.get("kind") not in kinds:
        raise SettingsError(f"{file}: {name}.kind: must be one of {', '.join(kinds)}")
    try:
        return (_File if table["kind"] == FILE else _Web).model_validate(table)
    except ValidationError as error:
        raise SettingsError(f"{file}: {name}{_first(error)}") from None


def _opened(path: Path, name: str, definition: _File | _Web, fetcher: Fetcher) -> Source:
    try:
        return definition.open(name, path.parent, fetcher)
    except InputError as error:
        raise InputError(f"{path.name}: {name}: {error}") from error


def _first(error: ValidationError) -> str:
    """Place and message of the first error, such as `.urls.0: …`, without the value: an address may hold a secret."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = "".join(f".{part}" for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "no such key; the sources.toml that `verbatims init` writes into an empty folder has them all"
    if first["type"] == "tuple_type":
        message = 'a list of addresses is needed: urls = ["https://…"]'
    return f"{place}: {message}"


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8; save it as UTF-8"
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
