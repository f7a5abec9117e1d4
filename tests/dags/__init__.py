"""The DAGs under a real Airflow: project rules, one process, and the real scheduler."""
