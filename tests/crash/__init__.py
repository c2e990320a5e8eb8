"""Real processes and a real kill -9: see docs/developer-guide.md, "Crash tests"."""
