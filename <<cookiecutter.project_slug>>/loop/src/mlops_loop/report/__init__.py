"""What a reviewer reads of a pull request, and what is remembered of it after the merge."""
