"""What is stored of somebody, and erasing it: `me`, `delete` and `erase`."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from imgclass.cli import output
from imgclass.cli.connection import AsJson, Token, Url, connected

if TYPE_CHECKING:
    from imgclass.results.users import User

NOTHING_DELETED = "nothing was deleted"

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Timeout = Annotated[float, typer.Option(
    min=0, help="Seconds to wait until the last file is removed.")]


def me(as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Show what is stored of you."""
    with connected(url, token) as client:
        user = client.me()
    if as_json:
        output.print_json(user)
        return
    output.print_fields(_facts(user))


def delete(
    image_ids: Annotated[list[uuid.UUID], typer.Argument(
        metavar="IMAGE_ID", help="Pictures, as `history --json` names them.")],
    yes: Yes = False,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Delete pictures for good, with all that was said of them.

    Exits with 1 if the file of any of them is still to be removed.
    """
    if not yes:
        which = f"{len(image_ids)} pictures" if len(image_ids) > 1 else "the picture"
        output.confirm(f"Delete {which} for good, with all predictions?", NOTHING_DELETED)
    with connected(url, token) as client:
        gone = {image_id: client.delete_image(image_id, timeout) for image_id in image_ids}
    if as_json:
        output.print_json([{"image_id": image_id, "gone": done}
                           for image_id, done in gone.items()])
    else:
        for image_id, done in gone.items():
            typer.echo(f"{image_id} is {'gone' if done else 'erased'}")
    _conclude(all(gone.values()))


def erase(
    user_id: Annotated[uuid.UUID | None, typer.Option(
        "--user", metavar="UUID", help="Another user (role admin).")] = None,
    yes: Yes = False,
    timeout: Timeout = 60.0,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Erase everything that is stored of you: pictures, predictions, uploads, your address.

    Exits with 1 if any file is still to be removed.
    """
    whom = "you" if user_id is None else str(user_id)
    if not yes:
        output.confirm(
            f"Erase everything that is stored of {whom} for good?", NOTHING_DELETED)
    with connected(url, token, admin=user_id is not None) as client:
        gone = (client.delete_me(timeout) if user_id is None
                else client.delete_user(user_id, timeout))
    if as_json:
        output.print_json({"user_id": user_id or client.user_id, "gone": gone})
    else:
        typer.echo(f"nothing is stored of {whom} any more" if gone
                   else f"what was stored of {whom} is erased")
    _conclude(gone)


def _conclude(gone: bool) -> None:
    if not gone:
        output.fail("files are still to be removed: the service goes on by itself")


def _facts(user: User) -> Iterator[tuple[str, str]]:
    yield "user", str(user.user_id)
    yield "e-mail", user.email
    yield "since", output.when(user.created_at)
    yield "pictures", str(user.images)
    yield "bytes", str(user.image_bytes)
    yield "predictions", str(user.predictions)
