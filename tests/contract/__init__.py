"""One list of cases for the real OAR and for the sandbox, and what the real one answers."""
