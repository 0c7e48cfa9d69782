"""The workflows of a generated project, run against a double of GitHub."""
