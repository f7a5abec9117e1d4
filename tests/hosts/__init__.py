"""Airflow on two hosts of one machine, with Celery; and what Kubernetes is given. The marker is `celery`.

The folder is not called so: it would hide the package of that name from whoever runs the tests.
"""
