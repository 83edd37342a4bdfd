"""The documentation's own code (`docs.making`); the pages are Markdown."""
