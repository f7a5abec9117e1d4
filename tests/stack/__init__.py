"""The whole stack for real: what the processes report, seen from the servers that people will ask."""
