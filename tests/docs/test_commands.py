"""Every command of the documentation is run by a test, or commands.yaml says what runs it or why nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from stack.server import free_port

from .shown import LANGUAGES, ROOT, Shown, blocks, commands, is_listed, listed, matches, name_of, pages, run

PASTED = "cat > config/anthropic_api_key"
"""Waits for a person; here the key is there already, and nothing that is run sends it."""


def runnable(page: Path) -> list[Shown]:
    return [shown for shown in commands(page) if not is_listed(shown)]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_block_says_what_it_holds(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES


def test_a_listed_command_is_shown_and_has_one_reason() -> None:
    shown = {key for page in pages() for command in commands(page) for key in (command.key, command.key_here)}
    assert set(listed()) - shown == set(), "no page shows these any more"
    for command, reason in listed().items():
        assert set(reason) in ({"by"}, {"because"}), command
        if "by" in reason:
            assert (ROOT / reason["by"]).is_file(), command


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)], ids=name_of)
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    """In the sandbox, in an empty folder, one after the other."""
    shown = runnable(page)
    if PASTED in [command.key for command in commands(page)]:
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "anthropic_api_key").write_text("sk-ant-invented", encoding="utf-8")
    ended = run(shown, tmp_path)
    assert len(ended) == len(shown), "a command ended the shell"
    for command, (code, said) in zip(shown, ended, strict=True):
        if command.expected is None:
            assert code == 0, f"{command.command}\n{said}"
        else:
            assert matches(command.expected, said), f"{command.command}\nprints\n{said}"


SANDBOXES = sorted(command for command in listed() if command.startswith("verbatims sandbox "))


@pytest.mark.long
@pytest.mark.parametrize("command", SANDBOXES, ids=["all options", "slow batches", "a model that drifts", "two faults"])
def test_a_run_against_a_sandbox_with_faults_ends_as_its_page_says(command: str, tmp_path: Path) -> None:
    again = "ANTHROPIC_BASE_URL=http://127.0.0.1:9100 verbatims run"
    assert again in listed()
    port = free_port()
    serve, ask = (line.replace("9100", str(port)) for line in (command, again))
    wait = f"for i in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.1; done"
    script = f"{serve} & pid=$!; {wait}; {ask}; code=$?; kill $pid; wait $pid; exit $code"
    [(code, said)] = run([Shown("sandbox.md", f"bash -c '{script}'", None)], tmp_path)
    assert code in (0, 1) and "analysed, newly paid" in said, said


def test_an_output_is_compared_line_by_line() -> None:
    assert matches("one\n…\nfour\n", "one\ntwo\nthree\nfour\n") and matches("one\n…\nfour\n", "one\nfour\n")
    assert matches("cost $…, done\n…\n", "cost $0.1, done\n") and matches("…\nend\n", "a\nb\nend\n")
    assert not matches("one\nfour\n", "one\ntwo\nfour\n") and not matches("a…b\n", "a\nb\n")


PAGE = """\
```sh
one \\
  --two     # why
# a comment
cat > file <<'END'
x
END
```

```console
$ three
said
```
"""


def test_commands_are_found_with_all_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(PAGE, encoding="utf-8")
    found = [(shown.key, shown.expected) for shown in commands(file)]
    assert found == [("one \\\n  --two", None), ("cat > file <<'END'\nx\nEND", None), ("three", "said\n")]
