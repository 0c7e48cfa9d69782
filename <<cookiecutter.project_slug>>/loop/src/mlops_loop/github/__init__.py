"""GitHub's API, and what this project writes there: issues, comments, releases."""
