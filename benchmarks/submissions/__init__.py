"""Submissions: results that others measured, as one file, and what is checked before they count."""
