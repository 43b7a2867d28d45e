"""Reading records of every schema version: old ones are brought up to date one version at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from effkit.record import SCHEMA_VERSION, Record


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Version 2 only adds fields, and what an old run did not look at stays unknown."""
    return raw


def _from_2(raw: dict[str, Any]) -> dict[str, Any]:
    """Version 3 only adds fields: of an older run no other margin than its own is known."""
    return raw


MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}
"""From each old version, a function that turns its raw record into the next version's."""


class SchemaError(ValueError):
    """A record cannot be read by this version of effkit."""


def migrate(raw: dict[str, Any]) -> dict[str, Any]:
    """Bring a raw record up to `SCHEMA_VERSION`, one version at a time.

    Raises:
        SchemaError: when the record is newer than this effkit, or has no version.
    """
    version = raw.get("schema_version")
    if not isinstance(version, int):
        raise SchemaError("This file has no `schema_version`: it is not an effkit record.")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"This record has schema {version}, and this effkit reads up to {SCHEMA_VERSION}: update effkit."
        )
    if version not in MIGRATIONS and version != SCHEMA_VERSION:
        raise SchemaError(f"There is no schema {version}: this is not an effkit record.")
    while version < SCHEMA_VERSION:
        raw = MIGRATIONS[version](dict(raw))
        version += 1
        raw["schema_version"] = version
    return raw


def read_record(text: str | bytes) -> Record:
    """Parse a record of any schema version.

    Raises:
        SchemaError: when it is newer than this effkit, or not a record.
        pydantic.ValidationError: when a field is wrong.
    """
    with suppress(ValidationError):  # most are of this version, and pydantic reads JSON in half the time by itself
        found = Record.model_validate_json(text)
        if found.schema_version == SCHEMA_VERSION and "schema_version" in found.model_fields_set:
            return found
    raw = json.loads(text)
    if not isinstance(raw, dict):
        raise SchemaError("This file holds no mapping: it is not an effkit record.")
    return Record.model_validate(migrate(raw))
