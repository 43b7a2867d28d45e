"""Out of effkit: one run as a table, as LaTeX, as a model card, or as a run of MLflow. Reads records and nothing else.

Every number that leaves says how it came to be: measured, counted or modelled.
"""

from effkit.export.errors import ExportError
from effkit.export.formats import FORMATS, export

__all__ = ["FORMATS", "ExportError", "export"]
