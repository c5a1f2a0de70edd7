"""What joins aoclient to other tools, each behind an extra of its name."""
