"""What may go wrong on the way out."""


class ExportError(ValueError):
    """A run cannot be exported as asked; the message says what to do."""
