"""`make reference`: write the description of the HTTP interface to where it is served and read."""
from __future__ import annotations

import json
from pathlib import Path

from scripts.reference.compose import FUNCTIONS, ROOT, compose
from scripts.reference.page import page

# Beside the style of the page, which is written by hand.
SERVED = ROOT / "functions/history/history/reference"


def files() -> dict[Path, str]:
    """What is to be written."""
    merged = compose()
    return {
        SERVED / "openapi.json": json.dumps(merged, separators=(",", ":")) + "\n",
        SERVED / "docs.html": page(merged),
        **{ROOT / "docs/openapi" / f"{function}.json":
           json.dumps(compose([function]), indent=1) + "\n" for function in FUNCTIONS},
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
