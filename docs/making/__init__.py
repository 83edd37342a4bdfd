"""The making of the site: pages and pictures that come from code. See hooks.py."""
