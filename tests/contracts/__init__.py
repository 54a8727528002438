"""What every implementation of an interface must do: inherited by the tests of each."""
from pathlib import Path

import pytest

# Their assertions explain themselves like those of the test files.
pytest.register_assert_rewrite(
    *(f"{__name__}.{path.stem}" for path in Path(__file__).parent.glob("[a-z]*.py")))
