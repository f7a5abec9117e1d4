"""docker-compose.yml: checks of the file, and the whole installation on stand-in images."""
