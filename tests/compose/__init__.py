"""docker-compose.yml: what its text promises, and the whole installation started for real on stand-in images."""
