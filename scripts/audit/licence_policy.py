"""Which licences the packages may have. Names are SPDX identifiers."""
from __future__ import annotations

from collections.abc import Mapping

ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "MIT-CMU", "PSF-2.0", "Unlicense", "Zlib",
})

# Packages with another licence: which one, and why it may be used.
EXCEPTIONS: Mapping[str, tuple[str, str]] = {
    "axe-playwright-python": ("MPL-2.0", "brings axe-core; runs in tests, used as it is"),
    "certifi": ("MPL-2.0", "a list of authorities, used as it is"),
    "hypothesis": ("MPL-2.0", "runs in tests, used as it is"),
    "pathspec": ("MPL-2.0", "a part of mypy, used as it is"),
    "psycopg2-binary": ("LGPL-3.0-or-later", "imported as a library, used as it is"),
    "tqdm": ("MPL-2.0", "a requirement of ai-edge-litert, used as it is"),
    "zope-event": ("ZPL-2.1", "a requirement of gevent; runs in tests, used as it is"),
    "zope-interface": ("ZPL-2.1", "a requirement of gevent; runs in tests, used as it is"),
}

# Packages whose metadata says it in no form that a program can read, or that no Python or system
# of ours installs: what their licence files say.
STATED: Mapping[str, str] = {
    "astunparse": "BSD-3-Clause AND PSF-2.0",
    "async-timeout": "Apache-2.0",
    "axe-playwright-python": "MIT AND MPL-2.0",  # the second is that of axe-core, which it brings
    "colorama": "BSD-3-Clause",
    "exceptiongroup": "MIT",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "kubernetes-validate": "Apache-2.0",
    "namex": "Apache-2.0",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "psycopg2-binary": "LGPL-3.0-or-later",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "python-rapidjson": "MIT",
    "pywin32": "PSF-2.0",
    "tritonclient": "BSD-3-Clause",
}

# What packages wrote before there were identifiers.
ALIASES: Mapping[str, str] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "Expat license": "MIT",
    "ISC License": "ISC",
    "PSFL": "PSF-2.0",
}

# The classifiers of PyPI that name one licence.
CLASSIFIERS: Mapping[str, str] = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
