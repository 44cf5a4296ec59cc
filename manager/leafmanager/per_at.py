"""What one AT carries at most (SPEC section 4.3), as rows, tokens and people say it."""

from leafkey.pat.renewal import Renewal
from leafmanager.store.tables import PerAt

_NO_LIMITS = Renewal(None, None, None)


def of(row: PerAt) -> Renewal | None:
    """Return the limits of a row, None if it has none."""
    limits = Renewal(row.notifications_per_at, row.seconds_per_at, row.requests_per_at)
    return None if limits == _NO_LIMITS else limits


def columns(renewal: Renewal | None) -> dict[str, int | None]:
    """Return limits as the columns that `of` reads, by their names."""
    return {f"{what}_per_at": limit for what, limit in (renewal or _NO_LIMITS)._asdict().items()}


def text(renewal: Renewal | None) -> str | None:
    """Return limits as a person reads them: "5 notifications, 60 seconds"; None for none."""
    limits = (renewal or _NO_LIMITS)._asdict().items()
    return ", ".join(f"{limit} {what}" for what, limit in limits if limit) or None
