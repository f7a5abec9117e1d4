"""The programs of the measurements that docs/ quotes; no test asserts a time."""
