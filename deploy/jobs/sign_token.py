"""Print a token for development: `sign_token.py EMAIL [--admin] [--export]`.

It is signed with JWT_SECRET, so that only who can read the deployment's secrets can make one.
"""
from __future__ import annotations

import argparse
import sys

from common.config import Settings
from common.errors import ConfigurationError
from imgclass.tokens import development_token, user_id


def main() -> None:
    """Raises ConfigurationError."""
    parser = argparse.ArgumentParser("sign_token.py", description="Print a bearer token.")
    parser.add_argument("email", help="whom it is for: one address is one user")
    parser.add_argument("--admin", action="store_true", help="give it the role admin")
    parser.add_argument("--export", action="store_true",
                        help="print a shell's export of TOKEN and USER_ID instead")
    options = parser.parse_args()
    settings = Settings.load()
    if settings.jwt_algorithm != "HS256":
        raise ConfigurationError("JWT_ALGORITHM is not HS256: the identity provider signs tokens")
    token = development_token(
        settings.jwt_secret, options.email, options.admin, issuer=settings.jwt_issuer,
        audience=settings.jwt_audience)
    print(f"export TOKEN={token} USER_ID={user_id(options.email)}" if options.export else token)


if __name__ == "__main__":
    try:
        main()
    except ConfigurationError as error:
        sys.exit(f"sign_token: {error}")
