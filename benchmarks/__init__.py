"""What is measured rather than tested: heavy, and rerun by hand."""
