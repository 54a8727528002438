"""Every command of README.md and docs/ is run, or says why it is not.

Each page is one shell: what a block sets, those below it have. Pages whose commands need more than
a shell have a test of their own, which is named here or in a comment above the block.
"""
from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from imgclass.embedded.stack import Stack
from tests.command_line import COMMANDS
from tests.documentation import Block, blocks, pages
from tests.e2e.access import client_of, token_of
from tests.e2e.documentation.shells import Shell
from tests.servers import ROOT

# Pages whose every block is run by another test.
OPERATIONS = "docs/operations.md"
# README.md has no comments: these are its commands that start and stop what the tests start.
BY_FIXTURES = ("make up", "make test", "make down")
COFFEE = ROOT / "examples/pictures/coffee.jpg"

RUN = {page: found for page in pages() if page != OPERATIONS and (
    found := [each for each in blocks(page)
              if each.is_run and not each.text.startswith(BY_FIXTURES)])}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("page", RUN)
def test_page(own_stack: Stack, tmp_path: Path, page: str) -> None:
    """The commands of a page succeed, one after another, as somebody who has used the service."""
    email = f"{Path(page).stem}@example.com"
    token, user_id = token_of(own_stack, email, admin=True)
    with client_of(own_stack, email) as client:
        prediction = client.predict(COFFEE)
    variables = {
        "IMGCLASS_TOKEN": token, "TOKEN": token, "AUTH": f"Authorization: Bearer {token}",
        "USER_ID": user_id, "API": own_stack.gateway.url}
    ids = {"PREDICTION_ID": str(prediction.prediction_id), "UUID": user_id,
           "IMAGE_ID": str(prediction.image_id)}
    Shell(own_stack, tmp_path, variables, ids).run(RUN[page])


def test_reasons() -> None:
    """Who is not run says why, and who is run elsewhere says by which test, which there is."""
    for block in (each for page in pages() for each in blocks(page) if each.mark):
        assert block.why, f"{block}: no reason"
        if block.mark == "run by":
            text = (ROOT / block.why).read_text(encoding="utf-8")
            assert block.page.rpartition("/")[2] in text, f"{block}: {block.why} does not name it"


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", pages())
def test_targets(page: str) -> None:
    """Every target of make that a page names is one, also in what is not run."""
    text = "\n".join([each.text for each in blocks(page)])
    assert set(re.findall(r"(?:^|\s)make ([a-z-]+)", text)) <= targets()


@pytest.mark.parametrize("page", pages())
def test_command_line(page: str) -> None:
    """Every command of imgclass that a page names exists with its options, run or not."""
    text = "\n".join(each.text for each in blocks(page)).replace("\\\n", " ")
    for typed in re.findall(r"(?:^|[\s/(])(?<!-n )imgclass ([a-z][^\n#|>)]*)", text):
        words = typed.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        known = {option for each in COMMANDS[name].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"{page}: {typed}"


@pytest.mark.parametrize("page", pages())
def test_links(page: str) -> None:
    """Every file a page links to is there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
        assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"


def test_blocks_were_found() -> None:
    """The pages were read, indented blocks and fences alike."""
    assert {"README.md", "docs/tutorials/classify-a-folder.md"} <= RUN.keys()
    found: list[Block] = [each for page in pages() for each in blocks(page)]
    assert len(found) >= 50
