"""Scripts that commands run as users would."""
