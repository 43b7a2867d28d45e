"""What can go wrong between a name in the catalogue and a verified file on disk."""

from __future__ import annotations


class CatalogueError(Exception):
    """The root of every error that the catalogue raises."""


class UnknownEntry(CatalogueError, LookupError):
    """A name that neither catalogue holds, or a file that its entry does not list."""


class FetchError(CatalogueError):
    """No source of an entry gave its files; the message names each source and its reason."""


class HashMismatch(FetchError):
    """A file is not the one that the catalogue pins; the message holds both SHA-256 hashes."""

    @classmethod
    def of(cls, what: str, *, expected: str, got: str, fix: str) -> HashMismatch:
        """Word a mismatch the same way everywhere.

        Args:
            what: The file or archive, as the reader knows it.
            expected: SHA-256 in the catalogue, hexadecimal.
            got: SHA-256 of the bytes at hand, hexadecimal.
            fix: What the reader can do, as a clause.
        """
        return cls(f"{what} has SHA-256 {got}, the catalogue pins {expected}: refused; {fix}")
