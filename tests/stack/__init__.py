"""The real servers of the stack: what they show of the telemetry that the processes export."""
