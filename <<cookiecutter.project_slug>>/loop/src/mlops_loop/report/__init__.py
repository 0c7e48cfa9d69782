"""The report of a pull request, as Markdown and as a page."""
