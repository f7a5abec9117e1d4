"""Measurements that docs/ quotes, as programs that anybody can run again; no test asserts a time."""
