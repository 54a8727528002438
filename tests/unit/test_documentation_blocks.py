"""The reader of the documentation's commands: none escapes it."""
from __future__ import annotations

import pytest

from tests.documentation import parsed

PAGE = """# Page

    first --option

Text, and in it no command:
    this line goes on with the paragraph.

```sh
second
```

```python
no_command()
```

```console
$ third
its answer
$ fourth
```

## Below

<!-- not run: it needs a cluster -->

    fifth

    goes on

- An item:

      sixth

  and a line of it.

1. Another.

   <!-- run by: tests/some.py -->

       seventh

<!-- no command -->

    KEY=value

Not an item any more.

    eighth
"""


def test_blocks() -> None:
    """Fences of a shell and indented lines are commands, in lists as well."""
    assert [each.text for each in parsed("page.md", PAGE)] == [
        "first --option", "second", "third\nfourth", "fifth\n\ngoes on", "sixth", "seventh",
        "eighth"]


def test_marks() -> None:
    """A comment is about the block right below it, and about no other."""
    marks = {each.text.split("\n")[0]: (each.mark, each.why) for each in parsed("p.md", PAGE)}
    assert marks["fifth"] == ("not run", "it needs a cluster")
    assert marks["seventh"] == ("run by", "tests/some.py")
    assert {name for name, mark in marks.items() if mark == ("", "")} == {
        "first --option", "second", "third", "sixth", "eighth"}


@pytest.mark.parametrize(("name", "heading", "line"), [
    ("first --option", "Page", 3), ("second", "Page", 8), ("eighth", "Below", 48)])
def test_places(name: str, heading: str, line: int) -> None:
    """A block knows its heading and its line."""
    (block,) = (each for each in parsed("page.md", PAGE) if each.text == name)
    assert (block.heading, block.line, str(block)) == (heading, line, f"page.md:{line}")
