"""Options that say what one AT carries at most (SPEC section 4.3)."""

from typing import Annotated

import typer

from leafkey.pat.renewal import MAX_PER_AT

Notifications = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_PER_AT, help="After so many, an observation is renewed."),
]
Seconds = Annotated[
    int | None,
    typer.Option(
        min=1, max=MAX_PER_AT, help="After so long, an observation or a channel is renewed."
    ),
]
Requests = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_PER_AT, help="After so many, a channel is renewed."),
]
