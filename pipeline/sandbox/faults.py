"""Injected faults. The text of a request decides its fault, not chance, order or time, so runs can be repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.sandbox.shares import check_sum, parse_shares


@dataclass(frozen=True, slots=True)
class Status:
    """An error status of Claude's API."""

    status: int
    kind: str
    """The API's name of the error."""
    words: str
    code: str | None = None
    """`error.details.error_code`, where there is one."""
    retry_after_s: int | None = None


class Fault(StrEnum):
    """Faults of a call to Claude. A call has at most one, so the shares add up to 1 at most."""

    UNREADABLE = "unreadable"
    """Status 200 with broken JSON, another shape, or a quote that is not in the text."""
    EMPTY = "empty"
    """Status 200 without any content."""
    TRUNCATED = "truncated"
    """Status 200, cut off at max_tokens."""
    REFUSED = "refused"
    """Status 200, stop_reason refusal."""
    RATE_LIMITED = "rate_limited"
    """Status 429 with retry-after."""
    OVERLOADED = "overloaded"
    """Status 529."""
    ERROR = "error"
    """Status 500."""
    TIMEOUT = "timeout"
    """No answer while the client waits."""
    SPEND_LIMIT = "spend_limit"
    """Status 429, the organisation has reached its own spend limit; no wait helps."""
    CONTRACT_LIMIT = "contract_limit"
    """Status 429, the spend limit of the contract is reached; no wait helps."""
    RAMP_LIMIT = "ramp_limit"
    """Status 429 with retry-after, the use grows too fast."""
    ON_HOLD = "on_hold"
    """Status 400, the organisation is disabled."""
    INVALID = "invalid"
    """Status 400."""
    TOO_LARGE = "too_large"
    """Status 413."""
    DENIED = "denied"
    """Status 401."""
    GATEWAY = "gateway"
    """Status 504."""
    BROKEN = "broken"
    """The connection is aborted at once."""
    PAID_TIMEOUT = "paid_timeout"
    """No answer while the client waits, although it is billed."""
    NOT_JSON = "not_json"
    """Status 200 with an HTML page."""


class LoadFault(StrEnum):
    """Faults of a load into BigQuery."""

    ROW_REFUSED = "row_refused"
    """A row is invalid, decided by its verbatim_id alone."""
    UNAVAILABLE = "unavailable"
    """Status 503, half of them before the work and half after it."""
    SLOW = "slow"
    """A MERGE or DELETE ends some seconds after it has been started, also if the client is gone by then."""


class BatchFault(StrEnum):
    """Faults of a batch. A request of a batch has at most one of the first four, a creation one of the next two."""

    ERRORED = "batch_errored"
    """A request ends errored, with api_error."""
    INVALID = "batch_invalid"
    """A request ends errored, with invalid_request_error."""
    EXPIRED = "batch_expired"
    """A request ends expired."""
    CANCELED = "batch_canceled"
    """A request ends canceled, although nobody has canceled the batch."""
    REFUSED = "batch_refused"
    """The creation gets status 500 and makes nothing."""
    LOST_REPLY = "batch_lost_reply"
    """The creation makes the batch, but the connection ends without an answer."""
    LATE = "batch_late"
    """The first two questions for the batch or its results get status 404, although it exists."""
    BROKEN_RESULTS = "batch_broken_results"
    """The results break off in the middle when they are read for the first time."""


REQUEST_FAULTS = (BatchFault.ERRORED, BatchFault.INVALID, BatchFault.EXPIRED, BatchFault.CANCELED)
CREATION_FAULTS = (BatchFault.REFUSED, BatchFault.LOST_REPLY)

KINDS = (*Fault, *LoadFault, *BatchFault)

_EXCLUSIVE: dict[str, tuple[str, ...]] = {
    "Claude": tuple(Fault),
    "requests of a batch": REQUEST_FAULTS,
    "creations of a batch": CREATION_FAULTS,
}
"""Faults of which at most one occurs at a time, so that their shares add up."""

STATUSES: dict[Fault, Status] = {
    Fault.RATE_LIMITED: Status(429, "rate_limit_error", "This request would exceed your rate limit", retry_after_s=1),
    Fault.OVERLOADED: Status(529, "overloaded_error", "Overloaded"),
    Fault.ERROR: Status(500, "api_error", "Internal server error"),
    Fault.SPEND_LIMIT: Status(
        429, "rate_limit_error", "You have reached your spend limit", "enforced_spend_limit_reached"
    ),
    Fault.CONTRACT_LIMIT: Status(
        429, "rate_limit_error", "You have reached the spend limit of your contract", "contract_spend_limit_reached"
    ),
    Fault.RAMP_LIMIT: Status(429, "rate_limit_error", "Your use grows too fast", "ramp_limit_exceeded", 1),
    Fault.ON_HOLD: Status(400, "invalid_request_error", "This organization is on hold", "organization_on_hold"),
    Fault.INVALID: Status(400, "invalid_request_error", "messages: Input is invalid"),
    Fault.TOO_LARGE: Status(413, "request_too_large", "Request exceeds the maximum size"),
    Fault.DENIED: Status(401, "authentication_error", "invalid x-api-key"),
    Fault.GATEWAY: Status(504, "timeout_error", "Gateway timed out"),
}
"""Faults that are an error status, without effect or bill."""


def parse(spec: str | None) -> dict[str, float]:
    """Parse shares such as "unreadable=0.03,overloaded=0.05". None or an empty text means no faults.

    Raises SettingsError for an unknown or repeated kind, a share outside 0..1, or a sum of shares above 1.
    """
    shares = parse_shares("--faults", "fault", KINDS, spec)
    for whose, kinds in _EXCLUSIVE.items():
        check_sum("--faults", whose, (shares.get(kind, 0.0) for kind in kinds))
    return shares


def choose(shares: Mapping[str, float], seed: int, text: str, earlier_requests: int) -> Fault | None:
    """The fault of a request, or None. A repeated text draws again, so a retry can succeed."""
    if not shares:
        return None
    drawn = draw(seed, text, earlier_requests)
    for kind, share in shares.items():
        if kind not in list(Fault):
            continue
        if drawn < share:
            return Fault(kind)
        drawn -= share
    return None


def choose_batch_fault(shares: Mapping[str, float], kinds: tuple[BatchFault, ...], *key: object) -> BatchFault | None:
    """The one of `kinds` that the key draws, or None."""
    drawn = draw(*key)
    for kind in kinds:
        if drawn < shares.get(kind, 0.0):
            return kind
        drawn -= shares.get(kind, 0.0)
    return None


def draw(*key: object) -> float:
    """A number in [0, 1) determined by the key."""
    digest = hashlib.blake2b("\0".join(map(str, key)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
