"""What decompression bombs cost."""
from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bombs import BOMBS, WITHIN_LIMITS
from tests.fuzz.trials import Tally
from tests.servers import ROOT

MAX_MB = 100


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured by /proc")
def test_cost(tally: Tally) -> None:
    """Bombs, and what is nearly one, take less than 100 MB; how long they take is reported."""
    output = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.measure_bombs"], cwd=ROOT, check=True, timeout=300,
        stdout=subprocess.PIPE, text=True).stdout
    costs = [json.loads(line) for line in output.splitlines()]
    assert [name for name, *_ in costs] == [*BOMBS, *WITHIN_LIMITS]
    for name, size, became, ms, mb in costs:
        tally.add_bomb(f"| {name} | {size:,} | {became} | {ms} | {mb} |")
        assert mb < MAX_MB, name
        assert (became == "decoded") == (name in WITHIN_LIMITS), name
