"""Where it fails: pure functions of where points lie, what is true there and what was predicted."""
