"""The command line, `execo-g5k`: one module for each of its commands."""
