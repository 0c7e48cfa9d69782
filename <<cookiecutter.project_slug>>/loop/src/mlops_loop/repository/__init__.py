"""The repository on GitHub: what it lacks (`doctor`), and setting that (`harden`)."""
