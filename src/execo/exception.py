"""The errors, under the name by which scripts reach them."""

from execo.errors import ActionsFailed, Error, ProcessesFailed

__all__ = ["ActionsFailed", "Error", "ProcessesFailed"]
