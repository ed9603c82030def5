"""Tables, figures and the leaderboard, out of a run's tidy frame."""
