"""The DAGs under a real Airflow: house rules, one process, and live under the real scheduler."""
