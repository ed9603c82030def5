"""Leaderboard as a static site: HTML pages that open from disk and ask no server for anything."""
