"""Species in photographs, from what they show and where they were taken: thousands of classes."""
