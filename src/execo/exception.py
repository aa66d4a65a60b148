"""The errors, under the name by which scripts reach them."""

from execo.errors import ActionsFailed, ConfigError, Error, ProcessesFailed, TimedOut

__all__ = ["ActionsFailed", "ConfigError", "Error", "ProcessesFailed", "TimedOut"]
