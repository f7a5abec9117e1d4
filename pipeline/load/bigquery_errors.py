"""Translates Google's errors into ours: one line that says what to do and quotes no row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions as google
from google.auth.exceptions import GoogleAuthError, TransportError

from pipeline.errors import SettingsError, TransientError


@contextmanager
def errors_while_opening(name: str, project: str, dataset: str) -> Iterator[None]:
    """Translate errors while the warehouse is opened: a missing dataset is a wrong setting."""
    try:
        with _errors_of_google(name, project):
            yield
    except google.NotFound as error:
        raise SettingsError(
            f"WAREHOUSE: there is no dataset {dataset} in {project}, or not for these credentials: "
            f"`bq mk --location=EU {project}:{dataset}` makes one"
        ) from error


@contextmanager
def errors_while_loading(name: str, project: str) -> Iterator[None]:
    """Translate errors after opening: a missing table has been deleted meanwhile, and opening creates it again."""
    try:
        with _errors_of_google(name, project):
            yield
    except google.NotFound as error:
        raise TransientError(f"{name}: a table has gone meanwhile; the same command makes it anew") from error


@contextmanager
def _errors_of_google(name: str, project: str) -> Iterator[None]:
    """Translate all errors but NotFound, whose meaning depends on the caller."""
    try:
        yield
    # before GoogleAuthError, its base class: no connection to the sign-in server says nothing about the credentials
    except TransportError as error:
        raise TransientError(
            f"{name}: Google's sign-in does not answer; try later, the same command goes on"
        ) from error
    except GoogleAuthError as error:
        raise SettingsError(
            "WAREHOUSE: Google finds no credentials that work: `gcloud auth application-default login`, or "
            "GOOGLE_APPLICATION_CREDENTIALS=key.json, or the key's file as config/google.json"
        ) from error
    except google.Forbidden as error:
        raise _forbidden(project, error) from error
    except google.NotFound:
        raise
    except google.BadRequest as error:
        # any other 400, such as a concurrent update, may succeed later
        if _reason(error) in ("invalid", "invalidQuery"):
            raise SettingsError(f"{name}: BigQuery refuses the table's SQL or shape ({_reason(error)})") from error
        raise TransientError(f"{name}: {_reason(error)}; try later, the same command goes on") from error
    except (google.GoogleAPICallError, google.RetryError, OSError, TimeoutError) as error:
        raise TransientError(f"{name}: {_reason(error)}; try later, the same command goes on") from error


def _forbidden(project: str, error: google.Forbidden) -> SettingsError | TransientError:
    # BigQuery answers 403 for quotas too, which pass by themselves
    reasons = {one.get("reason") for one in error.errors or []}
    if reasons & {"quotaExceeded", "rateLimitExceeded"}:
        return TransientError(
            f"BigQuery: the quota of project {project} is used up; try later, the same command goes on"
        )
    if "billingNotEnabled" in reasons or "billing" in str(error).lower():
        return SettingsError(
            f"WAREHOUSE: project {project} has no billing, and BigQuery then refuses MERGE; enable billing for it"
        )
    return SettingsError(
        f"WAREHOUSE: these credentials may not load into {project}: they need the roles BigQuery Job User on the "
        "project and BigQuery Data Editor on the dataset"
    )


def _reason(error: Exception) -> str:
    """Google's reason code, or the error's class. Never the message, which may quote a row."""
    reasons = [str(one.get("reason")) for one in getattr(error, "errors", None) or [] if isinstance(one, dict)]
    return reasons[0] if reasons else type(error).__name__
